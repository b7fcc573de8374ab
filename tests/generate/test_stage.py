"""The stage from artifacts to artifact, with the local teacher, imported pairs and a remote teacher."""

from __future__ import annotations

import json
import logging
import signal
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from scripted_teacher import ScriptedTeacher

from understudy.artifact import Artifact, read_records, seal, write_records
from understudy.errors import StageError, StoreError, TeacherError
from understudy.evaluation.leakage import ngrams
from understudy.generate.base import Coverage
from understudy.generate.config import GenerateConfig
from understudy.generate.estimate import estimate
from understudy.generate.filters import agreement, find_quote, question_problem
from understudy.generate.stage import large_pages, run
from understudy.normal import normal, words
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Chunk, Document, MCQItem, QAPair

Build = Callable[..., tuple[Inputs, RunContext]]


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-secret-value")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def results(ctx: RunContext) -> tuple[list[QAPair], list[MCQItem], list[Coverage]]:
    return (
        read_records(ctx.out / "pairs.jsonl", QAPair),
        read_records(ctx.out / "items.jsonl", MCQItem),
        read_records(ctx.out / "coverage.jsonl", Coverage),
    )


def accounted(output: StageOutput, ctx: RunContext) -> None:
    """The counts agree with the files, and every chunk ends in exactly one way."""
    pairs, items, coverage = results(ctx)
    counts = output.counts
    assert counts["pairs"] == len(pairs)
    assert counts["items"] == len(items)
    assert len({c.chunk_id for c in coverage}) == len(coverage) == counts["chunks"]
    by_status = Counter(c.status for c in coverage)
    assert by_status["accepted"] == counts["accepted"]
    assert by_status["rejected"] == sum(counts["rejected"].values())
    assert by_status["failed"] == sum(counts["failed"].values())
    assert sum(c.pairs for c in coverage) == sum(bool(p.chunk_id) for p in pairs)
    assert sum(c.items for c in coverage) == len(items)


def test_local_teacher(stage_inputs: Build, manual: dict[str, str]) -> None:
    inputs, ctx = stage_inputs(manual, size=600)
    output = run(GenerateConfig(n_items=30), inputs, ctx)
    accounted(output, ctx)
    pairs, items, _ = results(ctx)
    first = (ctx.out / "pairs.jsonl").read_bytes(), (ctx.out / "items.jsonl").read_bytes()
    assert len(items) >= 6
    assert output.metrics["key_longest"] * len(items) <= 0.25 * len(items) + 1  # chance, and one item of slack
    trained = {normal(p.question) for p in pairs if p.split == "train"}
    assert not trained & {normal(i.question) for i in items}
    run(GenerateConfig(n_items=30), inputs, ctx)
    assert ((ctx.out / "pairs.jsonl").read_bytes(), (ctx.out / "items.jsonl").read_bytes()) == first


def test_imported_pairs_replace_generated_ones_in_training(
    stage_inputs: Build, manual: dict[str, str], tmp_path: Path
) -> None:
    inputs, ctx = stage_inputs(manual)
    run(GenerateConfig(), inputs, ctx)
    asked = results(ctx)[1][0]
    file = tmp_path / "own.csv"
    rows = [("What is kept by the store?", "The store keeps every message on disk."), (asked.question, "leaked")]
    file.write_text("question,answer\n" + "\n".join(f'"{q.replace(chr(34), chr(34) * 2)}","{a}"' for q, a in rows))
    config = GenerateConfig(pairs=str(file), dev_share=0.0)
    assert config.files() == {"pairs": str(file)}
    output = run(config, inputs, ctx)
    accounted(output, ctx)
    pairs, items, _ = results(ctx)
    assert [p.source for p in pairs if p.split == "train"] == ["own.csv"]
    assert output.counts["contaminated"] == {"equals a benchmark question": 1}
    assert {i.source for i in items} == {"docs"}
    output = run(GenerateConfig(pairs=str(file), keep_generated=True, dev_share=0.0), inputs, ctx)
    assert {p.source for p in results(ctx)[0] if p.split == "train"} == {"own.csv", "extractive"}


