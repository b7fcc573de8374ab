"""What may be reached: no library's telemetry, and no host that nobody named.

`silence` switches off what libraries report to their makers; it runs when `understudy` is imported, before any of
them. `only` holds this process and those it starts to a list of hosts: an audit hook (PEP 578) sees every look-up of
a name and every connection that Python makes and refuses the others. This machine itself is always allowed. Sockets
that a library opens in compiled code do not pass the hook; a proxy looks names up itself, so that only it is seen.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from understudy.errors import NetworkRefused

logger = logging.getLogger(__name__)

INHERITED = "UNDERSTUDY_HOSTS"  # the hosts that a parent process allows, for those it starts
_SILENCE = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, transformers, TRL, trackio, Gradio's hub calls
    "DISABLE_TELEMETRY": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # datasets
    "RAY_USAGE_STATS_ENABLED": "0",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "OTEL_SDK_DISABLED": "true",  # Ray
    "ANONYMIZED_TELEMETRY": "False",
    "VLLM_NO_USAGE_STATS": "1",
}
_LOOK_UPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_SENDING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")

_lock = threading.Lock()
_active: list[frozenset[str]] = []  # one entry for each `only` that is open; a host that one of them names is allowed
_found: set[str] = set()  # addresses that look-ups of allowed names gave
_told: set[str] = set()
_installed = False


def silence() -> None:
    """Switch telemetry off in this process and those it starts, whatever the environment says of it."""
    os.environ.update(_SILENCE)
    constants: Any = sys.modules.get("huggingface_hub.constants")
    if constants is not None:  # imported before us: it read the environment already
        constants.HF_HUB_DISABLE_TELEMETRY = True
    if os.environ.get(INHERITED) is not None:
        _install()
        with _lock:
            _active.append(frozenset(os.environ[INHERITED].split(",")) - {""})


@contextlib.contextmanager
def only(hosts: Iterable[str]) -> Iterator[None]:
    """Refuse every look-up and connection to a host that is not named here or by an `only` around this one.

    A name stands for its subdomains too. A refusal is NetworkRefused where it happens; a library that swallows it
    leaves a warning in the log. Processes started meanwhile are held to the same hosts.
    """
    _install()
    named = frozenset(h for h in map(_plain, hosts) if h)
    with _lock:
        _active.append(named)
        before = os.environ.get(INHERITED)
        os.environ[INHERITED] = ",".join(sorted(allowed()))
    try:
        yield
    finally:
        with _lock:
            _active.remove(named)
            _found.clear()
            if before is None:
                os.environ.pop(INHERITED, None)
            else:
                os.environ[INHERITED] = before


def allow(hosts: Iterable[str]) -> None:
    """Let this process and those it starts reach these hosts too, from now on; nothing to do where all are."""
    if not held():
        return
    with _lock:
        _active.append(frozenset(h for h in map(_plain, hosts) if h))
        os.environ[INHERITED] = ",".join(sorted(allowed()))


def allowed() -> frozenset[str]:
    """The hosts that this process may reach now; empty where there are none, or where nothing is held back."""
    return frozenset().union(*_active)


def held() -> bool:
    """Whether an `only` is open."""
    return bool(_active)


def host_of(url: str) -> str:
    """The host of an address, in lower case; empty where it has none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def is_here(host: str) -> bool:
    """Whether a host's name or address is this machine. What is asked of it must not go by way of a proxy."""
    return bool(host) and _is_here(_plain(host))


def proxies() -> frozenset[str]:
    """The hosts of the proxies that the environment names."""
    named = (os.environ.get(n) or os.environ.get(n.lower()) or "" for n in _PROXIES)
    return frozenset(h for value in named if (h := host_of(value if "//" in value else f"//{value}")))


# ── the hook ────────────────────────────────────────────────────────────────────────────────────────────


def _install() -> None:
    """Add the hook, once: Python has no way to take one away, so it does nothing while no `only` is open."""
    global _installed
    with _lock:
        if _installed:
            return
        _installed = True
    look_up = socket.getaddrinfo

    def getaddrinfo(*arguments: Any, **named: Any) -> Any:
        """As in `socket`; remembers what an allowed name leads to, since a connection knows the address alone."""
        answers = look_up(*arguments, **named)
        if _active:
            _found.update(_plain(a[4][0]) for a in answers)
        return answers

    socket.getaddrinfo = getaddrinfo
    sys.addaudithook(_watch)


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active or not event.startswith("socket."):
        return
    if event in _LOOK_UPS:
        address = arguments[0]
        host = address[0] if isinstance(address, tuple) and address else address
        _check(_plain(host))
    elif event in _SENDING:
        address = arguments[1]
        if isinstance(address, tuple) and address:  # a Unix socket's address is a path, a connected one's None
            _check(_plain(address[0]))


def _check(host: str) -> None:
    hosts = allowed()
    if _is_here(host) or host in _found or any(host == h or host.endswith(f".{h}") for h in hosts):
        return
    if hosts and host in proxies():
        return
    may = f"what may be reached: {', '.join(sorted(hosts))}" if hosts else "nothing beyond this machine may be reached"
    message = (
        f"{host!r}: refused, since nothing that was asked for names it; {may}. A recipe allows a host by naming it: a "
        "model hf:org/name, an endpoint openai:model@https://HOST/v1; see `understudy doctor --network`"
    )
    if host not in _told:  # a library may swallow the error
        _told.add(host)
        logger.warning("%s", message)
    raise NetworkRefused(message)


def _is_here(host: str) -> bool:
    """Whether a name or address is this machine."""
    if host in ("", "localhost", "localhost.localdomain", "ip6-localhost") or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == _plain(socket.gethostname())
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _plain(host: Any) -> str:
    """A host as it is compared: text in lower case without the root's dot; nothing means this machine."""
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode("ascii", "replace")
    return str(host or "").lower().rstrip(".").strip("[]")
