"""The guard around the network: what it refuses, what it allows, and who inherits it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from understudy import network
from understudy.errors import NetworkRefused
from understudy.models.hosts import contacts, hosts_of
from understudy.recipe import parse

ROOT = Path(__file__).resolve().parents[1]


def python(code: str, **env: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **env},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_host_that_nobody_named_is_neither_looked_up_nor_connected_to() -> None:
    with network.only(["docs.example"]):
        with pytest.raises(NetworkRefused, match=r"'telemetry\.example'.*may be reached: docs\.example"):
            socket.getaddrinfo("telemetry.example", 443)
        with pytest.raises(NetworkRefused):
            socket.gethostbyname("notdocs.example")
        with pytest.raises(NetworkRefused):
            socket.create_connection(("192.0.2.7", 80), timeout=1)
        with pytest.raises(NetworkRefused), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"x", ("192.0.2.7", 53))


def test_this_machine_and_named_hosts_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, network.only([]):
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5).close()
        one, other = socket.socketpair()
        one.close()
        other.close()
    asked: list[object] = []
    monkeypatch.setattr(network, "_is_here", lambda host: asked.append(host) or False)
    with network.only(["Docs.Example."]):
        for name in ("docs.example", "FILES.docs.example."):
            with pytest.raises(OSError) as caught:
                socket.getaddrinfo(name, 443)
            assert not isinstance(caught.value, NetworkRefused), name  # it was tried; there is no such name
    assert asked


def test_an_address_counts_once_an_allowed_name_led_to_it() -> None:
    printed = python("""
        import socket
        def look_up(host, port, *rest, **named):
            import sys
            sys.audit("socket.getaddrinfo", host, port, 0, 0, 0)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.9", port))]
        socket.getaddrinfo = look_up
        from understudy import network
        from understudy.errors import NetworkRefused
        def try_it(address):
            with socket.socket() as s:
                s.settimeout(0.05)
                try:
                    s.connect(address)
                except NetworkRefused:
                    return "refused"
                except OSError:
                    return "tried"
        with network.only(["api.example"]):
            print(try_it(("192.0.2.9", 9)))
            socket.getaddrinfo("api.example", 9)
            print(try_it(("192.0.2.9", 9)), try_it(("192.0.2.10", 9)))
        with network.only([]):
            print(try_it(("192.0.2.9", 9)))
    """)
    assert printed.split() == ["refused", "tried", "refused", "refused"]


def test_nothing_is_held_back_outside_of_a_run() -> None:
    with network.only([]):
        pass
    assert not network.held()
    with pytest.raises(OSError) as caught:
        socket.getaddrinfo("nowhere.invalid", 443)
    assert not isinstance(caught.value, NetworkRefused)


def test_processes_started_meanwhile_are_held_too() -> None:
    printed = python("""
        import subprocess, sys
        from understudy import network
        child = "import socket, understudy\\ntry:\\n    socket.getaddrinfo('a.invalid', 1)\\nexcept OSError as e:\\n" \\
            "    print(type(e).__name__)"
        with network.only(["b.example"]):
            subprocess.run([sys.executable, "-c", child], check=True)
        subprocess.run([sys.executable, "-c", child], check=True)
    """)
    assert printed.split() == ["NetworkRefused", "gaierror"]


def test_a_swallowed_refusal_leaves_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with network.only([]):
        for _ in range(3):
            with pytest.raises(NetworkRefused):
                socket.getaddrinfo("swallowed.example", 443)
    assert [r.message for r in caplog.records if "swallowed.example" in r.message] != []
    assert len([r for r in caplog.records if "swallowed.example" in r.message]) == 1


@pytest.mark.parametrize("first", ["import understudy", "import huggingface_hub.constants; import understudy"])
def test_telemetry_is_off_whatever_the_environment_says(first: str) -> None:
    printed = python(
        first + "\nfrom huggingface_hub import constants\nimport os\n"
        "print(constants.HF_HUB_DISABLE_TELEMETRY, os.environ['RAY_USAGE_STATS_ENABLED'], os.environ['DO_NOT_TRACK'])",
        HF_HUB_DISABLE_TELEMETRY="0",
        RAY_USAGE_STATS_ENABLED="1",
        DO_NOT_TRACK="",
    )
    assert printed.split() == ["True", "0", "1"]


def test_a_recipe_names_its_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_ENDPOINT", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    local = parse("name: x\nbase_model: lab:reader\ndocs: {path: d}\ngenerate: {}\nindex: {}\nsft: {}\n")
    assert local.contacts() == {}
    remote = parse(
        "name: x\nbase_model: hf:acme/small\ndocs: {path: d}\n"
        "generate: {teacher: 'openai:big@http://10.1.2.3:8000/v1'}\nindex: {embedder: 'hf:acme/words'}\n"
        "benchmark: {arms: [base, 'openai:gpt-4o+rag']}\n"
    )
    found = remote.contacts()
    assert found["10.1.2.3"] == ["generate.teacher"]
    assert found["api.openai.com"][0] == "benchmark.arms"
    assert {"base_model", "index.embedder"} <= set(found["huggingface.co"])
    assert set(found) == {"huggingface.co", "hf.co", "10.1.2.3", "api.openai.com"}


def test_the_environment_moves_hub_and_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/hub")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert hosts_of("hf:a/b@main")[0] == "mirror.example"
    assert hosts_of("openai:m") == ("127.0.0.1",)
    assert contacts({"docs": ["https://docs.example/x", "./folder", 3]}) == {"docs.example": ["docs"]}
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    assert "proxy.example" in network.proxies()
