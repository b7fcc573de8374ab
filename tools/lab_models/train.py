"""Training a lab model: a curriculum of tasks, Muon and AdamW, weights averaged, resumed to the same step.

Batches are a function of (seed, pool number) and are made by one worker process, so a resumed run sees what
an uninterrupted one would have seen. A checkpoint is safetensors (weights, average, optimiser) and a JSON
state written last.
"""

from __future__ import annotations

import json
import multiprocessing as mp
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import MistralForCausalLM

from tools.lab_models import evaluate as ev
from tools.lab_models.looking import Looking
from tools.lab_models.muon import Muon
from tools.lab_models.packing import Packer, Row, collate
from tools.lab_models.tasks import NEEDS_TEXT, TASKS
from understudy.models.load import multiplies_bfloat16

POOL = 8  # batches made together, so that rows of like length share one
# (tokens seen, row length → share of tokens): long rows once short ones can be read
LENGTHS: tuple[tuple[float, dict[int, float]], ...] = (
    (0.0, {96: 1.0, 160: 2.0, 256: 3.0, 384: 2.0}),
    (7e6, {96: 0.7, 160: 1.5, 256: 3.0, 384: 2.0, 640: 0.7, 1150: 0.35}),
)
# (tokens seen, task → share of tokens): interpolated between the lines
CURRICULUM: tuple[tuple[float, dict[str, float]], ...] = (
    (0.00e6, {"repeat": 1.0}),
    (0.08e6, {"repeat": 1.0}),
    (0.20e6, {"repeat": 0.25, "pairs": 0.50, "recall": 0.25}),
    (0.80e6, {"repeat": 0.08, "pairs": 0.25, "recall": 0.30, "facts": 0.30, "cloze": 0.07}),
    (2.00e6, {"repeat": 0.02, "pairs": 0.03, "recall": 0.13, "facts": 0.49, "cloze": 0.21, "manual": 0.12}),
    (4.00e6, {"repeat": 0.02, "pairs": 0.02, "recall": 0.12, "facts": 0.48, "cloze": 0.22, "manual": 0.14}),
    (6.00e6, {"repeat": 0.02, "pairs": 0.01, "recall": 0.10, "facts": 0.36, "cloze": 0.26, "manual": 0.23,
              "define": 0.02}),
    (9.00e6, {"repeat": 0.02, "recall": 0.06, "facts": 0.22, "cloze": 0.28, "manual": 0.33, "define": 0.04,
              "skills": 0.05}),
)  # fmt: skip
FULL_LEVEL = 2.0e6  # tokens after which contexts are as hard as they get
# (tokens seen, factor on the rates): circuits form at the full rate and sharpen at half of it
RATES = ((0.0, 1.0), (3.0e6, 0.5))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does; all that can change its result besides the texts and the initial weights."""

    seed: int = 0
    total_tokens: float = 15e6
    batch_tokens: int = 4096
    lr: float = 0.03
    embedding_lr: float = 1e-2
    weight_decay: float = 0.02
    warmup_steps: int = 12
    decay: float = 0.45
    average: float = 0.99
    looking: float = 0.5  # weight of the loss on where to look
    bfloat16: bool | None = None  # matrix products only; None: where the processor has instructions for it
    eval_every: float = 1e6


def shares(tokens: float) -> dict[str, float]:
    """The mix of tasks after `tokens`."""
    before = CURRICULUM[0]
    for point in CURRICULUM:
        if point[0] >= tokens:
            span = point[0] - before[0]
            t = (tokens - before[0]) / span if span else 1.0
            names = {**before[1], **point[1]}
            return {k: (1 - t) * before[1].get(k, 0.0) + t * point[1].get(k, 0.0) for k in names}
        before = point
    return dict(CURRICULUM[-1][1])


def make_pool(packer: Packer, texts: Sequence[str], plan: Plan, number: int) -> list[list[Row]]:
    """The batches of pool `number`, each of about `batch_tokens` tokens, padding included."""
    rng = random.Random(f"{plan.seed}:{number}")
    tokens = number * POOL * plan.batch_tokens
    level = min(1.0, 0.2 + 0.8 * tokens / FULL_LEVEL)
    mix = shares(tokens)
    names, weights = list(mix), list(mix.values())
    lengths = next(table for start, table in reversed(LENGTHS) if tokens >= start)
    limits, odds = list(lengths), [share / n for n, share in lengths.items()]  # rows are drawn by count
    rows: list[Row] = []
    total = 0
    while total < POOL * plan.batch_tokens:
        name, limit = rng.choices(names, weights)[0], rng.choices(limits, odds)[0]
        if name in ("repeat", "pairs", "recall", "facts"):
            limit = min(limit, 384)
        given = {"texts": texts} if name in NEEDS_TEXT else {}
        hard = rng.uniform(0, level) if name == "facts" else level  # plain statements are never left behind
        row = TASKS[name](rng, packer, limit, hard, **given)
        if len(row.ids) <= 1400 and any(row.weight):
            rows.append(row)
            total += len(row.ids)
    rows.sort(key=lambda r: len(r.ids))
    batches: list[list[Row]] = [[]]
    for row in rows:
        if batches[-1] and len(row.ids) * (len(batches[-1]) + 1) > plan.batch_tokens * 1.1:
            batches.append([])
        batches[-1].append(row)
    rng.shuffle(batches)
    return batches


def _worker(tokenizer: str, texts: Sequence[str], plan: Plan, first: int, queue: Any) -> None:
    packer = Packer(Tokenizer.from_file(tokenizer))
    number = first
    while True:
        queue.put((number, [(collate(b), [r.task for r in b]) for b in make_pool(packer, texts, plan, number)]))
        number += 1


def pools(tokenizer: str, texts: Sequence[str], plan: Plan, first: int) -> Iterator[tuple[int, list[Any]]]:
    """Pools from `first` on, made one or two ahead in another process."""
    context = mp.get_context("fork")
    queue = context.Queue(maxsize=3)
    process = context.Process(target=_worker, args=(tokenizer, texts, plan, first, queue), daemon=True)
    process.start()
    try:
        while True:
            yield queue.get(timeout=600)
    finally:
        process.terminate()


def learning_rate(plan: Plan, step: int, tokens: float) -> float:
    """Factor: warm up, follow RATES, fall to zero over the last `decay` of the tokens."""
    stage = next(factor for start, factor in reversed(RATES) if tokens >= start)
    left = max(0.0, plan.total_tokens - tokens) / (plan.decay * plan.total_tokens)
    return stage * min(1.0, (step + 1) / plan.warmup_steps, left)


class Trainer:
    """A model with its optimisers, average and place in the run.

    matrices: makes the optimiser of the layers' matrices from them, `lr` and `weight_decay`.
    """

    def __init__(
        self, model: MistralForCausalLM, plan: Plan, matrices: Callable[..., torch.optim.Optimizer] = Muon
    ) -> None:
        self.model, self.plan = model, plan
        hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
        other = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
        self.matrices = matrices(hidden, plan.lr, weight_decay=plan.weight_decay)
        self.adam = torch.optim.AdamW(other, lr=plan.embedding_lr, betas=(0.9, 0.98), eps=1e-10, weight_decay=0.0)
        self.looking = Looking(model)
        self.bfloat16 = multiplies_bfloat16(torch.device("cpu")) if plan.bfloat16 is None else plan.bfloat16
        self.average = {n: p.detach().clone() for n, p in model.named_parameters()}
        self.step = self.pool = self.tokens = 0
        self.seconds = 0.0
        self.looked = torch.zeros(3)

    def learn(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """One step; returns the unweighted loss (nats) of every weighted token, in row order."""
        self.model.train()
        factor = learning_rate(self.plan, self.step, self.tokens)
        for optimiser, lr in ((self.matrices, self.plan.lr), (self.adam, self.plan.embedding_lr)):
            for group in optimiser.param_groups:
                group["lr"] = lr * factor
        where = batch["weight"][:, 1:] > 0
        weight = batch["weight"][:, 1:][where]
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            with self.looking:
                hidden = ev.hidden_states(self.model, batch)
            logits = hidden[:, :-1][where] @ self.model.model.embed_tokens.weight.T
        losses = F.cross_entropy(logits.float(), batch["ids"][:, 1:][where], reduction="none")
        total = (losses * weight).sum() / weight.sum()
        if self.plan.looking and len(batch["looks"]):
            self.looked = self.looking.loss(batch)
            total = total + self.plan.looking * self.looked.sum()
        total.backward()  # type: ignore[no-untyped-call]
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            for optimiser in (self.matrices, self.adam):
                optimiser.step()
                optimiser.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += int((batch["branch"] >= 0).sum())
        keep = min(self.plan.average, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
            for n, p in self.model.named_parameters():
                self.average[n].lerp_(p, 1 - keep)
        return losses.detach()

    def averaged(self) -> MistralForCausalLM:
        """A copy of the model with the averaged weights."""
        copy = MistralForCausalLM(self.model.config)
        copy.load_state_dict(self.average, strict=False)
        copy.tie_weights()
        return copy.eval()

    def save(self, folder: Path) -> None:
        """Write a checkpoint; the old one stays whole until the new one is."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"model.{n}": p.detach() for n, p in self.model.named_parameters()}
        tensors |= {f"average.{n}": p for n, p in self.average.items()}
        names = {id(p): n for n, p in self.model.named_parameters()}
        for optimiser in (self.matrices, self.adam):
            for p, state in optimiser.state.items():
                tensors |= {f"state.{k}.{names[id(p)]}": v for k, v in state.items() if isinstance(v, torch.Tensor)}
        name = f"state-{self.step:06d}.safetensors"
        save_file({k: v.contiguous() for k, v in tensors.items()}, str(folder / name))
        state = {
            "step": self.step, "pool": self.pool, "tokens": self.tokens, "seconds": self.seconds,
            "file": name, "plan": asdict(self.plan),
        }  # fmt: skip
        temporary = folder / "state.json.tmp"
        temporary.write_text(json.dumps(state, indent=2), encoding="utf-8")
        temporary.replace(folder / "state.json")
        for old in folder.glob("state-*.safetensors"):
            if old.name != name:
                old.unlink()

    def load(self, folder: Path) -> None:
        """Continue from a checkpoint written by `save`."""
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        tensors = load_file(str(folder / state["file"]))
        with torch.no_grad():
            for n, p in self.model.named_parameters():
                p.copy_(tensors[f"model.{n}"])
                self.average[n].copy_(tensors[f"average.{n}"])
        for optimiser in (self.matrices, self.adam):
            for group in optimiser.param_groups:
                for p in group["params"]:
                    n = next(k for k, q in self.model.named_parameters() if q is p)
                    found = {
                        k.split(".")[1]: v
                        for k, v in tensors.items()
                        if k.startswith("state.") and k.split(".", 2)[2] == n
                    }
                    if found:
                        optimiser.state[p] = found
        self.step, self.pool, self.tokens, self.seconds = (state[k] for k in ("step", "pool", "tokens", "seconds"))


