"""An OpenAI-compatible server on loopback that answers, or misbehaves, on order.

`with ScriptedTeacher(script) as server:` serves at `server.url`. `script` is a list of orders, one a request in
the order of arrival; when it is used up, every request is answered well. Orders:

    ok                a right answer
    429:SECONDS       too many requests, with Retry-After (429 alone: without it)
    500, 401, ...     that status
    400:WORDS         that status, with WORDS in its message
    wait:NUMBER       an answer that comes when so many requests have arrived in all, or when the server closes
    drop              the connection is closed without an answer
    truncated         half of the answer's JSON, finish_reason `length`
    thoughts          thoughts with a draft in JSON before the answer
    garbage           words that are no JSON
    empty             an empty answer
    body:TEXT         a body that is not of the protocol
    text:TEXT         TEXT as the answer
    fault:STATUS:JSON that status with JSON as its `error`
    away:ADDRESS      a redirect to ADDRESS and the same path
    drip              a right answer, a byte every tenth of a second
    flood             more than any answer holds

Asked by Anthropic's protocol (a path that ends in /messages), it answers by that.

A right answer to a request for facts holds facts whose quotes stand in the excerpt; to a round trip, the answers;
to anything else, `answer`.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_EXCERPT = re.compile(r"<excerpt>\n(.*?)\n</excerpt>", re.DOTALL)


class ScriptedTeacher:
    """The server; `requests` holds the bodies it received, `keys` their Authorization headers."""

    handler: type[BaseHTTPRequestHandler]

    def __init__(
        self,
        script: Sequence[str] = (),
        *,
        answer: str = "Paris.",
        models: dict[str, Any] | None = None,
    ) -> None:
        self.script, self.answer = list(script), answer
        self.models = models or {}
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.paths: list[str] = []
        self.times: list[float] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Condition()
        self._closing = False
        self.closing = threading.Event()
        teacher = self

        class Handler(self.handler):  # type: ignore[misc,name-defined]
            owner = teacher

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> ScriptedTeacher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closing = True
            self.closing.set()
            self._lock.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def take(self, body: dict[str, Any], key: str, path: str) -> str:
        """Note a request and give its order."""
        with self._lock:
            self.requests.append(body)
            self.keys.append(key)
            self.paths.append(path)
            self.times.append(time.monotonic())
            self._lock.notify_all()
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            return self.script.pop(0) if self.script else "ok"

    def wait(self, number: int) -> None:
        """Until `number` requests have arrived."""
        with self._lock:
            self._lock.wait_for(lambda: self._closing or len(self.requests) >= number)

    def leave(self) -> None:
        with self._lock:
            self._at_once -= 1

    def said(self, name: str, value: str, body: dict[str, Any], anthropic: bool) -> dict[str, Any]:
        """The body of an answer on order."""
        right = self.right_answer(body)
        said = {
            "truncated": right[: len(right) // 2],
            "thoughts": f'<think>Perhaps {{"facts": []}} would do? No.</think>\nHere it is:\n```json\n{right}\n```',
            "garbage": "I would rather not.",
            "empty": "",
            "text": value,
        }.get(name, right)
        finish = "length" if name == "truncated" else "stop"
        return (messages_answer if anthropic else completion)(said, finish, str(body.get("model", "")))

    def right_answer(self, body: dict[str, Any]) -> str:
        """What a good model would say."""
        turns = [m["content"] for m in body["messages"] if m["role"] != "system"]
        system, user = body.get("system", body["messages"][0]["content"]), turns[-1]
        if user.startswith("That was not a valid answer"):
            user = turns[0]
        excerpt = _EXCERPT.search(user)
        if excerpt is None:
            return self.answer
        if '"answers"' in system:
            return json.dumps({"answers": self.round_trip(excerpt.group(1), user)})
        return json.dumps({"facts": self.facts(excerpt.group(1), user)})

    def facts(self, text: str, user: str) -> list[dict[str, Any]]:
        """A fact for each `The A of S is V.` of the excerpt; override for another teacher."""
        found = []
        for match in re.finditer(r"The ([\w ]+) of ([\w ]+) is ([^.\n]+)\.", text):
            attribute, subject, value = match.groups()
            questions = [f"What is the {attribute} of {subject}?", f"Which {attribute} does {subject} have?",
                         f"Tell me the {attribute} of {subject}, please."]  # fmt: skip
            if questions[0] in user:
                continue  # asked in an earlier round
            found.append({"quote": match.group(), "kind": "forward", "questions": questions,
                          "answer": f"The {attribute} of {subject} is {value}.", "option": value})  # fmt: skip
        return found

    def round_trip(self, text: str, user: str) -> list[str]:
        """The answers to numbered questions of the form that `facts` writes."""
        asked = re.findall(r"^\d+\. What is the ([\w ]+) of ([\w ]+)\?$", user, re.MULTILINE)
        answers = []
        for attribute, subject in asked:
            match = re.search(rf"The {attribute} of {subject} is ([^.\n]+)\.", text)
            answers.append(match.group(1) if match else "unknown")
        return answers


class Answering(BaseHTTPRequestHandler):
    owner: Any
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        known = self.owner.models.get(name)
        if known is None:
            self.reply(404, {"error": {"message": "no such model"}})
        else:
            self.reply(200, {"id": name, "object": "model", "created": 0, "owned_by": "test", **known})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        key = self.headers.get("Authorization") or self.headers.get("x-api-key", "")
        order = self.owner.take(body, key, self.path)
        try:
            self.obey(order, body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up waiting
        finally:
            self.owner.leave()

    def obey(self, order: str, body: dict[str, Any]) -> None:
        name, _, value = order.partition(":")
        if name == "drop":
            self.close_connection = True
            return
        if name == "fault":
            status, _, error = value.partition(":")
            self.reply(int(status), {"error": json.loads(error)})
            return
        if name == "away":
            self.raw(307, b"", {"Location": value + self.path})
            return
        if name == "flood":
            self.raw(200, b" " * (40 << 20), {})
            return
        if name == "wait":
            self.owner.wait(int(value))
        if name.isdigit():
            headers = {"Retry-After": value} if name == "429" and value else {}
            self.reply(int(name), {"error": {"message": value or f"status {name} on order"}}, headers)
            return
        if name == "body":
            self.raw(200, value.encode(), {})
            return
        if name == "drip":
            self.drip(json.dumps(completion(self.owner.right_answer(body))).encode())
            return
        self.reply(200, self.owner.said(name, value, body, self.path.endswith("/messages")))

    def drip(self, data: bytes) -> None:
        """Send the answer so slowly that no single read is late."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        for byte in data:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.owner.closing.wait(0.1):
                return

    def reply(self, status: int, value: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        self.raw(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def raw(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


ScriptedTeacher.handler = Answering


def completion(text: str, finish: str = "stop", model: str = "") -> dict[str, Any]:
    """A chat completion as the protocol has it; 100 tokens in, 50 out."""
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }


def messages_answer(text: str, finish: str = "stop", model: str = "") -> dict[str, Any]:
    """An answer of Anthropic's messages API: JSON comes as the input of the tool; 100 tokens in, 50 out."""
    try:
        block: dict[str, Any] = {"type": "tool_use", "id": "t", "name": "answer", "input": dict(json.loads(text))}
    except (ValueError, TypeError):
        block = {"type": "text", "text": text}
    return {
        "id": "msg_test",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, block],
        "stop_reason": "max_tokens" if finish == "length" else "end_turn",
        "usage": {"input_tokens": 60, "cache_read_input_tokens": 40, "output_tokens": 50},
    }