def test_nothing_to_teach(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs({"a.md": "Lorem. Ipsum!\n"})
    with pytest.raises(
        StageError, match=r"found nothing to teach in 1 chunks.*no statement found: 1.*pairs: file\.csv"
    ):
        run(GenerateConfig(), inputs, ctx)


# ── remote ──────────────────────────────────────────────────────────────────────────────────────────────

FACTS = {
    f"part{i}.md": f"# Part {i}\n\n"
    + " ".join(
        f"The {a} of part {i} is {v}."
        for a, v in (
            ("port", 9000 + i),
            ("owner", f"Ada {chr(65 + i)}ell"),
            ("colour", ["red", "blue", "grey", "teal"][i % 4]),
        )
    )
    for i in range(8)
}


def remote(server: ScriptedTeacher, **settings: Any) -> GenerateConfig:
    quick = {"rounds": 1, "max_retries": 2, "timeout_seconds": 60.0, "concurrency": 4}
    values: dict[str, Any] = {"teacher": f"openai:m@{server.url}", "remote": {**quick, **settings}, "n_items": 10}
    return GenerateConfig(**values)


def test_remote_teacher(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    with ScriptedTeacher(["thoughts", "garbage"]) as server:
        output = run(remote(server), inputs, ctx)
        accounted(output, ctx)
        pairs, items, coverage = results(ctx)
        assert {c.status for c in coverage} == {"accepted"}
        assert len(pairs) == 8 * 3 * 3
        assert {p.source for p in pairs} == {"openai:m"}
        assert len(items) == 10
        sent = server.requests[0]
        assert sent["response_format"]["type"] == "json_schema"
        assert "Page: Part" in sent["messages"][1]["content"]
        n = len(server.requests)
        assert n == 9  # eight chunks and one repair
        first = (ctx.out / "pairs.jsonl").read_bytes()
        again = run(remote(server), inputs, ctx)
        assert len(server.requests) == n  # all from the ledger
        assert again.metrics["requests_sent"] == 0.0
        assert (ctx.out / "pairs.jsonl").read_bytes() == first


def test_later_rounds_are_told_what_was_asked(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs({"part0.md": FACTS["part0.md"]})
    with ScriptedTeacher() as server:
        run(remote(server, rounds=2), inputs, ctx)
        later = server.requests[1]["messages"][1]["content"]
        assert "Already asked" in later
        assert "- What is the port of part 0?" in later


class Sloppy(ScriptedTeacher):
    """Among right facts, one of every kind that must be refused."""

    def facts(self, text: str, user: str) -> list[dict[str, Any]]:
        right = super().facts(text, user)
        wrong = [
            {**right[0], "quote": "never said anywhere", "questions": ["What is never said there?"]},
            {**right[0], "questions": ["What does this text say about the port?"]},
            {**right[0], "questions": [right[0]["questions"][0].upper()]},
            {**right[0], "questions": ["Which is it, once more, of them all?"], "answer": "As shown above."},
        ]
        return [*right, *wrong]


def test_filters_refuse_with_reasons(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs({"part0.md": FACTS["part0.md"]})
    with Sloppy() as server:
        output = run(remote(server), inputs, ctx)
    assert output.counts["dropped"] == {
        "quote not in the chunk": 1,
        "question does not stand alone": 1,
        "duplicate question": 1,
        "answer does not stand alone": 1,
    }
    assert output.counts["pairs"] == 9


class Liar(ScriptedTeacher):
    """Gives the port wrong when it writes facts, and right when it answers."""

    def facts(self, text: str, user: str) -> list[dict[str, Any]]:
        found = super().facts(text, user)
        return [{**f, "answer": "It is 1.", "option": "1"} if "port" in f["quote"] else f for f in found]


def test_the_round_trip_catches_a_wrong_answer(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs({"part0.md": FACTS["part0.md"], "part1.md": FACTS["part1.md"]})
    with Liar() as server:
        output = run(remote(server, round_trip=True), inputs, ctx)
    assert output.counts["dropped"] == {"round trip disagrees": 6}
    assert not any("port" in p.question for p in results(ctx)[0])
    assert len(server.requests) == 4


def test_a_chunk_that_fails_fails_alone(stage_inputs: Build, caplog: pytest.LogCaptureFixture) -> None:
    inputs, ctx = stage_inputs(FACTS)
    with ScriptedTeacher(["garbage", "garbage"]) as server, caplog.at_level(logging.WARNING):
        output = run(remote(server, concurrency=1), inputs, ctx)
    accounted(output, ctx)
    assert sum(output.counts["failed"].values()) == 1
    assert "not the JSON" in next(iter(output.counts["failed"]))
    assert output.counts["accepted"] == 7
    assert "1 of 8 chunks failed" in caplog.text


def test_an_unreachable_teacher_ends_with_one_message(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    with ScriptedTeacher() as server:
        config = remote(server, max_retries=1)
    with pytest.raises(TeacherError, match=r"none of 8 chunks.*127\.0\.0\.1.*no connection.*Start the server"):
        run(config, inputs, ctx)


def test_a_refused_key_ends_at_once_and_is_not_shown(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    with ScriptedTeacher(["401:bad key sk-test-secret-value"] * 50) as server:
        with pytest.raises(TeacherError, match="OPENAI_API_KEY") as caught:
            run(remote(server), inputs, ctx)
        assert len(server.requests) <= 4
    assert "sk-test" not in str(caught.value)


def test_the_cap_on_money_holds_over_resumed_runs(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    # 2000 tokens out may cost 0.004 and 50 do cost 0.0001: four requests find room under the cap.
    money = {"price": {"input": 0.0, "output": 2.0}, "max_usd": 0.00435, "max_tokens": 2000, "concurrency": 1}
    with ScriptedTeacher() as server:
        output = run(remote(server, **money), inputs, ctx)
        accounted(output, ctx)
        asked = len(server.requests)
        assert asked == 4
        assert output.metrics["usd"] == pytest.approx(0.0004)
        assert output.counts["failed"] == {"budget: the cap of 0.00435 USD leaves no room for another request": 4}
        run(remote(server, **money), inputs, ctx)
        assert len(server.requests) == asked


def test_under_a_cap_each_page_is_asked_about_once_before_any_twice(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS, size=60, overlap=0)
    money = {"price": {"input": 0.0, "output": 2.0}, "max_usd": 0.00475, "max_tokens": 2000, "concurrency": 1}
    with ScriptedTeacher() as server:
        run(remote(server, **money), inputs, ctx)
        assert len(server.requests) == len(FACTS)
    failed = {c.chunk_id for c in read_records(ctx.out / "coverage.jsonl", Coverage) if c.status == "failed"}
    assert failed == {c.chunk_id for c in inputs["chunk"].records("chunks", Chunk) if not c.chunk_id.endswith("#0")}


def test_the_cap_counts_all_that_was_paid_before_anything_is_sent(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    # An answer costs a ten-thousandth; all eight are bought, and the first three are lost.
    money = {"price": {"input": 0.0, "output": 2.0}, "max_tokens": 64}
    with ScriptedTeacher() as server:
        run(remote(server, **money, max_usd=1.0), inputs, ctx)
        with sqlite3.connect(ctx.root / "ledger.sqlite") as db:
            db.execute("DELETE FROM replies WHERE rowid IN (SELECT rowid FROM replies ORDER BY rowid LIMIT 3)")
        for _ in range(2):
            output = run(remote(server, **money, max_usd=0.00084), inputs, ctx)
            assert len(server.requests) == 8
            assert output.metrics["usd"] == pytest.approx(0.0008)
            assert output.counts["accepted"] == 5
            assert sum(output.counts["failed"].values()) == 3


def test_an_answer_that_no_reader_takes_is_asked_for_again_by_the_next_run(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    loop = 'text:{"facts": ' + "[" * 3000
    with ScriptedTeacher([loop, loop]) as server:
        first = run(remote(server, concurrency=1), inputs, ctx)
        assert (first.counts["accepted"], sum(first.counts["failed"].values())) == (7, 1)
        second = run(remote(server, concurrency=1), inputs, ctx)
        assert second.counts["accepted"] == 8
        assert len(server.requests) == 10


def test_anthropic_teaches(stage_inputs: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test-secret-value")
    inputs, ctx = stage_inputs(FACTS)
    with ScriptedTeacher() as server:
        config = remote(server, round_trip=True).model_copy(update={"teacher": f"anthropic:claude-x@{server.url}"})
        output = run(config, inputs, ctx)
        assert output.counts["accepted"] == 8
        assert output.metrics["teacher"] == "anthropic:claude-x"
        assert set(server.paths) == {"/v1/messages"}


def test_a_killed_run_resumes_without_paying_again(stage_inputs: Build, tmp_path: Path) -> None:
    inputs, ctx = stage_inputs(FACTS)
    program = """
import json, logging, sys
from pathlib import Path
from understudy.artifact import Artifact
from understudy.generate.config import GenerateConfig
from understudy.generate.stage import large_pages, run
from understudy.stage import Inputs, RunContext
store, out, root, config = sys.argv[1:]
inputs = Inputs({n: Artifact.open(Path(store) / n) for n in ("ingest", "chunk")})
def progress(what, done, total):
    print(done, flush=True)
ctx = RunContext(Path(out), Path(out), Path(root), seed=7, progress=progress)
run(GenerateConfig(**json.loads(config)), inputs, ctx)
"""
    # Five requests are answered; the next wait for an eighth, which only the resumed run sends.
    with ScriptedTeacher([*["ok"] * 5, "wait:8", "wait:8"]) as server:
        config = remote(server, concurrency=2, timeout_seconds=250.0)
        places = [str(tmp_path / "store"), str(ctx.out), str(ctx.root)]
        child = subprocess.Popen(
            [sys.executable, "-c", program, *places, config.model_dump_json()], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        while int(child.stdout.readline()) < 5:
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert not (ctx.out / "pairs.jsonl").exists()
        before = len(server.requests)
        assert before < 8
        output = run(config, inputs, ctx)
        accounted(output, ctx)
        assert output.counts["accepted"] == 8
        # What was under way when the process died is sent again; nothing that was answered is.
        assert len(server.requests) == before + 3


def test_a_slow_chunk_does_not_hold_up_the_progress(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    # The first of eight chunks waits for a ninth request, which is sent when seven are done.
    with ScriptedTeacher(["wait:9"]) as server:

        def progress(what: str, done: float, total: float | None) -> None:
            if done == 7:
                asked = {"messages": [{"role": "user", "content": "Go on."}]}
                urllib.request.urlopen(f"{server.url}/chat/completions", json.dumps(asked).encode())

        run(remote(server, concurrency=2, timeout_seconds=60.0), inputs, replace(ctx, progress=progress))
        assert len(server.requests) == 9


def test_a_full_disk_stops_the_stage(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    (ctx.root).mkdir()
    (ctx.root / "ledger.sqlite").mkdir()
    with ScriptedTeacher() as server, pytest.raises(StoreError, match=r"ledger\.sqlite"):
        run(remote(server), inputs, ctx)


# ── filters, settings, estimate ─────────────────────────────────────────────────────────────────────────


def test_quotes_are_found_whatever_their_white_space() -> None:
    assert find_quote("a  b\nc", "x a b c y") == "a b c"
    assert find_quote("a b c", "x a\n   b c y") == "a\n   b c"
    assert find_quote("a c", "a b c") is None
    assert find_quote(" ", "a") is None


@pytest.mark.parametrize(
    "question", ["What does this text say?", "Why?", "Which command is mentioned above?", "x " * 300]
)
def test_questions_that_need_the_text_are_refused(question: str) -> None:
    assert question_problem(question)
    assert question_problem("What is the port of Heron?") is None


def test_agreement() -> None:
    assert agreement("It is 8080.", "8080") == 1.0
    assert agreement("unknown", "8080") == 0.0
    assert agreement("", "8080") == 0.0
    assert agreement("a b c d", "c d e f") == pytest.approx(0.5)


@pytest.mark.parametrize(
    "settings",
    [
        {"teacher": "gpt-4o"},
        {"paraphrases": {"dev": 0.6, "test": 0.5}},
        {"teacher": "openai:m@https://me:secret@host/v1"},
        {"teacher": "anthropic:m@https://host/v1?api_key=abc"},
        {"remote": {"max_usd": 1.0}},
        {"remote": {"roundz": 1}},
        {"n_options": 1},
    ],
)
def test_wrong_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GenerateConfig(**settings)


def test_the_key_changes_only_with_what_changes_the_result() -> None:
    def identity(**settings: Any) -> str:
        return json.dumps(GenerateConfig(**settings).identity(), sort_keys=True)

    assert identity(remote={"rounds": 1}) == identity()  # the local teacher has no rounds
    assert identity(pairs="a/pairs.csv") == identity(pairs="b/pairs.csv")  # the file's content is digested apart
    assert GenerateConfig(pairs="a/pairs.csv").files() == {"pairs": "a/pairs.csv"}
    api = {"teacher": "openai:m"}
    assert identity(**api, remote={"rounds": 1}) != identity(**api)
    pace = {"batch": True, "concurrency": 1, "timeout_seconds": 1, "max_retries": 0}
    assert identity(**api, remote=pace) == identity(**api)
    assert identity(n_items=5) != identity()


def test_estimates(tmp_path: Path) -> None:
    upstream = {"chunk": {"chunks": 100, "tokens": 30000}}
    local = estimate(GenerateConfig(), upstream)
    assert local.usd == 0.0
    assert local.counts["items"] == pytest.approx(60)
    price = {"input": 2.5, "output": 10.0}
    api = estimate(GenerateConfig(teacher="openai:m", remote={"price": price}), upstream)  # type: ignore[arg-type]
    assert api.counts["pairs"] == 3000
    assert api.usd is not None
    assert 2.0 < api.usd < 6.0
    assert "300 requests" in api.note
    remote = {"price": price, "max_usd": 1.0}
    capped = estimate(GenerateConfig(teacher="openai:m", remote=remote), upstream)  # type: ignore[arg-type]
    assert "cap of 1.00" in capped.note
    batches = {"price": price, "batch": True, "round_trip": True}
    half = estimate(GenerateConfig(teacher="openai:m", remote=batches), upstream)  # type: ignore[arg-type]
    alone = {**batches, "batch": False}
    whole = estimate(GenerateConfig(teacher="openai:m", remote=alone), upstream)  # type: ignore[arg-type]
    assert whole.usd is not None
    assert half.usd == pytest.approx(whole.usd / 2)
    assert "600 requests in batches, 6 one after another" in half.note
    assert "a batch may take up to a day" in half.note
    assert half.seconds is None
    assert estimate(GenerateConfig(teacher="openai:m"), upstream).usd is None
    assert estimate(GenerateConfig(), {}).counts == {}
    file = tmp_path / "p.csv"
    file.write_text('question,answer\n"a\nb",c\nd,e\n')
    assert estimate(GenerateConfig(pairs=str(file)), upstream).counts["pairs"] == 2


def test_main_job_on_real_material(stage_inputs: Build, nitro: Path) -> None:
    docs = {
        f.relative_to(nitro / "docs").as_posix(): f.read_text(encoding="utf-8") for f in (nitro / "docs").rglob("*.md")
    }
    inputs, ctx = stage_inputs(dict(sorted(docs.items())))
    output = run(GenerateConfig(pairs=str(nitro / "teacher_pairs.csv")), inputs, ctx)
    accounted(output, ctx)
    pairs, items, _ = results(ctx)
    assert items  # most of what this manual names says itself what it is
    train = [p for p in pairs if p.split == "train"]
    assert len(train) > 2000
    leaks = {g for i in items for g in ngrams(words(i.question))}
    documentation = {g for text in docs.values() for g in ngrams(words(text))}
    assert [p.question for p in train if (ngrams(words(p.question)) & leaks) - documentation] == []


def test_pages_that_are_not_taught_are_rejected_by_name_and_asked_about_nowhere(
    stage_inputs: Build, manual: dict[str, str]
) -> None:
    inputs, ctx = stage_inputs(manual, size=600)
    documents = inputs["ingest"].records("documents", Document)
    left = documents[0].doc_id
    folder = inputs["ingest"].path
    shown = [replace(d, kind="change log", untaught="change log") if d.doc_id == left else d for d in documents]
    write_records(folder / "documents.jsonl", shown)
    changed = Inputs({**inputs.artifacts, "ingest": Artifact(folder, seal(folder, {"stage": "ingest", "key": "x"}))})
    output = run(GenerateConfig(n_items=30), changed, ctx)
    accounted(output, ctx)
    pairs, items, coverage = results(ctx)
    assert pairs
    assert left not in {p.doc_id for p in pairs} | {i.doc_id for i in items}
    reasons = {c.reason for c in coverage if c.doc_id == left}
    assert reasons == {"page not taught: change log"}
    assert output.counts["rejected"]["page not taught: change log"] == sum(c.doc_id == left for c in coverage)


def test_a_page_that_gives_too_much_is_named() -> None:
    pairs = [QAPair(str(n), "q", "a", doc_id="log.md" if n < 30 else f"p{n}.md") for n in range(100)]
    assert large_pages(pairs, 71) == {"log.md": 0.3}
    assert large_pages(pairs[28:], 4) == {}
    assert large_pages([], 0) == {}
