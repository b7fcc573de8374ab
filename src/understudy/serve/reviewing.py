"""Review over HTTP: the queue and the decisions of `understudy review`, for the page."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from understudy.artifact import to_plain
from understudy.errors import InputError
from understudy.generate.decisions import Decision
from understudy.normal import folded
from understudy.redact import redact
from understudy.report.sources import redact_tree
from understudy.review.alike import Scope, carried
from understudy.review.audit import estimate, judged, sample
from understudy.review.decisions import whoever
from understudy.review.marks import FILE, MarkedAnswer, read_marks
from understudy.review.queue import Entry
from understudy.review.session import Review
from understudy.serve.origin import own, own_json
from understudy.serve.problems import Problem
from understudy.serve.requests import read
from understudy.serve.served import Served
from understudy.types import MCQItem

_MOST = 200  # records of one answer
_NAME = Annotated[str, Field(max_length=100)]
_ID = Annotated[str, Field(min_length=1, max_length=100)]
_TEXT = Annotated[str, Field(max_length=100_000)]
T = TypeVar("T")


class _Body(BaseModel):
    """by: whose decisions these are; empty: the login under which the server runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: _NAME = ""


class Choice(_Body):
    """One decision. question, answer: the text after an edit."""

    id: _ID
    what: Literal["accept", "reject", "edit"]
    reason: Annotated[str, Field(max_length=5_000)] = ""
    question: _TEXT = ""
    answer: _TEXT = ""


class CarryOver(_Body):
    """The decision that holds for `id`, for those of its like that were shown: `ids`."""

    id: _ID
    scope: Scope
    ids: Annotated[list[_ID], Field(min_length=1, max_length=100_000)]


class Undo(_Body):
    """Take the last decision on each of these back."""

    ids: Annotated[list[_ID], Field(min_length=1, max_length=100_000)]


class Reviewing:
    """The review of the served run: opened at the first question, one request at a time, read again where the file of
    decisions or that of marks has changed."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._lock = threading.Lock()
        self._review: Review | None = None
        self._seen: tuple[Any, ...] = ()
        self._who = whoever()

    def ask(self, work: Callable[[Review], T], by: str = "") -> T:
        """What `work` makes of the review. Raises Problem: 404 where there is nothing to review, 400 for what cannot be
        decided."""
        with self._lock:
            try:
                review = self._fresh()
                review.who = folded(by) or self._who
                return work(review)
            except InputError as error:
                raise Problem(400 if self._review is not None else 404, str(error)) from error

    def _fresh(self) -> Review:
        run = self._served.run
        if self._review is None:
            self._review = run.review()
        seen = (_state(self._review.path), _state(run.folder / FILE))
        if seen != self._seen:
            self._review.mark(read_marks(run.folder), self._served.chunks)
            self._review.reload()
            self._seen = seen
        return self._review


def router(served: Served) -> APIRouter:
    """The addresses below `/api/review`."""
    pages = APIRouter(prefix="/api/review")
    reviewing = Reviewing(served)

    generate = served.run.recipe.generate
    applied = generate is not None and generate.decisions is not None

    def about(review: Review) -> dict[str, Any]:
        return {**_counts(review), "applied": applied, "by": review.who}

    async def asked(request: Request, work: Callable[[Review], dict[str, Any]]) -> Any:
        own(request)
        return redact_tree(await asyncio.to_thread(reviewing.ask, work))

    @pages.get("")
    async def listed(
        request: Request, show: str = "waiting", sort: str = "", q: str = "", offset: int = 0, most: int = 50
    ) -> Any:
        def work(review: Review) -> dict[str, Any]:
            entries = _chosen(review, show, sort, q)
            rows = entries[max(0, offset) : max(0, offset) + min(max(1, most), _MOST)]
            return {
                **about(review),
                "fitting": len(entries),
                "rows": [_row(review, entry) for entry in rows],
            }

        return await asked(request, work)

    @pages.get("/audit")
    async def audit(request: Request, n: int = 60, seed: int = 0) -> Any:
        def work(review: Review) -> dict[str, Any]:
            drawn = sample(review, min(max(1, n), 10_000), max(0, seed))
            rows = [{**_row(review, e), "good": judged(review, e)} for e in drawn]
            return {**about(review), "estimate": to_plain(estimate(review, drawn)), "rows": rows}

        return await asked(request, work)

    @pages.get("/similar")
    async def similar(request: Request, id: str, scope: Scope) -> Any:
        return await asked(request, lambda review: {"changes": _changes(_carried(review, id, scope))})

    @pages.get("/records/{id_}")
    async def record(request: Request, id_: str) -> Any:
        return await asked(request, lambda review: _whole(review, review.find(id_), served))

    @pages.post("/decide")
    async def decide(request: Request) -> Any:
        own_json(request)
        given = read(Choice, await request.body())

        def work(review: Review) -> dict[str, Any]:
            entry = review.find(given.id)
            texts = {"question": given.question, "answer": given.answer} if given.what == "edit" else {}
            reason = given.reason if given.what == "reject" else ""
            return _written(review, [(entry, review.draft(entry, given.what, reason=redact(reason), **texts))])

        return await asyncio.to_thread(reviewing.ask, work, given.by)

    @pages.post("/similar")
    async def carry_over(request: Request) -> Any:
        own_json(request)
        given = read(CarryOver, await request.body())

        def work(review: Review) -> dict[str, Any]:
            wanted = set(given.ids)
            return _written(review, [made for made in _carried(review, given.id, given.scope) if made[0].id in wanted])

        return await asyncio.to_thread(reviewing.ask, work, given.by)

    @pages.post("/undo")
    async def undo(request: Request) -> Any:
        own_json(request)
        given = read(Undo, await request.body())

        def work(review: Review) -> dict[str, Any]:
            entries = [review.find(id_) for id_ in dict.fromkeys(given.ids)]
            return _written(review, [(entry, review.draft(entry, "undo")) for entry in entries])

        return await asyncio.to_thread(reviewing.ask, work, given.by)

    return pages


def _state(path: Path) -> tuple[int, int] | None:
    """What changes when a file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _counts(review: Review) -> dict[str, Any]:
    ids = {entry.id: entry for entry in review.entries}
    waiting = sum(review.standing(entry) is None for entry in ids.values())
    return {"of": len(ids), "waiting": waiting, "path": str(review.path)}


