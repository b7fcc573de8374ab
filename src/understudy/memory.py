"""Memory that nothing holds any more, given back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import lru_cache
from typing import Any


def give_back(collect: bool = False) -> None:
    """Return freed memory of this process to the system; nothing where the C library is not glibc.

    glibc keeps blocks of up to 32 MB for itself once they are freed. The tensors of passes of ever other lengths leave
    gaps between them that nothing fits into, so that a training holds several times what it uses.

    collect: whether objects that hold each other are looked for first.
    """
    if collect:
        gc.collect()
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


@lru_cache(maxsize=1)
def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None  # musl has none
