"""Small random models of each family, with a real tokenizer and chat template of its kind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import (
    AddedToken,
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaTokenizer,
    LlamaConfig,
    LlamaTokenizer,
    MistralConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
)  # fmt: skip

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
LINEAR = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}
TWO = {
    "full_attention": {**LINEAR, "rope_theta": 1e6},
    "sliding_attention": {"rope_type": "default", "rope_theta": 5e3},
}
LONG = {
    "rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 1024,
    "short_factor": [1.0 + i / 20 for i in range(16)], "long_factor": [2.0 + i for i in range(16)],
}  # fmt: skip
GEMMA = {"head_dim": 64, "query_pre_attn_scalar": 64, "sliding_window": 24}
FAMILIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "llama": (LlamaConfig, {"tie_word_embeddings": False, "attention_bias": True}),
    "llama3": (LlamaConfig, {"rope_parameters": SCALED}),
    "mistral": (MistralConfig, {"head_dim": 64, "sliding_window": None}),
    "qwen2": (Qwen2Config, {"tie_word_embeddings": False}),
    "qwen3": (Qwen3Config, {"head_dim": 64}),
    "llama2": (LlamaConfig, {"tie_word_embeddings": False, "rope_parameters": LINEAR}),
    "gemma": (GemmaConfig, {"head_dim": 64}),
    "gemma2": (Gemma2Config, {**GEMMA, "num_hidden_layers": 3}),
    "gemma3": (Gemma3TextConfig, {**GEMMA, "num_hidden_layers": 7, "rope_parameters": TWO}),
    "phi3": (Phi3Config, {"tie_word_embeddings": False}),
    "phi3-long": (Phi3Config, {"max_position_embeddings": 4096, "rope_parameters": LONG}),
}
"""What is special about each: heads of another size, biases, scaled positions, an untied head, short windows."""
PIECES = {
    "llama2": "always",
    "gemma": "never",
    "gemma2": "never",
    "gemma3": "never",
    "phi3": "first",
    "phi3-long": "first",
}
"""Families with a tokenizer of pieces, and where it puts a blank before text."""
_TURNS = {
    "never": "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}"
    "{% endif %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else 'user' }}\n{{ m['content'] | trim }}"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}",
    "first": "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
    "always": "{% for m in messages %}{% if m['role'] == 'assistant' %} {{ m['content'] }} {{ eos_token }}{% else %}"
    "{{ bos_token }}[INST] {{ m['content'] }} [/INST]{% endif %}{% endfor %}",
}  # fmt: skip
_OLD = {"bos": "<s>", "eos": "</s>"}
_SPECIAL = {
    "never": ["<pad>", "<eos>", "<bos>", "<unk>"],
    "first": ["<unk>", "<s>", "</s>"],
    "always": ["<unk>", "<s>", "</s>"],
}  # fmt: skip


def of_pieces(folder: Path, prefix: str) -> Path:
    """A small tokenizer with byte fallback, trained on this package's corpus, as sentencepiece's come to transformers:
    two pieces that make a third are merged, in the order in which the third were found."""
    trained = Tokenizer(BPE())
    trained.normalizer = normalizers.Prepend("▁") if prefix != "never" else None
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    text = [
        *CORPUS,
        *(f"{i.question} {' '.join(i.options)}" for i in ITEMS),
        Path(__file__).read_text(encoding="utf-8"),
    ]
    trained.train_from_iterator(text, BpeTrainer(vocab_size=700, show_progress=False))
    found = [t for t, _ in sorted(trained.get_vocab().items(), key=lambda pair: pair[1]) if t != "☕"]
    rows = [*_SPECIAL[prefix], *(f"<0x{b:02X}>" for b in range(256)), *found]
    vocab = {token: i for i, token in enumerate(dict.fromkeys(rows))}
    merges = [(t[:k], t[k:]) for t in found for k in range(1, len(t)) if t[:k] in vocab and t[k:] in vocab]
    if prefix == "never":
        tokenizer = GemmaTokenizer(vocab=vocab, merges=merges)
        more = [AddedToken(t, special=True, normalized=False) for t in ("<start_of_turn>", "<end_of_turn>")]
        tokenizer.add_tokens([*more, AddedToken("▁▁", normalized=True), AddedToken("\n\n", normalized=False)])
    else:
        tokenizer = LlamaTokenizer(vocab=vocab, merges=merges, legacy=prefix == "always")
        if prefix == "first":  # llama.cpp ends a turn at `<|endoftext|>` whatever the model's settings say
            names = ("<|end|>", "<|user|>", "<|assistant|>", "<|system|>")
            more = [AddedToken(t, special=True, normalized=False, rstrip=True) for t in names]
            tokenizer.add_tokens([AddedToken("<|endoftext|>", special=True, normalized=False), *more])
    tokenizer.chat_template = _TURNS[prefix]
    tokenizer.save_pretrained(folder)
    if prefix == "always":  # transformers forgets it as it saves
        place = folder / "tokenizer_config.json"
        place.write_text(
            json.dumps({**json.loads(place.read_text(encoding="utf-8")), "legacy": True}), encoding="utf-8"
        )
    return folder


def build(folder: Path, tokenizer: Path, family: str, **more: Any) -> Path:
    """A model of the family with weights large enough to have opinions. The vocabulary is padded by 24 rows."""
    kind, special = FAMILIES[family]
    ends: dict[str, int] = {}
    if family in PIECES:
        tokenizer = of_pieces(folder, PIECES[family])
        names = _SPECIAL[PIECES[family]]
        ends = {f"{n}_token_id": names.index(t) for n in ("bos", "eos") for t in (f"<{n}>", _OLD[n]) if t in names}
    vocabulary = len(AutoTokenizer.from_pretrained(tokenizer)) + 24
    config = kind(
        **{
            "vocab_size": vocabulary, "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024,
            "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "tie_word_embeddings": True,
            "initializer_range": 0.08, **ends, **special, **more,
        }
    )  # fmt: skip
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():  # biases and norms that are not what a lost tensor would be taken for
        for name, value in model.named_parameters():
            if value.ndim == 1:
                value.add_(torch.randn_like(value) * (0.3 if "bias" in name else 0.1))
        if "gemma" not in family:  # whose embeddings are made larger as they are read
            model.get_output_embeddings().weight.mul_(6)
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if tokenizer != folder and (tokenizer / file).is_file():
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
