"""The Model Context Protocol server: the protocol itself, and the official client where it is installed."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import understudy
from understudy.errors import InputError
from understudy.serve.mcp import INVALID_PARAMS, INVALID_REQUEST, NO_METHOD, PARSE_ERROR, VERSIONS, Session
from understudy.serve.served import Served
from understudy.serve.tools import Search, Tool, tools_of

QUESTION = "What is the default of --flag-3?"
ROOT = Path(__file__).resolve().parents[2]


def talk(tools: list[Tool], *messages: Any) -> list[Any]:
    """What a session sends for these messages, in order; text is sent as it stands."""
    sent: list[Any] = []
    lines = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
    Session("handbook", tools, sent.append).listen(lines)
    return sent


def request(number: Any, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@pytest.fixture(scope="session")
def tools(small_run: understudy.Run) -> list[Tool]:
    return tools_of(Served(small_run, "base+rag", "cpu"))


def test_a_client_is_greeted_in_its_version_or_the_newest(tools: list[Tool]) -> None:
    for asked, spoken in ((VERSIONS[1], VERSIONS[1]), ("1999-01-01", VERSIONS[0])):
        said = talk(
            tools,
            request(1, "initialize", protocolVersion=asked, capabilities={}, clientInfo={"name": "t", "version": "1"}),
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            request("two", "ping"),
        )
        assert [s["id"] for s in said] == [1, "two"]
        assert said[0]["result"]["protocolVersion"] == spoken
        assert said[0]["result"]["capabilities"] == {"tools": {"listChanged": False}}
        assert said[1]["result"] == {}


def test_search_and_ask_give_passages_with_their_places(tools: list[Tool]) -> None:
    listed, found, asked = talk(
        tools,
        request(1, "tools/list"),
        request(2, "tools/call", name="search", arguments={"query": QUESTION, "top_k": 1}),
        request(3, "tools/call", name="ask", arguments={"question": QUESTION, "max_tokens": 4}),
    )
    forms = {t["name"]: t["inputSchema"] for t in listed["result"]["tools"]}
    assert set(forms) == {"search", "ask"}
    assert forms["search"]["required"] == ["query"]
    [passage] = found["result"]["structuredContent"]["passages"]
    assert passage["place"].startswith("guide <b>.md:")
    assert "--flag-3" in passage["text"]
    assert passage["text"].strip() in found["result"]["content"][0]["text"]
    data = asked["result"]["structuredContent"]
    assert data["arm"] == "base+rag"
    assert data["citations"][0]["chunk_id"] == passage["chunk_id"]
    assert asked["result"]["content"][0]["text"].startswith(data["answer"])


def test_what_a_model_can_mend_is_a_result_that_says_so(tools: list[Tool]) -> None:
    calls = [
        ("search", {}, "query: field required"),
        ("search", {"query": "x", "top_k": 99}, "top_k: input should be less than or equal to 20"),
        ("search", {"query": "x", "depth": 1}, "depth: extra inputs"),
        ("ask", {"question": "x", "arm": "sft"}, "there are: handbook"),
        ("ask", {"question": "  "}, "the question is empty"),
    ]
    said = talk(tools, *(request(i, "tools/call", name=n, arguments=a) for i, (n, a, _) in enumerate(calls)))
    for answer, (_, _, words) in zip(said, calls, strict=True):
        assert answer["result"]["isError"] is True
        assert words in answer["result"]["content"][0]["text"]


def test_a_fault_inside_is_not_told() -> None:
    def fault(asked: Any) -> Any:
        raise RuntimeError("/secret/place")

    [said] = talk(
        [Tool("search", "", Search, fault)], request(1, "tools/call", name="search", arguments={"query": "x"})
    )
    assert said["result"]["isError"] is True
    assert "secret" not in json.dumps(said)
    with pytest.raises(InputError, match="query"):
        Tool("search", "", Search, fault)({})


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{", PARSE_ERROR),
        (b"\xff\xfe", PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b'"x"', INVALID_REQUEST),
        ({"id": 1, "method": "ping"}, INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 1, "method": 3}, INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": [1], "method": "ping"}, INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}, INVALID_REQUEST),
        (request(1, "resources/list"), NO_METHOD),
        (request(1, "tools/call", name="rm"), INVALID_PARAMS),
        (request(1, "tools/call", name="search", arguments=[1]), INVALID_PARAMS),
    ],
)
def test_what_is_no_request_is_refused_and_the_next_is_answered(tools: list[Tool], message: Any, code: int) -> None:
    refused, alive = talk(tools, message, request(9, "ping"))
    assert refused["error"]["code"] == code
    assert alive == {"jsonrpc": "2.0", "id": 9, "result": {}}


def test_notifications_and_answers_are_not_answered_and_a_batch_is(tools: list[Tool]) -> None:
    silent = [{"jsonrpc": "2.0", "method": "notifications/progress"}, {"jsonrpc": "2.0", "id": 4, "result": {}}]
    assert [s["id"] for s in talk(tools, *silent, [request(1, "ping"), request(2, "ping")])] == [1, 2]


def test_a_ping_is_answered_while_a_tool_works_and_a_cancelled_call_is_not() -> None:
    go, begun = threading.Event(), threading.Event()

    def slow(asked: Any) -> tuple[str, dict[str, Any]]:
        begun.set()
        go.wait(10)
        return asked.query, {}

    sent: list[Any] = []
    session = Session("handbook", [Tool("search", "", Search, slow)], sent.append)
    for number in (1, 2, 3):
        call = request(number, "tools/call", name="search", arguments={"query": f"q{number}"})
        session.take(json.dumps(call).encode())
    begun.wait(10)
    session.take(json.dumps(request(4, "ping")).encode())
    assert [s["id"] for s in sent] == [4]
    for number in (1, 2):  # one that runs, one that waits
        gone = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}
        session.take(json.dumps(gone).encode())
    go.set()
    session.listen([])
    assert [s["id"] for s in sent] == [4, 3]


def command(run: understudy.Run) -> list[str]:
    return [sys.executable, "-m", "understudy.cli.main", "mcp", run.label, "--store", str(run.store), "--device", "cpu"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}


def test_the_command_writes_nothing_but_the_protocol_to_its_output(small_run: understudy.Run) -> None:
    asked = [
        request(1, "initialize", protocolVersion=VERSIONS[0], capabilities={}),
        request(2, "tools/call", name="search", arguments={"query": QUESTION}),
    ]
    done = subprocess.run(
        command(small_run), input="".join(json.dumps(m) + "\n" for m in asked), capture_output=True, text=True,
        env=environment(), timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [s["id"] for s in said] == [1, 2]
    assert "--flag-3" in said[1]["result"]["content"][0]["text"]


_CLIENT = """
import asyncio, json, sys
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

