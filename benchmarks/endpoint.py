"""A remote teacher against an endpoint's faults: wall time beside the ideal, what kills cost, whether the cap holds.

    python benchmarks/endpoint.py [--chunks 2000] [--concurrency 16] [--kills 10] [--times 3] [--peer PYTHON]

The endpoint is a local server that follows a script: latency 200 ms ± 100, 5 % of the requests are refused with 429
and `Retry-After: 1`, 2 % end in 500, 1 % hang until the client gives up, 3 % bring broken JSON. Three runs:

1. undisturbed. Three ideals: `no faults` is chunks x mean latency / concurrency. `held` is the time for which it
   really held requests (a hang until the client gave up), divided by the concurrency: no client can need less.
   `forced` is a client that costs nothing itself, on the same script: it has the concurrency's requests under way at
   every moment, waits as long as a refusal asks, gives a hang up after the timeout, and asks again at once. `--times`
   says how often; the median is printed last.
2. killed ten times at random moments, and finished. After each kill the ledger is read: no request whose answer it
   holds may come again. Those whose answer had left the server but was not kept yet may; how long before the kill it
   had left is printed, which on a busy machine is the time that the client waited for the processor.
3. the same with a cap on money for half of the chunks: what the server has billed, against the cap.

`--peer` names a Python that has synthetic-data-kit (https://pypi.org/project/synthetic-data-kit/). It is asked for one
pair of each of the same chunks, by the same script, as many at once, and is run in turn with ours. Its client waits ten
minutes for a hang, and everything else with it, so `--hangs 0` lets both be compared without.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import heapq
import json
import logging
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

PRICE = {"input": 1.0, "output": 1.0}  # a dollar a million tokens
TOKENS = (400, 200)
RETRY_AFTER = 1


# ── the endpoint ────────────────────────────────────────────────────────────────────────────────────────


class Server:
    """Answers by script; writes a line for each request that ends: time, body, outcome, seconds, tokens billed."""

    def __init__(self, log: Path, seed: int, latency: float, hangs: float) -> None:
        self.latency, self.hangs = latency, hangs
        self.log = open(log, "a", buffering=1, encoding="utf-8")  # noqa: SIM115 - as long as the process
        self.random = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                size = next(
                    int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length")
                )
                body = await reader.readexactly(size)
                began, outcome = time.monotonic(), self.outcome()
                part = part_of(json.loads(body))
                try:
                    status, headers, answer, billed = await self.answer(outcome, part, b"<excerpt>" in body, reader)
                    writer.write(
                        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}"
                        f"Content-Length: {len(answer)}\r\n\r\n".encode()
                        + answer
                    )
                    await writer.drain()
                except BaseException:
                    self.note(body, part, f"{outcome}, gone", began, 0)
                    raise
                self.note(body, part, outcome, began, billed)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def outcome(self) -> str:
        x = self.random.random()
        return next(
            (name for name, below in (
                ("429", 0.05), ("500", 0.07), ("hang", 0.07 + self.hangs), ("broken", 0.10 + self.hangs)
            ) if x < below),
            "ok",
        )  # fmt: skip

    async def answer(
        self, outcome: str, name: str, facts: bool, reader: asyncio.StreamReader
    ) -> tuple[int, str, bytes, int]:
        """facts: whether facts are asked for; else pairs, as the peer does."""
        if outcome == "hang":
            await reader.read(1)  # until the client goes away
            raise ConnectionError
        await asyncio.sleep(self.latency * self.random.uniform(0.5, 1.5))
        if outcome == "429":
            return 429, f"Retry-After: {RETRY_AFTER}\r\n", b'{"error": {"message": "slow down"}}', 0
        if outcome == "500":
            return 500, "", b'{"error": {"message": "no"}}', 0
        fact = {"quote": f"The port of part {name} is 9{name}.", "kind": "forward", "answer": f"It is 9{name}.",
                "questions": [f"What is the port of part {name}?"], "option": f"9{name}"}  # fmt: skip
        pair = {"question": f"What is the port of part {name}?", "answer": f"It is 9{name}."}
        whole = json.dumps({"facts": [fact]} if facts else [pair])
        said = 'Sure! Here you go: {"facts": [' if outcome == "broken" else whole
        prompt, completion = TOKENS
        told = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}],
                "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}  # fmt: skip
        return 200, "", json.dumps(told).encode(), sum(TOKENS)

    def note(self, body: bytes, part: str, outcome: str, began: float, billed: int) -> None:
        now = time.monotonic()
        line = {
            "t": now,
            "body": hashlib.sha256(body).hexdigest()[:16],
            "part": part,
            "outcome": outcome,
            "held": now - began,
            "billed": billed,
        }
        self.log.write(json.dumps(line) + "\n")


def part_of(asked: dict[str, Any]) -> str:
    """The part of the made-up manual that a request is about."""
    text = next(m["content"] for m in asked["messages"] if "The port of part " in m["content"])
    return str(text.split("The port of part ")[1].split(" is ")[0])


async def serve(log: Path, seed: int, latency: float, hangs: float) -> None:
    """Serve until killed; the port is printed first."""
    server = await asyncio.start_server(Server(log, seed, latency, hangs).serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# ── the teacher ─────────────────────────────────────────────────────────────────────────────────────────


def teach(url: str, ledger: Path, chunks: int, concurrency: int, timeout: float, cap: float | None) -> None:
    """Teach made-up chunks, in a process of its own; prints the account as JSON."""
    from understudy.generate.base import Page
    from understudy.generate.config import Price, RemoteTeacher
    from understudy.generate.openai import ModelTeacher
    from understudy.models.ledger import Ledger
    from understudy.models.openai import Endpoint
    from understudy.models.throttle import Budget
    from understudy.types import Chunk, Document

    config = RemoteTeacher(rounds=1, pairs_per_round=1, wordings=1, max_tokens=256, price=Price(**PRICE), max_usd=cap)
    budget = Budget(PRICE["input"], PRICE["output"], cap)
    endpoint = Endpoint("m", url, ledger=Ledger(ledger), budget=budget, concurrency=concurrency, timeout=timeout)
    pages = []
    for n in range(chunks):
        text = f"The port of part {n} is 9{n}."
        chunk = Chunk(f"{n}", f"{n}.md", text, 0, len(text), 1, 1, 9, "Part")
        pages.append(Page(Document(f"{n}.md", text, "Part", "markdown", "0"), (chunk,)))
    began = time.monotonic()
    taught = ModelTeacher(endpoint, config, lambda *_: None, logging.getLogger()).teach(pages)
    done = {"wall": time.monotonic() - began, "status": Counter(o.status for o in taught.outcomes.values()),
            "facts": len(taught.facts), "sent": endpoint.sent, "usd": budget.spent, "cpu": time.process_time(),
            "limit": endpoint.throttle.limit}  # fmt: skip
    print(json.dumps(done), flush=True)


def teach_as_peer(url: str, chunks: int, concurrency: int) -> None:
    """The same chunks by synthetic-data-kit, in a Python that has it: one pair of each asked for, `concurrency` at
    once."""
    from synthetic_data_kit.generators.qa_generator import QAGenerator
    from synthetic_data_kit.models.llm_client import LLMClient

    client = LLMClient(provider="api-endpoint", api_base=url, api_key="none", model_name="m")
    generator = QAGenerator(client)
    # A chunk is a paragraph.
    generator.generation_config = {**generator.generation_config, "chunk_size": 1, "overlap": 0,
                                   "batch_size": concurrency}  # fmt: skip
    text = "\n\n".join(f"The port of part {n} is 9{n}." for n in range(chunks))
    began = time.monotonic()
    pairs = generator.generate_qa_pairs(text, "", chunks)
    wall = time.monotonic() - began
    print()
    print(json.dumps({"wall": wall, "facts": len(pairs), "cpu": time.process_time()}), flush=True)


# ── the comparison ──────────────────────────────────────────────────────────────────────────────────────


Kill = tuple[float, set[str]]
"""When, and which parts' answers the ledger held then."""


