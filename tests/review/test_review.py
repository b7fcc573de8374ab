"""The order of reading, decisions of a sitting, what is carried over, and the audit."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from review.kiln import CHUNKS, COOL, DOCUMENTS, HEAT, HEAT_AGAIN, ITEM, LID, PAIRS, artifact

from understudy.artifact import Artifact
from understudy.errors import InputError
from understudy.generate.decisions import content_id
from understudy.review.alike import alike, carried, replacement
from understudy.review.audit import estimate, sample, wilson
from understudy.review.queue import queue
from understudy.review.session import Review, open_review
from understudy.types import OpenQuestion, QAPair


@pytest.fixture
def review(artifacts: dict[str, Artifact], tmp_path: Path) -> Review:
    return open_review(artifacts, tmp_path / "reviews" / "kiln.jsonl", who="ada")


def test_the_likeliest_to_be_bad_comes_first(review: Review) -> None:
    first = review.entries[0]
    assert first.record == LID
    told = " ".join(first.reasons)
    for sign in ("0 of 4 read were good", "kind 'change log'", "words of the answer", "point to something"):
        assert sign in told
    risks = [e.risk for e in review.entries]
    assert risks == sorted(risks, reverse=True)
    assert all(0 < r < 1 for r in risks)
    (reason,) = next(e for e in review.entries if e.record == HEAT).reasons
    assert re.fullmatch(r"of claims of the kind 'purpose' \d+ of \d+ read were good", reason)


def test_each_sign_of_trouble() -> None:
    def reasons(pair: QAPair, *others: QAPair) -> str:
        return " ".join(next(e for e in queue([pair, *others], [], CHUNKS, DOCUMENTS) if e.record == pair).reasons)

    assert "does not stand in the passage" in reasons(replace(HEAT, quote="The kiln is blue."))
    assert "no passage" in reasons(replace(HEAT, chunk_id="", quote=""))
    assert "not taught: a copy" in " ".join(
        queue([HEAT], [], CHUNKS, [replace(DOCUMENTS[0], untaught="a copy: b.md")])[0].reasons
    )
    many = [
        replace(HEAT, pair_id=f"m{n}", fact_id=f"m{n}", question=f"Which {w} is it that the kiln has?")
        for n, w in enumerate(["lid", "foot", "wall", "vent", "bolt", "hook", "knob", "seal", "rack", "plug"])
    ]
    assert "unusually long question" in reasons(replace(HEAT, question="Why " + "and why " * 60 + "is it?"), *many)
    assert "answered otherwise" in reasons(HEAT, replace(HEAT, answer="At 900.", fact_id="other"))
    assert "nearly the same way" in reasons(HEAT, replace(HEAT, question=HEAT.question + " Is", fact_id="other"))
    assert reasons(HEAT, replace(HEAT, question=HEAT.question + " Is")) == ""


def test_questions_without_options_are_read_once_and_rejected_as_the_exams(
    artifacts: dict[str, Artifact], tmp_path: Path
) -> None:
    of_exam = OpenQuestion("i", ITEM.question, ITEM.options[ITEM.correct], quote=ITEM.quote, in_exam=True)
    alone = OpenQuestion("u", "What does `kiln_lid` hold?", answerable=False, chunk_id=CHUNKS[0].chunk_id)
    asked = [of_exam, replace(of_exam, without="a.md", answerable=False), alone]
    parts = {"pairs": list(PAIRS), "items": [ITEM], "claims": [], "open_questions": asked}
    review = open_review(artifacts | {"generate": artifact(tmp_path / "again", **parts)}, tmp_path / "d.jsonl")
    [entry] = [e for e in review.entries if e.sort == "open"]
    assert (entry.record, entry.answer) == (alone, "")
    assert content_id(of_exam) == content_id(ITEM)  # one decision on both
    with pytest.raises(InputError, match="never edited"):
        review.draft(entry, "edit", answer="a brick")
    review.write([review.draft(entry, "reject", reason="odd")])
    standing = review.standing(entry)
    assert standing is not None
    assert standing.what == "reject"


def test_signs_of_exam_questions() -> None:
    told = queue([], [replace(ITEM, options=("980 degrees", "kiln", "x"))], CHUNKS)[0].reasons
    assert any("'kiln' stands in the quote too" in reason for reason in told)
    assert any("much longer" in reason for reason in told)


def test_decisions_survive_another_sitting_and_another_run(review: Review, artifacts: dict[str, Artifact]) -> None:
    entry = review.find(content_id(HEAT))
    review.write([review.draft(entry, "reject", reason="too hot")])
    again = open_review(artifacts, review.path)
    assert again.standing(again.find(entry.id)) == review.standing(entry)
    assert entry.id not in {e.id for e in again.waiting()}
    assert len(again.waiting()) == len(again.entries) - 1
    found = again.decided[entry.id]
    assert (found.reason, found.who, found.of) == ("too hot", "ada", HEAT.question)
    assert found.when.startswith("20")
    again.take_back([found])
    assert again.standing(entry) is None
    assert len(review.path.read_text(encoding="utf-8").splitlines()) == 2


def test_the_result_of_an_edit_is_decided(review: Review, tmp_path: Path) -> None:
    entry = review.find(content_id(COOL))
    review.write([review.draft(entry, "edit", answer="For 12 hours.")])
    after = Review(queue([replace(COOL, answer="For 12 hours.")], [], CHUNKS), review.path)
    assert after.waiting() == []
    only_question = after.draft(after.entries[0], "edit", question="For how long?")
    assert (only_question.question, only_question.answer) == ("For how long?", "For 12 hours.")


def test_what_cannot_be_decided(review: Review) -> None:
    pair, item = review.find(content_id(HEAT)), review.find(content_id(ITEM))
    for problem, entry, what, texts in (
        ("never edited", item, "edit", {"answer": "x"}),
        ("needs a reason", item, "reject", {}),
        ("changes nothing", pair, "edit", {"answer": HEAT.answer}),
        ("nothing was decided", pair, "undo", {}),
        ("Did you mean 'reject'", pair, "rejct", {}),
    ):
        with pytest.raises(InputError, match=problem):
            review.draft(entry, what, **texts)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not in this run"):
        review.find("p-nothing")
    assert review.find(pair.id[:8]) is pair
    with pytest.raises(InputError, match="no pairs to review"):
        open_review({}, review.path)


def test_a_question_that_a_benchmark_asked_is_marked(artifacts: dict[str, Artifact], tmp_path: Path) -> None:
    ran = artifacts | {"benchmark": artifact(tmp_path / "benchmark", items=[ITEM])}
    review = open_review(ran, tmp_path / "d.jsonl")
    locked = {e.record.question for e in review.entries if e.locked}
    assert locked == {ITEM.question}
    assert review.draft(review.find(content_id(ITEM)), "reject", reason="x").seen


def test_alike_by_fact_page_and_kind(review: Review) -> None:
    entry = review.find(content_id(HEAT))

    def found(scope: str) -> set[str]:
        return {e.id for e in alike(entry, review, scope)}  # type: ignore[arg-type]

    assert content_id(ITEM) in found("fact")
    assert content_id(HEAT_AGAIN) in found("fact")
    assert content_id(COOL) not in found("fact")
    assert found("page") == {content_id(HEAT_AGAIN), content_id(COOL)}
    assert found("kind") == found("page")
    review.write([review.draft(review.find(content_id(COOL)), "accept")])
    assert found("page") == {content_id(HEAT_AGAIN)}


def test_a_fix_is_carried_over_as_previewed(review: Review) -> None:
    entry = review.find(content_id(HEAT))
    edit = review.draft(entry, "edit", question="At which heat does the oven fire?")
    shown = carried(edit, entry, review, "page")
    assert {d.question for _, d in shown} == {"How hot does the oven get at 980?", "How long does the oven cool?"}
    assert all(d.alike == entry.id and d.answer == e.answer for e, d in shown)
    assert review.decided == {}
    reject = review.draft(entry, "reject", reason="dull")
    assert {d.reason for _, d in carried(reject, entry, review, "fact")} == {"dull"}
    other = review.draft(entry, "edit", answer="Nothing like it.")
    assert {e.record for e, _ in carried(other, entry, review, "page")} == {HEAT_AGAIN}


@pytest.mark.parametrize(
    ("old", "new", "text", "result"),
    [
        ("the kiln is hot", "the oven is hot", "a kiln, two kilns", "a oven, two kilns"),
        ("In short, it fires.", "It fires.", "In short, it cools.", "It cools."),
        (
            "What does it fire?",
            "What temperature does it fire?",
            "What does it cool?",
            "What temperature does it cool?",
        ),
        ("hot", "hot as coal", "hot", "hot as coal"),
        ("same", "same", "same", "same"),
        ("a b c", "a c", "x b y", "x y"),
        ("cost $5", r"cost \1", "cost $5", r"cost \1"),
    ],
)
def test_what_an_edit_replaced_is_replaced_elsewhere(old: str, new: str, text: str, result: str) -> None:
    assert replacement(old, new)(text) == result


@given(st.text("ab .", max_size=20), st.text("ab .", max_size=20))
def test_an_edit_carried_to_its_own_text_makes_it(old: str, new: str) -> None:
    """Of a text whose words stand once. White space at the ends and doubled is nobody's wish."""
    old, new = " ".join(old.split()), " ".join(new.split())
    if len(set(old.split())) == len(old.split()) and old and not any(w in old.replace(w, "", 1) for w in old.split()):
        assert replacement(old, new)(old) == new or not old.replace(".", "").strip()


