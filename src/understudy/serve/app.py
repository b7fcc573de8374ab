"""The application: every address, in one table."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from sse_starlette import EventSourceResponse
from starlette.exceptions import HTTPException

from understudy import __version__
from understudy.answer import ModelAnswerer
from understudy.errors import UnderstudyError
from understudy.evaluation.support import Topic
from understudy.serve import chat, completions, pages
from understudy.serve.embeddings import Embeddings
from understudy.serve.engine import Engine, Places, too_many
from understudy.serve.gate import Gate
from understudy.serve.origin import HERE
from understudy.serve.problems import Problem, problem_of
from understudy.serve.requests import ChatRequest, CompletionRequest, EmbeddingRequest, read
from understudy.serve.served import Served
from understudy.serve.settings import ServeSettings

_STAINLESS = (
    "arch", "async", "custom-poll-interval", "helper-method", "lang", "os", "package-version", "poll-helper",
    "read-timeout", "retry-count", "runtime", "runtime-version", "timeout",
)  # fmt: skip
_GONE = 499  # nobody is there to read it; it is counted


class Server:
    """What the addresses share: the served run, an engine a model, counts."""

    def __init__(self, served: Served, settings: ServeSettings) -> None:
        self.served = served
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self.began = int(time.time())
        self._engines: dict[int, Engine] = {}
        self.raw = Places(settings.queue)
        index = served.run.recipe.index
        dense = index is not None and index.uses_dense and "index" in served.run.artifacts
        self.embeddings = Embeddings(index.model if index is not None and dense else None, served.device)
        self.topic = Topic(list(served.chunks.values())) if served.chunks else None

    def engine(self, answerer: Any) -> Engine:
        """The engine of an arm's model."""
        key = id(answerer.reader)
        if key not in self._engines:
            self._engines[key] = Engine(answerer.reader, self.settings.queue)
        return self._engines[key]

    @property
    def engines(self) -> list[Engine]:
        return list(self._engines.values())

    def close(self) -> None:
        for engine in self.engines:
            engine.close()


def create_app(served: Served, settings: ServeSettings) -> Any:
    """The whole application as ASGI. Models load at their first question."""
    server = Server(served, settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(server.close)

    app = FastAPI(title="Understudy", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.server = server

    @app.exception_handler(Problem)
    async def refused(_: Request, problem: Problem) -> Response:
        headers = {} if problem.retry_after is None else {"retry-after": str(problem.retry_after)}
        return JSONResponse(problem.body(), problem.status, headers)

    @app.exception_handler(HTTPException)
    async def unknown(_: Request, error: HTTPException) -> Response:
        return await refused(_, Problem(error.status_code, str(error.detail)))

    @app.exception_handler(RequestValidationError)
    async def misspelt(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return await refused(_, Problem(400, f"{first['loc'][-1]}: {first['msg']}", param=str(first["loc"][-1])))

    @app.exception_handler(UnderstudyError)
    async def told(_: Request, error: UnderstudyError) -> Response:
        return await refused(_, problem_of(error))

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> Response:
        return await refused(_, problem_of(error))

    async def opened(model: str) -> ModelAnswerer:
        """The arm that a request names; opened in a thread at its first question, at hand from then on."""
        arm = served.arm_of(model)
        found = served.opened(arm)
        return found if found is not None else await asyncio.to_thread(served.answerer, arm)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "run": served.run.label, "version": __version__}

    @app.get("/metrics")
    async def metrics() -> Response:
        return PlainTextResponse(_metrics(server), media_type="text/plain; version=0.0.4")

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(server, name) for name in served.models()]}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        served.arm_of(name)
        return _model(server, name)

    @app.post("/v1/chat/completions")
    async def chat_completions(request: Request) -> Response:
        asked = read(ChatRequest, await request.body())
        answerer = await opened(asked.model)
        ready = await asyncio.to_thread(chat.prepare, asked, answerer, server.topic, settings.max_tokens)
        engine = server.engine(answerer)
        if asked.stream:
            if engine.busy >= settings.queue:
                raise too_many(engine.busy)
            events = chat.streamed(ready, asked, engine, settings.seconds)
            return EventSourceResponse(events, sep="\n", send_timeout=settings.slowest)
        return await _unless_gone(request, chat.whole(ready, asked, engine, settings.seconds))

    @app.post("/v1/completions")
    async def raw_completions(request: Request) -> Response:
        asked = read(CompletionRequest, await request.body())
        answerer = await opened(asked.model)
        with server.raw:
            found = await asyncio.to_thread(completions.complete, asked, answerer.reader, settings.max_tokens)
        return JSONResponse(found)

    @app.post("/v1/embeddings")
    async def embeddings(request: Request) -> Response:
        asked = read(EmbeddingRequest, await request.body())
        return JSONResponse(await asyncio.to_thread(server.embeddings.answer, asked))

    app.include_router(pages.router(served))
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"] if settings.key else [],
        allow_origin_regex=None if settings.key else HERE,
        allow_methods=["GET", "POST", "OPTIONS"],
        allow_headers=["authorization", "content-type", "user-agent", *(f"x-stainless-{name}" for name in _STAINLESS)],
        expose_headers=["x-request-id", "retry-after"],
    )
    return Gate(app, settings, server.counts)


async def _unless_gone(request: Request, answer: Coroutine[Any, Any, dict[str, Any]]) -> Response:
    """The answer; where the client goes away before it is written, the writing stops."""

    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    written, left = asyncio.ensure_future(answer), asyncio.ensure_future(gone())
    try:
        await asyncio.wait((written, left), return_when=asyncio.FIRST_COMPLETED)
        if not written.done():
            return Response(status_code=_GONE)
        return JSONResponse(written.result())
    finally:
        for task in (written, left):
            task.cancel()


def _model(server: Server, name: str) -> dict[str, Any]:
    arm = server.served.arm_of(name)
    answerer = server.served.opened(arm)
    window = None if answerer is None else answerer.reader.window
    return {
        "id": name,
        "object": "model",
        "created": server.began,
        "owned_by": "understudy",
        "max_model_len": window,
        "arm": arm,
    }


def _metrics(server: Server) -> str:
    """Counts in Prometheus' text format."""
    lines = ["# TYPE understudy_requests_total counter"]
    for name, count in sorted(server.counts.items()):
        path, _, status = name.rpartition(" ")
        lines.append(f'understudy_requests_total{{path="{_label(path)}",status="{status}"}} {count}')
    lines += ["# TYPE understudy_requests_open gauge", "# TYPE understudy_tokens_written_total counter"]
    lines.append(f'understudy_requests_open{{model="raw completions"}} {server.raw.taken}')
    for engine in server.engines:
        model = _label(engine.model.name)
        lines.append(f'understudy_requests_open{{model="{model}"}} {engine.busy}')
        lines.append(f'understudy_tokens_written_total{{model="{model}"}} {engine.tokens}')
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    """A text as the value of a label."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
