"""A served run under load with faults, and its speed beside llama.cpp's server and a plain transformers loop.

python benchmarks/serve.py load [--minutes 10] [--clients 32]      no 5xx, no stuck place, memory flat; else exit 1
python benchmarks/serve.py speed [--gguf FILE] [--llama PYTHON]    first token and tokens a second, by clients at once
python benchmarks/serve.py engine [--gguf FILE]                    processor time a token, without HTTP

`speed` asks all three for the same answers of the same GGUF file (default: the bundled reader, written as F16), greedy,
as long as asked. PYTHON is an interpreter that has xllamacpp, where this one lacks it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from serve_faults import QUESTIONS, Client, Seen

import understudy

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = (1, 8, 32)
_EVERY = 5.0  # seconds between looks at the memory
_LLAMA = """
import sys, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.n_ctx, p.n_parallel, p.port = sys.argv[1], 1024 * int(sys.argv[2]), int(sys.argv[2]), 0
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = int(sys.argv[3])
p.warmup, p.use_jinja, p.ui, p.verbosity, p.n_gpu_layers = False, True, False, -1, 0
s = xllamacpp.Server(p)
print(f"\\nserving at {s.listening_address}/", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def started(command: Sequence[str]) -> Iterator[tuple[str, psutil.Process]]:
    """A server in a process of its own: its address, taken from the line in which it says it, and the process."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    try:
        address = next(w for line in process.stdout for w in line.split() if w.startswith("http://") and "at " in line)
        yield address.rstrip("/"), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextlib.contextmanager
def served(folder: Path, base_model: str) -> Iterator[tuple[str, psutil.Process]]:
    """This project's own documentation with an index, served."""
    recipe = {
        "name": "bench", "base_model": base_model, "docs": {"path": str(ROOT / "docs")},
        "chunk": {"chunk_size": 120, "chunk_overlap": 12}, "index": {"retriever": "bm25", "search": {"top_k": 2}},
    }  # fmt: skip
    understudy.run(recipe, store=folder / "store")
    command = [
        sys.executable,
        "-m",
        "understudy.cli.main",
        "serve",
        "bench",
        "--port",
        "0",
        "--store",
        str(folder / "store"),
    ]
    with started(command) as found:
        yield found


def get(url: str, path: str) -> str:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), int(parts.port or 80), timeout=30)
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def open_places(url: str) -> float:
    """Requests that the server counts as waiting or being written."""
    lines = get(url, "/metrics").splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("understudy_requests_open{"))


