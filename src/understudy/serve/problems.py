"""Errors as OpenAI's clients read them: `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from typing import Any

from understudy.errors import UnderstudyError
from understudy.redact import redact


class Problem(Exception):
    """A request that is refused. status: the HTTP status. retry_after: seconds after which to try again."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.param = param
        self.code = code
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        said = {"message": redact(str(self)), "type": self.kind, "param": self.param, "code": self.code}
        return {"error": said}


def problem_of(error: BaseException) -> Problem:
    """What a client is told of an error; nothing of what happened inside where it is not the client's affair."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, UnderstudyError):
        return Problem(400, str(error))
    return Problem(500, "the server failed to answer; its log says why", kind="server_error")
