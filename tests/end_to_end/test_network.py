"""The whole quickstart, with its network watched by others than the program: not one look-up, not one connection."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUIET = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")

# Python imports this before anything else, in the command and in every Python process that it starts.
WATCH = """
import os, sys, traceback

def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"):
        host = arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host in (None, "", "localhost", "127.0.0.1", "::1", b"localhost"):
        return
    with open(os.environ["WATCHED"], "a") as log:
        log.write(f"{event} {host!r} by\\n" + "".join(traceback.format_stack(limit=25)))
    raise OSError("refused by the test")

sys.addaudithook(watch)
"""


def without_a_route() -> list[str]:
    """The words before a command that let it see no network at all; empty where this machine does not allow it."""
    words = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], capture_output=True).returncode:
        return []
    return words


def watched(tmp_path: Path, log: Path) -> dict[str, str]:
    """An environment in which every Python process notes in `log` what it would reach."""
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(WATCH)
    env = {name: value for name, value in os.environ.items() if name not in QUIET}
    paths = [str(tmp_path / "watch"), str(ROOT / "src")]
    return env | {"PYTHONPATH": os.pathsep.join(paths), "WATCHED": str(log), "HF_HOME": str(tmp_path / "hf")}


ROOMS = """
import contextlib, fcntl, json, re, signal, socket, struct, subprocess, sys, urllib.request
from understudy.cli import main

with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
    fcntl.ioctl(made, 0x8914, struct.pack("16sh14x", b"lo", 0x41))  # a new namespace's loopback is down

for words in (
    ["run", "recipe.yaml"],
    ["ask", "handbook", "Which port?"],
    ["chat", "handbook"],
    ["review", "handbook", "--list"],
    ["promote", "handbook", "--force"],
    ["watch", "recipe.yaml", "--once"],
    ["export", "handbook", "out", "--questions", "2"],
    ["mcp", "handbook"],
):
    sys.argv = ["understudy", *words]
    if code := main._run():
        sys.exit(f"{words}: {code}")

# What is served is asked one question, by a program on this machine, and stopped.
words = [sys.executable, "-u", "-m", "understudy.cli.main", "serve", "handbook", "--port", "0"]
server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
address = None
for line in server.stdout:
    if address := re.search(r"http://127\\.0\\.0\\.1:\\d+", line):
        break
if address is None:
    sys.exit("serve: says no address")
asked = {"model": "handbook", "messages": [{"role": "user", "content": "Which limit is number 3?"}], "max_tokens": 8}
request = urllib.request.Request(
    address[0] + "/v1/chat/completions", json.dumps(asked).encode(), {"Content-Type": "application/json"}
)
here = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with here.open(request, timeout=120) as answer:
    said = json.load(answer)
server.send_signal(signal.SIGINT)
server.stdout.close()
if server.wait(60) not in (0, 130):
    sys.exit(f"serve: exit code {server.returncode}")
with open("served.json", "w") as file:
    json.dump(said, file)
"""


def test_the_rooms_after_a_run_reach_nothing_either(tmp_path: Path, tiny_model: Path) -> None:
    log = tmp_path / "attempts.txt"
    (tmp_path / "docs").mkdir()
    rows = "".join(f"| `--flag-{n}` | {100 + n} | The limit number {n} of the server. |\n" for n in range(12))
    page = f"# Guide\n\n## Options\n\n| Option | Default | Description |\n|---|---|---|\n{rows}"
    (tmp_path / "docs" / "guide.md").write_text(page)
    (tmp_path / "recipe.yaml").write_text(
        f"name: handbook\nbase_model: {tiny_model}\ndocs: {{path: docs}}\nchunk: {{}}\ngenerate: {{n_items: 4}}\n"
        "index: {retriever: hybrid}\nbenchmark: {arms: [base, base+rag]}\n"
    )
    done = subprocess.run(
        [*without_a_route(), sys.executable, "-c", ROOMS],
        env=watched(tmp_path, log), cwd=tmp_path, capture_output=True, text=True, timeout=280,
        input="Which limit?\n\n" + '{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n',
    )  # fmt: skip
    attempts = log.read_text() if log.exists() else ""
    assert not attempts, attempts
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "parity.json").is_file()
    said = json.loads((tmp_path / "served.json").read_text())
    assert said["choices"][0]["message"]["role"] == "assistant"
    assert said["citations"], "the served run has looked nothing up"


def test_the_quickstart_neither_looks_a_name_up_nor_connects(tmp_path: Path, docs_folder: Path) -> None:
    log = tmp_path / "attempts.txt"
    env = watched(tmp_path, log)
    small = {
        "docs.path": docs_folder,
        "generate.n_items": 6,
        "index.retriever": "hybrid",  # so that the packaged embedder is in it
        "sft.method": "lora",
        "sft.r": 4,
        "sft.epochs": 1,
        "sft.dev_rows": 4,
        "sft.max_length": 256,
        "benchmark.arms": "[base, sft+rag]",
        "benchmark.general": "[]",
    }
    done = subprocess.run(
        [
            *without_a_route(),
            *(sys.executable, "-c", "from understudy.cli.main import main; main()"),
            *("run", str(ROOT / "recipes" / "quickstart.yaml"), "--store", str(tmp_path / "store")),
            *(word for name, value in small.items() for word in ("--set", f"{name}={value}")),
        ],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
    )
    attempts = log.read_text() if log.exists() else ""
    assert not attempts, attempts
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "store" / "runs" / "quickstart" / "1" / "report.html").is_file()