class Setting:
    """A server, a ledger and a log of their own."""

    def __init__(self, folder: Path, options: argparse.Namespace, seed: int) -> None:
        folder.mkdir()
        self.log, self.ledger, self.options = folder / "log.jsonl", folder / "ledger.sqlite", options
        command = [sys.executable, str(Path(__file__)), "--serve", str(self.log), "--seed", str(seed)]
        command += ["--latency", str(options.latency), "--hangs", str(options.hangs)]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.server.stdout is not None
        self.url = f"http://127.0.0.1:{int(self.server.stdout.readline())}/v1"

    def start(self, cap: float | None = None) -> subprocess.Popen[str]:
        o = self.options
        command = [sys.executable, str(Path(__file__)), "--teach", self.url, "--ledger", str(self.ledger)]
        command += ["--chunks", str(o.chunks), "--concurrency", str(o.concurrency), "--timeout", str(o.timeout)]
        command += ["--cap", str(cap)] if cap else []
        own = {**os.environ, "NO_PROXY": "127.0.0.1"}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=own)

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        said, _ = process.communicate()
        if process.returncode:
            self.close()
            raise SystemExit(f"{' '.join(map(str, process.args))}: ended with {process.returncode}")  # type: ignore[union-attr]
        return dict(json.loads(said.splitlines()[-1]))

    def peer(self) -> dict[str, Any]:
        o = self.options
        command = [o.peer, str(Path(__file__)), "--as-peer", self.url, "--chunks", str(o.chunks)]
        command += ["--concurrency", str(o.concurrency)]
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        own |= {"NO_PROXY": "127.0.0.1"}
        return self.finish(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=own)
        )

    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def kept(self) -> set[str]:
        """The parts whose facts the ledger holds."""
        with contextlib.closing(sqlite3.connect(self.ledger)) as db:
            texts = [text for (text,) in db.execute("SELECT text FROM replies") if text.startswith('{"facts"')]
        return {json.loads(text)["facts"][0]["option"].removeprefix("9") for text in texts}

    def killed(self, times: int, cap: float | None = None) -> tuple[dict[str, Any], list[Kill]]:
        """Run to the end through `times` kills. Gives the last account, and the kills."""
        rng = random.Random(times)
        kills: list[Kill] = []
        for _ in range(times):
            process = self.start(cap)
            before = len(self.requests())
            while len(self.requests()) < before + 20 and process.poll() is None:
                time.sleep(0.05)  # it has begun to send
            time.sleep(
                rng.uniform(0.0, 0.6 * self.options.chunks * self.options.latency / self.options.concurrency / times)
            )
            process.send_signal(signal.SIGKILL)
            at = time.monotonic()
            process.communicate()
            kills.append((at, self.kept()))
        return self.finish(self.start(cap)), kills

    def close(self) -> None:
        self.server.kill()
        self.server.communicate()


