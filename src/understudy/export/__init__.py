"""A run's model in, a folder or file that other programs run out, with proof that it is the model that was measured."""

from understudy.export.config import FORMATS, LIMITS, QUANTS, Limits

__all__ = ["FORMATS", "LIMITS", "QUANTS", "Limits"]
