"""The table of merge methods: a name is here and in `config.MergeMethod`, its mathematics in its file."""

from __future__ import annotations

from understudy.merge import (
    arcee_fusion,
    breadcrumbs,
    dare,
    della,
    karcher,
    linear,
    model_stock,
    multislerp,
    nearswap,
    nuslerp,
    passthrough,
    sce,
    slerp,
    task_arithmetic,
    ties,
)
from understudy.merge.base import Method

_FILES = (
    linear, slerp, nuslerp, multislerp, karcher, task_arithmetic, ties, dare, della, breadcrumbs, model_stock, sce,
    nearswap, arcee_fusion, passthrough,
)  # fmt: skip
METHODS: dict[str, Method] = {method.name: method for file in _FILES for method in file.METHODS}
