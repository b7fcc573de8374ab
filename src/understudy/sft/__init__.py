"""Model and question–answer pairs in, a taught adapter (or model) out."""

from understudy.sft.config import MixConfig, ReplayConfig, SftConfig, SweepConfig

__all__ = ["MixConfig", "ReplayConfig", "SftConfig", "SweepConfig"]
