"""Chunks in, a retriever out.

`stage.run` builds an immutable index once per corpus; `open.open_index` opens one as a `Retriever`.
"""

from understudy.index.config import IndexConfig

__all__ = ["IndexConfig"]