async def main():
    command = json.loads(sys.argv[1])
    server = StdioServerParameters(command=command[0], args=command[1:], env=json.loads(sys.argv[2]))
    async with stdio_client(server) as streams:
        async with ClientSession(*streams) as session:
            begun = await session.initialize()
            listed = await session.list_tools()
            found = await session.call_tool("search", {"query": sys.argv[3]})
            asked = await session.call_tool("ask", {"question": sys.argv[3], "max_tokens": 4})
            wrong = await session.call_tool("search", {})
            await session.send_ping()
            dump = [r.model_dump(mode="json", by_alias=True) for r in (begun, listed, found, asked, wrong)]
            print(json.dumps(dump))

asyncio.run(main())
"""


def test_the_official_client_searches_and_asks(small_run: understudy.Run) -> None:
    """UNDERSTUDY_CLIENTS names a Python that has the package mcp, where this one lacks it."""
    python = os.environ.get("UNDERSTUDY_CLIENTS") or (sys.executable if importlib.util.find_spec("mcp") else None)
    if python is None:
        pytest.skip("the package mcp is not installed; UNDERSTUDY_CLIENTS can name a Python that has it")
    arguments = [json.dumps(command(small_run)), json.dumps(environment()), QUESTION]
    done = subprocess.run(
        [python, "-c", _CLIENT, *arguments], capture_output=True, text=True, timeout=120, check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    begun, listed, found, asked, wrong = json.loads(done.stdout)
    assert begun["serverInfo"]["name"] == "understudy"
    assert [t["name"] for t in listed["tools"]] == ["search", "ask"]
    assert "--flag-3" in found["content"][0]["text"]
    assert asked["structuredContent"]["citations"]
    assert wrong["isError"] is True


def test_what_comes_in_has_bounds(tools: list[Tool]) -> None:
    from understudy.serve.mcp import _lines

    batch = [request(n, "ping") for n in range(101)]
    assert [s["error"]["code"] for s in talk(tools, batch)] == [INVALID_REQUEST]
    deep = b'{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": %s%s}}'
    assert talk(tools, deep % (b"[" * 900, b"]" * 900), request(1, "ping"))[-1]["result"] == {}
    endless = io.BytesIO(b"x" * 9_000_000 + b"\n" + b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    sent: list[Any] = []
    Session("handbook", tools, sent.append).listen(_lines(endless))
    assert [s.get("error", {}).get("code") for s in sent] == [PARSE_ERROR, None]
    arguments = {"name": "ask", "arguments": {"question": "\ud800"}}
    assert talk(tools, request(1, "tools/call", **arguments))[0]["result"]["isError"]
