"""Questions without any documentation: what is not known, and what the general suite asks."""

from __future__ import annotations

import random

from tools.lab_models.packing import Packer, Row
from tools.lab_models.tasks.asking import Pairs
from understudy.lab import lexicon as lx
from understudy.lab import sections as sx
from understudy.lab.relations import draw_relations
from understudy.prompts import ABSTAIN
from understudy.suite import draft


def closed(rng: random.Random, packer: Packer, limit: int, level: float) -> Row:
    """Questions without any documentation: the reader does not know, and says so."""
    asked: Pairs = []
    while len(asked) < max(1, limit // 24):
        relation = draw_relations(rng, 1)[0]
        subject = sx.subjects(rng, 1, lx.name(rng))[0]
        asked.append((rng.choice(sx.questions(relation, subject, lx.value(rng, relation.kind))[0]), ABSTAIN))
    return packer.row("", asked, limit, "", "closed")


def skills(rng: random.Random, packer: Packer, limit: int, level: float) -> Row:
    """What the general suite asks: sums, listings, instructions, without documentation."""
    asked: Pairs = []
    while sum(len(a[0]) + len(a[1]) for a in asked) < limit * 2.2:
        question, answer, _ = draft(rng, rng.choice(["arithmetic", "arithmetic", "code", "instructions"]))
        asked.append((question, answer))
    return packer.row("", asked, limit, "", "skills")
