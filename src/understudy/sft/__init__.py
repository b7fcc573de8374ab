"""Model and question–answer pairs in, a taught adapter (or model) out."""

from understudy.sft.config import MixConfig, ReplayConfig, SftConfig

__all__ = ["MixConfig", "ReplayConfig", "SftConfig"]
