"""Many clients at once, most of them badly behaved: nothing breaks, and no place stays taken."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import threading
import time
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.serve_faults import Client, Seen
from understudy.serve.engine import Engine, Piece, Ticket
from understudy.serve.problems import Problem
from understudy.types import Message

PATIENCE = 120  # seconds until a place counts as stuck; a machine with other work is slow


def places(http: Any) -> float:
    lines = http.get("/metrics").text.splitlines()
    return sum(float(x.rpartition(" ")[2]) for x in lines if x.startswith("understudy_requests_open{"))


@pytest.mark.slow
def test_half_a_minute_of_faults_leaves_no_trace(serving: Any) -> None:
    seen, until = Seen(), time.monotonic() + 30
    threads = [threading.Thread(target=Client(serving.url, "handbook", seen, n).run, args=(until,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not seen.broken
    wanted = {
        "whole": {200},
        "streamed": {200},
        "malformed": {400},
        "beyond the window": {400},
        "beyond the limit": {413},
    }
    for kind, statuses in wanted.items():
        assert {status for k, status in seen.statuses if k == kind} == statuses, kind
    assert not [s for s in seen.statuses if s[1] >= 500 or "error" in s[0]]
    with serving.client() as http:
        end = time.monotonic() + PATIENCE
        while places(http) and time.monotonic() < end:
            time.sleep(0.1)
        assert places(http) == 0


def test_who_goes_away_before_the_answer_frees_the_place(serving: Any) -> None:
    """Whole answers and streams alike; what was being written for them stops."""
    parts = urlsplit(serving.url)
    for stream in (False, True):
        body = json.dumps(
            {
                "model": "handbook/base",
                "messages": [{"role": "user", "content": "x"}],
                "max_tokens": 500,
                "stream": stream,
            }
        ).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            connection.sendall(head.encode() + body)
            time.sleep(0.2)
        with serving.client() as http:
            end = time.monotonic() + PATIENCE
            while places(http) and time.monotonic() < end:
                time.sleep(0.05)
            assert places(http) == 0
            if not stream:
                assert 'path="/v1/chat/completions",status="499"' in http.get("/metrics").text


def test_a_batch_that_is_never_empty_keeps_nothing_of_what_is_over(serving: Any) -> None:
    """Answers overlap all the time: prompts and tickets of finished ones are let go."""
    engine = Engine(serving.served.answerer("base").reader, 8)

    async def one(n: int) -> None:
        turns = [Message("user", f"question {n}")]
        async for _ in engine.write(turns, max_tokens=4 + n % 5, temperature=0.0, seconds=60):
            pass

    async def many() -> int:
        await asyncio.gather(*(_in_a_row(one, range(k, 40, 4)) for k in range(3)))
        last = engine.write([Message("user", "z")], max_tokens=200, temperature=0.0, seconds=60)
        await anext(last)
        gc.collect()
        held = sum(isinstance(o, Ticket) for o in gc.get_objects())
        await last.aclose()
        return held

    assert asyncio.run(many()) < 10  # of 31: what the threads still hold in hand
    engine.close()


async def _in_a_row(one: Any, numbers: range) -> None:
    for n in numbers:
        await one(n)


def test_an_answer_that_takes_too_long_is_ended_and_frees_its_place(serving: Any) -> None:
    engine = Engine(serving.served.answerer("base").reader, 1)

    async def slow() -> None:
        pieces = engine.write([Message("user", "x")], max_tokens=500, temperature=0.0, seconds=0.05)
        with pytest.raises(Problem, match=r"more than 0\.05 seconds") as late:
            await _read(pieces)
        assert (late.value.status, engine.busy) == (504, 0)

    asyncio.run(slow())
    engine.close()


async def _read(pieces: AsyncGenerator[Piece]) -> None:
    async for _ in pieces:
        await asyncio.sleep(0.01)


def test_beyond_its_places_an_engine_refuses(serving: Any) -> None:
    engine = Engine(serving.served.answerer("base").reader, 1)

    async def both() -> None:
        first = engine.write([Message("user", "x")], max_tokens=300, temperature=0.0, seconds=60)
        await anext(first)
        with pytest.raises(Problem, match="waiting") as refused:
            await anext(engine.write([Message("user", "y")], max_tokens=4, temperature=0.0, seconds=60))
        assert (refused.value.status, refused.value.retry_after) == (429, 2)
        await first.aclose()
        assert engine.busy == 0

    asyncio.run(both())
    engine.close()
