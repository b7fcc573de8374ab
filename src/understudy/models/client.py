"""A model that is asked for answers which are kept: nothing is asked twice, what cannot be read is asked for once more.

How an answer comes about is a subclass's affair: over the network (`openai`), or in this process (`local`).
"""

from __future__ import annotations

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from understudy.errors import TeacherError
from understudy.models.answers import parse_json, scrub, scrubbed, strict_schema, without_thoughts
from understudy.models.ledger import Ledger, Reply, Tokens, request_key
from understudy.models.throttle import Budget
from understudy.types import Message

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class RequestFailed(TeacherError):
    """One request got no usable answer; others may."""


class Unreachable(TeacherError):
    """The endpoint cannot be used at all: no connection, no permission, no such model."""


class NothingSaid(RequestFailed):
    """Every answer was empty."""


class NotKept(TeacherError):
    """The ledger does not hold the answer, and nothing was to be sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, with the most tokens that it can take."""

    key: str
    messages: tuple[Message, ...]
    params: Mapping[str, Any]
    schema: Any
    most: Tokens


class ModelClient(ABC):
    """A model behind a ledger.

    name: as messages call it. content: stands in the ledger for all that decides an answer besides the request; no
    secret, no path of this machine; None for the name. model: its own name. ledger: keeps answers. budget: a hard cap
    on money. concurrency: the most requests at once. held: whether an answer cannot but fit its schema. sent, used:
    requests and their tokens. only_kept: while True nothing is asked, and NotKept is raised instead.
    """

    held = False

    def __init__(
        self,
        name: str,
        model: str,
        *,
        content: str | None = None,
        ledger: Ledger | None,
        budget: Budget | None,
        concurrency: int,
    ) -> None:
        self.name, self.model, self.content = name, model, content or name
        self.ledger, self.budget, self.concurrency = ledger, budget, concurrency
        self.sent = 0
        self.used = Tokens()
        self.only_kept = False
        self._scope: str | None = None
        self._counted: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    @abstractmethod
    def _ask(self, request: Request) -> Reply:
        """The answer to a request that the ledger does not hold; it is in the ledger when it is returned."""

    @property
    def teacher(self) -> str:
        """What is written beside what it taught."""
        return self.model

    @property
    def doing(self) -> str:
        """How far it is with what is being written, in words; empty where that is not seen."""
        return ""

    @property
    def usd(self) -> float | None:
        """US dollars spent; None where the price is not known."""
        return None if self.budget is None else self.budget.spent

    @property
    def in_batches(self) -> int:
        """How many requests are in batches whose answers were not taken."""
        return 0 if self.ledger is None else sum(len(b.charges) for b in self.ledger.batches_under_way(self.content))

    def begin(self, scope: str) -> None:
        """Count against the budget all that was charged before for this piece of work, by whatever run."""
        self._scope = scope
        if self.ledger is not None:
            self._count(partial(self.ledger.charged, scope))

    def stop(self) -> None:
        """Send nothing more: what waits to be repeated gives up; requests under way are still answered."""
        self._stopped.set()

    def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float | None = None,
        stop: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None,
        template: str = "",
    ) -> Reply:
        """One reply, from the ledger where it was paid for before.

        schema: a JSON schema that the reply shall keep to. template: version of the prompt's text.
        Raises RequestFailed (also for a refusal, and for an answer that holds thoughts alone), Unreachable,
        BudgetSpent or NotKept; StoreError where the ledger cannot be written.
        """
        return self._usable(self.reply(messages, max_tokens, temperature, stop, schema, template))

    def reply(
        self, messages: Sequence[Message], max_tokens: int, temperature: float | None = None, stop: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None, template: str = "",
    ) -> Reply:  # fmt: skip
        """The same, a refusal or an answer without words included: its finish_reason says so."""
        return self._kept_or_asked(self._request(messages, max_tokens, temperature, stop, schema, template))

    def complete_json(self, messages: Sequence[Message], kind: type[M], **how: Any) -> M:
        """A reply as a pydantic object; see `complete_read`."""
        return self.complete_read(messages, lambda reply: parse_json(reply.text, kind), strict_schema(kind), **how)

    def complete_read(
        self, messages: Sequence[Message], read: Callable[[Reply], T], schema: Mapping[str, Any], **how: Any
    ) -> T:
        """What `read` makes of a reply. One that it cannot read is sent back once with what is wrong with it.

        read raises ValueError. Where the second reply cannot be read either, both are set aside and RequestFailed
        is raised; the next run asks again.
        """
        how = {"temperature": None, "stop": (), "template": "", **how}
        first = self._request(messages, schema=schema, **how)
        reply = self._usable(self._kept_or_asked(first))
        try:
            return read(reply)
        except ValueError as error:
            cut = " It was cut off: write less." if reply.finish_reason == "length" else ""
            wrong = f"That was not a valid answer: {str(error)[:400]}.{cut} Answer again with the JSON object alone."
        again = self._request(
            (*messages, Message("assistant", reply.text[-4000:]), Message("user", wrong)), schema=schema, **how
        )
        second = self._usable(self._kept_or_asked(again))
        try:
            return read(second)
        except ValueError as error:
            why = f"not the JSON that was asked for: {scrub(str(error))[:200]}"
            if self.ledger is not None:
                for request in (first, again):
                    self.ledger.set_aside(request.key, why)
            raise RequestFailed(f"{self.name}: {why}") from error

    # ── one request ─────────────────────────────────────────────────────────────────────────────────────

    def _request(
        self, messages: Sequence[Message], max_tokens: int, temperature: float | None, stop: Sequence[str],
        schema: Mapping[str, Any] | None, template: str,
    ) -> Request:  # fmt: skip
        params: dict[str, Any] = {"max_tokens": max_tokens}
        if temperature is not None:
            params["temperature"] = temperature
        if stop:
            params["stop"] = list(stop)
        texts = scrubbed(m.content for m in messages)
        asked = tuple(Message(m.role, text) for m, text in zip(messages, texts, strict=True))
        # A token is at least one byte, so this cannot be exceeded.
        longest = sum(len(m.content.encode()) + 16 for m in asked) + len(json.dumps(schema))
        key = request_key(self.content, asked, params, schema, template)
        return Request(key, asked, params, schema, Tokens(longest, max_tokens))

    def _kept_or_asked(self, request: Request) -> Reply:
        self._count_elsewhere(request.key)
        kept = self.ledger.get(request.key) if self.ledger is not None else None
        if kept is not None:
            return kept
        if self.only_kept:
            raise NotKept(f"{self.name}: the ledger does not hold this answer")
        return self._ask(request)

    def _count_elsewhere(self, key: str) -> None:
        """Count once what an answer cost that this work takes from other work."""
        if self.ledger is None or self.budget is None:
            return
        with self._lock:
            if key in self._counted:
                return
            self._counted.add(key)
        self._count(partial(self.ledger.charged_elsewhere, key, self._scope))

    def _count(self, charged: Callable[[bool], Tokens]) -> None:
        """Count what was charged one by one and in batches, each at its price."""
        if self.budget is None:
            return
        for batched in (False, True):
            tokens = charged(batched)
            self.budget.count(self.budget.cost(tokens.prompt, tokens.completion, batched))

    def _usable(self, reply: Reply) -> Reply:
        if reply.finish_reason == "refusal":
            raise RequestFailed(f"{self.name}: the model refused: {reply.text[:300]}")
        if not reply.text.strip() or (reply.finish_reason == "length" and not without_thoughts(reply.text)):
            raise RequestFailed(
                f"{self.name}: no answer, for thinking used up all {reply.completion_tokens} tokens; "
                "raise max_tokens (generate.remote.max_tokens), or let the model think less"
            )
        return reply
