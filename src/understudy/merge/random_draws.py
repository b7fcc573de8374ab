"""Random numbers that depend on what they are for, not on who draws them or when.

Each (seed, tensor, model) has a salt, and an element's number is a hash of its place under that salt: any thread
draws any block, and gets the same numbers.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from understudy.merge import kernels
from understudy.merge.block import Block
from understudy.merge.blocks import Blocks

Salt = tuple[int, int]


def salt(x: Blocks, purpose: object) -> Salt:
    """Two 32-bit salts for one purpose (a model's number) within a tensor."""
    digest = hashlib.sha256(f"{x.seed}\0{x.name}\0{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")


def bits(x: Blocks, salted: Salt, block: Block) -> NDArray[np.uint32]:
    """32 random bits for each element of a block, in this thread's scratch memory."""
    out: NDArray[np.uint32] = x.workers.buffer("bits", (block.x.shape[1],), np.uint32)
    kernels.random_bits(*salted, block.start, out)
    return out


def below(probability: float) -> int:
    """The limit under which 32 random bits fall with this probability (below one)."""
    return min(round(probability * 2**32), 2**32 - 1)
