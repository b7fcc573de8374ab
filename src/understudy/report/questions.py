"""Every question with its options, each arm's answer, what was found for it, and where the answer stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from understudy.benchmark.attribution import cause
from understudy.benchmark.questions import link
from understudy.evaluation.question import Question, Results, right
from understudy.prompts import LETTERS
from understudy.report.sources import Sources
from understudy.report.words import lines, place
from understudy.types import Arm, Chunk, ItemResult, MCQItem, QAPair


def questions(sources: Sources, chunks: list[Chunk], order: list[str]) -> list[dict[str, Any]]:
    """One row a question in the order of the benchmark; the arms of each in the given order."""
    items = sources.records("benchmark", "items", MCQItem)
    pairs = sources.records("generate", "pairs", QAPair) if sources.get("generate") else None
    by_arm: dict[str, dict[str, ItemResult]] = {}
    for result in sources.records("benchmark", "results", ItemResult):
        by_arm.setdefault(result.arm, {})[result.item_id] = result
    arms = [name for name in order if name in by_arm] + sorted(by_arm.keys() - set(order))
    by_id = {chunk.chunk_id: chunk for chunk in chunks}
    return [_row(question, arms, by_arm, by_id) for question in link(items, chunks, pairs)]


def passages(rows: Iterable[dict[str, Any]], chunks: dict[str, Chunk]) -> dict[str, dict[str, Any]]:
    """The chunks that the questions mention, by id, in order of appearance."""
    mentioned: dict[str, None] = {}
    for row in rows:
        if row["chunk_id"]:
            mentioned[row["chunk_id"]] = None
        for found in row["retrieved"]:
            mentioned |= dict.fromkeys(found["chunks"])
    return {
        chunk_id: {
            "doc_id": chunk.doc_id,
            "breadcrumb": chunk.breadcrumb,
            "lines": place(chunk),
            "text": chunk.text,
        }
        for chunk_id in mentioned
        if (chunk := chunks.get(chunk_id)) is not None
    }


def _row(
    question: Question, arms: list[str], by_arm: Mapping[str, Results], chunks: dict[str, Chunk]
) -> dict[str, Any]:
    item = question.item
    chunk = question.gold[0] if question.gold else None
    answered = [result for arm in arms if (result := by_arm[arm].get(item.item_id)) is not None]
    return {
        "id": item.item_id,
        "question": item.question,
        "options": list(item.options),
        "correct": item.correct,
        "kind": item.kind,
        "doc_id": item.doc_id,
        "chunk_id": chunk.chunk_id if chunk else "",
        "breadcrumb": chunk.breadcrumb if chunk else "",
        "lines": _quote_lines(item.quote, chunk),
        "quote": item.quote,
        "source": item.source,
        "answers": [_answer(question, result, by_arm) for result in answered],
        "retrieved": _retrieved(item, answered, chunks),
    }


def _answer(question: Question, result: ItemResult, by_arm: Mapping[str, Results]) -> dict[str, Any]:
    """outcome: `right`, `wrong`, `unreadable`, or `none` where the arm has no result. cause: of arms only."""
    good = right(result)
    outcome = "none" if good is None else "right" if good else "unreadable" if result.format_failure else "wrong"
    why = ""
    if good is not None and not result.arm.startswith("floor:"):
        arm = Arm.parse(result.arm)
        closed = by_arm.get(arm.model, {}) if arm.context != "closed-book" else {}
        why = cause(question, result, arm, closed)
    return {
        "arm": result.arm,
        "outcome": outcome,
        "letter": letter(result.predicted),
        "acc": result.acc,
        "hit": result.hit,
        "cause": why,
        "text": result.text,
    }


def letter(index: int | None) -> str:
    """The letter of an option; empty where there is none."""
    return LETTERS[index] if index is not None and 0 <= index < len(LETTERS) else ""


def _retrieved(item: MCQItem, results: list[ItemResult], chunks: dict[str, Chunk]) -> list[dict[str, Any]]:
    """What search found, best first; arms that saw the same passages share an entry."""
    found: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        if result.retrieved:
            found.setdefault(result.retrieved, []).append(result.arm)
    return [
        {
            "arms": arms,
            "chunks": list(ids),
            "gold": [_holds(item, chunk_id, chunks.get(chunk_id)) for chunk_id in ids],
        }
        for ids, arms in found.items()
    ]


def _holds(item: MCQItem, chunk_id: str, chunk: Chunk | None) -> bool:
    """Whether a passage supports the key: the item's own chunk, or one in which its quote stands."""
    if item.chunk_id and chunk_id == item.chunk_id:
        return True
    return bool(item.quote and chunk is not None and item.quote in chunk.text)


def _quote_lines(quote: str, chunk: Chunk | None) -> str:
    """The source lines of the quote; the place of its chunk where it is not found or the text is converted."""
    if chunk is None:
        return ""
    at = chunk.text.find(quote) if quote else -1
    if at < 0 or chunk.place is not None:
        return place(chunk)
    first = chunk.line_start + chunk.text.count("\n", 0, at)
    return lines(first, first + quote.rstrip("\n").count("\n"))
