"""Which files of a folder are the model's weights, and are they whole? Headers alone are read. Light: no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import InputError, ModelError
from understudy.models.safetensors_header import MAX_HEADER, TensorInfo, parse_header

_PICKLES = ("pytorch_model*.bin", "adapter_model*.bin", "*.pt", "*.pth", "consolidated*.pth")
_LONGEST_NAME = 255  # bytes, as file systems have it
_CONVERT = (
    "python -c \"from transformers import AutoModelForCausalLM as M; M.from_pretrained('{0}', dtype='auto')"
    ".save_pretrained('{0}-safetensors')\""
)


@dataclass(frozen=True)
class WeightFiles:
    """The files that transformers loads from a folder.

    index: tensor → file name, as the index says, None for a single file. note: what else lies there and is not read.
    """

    paths: list[Path]
    index: dict[str, str] | None = None
    note: str | None = None


def find_weights(folder: Path, stem: str = "model") -> WeightFiles:
    """The weights of a folder, chosen as transformers chooses: `model.safetensors` before the shards of an index.

    stem: `adapter_model` for adapters. Raises InputError where there are none, a shard is missing or the index is
    damaged.
    """
    single, index = folder / f"{stem}.safetensors", folder / f"{stem}.safetensors.index.json"
    if single.is_file():
        return WeightFiles([single], note=_beside(single, index))
    if not index.is_file():
        raise InputError(_nothing(folder, stem))
    where = read_index(index)
    names = sorted(set(where.values()))
    missing = [n for n in names if not (folder / n).is_file()]
    if missing:
        raise InputError(
            f"{folder}: {len(missing)} of {len(names)} weight files are missing, first {missing[0]} (it holds "
            f"'{next(t for t, n in where.items() if n == missing[0])}'); copy or download them again"
        )
    return WeightFiles([folder / n for n in names], where)


def read_index(index: Path) -> dict[str, str]:
    """tensor → file name of an index. Raises InputError naming the file and what is wrong with it."""
    try:
        if index.stat().st_size > MAX_HEADER:
            raise ValueError(f"{index.stat().st_size:,} bytes are no index")
        content = json.loads(index.read_text(encoding="utf-8"))
        where = content.get("weight_map") if isinstance(content, dict) else None
        if not isinstance(where, dict) or not where:
            raise ValueError("it has no weight_map that names the tensors' files")
        for tensor, name in where.items():
            if not isinstance(name, str) or not _is_file_name(name):
                raise ValueError(f"weight_map: '{tensor}': {str(name)[:80]!r} is not a file name")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{index}: damaged: {error}; copy or download it again") from error
    return {str(tensor): str(name) for tensor, name in where.items()}


def _is_file_name(name: str) -> bool:
    whole = bool(name) and Path(name).name == name and "\\" not in name and "\0" not in name
    return whole and len(name.encode("utf-8", "replace")) <= _LONGEST_NAME


def check_index(files: WeightFiles, headers: dict[str, dict[str, TensorInfo]]) -> None:
    """Raise InputError where an index and the headers of its shards (file name → tensors) disagree."""
    for tensor, name in (files.index or {}).items():
        if tensor not in headers[name]:
            raise InputError(
                f"{files.paths[0].parent / name}: no tensor '{tensor}', though the index places it there; the index is "
                "of other files: copy or download the model again"
            )
    seen: dict[str, str] = {}
    for name, tensors in headers.items():
        for tensor in tensors:
            if tensor in seen:
                raise InputError(f"{files.paths[0].parent}: tensor '{tensor}' is in both {seen[tensor]} and {name}")
            seen[tensor] = name


def _beside(single: Path, index: Path) -> str | None:
    if not index.is_file():
        return None
    return (
        f"{single.parent}: {single.name} is read, as transformers does, and not the files of {index.name} beside it; "
        "delete those that are old"
    )


def _nothing(folder: Path, stem: str) -> str:
    pickles = sorted({p.name for pattern in _PICKLES for p in folder.glob(pattern)})
    if pickles:
        return (
            f"{folder}: has its weights as {pickles[0]} only. Such a file is a Python pickle, which can run any code "
            "when it is opened, so Understudy reads safetensors alone. If you trust its source, convert it once:  "
            + _CONVERT.format(folder)
        )
    if stem == "model" and (folder / "adapter_config.json").is_file():
        return f"{folder}: is an adapter, not a whole model; name its base model instead"
    names = sorted(p.name for p in folder.glob("*.safetensors"))
    if names:
        return (
            f"{folder}: holds {names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}, but neither "
            f"{stem}.safetensors nor {stem}.safetensors.index.json, by which transformers knows the weights; copy "
            "or download what is missing, or rename a single file"
        )
    return f"{folder}: holds no *.safetensors; a model folder has config.json, weights and tokenizer"


@contextmanager
def _as_model_error() -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise ModelError(str(error)) from error


def read_header(file: Path) -> dict[str, TensorInfo]:
    """The tensors of a safetensors file. Raises ModelError where it is empty, cut off or no safetensors at all."""
    with _as_model_error():
        return parse_header(file)


def check_model(folder: Path) -> None:
    """Raise ModelError (or InputError for a folder that is no model) unless the folder can be loaded whole."""
    if not (folder / "config.json").is_file():
        if (folder / "adapter_config.json").is_file():
            raise ModelError(f"{folder}: is an adapter, not a whole model; name its base model instead")
        raise InputError(f"{folder}: is not a model folder: config.json is missing")
    headers(folder)


def headers(folder: Path) -> dict[str, dict[str, TensorInfo]]:
    """The checked headers of a model folder: file name → tensors. Raises ModelError."""
    with _as_model_error():
        files = find_weights(folder)
        found = {path.name: parse_header(path) for path in files.paths}
        check_index(files, found)
    return found


def count_parameters(folder: Path) -> int:
    """Parameters of a model folder, from its headers."""
    return sum(tensor.size for tensors in headers(folder).values() for tensor in tensors.values())
