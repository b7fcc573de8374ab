"""What a client may send that is wrong: it gets one clear error, soon, and nobody else waits for it."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import understudy
from understudy.errors import InputError
from understudy.redact import redact
from understudy.serve.feedback import Feedback, Mark
from understudy.serve.problems import Problem
from understudy.serve.requests import ChatRequest, read
from understudy.serve.settings import read_key

from .conftest import Serving, serve


def test_a_mistake_of_the_client_is_an_error_in_openais_form_and_no_traceback(
    serving: Any, caplog: pytest.LogCaptureFixture
) -> None:
    long = {"model": "handbook", "messages": [{"role": "user", "content": "word " * 5_000}]}
    with serving.client() as http, caplog.at_level(logging.ERROR):
        answers = [
            http.post("/v1/chat/completions", json=long),
            http.get("/api/review", params={"offset": "abc"}),
            http.get("/api/review/audit", params={"seed": "9" * 5_000}),
            http.get("/api/compare"),
        ]
    for answer, said in zip(answers, ("the question", "offset", "seed", "first"), strict=True):
        assert answer.status_code == 400, answer.text
        assert said in answer.json()["error"]["message"]
        assert len(answer.text) < 500
    assert not caplog.records


def test_a_conversation_has_bounds() -> None:
    turn = b'{"role": "user", "content": "a"}'
    for body in (b'{"model": "m", "messages": [%s]}' % b",".join([turn] * 5_001),
                 b'{"model": "m", "messages": [%s], "stop": ["%s"]}' % (turn, b"x" * 300),
                 b'{"model": "m", "messages": %s}' % (b"[" * 50_000)):  # fmt: skip
        with pytest.raises(Problem) as refused:
            read(ChatRequest, body)
        assert refused.value.status == 400


@pytest.fixture
def impatient(small_run: understudy.Run) -> Iterator[Serving]:
    yield from serve(small_run, slowest=0.5)


def test_a_request_that_never_comes_whole_is_left(impatient: Any) -> None:
    host, port = impatient.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as slow:
        slow.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 50\r\n\r\n{")
        began = time.monotonic()
        said = slow.recv(4096)
    assert said.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 15


def test_the_key_is_read_from_a_file_that_ends_and_known_to_redaction(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_text("k" * 5_000)
    (tmp_path / "key").write_text("served-under-this-key\n")
    for odd in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="--api-key-file"):
            read_key(odd)
    assert len(read_key(tmp_path / "long")) == 4096
    assert read_key(tmp_path / "key") == "served-under-this-key"
    assert "served-under-this-key" not in redact("a log line with served-under-this-key in it")


def test_a_mark_stands_on_its_own_line_behind_one_that_was_cut_off(tmp_path: Path) -> None:
    feedback = Feedback(tmp_path)
    feedback.path.write_text('{"when": "2026')
    assert feedback.add(Mark(model="m", question="q", answer="\x1b[2Ja")) == 2
    cut, whole = feedback.path.read_text().splitlines()
    assert cut == '{"when": "2026'
    assert "\x1b" not in whole
