"""Task arithmetic: add what each fine-tune changed (Ilharco et al. 2022, arXiv 2212.04089).

θ = base + λ·Σ wᵢ·(θᵢ − base)
"""

from __future__ import annotations

from understudy.merge.base import Values
from understudy.merge.blocks import Blocks
from understudy.merge.task_vectors import TaskVectors, Thin


class TaskArithmetic(TaskVectors):
    passes = 1

    def thin(self, x: Blocks, p: Values) -> Thin | None:
        return None


METHODS = (TaskArithmetic("task_arithmetic", "Task arithmetic", "https://arxiv.org/abs/2212.04089", consensus=False),)
