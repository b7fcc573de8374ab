"""Making a lab model from nothing: documentation → tokenizer → curriculum → model folder with its card.

Each step leaves its result in the work folder; the same call goes on where the last one stopped, and a
larger `total_tokens` trains an ended run further.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from tools.lab_models import bundle, corpus, init
from tools.lab_models import evaluate as ev
from tools.lab_models import tokenizer as tk
from tools.lab_models.card import card
from tools.lab_models.packing import Packer
from tools.lab_models.train import Plan, Trainer, train
from understudy.errors import InputError, UsageError
from understudy.lab.worlds import make_world
from understudy.prompts import ABSTAIN
from understudy.suite import general_suite

NAMES = ("reader",)
TOKENIZER_CHARS = 9_000_000
TOKENIZER_WORLDS = 300
MAX_CHARS = 3_000_000  # of each package


def tokenizer_texts(sources: list[corpus.Source]) -> list[str]:
    """What the tokenizer is trained on: documentation, generated manuals, and the prompts' own words."""
    shuffled = sources.copy()
    random.Random(0).shuffle(shuffled)
    texts: list[str] = []
    total = 0
    for source in shuffled:
        texts.append(source.text[:20_000])
        total += len(texts[-1])
        if total > TOKENIZER_CHARS:
            break
    for i in range(TOKENIZER_WORLDS):
        world = make_world(1_000_000 + i)
        texts += world.documents.values()
        texts += [q for fact in world.facts[:40] for q in fact.questions[:2]]
    prompt = "\n\nDocumentation:\n\nQuestion: Answer with the letter. Complete the sentence:"
    return texts + [ABSTAIN + prompt] * 3000


def ensure_tokenizer(sources: list[corpus.Source], folder: Path) -> Tokenizer:
    """The tokenizer in `folder`, trained there first if it is missing."""
    file = folder / "tokenizer.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        tk.save(tk.train(tokenizer_texts(sources)), folder, 2048)
    return Tokenizer.from_file(str(file))


def scores(trainer: Trainer, tokenizer: Tokenizer, held_out: list[corpus.Source], n: int = 300) -> dict[str, Any]:
    """The measurements of the model card, on what was never trained on; each with n and its interval."""
    model, packer = trainer.model.eval(), Packer(tokenizer)
    out: dict[str, Any] = {}
    for lines in (4, 8):
        out[f"{lines} lines `key: value`, open book"] = ev.measure(model, packer, ev.line_items(n, lines, seed=1))
    for statements in (1, 4, 6, 8):
        items = ev.statement_items(n, statements, seed=1)
        out[f"{statements} statements, open book"] = ev.measure(model, packer, items)
    out["8 statements, closed book"] = ev.measure(model, packer, items, open_book=False)
    unpractised = ev.manual_items(n, seed=1, templates=ev.UNPRACTISED)
    out["generated manuals, wordings never practised, open book"] = ev.measure(model, packer, unpractised)
    items = ev.manual_items(n, seed=1)
    out["generated manuals, open book"] = ev.measure(model, packer, items)
    out["generated manuals, closed book"] = ev.measure(model, packer, items, open_book=False)
    for package in corpus.HELD_OUT:
        texts = [s.text for s in held_out if s.package == package]
        if texts:
            items = ev.cloze_items(n, texts, seed=1)
            out[f"{package}, open book"] = ev.measure(model, packer, items)
            out[f"{package}, closed book"] = ev.measure(model, packer, items, open_book=False)
    suite = general_suite(n // 2, seed=1)
    for skill in dict.fromkeys(i.kind for i in suite):
        items = [ev.Item("", i.question, i.options, i.correct) for i in suite if i.kind == skill]
        out[f"general suite, {skill}"] = ev.measure(model, packer, items)
    return out


def build(
    name: str,
    packages: Path,
    work: Path,
    out: Path | None = None,
    total_tokens: float = Plan().total_tokens,
    threads: int = 0,
    **changes: Any,
) -> Path:
    """Train the model `name` and return its folder.

    packages: folder of extracted documentation packages (`corpus.TRAIN`, and `corpus.HELD_OUT` to measure).
    work: checkpoints, log and tokenizer, in `work/name`; resumed from if they are there.
    out: the model's folder; default `work/name/model`. changes: fields of `Plan`.
    Raises UsageError for an unknown name, InputError where a package is missing.
    """
    if name not in NAMES:
        raise UsageError(f"lab:{name}: no recipe of that name. Known: {', '.join(NAMES)}.")
    if threads:
        torch.set_num_threads(threads)
    folder = work / name
    try:
        sources = corpus.read_packages(packages, corpus.TRAIN, MAX_CHARS)
    except FileNotFoundError as error:
        raise InputError(str(error)) from error
    present = tuple(p for p in corpus.HELD_OUT if (packages / p).is_dir())
    held_out = corpus.read_packages(packages, present, MAX_CHARS) if present else []
    tokenizer = ensure_tokenizer(sources, folder)
    plan = Plan(total_tokens=total_tokens, **changes)
    trainer = Trainer(init.build(tokenizer, plan.seed), plan)
    if (folder / "state.json").exists():
        trainer.load(folder)
    if trainer.tokens < plan.total_tokens:
        train(trainer, folder / "tokenizer.json", [s.text for s in sources], folder, [s.text for s in held_out])
    measured = scores(trainer, tokenizer, held_out)
    record = {"data": {"train": corpus.digest(sources), "held_out": corpus.digest(held_out)}, "scores": measured}
    (folder / "scores.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    target = out or folder / "model"
    bundle.publish(trainer.model, tokenizer, target, card(name, trainer, record))
    return target
