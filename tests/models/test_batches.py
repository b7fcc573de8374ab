"""Batch APIs against a scripted server that misbehaves on order: the ledger of what is asked alone, no batch twice."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scripted_batches import ScriptedBatches
from scripted_teacher import ScriptedTeacher

from understudy.errors import TeacherError
from understudy.models import batch_post, batches
from understudy.models.batches import BatchedEndpoint
from understudy.models.client import NotKept, Unreachable
from understudy.models.ledger import Ledger, Tokens
from understudy.models.openai import Endpoint
from understudy.models.throttle import Budget
from understudy.types import Message

BOTH = pytest.mark.parametrize("protocol", ["openai", "anthropic"])
SECRET = "sk-test-secret-value"
SIX = [f"question {i}" for i in range(6)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(batches, "FIRST_LOOK", 0.01)
    monkeypatch.setattr(batches, "SLOWEST_LOOK", 0.02)
    monkeypatch.setattr(batch_post, "APPEARS", 0.3)
    monkeypatch.setattr(batch_post, "_LOOKS", 0.1)


def endpoint(server: ScriptedTeacher, path: Path, protocol: str = "openai", **settings: Any) -> BatchedEndpoint:
    how = {"backoff": 0.01, "timeout": 20.0, "max_retries": 2, **settings}
    asked = BatchedEndpoint("m", server.url, protocol=protocol, ledger=Ledger(path), **how)
    asked.begin("work")
    return asked


def ask(asked: Endpoint, questions: Sequence[str] = SIX, told: list[str] | None = None) -> dict[str, str]:
    """The text of each answer, or its error."""
    said: dict[str, str] = {}
    while True:
        for question in questions:
            try:
                said[question] = asked.complete([Message("user", question)], max_tokens=70).text
            except NotKept:
                continue
            except TeacherError as error:
                said[question] = str(error)
        if len(said) == len(questions):
            return said
        assert isinstance(asked, BatchedEndpoint)
        asked.answer((told if told is not None else []).append)


def right(questions: Sequence[str] = SIX) -> dict[str, str]:
    return dict.fromkeys(questions, "Paris.")


def money(cap: float | None = None) -> Budget:
    """A dollar a million tokens written, half of that in batches: an answer of the server's costs 25 millionths."""
    return Budget(0.0, 1.0, cap)


@BOTH
def test_all_is_asked_in_one_batch_and_kept_under_the_keys_of_what_is_asked_alone(
    protocol: str, tmp_path: Path
) -> None:
    path, told = tmp_path / "l.sqlite", []
    with ScriptedBatches(looks=2) as server:
        budget = money()
        asked = endpoint(server, path, protocol, budget=budget)
        assert ask(asked, told=told) == right()  # last first, in the file
        assert (len(server.made), len(server.asked)) == (1, 6)
        assert (asked.sent, asked.used) == (6, Tokens(600, 300))
        assert budget.spent == pytest.approx(6 * 25e-6)
        assert told
        assert all(one.startswith("batch 1 of about 1: ") and "of 6 done, waiting" in one for one in told)
        # The other way, in both directions.
        alone = Endpoint("m", server.url, protocol=protocol, ledger=Ledger(path), budget=money())
        alone.begin("work")
        assert ask(alone, [*SIX, "one more"])["one more"] == "Paris."
        assert len(server.requests) == 1
        assert alone.usd == pytest.approx(6 * 25e-6 + 50e-6)
        again = endpoint(server, path, protocol, budget=money())
        assert ask(again, [*SIX, "one more"]) == right([*SIX, "one more"])
        assert len(server.made) == 1
        assert again.usd == pytest.approx(6 * 25e-6 + 50e-6)
        assert {key.removeprefix("Bearer ") for key in server.keys} == {SECRET}
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


@BOTH
def test_errors_in_results_are_asked_for_again_or_end_their_request_alone(protocol: str, tmp_path: Path) -> None:
    rows = ["ok", "429", "500", "400:too odd", "empty", "lost"]
    with ScriptedBatches(rows=rows) as server:
        budget = money()
        said = ask(endpoint(server, tmp_path / "l.sqlite", protocol, budget=budget))
        assert {q: a for q, a in said.items() if a == "Paris."} == right([q for q in SIX if q != SIX[3]])
        assert "refused with 400: too odd" in said[SIX[3]]
        assert [len(b["requests"]) for b in server.made] == [6, 4]
        # The empty answer is paid, and the lost one cost nothing, for the batch says that it was not answered.
        lost = 0 if protocol == "openai" else 35e-6  # or, where that is not told, as much as it can have
        assert budget.spent == pytest.approx(6 * 25e-6 + lost)


