"""Load, save, weigh and generate: language models behind the one protocol `understudy.types.LanguageModel`.

`ref` and `resolve` are light (no torch); `open.open_language_model` imports the engine that a reference names.
"""

from understudy.models.ref import ModelRef

__all__ = ["ModelRef"]
