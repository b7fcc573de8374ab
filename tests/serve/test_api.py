"""The server as OpenAI's own client and plain HTTP meet it."""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal

import jsonschema
import openai
import pytest
import torch
from pydantic import BaseModel, ConfigDict, Field

from understudy.errors import UsageError
from understudy.evaluation import response
from understudy.models.reader import TransformersModel
from understudy.prompts import ABSTAIN
from understudy.serve.engine import Engine, Piece
from understudy.serve.settings import ServeSettings
from understudy.types import Message

QUESTION = "What is the default of --flag-3?"
ASK = [{"role": "user", "content": QUESTION}]


@pytest.fixture
def client(serving: Any) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{serving.url}/v1", api_key="any", max_retries=0)


def events(response: Any) -> list[Any]:
    """The data of server-sent events, the last one as it stands."""
    found = [line[6:] for line in response.iter_lines() if line.startswith("data: ")]
    return [json.loads(f) if f != "[DONE]" else f for f in found]


def test_every_arm_is_a_model(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["handbook", "handbook/base+rag", "handbook/base"]
    assert client.models.retrieve("handbook/base").id == "handbook/base"
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-4'; there are: handbook"):
        client.chat.completions.create(model="gpt-4", messages=ASK)


def test_an_answer_is_what_the_arm_says_and_cites_what_it_read(client: openai.OpenAI, serving: Any) -> None:
    said = client.chat.completions.create(model="handbook", messages=ASK, max_tokens=12)
    answerer = serving.served.answerer("base+rag")
    prompt = answerer.prepare(QUESTION)
    whole = answerer.reader.generate([prompt.messages], max_tokens=12)[0]
    text = said.choices[0].message.content or ""
    assert text.startswith(whole.text.strip())
    assert said.choices[0].finish_reason == whole.finish_reason
    assert said.usage.completion_tokens == whole.completion_tokens
    assert said.usage.prompt_tokens == whole.prompt_tokens
    citations = said.model_extra["citations"]
    assert [c["n"] for c in citations] == [1, 2]
    assert citations[0]["place"].startswith("guide <b>.md:")
    assert "--flag-3" in " ".join(c["text"] for c in citations)


def test_no_sources_means_none_are_read(serving: Any) -> None:
    with serving.client() as http:
        body = {"model": "handbook", "messages": ASK, "max_tokens": 4, "sources": False}
        said = http.post("/v1/chat/completions", json=body).json()
    assert said["citations"] == []
    assert "annotations" not in said["choices"][0]["message"]


def test_a_stream_is_shaped_as_clients_expect(serving: Any) -> None:
    body = {"model": "handbook", "messages": ASK, "max_tokens": 8, "stream": True}
    with serving.client() as http, http.stream("POST", "/v1/chat/completions", json=body) as came:
        assert came.headers["content-type"].startswith("text/event-stream")
        assert came.headers["x-request-id"]
        parts = events(came)
    assert parts[-1] == "[DONE]"
    chunks = parts[:-1]
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [c["choices"][0]["finish_reason"] for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}
    assert len({c["id"] for c in chunks}) == 1
    assert not any("usage" in c for c in chunks)
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks)
    with serving.client() as http:
        whole = http.post("/v1/chat/completions", json={**body, "stream": False}).json()
    assert text.strip() == whole["choices"][0]["message"]["content"]


def test_open_webui_reads_the_event_as_sources(serving: Any) -> None:
    """What its back end and its page do with a chunk: `event` is passed on whole, one of type `citation` (or `source`)
    is appended to the message's sources, whose documents are then gathered by `metadata.source`, each under
    `metadata.name`; `[n]` in the text leads to the n-th of these."""
    body = {"model": "handbook", "messages": ASK, "max_tokens": 4, "stream": True, "events": True}
    with serving.client() as http, http.stream("POST", "/v1/chat/completions", json=body) as response:
        parts = events(response)[:-1]
    [passed] = [p["event"] for p in parts if "event" in p]
    assert set(passed) == {"type", "data"}
    assert passed["type"] == "citation"
    entries: dict[str, tuple[str, list[str]]] = {}
    source = passed["data"]
    for index, document in enumerate(source["document"]):
        metadata = source["metadata"][index]
        _, documents = entries.setdefault(metadata["source"], (metadata["name"] or source["source"]["name"], []))
        documents.append(document)
    [listed] = [p["citations"] for p in parts if "citations" in p]
    assert len(listed) == 2
    assert [(f"{c['title']} ({c['place']})", [c["text"]]) for c in listed] == list(entries.values())
    assert not any("event" in p and p.get("choices") for p in parts)
    without = {**body, "events": False}
    with serving.client() as http, http.stream("POST", "/v1/chat/completions", json=without) as response:
        assert not [p for p in events(response)[:-1] if "event" in p]