def load(minutes: float, clients: int) -> bool:
    """Ask for minutes; print what was seen. Whether all that must hold held."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), "lab:reader") as (url, process):
        seen, rows = Seen(), []
        began = time.monotonic()
        until = began + 60 * minutes
        threads = [threading.Thread(target=Client(url, "bench", seen, n).run, args=(until,)) for n in range(clients)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            rows.append((time.monotonic() - began, process.memory_info().rss / 1e6))
            time.sleep(_EVERY)
        ended = time.monotonic()
        while open_places(url) and time.monotonic() < ended + 30:
            time.sleep(0.2)
        stuck = open_places(url)
        health = json.loads(get(url, "/health"))["status"]
        tokens = sum(float(x.rpartition(" ")[2]) for x in get(url, "/metrics").splitlines() if "written_total{" in x)
    fifth = 60 * minutes / 5
    early = statistics.mean(m for t, m in rows if fifth <= t < 2 * fifth)
    late = statistics.mean(m for t, m in rows if t >= 4 * fifth)
    for (kind, status), count in sorted(seen.statuses.items()):
        print(f"{kind:40} {status or '-':>4} {count:7}")
    for what, count in seen.broken.items():
        print(f"{'broken: ' + what:45} {count:7}")
    print(
        f"requests {sum(seen.statuses.values())}, tokens written {tokens:.0f}, {tokens / (ended - began):.0f} a second"
    )
    for name, values in (("first piece", seen.first), ("whole answer", seen.whole)):
        parts = statistics.quantiles(values, n=20)
        print(f"{name}: median {statistics.median(values):.2f} s, 95 % within {parts[18]:.2f} s (n = {len(values)})")
    grown = 100 * (late / early - 1)
    print(f"memory: {early:.0f} MB in the second fifth of the time, {late:.0f} MB in the last: {grown:+.1f} %")
    print(f"places held at the end: {stuck:.0f}; health: {health}")
    faults = sum(n for (kind, status), n in seen.statuses.items() if status >= 500 or "error" in kind)
    held = not faults and not stuck and not seen.broken and abs(grown) <= 5 and health == "ok"
    print(f"5xx or errors in streams: {faults}; {'HELD' if held else 'NOT HELD'}")
    return held


def ask(url: str, model: str, question: str, tokens: int) -> tuple[float, float, int]:
    """Seconds to the first piece and to the end of a streamed answer, and its tokens."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), int(parts.port or 80), timeout=300)
    body = {
        "model": model, "messages": [{"role": "user", "content": question}], "max_tokens": tokens, "temperature": 0,
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    began, first, count = time.perf_counter(), None, 0
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    for line in connection.getresponse():
        if not line.startswith(b"data: {"):
            continue
        found = json.loads(line[6:])
        if found.get("choices") and found["choices"][0]["delta"].get("content") and first is None:
            first = time.perf_counter() - began
        if found.get("usage"):
            count = int(found["usage"]["completion_tokens"])
    whole = time.perf_counter() - began
    return first if first is not None else whole, whole, count


def measure(name: str, server: tuple[str, psutil.Process], model: str, at_once: int, tokens: int, rounds: int) -> None:
    url, process = server
    questions = [f"{QUESTIONS[n % len(QUESTIONS)]} ({n})" for n in range(at_once * rounds)]
    ask(url, model, QUESTIONS[0], tokens)
    began, spent = time.perf_counter(), sum(process.cpu_times()[:2])
    with ThreadPoolExecutor(at_once) as pool:
        found = list(pool.map(lambda q: ask(url, model, q, tokens), questions))
    seconds, spent = time.perf_counter() - began, sum(process.cpu_times()[:2]) - spent
    show(name, at_once, [f for f, _, _ in found], sum(n for _, _, n in found), seconds, spent)


def show(name: str, at_once: int, first: Sequence[float], tokens: int, seconds: float, spent: float) -> None:
    """spent: seconds of processor."""
    print(
        f"{name:28} {at_once:3} at once   first token {1000 * statistics.median(first):8.1f} ms   "
        f"{tokens / seconds:8.1f} tokens/s   {1000 * spent / tokens:7.2f} ms of processor a token   "
        f"{tokens / len(first):5.1f} tokens an answer   n = {len(first)}",
        flush=True,
    )


def loop(model: Any, tokens: int, rounds: int) -> None:
    """transformers' own `generate`, one question after the other."""
    from transformers.generation.streamers import BaseStreamer

    class First(BaseStreamer):  # type: ignore[misc]
        def __init__(self) -> None:
            self.seen: list[float] = []

        def put(self, value: Any) -> None:
            self.seen.append(time.perf_counter())  # the prompt itself comes first

        def end(self) -> None:
            pass

    import torch

    from understudy.models.chat import encode, render
    from understudy.types import Message

    firsts, count, began, spent = [], 0, time.perf_counter(), time.process_time()
    for n in range(rounds):
        ids = torch.tensor(
            [encode(model.tokenizer, render(model.tokenizer, [Message("user", f"{QUESTIONS[n % 7]} ({n})")]))]
        )
        watch, start = First(), time.perf_counter()
        with torch.inference_mode():
            out = model.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
                streamer=watch, pad_token_id=model.tokenizer.pad_token_id,
            )  # fmt: skip
        firsts.append(watch.seen[1] - start)
        count += out.shape[1] - ids.shape[1]
    show("transformers, a plain loop", 1, firsts, count, time.perf_counter() - began, time.process_time() - spent)


