"""Money and the ledger: every answer counts, whatever it says; nothing that was answered is asked again."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from scripted_teacher import ScriptedTeacher, completion

from understudy.models.client import NotKept, RequestFailed
from understudy.models.ledger import Ledger, Reply, Tokens
from understudy.models.openai import Endpoint
from understudy.models.throttle import Budget, BudgetSpent
from understudy.types import Message

ASK = (Message("user", "What is the capital of France?"),)


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-secret-value")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def endpoint(server: ScriptedTeacher, **settings: Any) -> Endpoint:
    return Endpoint("m", server.url, **{"backoff": 0.01, "timeout": 20.0, "max_retries": 0, **settings})


def body(text: str | None = "Paris.", finish: str = "stop", **changed: Any) -> str:
    """An order for a whole body."""
    said = completion(text or "", finish)
    said["choices"][0]["message"]["content"] = text
    return "body:" + json.dumps({**said, **changed})


# A price of one dollar a million tokens in and a thousand out, so that the two can be told apart.
def spent(order: str | list[str], **settings: Any) -> tuple[int, int]:
    budget = Budget(1.0, 1000.0, None)
    script = [order] if isinstance(order, str) else order
    with ScriptedTeacher(script) as server, contextlib.suppress(RequestFailed):
        endpoint(server, budget=budget, **settings).complete(ASK, max_tokens=7)
    thousands = round(budget.spent * 1e6)
    return thousands % 1000, thousands // 1000


USAGE = {"prompt_tokens": 11, "completion_tokens": 3}
BOUND = 30 + 16 + 4  # bytes of the question, marks of a turn, `null` for the schema


@pytest.mark.parametrize(
    "order",
    [
        body(usage=USAGE),
        body("", usage=USAGE),
        body(None, "length", usage=USAGE),
        body(None, "content_filter", usage=USAGE),
        "body:" + json.dumps({"error": {"message": "overloaded", "code": 502}, "usage": USAGE}),
        "body:" + json.dumps({"choices": [{"message": {"refusal": "I cannot."}}], "usage": USAGE}),
    ],
)
def test_every_answer_that_carries_usage_counts(order: str) -> None:
    assert spent(order) == (11, 3)


def test_every_attempt_counts() -> None:
    assert spent([body("", usage=USAGE), body("", usage=USAGE), body(usage=USAGE)], max_retries=2) == (33, 9)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, (BOUND, 7)),
        ({}, (BOUND, 7)),
        ({"prompt_tokens": -5, "completion_tokens": -5}, (BOUND, 7)),
        ({"prompt_tokens": None, "completion_tokens": "3"}, (BOUND, 7)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, (BOUND, 7)),
        ({"prompt_tokens": 1e300, "completion_tokens": 1e300}, (BOUND, 7)),
        ({"prompt_tokens": 10**400, "completion_tokens": 3}, (BOUND, 3)),
        ({"prompt_tokens": True, "completion_tokens": 2}, (BOUND, 2)),
        ({"total_tokens": 14}, (BOUND, 7)),
        ({"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 20}, (11, 9)),  # thoughts in the total alone
        ([1], (BOUND, 7)),
    ],
)
def test_usage_that_cannot_be_is_counted_as_the_most_that_it_can_be(usage: Any, counted: tuple[int, int]) -> None:
    assert spent(body(usage=usage)) == counted


def test_an_answer_that_cannot_be_read_or_never_came_may_have_been_billed() -> None:
    assert spent("body:{") == (BOUND, 7)
    assert spent("drop") == (BOUND, 7)
    assert spent("wait:9", timeout=0.3) == (BOUND, 7)
    assert spent("500") == (0, 0)
    assert spent("429") == (0, 0)


def test_the_cap_holds_where_every_answer_is_thought(tmp_path: Path) -> None:
    thought = body(None, "length", usage={"prompt_tokens": 100, "completion_tokens": 50})
    with ScriptedTeacher([thought] * 99) as server:
        for _ in range(2):  # the second as a resumed run
            budget = Budget(0.0, 1.0, cap=0.00022)  # an answer costs 50 millionths
            asked = endpoint(server, budget=budget, ledger=Ledger(tmp_path / "l.sqlite"), max_retries=5)
            asked.begin("work")
            for i in range(9):
                with pytest.raises((RequestFailed, BudgetSpent)):
                    asked.complete([Message("user", str(i))], max_tokens=50)
        assert len(server.requests) == 4


def test_a_request_is_charged_before_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedTeacher(["wait:9"]) as server, pytest.raises(RequestFailed):
        endpoint(server, ledger=Ledger(path), timeout=0.3).complete(ASK, max_tokens=7)
    ledger = Ledger(path)
    lost = ledger.charge("k", "work", "m", Tokens(5, 7))  # a run that was killed here
    assert ledger.charged("work") == Tokens(5, 7)
    ledger.settle(lost, Tokens(1, 2), "stop")
    assert ledger.charged("work") == Tokens(1, 2)
    assert ledger.charged("") == Tokens(BOUND, 7)


def test_answers_taken_from_other_work_count_once(tmp_path: Path) -> None:
    with ScriptedTeacher() as server:
        first = endpoint(server, ledger=Ledger(tmp_path / "l.sqlite"), budget=Budget(0.0, 1.0, None))
        first.begin("one")
        first.complete(ASK, max_tokens=50)
        budget = Budget(0.0, 1.0, None)
        second = endpoint(server, ledger=Ledger(tmp_path / "l.sqlite"), budget=budget)
        second.begin("two")
        assert budget.spent == 0.0
        for _ in range(3):
            assert second.complete(ASK, max_tokens=50).cached
        assert budget.spent == pytest.approx(50e-6)
        assert len(server.requests) == 1


def test_a_ledger_from_before_charges_is_counted_by_its_answers(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedTeacher() as server:
        endpoint(server, ledger=Ledger(path)).complete(ASK, max_tokens=50)
        with sqlite3.connect(path) as db:
            db.execute("DROP TABLE charges")
        budget = Budget(0.0, 1.0, None)
        endpoint(server, ledger=Ledger(path), budget=budget).complete(ASK, max_tokens=50)
        assert budget.spent == pytest.approx(50e-6)


@pytest.mark.parametrize("order", [body(None, "length"), body("no", "content_filter"), "text:Paris."])
def test_what_is_conclusive_is_not_asked_again(order: str, tmp_path: Path) -> None:
    with ScriptedTeacher([order]) as server:
        told = set()
        for _ in range(3):
            asked = endpoint(server, ledger=Ledger(tmp_path / "l.sqlite"), max_retries=3)
            try:
                told.add(asked.complete(ASK, max_tokens=50).text)
            except RequestFailed as error:
                told.add(str(error))
        assert len(told) == 1
        assert len(server.requests) == 1


def test_answers_that_cannot_be_used_are_set_aside_and_asked_for_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l.sqlite")

    def read(reply: Reply) -> int:
        return int(reply.text)

    with ScriptedTeacher(["text:one", "text:two", "text:3"]) as server:
        asked = endpoint(server, ledger=ledger)
        with pytest.raises(RequestFailed, match="not the JSON"):
            asked.complete_read(ASK, read, {}, max_tokens=5)
        assert len(ledger) == 0
        assert sum(ledger.set_aside_reasons().values()) == 2
        assert asked.complete_read(ASK, read, {}, max_tokens=5) == 3
        assert ledger.charged("") == Tokens(300, 150)  # all three were paid


def test_a_row_that_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite"
    ledger = Ledger(path)
    for key in ("text", "blob", "tokens", "good"):
        ledger.put(key, "m", Reply("x", "stop", 1, 2))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE replies SET text = CAST(X'ff41' AS TEXT) WHERE key = 'text'")
        db.execute("UPDATE replies SET text = X'00ff' WHERE key = 'blob'")
        db.execute("UPDATE replies SET prompt_tokens = 'many' WHERE key = 'tokens'")
    assert [ledger.get(k) is None for k in ("text", "blob", "tokens", "good")] == [True, True, True, False]
    assert len(ledger) == 1
    assert sum(ledger.set_aside_reasons().values()) == 3


def test_only_what_is_kept(tmp_path: Path) -> None:
    with ScriptedTeacher() as server:
        asked = endpoint(server, ledger=Ledger(tmp_path / "l.sqlite"))
        asked.complete(ASK, max_tokens=5)
        asked.only_kept = True
        assert asked.complete(ASK, max_tokens=5).cached
        with pytest.raises(NotKept):
            asked.complete(ASK, max_tokens=6)
        assert len(server.requests) == 1
