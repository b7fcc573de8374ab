"""The merge stage: writes the merged model to `ctx.out / "model"`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from understudy.answer import closed_book
from understudy.evaluation.development import accuracy, load_development
from understudy.merge.config import MergeConfig
from understudy.merge.document import load
from understudy.merge.methods import METHODS
from understudy.merge.schema import Merge
from understudy.merge.search import search
from understudy.merge.series import merge_series
from understudy.merge.smoke import smoke_test
from understudy.models.open import open_language_model
from understudy.models.resolve import local_folder
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.suite import general_suite


def run(config: MergeConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Merge the parents named in the configuration; interrupted work in `ctx.work` is taken up again.

    Where the method needs a base and the section names none, the recipe's base_model is taken. `search:` scores
    each candidate by the development questions that it names.
    """
    documents: list[Merge] = [*load(Path(config.config))] if config.config else [config]
    stated = config.max_memory if "max_memory" in config.model_fields_set else None
    limits = {"max_memory": stated, "threads": config.threads}
    documents = [_with_base(d, inputs.base_model) for d in documents]
    metrics: dict[str, Any] = {}
    if documents[-1].search is not None:
        score = partial(accuracy_of, documents[-1].search.questions)
        found = search(
            documents, score, ctx.work / "search", **limits, seed=ctx.seed, resolve=local_folder, progress=ctx.progress
        )
        documents[-1] = found.config
        trials = [{"value": t.value, "score": t.score} for t in found.trials]
        metrics["search"] = {"value": found.value, "score": found.score, "trials": trials}
    report = merge_series(
        documents,
        ctx.out / "model",
        **limits,
        seed=ctx.seed,
        work=ctx.work,
        resolve=local_folder,
        progress=ctx.progress,
    )
    for warning in report.warnings:
        ctx.logger.warning("merge: %s", warning)
    spoken = (
        smoke_test(ctx.out / "model", config.max_memory) if config.smoke_test and documents[-1].smoke_test else None
    )
    metrics |= {
        "merge_method": report.method,
        "seconds": report.seconds,
        "bytes_in": report.bytes_in,
        "bytes_out": report.bytes_out,
        "linear_share": report.linear_share,
        "mean_cosine": report.mean_cosine,
        "likeness": {x.reference: {"cosine": x.cosine, "change": x.change} for x in report.likeness},
        "smoke_test": spoken,
        "warnings": list(report.warnings),
    }
    return StageOutput(metrics, {"tensors": report.n_tensors, "models": len(documents[-1].references())})


def accuracy_of(questions: str, folder: Path) -> float | None:
    """Closed-book accuracy of a model in a folder, on the general suite (`suite`) or a file of questions."""
    items = general_suite() if questions == "suite" else load_development(Path(questions), "merge.search.questions")
    return accuracy(closed_book(open_language_model(str(folder))), items)


def _with_base(config: Merge, base_model: str) -> Merge:
    if (
        config.base_model
        or not base_model
        or not config.merge_method
        or METHODS[config.merge_method].base != "required"
    ):
        return config
    return config.model_copy(update={"base_model": base_model})
