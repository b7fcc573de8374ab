"""Who may ask for what is the page's own: this server's page, or a program; no page of another place."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from fastapi import Request

from understudy.serve.problems import Problem

HERE = r"https?://(localhost|[\w-]+\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?"
"""Pages of this machine, by their origin."""


def own(request: Request) -> None:
    """Only this server's own page (or a program) may ask: pages of other places cannot read a run's findings.

    Raises Problem (403) where a browser says that the page is another place's.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign = origin is not None and _place(origin) != request.headers.get("host", "")
    if foreign if site is None else site not in ("same-origin", "none"):
        raise Problem(403, "only this server's own page may ask for this", code="other_origin")


def own_json(request: Request) -> None:
    """The same for what writes, which a form of another place could send: its body must call itself JSON. Raises
    Problem (403, 415)."""
    own(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "send the body as application/json", code="not_json")


def is_here(origin: str) -> bool:
    """Whether a page comes from this machine."""
    return re.fullmatch(HERE, origin, re.ASCII | re.IGNORECASE) is not None


def _place(origin: str) -> str | None:
    """Host and port of an origin; None where it is no address, such as `null`."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
