"""The scripted teacher with the batch APIs of OpenAI and Anthropic, which work, or misbehave, on order.

`ScriptedBatches(batches=[...], rows=[...])`: an order for each batch in the order of arrival, one for each request in
them; when they are used up, all is well. Orders for a batch:

    ok               taken; its results are there after `looks` looks, last request first
    STATUS           not taken, with that status
    STATUS-made      taken, but that status comes back
    drop             the connection is closed, and nothing is taken
    drop-made        the connection is closed, and the batch is taken
    failed:CODE      OpenAI: none of it is run, with that code
    limit:NUMBER     OpenAI: as failed with token_limit_exceeded, if it holds more requests than that
    expired:NUMBER   so many requests are run, then its time is over
    cancelled:NUMBER so many requests are run, then somebody ends it
    cut:TIMES        the results break off in their middle the first TIMES times that they are read
    strange          results of requests that nobody sent stand among its own
    away:ADDRESS     its results are said to be at ADDRESS
    gone             it is taken, and not known afterwards
    hold             it is not over before `release` is called

Orders for a request are those of ScriptedTeacher that give an answer or a status, and `lost`: no result of it.
`gets`: orders for what is read: a status, `drop`, or TEXT in place of JSON. `listing`: whether batches are listed.
`asked`: bodies of all requests in batches; `made`: the batches; `seen`: every exchange.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from scripted_teacher import Answering, ScriptedTeacher

DONE = {"ok", "thoughts", "truncated", "garbage", "empty"}


class ScriptedBatches(ScriptedTeacher):
    def __init__(
        self,
        script: Sequence[str] = (),
        *,
        batches: Sequence[str] = (),
        rows: Sequence[str] = (),
        gets: Sequence[str] = (),
        looks: int = 1,
        listing: bool = True,
    ) -> None:
        self.batches, self.rows, self.looks, self.listing = list(batches), list(rows), looks, listing
        self.gets = list(gets)
        self.files: dict[str, list[dict[str, Any]]] = {}
        self.made: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.seen: list[str] = []  # every exchange: method and path
        super().__init__(script)

    def release(self) -> None:
        for batch in self.made:
            batch["order"] = "ok"

    def take_batch(self, requests: list[dict[str, Any]], order: str, marks: dict[str, Any]) -> dict[str, Any]:
        number = len(self.made)
        batch = {"id": f"batch_{number}", "order": order, "looked": 0, "reads": 0, "requests": requests, **marks,
                 "made": time.time(), "rows": [self.rows.pop(0) if self.rows else "ok" for _ in requests]}  # fmt: skip
        self.made.append(batch)
        self.asked += [r.get("body") or r.get("params") for r in requests]
        return batch

    def state(self, batch: dict[str, Any]) -> str:
        name, _, value = batch["order"].partition(":")
        if name == "failed" or (name == "limit" and len(batch["requests"]) > int(value)):
            return "failed"
        if name == "hold" or batch["looked"] <= self.looks:
            return "running"
        return name if name in ("expired", "cancelled") else "over"

    def run(self, batch: dict[str, Any]) -> int:
        name, _, value = batch["order"].partition(":")
        return int(value) if name in ("expired", "cancelled") else len(batch["requests"])

    def results(self, batch: dict[str, Any], anthropic: bool, errors: bool | None = None) -> bytes:
        """A file of results. errors: whether it is that of what failed; None for one of all."""
        row = self._anthropic_row if anthropic else self._openai_row
        state = self.state(batch)
        found = []
        for place, (request, order) in enumerate(zip(batch["requests"], batch["rows"], strict=True)):
            if order != "lost":
                found.append(row(request, order if place < self.run(batch) else state))
        found.reverse()
        if errors is not None:
            found = [f for f in found if errors == (f["response"] is None or f["response"]["status_code"] >= 400)]
        if batch["order"] == "strange" and not errors:
            other = {"custom_id": "of-another", "params": {}, "body": {"messages": []}}
            found[:0] = [{**found[0], "custom_id": "of-another"}, row(other, "expired"), {"custom_id": 7}]
        lines = b"".join(json.dumps(line).encode() + b"\n" for line in found)
        batch["reads"] += 1
        name, _, value = batch["order"].partition(":")
        return lines[: len(lines) // 2] if name == "cut" and batch["reads"] <= int(value) else lines

    def _openai_row(self, request: dict[str, Any], order: str) -> dict[str, Any]:
        row = {"id": "x", "custom_id": request["custom_id"], "response": None, "error": None}
        if order in ("expired", "cancelled"):
            return row | {"error": {"code": f"batch_{order}", "message": "not run"}}
        status, body = self._answered(request["body"], order, False)
        return row | {"response": {"status_code": status, "request_id": "r", "body": body}}

    def _anthropic_row(self, request: dict[str, Any], order: str) -> dict[str, Any]:
        if order in ("expired", "cancelled"):
            kind = "canceled" if order == "cancelled" else order
            return {"custom_id": request["custom_id"], "result": {"type": kind}}
        status, body = self._answered(request["params"], order, True)
        if status >= 400:
            kinds = {400: "invalid_request_error", 429: "rate_limit_error", 529: "overloaded_error"}
            error = {"type": "error", "error": {**body["error"], "type": kinds.get(status, "api_error")}}
            return {"custom_id": request["custom_id"], "result": {"type": "errored", "error": error}}
        return {"custom_id": request["custom_id"], "result": {"type": "succeeded", "message": body}}

    def _answered(self, body: dict[str, Any], order: str, anthropic: bool) -> tuple[int, dict[str, Any]]:
        name, _, value = order.partition(":")
        if name.isdigit():
            return int(name), {"error": {"message": value or f"status {name} on order"}}
        return 200, self.said(name, value, body, anthropic)

    def openai_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        state, n, run = self.state(batch), len(batch["requests"]), self.run(batch)
        shown = {"id": batch["id"], "object": "batch", "input_file_id": batch["file"], "metadata": batch["metadata"],
                 "created_at": int(batch["made"]), "output_file_id": None, "error_file_id": None}  # fmt: skip
        if state == "failed":
            code = batch["order"].partition(":")[2] if batch["order"].startswith("failed") else "token_limit_exceeded"
            errors = {"object": "list", "data": [{"code": code, "message": f"{code} on order", "line": None}]}
            return shown | {"status": "failed", "errors": errors}
        done = sum(order != "lost" for order in batch["rows"][:run]) if state == "over" else run
        if state == "running":
            return shown | {"status": "in_progress", "request_counts": {"total": n, "completed": n // 2, "failed": 0}}
        counts = {"total": n, "completed": done, "failed": 0}
        words = "completed" if state == "over" else state
        return shown | {"status": words, "request_counts": counts, "output_file_id": f"file-of-{batch['id']}",
                        "error_file_id": f"errors-of-{batch['id']}"}  # fmt: skip

    def anthropic_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        state, n, run = self.state(batch), len(batch["requests"]), self.run(batch)
        names = ("processing", "succeeded", "errored", "canceled", "expired")
        counts = dict.fromkeys(names, 0)
        if state == "running":
            counts["processing"] = n
        else:
            counts["succeeded"] = run
            counts["canceled" if state == "cancelled" else "expired"] += n - run
        made = datetime.fromtimestamp(batch["made"], UTC).isoformat()
        return {
            "id": batch["id"], "type": "message_batch", "created_at": made, "request_counts": counts,
            "processing_status": "in_progress" if state == "running" else "ended",
            "cancel_initiated_at": made if state == "cancelled" else None,
            "results_url": None if state == "running" else f"http://127.0.0.1:9/{batch['id']}/results",
        }  # fmt: skip


class _Batching(Answering):
    def do_GET(self) -> None:
        owner: ScriptedBatches = self.owner
        owner.seen.append(f"GET {self.path}")
        if order := owner.gets.pop(0) if owner.gets else "":
            if order.isdigit() or order == "drop":
                self.refuse(order)
            else:
                self.raw(200, order.encode(), {})
            return
        path = self.path.removeprefix("/v1")
        anthropic = path.startswith("/messages")
        show = owner.anthropic_batch if anthropic else owner.openai_batch
        if re.fullmatch(r"(/messages)?/batches\?.*", path):
            if not owner.listing:
                self.reply(404, {"error": {"message": "no list here"}})
                return
            self.reply(200, {"data": [show(b) for b in reversed(owner.made)], "has_more": False})
            return
        name = re.search(r"batch_\d+", path)
        batch = next((b for b in owner.made if name and b["id"] == name.group()), None)
        if batch is None or batch["order"] == "gone":
            self.reply(404, {"error": {"message": "not found"}})
        elif path.endswith(("/results", "/content")):
            if batch["order"].startswith("away:"):
                self.raw(307, b"", {"Location": batch["order"].partition(":")[2] + self.path})
                return
            errors = None if anthropic else "errors-of" in path
            self.raw(200, owner.results(batch, anthropic, errors), {"Content-Type": "application/jsonl"})
        else:
            batch["looked"] += 1
            self.reply(200, show(batch))

    def do_POST(self) -> None:
        owner: ScriptedBatches = self.owner
        path = self.path.removeprefix("/v1")
        if path not in ("/files", "/batches", "/messages/batches"):
            super().do_POST()
            return
        owner.seen.append(f"POST {self.path}")
        owner.keys.append(self.headers.get("Authorization") or self.headers.get("x-api-key", ""))
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if path == "/files":
            border = self.headers["Content-Type"].partition("boundary=")[2].encode()
            parts = content.split(b"--" + border)
            assert b'name="purpose"\r\n\r\nbatch\r\n' in parts[1]
            lines = parts[2].split(b"\r\n\r\n", 1)[1].strip().split(b"\n")
            file = f"file-{len(owner.files)}"
            owner.files[file] = [json.loads(line) for line in lines]
            self.reply(200, {"id": file, "purpose": "batch"})
            return
        body = json.loads(content)
        order = owner.batches.pop(0) if owner.batches else "ok"
        first, _, made = order.partition("-")
        if not made and (first.isdigit() or first == "drop"):
            self.refuse(first)
            return
        if path == "/batches":
            assert (body["endpoint"], body["completion_window"]) == ("/v1/chat/completions", "24h")
            marks = {"file": body["input_file_id"], "metadata": body["metadata"]}
            batch = owner.take_batch(owner.files[body["input_file_id"]], order, marks)
            if made:
                self.refuse(first)
            else:
                self.reply(200, owner.openai_batch(batch))
            return
        batch = owner.take_batch(body["requests"], order, {})
        if made:
            self.refuse(first)
        else:
            self.reply(200, owner.anthropic_batch(batch))

    def refuse(self, how: str) -> None:
        if how == "drop":
            self.close_connection = True
        else:
            self.reply(int(how), {"error": {"message": f"status {how} on order"}})


ScriptedBatches.handler = _Batching