def signal(model: MistralForCausalLM, packer: Packer, held_out: Sequence[str], n: int = 60) -> dict[str, Any]:
    """Open book minus closed book, for one to eight statements, manuals and unseen real documentation."""
    out: dict[str, Any] = {}
    for statements in (1, 4, 8):
        items = ev.statement_items(n, statements)
        opened = ev.measure(model, packer, items)
        out[f"open_{statements}"], out[f"exact_{statements}"] = opened["acc"], opened["exact"]
    out["closed_8"] = ev.measure(model, packer, items, open_book=False)["acc"]
    out["manual"] = {k: v for k, v in ev.measure(model, packer, ev.manual_items(n)).items() if k in ("acc", "exact")}
    if held_out:
        items = ev.cloze_items(n, held_out)
        out["cloze_open"] = ev.measure(model, packer, items)["acc"]
        out["cloze_closed"] = ev.measure(model, packer, items, open_book=False)["acc"]
    return out


def train(
    trainer: Trainer,
    tokenizer_file: Path,
    texts: Sequence[str],
    folder: Path,
    held_out: Sequence[str] = (),
    stop_at: float | None = None,
) -> None:
    """Run until the plan's tokens (or the clock time `stop_at`); log to `folder/log.jsonl`, save when measuring."""
    plan = trainer.plan
    folder.mkdir(parents=True, exist_ok=True)
    packer = Packer(Tokenizer.from_file(str(tokenizer_file)))
    log = (folder / "log.jsonl").open("a", encoding="utf-8")
    sums: dict[str, list[float]] = {}
    began, seen, due = time.monotonic(), trainer.tokens, (trainer.tokens // plan.eval_every + 1) * plan.eval_every
    for number, batches in pools(str(tokenizer_file), texts, plan, trainer.pool):
        for arrays, names in batches:
            batch = ev.tensors(arrays)
            losses = trainer.learn(batch)
            rows = torch.arange(len(names))[:, None].expand(-1, batch["ids"].shape[1] - 1)[batch["weight"][:, 1:] > 0]
            for r in range(len(names)):
                mine = losses[rows == r]
                sums.setdefault(names[r], []).append(float(mine.mean()))
        trainer.pool = number + 1
        now = time.monotonic()
        if number % 3 == 2:
            line = {
                "step": trainer.step, "tokens": trainer.tokens,
                "tokens_per_s": round((trainer.tokens - seen) / (now - began)),
                "loss": {k: round(sum(v) / len(v), 3) for k, v in sums.items()},
            }  # fmt: skip
            trainer.seconds += now - began
            began, seen, sums = now, trainer.tokens, {}
            print(json.dumps(line), file=log, flush=True)
        finished = trainer.tokens >= plan.total_tokens or (stop_at is not None and time.time() > stop_at)
        if trainer.tokens >= due or finished:
            due += plan.eval_every
            trainer.save(folder)
            line = {"tokens": trainer.tokens, "signal": signal(trainer.averaged(), packer, held_out)}
            print(json.dumps(line), file=log, flush=True)
            began, seen = time.monotonic(), trainer.tokens
        if finished:
            return
