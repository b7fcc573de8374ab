"""What an arm's name stands for in a run: a model, an adapter, passages; opened as an Answerer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from understudy.answer import ModelAnswerer, open_answerer
from understudy.artifact import Artifact
from understudy.errors import RecipeError
from understudy.models.open import open_language_model
from understudy.retrieval.config import SearchConfig
from understudy.retrieval.open import Index, open_index
from understudy.types import Arm, Chunk, LanguageModel

MAKERS = {"merged": "merge", "aligned": "align"}
"""Arms that name a model on the way, and the stage that makes it."""


@dataclass
class Answerers:
    """Opens the arms of a run.

    model: the model as it reaches fine-tuning: the recipe's, or what merge or align made of it.
    artifacts: finished artifacts by stage. search: how the index is searched; None takes the defaults.
    A model is kept only while arms of the same model follow, the index for good.
    """

    model: str
    artifacts: Mapping[str, Artifact]
    search: SearchConfig | None = None
    device: str = "auto"
    _opened: tuple[tuple[str, Path | None], LanguageModel] | None = field(default=None, init=False)
    _index: Index | None = field(default=None, init=False)

    def open(self, arm: Arm) -> ModelAnswerer:
        """The arm, ready to answer. Raises RecipeError naming the stage that it needs and the run does not have,
        ModelError where the model cannot be loaded."""
        if arm.context == "rag" and "index" not in self.artifacts:
            raise RecipeError(f"benchmark.arms: '{arm.name}' needs an index; add `index: {{}}` to the recipe")
        reference, adapter = self.behind(arm)
        search = self.search or SearchConfig()
        return open_answerer(
            arm,
            model=reference,
            adapter=adapter,
            retriever=self.index if arm.context == "rag" else None,
            chunks=self.artifacts["chunk"].records("chunks", Chunk) if "chunk" in self.artifacts else (),
            top_k=search.top_k,
            reader=self._model(reference, adapter),
        )

    def behind(self, arm: Arm) -> tuple[str, Path | None]:
        """The model reference and adapter folder behind an arm's name."""
        if arm.model == "base":
            return self.model, None
        if arm.model == "sft":
            if "sft" not in self.artifacts:
                raise RecipeError(
                    f"benchmark.arms: '{arm.name}' needs a fine-tuned model; add `sft: {{}}` to the recipe"
                )
            folder = self.artifacts["sft"].path
            whole = folder / "model"
            return (str(whole), None) if whole.is_dir() else (self.model, folder / "adapter")
        made = MAKERS.get(arm.model)
        if made is None:
            return arm.model, None
        if made not in self.artifacts:
            raise RecipeError(f"benchmark.arms: '{arm.name}' needs the stage '{made}'; add `{made}:` to the recipe")
        return str(self.artifacts[made].path / "model"), None

    @property
    def index(self) -> Index:
        """The run's index, opened once."""
        if self._index is None:
            self._index = open_index(self.artifacts["index"].path, self.search, device=self.device)
        return self._index

    def _model(self, reference: str, adapter: Path | None) -> LanguageModel:
        if self._opened is None or self._opened[0] != (reference, adapter):
            self._opened = None  # one model in memory at a time
            self._opened = (reference, adapter), open_language_model(reference, adapter=adapter, device=self.device)
        return self._opened[1]
