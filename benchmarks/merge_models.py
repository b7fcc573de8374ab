"""Random models made on the spot: shapes, and an independent writing and reading of safetensors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ARCHITECTURES = {"mistral": "MistralForCausalLM", "llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}


@dataclass(frozen=True)
class Shape:
    """The sizes of a decoder."""

    hidden: int = 64
    layers: int = 4
    vocabulary: int = 320
    intermediate: int = 160
    heads: int = 4
    kv_heads: int = 2
    family: str = "mistral"
    tied: bool = False


SMALL = Shape()
QUARTER = Shape(1024, 12, 32_000, 2816, 16, 4, "llama")
BILLION = Shape(2048, 22, 32_000, 5632, 32, 4, "llama")
SEVEN_BILLION = Shape(4096, 32, 32_000, 14_336, 32, 8)


def shapes(s: Shape) -> dict[str, tuple[int, ...]]:
    """Every tensor of a model of this shape, in the order of its layers."""
    kv = s.hidden * s.kv_heads // s.heads
    found: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (s.vocabulary, s.hidden)}
    for layer in range(s.layers):
        at = f"model.layers.{layer}"
        found |= {
            f"{at}.input_layernorm.weight": (s.hidden,),
            f"{at}.self_attn.q_proj.weight": (s.hidden, s.hidden),
            f"{at}.self_attn.k_proj.weight": (kv, s.hidden),
            f"{at}.self_attn.v_proj.weight": (kv, s.hidden),
            f"{at}.self_attn.o_proj.weight": (s.hidden, s.hidden),
            f"{at}.post_attention_layernorm.weight": (s.hidden,),
            f"{at}.mlp.gate_proj.weight": (s.intermediate, s.hidden),
            f"{at}.mlp.up_proj.weight": (s.intermediate, s.hidden),
            f"{at}.mlp.down_proj.weight": (s.hidden, s.intermediate),
        }
        if s.family == "qwen2":
            found |= {f"{at}.self_attn.{p}_proj.bias": (n,) for p, n in (("q", s.hidden), ("k", kv), ("v", kv))}
    found["model.norm.weight"] = (s.hidden,)
    if not s.tied:
        found["lm_head.weight"] = (s.vocabulary, s.hidden)
    return found


def configuration(s: Shape, dtype: str = "bfloat16") -> dict[str, Any]:
    """The model's config.json."""
    return {
        "architectures": [ARCHITECTURES[s.family]], "model_type": s.family, "hidden_size": s.hidden,
        "intermediate_size": s.intermediate, "num_hidden_layers": s.layers, "num_attention_heads": s.heads,
        "num_key_value_heads": s.kv_heads, "vocab_size": s.vocabulary, "torch_dtype": dtype, "hidden_act": "silu",
        "tie_word_embeddings": s.tied, "rms_norm_eps": 1e-5, "max_position_embeddings": 2048, "bos_token_id": 1,
        "eos_token_id": 2,
    }  # fmt: skip


def to_bfloat16(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """float32 → bfloat16 bits as uint16, to nearest even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bfloat16(bits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """bfloat16 bits → float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


_CODES = {np.dtype("u2"): "BF16", np.dtype("f2"): "F16", np.dtype("f4"): "F32", np.dtype("f8"): "F64",
          np.dtype("i8"): "I64"}  # fmt: skip


def save(path: Path, tensors: Iterator[tuple[str, np.ndarray[Any, Any]]], entries: dict[str, Any]) -> None:
    """Write safetensors from the format's description: header entries first, then the arrays as they come."""
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)  # as the reference implementation does
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, array in tensors:
            file.write(np.ascontiguousarray(array).data)


def save_arrays(path: Path, arrays: dict[str, np.ndarray[Any, Any]]) -> None:
    """Write arrays (uint16 stands for bfloat16)."""
    entries, position = {}, 0
    for name, array in arrays.items():
        entries[name] = {"dtype": _CODES[array.dtype], "shape": list(array.shape),
                         "data_offsets": [position, position + array.nbytes]}  # fmt: skip
        position += array.nbytes
    save(path, iter(arrays.items()), entries)


def load_arrays(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Every tensor of a model folder, as stored, by an independent reading of the format."""
    dtypes = {code: dtype for dtype, code in _CODES.items()}
    found: dict[str, np.ndarray[Any, Any]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        raw = path.read_bytes()
        start = 8 + int.from_bytes(raw[:8], "little")
        for name, entry in json.loads(raw[8:start]).items():
            if name != "__metadata__":
                first, last = entry["data_offsets"]
                array = np.frombuffer(raw[start + first : start + last], dtypes[entry["dtype"]])
                found[name] = array.reshape(entry["shape"])
    return found


def make_model(
    folder: Path, s: Shape = SMALL, *, seed: int = 0, base: Path | None = None, change: float = 0.5, dtype: str = "BF16"
) -> Path:
    """A random model; with `base`, a fine-tune of it: each tensor plus noise of `change` times its spread."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    parent = load_arrays(base) if base else {}
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, shape in shapes(s).items():
        if name in parent:
            values = from_bfloat16(parent[name]) if parent[name].dtype == np.uint16 else parent[name]
            values = values + change * 0.02 * generator.standard_normal(shape, np.float32)
        else:
            values = (1.0 if "norm" in name else 0.0) + 0.02 * generator.standard_normal(shape, np.float32)
        cast = {"BF16": to_bfloat16, "F16": np.float16, "F32": np.float32}[dtype]
        arrays[name] = cast(values)
    save_arrays(folder / "model.safetensors", arrays)
    kind = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}[dtype]
    (folder / "config.json").write_text(json.dumps(configuration(s, kind)))
    return folder


def make_large(folder: Path, s: Shape, seed: int, shard_bytes: int = 5_000_000_000) -> Path:
    """A large random bfloat16 model, quickly: slices of one pool of normal numbers, a tensor at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    pool = to_bfloat16(0.02 * np.random.default_rng(seed).standard_normal(1 << 24, np.float32))
    groups: list[list[tuple[str, tuple[int, ...]]]] = [[]]
    filled = 0
    for name, shape in shapes(s).items():
        size = 2 * int(np.prod(shape))
        if groups[-1] and filled + size > shard_bytes:
            groups.append([])
            filled = 0
        groups[-1].append((name, shape))
        filled += size
    weight_map = {}
    for number, group in enumerate(groups, 1):
        name_of_file = (
            "model.safetensors" if len(groups) == 1 else f"model-{number:05d}-of-{len(groups):05d}.safetensors"
        )
        entries, position = {}, 0
        for name, shape in group:
            size = 2 * int(np.prod(shape))
            entries[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [position, position + size]}
            position += size
            weight_map[name] = name_of_file

        def arrays(group: list[tuple[str, tuple[int, ...]]] = group) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
            for at, (name, shape) in enumerate(group):
                count, start = int(np.prod(shape)), (at * 7919) % (1 << 20)
                yield name, np.resize(pool[start:], count)

        save(folder / name_of_file, arrays(), entries)
    if len(groups) > 1:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    (folder / "config.json").write_text(json.dumps(configuration(s)))
    return folder
