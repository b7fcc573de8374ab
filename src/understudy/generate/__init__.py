"""Chunks in, question–answer pairs and multiple-choice items out: teachers, held-out wordings, filters."""

from understudy.generate.config import GenerateConfig

__all__ = ["GenerateConfig"]