def _chosen(review: Review, show: str, sort: str, q: str) -> list[Entry]:
    """The records that fit, each once, by falling risk."""
    said = q.casefold()

    def fits(entry: Entry) -> bool:
        if (sort and entry.sort != sort) or (
            said and said not in f"{entry.record.question}\n{entry.answer}".casefold()
        ):
            return False
        return show == "all" or (review.standing(entry) is None) == (show != "decided")

    return [entry for entry in {e.id: e for e in reversed(review.entries)}.values() if fits(entry)][::-1]


def _row(review: Review, entry: Entry) -> dict[str, Any]:
    standing = review.standing(entry)
    return {
        "id": entry.id,
        "sort": entry.sort,
        "question": entry.record.question,
        "doc_id": entry.doc_id,
        "risk": entry.risk,
        "locked": entry.locked,
        "decision": standing.what if standing else None,
    }


def _whole(review: Review, entry: Entry, served: Served) -> dict[str, Any]:
    """A record with all that is to be read before it is decided."""
    record, chunk, standing = entry.record, entry.chunk, review.standing(entry)
    mark = record if isinstance(record, MarkedAnswer) else None
    read = [served.chunks[c] for c in (mark.passages if mark else ()) if c in served.chunks]
    item = record if isinstance(record, MCQItem) else None
    return {
        **_row(review, entry),
        "answer": entry.answer,
        "options": list(item.options) if item else [],
        "correct": item.correct if item else None,
        "kind": entry.kind,
        "reasons": list(entry.reasons),
        "quote": record.quote,
        "model": mark.model if mark else "",
        "when": mark.when if mark else "",
        "passage": None if chunk is None else {
            "id": chunk.chunk_id, "text": chunk.text, "title": chunk.breadcrumb, "place": chunk.where,
        },
        "read": [{"id": c.chunk_id, "title": c.breadcrumb, "place": c.where} for c in read],
        "editable": entry.editable,
        "standing": to_plain(standing) if standing else None,
    }  # fmt: skip


def _carried(review: Review, id_: str, scope: Scope) -> list[tuple[Entry, Decision]]:
    """What the decision on a record would do to others like it. Raises InputError where nothing was decided."""
    entry = review.find(id_)
    decision = review.standing(entry)
    if decision is None:
        raise InputError(f"{entry.id}: nothing was decided about it; decide first, then carry that over")
    return carried(decision, entry, review, scope)


def _changes(made: Sequence[tuple[Entry, Decision]]) -> list[dict[str, Any]]:
    """What decisions do, with the text before."""
    return [
        {
            "id": entry.id,
            "sort": entry.sort,
            "what": decision.what,
            "reason": decision.reason,
            "locked": entry.locked,
            "before": {"question": entry.record.question, "answer": entry.answer},
            "after": {"question": decision.question, "answer": decision.answer} if decision.what == "edit" else None,
        }
        for entry, decision in made
    ]


def _written(review: Review, made: Sequence[tuple[Entry, Decision]]) -> dict[str, Any]:
    """Add decisions to the file; what they were, for whoever takes them back."""
    review.write(decision for _, decision in made)
    return {**_counts(review), "written": _changes(made)}