def test_of_a_small_model_the_passages_sentence_is_told_with_its_mark(serving: Any) -> None:
    question = "What is the default of the option --flag-3?"
    body = {"model": "handbook", "messages": [{"role": "user", "content": question}], "max_tokens": 8}
    with serving.client() as http:
        said = http.post("/v1/chat/completions", json=body).json()
    text = said["choices"][0]["message"]["content"]
    quoted = re.fullmatch(r'The documentation says: "(.+?)" \[(\d)\](?: "(.+?)" \[(\d)\])?', text, re.DOTALL)
    assert quoted is not None, text
    assert "--flag-3" in text
    for sentence, n in (quoted.group(1, 2), quoted.group(3, 4)):
        for line in [] if n is None else sentence.splitlines():
            assert line in said["citations"][int(n) - 1]["text"]
    assert len(said["choices"][0]["message"]["annotations"]) == text.count("] ") + 1


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_passages_do_not_speak_of_is_refused_without_the_model(
    serving: Any, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(Engine, "write", None)
    body = {"model": "handbook", "messages": [{"role": "user", "content": "How is sourdough bread baked?"}]}
    with serving.client() as http:
        said = http.post("/v1/chat/completions", json={**body, "stream": stream})
        if stream:
            parts = [json.loads(line[6:]) for line in said.text.splitlines() if line.startswith("data: {")]
            text = "".join(part["choices"][0]["delta"].get("content", "") for part in parts)
        else:
            text = said.json()["choices"][0]["message"]["content"]
    assert text == ABSTAIN


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("It is purple.", 'It is purple.\n\n(No passage supports these words.) The documentation says: "`--flag-3`'),
        ("The limit number 3 of the server.", "The limit number 3 of the server. ["),
    ],
)
def test_a_model_that_may_speak_is_heard_before_what_the_documentation_says(
    serving: Any, monkeypatch: pytest.MonkeyPatch, written: str, told: str
) -> None:
    async def write(*_: object, **__: object) -> AsyncGenerator[Piece]:
        yield Piece(written)
        yield Piece(finish_reason="stop")

    monkeypatch.setattr(response, "SPEAKS", 0)
    monkeypatch.setattr(Engine, "write", write)
    body = {"model": "handbook", "messages": ASK, "stream": True}
    with serving.client() as http, http.stream("POST", "/v1/chat/completions", json=body) as came:
        parts = [part["choices"][0]["delta"].get("content", "") for part in events(came)[:-1]]
    assert parts[1] == written
    assert "".join(parts).startswith(told)


def test_usage_comes_in_a_stream_where_it_is_asked_for(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="handbook", messages=ASK, max_tokens=4, stream=True, stream_options={"include_usage": True}
    )
    last = list(stream)[-1]
    assert last.choices == []
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens > 4


def test_requests_at_once_get_their_own_answers(serving: Any) -> None:
    questions = [f"What is the default of --flag-{n}?" for n in range(10)]
    answerer = serving.served.answerer("base")
    alone = [answerer.reader.generate([(Message("user", q),)], max_tokens=10)[0].text for q in questions]

    def ask(question: str) -> str:
        body = {"model": "handbook/base", "messages": [{"role": "user", "content": question}], "max_tokens": 10}
        with serving.client() as http:
            return str(http.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"])

    with ThreadPoolExecutor(10) as pool:
        together = list(pool.map(ask, questions))
    assert together == [text.strip() for text in alone]


class Setting(BaseModel):
    """Ends within few tokens, whatever is written."""

    model_config = ConfigDict(extra="forbid")
    option: Literal["--flag-3", "--flag-4"]
    default: Annotated[int, Field(ge=0, le=999)]
    known: bool


SCHEMA = {"name": "setting", "strict": True, "schema": Setting.model_json_schema()}
HELD: Any = {"type": "json_schema", "json_schema": SCHEMA}


def test_openais_client_gets_the_object_that_it_asks_for(client: openai.OpenAI) -> None:
    said = client.chat.completions.parse(
        model="handbook", messages=ASK, response_format=Setting, max_tokens=100, temperature=1.0
    )
    assert isinstance(said.choices[0].message.parsed, Setting)
    assert said.choices[0].finish_reason == "stop"
    assert said.model_extra["citations"]  # what it read is told beside the object, not in it
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model="handbook", messages=ASK, response_format=Setting, max_tokens=3)