def test_the_audit_reads_a_random_sample_in_order(review: Review) -> None:
    drawn = sample(review, 3, seed=1)
    assert [e.is_pair for e in drawn] == [True] * 3
    assert sample(review, 2, seed=1) == drawn[:2]
    assert len(sample(review, 99)) == len(PAIRS)
    assert len({tuple(e.id for e in sample(review, 3, seed=s)) for s in range(20)}) > 3
    assert estimate(review, drawn).share is None
    review.write([review.draft(drawn[1], "accept")])
    assert estimate(review, drawn).read == 0  # what was read out of turn was chosen by its risk
    review.write([review.draft(drawn[0], "reject", reason="x")])
    found = estimate(review, drawn)
    assert (found.good, found.read, found.drawn, found.of, found.share) == (1, 2, 3, 4, 0.5)
    review.write([review.draft(drawn[2], "accept", alike=drawn[1].id)])
    assert estimate(review, drawn).read == 2  # nobody read the third


def test_wilsons_interval_solves_its_equation() -> None:
    assert wilson(0, 0) == (None, None)
    for good, n in ((0, 10), (57, 60), (7, 9), (60, 60)):
        low, high = wilson(good, n)
        assert low is not None
        assert high is not None
        for bound in {low, high} - {0.0, 1.0}:
            gap = abs(good / n - bound) - 1.959963984540054 * math.sqrt(bound * (1 - bound) / n)
            assert gap == pytest.approx(0, abs=1e-7)
    assert tuple(round(x or 0, 2) for x in wilson(57, 60)) == (0.86, 0.98)
