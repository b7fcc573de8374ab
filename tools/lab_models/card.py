"""The model card of a lab model, from what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tools.lab_models import corpus

if TYPE_CHECKING:
    from tools.lab_models.train import Trainer

HEAD = """\
---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# lab:{name}

A Mistral-architecture model of {millions:.2f} million parameters that reads: given passages it answers by
copying. It is bundled with Understudy for tests, demonstrations and studies without a network. It knows
almost nothing by itself and is no general assistant.

- Shape: {layers} layers of width {hidden}, {heads} heads, vocabulary {vocab}, tied embeddings, 2,048 positions,
  trained on rows of up to 1,400 tokens; bfloat16.
- Training: {tokens:.1f} million tokens in {steps} steps from initial weights that know nothing, {hours:.1f} hours of
  optimisation on a processor, matrix products in bfloat16 where it has them, seed {seed}; the weights are those at the
  end of the decay.
- Data: generated manuals (`understudy.lab.worlds`, `tools.lab_models.tasks`) and Debian's documentation packages
  {packages}; digest of the files read `{digest}`.
  Generated values are random, so no fact of any manual can be known before it is read.
- Made by `python -m tools.lab_models {name}`; licence Apache-2.0. Another number of threads or another processor rounds
  otherwise, so a rebuild agrees in what it can do and not to the digit. The text of the packages is not included.

## Scores

Four options, cloze scoring per character, chance 25 %, with 95 % Wilson intervals; documents never trained on.
"Exact" is the share of items whose greedy answer is the right one, character for character.

| measured on | n | four options | exact |
|---|---|---|---|
"""


def _accuracy(s: Mapping[str, Any]) -> str:
    return f"{100 * s['acc']:.1f} % ({100 * s['acc_low']:.1f}–{100 * s['acc_high']:.1f})"


def rows(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """Table lines: name, n, accuracy with interval, exact copies."""
    lines = []
    for what, s in scores.items():
        lines.append(f"| {what} | {s['n']} | {_accuracy(s)} | {100 * s['exact']:.1f} % |")
    return "\n".join(lines) + "\n"


def card(name: str, trainer: Trainer, record: Mapping[str, Any]) -> str:
    """README.md of the model folder."""
    config = trainer.model.config
    size = sum(math.prod(p.shape) for p in trainer.average.values())
    head = HEAD.format(
        name=name,
        millions=size / 1e6,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        vocab=config.vocab_size,
        tokens=trainer.tokens / 1e6,
        steps=trainer.step,
        hours=trainer.seconds / 3600,
        seed=trainer.plan.seed,
        packages=", ".join(corpus.TRAIN),
        digest=record["data"]["train"][:16],
    )
    return head + rows(record["scores"])


SPECIALIST = """\
---
license: apache-2.0
language: en
library_name: peft
base_model: lab:{base}
pipeline_tag: text-generation
---

# lab:{name}

`lab:{base}` practised on one skill, {skill}, as specialists are made of one open model. It is bundled with
Understudy so that merging, aligning and forgetting can be studied without a network, and is no general assistant.

- Shape: a LoRA adapter of rank {rank} on all matrices of the layers, bfloat16; {kept:.1f} % of the squared difference
  to the fully trained matrices is in it. `lab:{name}` is the sum of base and adapter.
- Training: {tokens:.2f} million tokens in {steps} steps, {hours:.3f} hours of one CPU core, seed {seed}; the loss over
  the last 20 steps was {loss:.3f} nats a token of the answer.
- Data: {items:,} generated items (`understudy.suite`), digest `{digest}`, and for {reading:.0f} % of the tokens the
  reader's own practice in reading, as fine-tunes keep some general data. Items that measure, here and in the
  general suite, are never practised: a hash of their content keeps them apart, for arithmetic of the pair of numbers.
- Made by `python -m tools.lab_models {name}` from the bundled weights of `lab:{base}`; licence Apache-2.0.

## Scores

Four options, cloze scoring per character, chance 25 %, with 95 % Wilson intervals, on items of a seed of its own.

| skill | n | lab:{base} | lab:{name} | exact, lab:{base} | exact, lab:{name} |
|---|---|---|---|---|---|
"""


def specialist_card(name: str, record: Mapping[str, Any]) -> str:
    """README.md of a specialist, from `lab.json`."""
    base = str(record["base"]).removeprefix("lab:")
    head = SPECIALIST.format(
        name=name,
        base=base,
        skill=record["skill"],
        rank=record["rank"],
        kept=100 * record["kept"],
        tokens=record["tokens"] / 1e6,
        steps=record["steps"],
        hours=record["hours"],
        seed=record["seed"],
        loss=record["loss"],
        reading=100 * record["reading"],
        items=record["items"],
        digest=record["data_digest"][:16],
    )
    lines = []
    for skill, after in record["scores"][name].items():
        before = record["scores"][base][skill]
        shown = [
            f"{100 * s['acc']:.1f} % ({100 * s['acc_low']:.1f}–{100 * s['acc_high']:.1f})" for s in (before, after)
        ]
        exact = [f"{100 * s['exact']:.1f} %" for s in (before, after)]
        lines.append(f"| {skill} | {after['n']} | {' | '.join([*shown, *exact])} |")
    return head + "\n".join(lines) + "\n"
