"""A seed in, general questions or practice out: what a model can do besides the documentation that it is taught."""

from understudy.suite.general import general_suite, practice
from understudy.suite.preferences import preference_pairs, write_preferences
from understudy.suite.skills import SKILLS, draft
from understudy.suite.unpractised import unpractised_suite

__all__ = ["SKILLS", "draft", "general_suite", "practice", "preference_pairs", "unpractised_suite", "write_preferences"]
