"""The vocabulary projection only where it is needed.

With a vocabulary of 49,152 the last layer of a 135-million-parameter model is a fifth of its arithmetic, and its
output, four bytes a token and word, most of the memory of a pass. Prompts need none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

LARGE_VOCABULARY = 1 << 14
"""From here on the projection is worth leaving out; the bundled models' is smaller."""


@contextmanager
def only_at(model: Any, where: torch.Tensor) -> Iterator[None]:
    """Within, a forward pass returns logits (positions, vocabulary) of the positions that `where` (rows, tokens) marks.

    In the order of rows, then tokens. It works through wrappers (PEFT, DDP), since the projection is looked up.
    """

    def select(_: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return (given[0][where], *given[1:])

    handle = model.get_output_embeddings().register_forward_pre_hook(select)
    try:
        yield
    finally:
        handle.remove()


def vocabulary(model: Any) -> int:
    """Rows of the projection."""
    return int(model.get_output_embeddings().weight.shape[0])
