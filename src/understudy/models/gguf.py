"""GGUF files: where one is, what is in it, and the folder of safetensors that is made from it once.

`gguf:./x.gguf` names a file, `gguf:package/x.gguf` one inside an installed Python package. Its tensors are multiplied
out to float32, which holds every value of every quantisation as it is, and written to the user's cache with tokenizer,
chat template and generation settings: from there on the model is a folder like any other. The folder's `gguf.json`
says which file it came from and how that was quantised.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from importlib import util
from pathlib import Path
from typing import Any

from understudy.artifact import atomic_path, write_json
from understudy.errors import InputError, MissingExtraError, ModelError
from understudy.failures import first_line

RECORD = "gguf.json"
_MAGIC = b"GGUF"
_LAYOUT = 1  # of the folder; another number makes it anew
_UNQUANTISED = ("F32", "F16", "BF16", "F64")


def find(name: str) -> Path:
    """The file that a reference names: a path, or `package/file` inside an installed package, which is not imported.

    Raises InputError where neither is there, ModelError where the file is no GGUF.
    """
    file = Path(name).expanduser()
    if not file.is_file():
        file = _in_package(name) or file
    if not file.is_file():
        raise InputError(f"model 'gguf:{name}': no such file (looked at {file.absolute()}){_package_hint(name)}")
    with open(file, "rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            raise ModelError(f"{file}: is not a GGUF file, or damaged; copy or download it again")
    return file


def in_package(name: str) -> bool:
    """Whether the reference names a file of an installed package, so that it means the same on every machine."""
    return not Path(name).expanduser().is_file() and _in_package(name) is not None


def _in_package(name: str) -> Path | None:
    package, slash, inside = name.partition("/")
    if not slash or not package.isidentifier():
        return None
    try:
        spec = util.find_spec(package)
    except (ImportError, ValueError):
        return None
    for place in (spec.submodule_search_locations or ()) if spec else ():
        root = Path(place).resolve()
        file = (root / inside).resolve()
        if file.is_file() and file.is_relative_to(root):
            return file
    return None


def _package_hint(name: str) -> str:
    package, slash, _ = name.partition("/")
    if not slash or not package.isidentifier() or util.find_spec(package) is not None:
        return ""
    return f". If it is a file of the Python package {package.replace('_', '-')}, install that package first"


def parameters(file: Path) -> int | None:
    """Parameters as the file's header lists them; None where the library that reads it is missing."""
    if util.find_spec("gguf") is None:
        return None
    return sum(int(tensor.n_elements) for tensor in _reader(file).tensors)


def describe(file: Path, digest: str) -> dict[str, Any]:
    """Provenance: the file's name and digest, the model's own name and licence, and tensors by quantisation."""
    reader = _reader(file)
    kinds = Counter(tensor.tensor_type.name for tensor in reader.tensors)
    values: Counter[str] = Counter()
    for tensor in reader.tensors:
        values[tensor.tensor_type.name] += int(tensor.n_elements)
    quantised = [kind for kind, _ in values.most_common() if kind not in _UNQUANTISED]
    return {
        "layout": _LAYOUT,
        "file": file.name,
        "sha256": digest,
        "architecture": _field(reader, "general.architecture"),
        "name": _field(reader, "general.name"),
        "license": _field(reader, "general.license"),
        "quantisation": quantised[0] if quantised else values.most_common(1)[0][0],
        "tensors": dict(sorted(kinds.items())),
        "stored_as": "float32",
    }


def folder_of(file: Path, digest: str) -> Path:
    """The model folder made from a GGUF file, written on first use. digest: the file's SHA-256.

    Raises MissingExtraError where the library that reads GGUF is missing, ModelError for an architecture or a
    quantisation that cannot be read, or a cache that cannot be written.
    """
    target = _target(file, digest)
    if _made_from(target, digest):
        return target
    if util.find_spec("gguf") is None:
        raise MissingExtraError(
            f"{file.name}: reading a GGUF file needs the library gguf; install it with  pip install "
            "'understudy[llamacpp]'  (or  pip install --no-deps gguf)"
        )
    try:
        with atomic_path(target) as temporary:
            _write(file, temporary)
            write_json(temporary / RECORD, describe(file, digest))
    except OSError as error:
        if _made_from(target, digest):  # another process was faster
            return target
        raise ModelError(
            f"{file.name}: the cache {target.parent} cannot be written ({error.strerror or error}); set XDG_CACHE_HOME "
            "to a folder that can"
        ) from error
    return target


def unpacked(file: Path, digest: str) -> bool:
    """Whether the model folder of a GGUF file is there already."""
    return _made_from(_target(file, digest), digest)


def _target(file: Path, digest: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "understudy" / "gguf"
    return cache / f"{file.stem}-{digest[:16]}"


def _made_from(folder: Path, digest: str) -> bool:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(record.get("sha256") == digest and record.get("layout") == _LAYOUT)


def _write(file: Path, target: Path) -> None:
    """Weights, configuration, tokenizer, template and generation settings as transformers reads them."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from understudy.models.chat import ensure_template

    try:
        options = {"gguf_file": file.name, "local_files_only": True}
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **options)
        model = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **options)
    except OSError:
        raise
    except Exception as error:  # the library raises many kinds for the one fault
        raise ModelError(f"{file}: this GGUF cannot be read: {first_line(error)}") from error
    # What is written is no longer quantised, and must not say that it is.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.is_quantized = False
    model.hf_quantizer = None
    target.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(target)
    ensure_template(tokenizer).save_pretrained(target)
    config = json.loads((target / "config.json").read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    write_json(target / "config.json", config)


def _reader(file: Path) -> Any:
    from gguf import GGUFReader

    try:
        return GGUFReader(file)
    except (ValueError, IndexError, KeyError) as error:
        raise ModelError(f"{file}: is damaged ({error}); copy or download it again") from error


def _field(reader: Any, name: str) -> str | None:
    field = reader.get_field(name)
    return None if field is None else str(field.contents())
