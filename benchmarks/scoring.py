"""How fast and how equal is option scoring? Understudy and lm_eval on the same model and items, in one run.

Both score the log-likelihood of every option of multiple-choice items after retrieved passages. lm_eval runs in
its own Python, named by UNDERSTUDY_LM_EVAL_PYTHON, with the fastest of several batch sizes; the two take turns,
one thread each, and the median of the turns counts. Items per second are per second of processor time, since
the machine may be busy; `wall` is the ratio by the clock on the wall. Without that Python only ours are printed.

    UNDERSTUDY_LM_EVAL_PYTHON=... python benchmarks/scoring.py [--model lab:reader] [--items 16] [--turns 3]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from understudy.models.resolve import local_folder

SCENARIOS = ((0, 4, 1), (1, 4, 1), (2, 4, 1), (5, 2, 1), (5, 4, 1), (5, 8, 1), (5, 4, 4))
LM_EVAL = """
import json, os, sys, time
import torch
torch.set_num_threads(1)
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
lm = None
for line in sys.stdin:
    request = json.loads(line)
    if lm is None:
        lm = HFLM(pretrained=request["model"], device="cpu", dtype="float32", batch_size=1)
    lm.batch_size_per_gpu = request["batch_size"]
    pairs = [(c, o) for c, options in zip(request["contexts"], request["options"]) for o in options]
    instances = [Instance(request_type="loglikelihood", doc={}, arguments=p, idx=i) for i, p in enumerate(pairs)]
    clock, cpu = time.perf_counter(), time.process_time()
    scores = [r[0] for r in lm.loglikelihood(instances, disable_tqdm=True)]
    spent = [time.process_time() - cpu, time.perf_counter() - clock]
    print("RESULT " + json.dumps([*spent, scores]), flush=True)
"""


class LmEval:
    """lm_eval's scorer in its own process, kept open so that only scoring is timed."""

    def __init__(self, python: str) -> None:
        self.process = subprocess.Popen(
            [python, "-c", LM_EVAL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip

    def score(self, request: dict[str, Any]) -> tuple[float, float, list[float]]:
        """CPU seconds, wall seconds and scores of one request."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("RESULT "):
                cpu, wall, scores = json.loads(line.removeprefix("RESULT "))
                return cpu, wall, scores
        raise SystemExit("lm_eval's process ended early; does that Python have lm_eval 0.4.13 and torch?")


def make_items(
    tokenizer: Any, chunks: int, options: int, shifts: int, n: int, seed: int
) -> tuple[list[str], list[list[str]]]:
    """Rendered contexts with `chunks` passages of 300 tokens, and options: texts, or letters where shifts > 1.

    The text is this project's documentation; what it says does not matter to a clock.
    """
    rng = random.Random(seed)
    root = Path(__file__).resolve().parents[1]
    text = "\n".join(p.read_text(encoding="utf-8") for p in sorted([*root.glob("*.md"), *root.glob("docs/*.md")]))
    ids = tokenizer(text * 3, add_special_tokens=False, verbose=False)["input_ids"]
    words = text.split()
    contexts, answers = [], []
    for k in range(n):
        starts = [rng.randrange(len(ids) - 300) for _ in range(chunks)]
        passages = "\n\n".join(tokenizer.decode(ids[s : s + 300 - rng.randrange(40)]) for s in starts)
        texts = [" ".join(rng.sample(words, rng.randint(2, 8))) for _ in range(options)]
        for shift in range(shifts):
            shown = texts[shift:] + texts[:shift]
            listed = "".join(f"\n{chr(65 + i)}. {o}" for i, o in enumerate(shown)) if shifts > 1 else ""
            head = f"Documentation:\n\n{passages}\n\n" if chunks else ""
            message = {"role": "user", "content": f"{head}Question: What is item {k} of the list?{listed}"}
            contexts.append(tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True))
            answers.append([chr(65 + i) for i in range(options)] if shifts > 1 else texts)
    return contexts, answers


def main() -> None:
    """Print one line a scenario: items per second of both, their ratio, and their largest disagreement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="lab:reader")
    parser.add_argument("--items", type=int, default=16)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--scenario", action="append", metavar="PASSAGES,OPTIONS,SHIFTS", help="only these")
    options = parser.parse_args()

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from understudy.models.score import score_options

    torch.set_num_threads(1)
    folder = str(local_folder(options.model).absolute())
    python = os.environ.get("UNDERSTUDY_LM_EVAL_PYTHON")
    peer = LmEval(python) if python else None
    with tempfile.TemporaryDirectory() as copy:  # lm_eval reads float32 weights as we do
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model.save_pretrained(copy)
        tokenizer.save_pretrained(copy)
        size = sum(p.numel() for p in model.parameters()) / 1e6
        print(f"{options.model}: {size:.1f} M parameters, {options.items} items,")
        print(
            f"one thread each, median of {options.turns} turns; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
        print(
            f"{'passages':>8} {'options':>8} {'shifts':>7} {'tokens':>7} {'ours/s':>8} {'lm_eval/s':>10} {'ratio':>6} "
            f"{'wall':>6} {'max diff':>9} {'same choice':>12}"
        )
        chosen = [tuple(map(int, text.split(","))) for text in options.scenario or ()]
        for chunks, k, shifts in chosen or SCENARIOS:
            contexts, answers = make_items(tokenizer, chunks, k, shifts, options.items, seed=chunks)
            tokens = np.mean([len(t) for t in tokenizer(contexts, add_special_tokens=False)["input_ids"]])
            request = {"model": copy, "contexts": contexts, "options": answers}
            ours: list[tuple[float, float]] = []  # CPU seconds, wall seconds
            theirs: list[tuple[float, float]] = []
            batch = fastest(peer, request) if peer else 1
            for _ in range(options.turns):
                clock, start = time.perf_counter(), time.process_time()
                scores = score_options(model, tokenizer, contexts, answers)
                ours.append((time.process_time() - start, time.perf_counter() - clock))
                if peer:
                    cpu, wall, flat = peer.score({**request, "batch_size": batch})
                    theirs.append((cpu, wall))
            mine = np.median(np.array(ours), axis=0)
            line = f"{chunks:>8} {k:>8} {shifts:>7} {tokens:>7.0f} {options.items / mine[0]:>8.2f}"
            if peer:
                rows = [flat[i : i + k] for i in range(0, len(flat), k)]
                gap = max(abs(a - b) for x, y in zip(scores, rows, strict=True) for a, b in zip(x, y, strict=True))
                untied = [(x, y) for x, y in zip(scores, rows, strict=True) if sorted(x)[-1] - sorted(x)[-2] > 1e-3]
                same = sum(x.index(max(x)) == y.index(max(y)) for x, y in untied)
                other = np.median(np.array(theirs), axis=0)
                line += (
                    f" {options.items / other[0]:>10.2f} {other[0] / mine[0]:>6.1f} {other[1] / mine[1]:>6.1f}"
                    f" {gap:>9.1e} {same:>6}/{len(untied)}"
                )
            print(line, flush=True)
    if not peer:
        print("UNDERSTUDY_LM_EVAL_PYTHON is not set: lm_eval was not measured", file=sys.stderr)


def fastest(peer: LmEval, request: dict[str, Any]) -> int:
    """lm_eval's best batch size for these items, tried on a quarter of them."""
    part = max(2, len(request["contexts"]) // 4)
    trial = {**request, "contexts": request["contexts"][:part], "options": request["options"][:part]}
    peer.score({**trial, "batch_size": 1})
    return min((1, 4, 16), key=lambda size: peer.score({**trial, "batch_size": size})[0])


if __name__ == "__main__":
    main()
