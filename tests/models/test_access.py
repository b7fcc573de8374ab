"""Keys and addresses: checked before anything is sent, shown nowhere; text goes where the reference says."""

from __future__ import annotations

import base64
import json
import logging
import time
from typing import Any
from urllib.parse import quote

import pytest
from scripted_teacher import ScriptedTeacher, completion

from understudy.errors import InputError, TeacherError
from understudy.models.client import RequestFailed, Unreachable
from understudy.models.ledger import Ledger
from understudy.models.openai import Endpoint
from understudy.models.ref import ModelRef
from understudy.models.served import ServedModel
from understudy.redact import RedactFilter, redact
from understudy.types import Message

ASK = (Message("user", "What is the capital of France?"),)
KEY = "sk-test/secret+value 1"[:-2]


@pytest.fixture(autouse=True)
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def endpoint(server: ScriptedTeacher, **settings: Any) -> Endpoint:
    return Endpoint("m", server.url, **{"backoff": 0.01, "timeout": 20.0, "max_retries": 0, **settings})


@pytest.mark.parametrize("written", [f"{KEY}\n", f" {KEY}\r\n", f'"{KEY}"', f"Bearer {KEY}"])
def test_a_key_is_trimmed(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", written)
    with ScriptedTeacher() as server:
        endpoint(server).complete(ASK, max_tokens=5)
        assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("written", ["sk-first\nsk-second", "sk-with blank", "sk-größe", "sk-a\x7fb"])
def test_a_key_that_can_be_none_is_refused_and_not_shown(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", written)
    with pytest.raises(InputError, match="OPENAI_API_KEY") as caught:
        Endpoint("m", "http://127.0.0.1:9/v1")
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://me:hunter22@host/v1",
        "https://token@host/v1",
        "https://host/v1?api_key=abc",
        "https://host/v1?x=1&access-token=abc",
        "https://host/v1?sig=abc",
        "https://host/sk-proj-abcdefghijkl1234/v1",
        "https://host/v1?x=sk%2Dproj-abcdefghijkl1234",
        "https://host/v1#sk-proj-abcdefghijkl1234",
    ],
)
@pytest.mark.parametrize("scheme", ["openai", "anthropic"])
def test_an_address_with_a_secret_is_refused_with_the_variable(address: str, scheme: str, monkeypatch: Any) -> None:
    with pytest.raises(InputError, match=f"must not hold .* {scheme.upper()}_API_KEY") as caught:
        ModelRef.parse(f"{scheme}:m@{address}")
    assert not any(word in str(caught.value) for word in ("hunter", "abc", "token@"))
    monkeypatch.setenv(f"{scheme.upper()}_BASE_URL", address)
    with pytest.raises(InputError, match=f"{scheme.upper()}_BASE_URL: the address must not hold"):
        Endpoint("m", protocol=scheme)


def test_a_key_for_a_name_is_refused() -> None:
    with pytest.raises(InputError, match="the name must not hold a key; put it into OPENAI_API_KEY") as caught:
        ModelRef.parse("openai:sk-proj-abcdefghijkl1234")
    assert "abcdef" not in str(caught.value)


