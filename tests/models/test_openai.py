"""The client of OpenAI-compatible endpoints against a scripted server that misbehaves on order."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pydantic import BaseModel
from scripted_teacher import ScriptedTeacher

from understudy.errors import InputError, ModelError, StoreError, TeacherError
from understudy.models.answers import parse_json, strict_schema
from understudy.models.client import RequestFailed, Unreachable
from understudy.models.ledger import Ledger, Reply, request_key
from understudy.models.openai import Endpoint
from understudy.models.served import ServedModel
from understudy.models.throttle import Budget, BudgetSpent, Patience, Throttle
from understudy.models.wire import retry_after
from understudy.types import LanguageModel, Message

ASK = (Message("user", "What is the capital of France?"),)


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-secret-value")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def endpoint(server: ScriptedTeacher, **settings: object) -> Endpoint:
    return Endpoint("m", server.url, **{"backoff": 0.01, "timeout": 60.0, **settings})  # type: ignore[arg-type]


class City(BaseModel):
    name: str
    people: int = 0


@pytest.mark.parametrize("order", ["500", "503", "429", "drop", "empty", "body:not json", "body:{}"])
def test_what_passes_is_tried_again(order: str) -> None:
    with ScriptedTeacher([order, order]) as server:
        assert endpoint(server).complete(ASK, max_tokens=20).text == "Paris."
        assert len(server.requests) == 3


def test_a_late_answer_is_given_up_and_asked_for_again() -> None:
    with ScriptedTeacher(["wait:2"]) as server:  # without a second request there is no answer to the first
        assert endpoint(server, timeout=0.2, max_retries=100).complete(ASK, max_tokens=20).text == "Paris."
        assert len(server.requests) >= 2


def test_retry_after_is_honoured() -> None:
    with ScriptedTeacher(["429:0.6"]) as server:
        endpoint(server).complete(ASK, max_tokens=20)
        assert server.times[1] - server.times[0] >= 0.6


def test_retry_after_reads_seconds_milliseconds_and_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    assert retry_after({"retry-after": "7"}) == 7.0
    assert retry_after({"retry-after-ms": "250", "retry-after": "7"}) == 0.25
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.25)
    assert retry_after({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}) == 29.75
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_errors_that_stay_end_with_the_number_of_attempts() -> None:
    with ScriptedTeacher(["500"] * 3) as server, pytest.raises(RequestFailed, match=r"500.*after 3 attempts"):
        endpoint(server, max_retries=2).complete(ASK, max_tokens=20)


@pytest.mark.parametrize(
    ("order", "says"), [("401", "OPENAI_API_KEY"), ("404", "Check the model's name"), ("402", "credit")]
)
def test_refusals_are_final_and_name_the_next_step(order: str, says: str) -> None:
    with ScriptedTeacher([order]) as server:
        asked = endpoint(server)
        for _ in range(2):  # the second is not even sent
            with pytest.raises(Unreachable, match=says) as caught:
                asked.complete(ASK, max_tokens=20)
            assert server.url in str(caught.value)
        assert len(server.requests) == 1


def test_this_machine_is_asked_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    with ScriptedTeacher() as server, ScriptedTeacher() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        assert endpoint(server).complete(ASK, max_tokens=20).text == "Paris."
        assert not proxy.requests


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(Unreachable, match=r"no connection.*Start the server"):
        Endpoint("m", url, max_retries=1, backoff=0.01).complete(ASK, max_tokens=5)


def test_a_key_is_needed_only_for_the_default_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(InputError, match="export OPENAI_API_KEY"):
        Endpoint("gpt-4o")
    with ScriptedTeacher() as server:
        assert endpoint(server).complete(ASK, max_tokens=5).text == "Paris."


def test_the_key_is_sent_and_never_shown() -> None:
    with ScriptedTeacher(["403:the key sk-test-secret-value is bad"]) as server:
        with pytest.raises(TeacherError) as caught:
            endpoint(server).complete(ASK, max_tokens=5)
        assert server.keys == ["Bearer sk-test-secret-value"]
        assert "sk-test-secret-value" not in str(caught.value)


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        ("response_format json_schema is not supported", "response_format"),
        ("'temperature' does not support 0.7", "temperature"),
        ("use max_completion_tokens instead of max_tokens", "max_tokens"),
    ],
)
def test_a_parameter_the_endpoint_does_not_know_is_left_out_from_then_on(message: str, gone: str) -> None:
    with ScriptedTeacher([f"400:{message}"]) as server:
        asked = endpoint(server)
        for _ in range(2):
            asked.complete(ASK, max_tokens=5, temperature=0.7, schema={"type": "object"})
        assert [gone in r for r in server.requests] == [True, False, False]


def test_another_bad_request_is_not_repeated() -> None:
    with ScriptedTeacher(["400:context too long"]) as server:
        with pytest.raises(RequestFailed, match="context too long"):
            endpoint(server).complete(ASK, max_tokens=5)
        assert len(server.requests) == 1


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Oslo", "people": 7}',
        '<think>{"name": "Bergen"} or so?</think>{"name": "Oslo", "people": 7}',
        'A draft {"name": "Bergen", "people": 1} and now\n```json\n{"name": "Oslo", "people": 7}\n```',
        'The set {x} is empty. {"other": 1} {"name": "Oslo", "people": 7} Done.',
    ],
)
def test_json_is_found_among_thoughts_and_words(text: str) -> None:
    assert parse_json(text, City) == City(name="Oslo", people=7)


@pytest.mark.parametrize("text", ["", "none", '{"name": "Os', '{"people": 3}', '<think>{"name": "Oslo"}'])
def test_what_is_no_answer_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text, City)


def test_one_repair_is_asked_for_with_what_was_wrong() -> None:
    with ScriptedTeacher(['text:{"people": 3}', 'text:{"name": "Oslo"}']) as server:
        assert endpoint(server).complete_json(ASK, City, max_tokens=50).name == "Oslo"
        repair = server.requests[1]["messages"][-1]["content"]
        assert "name: Field required" in repair


def test_a_second_wrong_answer_fails() -> None:
    with ScriptedTeacher(["garbage", "garbage"]) as server:
        with pytest.raises(RequestFailed, match="not the JSON"):
            endpoint(server).complete_json(ASK, City, max_tokens=50)
        assert len(server.requests) == 2


def test_schema_is_strict() -> None:
    schema = strict_schema(City)
    assert schema["required"] == ["name", "people"]
    assert schema["additionalProperties"] is False
    schema["properties"].clear()  # the caller's own
    assert strict_schema(City)["required"] == list(strict_schema(City)["properties"]) == ["name", "people"]


# ── ledger ──────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_paid_twice(tmp_path: Path) -> None:
    with ScriptedTeacher() as server:
        for _ in range(2):  # the second time as a new process would: from the file
            ledger = Ledger(tmp_path / "ledger.sqlite")
            reply = endpoint(server, ledger=ledger).complete(ASK, max_tokens=20)
            ledger.close()
        assert reply.cached
        assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("Paris.", 100, 50)
        assert len(server.requests) == 1


def test_the_key_holds_everything_that_decides_an_answer() -> None:
    base = ("m", ASK, {"max_tokens": 5}, {"type": "object"}, "v1")
    other = [
        ("n", *base[1:]),
        (base[0], (Message("system", ASK[0].content),), *base[2:]),
        (*base[:2], {"max_tokens": 6}, *base[3:]),
        (*base[:3], None, "v1"),
        (*base[:4], "v2"),
    ]
    keys = {request_key(*fields) for fields in [base, *other]}  # type: ignore[arg-type]
    assert len(keys) == 6
    assert request_key(*base) == request_key(*base)  # type: ignore[arg-type]


def test_a_killed_run_finds_all_it_was_given(tmp_path: Path) -> None:
    """SIGKILL while requests go on: all that the process was answered before is in the ledger."""
    program = """
