"""Clients as users have them, each against a real server.

langchain-openai and LlamaIndex run in the Python that UNDERSTUDY_CLIENTS names, lm_eval in that of
UNDERSTUDY_LM_EVAL_PYTHON (else in this one, where they are installed); npm fetches OpenAI's client for JavaScript.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serve.conftest import serve

import understudy
from understudy.models.resolve import local_folder
from understudy.types import Message

CLIENTS = Path(__file__).with_name("clients")
QUESTION = "What is the default of --flag-3?"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The bundled reader over a page, served: a model that writes words."""
    folder = tmp_path_factory.mktemp("clients")
    (folder / "docs").mkdir()
    rows = "".join(f"The default of `--flag-{n}` is {100 + n}. It limits the queue number {n}.\n\n" for n in range(8))
    (folder / "docs" / "guide.md").write_text(f"# Guide\n\n{rows}")
    recipe = {
        "name": "handbook",
        "base_model": "lab:reader",
        "docs": {"path": str(folder / "docs")},
        "chunk": {"chunk_size": 60, "chunk_overlap": 0},
        "index": {"retriever": "bm25", "search": {"top_k": 2}},
    }
    yield from serve(understudy.run(recipe, store=folder / "store"))


@functools.cache
def python_with(variable: str, module: str) -> str:
    """The Python that has a module; skips where there is none."""
    python = os.environ.get(variable) or sys.executable
    if subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode:
        pytest.skip(f"{module} is not installed; {variable} can name a Python that has it")
    return python


def seen_by(*command: str, cwd: Path | None = None) -> Any:
    """What a client printed last, as JSON."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=variables, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def said_inside(serving: Any, *turns: Message, limit: int = 24) -> str:
    """What the model writes for a conversation, in process; never nothing, or nothing would be compared."""
    text = serving.served.answerer("base").reader.generate([turns], max_tokens=limit)[0].text.strip()
    assert text
    return str(text)


def quoted(told: str) -> str:
    """The sentence of the documentation that a small model's answer is told by."""
    found = re.match(r'The documentation says: "(.+?)" \[\d\]', told)
    assert found
    return found[1]


def test_langchain(serving: Any) -> None:
    python = python_with("UNDERSTUDY_CLIENTS", "langchain_openai")
    seen = seen_by(python, str(CLIENTS / "langchain_client.py"), serving.url, "handbook/base", QUESTION)
    user = Message("user", QUESTION)
    assert seen["whole"] == said_inside(serving, Message("system", "Be brief."), user)
    assert seen["usage"]["output_tokens"] > 0
    assert seen["reason"] in ("stop", "length")
    assert seen["streamed"].strip() == seen["alone"] == seen["batch"][0] == said_inside(serving, user)
    assert seen["pieces"] > 2
    assert "no embedding model" in seen["refused"]


def test_llama_index(serving: Any) -> None:
    python = python_with("UNDERSTUDY_CLIENTS", "llama_index.llms.openai_like")
    seen = seen_by(python, str(CLIENTS / "llama_index_client.py"), serving.url, "handbook", QUESTION)
    prompt = serving.served.answerer("base+rag").prepare(QUESTION)
    assert quoted(seen["whole"]) in prompt.messages[-1].content
    assert seen["citations"] == 2
    assert seen["streamed"].strip() == seen["whole"]
    reader = serving.served.answerer("base").reader
    ids = reader.tokenizer("The port")["input_ids"]
    [(written, _)] = reader.continue_tokens([ids], max_tokens=24)
    assert seen["raw"] == reader.tokenizer.decode(written, skip_special_tokens=True)


def test_openai_for_javascript(serving: Any, tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm is not installed")
    installed = os.environ.get("UNDERSTUDY_NODE_MODULES")
    if installed:
        (tmp_path / "node_modules").symlink_to(installed)
    else:
        fetch = [
            npm,
            "install",
            "--no-audit",
            "--no-fund",
            "--silent",
            "--fetch-retries=0",
            "--fetch-timeout=20000",
            "openai",
        ]
        if subprocess.run(fetch, cwd=tmp_path, capture_output=True, timeout=120, check=False).returncode:
            pytest.skip("npm cannot fetch the package openai here")
    shutil.copyfile(CLIENTS / "openai_client.mjs", tmp_path / "client.mjs")
    seen = seen_by(node, "client.mjs", serving.url, "handbook", QUESTION, cwd=tmp_path)
    assert seen["models"] == ["handbook", "handbook/base+rag", "handbook/base"]
    assert seen["whole"] == seen["streamed"].strip() == seen["helper"].strip()
    prompt = serving.served.answerer("base+rag").prepare(QUESTION)
    assert quoted(seen["whole"]) in prompt.messages[-1].content
    assert seen["citations"] == 2
    assert seen["usage"]["completion_tokens"] > 0
    assert seen["id"] == seen["header"] != ""
    refused = seen["refused"]
    assert (refused["kind"], refused["status"], refused["code"]) == ("NotFoundError", 404, "model_not_found")
    assert refused["id"]
    assert seen["raw"]


@pytest.mark.slow
def test_lm_eval_measures_through_the_server_what_it_measures_in_process(serving: Any, tmp_path: Path) -> None:
    python = python_with("UNDERSTUDY_LM_EVAL_PYTHON", "lm_eval")
    script = str(CLIENTS / "lm_eval_client.py")
    seen = seen_by(python, script, serving.url, "handbook/base", str(local_folder("lab:reader")), str(tmp_path))
    for (served, greedy), (inside, greedy_inside) in zip(seen["served"], seen["inside"], strict=True):
        assert served == pytest.approx(inside, abs=1e-3)
        assert greedy == greedy_inside
    served, inside = seen["rolling"]
    assert served == pytest.approx(inside, abs=1e-3)
    (through_text,), (within_text,) = seen["written"]
    assert through_text
    assert within_text.startswith(through_text)  # lm_eval's own engine writes on beyond max_gen_toks
    through, within = seen["tasks"]
    assert through["acc"] == within["acc"]
    for a, b in zip(through["scores"], within["scores"], strict=True):
        assert a == pytest.approx(b, abs=1e-3)
    assert seen["chat"] == [said_inside(serving, Message("user", "Which port?"), limit=8)]
