"""The generate stage with a teacher that is asked in batches."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scripted_batches import ScriptedBatches

from understudy.errors import Interrupted, TeacherError
from understudy.generate import stage
from understudy.generate.config import GenerateConfig
from understudy.generate.stage import run
from understudy.models import batch_post, batches
from understudy.models.batches import BatchedEndpoint
from understudy.models.openai import Endpoint
from understudy.stage import Inputs, RunContext

Build = Callable[..., tuple[Inputs, RunContext]]
BOTH = pytest.mark.parametrize("protocol", ["openai", "anthropic"])
FACTS = {
    f"part{i}.md": f"# Part {i}\n\nThe port of part {i} is {9000 + i}. The owner of part {i} is Ada {chr(65 + i)}ell. "
    f"The colour of part {i} is {['red', 'blue', 'grey', 'teal'][i % 4]}."
    for i in range(8)
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-secret-value")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-test-secret-value")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(batches, "FIRST_LOOK", 0.01)
    monkeypatch.setattr(batches, "SLOWEST_LOOK", 0.02)
    monkeypatch.setattr(batch_post, "APPEARS", 0.2)
    monkeypatch.setattr(stage, "BatchedEndpoint", functools.partial(BatchedEndpoint, backoff=0.01))
    monkeypatch.setattr(stage, "Endpoint", functools.partial(Endpoint, backoff=0.01))


def remote(server: ScriptedBatches, protocol: str = "openai", **settings: Any) -> GenerateConfig:
    quick = {"rounds": 1, "max_retries": 2, "timeout_seconds": 60.0, "batch": True}
    teacher = f"{protocol}:m@{server.url}"
    return GenerateConfig(teacher=teacher, remote={**quick, **settings}, n_items=10)  # type: ignore[arg-type]


@BOTH
def test_batches_teach_what_requests_one_by_one_teach(protocol: str, stage_inputs: Build, tmp_path: Path) -> None:
    inputs, ctx = stage_inputs(FACTS)
    with ScriptedBatches() as server:
        output = run(remote(server, protocol, rounds=2, round_trip=True), inputs, ctx)
        pairs = (ctx.out / "pairs.jsonl").read_bytes()
        assert output.counts["accepted"] == 8
        assert output.metrics["requests_sent"] == 24.0  # nothing is left to ask for in the second round
        assert [len(b["requests"]) for b in server.made] == [8, 8, 8]
        again = run(remote(server, protocol, rounds=2, round_trip=True, batch=False), inputs, ctx)
        assert again.metrics["requests_sent"] == 0.0
        assert (ctx.out / "pairs.jsonl").read_bytes() == pairs
        assert (len(server.made), len(server.requests)) == (3, 0)
        alone = replace(ctx, root=tmp_path / "another")
        run(remote(server, protocol, rounds=2, round_trip=True, batch=False), inputs, alone)
        assert (ctx.out / "pairs.jsonl").read_bytes() == pairs
    kept = b"".join(f.read_bytes() for f in (*ctx.root.rglob("*"), *ctx.out.rglob("*")) if f.is_file())
    assert b"sk-test-secret-value" not in kept
    assert b"sk-ant-test-secret-value" not in kept


@BOTH
def test_an_answer_that_is_not_right_is_sent_back_in_the_next_batch(protocol: str, stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    with ScriptedBatches(rows=["garbage", "thoughts", "text:[", "truncated"]) as server:
        output = run(remote(server, protocol), inputs, ctx)
        assert output.counts["accepted"] == 8
        assert [len(b["requests"]) for b in server.made][:2] == [8, 2]
        assert "That was not a valid answer" in str(server.asked[8])


def test_later_rounds_are_told_what_was_asked(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs({"part0.md": FACTS["part0.md"]})
    told: list[str] = []
    with ScriptedBatches() as server:
        watched = replace(ctx, progress=lambda what, done, total: told.append(what))
        run(remote(server, rounds=2), inputs, watched)
        assert "- What is the port of part 0?" in server.asked[1]["messages"][1]["content"]
    said = [one.partition(":")[0] for one in told if one.startswith("batch")]
    assert list(dict.fromkeys(said)) == ["batch 1 of about 2", "batch 2 of about 2"]


def test_the_cap_holds_over_batches_and_resumed_runs(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    # 2000 tokens out may cost 0.002 in a batch, and 50 do cost 0.00005: four fit, then three, and there are eight.
    money = {"price": {"input": 0.0, "output": 2.0}, "max_usd": 0.0081, "max_tokens": 2000}
    with ScriptedBatches() as server:
        output = run(remote(server, **money), inputs, ctx)
        assert [len(b["requests"]) for b in server.made] == [4, 3, 1]
        assert output.metrics["usd"] == pytest.approx(8 * 0.00005)
        alone = run(remote(server, **money, batch=False), inputs, ctx)
        assert alone.metrics["usd"] == pytest.approx(8 * 0.00005)  # what was paid in batches stays half as dear
        assert not server.requests
    ctx = replace(ctx, root=ctx.root / "another")
    with ScriptedBatches() as server:
        money |= {"max_usd": 0.00408, "price": {"input": 0.0, "output": 2.0, "batch_discount": 0.25}}
        output = run(remote(server, **money), inputs, ctx)
        assert [len(b["requests"]) for b in server.made] == [1] * 8
        assert output.metrics["usd"] == pytest.approx(8 * 0.000075)


def test_ctrl_c_leaves_the_batch_to_be_taken_up(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)

    def stop(what: str, done: float, total: float | None) -> None:
        if "waiting" in what:
            raise KeyboardInterrupt

    with ScriptedBatches() as server:
        with pytest.raises(Interrupted, match="batch batch_0 goes on; the same command takes up the answers"):
            run(remote(server), inputs, replace(ctx, progress=stop))
        assert run(remote(server), inputs, ctx).counts["accepted"] == 8
        assert len(server.made) == 1


def test_who_turns_batches_off_is_told_what_is_paid_twice(
    stage_inputs: Build, caplog: pytest.LogCaptureFixture
) -> None:
    inputs, ctx = stage_inputs(FACTS)

    def stop(what: str, done: float, total: float | None) -> None:
        if "waiting" in what:
            raise KeyboardInterrupt

    price = {"price": {"input": 0.0, "output": 2.0}}
    with ScriptedBatches(batches=["hold"]) as server:
        with pytest.raises(Interrupted):
            run(remote(server, **price), inputs, replace(ctx, progress=stop))
        output = run(remote(server, **price, batch=False), inputs, ctx)
        assert output.counts["accepted"] == 8
        assert output.metrics["usd"] == pytest.approx(8 * 0.0001 + 8 * 4096e-6)  # the batch at its most
    assert "8 requests are in batches under way" in caplog.text


def test_who_turns_batches_off_gets_what_is_there(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)

    def stop(what: str, done: float, total: float | None) -> None:
        if "waiting" in what and server.made[0]["looked"] > 2:
            server.release()
            raise KeyboardInterrupt

    price = {"price": {"input": 0.0, "output": 2.0}}
    with ScriptedBatches(batches=["hold"]) as server:
        with pytest.raises(Interrupted):
            run(remote(server, **price), inputs, replace(ctx, progress=stop))
        output = run(remote(server, **price, batch=False), inputs, ctx)
        assert output.counts["accepted"] == 8
        assert not server.requests
        assert output.metrics["usd"] == pytest.approx(8 * 0.00005)


def test_an_answer_that_no_reader_takes_is_asked_for_again_by_the_next_run(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs({"part0.md": FACTS["part0.md"], "part1.md": FACTS["part1.md"]})
    with ScriptedBatches(rows=["garbage", "ok", "garbage"]) as server:
        assert sum(run(remote(server), inputs, ctx).counts["failed"].values()) == 1
        assert run(remote(server), inputs, ctx).counts["accepted"] == 2
        assert [len(b["requests"]) for b in server.made] == [2, 1, 1]


def test_an_endpoint_without_batches_fails_the_stage_once(stage_inputs: Build) -> None:
    inputs, ctx = stage_inputs(FACTS)
    with ScriptedBatches(batches=["404"]) as server:
        with pytest.raises(TeacherError, match=r"Set generate\.remote\.batch to false"):
            run(remote(server), inputs, ctx)
        assert run(remote(server, batch=False), inputs, ctx).counts["accepted"] == 8


KILLED = """
import logging, os, signal, sys
from pathlib import Path
from understudy.artifact import Artifact
from understudy.generate.config import GenerateConfig
from understudy.generate.stage import run
from understudy.models import batches
from understudy.stage import Inputs, RunContext
batches.FIRST_LOOK = 0.01
folder, url = Path(sys.argv[1]), sys.argv[2]
inputs = Inputs({name: Artifact.open(folder / "store" / name) for name in ("ingest", "chunk")})
told = []
def progress(what, done, total):
    told.append(what)
    if what.startswith("batch 2"):
        os.kill(os.getpid(), signal.SIGKILL)
ctx = RunContext(out=folder / "out", work=folder / "work", root=folder / "root", seed=7, progress=progress)
remote = {"rounds": 2, "round_trip": True, "batch": True, "max_retries": 0}
run(GenerateConfig(teacher=f"openai:m@{url}", remote=remote, n_items=10), inputs, ctx)
"""


def test_a_run_that_is_killed_between_two_rounds_asks_for_nothing_twice(stage_inputs: Build, tmp_path: Path) -> None:
    inputs, ctx = stage_inputs(FACTS)
    with ScriptedBatches() as server:
        child = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), server.url], check=False)
        assert child.returncode == -signal.SIGKILL
        assert [len(b["requests"]) for b in server.made] == [8, 8]
        output = run(remote(server, rounds=2, round_trip=True), inputs, ctx)
        assert output.counts["accepted"] == 8
        assert [len(b["requests"]) for b in server.made] == [8, 8, 8]
