"""A run under review: its records by risk, what was decided, and what is decided now. No terminal, no page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from understudy.artifact import Artifact
from understudy.errors import InputError, did_you_mean
from understudy.generate.base import Claimed
from understudy.generate.decisions import WHATS, Decision, What, content_id, fold
from understudy.generate.screen import masked
from understudy.normal import folded
from understudy.review.decisions import append, existing, now
from understudy.review.marks import MarkedAnswer
from understudy.review.queue import Entry, queue, with_marks
from understudy.types import Chunk, Document, MCQItem, OpenQuestion, QAPair


class Review:
    """Records by falling risk, with the decisions of one file."""

    def __init__(self, entries: Sequence[Entry], path: Path, who: str = "") -> None:
        self._generated = tuple(entries)
        self._masked: dict[str, str] = {}
        self.path = path
        self.who = who
        self._hold(self._generated)
        self.reload()

    def _hold(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        self._by_id: dict[str, Entry] = {}
        for entry in self.entries:
            self._by_id.setdefault(entry.id, entry)

    def mark(self, marks: Sequence[MarkedAnswer], chunks: Mapping[str, Chunk]) -> None:
        """Take in all answers that readers marked as bad so far, in place of those of the last time. chunks: by id."""
        self._hold(with_marks(self._generated, marks, chunks))

    def reload(self) -> None:
        """Read the file again: somebody else may have added to it. Raises InputError for a damaged line."""
        self.decided = fold(existing(self.path))
        self._edited = {(d.question, d.answer): d for d in self.decided.values() if d.what == "edit"}

    def standing(self, entry: Entry) -> Decision | None:
        """The decision that holds for a record; None where it is still to be read. A pair that is the result of an edit
        has that edit."""
        found = self.decided.get(entry.id)
        if found is None and self.decided and isinstance(entry.record, QAPair):
            if entry.id not in self._masked:  # secrets in a pair may have been masked when it was read
                self._masked[entry.id] = content_id(masked(entry.record)[0])
            edited = self._edited.get((entry.record.question, entry.answer))
            return self.decided.get(self._masked[entry.id]) or edited
        return found

    def waiting(self) -> list[Entry]:
        """Records without a decision, by falling risk."""
        return [entry for entry in self.entries if self.standing(entry) is None]

    def find(self, id_: str) -> Entry:
        """The record of an id, or of its unambiguous beginning. Raises InputError where there is none."""
        if id_ in self._by_id:
            return self._by_id[id_]
        found = [known for known in self._by_id if len(id_) > 3 and known.startswith(id_)]
        if len(found) == 1:
            return self._by_id[found[0]]
        problem = f"fits {len(found)} records" if found else f"is not in this run.{did_you_mean(id_, self._by_id)}"
        raise InputError(f"'{id_}' {problem}; `understudy review RUN --list` shows the ids")

    def draft(
        self, entry: Entry, what: What, *, reason: str = "", question: str = "", answer: str = "", alike: str = ""
    ) -> Decision:
        """A decision that is not written yet. Raises InputError for one that cannot be: an edit of an exam question, a
        rejection without a reason, an edit that changes nothing, nothing to undo."""
        if what not in WHATS:
            raise InputError(f"'{what}' is no decision; use one of {', '.join(WHATS)}.{did_you_mean(what, WHATS)}")
        if what == "reject" and not reason.strip():
            raise InputError(f"{entry.id}: a rejection needs a reason, for whoever reads it later")
        if what == "undo" and self.standing(entry) is None:
            raise InputError(f"{entry.id}: nothing was decided about it")
        if what == "edit":
            if not entry.editable:
                raise InputError(f"{entry.id}: an exam question can be rejected, never edited")
            old = self.standing(entry)
            before = (old.question, old.answer) if old and old.what == "edit" else (entry.record.question, entry.answer)
            question, answer = folded(question) or before[0], answer.strip() or before[1]
            if (question, answer) == before:
                raise InputError(f"{entry.id}: the edit changes nothing")
        else:
            question = answer = ""
        standing = self.standing(entry)
        return Decision(
            id=standing.id if what == "undo" and standing is not None else entry.id,
            what=what,
            reason=folded(reason),
            question=question,
            answer=answer,
            of=entry.record.question,
            said=entry.answer,
            when=now(),
            who=self.who,
            alike=alike,
            seen=entry.locked,
        )

    def write(self, decisions: Iterable[Decision]) -> None:
        """Add decisions to the file."""
        append(self.path, decisions)
        self.reload()

    def take_back(self, decisions: Iterable[Decision]) -> None:
        """Undo decisions that were written just now, in turn."""
        self.write(replace(d, what="undo", reason="", question="", answer="", when=now()) for d in decisions)


def open_review(
    artifacts: Mapping[str, Artifact], path: Path, who: str = "", marks: Sequence[MarkedAnswer] = ()
) -> Review:
    """The review of a run's artifacts and of the answers that readers marked. Raises InputError where it has no pairs
    to review."""
    if "generate" not in artifacts or "chunk" not in artifacts:
        raise InputError("this run has no pairs to review; `understudy run` with its recipe makes them")
    generate, chunk = artifacts["generate"], artifacts["chunk"]
    documents = artifacts["ingest"].records("documents", Document) if "ingest" in artifacts else []
    benchmark = artifacts.get("benchmark")
    asked = {item.question for item in benchmark.records("items", MCQItem)} if benchmark else set()
    pairs, items = generate.records("pairs", QAPair), generate.records("items", MCQItem)
    alone: list[OpenQuestion] = []
    if (generate.path / "open_questions.jsonl").is_file():  # others are decided as the exam question that they are
        without_options = generate.records("open_questions", OpenQuestion)
        alone = [q for q in without_options if not q.in_exam and not q.without]
    claims = {}
    if (generate.path / "claims.jsonl").is_file():  # not in those of older versions
        claims = {c.fact_id: c.claim for c in generate.records("claims", Claimed)}
    chunks = chunk.records("chunks", Chunk)
    review = Review(queue(pairs, [*items, *alone], chunks, documents, asked, claims), path, who)
    review.mark(marks, {c.chunk_id: c for c in chunks})
    return review