def test_a_stream_holds_to_the_schema_and_nothing_stands_behind_the_object(client: openai.OpenAI) -> None:
    asked = {"model": "handbook", "messages": ASK, "response_format": HELD, "max_tokens": 100}
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.stream(
        model="handbook", messages=ASK, response_format=Setting, max_tokens=100
    ) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Setting)
    assert json.loads(final.choices[0].message.content or "") == json.loads(whole.choices[0].message.content or "")
    events_ = list(client.chat.completions.create(**asked, stream=True))
    text = "".join(e.choices[0].delta.content or "" for e in events_ if e.choices)
    assert text == whole.choices[0].message.content
    jsonschema.validate(json.loads(text), SCHEMA["schema"])
    assert [e.choices[0].finish_reason for e in events_][-1] == "stop"


def test_any_object_is_an_object_from_its_first_token_on(client: openai.OpenAI) -> None:
    for stream in (False, True):
        said: Any = client.chat.completions.create(
            model="handbook/base", messages=ASK, response_format={"type": "json_object"}, max_tokens=12, stream=stream
        )
        if stream:
            pieces = list(said)
            text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
            reason = pieces[-1].choices[0].finish_reason
        else:
            text, reason = said.choices[0].message.content, said.choices[0].finish_reason
        assert text.startswith("{")
        if reason == "stop":
            assert isinstance(json.loads(text), dict)
        else:
            assert reason == "length"


def test_free_and_held_answers_are_written_side_by_side(client: openai.OpenAI, serving: Any) -> None:
    reader = serving.served.answerer("base").reader
    free = reader.generate([[Message("user", QUESTION)]], max_tokens=30)[0].text.strip()

    def ask(number: int) -> str:
        more: Any = {"response_format": HELD} if number % 2 else {}
        said = client.chat.completions.create(
            model="handbook/base", messages=ASK, max_tokens=30 + 70 * (number % 2), **more
        )
        return said.choices[0].message.content or ""

    with ThreadPoolExecutor(6) as pool:
        texts = list(pool.map(ask, range(6)))
    assert set(texts[::2]) == {free}
    assert len(set(texts[1::2])) == 1
    Setting.model_validate_json(texts[1])


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "object", "properties": {"a": {"not": {"type": "string"}}}}, 'Unimplemented keys: ["not"]'),
        ({"type": "string", "pattern": "^a(?=b)"}, "look-around"),
        ({"type": "string", "format": "telephone"}, "Unknown format: telephone"),
        ({"type": "nothing"}, "Invalid type: nothing"),
        ({"allOf": [{"type": "string"}, {"type": "number"}]}, "Unsatisfiable"),
    ],
)
def test_what_of_a_schema_cannot_be_held_to_is_named(client: openai.OpenAI, schema: Any, said: str) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "mine", "schema": schema}}
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.create(model="handbook", messages=ASK, response_format=form, stream=stream)
        error: Any = refused.value.body
        assert said in error["message"]
        assert "'mine'" in error["message"]
        assert (error["param"], error["code"]) == ("response_format", "unsupported_schema")


