"""What is served: the arms of a run, each under a name that clients take for a model."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from understudy.answer import ModelAnswerer, open_answerer
from understudy.answerers import Answerers
from understudy.benchmark.summary import Summary
from understudy.errors import UnderstudyError
from understudy.models.open import open_language_model
from understudy.opened import Run
from understudy.retrieval.open import Index
from understudy.serve.problems import Problem
from understudy.types import Arm, Chunk, LanguageModel


@dataclass
class Served:
    """A run, open for questions. default: the arm that answers under the run's own name.

    Models stay in memory once they were asked: arms of one model share it.
    """

    run: Run
    default: str
    device: str = "auto"
    _models: dict[tuple[str, Path | None], LanguageModel] = field(default_factory=dict)
    _answerers: dict[str, ModelAnswerer] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return self.run.name

    def arms(self) -> list[str]:
        """The arms that can answer a new question, the default first."""
        have = self.run.artifacts
        models = ["base", *(["sft"] if "sft" in have else [])]
        found = [f"{model}{context}" for model in models for context in ("", *(["+rag"] if "index" in have else []))]
        return [self.default, *(arm for arm in found if arm != self.default)]

    def models(self) -> list[str]:
        """Every name that a request may give as `model`."""
        return [self.name, *(f"{self.name}/{arm}" for arm in self.arms())]

    def arm_of(self, model: str) -> str:
        """The arm behind a model's name. Raises Problem (404) naming those there are."""
        if model in ("", self.name, "default"):
            return self.default
        name, _, arm = model.partition("/")
        wanted = arm if name == self.name else model
        if wanted in self.arms():
            return wanted
        raise Problem(
            404, f"no model '{model}'; there are: {', '.join(self.models())}", param="model", code="model_not_found"
        )

    def answerer(self, arm: str) -> ModelAnswerer:
        """The arm, ready to answer; opened at its first question."""
        with self._lock:
            if arm not in self._answerers:
                self._answerers[arm] = self._open(Arm.parse(arm))
            return self._answerers[arm]

    def opened(self, arm: str) -> ModelAnswerer | None:
        """The arm where it was asked before."""
        return self._answerers.get(arm)

    def _open(self, arm: Arm) -> ModelAnswerer:
        opened = self._opener
        reference, adapter = opened.behind(arm)
        if (reference, adapter) not in self._models:
            self._models[reference, adapter] = open_language_model(reference, adapter=adapter, device=self.device)
        search = opened.search
        return open_answerer(
            arm,
            model=reference,
            adapter=adapter,
            retriever=opened.index if arm.context == "rag" else None,
            chunks=(),
            top_k=search.top_k if search else 5,
            reader=self._models[reference, adapter],
        )

    @property
    def index(self) -> Index:
        """The run's index, opened once."""
        return self._opener.index

    @cached_property
    def _opener(self) -> Answerers:
        index = self.run.recipe.index
        return Answerers(self.run.model, self.run.artifacts, index.search if index else None, self.device)

    @cached_property
    def chunks(self) -> dict[str, Chunk]:
        """The passages by id."""
        if "chunk" not in self.run.artifacts:
            return {}
        return {chunk.chunk_id: chunk for chunk in self.run.artifact("chunk").records("chunks", Chunk)}

    def summary(self) -> Summary | None:
        """What the benchmark found; None without one."""
        try:
            return self.run.summary
        except UnderstudyError:
            return None
