"""All that the report shows as plain values: the content of report.json, and what the page is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.artifact import Artifact, to_plain
from understudy.benchmark.summary import Summary
from understudy.report.coverage import coverage
from understudy.report.glossary import CAUSES
from understudy.report.provenance import provenance
from understudy.report.questions import passages, questions
from understudy.report.sources import Sources
from understudy.report.training import training
from understudy.report.verdict import arms, attribution, exclusions, verdict
from understudy.types import Chunk

SCHEMA = 1


def gather(run: Mapping[str, Any], artifacts: Mapping[str, Artifact]) -> dict[str, Any]:
    """The findings of a run. What a missing stage would have filled is empty, and `missing` says why."""
    sources = Sources(artifacts)
    chunks = sources.records("chunk", "chunks", Chunk)
    by_id = {chunk.chunk_id: chunk for chunk in chunks}
    summary = sources.summary()
    shown = arms(summary) if summary else []
    asked = questions(sources, chunks, [arm["name"] for arm in shown])
    findings = {
        "schema": SCHEMA,
        "run": dict(run),
        "verdict": verdict(summary) if summary else None,
        "arms": shown,
        "attribution": attribution(summary, CAUSES) if summary else [],
        "exclusions": exclusions(summary) if summary else [],
        "benchmark": to_plain(summary) if summary else None,
        "training": training(sources),
        "coverage": coverage(sources, chunks),
        "questions": asked,
        "passages": passages(asked, by_id),
        "provenance": provenance(run, sources),
    }
    return {
        **findings,
        "missing": _missing(run, sources, summary),
        "problems": list(dict.fromkeys(sources.problems)),
    }


def _missing(run: Mapping[str, Any], sources: Sources, summary: Summary | None) -> list[str]:
    """What the report cannot show, why, and what to do about it."""
    told = []
    planned: Mapping[str, Any] = run.get("artifacts") or {}
    recipe: Mapping[str, Any] = run.get("recipe") or {}
    lacks = {
        "benchmark": "no verdict, no comparison and no questions",
        "sft": "no fine-tuned model and no training curve",
        "generate": "no teaching material and no account of what became of each chunk",
        "index": "no search and no arm that uses it",
        "ingest": "no list of documents and skipped files",
        "chunk": "no passages",
    }
    for stage, what in lacks.items():
        if sources.get(stage) is not None:
            continue
        section = "docs" if stage == "ingest" else stage
        if stage in planned:
            why = "its artifact is no longer in the store; run the recipe again to make it anew"
        elif recipe.get(section) is not None:
            why = "it has not run yet; the same command goes on from where it stopped"
        else:
            why = f"the recipe leaves it out; add `{section}:` to have it"
        told.append(f"{stage}: {what}: {why}.")
    if summary is not None and (summary.general is None or not (summary.general.tasks or summary.general.kl)):
        note = summary.general.note if summary.general else ""
        told.append(
            "Forgetting: whether general skills suffered was not measured. "
            + (note or "Add `general: [suite]` to `benchmark:` to have it.")
        )
    return told
