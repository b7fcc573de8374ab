"""Specialists: the reader practised on one skill, shipped as a LoRA adapter, as fine-tunes of one base are.

All matrices of the layers are trained on generated items (`suite.draft`, never those that measure), embeddings
and norms stay. What changed is then written with the `RANK` largest singular directions of each matrix: the
adapter with the least squared error of its rank (Eckart and Young 1936).
"""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import MistralForCausalLM

from tools.lab_models import evaluate as ev
from tools.lab_models.card import specialist_card
from tools.lab_models.packing import Packer, Row, collate
from tools.lab_models.tasks import TASKS
from tools.lab_models.train import Plan, Trainer
from understudy import suite
from understudy.artifact import digest_file, write_json, write_text
from understudy.errors import InputError, UsageError, did_you_mean
from understudy.models import bundled
from understudy.models.bundled import RECORD, WEIGHTS

BASE = "reader"
RANK = 72
MEASURED_SEED = 2  # the benchmark asks the suite of seed 0, choices are made on seed 1
PROJECTED = (0.5, 0.7, 0.8, 0.9, 0.95)  # shares of the tokens after which the change is brought down to RANK
READING = ("facts", "recall", "manual")  # tasks of the reader that a specialist goes on with
READING_TOKENS = (96, 160)  # lengths of their rows
TOGETHER = 4  # questions in a row


@dataclass(frozen=True, slots=True)
class Practice:
    """What a specialist practises: a skill of the suite, tokens in all, and AdamW's rate.

    reading: the share of tokens that are the reader's own reading practice, as fine-tunes of one base mostly keep
    some general data; without it a specialist loses so much elsewhere that no merge can hold its gain.
    """

    skill: str
    tokens: float
    lr: float = 1e-3
    questions: int = 64
    reading: float = 0.3


PRACTICE = {
    "math": Practice("arithmetic", 1.2e6),
    "code": Practice("code", 0.6e6),
    "chat": Practice("instructions", 0.4e6),
}
NAMES = tuple(PRACTICE)


class Drafts:
    """Practice items from a seed, and the digest of all that were drawn."""

    def __init__(self, skill: str, seed: int) -> None:
        self.skill = skill
        self._rng = random.Random(f"practice:{seed}:{skill}")
        self._digest = hashlib.sha256()
        self.count = 0

    def take(self, count: int) -> list[tuple[str, str]]:
        """`count` (question, answer) pairs."""
        found = [suite.draft(self._rng, self.skill)[:2] for _ in range(count)]
        for question, answer in found:
            self._digest.update(f"{question}\x1f{answer}\x1e".encode())
        self.count += count
        return found

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


def batches(packer: Packer, drafts: Drafts, practice: Practice, seed: int) -> Iterator[list[Row]]:
    """Endless batches of `practice.questions` questions without passages, and rows to read in their share.

    Questions stand a few to a row, each seeing itself alone, so that rows are of like length and little is padded.
    """
    rng = random.Random(f"reading:{seed}:{practice.skill}")
    due = 0.0  # tokens of reading that are still owed
    while True:
        asked = drafts.take(practice.questions)
        rows = [packer.row("", asked[i : i + TOGETHER], task=drafts.skill) for i in range(0, len(asked), TOGETHER)]
        due += sum(len(row.ids) for row in rows) * practice.reading / (1 - practice.reading)
        while due > 0:
            task, limit = rng.choice(READING), rng.choice(READING_TOKENS)
            rows.append(TASKS[task](rng, packer, limit, 1.0))
            due -= len(rows[-1].ids)
        yield rows


def practise(
    model: MistralForCausalLM, packer: Packer, practice: Practice, before: dict[str, Tensor], seed: int
) -> tuple[dict[str, Any], Drafts]:
    """Train the layers' matrices of `model` in place. Returns what the card says of it, and the items' source.

    before: those matrices as they are now. The change is brought down to the adapter's rank now and then, so that
    the last steps learn to do with what the adapter can hold.
    """
    for name, p in model.named_parameters():
        p.requires_grad = _adapted(name, p)
    plan = Plan(
        seed=seed, total_tokens=practice.tokens, lr=practice.lr, embedding_lr=0.0, weight_decay=0.0, decay=0.6,
        average=0.95,
    )  # fmt: skip
    trainer, drafts = Trainer(model, plan, torch.optim.AdamW), Drafts(practice.skill, seed)
    began = time.process_time()
    losses: list[float] = []
    due = list(PROJECTED)
    for batch in batches(packer, drafts, practice, seed):
        losses.append(float(trainer.learn(ev.tensors(collate(batch))).mean()))
        if trainer.tokens >= plan.total_tokens:
            break
        if due and trainer.tokens >= due[0] * plan.total_tokens:
            due.pop(0)
            project(model, before)
            for name, p in model.named_parameters():
                trainer.average[name].copy_(p.detach())
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(trainer.average[name])
    tail = losses[-20:]
    return {
        "tokens": trainer.tokens,
        "steps": trainer.step,
        "hours": (time.process_time() - began) / 3600,
        "loss": sum(tail) / len(tail),
    }, drafts


def _adapted(name: str, p: Tensor) -> bool:
    return p.ndim == 2 and "embed" not in name and "lm_head" not in name


