"""A LoRA adapter from two models: the best low-rank approximation of what one changed of the other.

Of each changed matrix Δ = W − W₀ the r largest singular directions are kept (Eckart & Young 1936): with the r leading
eigenvectors U of ΔΔᵀ, B·A = U·UᵀΔ, the singular values shared equally by both factors. Products and sums are
float64. What is no matrix of a layer (embeddings, the head, norms, layers whose bias changed) is kept whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.linalg import eigh

from understudy.artifact import atomic_path, write_json
from understudy.errors import InputError, UsageError
from understudy.merge import check
from understudy.merge.block import Float32
from understudy.merge.parents import Parent, Resolve, as_folder, is_vocabulary, open_parents
from understudy.merge.reader import FLOATS

_PREFIX = "base_model.model."


@dataclass(frozen=True)
class Extraction:
    """What was extracted. kept: share of the matrices' squared change that the adapter holds; None where nothing
    changed. whole: modules that are stored as they are."""

    out: Path
    matrices: int
    kept: float | None
    whole: tuple[str, ...]
    nbytes: int


def extract(
    base: str,
    model: str,
    out: Path,
    *,
    rank: int = 32,
    resolve: Resolve = as_folder,
    progress: Callable[[str, float, float | None], None] = lambda what, done, total: None,
) -> Extraction:
    """Write the change from `base` to `model` as a PEFT adapter into the folder `out`, which must not exist.

    rank: of each matrix at most. Raises InputError where the models do not belong together or `out` exists.
    """
    if rank < 1:
        raise UsageError(f"rank {rank}: at least one direction is kept")
    if out.exists():
        raise InputError(f"{out} exists; name a folder that does not")
    parents = open_parents([base, model], resolve)
    if len(parents) < 2:
        raise InputError(f"{base} and {model} are one model; nothing differs")
    old, new = parents[base], parents[model]
    check.compare([old, new])
    changed = _changed(old, new)
    matrices, whole = _divide(old, new, changed)
    tensors: dict[str, NDArray[Any]] = {}
    ranks: dict[str, int] = {}
    total = held = 0.0
    for number, name in enumerate(matrices):
        progress("matrices", number, len(matrices))
        module = name.removesuffix(".weight")
        up, down, energy, mine = factors(_read(new, name) - _read(old, name), rank)
        tensors[f"{_PREFIX}{module}.lora_A.weight"], tensors[f"{_PREFIX}{module}.lora_B.weight"] = down, up
        ranks[module] = len(down)
        total, held = total + energy, held + mine
    for module in whole:
        for name in (n for n in new.names if n.rpartition(".")[0] == module):
            tensors[f"{_PREFIX}{name}"] = _read(new, name)
    with atomic_path(out) as folder:
        folder.mkdir(parents=True)
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        write_json(folder / "adapter_config.json", _settings(old, ranks, whole, rank))
    size = sum(t.nbytes for t in tensors.values())
    return Extraction(out, len(matrices), held / total if total else None, tuple(whole), size)


def factors(delta: Float32, rank: int) -> tuple[Float32, Float32, float, float]:
    """(B [rows, r], A [r, columns], Σ of all squared singular values, Σ of those kept) of a matrix of change."""
    wide = delta.shape[0] <= delta.shape[1]
    d = delta.astype(np.float64) if wide else delta.T.astype(np.float64)
    gram = d @ d.T
    energy = float(np.trace(gram))
    count = min(rank, len(gram))
    values, vectors = eigh(gram, subset_by_index=[len(gram) - count, len(gram) - 1], overwrite_a=True)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    roots = values**0.25  # the square root of a singular value
    safe = np.where(roots > 0, roots, 1.0)
    left, right = vectors * roots, (vectors.T @ d) / safe[:, None]
    up, down = (left, right) if wide else (right.T, left.T)
    return np.ascontiguousarray(up, np.float32), np.ascontiguousarray(down, np.float32), energy, float(values.sum())


def _changed(old: Parent, new: Parent) -> list[str]:
    """The tensors of the model that are not those of the base."""
    found = []
    for name in new.names:
        stored = old.find(name)
        if stored is None or new.info(name).dtype not in FLOATS:
            if stored is None and not is_vocabulary(name) and not check.BUFFERS.search(name):
                raise InputError(f"{old.reference}: no tensor '{name}', which {new.reference} has")
            if stored is not None:
                continue
        elif old.info(stored).shape != new.info(name).shape:
            mine, its = list(new.info(name).shape), list(old.info(stored).shape)
            raise InputError(f"tensor '{name}' is {mine} in {new.reference}, in {old.reference} it is {its}")
        if stored is None or not np.array_equal(_read(old, stored), _read(new, name)):
            found.append(name)
    return found


def _divide(old: Parent, new: Parent, changed: list[str]) -> tuple[list[str], list[str]]:
    """The changed tensors as (matrices to approximate, modules to keep whole)."""
    matrices = [n for n in changed if len(new.info(n).shape) == 2 and n.endswith(".weight") and not is_vocabulary(n)]
    whole = list(dict.fromkeys(n.rpartition(".")[0] for n in changed if n not in matrices))
    return [n for n in matrices if n.rpartition(".")[0] not in whole], whole


def _read(parent: Parent, name: str) -> Float32:
    source = parent.source(name)
    out = np.empty(int(np.prod(source.shape)), np.float32)
    source.read(0, out.size, out)
    return out.reshape(source.shape)


def _settings(old: Parent, ranks: dict[str, int], whole: list[str], rank: int) -> dict[str, Any]:
    """PEFT's adapter_config.json; the scale lora_alpha / r is one everywhere."""
    largest = max(ranks.values(), default=rank)
    other = {module: r for module, r in ranks.items() if r != largest}
    return {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": old.reference, "bias": "none",
        "r": largest, "lora_alpha": largest, "lora_dropout": 0.0, "rank_pattern": other, "alpha_pattern": other,
        "target_modules": list(ranks), "modules_to_save": whole or None, "fan_in_fan_out": False,
        "use_rslora": False, "inference_mode": True,
        "ensure_weight_tying": bool(old.config.get("tie_word_embeddings")) and "lm_head" not in whole,
    }  # fmt: skip
