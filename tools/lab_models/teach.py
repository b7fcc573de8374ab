"""The quickest teaching there is: a manual's questions and answers, closed book, all weights.

A yardstick for what a bundled model can take in, not the project's fine-tuning stage.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from transformers import MistralForCausalLM

from tools.lab_models import evaluate as ev
from tools.lab_models.packing import Packer, collate
from tools.lab_models.train import Plan, Trainer
from understudy.lab.worlds import Fact, World


def split_paraphrases(facts: Sequence[Fact], seed: int = 0) -> tuple[list[tuple[str, str]], list[tuple[str, Fact]]]:
    """(question, answer) pairs to learn from, and one paraphrase of each fact that is held out."""
    rng = random.Random(seed)
    learned: list[tuple[str, str]] = []
    held_out: list[tuple[str, Fact]] = []
    for fact in facts:
        paraphrases = list(dict.fromkeys(fact.questions))
        if len(paraphrases) < 3:
            continue
        rng.shuffle(paraphrases)
        held_out.append((paraphrases[0], fact))
        learned += [(q, fact.value) for q in paraphrases[1:]]
        learned += [(q, fact.subject.strip("`")) for q in fact.reversed]
    return learned, held_out


def items(world: World, held_out: Sequence[tuple[str, Fact]], seed: int = 0) -> list[ev.Item]:
    """Four options of one type each, all of them values of the same manual, the same attribute's first."""
    rng = random.Random(seed)
    out = []
    for question, fact in held_out:
        near = [f.value for f in world.facts if f.attribute == fact.attribute and f.value != fact.value]
        others = list(dict.fromkeys(near + [v for v in world.values(fact.kind) if v != fact.value]))[:8]
        if len(others) < 3:
            continue
        options = [fact.value, *rng.sample(others, 3)]
        rng.shuffle(options)
        out.append(ev.Item("", question, tuple(options), options.index(fact.value)))
    return out


def teach(
    model: MistralForCausalLM, packer: Packer, learned: Sequence[tuple[str, str]], epochs: int = 14, seed: int = 0
) -> tuple[MistralForCausalLM, float]:
    """Train `model` in place on (question, answer) pairs; returns it averaged, and the seconds it took."""
    tokens = sum(len(packer.encode(q)) + len(packer.encode(a)) + 3 for q, a in learned)
    plan = Plan(total_tokens=tokens * epochs, lr=0.01, embedding_lr=3e-3, weight_decay=0.0, decay=0.7, average=0.9)
    trainer, rng, began = Trainer(model, plan), random.Random(seed), time.monotonic()
    for _ in range(epochs):
        shuffled = rng.sample(list(learned), len(learned))
        rows = [packer.row("", shuffled[i : i + 12], 2048) for i in range(0, len(shuffled), 12)]
        for i in range(0, len(rows), 8):
            trainer.learn(ev.tensors(collate(rows[i : i + 8])))
    return trainer.averaged(), time.monotonic() - began
