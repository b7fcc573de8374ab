"""Chunks in, question–answer pairs and multiple-choice items out: teachers, held-out paraphrases, filters."""

from understudy.generate.config import GenerateConfig

__all__ = ["GenerateConfig"]
