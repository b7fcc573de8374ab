"""Task arithmetic: add what each fine-tune changed (Ilharco et al. 2022, arXiv 2212.04089).

θ = base + λ·Σ wᵢ·(θᵢ − base)
"""

from __future__ import annotations

from understudy.merge.blocks import Blocks
from understudy.merge.methods.base import Values
from understudy.merge.methods.task_vectors import Sparsify, TaskVectors


class TaskArithmetic(TaskVectors):
    passes = 1

    def __init__(self) -> None:
        super().__init__("task_arithmetic", "Task arithmetic", "https://arxiv.org/abs/2212.04089", consensus=False)

    def sparsify(self, x: Blocks, p: Values) -> Sparsify | None:
        return None