@BOTH
def test_a_request_that_no_batch_answers_fails_after_three(protocol: str, tmp_path: Path) -> None:
    with ScriptedBatches(rows=["500"] * 9) as server:
        said = ask(endpoint(server, tmp_path / "l.sqlite", protocol), ["one"])
        assert "500" in said["one"]
        assert said["one"].endswith("in 3 batches")
        assert len(server.made) == 3


@BOTH
def test_what_a_batch_did_not_come_to_is_in_the_next_one(protocol: str, tmp_path: Path) -> None:
    with ScriptedBatches(batches=["expired:2"]) as server:
        budget = money()
        assert ask(endpoint(server, tmp_path / "l.sqlite", protocol, budget=budget)) == right()
        assert [len(b["requests"]) for b in server.made] == [6, 4]
        assert budget.spent == pytest.approx(6 * 25e-6)


@BOTH
def test_a_batch_that_somebody_cancels_ends_the_run_and_what_it_answered_is_kept(protocol: str, tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedBatches(batches=["cancelled:2"]) as server:
        with pytest.raises(Unreachable, match="batch_0 was cancelled there"):
            ask(endpoint(server, path, protocol))
        assert len(Ledger(path)) == 2
        assert ask(endpoint(server, path, protocol)) == right()
        assert [len(b["requests"]) for b in server.made] == [6, 4]


@BOTH
def test_results_that_break_off_are_read_again(protocol: str, tmp_path: Path) -> None:
    with ScriptedBatches(batches=["cut:1"]) as server:
        budget = money()
        assert ask(endpoint(server, tmp_path / "a.sqlite", protocol, budget=budget)) == right()
        assert len(server.made) == 1
        assert budget.spent == pytest.approx(6 * 25e-6)
    with ScriptedBatches(batches=["cut:99"]) as server:
        budget = money()
        assert ask(endpoint(server, tmp_path / "b.sqlite", protocol, budget=budget)) == right()
        lost = len(server.made[1]["requests"])
        assert 3 <= lost < 6
        assert budget.spent == pytest.approx(6 * 25e-6 + lost * 35e-6)  # they were answered, and paid, at the most


@BOTH
def test_results_that_nobody_asked_for_are_left_out(
    protocol: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedBatches(batches=["strange"]) as server:
        assert ask(endpoint(server, tmp_path / "l.sqlite", protocol)) == right()
        assert len(server.made) == 1
    assert "2 results in a batch that belong to none of its requests" in caplog.text


@BOTH
@pytest.mark.parametrize("status", [404, 405, 501])
def test_an_endpoint_without_batches_is_told_in_one_error_that_names_the_setting(
    protocol: str, status: int, tmp_path: Path
) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedBatches(batches=[str(status)] * 9) as server:
        with pytest.raises(Unreachable, match=r"no batches are taken at .*Set generate\.remote\.batch to false"):
            ask(endpoint(server, path, protocol))
        assert sum(one.startswith("POST") and "batches" in one for one in server.seen) == 1
    assert Ledger(path).charged("work", batched=True) == Tokens()


@BOTH
def test_a_refused_key_ends_it_at_once(protocol: str, tmp_path: Path) -> None:
    with ScriptedBatches(batches=["401"]) as server, pytest.raises(Unreachable, match=r"401.*_API_KEY"):
        ask(endpoint(server, tmp_path / "l.sqlite", protocol))


@BOTH
def test_a_batch_is_asked_after_until_the_endpoint_can_be_heard(protocol: str, tmp_path: Path) -> None:
    gets = ["500", "429", "drop", "404", "404", "not JSON", "{}", '{"status": 7, "processing_status": 7}', "[]"]
    with ScriptedBatches(gets=gets) as server:
        budget = money()
        assert ask(endpoint(server, tmp_path / "l.sqlite", protocol, budget=budget)) == right()
        assert len(server.made) == 1
        assert budget.spent == pytest.approx(6 * 25e-6)


@BOTH
@pytest.mark.parametrize(("gets", "said"), [(["401"], "401: not allowed"), (["500"] * 99, "no word of batch batch_0")])
def test_a_batch_that_cannot_be_asked_after_is_left_to_the_next_run(
    protocol: str, gets: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "l.sqlite"
    monkeypatch.setattr(batches, "_FORGIVEN", 0.2)
    with ScriptedBatches(gets=gets) as server:
        with pytest.raises(Unreachable, match=said):
            ask(endpoint(server, path, protocol, budget=money()))
        server.gets.clear()
        asked = endpoint(server, path, protocol, budget=money())
        assert asked.usd == pytest.approx(6 * 35e-6)
        assert ask(asked) == right()
        assert len(server.made) == 1
        assert asked.usd == pytest.approx(6 * 25e-6)


@BOTH
@pytest.mark.parametrize("name", [f"batch/../{SECRET}", SECRET, "", 7])
def test_what_cannot_be_a_batch_s_name_is_none(protocol: str, name: Any, tmp_path: Path) -> None:
    """It would stand in addresses and in the ledger."""
    with ScriptedBatches(batches=["ok"] * 9) as server:
        show = "openai_batch" if protocol == "openai" else "anthropic_batch"
        monkey = getattr(server, show)
        setattr(server, show, lambda batch: {**monkey(batch), "id": name})
        with pytest.raises(Unreachable) as failed:
            ask(endpoint(server, tmp_path / "l.sqlite", protocol, max_retries=0))
    assert SECRET not in str(failed.value)
    assert SECRET.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


@BOTH
def test_a_refusal_of_pace_is_tried_again(protocol: str, tmp_path: Path) -> None:
    with ScriptedBatches(batches=["429", "409"]) as server:
        assert ask(endpoint(server, tmp_path / "l.sqlite", protocol)) == right()
        assert len(server.made) == 1


@BOTH
@pytest.mark.parametrize("order", ["500-made", "drop-made", "500", "drop"])
def test_a_batch_whose_answer_is_lost_is_looked_for_before_it_is_sent_again(
    protocol: str, order: str, tmp_path: Path
) -> None:
    with ScriptedBatches(batches=[order]) as server:
        budget = money()
        assert ask(endpoint(server, tmp_path / "l.sqlite", protocol, budget=budget)) == right()
        assert len(server.made) == 1
        assert budget.spent == pytest.approx(6 * 25e-6)


@BOTH
def test_where_batches_cannot_be_looked_for_the_most_is_counted_and_said(
    protocol: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedBatches(batches=["drop-made"], listing=False) as server:
        with pytest.raises(Unreachable, match="whether the batch was taken is not known"):
            ask(endpoint(server, path, protocol, budget=money()))
        asked = endpoint(server, path, protocol, budget=money())
        assert asked.usd == pytest.approx(6 * 35e-6)
        assert ask(asked) == right()
        assert asked.usd == pytest.approx(6 * 35e-6 + 6 * 25e-6)
    assert "all that it can cost is counted" in caplog.text


def test_another_program_s_batch_of_the_same_size_is_told_apart_by_its_requests(tmp_path: Path) -> None:
    """Anthropic's batches bear no mark."""
    path = tmp_path / "l.sqlite"
    with ScriptedBatches(batches=["drop"]) as server:
        asked = {"messages": [{"role": "user", "content": "?"}]}
        theirs = [{"custom_id": f"theirs-{i}", "params": asked} for i in range(6)]
        server.take_batch(theirs, "ok", {})
        budget = money()
        assert ask(endpoint(server, path, "anthropic", budget=budget)) == right()
        assert [len(b["requests"]) for b in server.made] == [6, 6]
        assert budget.spent == pytest.approx(6 * 25e-6)


def test_a_batch_that_is_forgotten_is_counted_at_its_most(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedBatches(batches=["gone"]) as server:
        budget = money()
        assert ask(endpoint(server, tmp_path / "l.sqlite", budget=budget)) == right()
        assert len(server.made) == 2
        assert budget.spent == pytest.approx(6 * 35e-6 + 6 * 25e-6)
    assert "does not know batch batch_0" in caplog.text


def test_a_batch_that_fails_there_says_why_and_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedBatches(batches=["failed:model_not_found"]) as server:
        with pytest.raises(Unreachable, match="batch_0 failed there: model_not_found on order"):
            ask(endpoint(server, path))
        assert Ledger(path).charged("work", batched=True) == Tokens()
        assert ask(endpoint(server, path)) == right()


def test_an_account_s_limit_makes_batches_smaller(tmp_path: Path) -> None:
    with ScriptedBatches(batches=["limit:2"] * 20) as server:
        assert ask(endpoint(server, tmp_path / "l.sqlite"), [*SIX, "7", "8"]) == right([*SIX, "7", "8"])
        assert [len(b["requests"]) for b in server.made] == [8, 4, 4, 2, 2, 2, 2]


@BOTH
def test_parameters_that_are_refused_are_left_out_of_the_next_batch(protocol: str, tmp_path: Path) -> None:
    with ScriptedBatches(rows=["400:`temperature` is not supported with this model"] * 2) as server:
        asked = endpoint(server, tmp_path / "l.sqlite", protocol)
        for _ in range(2):
            try:
                said = [asked.complete([Message("user", q)], max_tokens=7, temperature=0.5) for q in SIX[:2]]
            except NotKept:
                with pytest.raises(NotKept):
                    asked.complete([Message("user", SIX[1])], max_tokens=7, temperature=0.5)
                asked.answer(lambda text: None)
        assert [reply.text for reply in said] == ["Paris."] * 2
        assert ["temperature" in body for body in server.asked] == [True, True, False, False]


@BOTH
def test_limits_of_the_protocol_make_several_batches(
    protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    with ScriptedBatches() as server:
        asked = endpoint(server, tmp_path / "a.sqlite", protocol)
        asked._most = 4
        assert ask(asked, told=told) == right()
        assert [len(b["requests"]) for b in server.made] == [4, 2]
        assert told[0].startswith("batches 1 to 2 of about 2: ")
        assert "of 6 done" in told[0]
    monkeypatch.setattr(type(asked.api), "most_bytes", 600)
    with ScriptedBatches() as server:
        assert ask(endpoint(server, tmp_path / "b.sqlite", protocol)) == right()
        sizes = [sum(len(json.dumps(r)) for r in b["requests"]) for b in server.made]
        assert len(sizes) > 1
        assert max(sizes) <= 600
        assert len(server.asked) == 6


@BOTH
def test_the_cap_holds_to_a_request_and_what_is_given_back_is_used(protocol: str, tmp_path: Path) -> None:
    # A request may cost 35 millionths and does cost 25: four fit, then one, then none.
    path = tmp_path / "l.sqlite"
    with ScriptedBatches() as server:
        for _ in range(2):  # the second as a resumed run
            budget = money(cap=4 * 35e-6)
            said = ask(endpoint(server, path, protocol, budget=budget))
            assert [len(b["requests"]) for b in server.made] == [4, 1]
            assert budget.spent == pytest.approx(5 * 25e-6)
            assert said[SIX[5]] == "the cap of 0.00014 USD leaves no room for another request"
            assert {q: said[q] for q in SIX[:5]} == right(SIX[:5])
    with ScriptedBatches() as server:
        said = ask(endpoint(server, tmp_path / "b.sqlite", protocol, budget=money(cap=34e-6)))
        assert not server.made
        assert set(said.values()) == {"the cap of 3.4e-05 USD leaves no room for another request"}


def test_what_the_cap_leaves_for_a_few_is_no_batch_of_its_own(tmp_path: Path) -> None:
    many = [str(i) for i in range(100)]
    with ScriptedBatches() as server:
        budget = money(cap=60.1 * 35e-6)
        ask(endpoint(server, tmp_path / "l.sqlite", budget=budget), many)
        sizes = [len(b["requests"]) for b in server.made]
        assert sizes[0] == 60
        assert all(10 * size >= 60 for size in sizes)
        assert budget.spent <= 60.1 * 35e-6


def test_a_redirect_of_what_is_sent_is_refused(tmp_path: Path) -> None:
    with ScriptedTeacher() as away, ScriptedTeacher(["away:" + away.url.removesuffix("/v1")]) as server:
        with pytest.raises(Unreachable, match="it redirects to"):
            ask(endpoint(server, tmp_path / "l.sqlite", "anthropic"))
        assert not away.requests


@BOTH
def test_a_redirect_of_results_is_refused(protocol: str, tmp_path: Path) -> None:
    with ScriptedBatches() as away, ScriptedBatches(batches=["away:" + away.url.removesuffix("/v1")]) as server:
        with pytest.raises(Unreachable, match="it redirects to"):
            ask(endpoint(server, tmp_path / "l.sqlite", protocol))
        assert not away.seen


KILLED = """
import os, signal, sys
from pathlib import Path
from understudy.models import batches, batch_post
from understudy.models.batches import BatchedEndpoint
from understudy.models.client import NotKept
from understudy.models.ledger import Ledger
from understudy.types import Message

url, path, protocol, point = sys.argv[1:]
batches.FIRST_LOOK, batches._AT_ONCE = 0.01, 2

def killed(kind, name, number=1, when=lambda *a, **k: True):
    was, calls = getattr(kind, name), []
    def method(self, *a, **k):
        if when(*a, **k):
            calls.append(1)
            if len(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return was(self, *a, **k)
    setattr(kind, name, method)

if point == "before it is sent":
    killed(batch_post.Post, "_made", when=lambda sending: sending.path.endswith("batches"))
elif point == "before it is noted what it is called":
    killed(Ledger, "batch_is", when=lambda *a, **k: "remote" in k)
elif point == "while it is waited for":
    killed(batch_post.Post, "look", 3)
elif point == "while results are read":
    killed(Ledger, "settle_batch", 2)
else:
    killed(Ledger, "settle_batch", 1, when=lambda *a, **k: k.get("over") is not None)
asked = BatchedEndpoint("m", url, protocol=protocol, ledger=Ledger(Path(path)))
asked.begin("work")
for i in range(6):
    try:
        asked.complete([Message("user", f"question {i}")], max_tokens=70)
    except NotKept:
        pass
asked.answer(lambda text: None)
"""


@BOTH
@pytest.mark.parametrize(
    "point",
    [
        "before it is sent",
        "before it is noted what it is called",
        "while it is waited for",
        "while results are read",
        "before it is noted that it is over",
    ],
)
def test_a_killed_run_goes_on_with_the_batch_that_it_sent(protocol: str, point: str, tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedBatches(looks=6 if "waited" in point else 1) as server:
        child = subprocess.run([sys.executable, "-c", KILLED, server.url, str(path), protocol, point], check=False)
        assert child.returncode == -signal.SIGKILL
        assert len(server.made) == (0 if point == "before it is sent" else 1)
        time.sleep(0.3)  # what was noted long ago and is not in the list was not taken
        budget = money(cap=6.1 * 35e-6)
        asked = endpoint(server, path, protocol, budget=budget)
        assert ask(asked) == right()
        assert len(server.made) == 1
        assert budget.spent == pytest.approx(6 * 25e-6)
        assert Ledger(path).charged("work", batched=True) == Tokens(600, 300)


def test_a_batch_of_other_work_that_holds_what_is_wanted_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedBatches(batches=["hold"]) as server:
        first = endpoint(server, path, budget=money())
        thread = threading.Thread(target=lambda: ask(first))
        thread.start()
        while first.under_way != "batch batch_0 goes on":
            time.sleep(0.01)
        second = endpoint(server, path, budget=money())
        second.begin("other work")
        threading.Timer(0.2, server.release).start()
        assert ask(second, SIX[:2]) == right(SIX[:2])
        thread.join()
        assert len(server.made) == 1
        assert first.usd == pytest.approx(6 * 25e-6)


def test_a_ledger_of_an_earlier_release_takes_batches(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedBatches() as server:
        ask(Endpoint("m", server.url, ledger=Ledger(path)), ["one"])
        with sqlite3.connect(path) as db:
            db.execute("DROP TABLE batches")
            db.execute("DROP TABLE batched")
        assert ask(endpoint(server, path), ["one", "two"]) == right(["one", "two"])
        assert (len(server.requests), len(server.asked)) == (1, 1)
