"""A run's arm → what `write.py` exports, and what the written model is compared on: the run's own corpus and exam."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from understudy.answer import ModelAnswerer
from understudy.answerers import Answerers
from understudy.benchmark.questions import link
from understudy.benchmark.summary import Summary
from understudy.errors import InputError
from understudy.evaluation.items import spread
from understudy.export import parity
from understudy.export.carried import carry
from understudy.export.config import EXAM_QUESTIONS, check_format
from understudy.export.measured import Measured
from understudy.export.parity import Material
from understudy.export.write import Exported, Source, export
from understudy.models.load import open_model
from understudy.pipeline.runs import OpenedRun
from understudy.types import Arm, Chunk, MCQItem


def export_run(
    run: OpenedRun,
    arm: str,
    out: Path,
    *,
    format: str = "hf",
    quants: Sequence[str] = (),
    questions: int = EXAM_QUESTIONS,
    force: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> Exported:
    """Write the model behind an arm of a run. See `write.export`; questions: of the exam, sat again, at most.

    Raises InputError besides where the run has no model, or nothing on which to compare.
    """
    chosen = Arm.parse(arm)
    if run.model is None:
        raise InputError(f"run '{run.record.label}' has no model to export; run its recipe to the end first")
    for stage in ("sft",) if chosen.model == "sft" else ():
        run.artifact(stage)
    if chosen.context == "rag":
        run.artifact("index")
    index, base_model = run.record.settings().index, run.model
    answerers = Answerers(run.model, run.artifacts, index.search if index else None, "cpu")
    reference, adapter = answerers.behind(chosen)
    chunks = run.artifacts["chunk"].records("chunks", Chunk) if "chunk" in run.artifacts else []
    exam = next(
        (run.artifacts[s].records("items", MCQItem) for s in ("benchmark", "generate") if s in run.artifacts), []
    )
    if not chunks and not exam:
        raise InputError(
            f"run '{run.record.label}' has neither passages nor an exam on which to compare what is written"
        )
    linked = link(spread(exam, questions), chunks)
    if chosen.context == "oracle":
        linked = [q for q in linked if q.gold]

    def material(measured: Measured) -> tuple[Material, ModelAnswerer]:
        answerer = ModelAnswerer(
            chosen, measured, answerers.index if chosen.context == "rag" else None, tuple(chunks),
            index.search.top_k if index else 1, min(256, measured.window // 4),
        )  # fmt: skip
        base = None
        if chosen.model == "sft" and linked:
            other = Measured(*open_model(base_model, device="cpu"), name=f"{run.record.label}:base")
            base = replace(answerer, arm=replace(chosen, model="base"), reader=other)
        return Material([c.text for c in chunks], linked, parity.shown(linked, answerer), base), answerer

    sentence = None
    if "benchmark" in run.artifacts:
        sentence = Summary.read(run.artifacts["benchmark"].path / "summary.json").headline
    source = Source(run.record.label, arm, reference, adapter, sentence)
    if check_format(format) == "serve":
        if quants:
            raise InputError("--quant belongs to GGUF files, not to --format serve")
        return carry(run, source, out, force=force, material=material, say=say)
    return export(source, out, format=format, quants=quants, force=force, material=material, say=say)
