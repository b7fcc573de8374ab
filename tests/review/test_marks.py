"""Answers that readers of a served run marked as bad: in the queue, decided, and what comes of a correction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from review.kiln import HEAT, ITEM

from understudy.artifact import Artifact
from understudy.generate.decisions import read_decisions, review_items, review_pairs
from understudy.review.audit import sample
from understudy.review.marks import FILE, read_marks
from understudy.review.preferences import Preference, corrected
from understudy.review.queue import MARKED
from understudy.review.session import Review, open_review

BAD = {
    "when": "2026-01-01T00:00:00+00:00", "model": "kiln/sft", "question": "How hot is it?", "answer": "900 [1]",
    "passages": ["c1"], "verdict": "bad", "note": "",
}  # fmt: skip


def written(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / FILE).write_text("".join(json.dumps(BAD | row) + "\n" for row in rows), encoding="utf-8")
    return folder


def opened(artifacts: dict[str, Artifact], folder: Path, *rows: dict[str, Any]) -> Review:
    return open_review(artifacts, folder / "d.jsonl", "ada", read_marks(written(folder, *rows)))


def test_each_marked_answer_stands_once_with_what_readers_said(tmp_path: Path) -> None:
    assert read_marks(tmp_path) == []
    notes = {"note": "too low"}, {"note": " too\nlow "}, {"note": "see page 1"}
    rows = [{}, *notes, {"verdict": "good", "answer": "980"}, {"answer": "901"}]
    first, second = read_marks(written(tmp_path, *rows))
    assert (first.answer, first.notes, first.chunk_id) == ("900", ("too low", "see page 1"), "c1")
    assert second.answer == "901"
    assert first.id != second.id


def test_a_line_that_is_no_mark_is_passed_over_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = written(tmp_path, {}) / FILE
    whole = file.read_text()
    half = whole.replace("900", r"9\ud800")
    file.write_text('{"verdict": "bad"}\n{"verdict": "ba' + "\n" + "[" * 100_000 + "\n" + half + whole)
    assert [mark.answer for mark in read_marks(tmp_path)] == ["900"]
    assert [f"{FILE}:{n}: not a marked answer" in caplog.text for n in range(1, 6)] == [True] * 4 + [False]


def test_a_marked_answer_is_read_first_beside_what_the_model_had_read(
    artifacts: dict[str, Artifact], tmp_path: Path
) -> None:
    review = opened(artifacts, tmp_path, {"note": "too low"}, {"question": HEAT.question, "passages": []})
    marked = [e for e in review.entries if e.sort == "mark"]
    assert review.entries[: len(marked)] == tuple(marked)
    first, second = marked
    assert first.risk == MARKED
    assert first.chunk is not None
    assert (first.chunk.chunk_id, first.doc_id) == ("c1", "kiln.md")
    assert "kiln/sft as bad: too low" in first.reasons[0]
    assert second.chunk is None
    assert "memory alone" in second.reasons[1]
    plain = open_review(artifacts, tmp_path / "other.jsonl")
    pair = next(e for e in review.entries if e.record == HEAT)
    before = next(e for e in plain.entries if e.record == HEAT)
    assert pair.risk > before.risk
    assert "a reader marked an answer to this question as bad" in pair.reasons
    assert all(e.is_pair for e in sample(review, 99))


def test_decisions_on_marked_answers_change_no_pair(artifacts: dict[str, Artifact], tmp_path: Path) -> None:
    review = opened(artifacts, tmp_path, {})
    entry = review.waiting()[0]
    review.write([review.draft(entry, "edit", answer="980 degrees.")])
    assert entry.id not in {e.id for e in review.waiting()}
    decided = {d.id: d for d in read_decisions(review.path)}
    assert review_pairs([HEAT], decided)[0] == [HEAT]
    assert review_items([ITEM], [HEAT], decided)[0] == [ITEM]
    review.write([review.draft(entry, "undo")])
    assert review.waiting()[0].id == entry.id


def test_a_corrected_answer_is_a_preference_unless_the_exam_asks_it(
    artifacts: dict[str, Artifact], tmp_path: Path
) -> None:
    asked = {"question": f" {ITEM.question.upper()}"}
    review = opened(artifacts, tmp_path, {}, asked, {"answer": "12"}, {"answer": "13"})
    assert corrected(review) == []
    found = {(e.record.question, e.answer): e for e in review.waiting() if e.sort == "mark"}
    review.write(review.draft(e, "edit", answer="980") for (_, answer), e in found.items() if answer == "900")
    review.write([review.draft(found["How hot is it?", "12"], "accept")])
    review.write([review.draft(found["How hot is it?", "13"], "reject", reason="wrong")])
    assert corrected(review) == [Preference("How hot is it?", "980", "900")]