def repeated(requests: list[dict[str, Any]], kills: list[Kill]) -> tuple[int, list[float]]:
    """How many requests came again though the ledger held their answer; and of the others that came again though they
    had been answered, how many seconds before the next kill the answer had left the server."""
    answered: dict[str, tuple[float, float]] = {}
    kept, gaps = 0, []
    for request in sorted(requests, key=lambda r: r["t"] - r["held"]):
        came = request["t"] - request["held"]
        if any(came > at and request["part"] in held for at, held in kills):
            kept += 1
        elif request["body"] in answered:
            asked, left = answered[request["body"]]  # where a kill fell between the two, nobody read the answer
            gaps.append(min((max(0.0, at - left) for at, _ in kills if at >= asked), default=0.0))
        if request["outcome"] == "ok":  # broken JSON twice over is set aside, and asked for by the next run
            answered.setdefault(request["body"], (came, request["t"]))
    return kept, gaps


def forced(o: argparse.Namespace, seed: int) -> float:
    """Seconds that a client without any cost of its own needs for the script."""
    script = Server(Path(os.devnull), seed, o.latency, o.hangs)
    now, free, end = 0.0, o.concurrency, 0.0
    ready = [0.0] * o.chunks  # when each request may be sent
    ends: list[tuple[float, float | None]] = []  # of those under way, and when it is to be sent again
    while ready or ends:
        if ready and free and ready[0] <= now:
            heapq.heappop(ready)
            outcome = script.outcome()
            takes = o.timeout if outcome == "hang" else script.latency * script.random.uniform(0.5, 1.5)
            again = None if outcome == "ok" else now + takes + (RETRY_AFTER if outcome == "429" else 0.0)
            heapq.heappush(ends, (now + takes, again))
            free -= 1
        elif ends and (not ready or not free or ends[0][0] <= ready[0]):
            now, again = heapq.heappop(ends)
            free, end = free + 1, max(end, now)
            if again is not None:
                heapq.heappush(ready, again)
        else:
            now = ready[0]
    return end