def engine(reference: str, tokens: int, rounds: int) -> None:
    """Processor time a token of the server's engine, without HTTP, beside transformers' own `generate`.

    It hangs less on what else the machine does than tokens a second do. The loop counts the token that ends an answer.
    """
    import torch

    from understudy.models.chat import encode, render
    from understudy.models.reader import Turn
    from understudy.types import Message

    model = understudy.load_model(reference, device="cpu")
    turns = [Message("user", "Which port does the server listen on? Say all that you know about it.")]
    ids = torch.tensor([encode(model.tokenizer, render(model.tokenizer, turns))])

    def plain(_: int) -> int:
        with torch.inference_mode():
            out = model.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
                pad_token_id=model.tokenizer.pad_token_id,
            )  # fmt: skip
        return int(out.shape[1] - ids.shape[1])

    def together(rows: int) -> int:
        come = [[Turn(turns, tokens, 0.0, ()) for _ in range(rows)]]
        written = model.converse(lambda: come.pop() if come else [], gone=lambda _: False)
        return sum(done.completion_tokens for _, _, done in written if done is not None and hasattr(done, "text"))

    print(
        f"{reference}, {torch.get_num_threads()} threads, {ids.shape[1]} tokens of prompt, load average",
        os.getloadavg(),
    )
    for name, write, rows in (
        ("transformers, a plain loop", plain, 1),
        ("engine", together, 1),
        ("engine", together, 8),
    ):
        write(rows)
        spent, count = [], 0
        for _ in range(rounds):
            began = time.process_time()
            count = write(rows)
            spent.append(1000 * (time.process_time() - began) / count)
        print(f"{name:28} {rows} at once   {count} tokens   {statistics.median(spent):7.2f} ms of processor a token "
              f"({min(spent):.2f} to {max(spent):.2f}, n = {rounds})")  # fmt: skip


def written(folder: Path) -> Path:
    """The bundled reader as an F16 file, under the rule for words that comes nearest to its own."""
    import dataclasses

    from understudy.export import gguf_file, vocabulary
    from understudy.models.load import load_tokenizer
    from understudy.models.resolve import local_folder

    source = local_folder("lab:reader")
    config = json.loads((source / "config.json").read_text())
    found = vocabulary.read(source, load_tokenizer(source), config)
    gguf_file.write(
        source, dataclasses.replace(found, pre=found.pre or "gpt-2"), folder / "reader-f16.gguf", name="reader"
    )
    return folder / "reader-f16.gguf"


def speed(gguf: Path | None, python: str, tokens: int, rounds: int) -> None:
    threads = int(os.environ.get("OMP_NUM_THREADS") or 2)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        file = gguf or written(folder)
        reference = f"gguf:{file}"
        load = os.getloadavg()[0]
        print(f"{file.name}, {threads} threads, answers of at most {tokens} tokens, load average {load:.1f} before")
        with served(folder, reference) as server:
            for at_once in AT_ONCE:
                measure("understudy serve", server, "bench/base", at_once, tokens, rounds)
        if subprocess.run([python, "-c", "import xllamacpp"], capture_output=True, check=False).returncode:
            print("llama.cpp's server: not measured, xllamacpp is not installed (--llama names a Python that has it)")
        else:
            with started([python, "-c", _LLAMA, str(file), str(max(AT_ONCE)), str(threads)]) as server:
                for at_once in AT_ONCE:
                    measure("llama.cpp's server", server, "any", at_once, tokens, rounds)
        loop(understudy.load_model(reference, device="cpu"), tokens, 4 * rounds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default="speed", choices=("load", "speed", "engine"))
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--llama", default=sys.executable)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=4)
    asked = parser.parse_args()
    if asked.what == "load":
        return 0 if load(asked.minutes, asked.clients) else 1
    if asked.what == "engine":
        engine(f"gguf:{asked.gguf}" if asked.gguf else "lab:reader", asked.tokens, asked.rounds)
        return 0
    speed(asked.gguf, asked.llama, asked.tokens, asked.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
