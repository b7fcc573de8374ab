"""Write a model folder as a GGUF file, unquantised or with 8 bits; complete or not at all."""

from __future__ import annotations

import json
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

from understudy.artifact import atomic_path
from understudy.errors import MissingExtraError
from understudy.export import families, positions
from understudy.export.vocabulary import Vocabulary
from understudy.models.weights import find_weights

_WIDTH = 32
_FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7}


def need_gguf() -> None:
    """Raise MissingExtraError where the library that writes GGUF is missing."""
    if util.find_spec("gguf") is None:
        raise MissingExtraError(
            "writing a GGUF file needs the library gguf; install it with  pip install 'understudy[llamacpp]'"
        )


def write(folder: Path, vocabulary: Vocabulary, out: Path, *, name: str, kind: str = "f16") -> None:
    """Write the model folder as GGUF. name: what the file calls the model. kind: f32, f16 or q8_0; vectors stay
    float32. Raises InputError for a family, a setting or a tensor that is not known, MissingExtraError."""
    need_gguf()
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    family = families.family_of(config)
    from gguf import GGUFWriter

    with atomic_path(out) as temporary:
        writer = GGUFWriter(str(temporary), family.architecture)
        writer.add_type("model")
        # By this word in the name alone llama.cpp knows that special tokens take the blanks behind them.
        writer.add_name(f"{name} (phi-3)" if vocabulary.strips else name)
        writer.add_file_type(_FILE_TYPES[kind])
        writer.add_quantization_version(2)
        _add_settings(writer, family.architecture, config)
        _add_vocabulary(writer, vocabulary)
        tied = bool(config.get("tie_word_embeddings"))
        for place in find_weights(folder).paths:
            with safe_open(str(place), framework="pt") as file:
                for tensor in file.keys():  # noqa: SIM118 - not a mapping
                    if not (tied and tensor == "lm_head.weight"):
                        _add_tensor(writer, tensor, file.get_tensor(tensor), config, kind)
        for tensor, factors in positions.tensors(config, families.head_size(config)).items():
            writer.add_tensor(tensor, factors)
        _finish(writer)


def write_tokenizer(vocabulary: Vocabulary, out: Path) -> None:
    """Write a model of one layer whose weights are all nought, from which llama.cpp can cut text as it would for the
    real one."""
    need_gguf()
    from gguf import GGUFWriter

    writer = GGUFWriter(str(out), "llama")
    writer.add_name("tokenizer")
    config = {"hidden_size": _WIDTH, "num_attention_heads": 1, "intermediate_size": _WIDTH, "num_hidden_layers": 1,
              "max_position_embeddings": 4096, "vocab_size": len(vocabulary.tokens), "rms_norm_eps": 1e-5}  # fmt: skip
    _add_settings(writer, "llama", config)
    _add_vocabulary(writer, vocabulary)
    square, line = np.zeros((_WIDTH, _WIDTH), dtype=np.float32), np.zeros(_WIDTH, dtype=np.float32)
    writer.add_tensor("token_embd.weight", np.zeros((len(vocabulary.tokens), _WIDTH), dtype=np.float32))
    writer.add_tensor("output_norm.weight", line)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{name}.weight", square)
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", line)
    _finish(writer)


def _add_settings(writer: Any, architecture: str, config: dict[str, Any]) -> None:
    adders = {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
    for key, value in families.settings(config).items():
        adders[type(value)](f"{architecture}.{key}", value)


def _finish(writer: Any) -> None:
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def _add_vocabulary(writer: Any, vocabulary: Vocabulary) -> None:
    of_pieces = bool(vocabulary.scores)
    writer.add_tokenizer_model("llama" if of_pieces else "gpt2")
    writer.add_tokenizer_pre(vocabulary.pre or "default")
    writer.add_token_list(list(vocabulary.tokens))
    writer.add_token_types(list(vocabulary.kinds))
    if of_pieces:
        writer.add_token_scores(list(vocabulary.scores))
    else:
        writer.add_token_merges(list(vocabulary.merges))
    for name, token in vocabulary.special.items():
        getattr(writer, f"add_{name}_token_id")(token)
    # The template writes every special token itself, as it did when the model was trained and measured.
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(vocabulary.prefix == "always")
    writer.add_chat_template(vocabulary.template)


def _add_tensor(writer: Any, name: str, tensor: torch.Tensor, config: dict[str, Any], kind: str) -> None:
    import gguf

    target, lay_out = families.translate(name, config)
    values = np.ascontiguousarray(lay_out(tensor.float().numpy()))
    if values.ndim < 2 or kind == "f32":
        writer.add_tensor(target, values)
    elif kind == "q8_0" and values.shape[-1] % 32 == 0:
        packed = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(target, packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    else:
        writer.add_tensor(target, values.astype(np.float16))
