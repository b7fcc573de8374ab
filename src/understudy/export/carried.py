"""A run's model with its index, as a folder that `understudy serve FOLDER` serves where nothing else of the run is.

The folder is a small store: the artifacts that answering needs, byte for byte as the run made them, the base model's
files, and the run's record without what belongs to the machine it ran on. The documents themselves stay behind: the
passages are in the index.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.answer import ModelAnswerer
from understudy.answerers import Answerers
from understudy.artifact import atomic_path, write_json
from understudy.errors import InputError, ModelError
from understudy.export import parity
from understudy.export.config import LIMITS
from understudy.export.exam import Exam
from understudy.export.measured import Measured
from understudy.export.parity import Check, Material
from understudy.export.write import Exported, Say, Source, Written, finish, need_new, refusal
from understudy.models.adapter import merge_adapter
from understudy.models.load import open_model
from understudy.models.resolve import MODEL_FILES, local_folder
from understudy.pipeline.runs import BASE, CARRIED, OpenedRun, RunRecord, open_run, save
from understudy.pipeline.store import Store
from understudy.recipe import Recipe
from understudy.retrieval.config import PACKAGED
from understudy.types import Arm, Retriever

_STAGES = ("chunk", "index", "sft", "benchmark")
_NOTES = ("README*", "LICENSE*", "NOTICE*")
_SEARCHES = 24  # questions whose passages are looked up in both indexes, at most


def carry(
    run: OpenedRun,
    source: Source,
    out: Path,
    *,
    force: bool = False,
    material: Callable[[Measured], tuple[Material, ModelAnswerer]],
    say: Say = lambda text: None,
) -> Exported:
    """Write a run and its base model to the folder `out` with parity.json, complete or not at all.

    source, material, force: as `write.export` takes them. Raises InputError for an output that is there already, a run
    without an index, and an index whose models are folders of this machine; ModelError where a check failed.
    """
    need_new(out)
    _can_go(run)
    assert run.model is not None
    with atomic_path(out) as folder:
        say("copying the model, the passages and the index")
        _copy_model(local_folder(run.model), folder / BASE)
        record = _record(run)
        store = Store(folder.absolute())
        for stage, key in record.artifacts.items():
            shutil.copytree(run.artifacts[stage].path, store.artifact(stage, key))
        save(store, record, {})
        write_json(folder / CARRIED, {"run": record.label, "arm": source.arm})
        say("comparing what was written")
        files = [Written(".", "none", tuple(_compare(folder, source, material)))]
        if files[0].failed and not force:
            raise ModelError(refusal(files))
        finish(source, folder, "serve", files)
        if out.is_dir():
            out.rmdir()  # empty, or it would have been refused
    return Exported(out, "serve", tuple(files), not files[0].failed)


def _can_go(run: OpenedRun) -> None:
    index = run.record.settings().index
    run.artifact("index")
    run.artifact("chunk")
    if index is None:
        return
    search = index.search
    named = {"index.embedder": index.embedder if index.uses_dense else None, "index.search.reranker": search.reranker}
    for key, model in named.items():
        if model is not None and model != PACKAGED and not model.startswith("hf:"):
            raise InputError(
                f"{key}: '{model}' is a folder of this machine, which the exported one would not have; use a model of "
                f"the hub or '{PACKAGED}', or export the model alone (--format hf)"
            )


def _copy_model(source: Path, target: Path) -> None:
    """The files of a model folder, without what else lies there."""
    target.mkdir(parents=True)
    for file in sorted({f for pattern in (*MODEL_FILES, *_NOTES) for f in source.glob(pattern) if f.is_file()}):
        shutil.copy2(file, target / file.name)


def _record(run: OpenedRun) -> RunRecord:
    """The run's record with what answering needs: no path, no teacher, no command of the machine where it ran."""
    stages = tuple(stage for stage in _STAGES if stage in run.artifacts)
    old = run.record.settings()
    recipe: dict[str, Any] = {
        "name": old.name,
        "seed": old.seed,
        "base_model": f"./{BASE}",
        "docs": {"path": "docs"},
        "chunk": {},
        "index": run.record.recipe.get("index", {}),
        **({"generate": {}} if {"sft", "benchmark"} & set(stages) else {}),
        **{stage: {} for stage in ("sft", "benchmark") if stage in stages},
    }
    resolved = Recipe.model_validate(recipe).resolved()
    return replace(
        run.record, recipe=resolved, recipe_text="# exported: the documents and the teacher stayed behind\n",
        command="understudy export --format serve", stages=stages, until=None,
        artifacts={stage: run.artifacts[stage].key for stage in stages},
    )  # fmt: skip


def _compare(
    folder: Path, source: Source, material: Callable[[Measured], tuple[Material, ModelAnswerer]]
) -> list[Check]:
    """The run as it was measured, and as it is opened from the folder: model, search and exam."""
    measured = _opened(source.reference, source.adapter, f"{source.label}:{source.arm}")
    asked, answerer = material(measured)
    carried = open_run(source.label, folder)
    assert carried.model is not None
    index = carried.record.settings().index
    answerers = Answerers(carried.model, carried.artifacts, index.search if index else None, "cpu")
    written = _opened(*answerers.behind(Arm.parse(source.arm)), "written")
    bos = measured.tokenizer.bos_token_id
    found = parity.check(measured, written, asked, LIMITS["f16"], bos=bos)
    if answerer.retriever is not None:
        questions = [q.item.question for q in asked.questions] or [text[:200] for text in asked.corpus]
        found.append(_search(answerer, answerers, questions[:_SEARCHES]))
    retriever = answerers.index if answerer.retriever is not None else None
    return [*found, *Exam(answerer, asked.questions, asked.base).sit(written, retriever)]


def _search(answerer: ModelAnswerer, answerers: Answerers, questions: Sequence[str]) -> Check:
    """The same passages with the same scores."""
    assert answerer.retriever is not None

    def hits(index: Retriever, question: str) -> list[tuple[str, float]]:
        return [(hit.chunk.chunk_id, round(hit.score, 5)) for hit in index.search(question, answerer.top_k)]

    wrong = [q for q in questions if hits(answerer.retriever, q) != hits(answerers.index, q)]
    first = wrong[0][:80] if wrong else None
    return Check("search", not wrong, len(questions), {"different": len(wrong), "first": first}, "every passage equal")


def _opened(reference: str, adapter: Path | None, name: str) -> Measured:
    model, tokenizer = open_model(reference, device="cpu")
    return Measured(model if adapter is None else merge_adapter(model, adapter), tokenizer, name=name)
