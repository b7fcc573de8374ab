"""How well is a GPU used? A 7B-shaped model of random weights, trained and scored as a recipe would.

Builds a Mistral-shaped model (7.2 billion parameters; another size with --shape) with random weights on the disk, takes
rows of the lengths of the published 3,000 pairs (a question, an answer of some 80 tokens; every second with passages),
and runs Understudy's own trainer for LoRA in bfloat16 and for QLoRA, then its option scoring. Printed: tokens a second,
share of the card's dense bfloat16 rate, peak memory, and what 3,800 pairs times three epochs would take.

Goals on an H200-class card: those pairs in 2.5 minutes, 45 % of its rate, QLoRA within 24 GB.

    python benchmarks/gpu.py [--shape 7b] [--steps 12] [--only lora]
    python benchmarks/gpu.py --shape tiny --device cpu      # what the tests run: the same path, no figure of worth
"""

from __future__ import annotations

import argparse
import gc
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from understudy.models.score import score_tokens
from understudy.sft.batches import Encoded, save_rows
from understudy.sft.config import SftConfig
from understudy.sft.job import DEV, TRAIN, Job
from understudy.sft.train import train

# hidden, layers, heads, key-value heads, inner, vocabulary
SHAPES = {
    "7b": (4096, 32, 32, 8, 14336, 32000),
    "1b": (2048, 22, 32, 4, 5632, 32000),
    "tiny": (32, 2, 4, 2, 64, 512),
}
PAIRS, EPOCHS = 3800, 3
# Dense bfloat16 operations a second, by what the card's name holds; from the makers' data sheets.
RATES = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40": 181e12, "4090": 165e12, "L4": 121e12, "A10": 125e12}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result. memory: peak bytes on the card, None on a processor."""

    name: str
    tokens: int
    seconds: float
    flops: float
    memory: int | None
    rows: int

    def shown(self, rate: float | None) -> str:
        text = f"{self.name}: {self.tokens / self.seconds:,.0f} tokens a second"
        if rate:
            text += f", {100 * self.flops / self.seconds / rate:.0f} % of the card's rate"
        if self.memory is not None:
            text += f", peak {self.memory / 1e9:.1f} GB"
        return text


def build(shape: str, folder: Path) -> int:
    """Write a model of random weights with a byte-level tokenizer. Returns its parameters."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

    hidden, layers, heads, key_value, inner, words = SHAPES[shape]
    config = MistralConfig(
        vocab_size=words, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=key_value, intermediate_size=inner, max_position_embeddings=4096, sliding_window=None,
        bos_token_id=0, eos_token_id=1, pad_token_id=1, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        model = MistralForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    model.save_pretrained(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1, **{letter: i + 2 for i, letter in enumerate(alphabet)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    fast.chat_template = "{% for m in messages %}{{ m['content'] }}</s>{% endfor %}"
    fast.save_pretrained(folder)
    return sum(p.numel() for p in model.parameters())


def rows_of(count: int, longest: int, words: int, seed: int = 0) -> list[Encoded]:
    """Rows of the published pairs' lengths: 40 tokens asked, 80 answered, every second after passages."""
    rng = random.Random(seed)
    found = []
    for k in range(count):
        answer = max(2, min(longest // 4, round(rng.gauss(80, 30))))
        read = max(2, min(longest - answer, round(rng.gauss(40 if k % 2 else 1200, 15))))
        found.append(Encoded(tuple(rng.randrange(2, words) for _ in range(read + answer)), read))
    return found


def measure_training(
    method: str, model: Path, parameters: int, shape: str, steps: int, device: str, batch: int = 16
) -> Row:
    """Train `steps` updates and time them from the second on: the first also plans kernels and memory."""
    longest = 2048 if shape != "tiny" else 64
    rows = sorted(rows_of(steps * batch, longest, SHAPES[shape][5]), key=lambda row: len(row.ids))
    with tempfile.TemporaryDirectory() as place:
        job = Job(
            Path(place), SftConfig(method=method, batch_size=batch, epochs=1, dev_rows=0, max_length=longest),  # type: ignore[arg-type]
            str(model), 0, device, len(rows),
        )  # fmt: skip
        save_rows(rows, job.folder / TRAIN)
        save_rows([], job.folder / DEV)
        marks: list[tuple[float, float]] = []
        _forget(device)
        train(job, lambda what, done, total: marks.append((done, _now(device))))
    first, last = marks[0], marks[-1]
    tokens = sum(len(row.ids) for row in rows[int(first[0]) * batch :])
    # Forward twice and backward to the activations once; a frozen weight has no gradient of its own.
    return Row(method, tokens, last[1] - first[1], 4.0 * parameters * tokens, _peak(device), len(rows) - batch)


def measure_scoring(model: Path, parameters: int, shape: str, count: int, device: str) -> Row:
    """Four options of 20 tokens after 1,200 tokens of passages, as the benchmark scores them."""
    from understudy.models.load import load_model, pick_device

    loaded = load_model(model, device=pick_device(device))
    rng, words = random.Random(1), SHAPES[shape][5]
    length = 1200 if shape != "tiny" else 40
    contexts = [tuple(rng.randrange(2, words) for _ in range(length)) for _ in range(count)]
    choices = [[tuple(rng.randrange(2, words) for _ in range(20)) for _ in range(4)] for _ in range(count)]
    score_tokens(loaded, contexts[:2], choices[:2])
    _forget(device)
    began = _now(device)
    score_tokens(loaded, contexts, choices)
    tokens = count * (length + 4 * 19)
    return Row("scoring", tokens, _now(device) - began, 2.0 * parameters * tokens, _peak(device), count)


def _now(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter()


def _forget(device: str) -> None:
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _peak(device: str) -> int | None:
    return int(torch.cuda.max_memory_allocated()) if device.startswith("cuda") else None


def rate_of(device: str) -> float | None:
    """The card's dense bfloat16 rate by its name; None for one that is not in the table."""
    if not device.startswith("cuda"):
        return None
    name = torch.cuda.get_device_name()
    return next((rate for part, rate in RATES.items() if part in name), None)


def run(shape: str, steps: int, device: str, only: Sequence[str], say: Callable[[str], Any] = print) -> list[Row]:
    """Measure and print; returns the rows."""
    found = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        parameters = build(shape, folder)
        gc.collect()
        say(f"{parameters:,} parameters of random weights, on {_card(device)}")
        rate = rate_of(device)
        for method in ("lora", "qlora"):
            if method in only:
                row = measure_training(method, folder, parameters, shape, steps, device)
                say(row.shown(rate))
                whole = PAIRS * EPOCHS / row.rows * row.seconds
                say(f"  {PAIRS:,} pairs times {EPOCHS} epochs would take {whole / 60:.1f} minutes")
                found.append(row)
        if "scoring" in only:
            found.append(measure_scoring(folder, parameters, shape, max(4, steps), device))
            say(found[-1].shown(rate))
    return found


def _card(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else "a processor"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="7b")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--only", choices=("lora", "qlora", "scoring"), action="append")
    given = parser.parse_args()
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        print("skipped: no GPU at hand; --shape tiny --device cpu runs the same path without one")
        return
    run(given.shape, given.steps, given.device, given.only or ("lora", "qlora", "scoring"))


if __name__ == "__main__":
    main()
