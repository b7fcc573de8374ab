"""Small random models of each family, with a real byte-level tokenizer and chat template."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

from understudy.export.measured import Measured
from understudy.export.parity import Material
from understudy.models.load import load_model, load_tokenizer
from understudy.types import MCQItem, Message

CORPUS = (
    "The queue keeps 10000 messages; it's listening on port 7411.",
    "Run `kestrel serve --port 7411`.\n\n  Then wait: 14 days, 256 KB, naïve café ☕ (see [1]).",
    "| `max_batch` | 32 | largest number of messages |\n| `log_level` | `info` | how much |\n",
)
ITEMS = [
    MCQItem("q1", "Which port is used?", ("7411", "8080", "443", "22"), 0, doc_id="guide"),
    MCQItem("q2", "How long are messages kept?", ("1 day", "14 days", "a year", "for good"), 1, doc_id="limits"),
]
SCALED = {
    "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
FAMILIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "llama": (LlamaConfig, {"tie_word_embeddings": False, "attention_bias": True}),
    "llama3": (LlamaConfig, {"rope_parameters": SCALED}),
    "mistral": (MistralConfig, {"head_dim": 64, "sliding_window": None}),
    "qwen2": (Qwen2Config, {"tie_word_embeddings": False}),
    "qwen3": (Qwen3Config, {"head_dim": 64}),
}
"""What is special about each: heads of another size, biases, scaled positions, an untied head."""


def build(folder: Path, tokenizer: Path, family: str, **more: Any) -> Path:
    """A model of the family with weights large enough to have opinions. The vocabulary is padded by 24 rows."""
    kind, special = FAMILIES[family]
    vocabulary = len(AutoTokenizer.from_pretrained(tokenizer)) + 24
    config = kind(
        **{
            "vocab_size": vocabulary, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024,
            "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "tie_word_embeddings": True,
            "initializer_range": 0.08, **special, **more,
        }
    )  # fmt: skip
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():  # biases and norms that are not what a lost tensor would be taken for
        for name, value in model.named_parameters():
            if value.ndim == 1:
                value.add_(torch.randn_like(value) * (0.3 if "bias" in name else 0.1))
        model.get_output_embeddings().weight.mul_(6)
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (tokenizer / file).is_file():
            shutil.copyfile(tokenizer / file, folder / file)
    return folder


def opened(folder: Path) -> Measured:
    return Measured(load_model(folder, device=torch.device("cpu")), load_tokenizer(folder), name="measured")


def config_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found


def material() -> Material:
    shown = [[Message("user", f"{item.question}\nAnswer with the letter.")] for item in ITEMS]
    return Material(CORPUS, (), shown)
