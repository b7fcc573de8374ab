"""One door to every reader: the reference's scheme chooses the engine, which is imported only then."""

from __future__ import annotations

from pathlib import Path

from understudy.errors import InputError
from understudy.models.ref import ModelRef
from understudy.types import LanguageModel


def open_language_model(ref: str, *, adapter: Path | None = None, device: str = "auto") -> LanguageModel:
    """Open the model behind `ref`, with a PEFT adapter on it where one is given.

    Raises InputError for a model that is not there, ModelError where it cannot be loaded, MissingExtraError
    where its engine is not installed.
    """
    parsed = ModelRef.parse(ref)
    if adapter is not None and parsed.scheme in ("openai", "anthropic"):
        raise InputError(f"model '{ref}': an adapter cannot be put on it here; use ./folder, hf:org/name or lab:reader")
    if parsed.scheme in ("openai", "anthropic"):
        from understudy.models.served import ServedModel

        return ServedModel(parsed.name, base_url=parsed.base_url, protocol=parsed.scheme)
    from understudy.models.adapter import merge_adapter
    from understudy.models.load import open_model, to_compute
    from understudy.models.reader import TransformersModel

    model, tokenizer = open_model(ref, device=device)
    if adapter is not None:
        # Merged, so that what is measured is what an export writes, and no slower than the base.
        model = merge_adapter(model, adapter)
    model = to_compute(model)
    return TransformersModel(model, tokenizer, name=ref if adapter is None else f"{ref}+{adapter.name}")
