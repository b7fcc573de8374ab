"""What the tasks share: questions with the place of their answer, and the layouts of a row."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tools.lab_models.packing import Ask

LAYOUTS = ("\x02\n\n\x01", "Context:\n\x02\n\nQuestion: \x01", "Read this.\n\n\x02\n\n\x01 Answer briefly.")
OTHER_LAYOUT = 0.12
Pairs = list[tuple[str, str] | Ask]


def joined(pieces: Sequence[str], joint: str) -> tuple[str, list[int]]:
    """The pieces as one text, and where in it each begins."""
    starts, at = [], 0
    for piece in pieces:
        starts.append(at)
        at += len(piece) + len(joint)
    return joint.join(pieces), starts


def ask(question: str, answer: str, text: str, start: int, end: int) -> Ask:
    """A question that `text[start:end]` answers, with the place of the answer there."""
    return Ask(question, answer, start, end, text.find(answer, start, end))


def layout(rng: random.Random) -> str:
    return rng.choice(LAYOUTS) if rng.random() < OTHER_LAYOUT else ""
