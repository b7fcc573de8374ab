"""Random numbers that depend on what they are for, not on who draws them or when.

Each (seed, tensor, model) keys a Philox generator (Salmon et al. 2011, doi 10.1145/2063384.2063405), and each
block has its own counter: any thread draws any block, and gets the same numbers.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from understudy.merge.base import Block
from understudy.merge.blocks import Blocks


def uniform(x: Blocks, model: int, block: Block) -> NDArray[np.uint32]:
    """One number in 0 … 2³² − 1 for each element of a block, for one model of a merge."""
    digest = hashlib.sha256(f"{x.seed}\0{x.name}\0{model}".encode()).digest()
    key = np.frombuffer(digest[:16], "<u8")
    n = block.x.shape[1]
    generator = np.random.Philox(key=key, counter=[0, block.index, 0, 0])
    return generator.random_raw((n + 1) // 2).view(np.uint32)[:n]


def below(probability: float) -> int:
    """The limit under which a draw falls with this probability."""
    return round(probability * 2**32)