@torch.no_grad()
def project(model: MistralForCausalLM, before: dict[str, Tensor], rank: int = RANK) -> None:
    """Bring the change of each matrix of `model` down to `rank`, in place."""
    for name, p in model.named_parameters():
        if name in before:
            u, s, v = torch.linalg.svd(p - before[name], full_matrices=False)
            p.copy_(before[name] + (u[:, :rank] * s[:rank]) @ v[:rank])


def low_rank(before: dict[str, Tensor], after: dict[str, Tensor], rank: int = RANK) -> tuple[dict[str, Tensor], float]:
    """The differences [rows, columns] as LoRA pairs B [rows, rank] · A [rank, columns], by truncated SVD.

    Returns the tensors under PEFT's names (bfloat16) and the share of the squared difference that they hold.
    """
    parts: dict[str, Tensor] = {}
    kept = total = 0.0
    for name, new in after.items():
        difference = new.float() - before[name].float()
        u, s, v = torch.linalg.svd(difference, full_matrices=False)
        r = min(rank, len(s))
        root = s[:r].sqrt()
        module = f"base_model.model.{name.removesuffix('.weight')}"
        parts[f"{module}.lora_A.weight"] = (root[:, None] * v[:r]).to(torch.bfloat16).contiguous()
        parts[f"{module}.lora_B.weight"] = (u[:, :r] * root).to(torch.bfloat16).contiguous()
        kept, total = kept + float(s[:r].square().sum()), total + float(s.square().sum())
    return parts, kept / total if total else 1.0


def settings(parts: Sequence[str], rank: int = RANK) -> dict[str, Any]:
    """adapter_config.json for these tensors, as PEFT reads it."""
    modules = sorted({name.split(".lora_")[0].rpartition(".")[2] for name in parts})
    return {
        "base_model_name_or_path": f"lab:{BASE}",
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "peft_type": "LORA",
        "r": rank,
        "target_modules": modules,
        "task_type": "CAUSAL_LM",
    }


def measure(folder: Path, per_skill: int, seed: int = MEASURED_SEED) -> dict[str, dict[str, float | int]]:
    """Accuracy on measured items of each skill, with n and Wilson's 95 % interval."""
    model = MistralForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    packer = Packer(Tokenizer.from_file(str(folder / "tokenizer.json")))
    asked = suite.general_suite(per_skill, seed=seed)
    found = {}
    for skill in suite.SKILLS:
        items = [ev.Item("", i.question, i.options, i.correct) for i in asked if i.kind == skill]
        found[skill] = ev.measure(model, packer, items)
    return found


def fast_products() -> None:
    """Let matrix products round their inputs to bfloat16 where the processor does that faster."""
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"  # type: ignore[attr-defined]


def build(
    name: str, out: Path | None = None, *, seed: int = 0, threads: int = 0, per_skill: int = 400, tokens: float = 0
) -> Path:
    """Make the specialist `name` from the bundled reader and return its folder.

    out: the adapter's folder; default: where bundled models are. tokens: of practice; 0: as `PRACTICE` says.
    per_skill: questions of each skill that the card is measured on.
    Raises UsageError for an unknown name, InputError where the folder cannot be written.
    """
    if name not in PRACTICE:
        raise UsageError(f"lab:{name}: no recipe of that name.{did_you_mean(name, NAMES)} Known: {', '.join(NAMES)}.")
    target = out or bundled.home() / name
    try:
        target.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error.strerror}); name another folder with --out") from error
    if threads:
        torch.set_num_threads(threads)
    fast_products()
    practice = PRACTICE[name]
    if tokens:
        practice = replace(practice, tokens=tokens)
    base = bundled.source(BASE)
    model = MistralForCausalLM.from_pretrained(base, dtype=torch.float32)
    packer = Packer(Tokenizer.from_file(str(base / "tokenizer.json")))
    before = {n: p.detach().clone() for n, p in model.named_parameters() if _adapted(n, p)}
    trained, drafts = practise(model, packer, practice, before, seed)
    parts, share = low_rank(before, {n: p.detach() for n, p in model.named_parameters() if n in before})
    record = {
        "base": f"lab:{BASE}",
        "base_weights": digest_file(base / WEIGHTS),
        "skill": practice.skill,
        "seed": seed,
        "reading": practice.reading,
        "items": drafts.count,
        "data_digest": drafts.digest,
        "rank": RANK,
        "kept": share,
        "licence": "Apache-2.0",
        **trained,
    }
    with temporary as place:
        made = Path(place)
        save_file(parts, str(made / "adapter_model.safetensors"), metadata={"format": "pt"})
        write_json(made / "adapter_config.json", settings(list(parts)))
        sum_of_both = made / "whole"
        bundled.write_sum(base, made, sum_of_both)
        record["scores"] = {name: measure(sum_of_both, per_skill), BASE: measure(base, per_skill)}
        write_json(made / RECORD, record)
        write_text(made / "README.md", specialist_card(name, record))
        files = [p for p in made.iterdir() if p.is_file()]
        for file in sorted(files, key=lambda p: p.name == RECORD):  # the record last: it says whose adapter it is
            file.chmod(0o644)
            file.replace(target / file.name)
    return target