def test_an_engine_that_cannot_be_held_says_so_and_its_objects_are_looked_at(
    client: openai.OpenAI, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answerer = serving.served.answerer("base")
    monkeypatch.setattr(answerer.reader, "flows", False)
    with pytest.raises(openai.BadRequestError, match="cannot be held to a schema"):
        client.chat.completions.create(model="handbook/base", messages=ASK, response_format=HELD)
    asked: Any = {"type": "json_object"}
    with pytest.raises(openai.UnprocessableEntityError, match="did not write a JSON object"):
        client.chat.completions.create(model="handbook/base", messages=ASK, response_format=asked, max_tokens=5)


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        ({"messages": ASK}, "model", "field required"),
        ({"model": "handbook", "messages": []}, "messages", "at least 1 item"),
        ({"model": "handbook", "messages": [{"role": "user", "content": " "}]}, "messages", "text in it"),
        ({"model": "handbook", "messages": ASK, "temperature": 9}, "temperature", "less than or equal to 2"),
        ({"model": "handbook", "messages": ASK, "n": 3}, "n", "one answer"),
        (
            {"model": "handbook", "messages": ASK, "tools": [{}], "tool_choice": "required"},
            "tool_choice",
            "calls no tools",
        ),
        (
            {"model": "handbook", "messages": ASK, "response_format": {"type": "json_schema", "json_schema": {}}},
            "response_format.json_schema.name",
            "field required",
        ),
        (
            {"model": "handbook", "messages": ASK, "response_format": {"type": "json_schema"}},
            "response_format.json_schema",
            "with a name and a schema",
        ),
        (
            {"model": "handbook", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0]",
            "only text",
        ),
    ],
)
def test_mistakes_are_named_in_openais_form(serving: Any, body: Any, param: str, message: str) -> None:
    with serving.client() as http:
        refused = http.post("/v1/chat/completions", json=body)
    error = refused.json()["error"]
    assert refused.status_code == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] == param
    assert message in error["message"].lower()


def test_what_is_no_request_is_refused_clearly(serving: Any) -> None:
    with serving.client() as http:
        for body in (b"{", b"\xff", b"[]", b'"x"', b"[" * 100_000):
            refused = http.post("/v1/chat/completions", content=body)
            assert refused.status_code == 400, body[:20]
            assert refused.json()["error"]["message"]
        assert http.get("/v1/nowhere").json()["error"]["code"] is None
        assert http.get("/v1/nowhere").status_code == 404
        assert http.get("/health").json()["status"] == "ok"


def test_a_prompt_can_be_scored_and_the_figures_are_the_models(serving: Any) -> None:
    reader = serving.served.answerer("base").reader
    assert isinstance(reader, TransformersModel)
    rows = [reader.tokenizer("The port is 80")["input_ids"], reader.tokenizer("One word more or less")["input_ids"]]
    body = {"model": "handbook/base", "prompt": rows, "max_tokens": 0, "echo": True, "logprobs": 1}
    with serving.client() as http:
        found = http.post("/v1/completions", json=body).json()
    for ids, choice in zip(rows, found["choices"], strict=True):
        with torch.inference_mode():
            logits = reader.model(input_ids=torch.tensor([ids])).logits[0].double()
        wanted = torch.log_softmax(logits[:-1], -1).gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
        scored = choice["logprobs"]["token_logprobs"]
        assert scored[0] is None
        assert scored[1:] == pytest.approx(wanted.tolist(), abs=1e-3)
        assert len(choice["logprobs"]["tokens"]) == len(ids)


