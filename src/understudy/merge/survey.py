"""A look at the parents before merging: one block of every tensor, so that it costs next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from understudy.errors import InputError
from understudy.merge.blocks import Blocks, Source, Workers
from understudy.merge.plan import MergePlan


@dataclass(frozen=True)
class Likeness:
    """How a parent relates to the reference, over the sampled elements.

    cosine of the whole vectors; change: norm of the difference over the norm of the reference. None for zeros.
    """

    reference: str
    cosine: float | None
    change: float | None


def survey(todo: MergePlan, sources: Sequence[Sequence[Source]], stride: int = 1) -> list[Likeness]:
    """Compare every parent with the first row of each tensor (the base, where there is one).

    Raises InputError where a sampled value is NaN or infinite, naming file and tensor.
    """
    order = list(dict.fromkeys(p.reference for t in todo.tensors for p, _ in t.inputs))
    sums: dict[str, NDArray[np.float64]] = {r: np.zeros(3) for r in order}
    with Workers(1) as workers:
        for tensor, inputs in list(zip(todo.tensors, sources, strict=True))[::stride]:
            if tensor.copy:
                continue
            x = Blocks(tensor.name, inputs, workers).load(0).x.astype(np.float64)
            for (parent, name), row in zip(tensor.inputs, x, strict=True):
                if not np.isfinite(row).all():
                    raise InputError(f"{parent.path(name)}: tensor '{name}' has values that are NaN or infinite")
                sums[parent.reference] += (x[0] @ row, x[0] @ x[0], row @ row)
    return [_likeness(r, *sums[r].tolist()) for r in order[1:]]


def _likeness(reference: str, ab: float, aa: float, bb: float) -> Likeness:
    if aa <= 0.0 or bb <= 0.0:
        return Likeness(reference, None, None)
    return Likeness(reference, ab / float(np.sqrt(aa * bb)), float(np.sqrt(max(aa + bb - 2 * ab, 0.0) / aa)))
