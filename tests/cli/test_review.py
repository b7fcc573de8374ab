"""`understudy review`: by options for scripts, by keys for people, and what the next run makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from understudy import api
from understudy.artifact import read_records
from understudy.cli.main import app
from understudy.generate.decisions import read_decisions
from understudy.types import MCQItem, OpenQuestion, QAPair

RECIPE = "name: kestrel\nbase_model: lab:reader\ndocs: {{path: {docs}}}\ngenerate: {{n_items: 6}}\n"


@pytest.fixture
def work(docs_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a recipe that has run up to its pairs."""
    folder = docs_folder.parent
    monkeypatch.chdir(folder)
    (folder / "recipe.yaml").write_text(RECIPE.format(docs=docs_folder), encoding="utf-8")
    api.run("recipe.yaml")
    return folder


def call(*arguments: str, keys: str = "") -> str:
    done = CliRunner().invoke(app, ["review", "kestrel", *arguments], input=keys)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def listed(*arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in call("--list", "--json", *arguments).splitlines()]


def records(kind: type[Any], name: str) -> list[Any]:
    return read_records(api.open_run("kestrel").artifact("generate").path / f"{name}.jsonl", kind)


def test_by_options(work: Path) -> None:
    rows = listed()
    alone = [q for q in records(OpenQuestion, "open_questions") if not q.in_exam and not q.without]
    assert alone
    assert len(rows) == len(records(QAPair, "pairs")) + len(records(MCQItem, "items")) + len(alone)
    assert [r["risk"] for r in rows] == sorted((r["risk"] for r in rows), reverse=True)
    pair = next(r for r in rows if r["what"] == "pair" and sum(x["fact_id"] == r["fact_id"] for x in rows) > 2)
    others = [r for r in rows if r["fact_id"] == pair["fact_id"]]
    shown = call("--decide", f"{pair['id']}=reject:not worth asking", "--alike", "fact", "--preview")
    assert f"{len(others)} decisions; nothing is written" in shown
    assert not (work / "reviews").exists()
    call("--decide", f"{pair['id']}=reject:not worth asking", "--alike", "fact")
    assert len(read_decisions(work / "reviews" / "kestrel.jsonl")) == len(others)
    assert {r["id"] for r in listed()} == {r["id"] for r in rows} - {r["id"] for r in others}
    call("--decide", f"{pair['id']}=undo")
    assert pair["id"] in {r["id"] for r in listed()}


def test_one_wrong_part_of_the_command_writes_nothing(work: Path) -> None:
    pair, item = next(r for r in listed() if r["what"] == "pair"), next(r for r in listed() if r["what"] == "item")
    for problem, arguments in (
        ("never edited", ["--decide", f"{pair['id']}=accept", "--decide", f"{item['id']}=answer:x"]),
        ("needs a reason", ["--decide", f"{pair['id']}=reject"]),
        ("write it as", ["--decide", "p-1"]),
        ("Did you mean 'fact'", ["--decide", f"{pair['id']}=accept", "--alike", "facts"]),
        ("--alike", ["--alike", "fact"]),
    ):
        with pytest.raises(Exception, match=problem):
            call(*arguments)
    assert not (work / "reviews").exists()


def test_the_next_run_applies_them(work: Path) -> None:
    item, *_ = records(MCQItem, "items")
    gone, changed, *rest = [p for p in records(QAPair, "pairs") if p.question != item.question and p.split == "train"]
    ids = {r["question"]: r["id"] for r in listed() if r["what"] == "pair"}
    exam = next(r["id"] for r in listed() if r["what"] == "item" and r["question"] == item.question)
    call(
        *("--decide", f"{ids[gone.question]}=reject:nobody asks"),
        *("--decide", f"{ids[changed.question]}=question:Say: {changed.question}"),
        *("--decide", f"{ids[changed.question]}=answer:{changed.answer} Indeed."),
        *("--decide", f"{exam}=reject:two keys"),
    )
    before = {p.question for p in records(QAPair, "pairs")}
    asked = [i.question for i in records(MCQItem, "items")]
    settings = {"generate.decisions": "reviews/kestrel.jsonl"}
    run = api.run("recipe.yaml", set=settings)
    after = {p.question: p.answer for p in records(QAPair, "pairs")}
    assert after.keys() == before - {gone.question, changed.question} | {f"Say: {changed.question}"}
    assert after[f"Say: {changed.question}"] == f"{changed.answer} Indeed."
    assert [i.question for i in records(MCQItem, "items")] == [q for q in asked if q != item.question]
    counts = run.artifact("generate").counts
    assert counts["refused"]["rejected in review"] == 1
    assert counts["reviewed"] == {"pairs rejected": 1, "pairs edited": 1, "questions rejected": 1}
    page = re.sub(r"\s+", " ", run.report_path.read_text(encoding="utf-8"))
    assert "1 questions rejected" in page
    assert api.plan("recipe.yaml", set=settings).to_do == ()
    call("--decide", f"{ids[rest[0].question]}=accept")
    (waits,) = api.plan("recipe.yaml", set=settings).to_do
    assert waits.step.name == "generate"
    assert "decisions" in " ".join(waits.why)


def test_by_keys(work: Path) -> None:
    rows = listed()
    assert rows[0]["what"] == "pair"
    # accept; the next is rejected with a reason, which is undone; then a key that is none, and the end of the input
    said = call(keys="a" + "r" + "dull\n" + "u" + "x" + "q")
    path = work / "reviews" / "kestrel.jsonl"
    assert [(d.what, d.id, d.reason) for d in read_decisions(path)] == [
        ("accept", rows[0]["id"], ""),
        ("reject", rows[1]["id"], "dull"),
        ("undo", rows[1]["id"], ""),
    ]
    assert said.count(rows[1]["question"]) >= 2
    assert rows[0]["quote"] in said.replace("\n", " ") or rows[0]["quote"].split()[0] in said
    assert "generate: {decisions: reviews/kestrel.jsonl}" in said


def test_a_fix_is_carried_over_by_keys(work: Path) -> None:
    first = listed()[0]
    others = [r for r in listed() if r["fact_id"] == first["fact_id"]]
    assert len(others) > 1
    said = call(keys="r" + "dull\n" + "sf" + "n\n" + "sf" + "y\n" + "u" + "q")
    path = work / "reviews" / "kestrel.jsonl"
    whats = [d.what for d in read_decisions(path)]
    n = len(others) - 1
    assert whats == ["reject"] * (1 + n) + ["undo"] * n
    assert "nothing written" in said
    assert [d.alike for d in read_decisions(path)][1 : 1 + n] == [first["id"]] * n


def test_an_edit_by_keys(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    first = listed()[0]
    call(keys="e" + "A better question?\n" + "\n" + "q")
    (made,) = read_decisions(work / "reviews" / "kestrel.jsonl")
    assert (made.what, made.question, made.answer) == ("edit", "A better question?", first["answer"])


def test_the_audit_says_how_many_are_good(work: Path) -> None:
    drawn = listed("--audit", "4")
    assert len(drawn) == 4
    assert "none of the 4 drawn pairs is read yet" in call("--audit", "4")
    given = [f"{r['id']}=accept" for r in drawn[:2]] + [f"{drawn[2]['id']}=reject:cut"]
    call(*(part for text in given for part in ("--decide", text)))
    found = json.loads(call("--audit", "4", "--json").splitlines()[-1])
    assert (found["good"], found["read"], found["drawn"]) == (2, 3, 4)
    assert "2 of 3 random pairs are good: 67 % (95 % interval 21–94 %)" in call("--audit", "4")
    assert "1 drawn are not read yet" in call("--audit", "4")
