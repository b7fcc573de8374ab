"""The web page and what it asks for: the run's findings, its questions, the store's runs, marked answers."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.resources
from typing import Any

from fastapi import APIRouter, Request, Response

from understudy.errors import UnderstudyError
from understudy.serve import reviewing
from understudy.serve.feedback import Feedback, Mark
from understudy.serve.findings import Findings
from understudy.serve.origin import own, own_json
from understudy.serve.problems import Problem
from understudy.serve.requests import read
from understudy.serve.runs import Runs
from understudy.serve.served import Served
from understudy.types import Document

POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
SAFE = {"content-security-policy": POLICY, "referrer-policy": "no-referrer"}
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_AROUND = 1500  # characters of the document shown before and behind a passage


def static_files() -> dict[str, bytes]:
    """The page's files by name, as they lie in the package."""
    folder = importlib.resources.files("understudy.serve") / "web"
    return {file.name: file.read_bytes() for file in folder.iterdir() if _suffix(file.name) in _TYPES}


def router(served: Served) -> APIRouter:
    """The addresses of the page. `/` and `/static/` hold nothing of the documentation; the others need the key."""
    pages = APIRouter()
    files = static_files()
    findings = Findings(served)
    feedback = Feedback(served.run.folder)
    store = Runs(served)

    def shown(name: str) -> Response:
        if name not in files:
            raise Problem(404, f"no file '{name}'")
        headers = {**SAFE, "cache-control": "no-cache"}
        return Response(files[name], media_type=f"{_TYPES[_suffix(name)]}; charset=utf-8", headers=headers)

    @pages.get("/")
    async def index() -> Response:
        return shown("index.html")

    @pages.get("/static/{name}")
    async def static(name: str) -> Response:
        return shown(name)

    @pages.get("/documents/{chunk_id:path}")
    async def document(chunk_id: str) -> dict[str, Any]:
        return await asyncio.to_thread(_passage, served, chunk_id)

    @pages.get("/api/run")
    async def run(request: Request) -> dict[str, Any]:
        own(request)
        return {
            "name": served.name,
            "label": served.run.label,
            "default": served.default,
            "arms": [{"arm": arm, "model": f"{served.name}/{arm}"} for arm in served.arms()],
            "stages": list(served.run.artifacts),
            "benchmark": "benchmark" in served.run.artifacts,
        }

    @pages.get("/api/verdict")
    async def verdict(request: Request) -> dict[str, Any]:
        own(request)
        return await asyncio.to_thread(findings.verdict)

    @pages.get("/api/items")
    async def items(request: Request) -> dict[str, Any]:
        own(request)
        return await asyncio.to_thread(findings.items)

    @pages.get("/api/items/{item_id:path}")
    async def item(request: Request, item_id: str) -> dict[str, Any]:
        own(request)
        return await asyncio.to_thread(findings.item, item_id)

    @pages.get("/api/runs")
    async def runs(request: Request) -> dict[str, Any]:
        own(request)
        return {"runs": await asyncio.to_thread(store.listed)}

    @pages.get("/api/compare")
    async def compare(request: Request, first: str, second: str) -> dict[str, Any]:
        own(request)
        return await asyncio.to_thread(store.compare, first, second)

    @pages.post("/api/feedback")
    async def mark(request: Request) -> dict[str, Any]:
        own_json(request)
        asked = read(Mark, await request.body())
        served.arm_of(asked.model)
        return {"marked": await asyncio.to_thread(feedback.add, asked)}

    pages.include_router(reviewing.router(served))
    return pages


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2]}"


def _passage(served: Served, chunk_id: str) -> dict[str, Any]:
    """A passage, its place, and the document's text around it. Raises Problem (404)."""
    chunk = served.chunks.get(chunk_id)
    if chunk is None:
        raise Problem(404, f"no passage '{chunk_id}'")
    before = after = ""
    with contextlib.suppress(UnderstudyError):
        text = _texts(served).get(chunk.doc_id, "")
        if text[chunk.start : chunk.end] == chunk.text:
            before = text[max(0, chunk.start - _AROUND) : chunk.start]
            after = text[chunk.end : chunk.end + _AROUND]
    return {
        "chunk_id": chunk_id,
        "doc_id": chunk.doc_id,
        "place": chunk.where,
        "title": chunk.breadcrumb,
        "text": chunk.text,
        "before": before,
        "after": after,
    }


def _texts(served: Served) -> dict[str, str]:
    """The documents' texts by id; empty where the run does not keep them."""
    if "ingest" not in served.run.artifacts:
        return {}
    return {d.doc_id: d.text for d in served.run.artifact("ingest").records("documents", Document)}
