"""Which hosts a recipe's values lead to: the hub, an API, a site. Light: reads text only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from understudy.errors import InputError
from understudy.models.access import WIRES
from understudy.models.ref import ModelRef
from understudy.network import host_of

HUB = "https://huggingface.co"
_HUB_FILES = ("huggingface.co", "hf.co")  # where the hub, and a mirror of it, send a download on to


def hosts_of(ref: str) -> tuple[str, ...]:
    """The hosts that a model reference, a data set's or an address leads to; none for what is on this machine."""
    if ref.startswith(("http://", "https://")):
        return _named(ref)
    if ref.partition(":")[0] not in ("hf", *WIRES):
        return ()
    try:
        parsed = ModelRef.parse(ref.rpartition("+")[0] if ref.startswith("hf:") and "+" in ref else ref)
    except InputError:
        return ()  # its own message says what is wrong with it
    if parsed.scheme == "hf":
        endpoint = host_of(os.environ.get("HF_ENDPOINT") or HUB)
        return tuple(dict.fromkeys(h for h in (endpoint, *_HUB_FILES) if h))
    wire = WIRES[parsed.scheme]
    return _named(parsed.base_url or os.environ.get(wire.url_variable) or wire.default_url)


def contacts(values: Any, others: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """host → the places in nested values that name it, for example {"api.openai.com": ["generate.teacher"]}.

    values: a resolved recipe, or any nesting of mappings and lists. others: further place → reference.
    """
    found: dict[str, list[str]] = {}
    for place, text in (*_texts(values), *(others or {}).items()):
        for host in hosts_of(text):
            places = found.setdefault(host, [])
            if place not in places:
                places.append(place)
    return found


def _named(url: str) -> tuple[str, ...]:
    host = host_of(url)
    return (host,) if host else ()


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        for item in value:
            yield from _texts(item, place)
