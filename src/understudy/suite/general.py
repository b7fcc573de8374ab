"""The general suite, as four-option questions, and practice of the same kinds that it never asks; both seeded.

The forgetting check asks the suite before and after each step of a training.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable

from understudy.suite.skills import SKILLS, Draft, draft
from understudy.types import MCQItem


def as_items(
    rng: random.Random, make: Callable[[random.Random], Draft], skill: str, count: int, name: str
) -> list[MCQItem]:
    """`count` different drafts of one skill as items with four options; `kind` and `doc_id` name the skill."""
    items: list[MCQItem] = []
    seen: set[str] = set()
    while len(seen) < count:
        question, answer, candidates = make(rng)
        wrong = [c for c in dict.fromkeys(candidates) if c != answer]
        if question in seen or len(wrong) < 3:
            continue
        seen.add(question)
        options = [answer, *rng.sample(wrong, 3)]
        rng.shuffle(options)
        items.append(
            MCQItem(
                item_id=f"{name}-{skill}-{len(seen):04d}",
                question=question,
                options=tuple(options),
                correct=options.index(answer),
                doc_id=skill,
                kind=skill,
                source="lab",
            )
        )
    return items


def general_suite(per_skill: int = 100, seed: int = 0) -> list[MCQItem]:
    """`per_skill` items of each skill, all different; `kind` and `doc_id` name the skill."""
    items: list[MCQItem] = []
    for skill in SKILLS:
        make = functools.partial(draft, skill=skill, measured=True)
        items += as_items(random.Random(f"suite:{seed}:{skill}"), make, skill, per_skill, f"suite-{seed}")
    return items


def practice(count: int, seed: int) -> list[tuple[str, str]]:
    """`count` different questions of all skills in turn, with their answers; none is of the part that measures.

    Of the kind that the bundled models were taught with. A longer list begins with the shorter one.
    """
    rng = random.Random(f"practice:{seed}")
    found: dict[str, str] = {}
    for skill in itertools.cycle(SKILLS):
        if len(found) >= count:
            break
        question, answer, _ = draft(rng, skill)
        found[question] = answer
    return list(found.items())
