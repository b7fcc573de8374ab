"""One page of a site over HTTP: a time for the whole answer, a bound on its size, no redirect followed by itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from understudy import network
from understudy.models.http import wait_for

AGENT = "understudy"
_ACCEPT = "text/html,text/markdown,text/plain;q=0.9,*/*;q=0.1"


class Unreachable(Exception):
    """No answer: no connection, too slow, broken off."""


class TooLarge(Exception):
    """An answer of more bytes than may be read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """status: the code. kind: the content type without its parameters. body: empty where it was not wanted."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def kind(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """The encoding that the content type names; empty where it names none."""
        found = re.search(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", self.headers.get("content-type", ""), re.IGNORECASE)
        return found[1].lower() if found else ""


class SiteClient:
    """Asks one site. url: any address of its host; seconds: for an answer as a whole; max_bytes: of its body."""

    def __init__(self, url: str, seconds: float, max_bytes: int) -> None:
        self.seconds, self.max_bytes = seconds, max_bytes
        by_proxy = not network.is_here(network.host_of(url))  # which knows nothing of this machine
        self._client = httpx2.AsyncClient(follow_redirects=False, timeout=seconds, trust_env=by_proxy)

    def __enter__(self) -> SiteClient:
        return self

    def __exit__(self, *_: object) -> None:
        wait_for(self._client.aclose())

    def get(self, address: str, headers: Mapping[str, str], max_bytes: int | None = None) -> Answer:
        """Ask for one address. Raises Unreachable and TooLarge; a redirect or an error's status is an answer."""
        try:
            return wait_for(self._get(address, headers, max_bytes or self.max_bytes))
        except TimeoutError:
            raise Unreachable(f"no whole answer within {self.seconds:g} seconds") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    async def _get(self, address: str, headers: Mapping[str, str], max_bytes: int) -> Answer:
        headers = {"User-Agent": AGENT, "Accept": _ACCEPT, **headers}
        async with asyncio.timeout(self.seconds), self._client.stream("GET", address, headers=headers) as response:
            given = {name.lower(): value for name, value in response.headers.items()}
            if response.status_code != 200:
                return Answer(response.status_code, given)
            read = bytearray()
            async for part in response.aiter_bytes():
                read += part
                if len(read) > max_bytes:
                    raise TooLarge(f"more than {max_bytes} bytes")
            return Answer(response.status_code, given, bytes(read))