def undisturbed(folder: Path, o: argparse.Namespace) -> None:
    """Ours, and the peer, in turn; each with a server of its own."""
    walls: dict[str, list[tuple[float, float]]] = {}
    ideals = {"forced": forced(o, 1), "no faults": o.chunks * o.latency / o.concurrency}
    for turn in range(o.times):
        for who in ("understudy", "peer") if o.peer else ("understudy",):
            setting = Setting(folder / f"{who}{turn}", o, 1)
            done = setting.finish(setting.start()) if who == "understudy" else setting.peer()
            asked = setting.requests()
            setting.close()
            held = sum(r["held"] for r in asked) / o.concurrency
            beside = "; ".join(f"{k} {v:.1f} s (x {done['wall'] / v:.3f})" for k, v in {"held": held, **ideals}.items())
            print(f"{who}: {o.chunks} chunks, {o.concurrency} at once: {dict(Counter(r['outcome'] for r in asked))}")
            print(f"  accounted for: {done.get('status', 'unknown')}, {done['facts']} facts")
            print(f"  wall {done['wall']:.1f} s; ideals: {beside}; processor {done['cpu']:.1f} s", flush=True)
            walls.setdefault(who, []).append((done["wall"], done["cpu"]))
    for who, times in walls.items():
        wall, cpu = (statistics.median(values) for values in zip(*times, strict=True))
        print(f"{who}, median of {o.times}: wall {wall:.1f} s (x {wall / ideals['forced']:.3f} of what a client that "
              f"costs nothing needs), processor {cpu:.1f} s")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--timeout", type=float, default=2.0)
    parser.add_argument("--latency", type=float, default=0.2, help="mean seconds of an answer; half of it to and fro")
    parser.add_argument("--hangs", type=float, default=0.01, help="share of the requests that are never answered")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--times", type=int, default=1, help="undisturbed runs, of which the median is told")
    parser.add_argument("--peer", help="a Python that has synthetic-data-kit, to be measured beside")
    parser.add_argument("--seed", type=int, default=0)
    for hidden in ("--serve", "--teach", "--as-peer", "--ledger", "--cap"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.serve:
        asyncio.run(serve(Path(o.serve), o.seed, o.latency, o.hangs))
        return
    if o.teach:
        teach(o.teach, Path(o.ledger), o.chunks, o.concurrency, o.timeout, float(o.cap) if o.cap else None)
        return
    if o.as_peer:
        teach_as_peer(o.as_peer, o.chunks, o.concurrency)
        return
    with tempfile.TemporaryDirectory() as name:
        undisturbed(Path(name), o)
        if not o.kills:
            return
        second = Setting(Path(name) / "killed", o, 2)
        done, kills = second.killed(o.kills)
        asked = second.requests()
        second.close()
        kept, gaps = repeated(asked, kills)
        print(f"{o.kills} kills, {sum(len(k) for _, k in kills)} answers kept at them: {done['status']}; {len(asked)} "
              f"requests; kept and sent again: {kept}; answered, not kept yet and sent again: {len(gaps)}, which had "
              f"left at most {max(gaps, default=0.0):.2f} s before the kill")  # fmt: skip
        cap = o.chunks / 2 * sum(TOKENS) / 1e6
        third = Setting(Path(name) / "capped", o, 3)
        done, _ = third.killed(o.kills, cap)
        billed = sum(r["billed"] for r in third.requests()) / 1e6
        third.close()
        print(f"cap {cap:.4f} USD, {o.kills} kills: billed {billed:.4f} USD, counted {done['usd']:.4f}; one request "
              f"costs {sum(TOKENS) / 1e6:.4f}; {done['status']}")  # fmt: skip


if __name__ == "__main__":
    main()
