"""Model and preference pairs in, a model that prefers the chosen answers out."""

from understudy.align.config import AlignConfig

__all__ = ["AlignConfig"]
