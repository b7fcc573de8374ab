"""Is a folder a complete model in safetensors? Read from headers alone, so that it costs nothing. Light: no torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from understudy.errors import InputError, ModelError

INDEX = "model.safetensors.index.json"
_PICKLES = ("pytorch_model*.bin", "*.pt", "*.pth", "consolidated*.pth")
_CONVERT = (
    "python -c \"from transformers import AutoModelForCausalLM as M; M.from_pretrained('{0}')"
    ".save_pretrained('{0}-safetensors')\""
)


def read_header(file: Path) -> dict[str, Any]:
    """The tensors of a safetensors file: name → {dtype, shape, data_offsets}.

    Raises ModelError naming the file where it is empty, truncated or no safetensors at all.
    """
    size = file.stat().st_size
    if size == 0:
        raise ModelError(f"{file}: is empty (0 bytes); copy or download it again")
    with open(file, "rb") as opened:
        start = opened.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > size - 8:
            raise ModelError(_truncated(file, size, length + 8 if length < 100_000_000 else None))
        try:
            header = json.loads(opened.read(length))
            tensors = {k: v for k, v in header.items() if k != "__metadata__"}
            end = max((int(t["data_offsets"][1]) for t in tensors.values()), default=0)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise ModelError(f"{file}: its header is damaged; copy or download it again") from error
    if 8 + length + end != size:
        raise ModelError(_truncated(file, size, 8 + length + end))
    return tensors


def _truncated(file: Path, size: int, expected: int | None) -> str:
    if expected is None or expected < size:
        return f"{file}: is not a safetensors file, or damaged ({size:,} bytes); copy or download it again"
    return f"{file}: is cut off: it has {size:,} of {expected:,} bytes; copy or download it again"


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder. Raises ModelError where there are none or a shard is missing."""
    index = folder / INDEX
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"{index}: damaged ({error}); copy or download it again") from error
        missing = [n for n in names if not (folder / n).is_file()]
        if missing:
            raise ModelError(
                f"{folder}: {len(missing)} of {len(names)} weight files are missing, first {missing[0]}; "
                "copy or download them again"
            )
        return [folder / n for n in names]
    files = sorted(p for p in folder.glob("*.safetensors") if not p.name.startswith("adapter_"))
    single = folder / "model.safetensors"
    if single in files:
        return [single]
    if files:
        return files
    pickles = sorted({p.name for pattern in _PICKLES for p in folder.glob(pattern)})
    if pickles:
        raise ModelError(
            f"{folder}: has its weights as {pickles[0]} only. Such a file is a Python pickle, which can run any code "
            "when it is opened, so Understudy reads safetensors alone. If you trust its source, convert it once:  "
            + _CONVERT.format(folder)
        )
    if (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder}: is an adapter, not a whole model; name its base model instead")
    raise ModelError(f"{folder}: holds no *.safetensors; a model folder has config.json, weights and tokenizer")


def check_model(folder: Path) -> None:
    """Raise ModelError (or InputError for a folder that is no model) unless the folder can be loaded whole."""
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise ModelError(f"{folder}: is an adapter, not a whole model; name its base model instead")
        raise InputError(f"{folder}: is not a model folder: config.json is missing")
    for _ in headers(folder):
        pass


def headers(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every weight file of a model folder with its checked header."""
    for file in weight_files(folder):
        yield file, read_header(file)


def count_parameters(folder: Path) -> int:
    """Parameters of a model folder, from its headers."""
    total = 0
    for _, tensors in headers(folder):
        for tensor in tensors.values():
            size = 1
            for side in tensor["shape"]:
                size *= int(side)
            total += size
    return total
