"""A study file in, study.md and study.json out: the published experiment in miniature, over several seeds.

Every measurement is a run of a recipe (`understudy.pipeline`), so each step is cached and an interrupted study goes
on; what is added here is which recipes to run, and what their results say together.
"""

from understudy.study.config import StudyConfig, load

__all__ = ["StudyConfig", "load"]