@pytest.mark.parametrize("text", ["openai:m@http://", "openai:m@http://host:port/v1", "openai:@http://host/v1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InputError, match="write it as"):
        ModelRef.parse(text)


def test_addresses_as_they_are_kept() -> None:
    assert str(ModelRef.parse("openai:a/b:free@https://host:1/v1/?api-version=3")) == (
        "openai:a/b:free@https://host:1/v1?api-version=3"
    )
    assert ModelRef.parse("anthropic:claude-x") == ModelRef("anthropic", "claude-x")


def test_a_secret_is_known_in_all_its_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = 'p"ss/w\\rd+123'
    monkeypatch.setenv("SHOP_PASSWORD", f"  {secret}\n")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "falsehood")
    forms = [
        secret, f"  {secret}\n", repr(f"  {secret}\n"), json.dumps(secret), json.dumps(secret).replace("/", "\\/"),
        quote(secret, safe=""), quote(secret), f"https://u:{quote(secret, safe='')}@host",
        base64.b64encode(f":{secret}".encode()).decode(), base64.b64encode(secret.encode()).decode(),
    ]  # fmt: skip
    for form in forms:
        cleaned = redact(f"before {form} after")
        assert "<SHOP_PASSWORD>" in cleaned, form
        assert "123" not in cleaned.replace("SHOP", "")
        assert cleaned.startswith("before ")
        assert cleaned.endswith(" after")
    assert redact("the falsehood stays") == "the falsehood stays"
    record = logging.LogRecord("x", 20, "x", 1, "key %r", (f"{secret}\n",), None)
    assert RedactFilter().filter(record)
    assert "<SHOP_PASSWORD>" in record.getMessage()


def test_the_password_of_a_proxy_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:pr0xy%2Fw0rd@proxy.example:3128")
    monkeypatch.setenv("http_proxy", "me:0ther-w0rd@proxy.example:3128")
    assert redact("to http://me:pr0xy%2Fw0rd@proxy.example: pr0xy/w0rd") == (
        "to http://me:<HTTPS_PROXY>@proxy.example: <HTTPS_PROXY>"
    )
    assert redact("me:0ther-w0rd@proxy.example") == "me:<http_proxy>@proxy.example"
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert redact("http://proxy.example:3128 stays") == "http://proxy.example:3128 stays"


def test_what_an_endpoint_echoes_is_stored_without_the_key(tmp_path: Any) -> None:
    path = tmp_path / "l.sqlite"
    with ScriptedTeacher([f"text:You sent Bearer {KEY}!", f"429:{KEY}"]) as server:
        ledger = Ledger(path)
        assert endpoint(server, ledger=ledger).complete(ASK, max_tokens=5).text == ("You sent Bearer <OPENAI_API_KEY>!")
        with pytest.raises(RequestFailed):
            endpoint(server, ledger=ledger).complete(ASK, max_tokens=6)
        ledger.close()
    assert KEY.encode() not in b"".join(f.read_bytes() for f in tmp_path.iterdir())


def test_a_redirect_is_refused_and_nothing_is_sent_there() -> None:
    with ScriptedTeacher() as other, ScriptedTeacher() as server:
        there = other.url.removesuffix("/v1").replace("127.0.0.1", "localhost")
        server.script = [f"away:{there}"]
        with pytest.raises(Unreachable, match=f"redirects to {there}, and nothing was sent there"):
            endpoint(server).complete(ASK, max_tokens=5)
        assert other.requests == []


def test_an_answer_has_one_time_in_all() -> None:
    began = time.monotonic()
    with ScriptedTeacher(["drip"]) as server, pytest.raises(RequestFailed, match=r"no answer within 0\.5 seconds"):
        endpoint(server, timeout=0.5).complete(ASK, max_tokens=5)
    assert time.monotonic() - began < 5


def test_an_answer_beyond_measure_fails_alone() -> None:
    with ScriptedTeacher(["flood"]) as server:
        asked = endpoint(server)
        with pytest.raises(RequestFailed, match="more than 32 MB"):
            asked.complete(ASK, max_tokens=5)
        assert asked.complete(ASK, max_tokens=5).text == "Paris."


# ── what answers and errors say ─────────────────────────────────────────────────────────────────────────


def with_message(**message: Any) -> str:
    said = completion("")
    said["choices"][0]["message"] = {"role": "assistant", **message}
    return "body:" + json.dumps(said)


@pytest.mark.parametrize(
    "order",
    [
        with_message(content=[{"type": "text", "text": "Par"}, {"type": "text", "text": "is."}]),
        with_message(content=[{"type": "thinking", "thinking": "Lyon?"}, {"type": "text", "text": "Paris."}]),
        with_message(content="Paris.", reasoning_content="Lyon?"),
        "text:<think>Lyon?</think>Paris.",
    ],
)
def test_thoughts_and_parts_by_the_protocols_fields(order: str) -> None:
    with ScriptedTeacher([order]) as server:
        assert ServedModel("m", server.url).generate([ASK])[0].text == "Paris."


@pytest.mark.parametrize(
    "order",
    ["body:[1]", 'body:"x"', "body:" + "[" * 9000, 'body:{"choices": [{"message": null}]}', 'body:{"choices": [0]}'],
)
def test_what_is_not_of_the_protocol_fails_one_request(order: str) -> None:
    with ScriptedTeacher([order]) as server:
        asked = endpoint(server)
        with pytest.raises(RequestFailed, match="not of the chat protocol"):
            asked.complete(ASK, max_tokens=5)
        assert asked.complete(ASK, max_tokens=5).text == "Paris."


def test_an_error_with_status_200_is_what_it_says() -> None:
    busy = "body:" + json.dumps({"error": {"message": "Daily limit of free requests", "code": 429}})
    with ScriptedTeacher([busy, busy]) as server:
        with pytest.raises(RequestFailed, match=r"429: too many requests \(Daily limit of free requests\), after 2"):
            endpoint(server, max_retries=1).complete(ASK, max_tokens=5)
        assert len(server.requests) == 2


def test_a_refusal_is_told_and_is_an_answer_of_a_reader() -> None:
    order = with_message(content=None, refusal="I cannot help with that.")
    with ScriptedTeacher([order, order]) as server:
        with pytest.raises(RequestFailed, match=r"refused: I cannot help with that\."):
            endpoint(server, max_retries=5).complete(ASK, max_tokens=5)
        assert ServedModel("m", server.url).generate([ASK])[0].text == "I cannot help with that."


def test_a_reader_whose_answer_is_empty_or_all_thought_goes_on() -> None:
    thought = json.dumps(completion("", "length"))
    with ScriptedTeacher([f"body:{thought}", "empty"]) as server:
        reader = ServedModel("m", server.url, max_retries=0)
        said = [reader.generate([ASK])[0] for _ in range(3)]
        assert [(c.text, c.finish_reason) for c in said] == [("", "length"), ("", "stop"), ("Paris.", "stop")]


@pytest.mark.parametrize("value", ["Mon, 01 Jan 99999999 00:00:00 GMT", "nan", "soon", "-5", "1e999x"])
def test_an_odd_wait_is_no_wait(value: str) -> None:
    with ScriptedTeacher([f"429:{value}"]) as server:
        assert endpoint(server, max_retries=1).complete(ASK, max_tokens=5).text == "Paris."


@pytest.mark.parametrize("value", ["86400", "inf", "Mon, 01 Jan 2390 00:00:00 GMT"])
def test_a_far_wait_fails_the_request_alone(value: str) -> None:
    with ScriptedTeacher([f"429:{value}"]) as server:
        asked = endpoint(server, max_retries=3)
        with pytest.raises(RequestFailed, match="asks to wait"):
            asked.complete(ASK, max_tokens=5)
        assert asked.complete(ASK, max_tokens=5).text == "Paris."


def fault(status: int = 400, **error: Any) -> str:
    return f"fault:{status}:" + json.dumps({"message": "no", "type": "invalid_request_error", **error})


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        ({"param": "temperature", "code": "unsupported_value"}, "temperature"),
        ({"param": "response_format.json_schema"}, "response_format"),
        ({"param": "max_tokens", "code": "unsupported_parameter"}, "max_tokens"),
        ({"param": "stop", "message": "temperature response_format max_tokens"}, "stop"),
    ],
)
def test_a_parameter_is_learned_from_the_errors_field(error: dict[str, Any], gone: str) -> None:
    with ScriptedTeacher([fault(**error)]) as server:
        asked = endpoint(server)
        for _ in range(2):
            asked.complete(ASK, max_tokens=5, temperature=0.7, stop=["\n"], schema={"type": "object"})
        named = {"temperature", "response_format", "max_tokens", "stop"}
        assert [named - set(r) for r in server.requests] == [set(), {gone}, {gone}]


