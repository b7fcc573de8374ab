"""How a server behaves: what it lets in, and where its limits are."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from understudy.errors import InputError, UsageError
from understudy.redact import learn

_LONGEST_KEY = 4096  # bytes that are read of its file


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Limits and access.

    key: what clients must send as bearer; None lets everybody in, and is refused beyond this machine.
    queue: requests that may wait for one model. seconds: the most that one answer may take.
    slowest: seconds that a request may take to come, and that a client may leave a piece of a stream unread before its
    connection is closed. max_tokens: tokens of an answer where a request does not say. max_bytes: of a request's body.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    key: str | None = None
    queue: int = 64
    seconds: float = 300.0
    slowest: float = 60.0
    max_tokens: int = 256
    max_bytes: int = 4_000_000

    def check(self) -> None:
        """Raises UsageError where strangers could ask without a key."""
        if self.key is None and not is_loopback(self.host):
            raise UsageError(
                f"--host {self.host}: other machines could ask without a key; put one into a file and name it with "
                "--api-key-file, or serve on 127.0.0.1"
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_key(file: Path) -> str:
    """The key in a file, without the blanks around it. Raises InputError for none, or one of odd characters."""
    try:
        if not file.is_file():  # a pipe or device would never end
            raise OSError("it is no regular file")
        with file.open("rb") as opened:
            key = opened.read(_LONGEST_KEY).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--api-key-file {file}: cannot be read: {error}") from error
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(f"--api-key-file {file}: must hold one key of printable ASCII characters without blanks")
    learn("the server's key", key)
    return key
