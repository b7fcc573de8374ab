"""Chunks in, a retriever out.

`stage.run` builds an immutable index once per corpus; `understudy.retrieval` searches it.
"""

from understudy.index.config import IndexConfig

__all__ = ["IndexConfig"]
