"""What a model wrote, read: thoughts, JSON among words, cut ends, texts that cannot be stored."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy import redact as redaction
from understudy.models.answers import json_values, parse_json, scrub, without_thoughts
from understudy.models.lenient_json import DEEPEST, read_value
from understudy.models.served import chosen


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>A or B?</think>\n\nB", "B"),
        ("A has the wrong unit, so it must be\n</think>\nC", "C"),  # the template opened the thought
        ("Hm.</think> Again: no.</think>D", "D"),
        ("<Thinking>\nlong\n</Thinking >Oslo", "Oslo"),
        ("<think>a <think>b</think> c</think>d", "d"),
        ("<think>never ended", ""),
        ("Oslo</think>", "Oslo"),  # nothing follows: what stands before is the answer
        ("The <think> tag opens a thought.", "The <think> tag opens a thought."),
        ('{"answer": "it writes <think> first"}', '{"answer": "it writes <think> first"}'),
        ('<think>{"answer": 1}</think>{"answer": "</think>"}', '{"answer": "</think>"}'),
        ('I could write {"answer": [ or so\n</think>\n{"answer": 2}', '{"answer": 2}'),
        ('{"answer": "a <think> tag", "next": "cut o', '{"answer": "a <think> tag", "next": "cut o'),
    ],
)
def test_thoughts_are_left_out_and_tags_in_json_are_not(text: str, said: str) -> None:
    assert without_thoughts(text) == said


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2, {"b": "c', {"a": [1, 2]}),
        ('{"a": [{"b": 1}, {"b": 2}], "c": 12', {"a": [{"b": 1}, {"b": 2}]}),
        ('[{"b": 1}, {"b": "x\\', [{"b": 1}]),
        ('[{"b": 1}, {"b": tr', [{"b": 1}]),
    ],
)
def test_of_a_cut_value_what_is_whole_is_kept(text: str, value: object) -> None:
    assert list(json_values(text)) == [(value, True)]


def test_a_comma_too_many_and_words_of_python_are_read() -> None:
    assert list(json_values('x [{"a": True,}, ] y {"b": None}')) == [([{"a": True}], False), ({"b": None}, False)]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), json_like, min_size=1, max_size=3), st.integers(0, 200))
def test_a_prefix_of_a_value_never_says_what_the_value_does_not(value: dict[str, object], cut: int) -> None:
    text = json.dumps(value)
    found = read_value(text[: max(1, min(cut, len(text)))], 0)
    assert found is not None
    for key, part in found.value.items():
        whole = value[key]
        assert part == whole or (isinstance(whole, list) and _begins(part, whole))


def _begins(part: object, whole: object) -> bool:
    if not (isinstance(part, list) and isinstance(whole, list)):
        return part == whole
    same = part[:-1] == whole[: len(part) - 1] if part else True
    return same and (not part or part[-1] == whole[len(part) - 1] or _begins(part[-1], whole[len(part) - 1]))


@given(st.text(alphabet='{}[]",:<>/think0a\\ \n', max_size=60))
def test_no_text_is_too_odd(text: str) -> None:
    for value, _ in json_values(text):
        json.dumps(value)
    without_thoughts(text)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 60_000, '["' * 100_000, "<think>{" * 20_000, '[1,"<think>' * 9_000]
)
def test_a_model_that_repeats_itself_is_read_in_no_time(text: str) -> None:
    began = time.monotonic()
    assert all(_depth(value) <= DEEPEST for value, _ in json_values(text))
    without_thoughts(text)
    assert time.monotonic() - began < 10


def _depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((_depth(v) for v in inner), default=0) if isinstance(value, (dict, list)) else 0


def test_what_cannot_be_stored_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_API_KEY", "abcd/efgh-123")
    assert scrub("a\ud83d b\x00") == "a\ufffd b"
    assert scrub("\ud83d\ude00") == "\U0001f600"
    said = json.dumps({"a": "half \ud83d", "b": "key abcd/efgh-123"}).replace("/", "\\/")
    assert list(json_values(said)) == [({"a": "half \ufffd", "b": "key <OTHER_API_KEY>"}, False)]


def test_a_choice_is_read_past_its_thoughts() -> None:
    letters = list("ABCD")
    assert chosen("A is the gateway's, B the client's.\n</think>\n\n**C**", letters) == "C"
    assert chosen('<think>{"choice": "A"}</think>{"choice": "D"}', letters) == "D"


def test_no_object_says_what_is_missing() -> None:
    from pydantic import BaseModel

    class Port(BaseModel):
        port: int

    assert parse_json('{"port": "x"} {"port": 7}', Port).port == 7
    with pytest.raises(ValueError, match="port: Field required"):
        parse_json('{"ports": 7}', Port)


def test_the_secrets_are_looked_up_once_for_all_texts_of_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """675 kB of a teacher's short texts took more than ten seconds."""
    monkeypatch.setenv("SHOP_PASSWORD", "s3cr3t-w0rd")
    looked: list[int] = []
    secrets = redaction._secrets
    monkeypatch.setattr(redaction, "_secrets", lambda: looked.append(1) or secrets())
    value = {"facts": [{"quote": f"a {n}", "s3cr3t-w0rd": ["s3cr3t-w0rd", "q"]} for n in range(1000)]}
    [(scrubbed, _)] = json_values(json.dumps(value))
    assert scrubbed == {
        "facts": [{"quote": f"a {n}", "<SHOP_PASSWORD>": ["<SHOP_PASSWORD>", "q"]} for n in range(1000)]
    }
    assert len(looked) == 1
