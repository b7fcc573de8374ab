"""`POST /v1/chat/completions`: an arm answers, with the places that it read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.answer import ModelAnswerer, cite
from understudy.errors import InputError, ModelError
from understudy.evaluation.response import Reading, Response, reading
from understudy.evaluation.response import sources as behind
from understudy.evaluation.support import Support, Topic
from understudy.models.answers import to_json
from understudy.models.constrain import ANY_OBJECT, Guide
from understudy.models.reader import TransformersModel
from understudy.serve.engine import Engine, Piece
from understudy.serve.problems import Problem, problem_of
from understudy.serve.requests import ChatRequest
from understudy.types import Hit, LanguageModel, Prompt


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request, ready to be written: what the model reads, and which passages stand in it, best first.

    guide: what the answer is held to; None where that is nothing, or the engine cannot.
    """

    model: str
    reading: Reading
    max_tokens: int
    id: str
    created: int
    guide: Guide | None = None

    @property
    def prompt(self) -> Prompt:
        """What the model reads."""
        return self.reading.prompt


def prepare(request: ChatRequest, answerer: ModelAnswerer, topic: Topic | None, max_tokens: int) -> Asked:
    """What the model will read. Raises Problem for what cannot be done here."""
    if request.tools and request.tool_choice not in (None, "none", "auto"):
        raise Problem(400, "this model calls no tools, so none can be forced", param="tool_choice", code="unsupported")
    if request.n not in (None, 1):
        raise Problem(400, "one answer a request; send the request again for another", param="n")
    guide = _guide(request, answerer.reader)
    turns = request.conversation()
    wanted = request.max_completion_tokens or request.max_tokens or max_tokens
    most = min(wanted, answerer.reader.window // 2)
    system = tuple(m for m in turns[:-1] if m.role == "system")
    asked = _instructed(turns[-1].content, request)
    earlier = (*system, *(m for m in turns[:-1] if m.role != "system"))
    answerer = answerer if request.sources else answerer.without_passages()
    question = turns[-1].content
    prompt = answerer.prepare_turn(question, earlier, shown=asked)
    known = None if request.structured or answerer.arm.context == "closed-book" else topic
    follows = any(m.role == "user" for m in earlier)
    read = reading(known, question, prompt, answerer.arm, answerer, follows=follows)
    return Asked(request.model, read, most, f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), guide)


def _guide(request: ChatRequest, model: LanguageModel) -> Guide | None:
    """What holds the answer to `response_format`; None for plain text, and for an object where the engine cannot hold
    to one: then words ask for it, and what comes is looked at. Raises Problem naming what cannot be done."""
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return None
    named = wanted.json_schema
    if wanted.type == "json_schema" and named is None:
        raise Problem(400, "json_schema: field required, with a name and a schema", param="response_format.json_schema")
    if not isinstance(model, TransformersModel) or not model.flows:
        if named is None:
            return None
        raise Problem(
            400, f"{model.name} cannot be held to a schema; ask with type json_object, and check what comes",
            param="response_format", code="unsupported",
        )  # fmt: skip
    try:
        return model.constrainer.guide(ANY_OBJECT if named is None else named.definition)
    except InputError as error:
        name = "" if named is None else f" '{named.name}'"
        raise Problem(
            400, f"response_format{name}: {error}", param="response_format", code="unsupported_schema"
        ) from None
    except ModelError as error:
        raise Problem(400, str(error), param="response_format", code="unsupported") from None


def _instructed(question: str, request: ChatRequest) -> str | None:
    """The question, with what `response_format` asks for in words; None where it asks for plain text."""
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return None
    if wanted.json_schema is not None and wanted.type == "json_schema":
        named = wanted.json_schema
        about = f" ({named.description})" if named.description else ""
        return f"{question}\nAnswer with JSON{about} of this schema and nothing else: {to_json(named.definition)}"
    return f"{question}\nAnswer with one JSON object and nothing else."


class Sources:
    """The passages of an answer, marked `[n]` where they support it."""

    def __init__(self, hits: Sequence[Hit]) -> None:
        self.hits = list(hits)

    def text(self, told: Response) -> str:
        """What is told, ` [n]` behind what stands in the passage of that number."""
        if told.quoted:
            return "The documentation says: " + " ".join(f'"{s.sentence}"{self._mark(s)}' for s in told.quotes)
        return told.text + (self._mark(told.support) if told.support is not None else "")

    def _mark(self, support: Support) -> str:
        places = (n for n, hit in enumerate(self.hits, 1) if hit.chunk.chunk_id == support.chunk.chunk_id)
        return next((f" [{n}]" for n in places), "")

    def citations(self) -> list[dict[str, Any]]:
        """`n`, where it stands, its text and its score, best first."""
        listed = []
        for n, hit in enumerate(self.hits, 1):
            place = cite(hit)
            listed.append(
                {
                    "n": n, "chunk_id": place.chunk_id, "doc_id": place.doc_id, "place": place.where,
                    "title": place.breadcrumb, "text": hit.chunk.text, "score": round(place.score, 6),
                    "url": f"/documents/{place.chunk_id}",
                }
            )  # fmt: skip
        return listed

    def annotations(self, text: str) -> list[dict[str, Any]]:
        """`url_citation` of each `[n]` in the text, with its place there."""
        listed = []
        for match in re.finditer(r"\[(\d{1,3})\]", text):
            n = int(match[1])
            if 1 <= n <= len(self.hits):
                place = cite(self.hits[n - 1])
                listed.append(
                    {
                        "type": "url_citation",
                        "url_citation": {
                            "url": f"/documents/{place.chunk_id}", "title": f"{place.breadcrumb} ({place.where})",
                            "start_index": match.start(), "end_index": match.end(),
                        },
                    }
                )  # fmt: skip
        return listed


