"""A teacher's reply is read fact by fact."""

from __future__ import annotations

import json
from typing import Any

import pytest

from understudy.generate.taught import read_answers, read_facts


def fact(**changed: Any) -> dict[str, Any]:
    whole = {"quote": "Keel listens on 9140.", "kind": "forward", "questions": ["On which port does Keel listen?"],
             "answer": "Keel listens on port 9140.", "option": "9140"}  # fmt: skip
    return {k: v for k, v in {**whole, **changed}.items() if v is not ...}


def reply(*facts: Any) -> str:
    return json.dumps({"facts": list(facts)})


def options(text: str, **how: Any) -> list[str]:
    return [f.option for f in read_facts(text, **how)[0]]


@pytest.mark.parametrize(
    ("odd", "option"),
    [
        (fact(option=9140, answer=9140), "9140"),
        (fact(option=2.5), "2.5"),
        (fact(option=True), "true"),
        (fact(option=None), "Keel listens on port 9140."),
        (fact(option=...), "Keel listens on port 9140."),
        (fact(questions="On which port does Keel listen?"), "9140"),
        (fact(questions=..., question="On which port does Keel listen?"), "9140"),
        (fact(questions=[{"question": "On which port does Keel listen?"}]), "9140"),
        (fact(kind="definition"), "9140"),
        (fact(kind=None), "9140"),
        (fact(kind="False premise"), "9140"),
    ],
)
def test_what_can_be_understood_is_taken(odd: dict[str, Any], option: str) -> None:
    facts, dropped = read_facts(reply(fact(option="a"), odd, fact(option="b")))
    assert [f.option for f in facts] == ["a", option, "b"]
    assert all(f.questions and all(f.questions) for f in facts)
    assert not dropped
    assert facts[1].kind == ("false-premise" if odd.get("kind") == "False premise" else "forward")


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (fact(quote=None), "no quote"),
        (fact(answer={"x": 1}), "no answer"),
        (fact(questions=[]), "no questions"),
        (fact(questions=[None, ""], answer=""), "no questions and no answer"),
        ("a sentence", "no object"),
        (fact(answer="x" * 30_000), "a text beyond measure"),
    ],
)
def test_what_cannot_is_counted_and_the_others_stay(odd: Any, reason: str) -> None:
    facts, dropped = read_facts(reply(fact(option="a"), odd, fact(option="b")))
    assert [f.option for f in facts] == ["a", "b"]
    assert dropped == {f"not a whole fact: {reason}": 1}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([fact(option="a"), fact(option="b")]),
        json.dumps([{"facts": [fact(option="a"), fact(option="b")]}]),
        json.dumps({"facts": {"1": fact(option="a"), "2": fact(option="b")}}),
        json.dumps({"pairs": [fact(option="a"), fact(option="b")]}),
        json.dumps(fact(option="a")) + "\n" + json.dumps(fact(option="b")),
        "Here:\n```json\n" + reply(fact(option="a"), fact(option="b")) + "\n```\nI hope {this} helps [1].",
        reply() + "\nNo, better:\n" + reply(fact(option="a"), fact(option="b")),
        "Perhaps " + reply(fact(option="x")) + "\n</think>\n" + reply(fact(option="a"), fact(option="b")),
        reply(fact(option="a"), fact(option="b"))[:-1],
    ],
)
def test_the_list_is_found_wherever_it_stands(text: str) -> None:
    assert options(text) == ["a", "b"]


def test_a_cut_end_loses_what_is_cut() -> None:
    text = reply(fact(option="a"), fact(option="b"), fact(option="c"))
    facts, dropped = read_facts(text[:-30], cut=True)
    assert [f.option for f in facts] == ["a", "b"]
    assert dropped == {"cut off by the end of the answer": 1}


def test_a_tag_in_a_quote_is_a_quote() -> None:
    text = reply(fact(quote="It writes <think> first."), fact(option="b"))
    assert read_facts(text)[0][0].quote == "It writes <think> first."
    assert options(text[:-20], cut=True)


def test_no_facts_is_an_answer() -> None:
    assert read_facts(reply()) == ([], {})


@pytest.mark.parametrize(
    "text", ["", "No.", '{"facts": "none"}', '{"facts": [{"quo', reply({"x": 1}), '{"facts": ' + "[" * 5000]
)
def test_what_holds_no_facts(text: str) -> None:
    with pytest.raises(ValueError):
        read_facts(text)


def test_answers_of_a_round_trip() -> None:
    assert read_answers('{"answers": ["a", 7, null, {"answer": "d"}]}') == ["a", "7", "unknown", "d"]
    assert read_answers('["a", "b"]') == ["a", "b"]
    assert read_answers('{"answers": {"1": "a", "3": "c"}}') == ["a", "unknown", "c"]
    assert read_answers('{"2": "b", "1": "a"}') == ["a", "b"]
    with pytest.raises(ValueError, match="no JSON object"):  # a list as long as this number says would take all memory
        read_answers('{"1": "a", "99999999999": "b"}')
    for text in ("a", '{"x": 1}'):
        with pytest.raises(ValueError):
            read_answers(text)