import sys
from pathlib import Path
from understudy.models.ledger import Ledger
from understudy.models.openai import Endpoint
from understudy.types import Message
asked = Endpoint("m", sys.argv[1], ledger=Ledger(Path(sys.argv[2])))
for i in range(1000):
    asked.complete([Message("user", f"question {i}")], max_tokens=5)
    print(i, flush=True)
"""
    path = tmp_path / "ledger.sqlite"
    with ScriptedTeacher() as server:
        child = subprocess.Popen([sys.executable, "-c", program, server.url, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        acknowledged = -1
        while acknowledged < 4:
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *map(int, child.stdout.read().split())])
        child.wait()
        before = len(server.requests)
        assert before <= acknowledged + 2
        ledger = Ledger(path)
        assert len(ledger) >= acknowledged + 1
        asked = endpoint(server, ledger=ledger)
        for i in range(acknowledged + 1):
            assert asked.complete([Message("user", f"question {i}")], max_tokens=5).cached
        assert len(server.requests) == before


def test_threads_share_a_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")
    threads = [
        threading.Thread(target=lambda n=n: [ledger.put(f"{n}-{i}", "m", Reply("x")) for i in range(20)])  # type: ignore[misc]
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger) == 80


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"this is no database, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match=r"ledger\.sqlite"):
        Ledger(path)


# ── pace and money ──────────────────────────────────────────────────────────────────────────────────────


def test_the_throttle_grows_by_success_and_halves_where_the_endpoint_is_crowded() -> None:
    throttle = Throttle(8, start=1.0)
    for _ in range(10):
        throttle.succeeded()
    assert throttle.limit == 8.0
    assert [throttle.refused(time.monotonic(), 0.0) for _ in range(5)] == [False, False, False, False, True]
    assert throttle.limit == 4.0
    throttle.refused(time.monotonic() - 10, 0.0)  # was under way with the others: one refusal, not two
    assert throttle.limit == 4.0
    throttle.succeeded()
    assert throttle.limit == 4.25


def test_refusals_by_chance_are_no_crowd_and_two_of_five_are() -> None:
    rng = random.Random(5)
    for share in (0.05, 0.4):
        throttle = Throttle(16, start=16.0)
        halved = 0
        for _ in range(4000):
            if rng.random() < share:
                halved += throttle.refused(time.monotonic(), 0.0)
            else:
                throttle.succeeded()
        assert bool(halved) == (share > 0.1), (share, halved)


def test_who_waits_for_a_turn_is_woken_when_there_is_one() -> None:
    throttle = Throttle(4, start=4.0)
    at_once, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(4)  # nobody leaves before there are four

    def turn() -> None:
        nonlocal at_once, most
        with throttle.slot():
            with lock:
                at_once += 1
                most = max(most, at_once)
            together.wait(10)
            with lock:
                at_once -= 1

    threads = [threading.Thread(target=turn, daemon=True) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert most == 4


def test_an_answer_is_given_up_that_takes_much_longer_than_the_others_did() -> None:
    patience = Patience(120.0)
    for _ in range(49):
        patience.took(2.0)
    assert patience.seconds() == 120.0  # too few to tell
    patience.took(5.0)
    assert patience.seconds() == 20.0
    patience.took(60.0)
    assert patience.seconds() == 120.0
    quick = Patience(120.0)
    for _ in range(50):
        quick.took(0.01)
    assert quick.seconds() == 1.0


def test_a_refusal_now_and_then_is_not_taken_for_a_crowd() -> None:
    throttle = Throttle(8, start=8.0)
    for turn in range(200):
        if turn % 20 == 10:
            assert not throttle.refused(time.monotonic(), 60.0)
        else:
            throttle.succeeded()
    assert throttle.limit == 8.0
    with throttle.slot():  # nobody waits the minute but the refused request
        pass


def test_requests_at_once_stay_within_the_limit() -> None:
    with ScriptedTeacher(["wait:2"]) as server:  # the first is answered when a second has come beside it
        reader = ServedModel("m", server.url, concurrency=3)
        done = reader.generate([[Message("user", str(i))] for i in range(12)])
        assert [c.text for c in done] == ["Paris."] * 12
        assert 2 <= server.most_at_once <= 3


def test_the_cap_is_never_passed() -> None:
    # A reply costs 100 * 1 + 50 * 2 = 200 millionths of a dollar; the most it may cost is set aside before.
    budget = Budget(1.0, 2.0, cap=0.001)
    with ScriptedTeacher() as server:
        asked = endpoint(server, budget=budget)

        def spend() -> None:
            for i in range(100):
                asked.complete([Message("user", str(i))], max_tokens=200)

        with pytest.raises(BudgetSpent, match="cap"):
            spend()
        assert budget.spent == pytest.approx(200e-6 * len(server.requests))
        assert 1 <= len(server.requests) <= 5
        assert budget.spent <= 0.001


def test_money_set_aside_comes_back() -> None:
    budget = Budget(1.0, 1.0, cap=1.0)
    budget.reserve(0.9)
    with pytest.raises(BudgetSpent):
        Budget(1.0, 1.0, cap=1.0).reserve(1.1)
    budget.settle(0.9, 0.2)
    budget.reserve(0.75)
    assert budget.spent == pytest.approx(0.2)


# ── reader ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_reader_reads() -> None:
    with ScriptedTeacher(["text:<think>hm</think>Oslo"], models={"m": {"max_model_len": 2048}}) as server:
        reader = ServedModel("m", server.url)
        assert isinstance(reader, LanguageModel)
        assert reader.name == f"openai:m@{server.url}"
        assert reader.window == 2048
        done = reader.generate([ASK], max_tokens=7, temperature=0.0, stop=["\n"])[0]
        assert (done.text, done.finish_reason, done.prompt_tokens, done.completion_tokens) == ("Oslo", "stop", 100, 50)
        sent = server.requests[0]
        assert (sent["max_tokens"], sent["temperature"], sent["stop"], sent["model"]) == (7, 0.0, ["\n"], "m")
        assert reader.count_tokens(ASK) >= 7
        with pytest.raises(ModelError, match="generate"):
            reader.loglikelihoods([ASK], [["a", "b"]])


def test_choices_are_constrained_by_schema_and_read_leniently() -> None:
    script = ['text:{"choice": "B"}', "text:The answer is C.", "text:A or B", "400:no json_schema here"]
    with ScriptedTeacher(script, answer="D") as server:
        reader = ServedModel("m", server.url, concurrency=1)
        said = [reader.generate([ASK], choices="ABCD")[0].text for _ in range(4)]
        assert said == ["B", "C", "A or B", "D"]
        form = server.requests[0]["response_format"]["json_schema"]["schema"]
        assert form["properties"]["choice"]["enum"] == list("ABCD")
        assert json.dumps(form)
