"""Questions without options: of the exam, of further facts, and such that have no answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from understudy.evaluation.open_questions import NOT_TREATED, TAKEN_OUT, read_open
from understudy.generate.base import Ask, Fact
from understudy.generate.decisions import Decision, content_id
from understudy.generate.exchange import write_open
from understudy.generate.items import Candidate
from understudy.generate.open_questions import as_items, counted, make_open
from understudy.types import Chunk, MCQItem, QAPair

TEXTS = {
    "backup.md": "Keep a copy a day with `keep_daily` (7), and limit it with `max_size`. See `other-thing`.",
    "server.md": "The server waits `idle_timeout` seconds (30). It never reads the key rate.",
    "quota.md": "Each client has `client_quota` (5 GB). The file `server.yaml` holds it, and `log.yaml` the rest.",
}
CHUNKS = [Chunk(d, d, text, 0, len(text), 1, 1, 20, d) for d, text in TEXTS.items()]
DAILY = "What is the default of `keep_daily`?"
ITEMS = [
    MCQItem("1", DAILY, ("7", "5", "30"), 0, "backup.md", "backup.md", "(7)", "forward", "f1"),
    MCQItem("2", "Which of the following is a setting?", ("max_size", "a"), 0, "backup.md", "backup.md", fact_id="f2"),
]


def candidate(number: int, question: str, answer: str, doc_id: str) -> Candidate:
    ask = Ask("forward", (question,), answer, answer, "number", question, question)
    return Candidate(
        Fact(f"f{number}", doc_id, doc_id, TEXTS[doc_id][:20], (ask,)), ask, question, "heldout-paraphrase"
    )


FOUND = [
    candidate(1, "What does `keep_daily` default to?", "7", "backup.md"),
    candidate(3, "How long does the server wait by `idle_timeout`?", "30 seconds", "server.md"),
    candidate(4, "How much is `client_quota`?", "5 GB", "quota.md"),
]


def test_the_exam_is_asked_first_and_further_facts_where_it_gives_few() -> None:
    made = make_open(ITEMS, FOUND, CHUNKS, 3)
    answered = [q for q in made if q.answerable]
    # The other one of the exam needs its options.
    assert [(q.item_id, q.in_exam, q.must) for q in answered[:1]] == [("1", True, ("7",))]
    assert [(q.answer, q.in_exam, q.must) for q in answered[1:]] == [
        ("30 seconds", False, ("30",)), ("5 GB", False, ("5",)),
    ]  # fmt: skip
    assert [q.question for q in as_items(made)] == [FOUND[1].question, FOUND[2].question]
    assert counted(made) == {"answered": 3, "in the exam": 1, TAKEN_OUT: 3, NOT_TREATED: 3}
    assert [q.fact_id for q in make_open(ITEMS, FOUND, CHUNKS, 1) if q.answerable] == ["f1"]


def test_what_has_no_answer_is_a_page_taken_out_or_a_name_that_stands_nowhere() -> None:
    made = make_open(ITEMS, FOUND, CHUNKS, 3)
    out = [q for q in made if q.without]
    assert [(q.without, q.source, q.answerable) for q in out[:1]] == [("backup.md", TAKEN_OUT, False)]
    untreated = [q for q in made if q.source == NOT_TREATED]
    everything = "".join(TEXTS.values())
    for question in untreated:
        name = question.question.split("`")[1]
        assert name not in everything
        assert all(part in everything for part in name.split("_"))
        assert (question.answer, question.answerable, question.without) == ("", False, "")
    assert make_open(ITEMS, FOUND, CHUNKS, 3) == made


def test_a_name_that_is_written_otherwise_does_not_stand_nowhere() -> None:
    names = ["keep size", "keep-timeout", "KeepQuota", "idle daily", "idleSize", "idle_quota"]
    names += ["client daily", "client size", "client timeout"]
    said = " ".join([*TEXTS.values(), *names])
    chunk = Chunk("all.md", "all.md", said, 0, len(said), 1, 1, 20, "all.md")
    assert not [q for q in make_open(ITEMS, FOUND, [*CHUNKS, chunk], 3) if q.source == NOT_TREATED]


def test_what_was_rejected_is_not_asked() -> None:
    made = make_open(ITEMS, FOUND, CHUNKS, 3)
    alone = [q for q in made if not q.in_exam and not q.without]
    decided = {content_id(q): Decision(content_id(q), "reject", "bad") for q in alone}
    left = make_open(ITEMS, FOUND, CHUNKS, 3, decided=decided)
    assert not {q.question for q in left} & {q.question for q in alone}
    asked_of = FOUND[1].fact
    pair = QAPair("p", FOUND[1].question, "30 seconds.", "server.md", "server.md", asked_of.quote, fact_id="f3")
    bad = {content_id(pair): Decision(content_id(pair), "reject", "bad")}
    assert FOUND[1].question not in {q.question for q in make_open(ITEMS, FOUND, CHUNKS, 3, [pair], bad)}


def test_they_are_read_again_as_they_were_written(tmp_path: Path) -> None:
    made = make_open(ITEMS, FOUND, CHUNKS, 3)
    for form in ("csv", "jsonl", "parquet"):
        [(name, rows)] = write_open(made, tmp_path, form).items()
        read = read_open(tmp_path / name)
        assert rows == len(read) == len(made)
        assert [replace(q, in_exam=False, source=q.source or "own") for q in made] == read, form