def test_a_word_in_an_errors_text_is_no_parameter() -> None:
    told = fault(param="messages", message="unsupported: the temperature of the text")
    with ScriptedTeacher([told]) as server:
        asked = endpoint(server)
        with pytest.raises(RequestFailed, match="the temperature of the text"):
            asked.complete(ASK, max_tokens=5, temperature=0.7)
        asked.complete(ASK, max_tokens=5, temperature=0.7)
        assert server.requests[-1]["temperature"] == 0.7


def test_a_window_too_small_lowers_the_answer_or_says_so() -> None:
    words = "maximum context length is 4096 tokens and your request has 996 input tokens"
    told = fault(param="max_tokens", message=f"'max_tokens' is too large: 4000. This model's {words}")
    with ScriptedTeacher([told, "ok", told, told]) as server:
        asked = endpoint(server)
        asked.complete(ASK, max_tokens=4000)
        with pytest.raises(RequestFailed, match=r"Lower max_tokens \(generate\.remote\.max_tokens\)"):
            asked.complete(ASK, max_tokens=4000)
        assert [r.get("max_tokens") for r in server.requests] == [4000, 3100, 4000, 3100]


# ── Anthropic's protocol ────────────────────────────────────────────────────────────────────────────────


def test_anthropic_is_asked_by_its_own_protocol() -> None:
    system = Message("system", "Be brief.")
    with ScriptedTeacher(['text:{"choice": "B"}', "ok", "truncated"]) as server:
        reader = ServedModel("claude-x", server.url, protocol="anthropic")
        assert reader.name == f"anthropic:claude-x@{server.url}"
        assert reader.generate([(system, *ASK)], choices="ABCD", max_tokens=9)[0].text == "B"
        said = reader.generate([ASK], temperature=1.5, stop=["\n\n", "END"])[0]
        assert (said.text, said.prompt_tokens, said.completion_tokens) == ("Paris.", 100, 50)
        assert reader.generate([ASK])[0].finish_reason == "length"
        first, second, _ = server.requests
        assert server.paths[0] == "/v1/messages"
        assert server.keys[0] == KEY
        assert (first["system"], first["max_tokens"], first["model"]) == ("Be brief.", 9, "claude-x")
        assert first["messages"] == [{"role": "user", "content": ASK[0].content}]
        assert first["tools"][0]["input_schema"]["properties"]["choice"]["enum"] == list("ABCD")
        assert first["tool_choice"] == {"type": "tool", "name": "answer"}
        assert (second["temperature"], second["stop_sequences"]) == (1.0, ["END"])


@pytest.mark.parametrize(
    ("status", "kind", "says", "error"),
    [
        (529, "overloaded_error", "error 529", RequestFailed),
        (429, "rate_limit_error", "429: too many requests", RequestFailed),
        (401, "authentication_error", "Set ANTHROPIC_API_KEY", Unreachable),
        (200, "overloaded_error", "error 529", RequestFailed),
    ],
)
def test_anthropics_errors(status: int, kind: str, says: str, error: type[TeacherError]) -> None:
    order = f"fault:{status}:" + json.dumps({"type": kind, "message": "no"})
    with ScriptedTeacher([order]) as server, pytest.raises(error, match=says):
        endpoint(server, protocol="anthropic").complete(ASK, max_tokens=5)


def test_anthropics_refusal() -> None:
    order = "body:" + json.dumps({"content": [], "stop_reason": "refusal"})
    with ScriptedTeacher([order]) as server, pytest.raises(RequestFailed, match="safety classifier"):
        endpoint(server, protocol="anthropic").complete(ASK, max_tokens=5)


def test_anthropic_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(InputError, match="export ANTHROPIC_API_KEY"):
        Endpoint("claude-x", protocol="anthropic")
