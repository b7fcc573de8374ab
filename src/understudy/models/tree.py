"""Token sequences that begin alike, as one tree: each part is read once, and each token sees only its own past.

A mask says which earlier tokens are a token's own past, as in SpecInfer (arXiv 2305.09781), and positions go on where
the part before ended, so that the model computes for every sequence what it would compute for it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

MIN_SHARED = 32  # a shorter common beginning costs more to split off than to repeat


@dataclass(slots=True)
class Tree:
    """parts[t]: the part that token t belongs to; parents[p]: the part before part p, -1 for none."""

    tokens: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def add(self, tokens: Sequence[int], parent: int, position: int) -> int:
        """Append a part whose first token stands at `position`; returns its number, or its parent's where empty."""
        if not tokens:
            return parent
        self.parents.append(parent)
        self.tokens += tokens
        self.positions += range(position, position + len(tokens))
        self.parts += [len(self.parents) - 1] * len(tokens)
        return len(self.parents) - 1

    def sees(self) -> torch.Tensor:
        """(tokens, tokens): whether a row's token may attend to a column's."""
        before = torch.zeros(len(self.parents), len(self.parents), dtype=torch.bool)
        for part, parent in enumerate(self.parents):  # a parent stands before its parts
            if parent >= 0:
                before[part] = before[parent]
                before[part, parent] = True
        parts = torch.tensor(self.parts)
        earlier = torch.ones(len(parts), len(parts), dtype=torch.bool).tril()
        return ((parts[:, None] == parts) & earlier) | before[parts][:, parts]


def grow(sequences: Sequence[list[int]]) -> tuple[Tree, list[list[int]]]:
    """The tree of some sequences, whatever they begin with alike, and the column of every token of each."""
    tree = Tree()
    columns: list[list[int]] = [[] for _ in sequences]

    def branch(members: list[int], start: int, parent: int) -> None:
        end = common(sequences[members[0]], sequences[members[-1]])  # in lexicographic order these differ first
        column = len(tree.tokens)
        part = tree.add(sequences[members[0]][start:end], parent, start)
        for i in members:
            columns[i] += range(column, column + end - start)
        after: dict[int, list[int]] = {}
        for i in members:
            if len(sequences[i]) > end:
                after.setdefault(sequences[i][end], []).append(i)
        for some in after.values():
            branch(some, end, part)

    if sequences:
        branch(sorted(range(len(sequences)), key=lambda i: sequences[i]), 0, -1)
    return tree, columns


def size(sequences: Sequence[list[int]]) -> int:
    """Tokens of the tree that `grow` makes: what each sequence adds to the one before, in lexicographic order."""
    ordered = sorted(sequences)
    return sum(len(b) - common(a, b) for a, b in zip([[], *ordered], ordered, strict=False))


def common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences begin with alike."""
    limit = min(len(a), len(b))
    for k in range(limit):
        if a[k] != b[k]:
            return k
    return limit


def additive(sees: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A mask to add to attention scores: 0 where a token is seen, the type's least number elsewhere."""
    return torch.zeros(sees.shape, dtype=dtype).masked_fill(~sees, torch.finfo(dtype).min)


def takes_trees(config: Any, longest: int) -> bool:
    """Whether a model's attention takes a mask of our own: not flash attention, and no window that slides.

    longest: tokens of the longest sequence, which a sliding window must hold whole.
    """
    config = config.get_text_config() if hasattr(config, "get_text_config") else config
    window = getattr(config, "sliding_window", None)
    plain = not any("linear" in kind or "conv" in kind for kind in getattr(config, "layer_types", None) or ())
    implementation = getattr(config, "_attn_implementation", None)
    return plain and implementation in ("sdpa", "eager") and (window is None or longest < window)