def test_the_token_that_ends_a_text_is_listed_with_its_score(serving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """lm_eval asks for one token behind a prompt and takes the last score away, whichever token it was."""
    reader = serving.served.answerer("base").reader
    ids = reader.tokenizer("The port")["input_ids"]
    with torch.inference_mode():
        first = int(reader.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
    monkeypatch.setattr(reader, "_end_tokens", lambda: [first])
    body = {"model": "handbook/base", "prompt": ids, "max_tokens": 1, "echo": True, "logprobs": 1}
    with serving.client() as http:
        [choice] = http.post("/v1/completions", json=body).json()["choices"]
        plain = http.post("/v1/completions", json={**body, "logprobs": None, "echo": False}).json()["choices"][0]
    assert choice["finish_reason"] == "stop"
    assert len(choice["logprobs"]["token_logprobs"]) == len(ids) + 1
    assert plain["text"] == ""


def test_raw_text_goes_on_as_the_model_goes_on(client: openai.OpenAI, serving: Any) -> None:
    found = client.completions.create(model="handbook/base", prompt=["The port", "A limit"], max_tokens=5)
    reader = serving.served.answerer("base").reader
    ids = [reader.tokenizer(text)["input_ids"] for text in ("The port", "A limit")]
    wanted = [
        reader.tokenizer.decode(t, skip_special_tokens=True) for t, _ in reader.continue_tokens(ids, max_tokens=5)
    ]
    assert [choice.text for choice in found.choices] == wanted
    with pytest.raises(openai.BadRequestError, match="exceed the window"):
        client.completions.create(model="handbook/base", prompt=[7] * 100_000, max_tokens=5)


def test_a_run_without_vectors_says_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="no embedding model"):
        client.embeddings.create(model="handbook", input="x")


def test_without_the_key_nothing_is_said(with_key: Any) -> None:
    with with_key.client() as http:
        for path in ("/v1/models", "/metrics", "/documents/x"):
            refused = http.get(path)
            assert refused.status_code == 401, path
            assert refused.json()["error"]["code"] == "invalid_api_key"
            assert "a-key" not in refused.text
        assert http.get("/health").status_code == 200
    with with_key.client(authorization="Bearer a-key-of-the-server") as http:
        assert http.get("/v1/models").status_code == 200
        large = {"model": "handbook", "messages": [{"role": "user", "content": "x" * 30_000}]}
        assert http.post("/v1/chat/completions", json=large).status_code == 413
        assert http.post("/v1/chat/completions", content=iter([b"x" * 15_000, b"x" * 15_000])).status_code == 413


def test_a_name_that_was_pointed_at_this_machine_is_not_answered_without_a_key(serving: Any, with_key: Any) -> None:
    with serving.client(host="rebound.example") as http:
        assert http.get("/v1/models").status_code == 403
    for host in ("localhost:8765", "127.0.0.1", "[::1]:8765"):
        with serving.client(host=host) as http:
            assert http.get("/v1/models").status_code == 200, host
    with with_key.client(host="docs.example", authorization="Bearer a-key-of-the-server") as http:
        assert http.get("/v1/models").status_code == 200


def test_pages_of_other_places_may_ask_with_the_key_and_without_one_only_this_machines(
    serving: Any, with_key: Any
) -> None:
    asked = "authorization,content-type,x-stainless-lang,x-stainless-retry-count"
    headers = {"access-control-request-method": "POST", "access-control-request-headers": asked}
    for server, origin, told in (
        (with_key, "http://elsewhere.test", "*"),
        (serving, "http://localhost:3000", "http://localhost:3000"),
        (serving, "http://[::1]:3000", "http://[::1]:3000"),
        (serving, "http://elsewhere.test", None),
        (serving, "http://localhost.elsewhere.test", None),
        (serving, "http://127.0.0.1.elsewhere.test", None),
        (serving, "http://[", None),
        (serving, "null", None),
    ):
        with server.client(origin=origin) as http:
            allowed = http.options("/v1/chat/completions", headers=headers)
            assert allowed.status_code == (403 if told is None else 200), origin
            assert allowed.headers.get("access-control-allow-origin") == told
            if told is None:  # a form's text needs nobody's leave to be sent: the passages must not come back
                sent = http.post("/v1/chat/completions", content=b"{}", headers={"content-type": "text/plain"})
                assert sent.json()["error"]["code"] == "other_origin"


def test_metrics_count_requests_by_path_and_status(serving: Any) -> None:
    with serving.client() as http:
        http.get("/v1/models")
        text = http.get("/metrics").text
    assert 'understudy_requests_total{path="/v1/models",status="200"}' in text


def test_strangers_are_not_let_in_without_a_key() -> None:
    ServeSettings(host="127.0.0.1").check()
    ServeSettings(host="0.0.0.0", key="k").check()
    with pytest.raises(UsageError, match="--api-key-file"):
        ServeSettings(host="0.0.0.0").check()


def test_vectors_come_as_numbers_or_as_base64() -> None:
    from understudy.retrieval.config import EmbedderConfig
    from understudy.serve.embeddings import Embeddings
    from understudy.serve.requests import EmbeddingRequest

    embeddings = Embeddings(EmbedderConfig(), "cpu")
    plain = embeddings.answer(EmbeddingRequest(input=["a port", "a limit"]))
    packed = embeddings.answer(EmbeddingRequest(input="a port", encoding_format="base64"))
    row = plain["data"][0]["embedding"]
    assert len(plain["data"]) == 2
    assert sum(x * x for x in row) == pytest.approx(1, abs=1e-4)
    unpacked = struct.unpack(f"<{len(row)}f", base64.b64decode(packed["data"][0]["embedding"]))
    assert unpacked == pytest.approx(row, abs=1e-5)
