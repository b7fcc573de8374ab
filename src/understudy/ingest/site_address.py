"""Addresses of a site: which belong to it, and the file's name under which a page is kept."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from understudy.ingest.formats import SUFFIXES

_PORTS = {"http": 80, "https": 443}
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f<>:\"\\|?*]")
_LONGEST_PART = 80
_SUFFIX_OF = {
    "text/html": ".html", "application/xhtml+xml": ".html", "text/markdown": ".md", "text/x-markdown": ".md",
    "text/plain": ".txt", "text/x-rst": ".rst", "text/asciidoc": ".adoc",
}  # fmt: skip
_AS_NAMED = frozenset({".md", ".markdown", ".mdx", ".rst", ".txt", ".adoc", ".asciidoc"})  # what `text/plain` may be


def plain(address: str, within: str = "") -> str:
    """An address as it is compared, seen from the page `within`: absolute, no fragment; empty where it is no page's."""
    try:
        parts = urlsplit(urljoin(within, address.strip()))
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    host = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    return urlunsplit((parts.scheme, host, parts.path.replace(" ", "%20") or "/", parts.query.replace(" ", "%20"), ""))


def host(address: str) -> tuple[str, int]:
    """Host and port of a plain address; http and https at their own ports are one."""
    parts = urlsplit(address)
    port = parts.port or _PORTS.get(parts.scheme, 0)
    return parts.hostname or "", 443 if port == 80 else port


def folder(address: str) -> str:
    """The path below which the pages of a site stand: that of its first page, up to the last `/`."""
    return urlsplit(address).path.rpartition("/")[0] + "/"


def below(address: str, folder: str) -> str:
    """The path of an address below a folder, as patterns see it."""
    return unquote(urlsplit(address).path.removeprefix(folder)) or "index"


def belongs(address: str, first: str) -> bool:
    """Whether an address stands on the host of the site's first page and in its folder."""
    return host(address) == host(first) and urlsplit(address).path.startswith(folder(first))


def suffix(kind: str, address: str) -> str:
    """The ending of the file for a content type; empty for what is not read."""
    own = PurePosixPath(urlsplit(address).path).suffix.lower()
    if kind in ("text/plain", "application/octet-stream", "") and own in _AS_NAMED:
        return own
    return _SUFFIX_OF.get(kind, "")


def file_name(address: str, folder: str, ending: str) -> str:
    """A relative path for a page: of safe characters, one for each address, which ends as its format does."""
    parts = urlsplit(address)
    path = unquote(parts.path.removeprefix(folder))
    names = [_safe(p) for p in path.split("/")]
    last = names.pop() or "index"
    own = PurePosixPath(last).suffix.lower()
    last = last.removesuffix(PurePosixPath(last).suffix) if own in SUFFIXES else last
    if parts.query:
        last += "-" + hashlib.sha256(parts.query.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    inside = [f"{name}_" if PurePosixPath(name).suffix.lower() in SUFFIXES else name for name in names if name]
    return "/".join([*inside, last + ending])


def _safe(name: str) -> str:
    name = _UNSAFE.sub("_", name)
    name = "_" + name[1:] if name.startswith(".") else name
    if len(name.encode("utf-8", "replace")) > _LONGEST_PART:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        name = name[:20] + "-" + digest + PurePosixPath(name).suffix[:10]
    return name
