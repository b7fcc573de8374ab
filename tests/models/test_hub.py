"""The real hub loading code against a small hub on loopback, in processes of its own (HF_ENDPOINT is read at start)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

COMMIT = "a" * 40
OLDER = "b" * 40


@dataclass
class Hub:
    """A hub with one repository (`acme/tiny`) as model and data set, one gated and one that breaks off."""

    files: dict[str, bytes]
    url: str = ""
    requests: list[str] = field(default_factory=list)

    def answer(self, path: str, authorised: bool) -> tuple[int, dict[str, str], bytes]:
        path = path.partition("?")[0]
        self.requests.append(path)
        if "acme/gated" in path and not authorised:
            return self._error(403, "GatedRepo", "Access to model acme/gated is restricted")
        if "acme/tiny" not in path and "acme/gated" not in path:
            return self._error(401, "RepoNotFound", "Repository not found")
        if path.startswith("/api/"):
            rest = path.removeprefix("/api/").partition("/")[2]
            action, _, revision = rest.removeprefix("acme/tiny/").removeprefix("acme/gated/").partition("/")
            commit = {"main": COMMIT, "v1": OLDER, COMMIT: COMMIT, OLDER: OLDER}.get(revision)
            if commit is None:
                return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            if action == "revision":
                listed = [{"rfilename": name} for name in self.files]
                return self._json({"id": "acme/tiny", "sha": commit, "siblings": listed, "private": False})
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in self.files.items()
            ]
            return self._json(tree)
        name = path.partition("/resolve/")[2].partition("/")[2]
        if name not in self.files:
            return self._error(404, "EntryNotFound", "Entry not found")
        commit = path.partition("/resolve/")[2].partition("/")[0]
        data = self.files[name]
        return 200, {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}, data

    @staticmethod
    def _json(value: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()

    @staticmethod
    def _error(status: int, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
        return status, {"X-Error-Code": code, "X-Error-Message": message}, json.dumps({"error": message}).encode()


@pytest.fixture
def hub(tiny_model: Path) -> Iterator[Hub]:
    files = {p.name: p.read_bytes() for p in tiny_model.iterdir()}
    files |= {"pytorch_model.bin": b"a pickle", "onnx/model.safetensors": b"another engine's"}
    files["train.jsonl"] = b'{"prompt": "Hi", "completion": "Hello"}\n'
    state = Hub(files)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._send(body=False)

        def do_GET(self) -> None:
            self._send(body=True)

        def _send(self, *, body: bool) -> None:
            status, headers, data = state.answer(self.path, "Authorization" in self.headers)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def call(hub: Hub, tmp_path: Path) -> Any:
    """Evaluate an expression over `resolve` in a new process with the hub's address and an empty cache."""

    def run(expression: str, **environment: str) -> str:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
        settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        code = (
            "from understudy.models import resolve\nfrom understudy.errors import UnderstudyError\n"
            f"try:\n    print({expression})\nexcept UnderstudyError as error:\n"
            "    print(type(error).__name__ + ': ' + str(error))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**clean, **settings, **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def test_a_model_is_downloaded_once_and_then_found_without_the_network(hub: Hub, call: Any, tiny_model: Path) -> None:
    assert call("resolve.identity('hf:acme/tiny')") == "None"
    folder = Path(call("resolve.local_folder('hf:acme/tiny')"))
    assert folder.name == COMMIT
    assert (folder / "model.safetensors").read_bytes() == (tiny_model / "model.safetensors").read_bytes()
    assert not (folder / "pytorch_model.bin").exists()  # no pickle is even downloaded
    assert not (folder / "onnx").exists()
    asked = len(hub.requests)
    assert call("resolve.local_folder('hf:acme/tiny')") == str(folder)
    assert call("resolve.local_folder('hf:acme/tiny')", HF_HUB_OFFLINE="1") == str(folder)
    assert len(hub.requests) == asked
    assert call("resolve.identity('hf:acme/tiny')") == f"hf:acme/tiny@{COMMIT}"
    assert call("resolve.tokenizer_identity('hf:acme/tiny')") == f"hf:acme/tiny@{COMMIT}"


def test_files_in_subfolders_are_fetched_where_asked_for(hub: Hub, call: Any) -> None:
    hub.files["1_Pooling/config.json"] = b'{"pooling_mode_cls_token": true}'
    folder = Path(call("resolve.local_folder('hf:acme/tiny')"))
    assert not (folder / "1_Pooling").exists()
    assert call("resolve.local_folder('hf:acme/tiny', nested=True)") == str(folder)
    assert (folder / "1_Pooling" / "config.json").is_file()
    assert not (folder / "onnx").exists()
    asked = len(hub.requests)
    assert call("resolve.local_folder('hf:acme/tiny', nested=True)") == str(folder)
    assert len(hub.requests) == asked


def test_a_revision_names_its_own_commit(call: Any) -> None:
    assert Path(call("resolve.local_folder('hf:acme/tiny@v1')")).name == OLDER
    assert call("resolve.identity('hf:acme/tiny@v1')") == f"hf:acme/tiny@{OLDER}"
    assert call(f"resolve.identity('hf:acme/tiny@{COMMIT}')") == f"hf:acme/tiny@{COMMIT}"
    missing = call("resolve.local_folder('hf:acme/tiny@v9')")
    assert missing.startswith("ModelError: model 'hf:acme/tiny@v9': no revision 'v9'")


def test_a_broken_off_download_is_resumed(hub: Hub, call: Any) -> None:
    folder = Path(call("resolve.local_folder('hf:acme/tiny')"))
    (folder / "model.safetensors").unlink()
    offline = call("resolve.local_folder('hf:acme/tiny')", HF_HUB_OFFLINE="1")
    assert offline.startswith("ModelError: model 'hf:acme/tiny': not complete in the local cache")
    assert Path(call("resolve.local_folder('hf:acme/tiny')")) == folder
    assert (folder / "model.safetensors").is_file()


def test_gated_models_say_how_to_get_them(hub: Hub, call: Any) -> None:
    refused = call("resolve.local_folder('hf:acme/gated')")
    assert refused.startswith("ModelError: model 'hf:acme/gated': its owner asks")
    assert f"{hub.url}/acme/gated" in refused
    assert "HF_TOKEN" in refused
    secret = "hf_abcdefghijklmnop"
    accepted = call("resolve.local_folder('hf:acme/gated')", HF_TOKEN=secret)
    assert Path(accepted).name == COMMIT
    assert secret not in accepted


def test_missing_and_unreachable_are_told_apart(call: Any) -> None:
    missing = call("resolve.local_folder('hf:acme/nothing')")
    assert missing.startswith("ModelError: model 'hf:acme/nothing': not on http://127.0.0.1")
    closed = call("resolve.local_folder('hf:acme/tiny')", HF_ENDPOINT="http://127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be reached" in closed
    assert "HF_ENDPOINT" in closed
    offline = call("resolve.local_folder('hf:acme/tiny')", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids the network" in offline


def test_a_data_set_is_found_in_the_same_way(call: Any) -> None:
    folder = Path(call("resolve.dataset_folder('hf:acme/tiny')"))
    assert (folder / "train.jsonl").is_file()
    assert not (folder / "model.safetensors").exists()
