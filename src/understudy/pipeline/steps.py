"""The stages in their order: what each reads, and where its settings, its estimate and its work are defined."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from understudy.align.estimate import estimate as estimate_align
from understudy.artifact import Artifact
from understudy.benchmark.estimate import estimate as estimate_benchmark
from understudy.chunk.estimate import estimate as estimate_chunk
from understudy.config import StageConfig
from understudy.errors import RecipeError
from understudy.generate.estimate import estimate as estimate_generate
from understudy.index.estimate import estimate as estimate_index
from understudy.ingest.estimate import estimate as estimate_ingest
from understudy.merge.estimate import estimate as estimate_merge
from understudy.recipe import Recipe
from understudy.sft.estimate import estimate as estimate_sft
from understudy.stage import Estimate, Run

# A stage's work is imported when it runs: `understudy plan` and `--help` load no model library.


def _merge() -> Run:
    from understudy.merge.stage import run

    return run


def _align() -> Run:
    from understudy.align.stage import run

    return run


def _ingest() -> Run:
    from understudy.ingest.stage import run

    return run


def _refresh_site(config: Any, say: Callable[[str], None]) -> None:
    if config.kept is None:
        return
    from understudy.ingest.site import refresh

    refresh(config, say, logging.getLogger("understudy.ingest").warning)


def _chunk() -> Run:
    from understudy.chunk.stage import run

    return run


def _generate() -> Run:
    from understudy.generate.stage import run

    return run


def _index() -> Run:
    from understudy.index.stage import run

    return run


def _sft() -> Run:
    from understudy.sft.stage import run

    return run


def _benchmark() -> Run:
    from understudy.benchmark.stage import run

    return run


@dataclass(frozen=True, slots=True)
class Step:
    """A stage's place in the pipeline.

    load: imports and returns its work. estimate: what it will take, from its settings and earlier counts.
    needs: stages without whose artifact it cannot run. wants: stages whose artifact it uses where there is one.
    model: how the model enters its key: its `weights`, its `tokenizer` only, the recipe's own `base` where it names
        one, or not at all.
    follows: stages of the run from whose model the training goes on (`sft.start: previous`) whose artifacts it reads.
    refresh: fetches what its settings name elsewhere, so that its files are there before the key is made.
    makes_model: its artifact's `model/` folder is the model for the stages below.
    """

    name: str
    load: Callable[[], Run]
    estimate: Callable[[Any, Mapping[str, Mapping[str, Any]]], Estimate]
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    model: Literal["", "base", "tokenizer", "weights"] = ""
    makes_model: bool = False
    follows: tuple[str, ...] = ()
    refresh: Callable[[Any, Callable[[str], None]], None] | None = None

    def reads(self, config: StageConfig) -> tuple[str, ...]:
        """The stages whose artifacts it reads under these settings, where the recipe has them."""
        return (*self.needs, *(name for name in self.wants if name not in config.unread()))


STAGES: tuple[Step, ...] = (
    Step("merge", _merge, estimate_merge, model="base", makes_model=True),
    Step("align", _align, estimate_align, model="weights", makes_model=True),
    Step("ingest", _ingest, estimate_ingest, refresh=_refresh_site),
    Step("chunk", _chunk, estimate_chunk, needs=("ingest",), model="tokenizer"),
    Step("generate", _generate, estimate_generate, needs=("ingest", "chunk")),
    Step("index", _index, estimate_index, needs=("chunk",)),
    Step(
        "sft",
        _sft,
        estimate_sft,
        needs=("chunk", "generate"),
        wants=("index",),
        model="weights",
        follows=("generate", "sft"),
    ),
    Step(
        "benchmark",
        _benchmark,
        estimate_benchmark,
        needs=("chunk",),
        wants=("merge", "align", "generate", "index", "sft"),
        model="weights",
        follows=("generate", "sft", "benchmark"),
    ),
)


def steps_of(recipe: Recipe) -> list[tuple[Step, StageConfig]]:
    """The stages that this recipe has, in order. Raises RecipeError where one lacks a stage that it needs."""
    chosen = [(step, config) for step in STAGES if (config := recipe.section(step.name)) is not None]
    present = {step.name for step, _ in chosen}
    for step, _ in chosen:
        for need in step.needs:
            if need not in present:
                raise RecipeError(f"{step.name}: needs the stage '{need}'; add `{need}: {{}}` to the recipe")
    return chosen


def model_before(
    stage: str | None, base_model: str | None, stages: Sequence[str], artifacts: Mapping[str, Artifact]
) -> str | None:
    """The model as it reaches a stage (None: as it leaves the last): the recipe's, or what the last stage that makes
    a model made of it; None while that stage, one of `stages`, has no artifact yet."""
    model = base_model
    for step in STAGES:
        if step.name == stage:
            break
        if step.makes_model and step.name in stages:
            model = str(artifacts[step.name].path / "model") if step.name in artifacts else None
    return model