def usage(piece: Piece) -> dict[str, int]:
    """Tokens of prompt and answer."""
    return {
        "prompt_tokens": piece.prompt_tokens,
        "completion_tokens": piece.completion_tokens,
        "total_tokens": piece.prompt_tokens + piece.completion_tokens,
    }


def write(asked: Asked, request: ChatRequest, engine: Engine, seconds: float) -> AsyncGenerator[Piece]:
    """The answer in pieces."""
    return engine.write(
        asked.prompt.messages,
        max_tokens=asked.max_tokens,
        temperature=request.temperature or 0.0,
        stop=request.stops,
        seconds=seconds,
        guide=asked.guide,
    )


async def _told(asked: Asked, text: str) -> Response:
    """What is told of a text, in a thread where passages are to be read for it."""
    read = asked.reading
    return read.told(text) if read.topic is None else await asyncio.to_thread(read.told, text)


async def whole(asked: Asked, request: ChatRequest, engine: Engine, seconds: float) -> dict[str, Any]:
    """The answer as one object."""
    text, last = "", Piece(finish_reason="stop")
    if not asked.reading.beside:
        async with contextlib.aclosing(write(asked, request, engine, seconds)) as pieces:
            async for last in pieces:
                text += last.text
    text = text.strip()
    sources = Sources(asked.prompt.hits)
    if not request.structured:
        told = await _told(asked, text)
        sources = Sources(behind(asked.prompt, told))
        text = sources.text(told)
    elif asked.guide is None:
        text = _json_of(text)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if sources.hits:
        message["annotations"] = sources.annotations(text)
    return {
        "id": asked.id,
        "object": "chat.completion",
        "created": asked.created,
        "model": asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": last.finish_reason}],
        "usage": usage(last),
        "citations": sources.citations(),
    }


async def streamed(asked: Asked, request: ChatRequest, engine: Engine, seconds: float) -> AsyncIterator[str]:
    """The answer as the data of server-sent events, `[DONE]` last; an error in mid-stream is one of them.

    A model's words that may be the answer are sent as they come, and what the documentation says behind them where no
    passage supports them; of another model only what is told.
    """

    def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> str:
        body = {
            "id": asked.id,
            "object": "chat.completion.chunk",
            "created": asked.created,
            "model": asked.model,
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
        }
        return json.dumps({**body, **more}, ensure_ascii=False)

    shown = asked.reading.topic is None or asked.reading.speaks
    try:
        yield chunk({"role": "assistant", "content": ""})
        text, last = "", Piece(finish_reason="stop")
        if not asked.reading.beside:
            async with contextlib.aclosing(write(asked, request, engine, seconds)) as pieces:
                async for last in pieces:
                    if last.text:
                        text += last.text
                        if shown:
                            yield chunk({"content": last.text})
        told = await _told(asked, text)
        sources = Sources(behind(asked.prompt, told))
        more = _behind(sources.text(told), text) if shown else sources.text(told)
        text = text + more if shown else more
        if more:
            yield chunk({"content": more})
        if request.events and sources.hits:
            yield json.dumps({"event": {"type": "citation", "data": _event(sources)}}, ensure_ascii=False)
        if sources.hits:
            yield chunk({"annotations": sources.annotations(text)}, citations=sources.citations())
        yield chunk({}, last.finish_reason)
        if request.stream_options is not None and request.stream_options.include_usage:
            head = {"id": asked.id, "object": "chat.completion.chunk", "created": asked.created, "model": asked.model}
            yield json.dumps({**head, "choices": [], "usage": usage(last)})
    except Problem as problem:
        yield json.dumps(problem.body(), ensure_ascii=False)
    except Exception as error:
        yield json.dumps(problem_of(error).body(), ensure_ascii=False)
    yield "[DONE]"


def _event(sources: Sources) -> dict[str, Any]:
    """The passages as Open WebUI reads them: those of one `source` become one entry, and `[n]` is the n-th entry."""
    listed = sources.citations()
    return {
        "document": [c["text"] for c in listed],
        "metadata": [{"source": c["chunk_id"], "name": f"{c['title']} ({c['place']})"} for c in listed],
        "source": {"name": "documentation"},
    }


def _behind(told: str, sent: str) -> str:
    """What is still to be sent where a model's words were: the marks behind them, or all that is told instead."""
    if told.startswith(sent.strip()):
        return told[len(sent.strip()) :]
    return f"\n\n(No passage supports these words.) {told}"


def _json_of(text: str) -> str:
    """The JSON object in what the model wrote. Raises Problem where there is none."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return json.dumps(json.loads(text[start : end + 1]), ensure_ascii=False)
    except (ValueError, RecursionError):
        raise Problem(
            422, f"the model did not write a JSON object: {text[:200]!r}", kind="server_error",
            param="response_format", code="no_json",
        ) from None  # fmt: skip
