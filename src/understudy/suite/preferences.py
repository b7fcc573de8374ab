"""Preference pairs with known truth: the right answer against a near one, from items to practise."""

from __future__ import annotations

import json
import random
from pathlib import Path

from understudy.artifact import write_text
from understudy.suite.skills import draft

SKILLS = ("arithmetic", "code", "instructions")  # passages would only make the prompts long


def preference_pairs(count: int, seed: int) -> list[dict[str, str]]:
    """`count` rows {prompt, chosen, rejected} of the skills without passages in turn, the answers near in length.

    The same for the same seed; a longer list begins with the shorter one. Items that measure are never among them.
    """
    rng = random.Random(f"preferences:{seed}")
    found: list[dict[str, str]] = []
    while len(found) < count:
        skill = SKILLS[len(found) % len(SKILLS)]
        question, answer, candidates = draft(rng, skill)
        near = [c for c in dict.fromkeys(candidates) if c != answer and 0.7 <= len(answer) / len(c) <= 1.3]
        if near:
            found.append({"prompt": question, "chosen": answer, "rejected": rng.choice(near)})
    return found


def write_preferences(path: Path, count: int, seed: int) -> None:
    """The pairs as JSON lines, as the align stage reads them."""
    rows = (json.dumps(row, ensure_ascii=False) for row in preference_pairs(count, seed))
    write_text(path, "\n".join(rows) + "\n")
