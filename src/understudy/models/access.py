"""Where a served model is and which key opens it: checked before anything is sent."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from understudy.errors import InputError
from understudy.models.anthropic import AnthropicMessages
from understudy.models.chat_completions import ChatCompletions
from understudy.models.wire import Wire

WIRES: dict[str, Wire] = {wire.scheme: wire for wire in (ChatCompletions(), AnthropicMessages())}
_SECRET_FIELD = re.compile(r"key|token|secret|passw|pwd|sig(?:nature)?$|auth|credential|^code$", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:sk|pk|rk|gsk|hf|xai|ghp|pplx|nvapi|r8)[-_][A-Za-z0-9_-]{12,}|AIza[\w-]{20,}|eyJ[\w-]{16,}\.)"
)
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Access:
    """Address and key of an endpoint. key is empty where none is set."""

    base_url: str
    key: str

    def __repr__(self) -> str:
        return f"Access(base_url={self.base_url!r})"


def find(wire: Wire, model: str, base_url: str | None) -> Access:
    """The endpoint of a model reference. Raises InputError for a key that is missing or cannot be one."""
    key = read_key(wire.key_variable)
    own = base_url or os.environ.get(wire.url_variable, "").strip()
    if not key and not own:
        raise InputError(missing_key(wire, model))
    if own and not base_url:
        own = check_address(own, wire.url_variable, wire.key_variable)
    return Access((own or wire.default_url).rstrip("/"), key)


def missing(*references: str) -> tuple[str, ...]:
    """What stands between these model references and their endpoints: keys that are not set, or can be none."""
    found: dict[str, None] = {}
    for reference in references:
        scheme, _, name = reference.partition(":")
        wire = WIRES.get(scheme)
        if wire is None:
            continue
        model, _, address = name.partition("@http")
        try:
            find(wire, model, f"http{address}" if address else None)
        except InputError as error:
            found[str(error)] = None
    return tuple(found)


def missing_key(wire: Wire, model: str) -> str:
    """What to say where the default endpoint has no key."""
    return (
        f"model '{wire.scheme}:{model}': no key; export {wire.key_variable}=..., or name your own endpoint: "
        f"{wire.scheme}:{model}@http://127.0.0.1:8000/v1"
    )


def read_key(variable: str) -> str:
    """The key in an environment variable, trimmed; empty where there is none.

    Raises InputError, without the key in it, for one that no request can carry.
    """
    key = os.environ.get(variable, "").strip()
    if len(key) > 1 and key[0] == key[-1] and key[0] in "'\"":
        key = key[1:-1].strip()  # a file of settings was read with its quotes
    if key.lower().startswith("bearer "):
        key = key[7:].strip()
    if key and not _KEY.fullmatch(key):
        odd = "a line break" if re.search(r"[\r\n]", key) else "a blank" if re.search(r"\s", key) else "an odd letter"
        raise InputError(f"{variable}: holds {odd} within the key, so it is none; copy the key anew and export it")
    return key


def check_address(url: str, where: str, key_variable: str) -> str:
    """An http address without a secret in it, without a fragment and a closing slash.

    where: what to call it in a message. Raises InputError; the message never holds the address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    del port
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", url):
        raise InputError(f"{where}: not an address; write it as http://host:port/v1 or https://host/v1")
    fields = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    held = (
        "a user name or a password" if parts.username or parts.password
        else "a key" if any(_SECRET_FIELD.search(name) for name in fields) or looks_secret(url)
        else ""
    )  # fmt: skip
    if held:
        # A reference stands in recipes, manifests and cache keys: no place for a secret.
        raise InputError(f"{where}: the address must not hold {held}; put it into {key_variable} instead")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), parts.query, ""))


def looks_secret(text: str) -> bool:
    """Whether a text holds what is written like an API's key."""
    return _SECRET_VALUE.search(unquote(text)) is not None
