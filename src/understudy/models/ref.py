"""One string names any model: `./folder`, `hf:org/name@revision`, `lab:reader`, `gguf:./x.gguf`, `openai:gpt-4o`,
`anthropic:claude-sonnet-4-5`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from understudy.errors import InputError, did_you_mean
from understudy.models.access import WIRES, check_address, looks_secret

Scheme = Literal["folder", "hf", "lab", "gguf", "openai", "anthropic"]
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9_+-]+):(?!//)(.*)", re.DOTALL)
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_LAB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A parsed model reference.

    name: the folder or file path, the hub's `org/name`, the bundled model's name, or the served model's name.
    revision: branch, tag or commit of a hub model; None means its default branch.
    base_url: address of the endpoint that serves it; None means the protocol's default.
    """

    scheme: Scheme
    name: str
    revision: str | None = None
    base_url: str | None = None

    @classmethod
    def parse(cls, text: str) -> ModelRef:
        """Read a reference. Raises InputError naming what is wrong and the forms there are."""
        text = text.strip()
        match = _PREFIX.fullmatch(text)
        if match is None:
            if not text:
                raise InputError("a model reference is empty; write ./folder, hf:org/name, lab:reader or another form")
            return cls("folder", text)
        scheme, rest = match.group(1).lower(), match.group(2).strip()
        known = [s for s in get_args(Scheme) if s != "folder"]
        if scheme not in known:
            forms = "./folder, " + ", ".join(f"{s}:…" for s in known)
            raise InputError(f"model '{text}': '{scheme}:' is not one of {forms}.{did_you_mean(scheme, known)}")
        if not rest:
            raise InputError(f"model '{text}': a name must follow '{scheme}:'")
        if scheme == "hf":
            return cls._hub(text, rest)
        if scheme in WIRES:
            return cls._served(scheme, rest)
        if scheme == "lab" and not _LAB_NAME.fullmatch(rest):
            raise InputError(f"model '{text}': write it as lab:name, for example lab:reader")
        return cls(scheme, rest)  # type: ignore[arg-type]  # checked against the literals above

    @classmethod
    def _hub(cls, text: str, rest: str) -> ModelRef:
        name, at, revision = rest.partition("@")
        if not _HUB_NAME.fullmatch(name) or (at and not revision):
            raise InputError(f"model '{text}': write it as hf:org/name or hf:org/name@revision")
        return cls("hf", name, revision or None)

    @classmethod
    def _served(cls, scheme: str, rest: str) -> ModelRef:
        key = WIRES[scheme].key_variable
        place = re.search(r"@(https?://.*)$", rest, re.IGNORECASE | re.DOTALL)
        name = rest[: place.start()] if place else rest
        if looks_secret(name):
            raise InputError(f"model '{scheme}:…': the name must not hold a key; put it into {key} instead")
        if place is None:
            return cls(scheme, rest)  # type: ignore[arg-type]  # a key of WIRES
        if not name:
            raise InputError(f"model '{scheme}:@…': write it as {scheme}:model@http://host:port/v1")
        url = check_address(place.group(1), f"model '{scheme}:{name}@…'", key)
        return cls(scheme, name, base_url=url)  # type: ignore[arg-type]

    def __str__(self) -> str:
        if self.scheme == "folder":
            return self.name
        tail = f"@{self.revision}" if self.revision else f"@{self.base_url}" if self.base_url else ""
        return f"{self.scheme}:{self.name}{tail}"
