"""Load, save, weigh and generate: language models behind the one protocol `understudy.types.Reader`.

`ref` and `resolve` are light (no torch); `open.open_reader` imports the engine that a reference names.
"""

from understudy.models.ref import ModelRef

__all__ = ["ModelRef"]
