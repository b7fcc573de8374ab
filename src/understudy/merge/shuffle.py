"""Layers drawn at random from several models, as a merge of slices (mergekit's layershuffle)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from understudy.errors import UsageError
from understudy.merge.schema import MergeDocument


def layer_shuffle(
    models: Sequence[str], layers: int, *, weights: Sequence[float] | None = None, shuffle: bool = False, seed: int = 0
) -> MergeDocument:
    """A passthrough merge whose layer n is the layer n of a model drawn by `weights` (equal where None).

    shuffle: each layer is a random one of the drawn model, in place of the same-numbered one. layers: how many the
    models have. Raises UsageError where weights and models do not fit.
    """
    given = list(weights) if weights is not None else [1.0] * len(models)
    if not models or layers < 1 or len(given) != len(models) or min(given) < 0 or sum(given) <= 0:
        raise UsageError("layer_shuffle: models, as many weights of 0 or more, and at least one layer are needed")
    draw = random.Random(seed)
    chosen = draw.choices(list(models), weights=given, k=layers)
    numbers = [draw.randrange(layers) for _ in chosen] if shuffle else list(range(layers))
    runs: list[dict[str, Any]] = []
    for model, number in zip(chosen, numbers, strict=True):
        if runs and runs[-1]["model"] == model and runs[-1]["layer_range"][1] == number:
            runs[-1]["layer_range"][1] = number + 1
        else:
            runs.append({"model": model, "layer_range": [number, number + 1]})
    return MergeDocument.model_validate({"merge_method": "passthrough", "slices": [{"sources": [run]} for run in runs]})
