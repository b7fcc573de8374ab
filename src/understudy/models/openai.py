"""A served model, asked for answers: waiting, retrying, pacing, paying and keeping are done here, visibly.

The protocol (OpenAI's chat completions, Anthropic's messages) writes and reads the bodies. Keys come from the
environment and stay there.
"""

from __future__ import annotations

import contextlib
import math
import random
import threading
import time
from collections.abc import Mapping
from typing import Any, NoReturn

from understudy.models import access
from understudy.models.answers import scrub
from understudy.models.client import ModelClient, NothingSaid, Request, RequestFailed, Unreachable
from understudy.models.faults import Trouble, judge
from understudy.models.http import HttpClient, HttpReply, NoAnswer
from understudy.models.ledger import Ledger, Reply, Tokens
from understudy.models.throttle import Budget, Patience, Throttle
from understudy.models.wire import Garbled, Said, Usage, read_fault, retry_after
from understudy.redact import redact

_EMPTY = "an empty answer"
_LONGEST_BACKOFF = 120.0
_LONGEST_WAIT = 600.0  # an endpoint that asks to wait longer is asked again by the next run
_ADAPTATIONS = 8  # parameters that one request can learn to do without
_SHOWN = 20  # answers that show how many tokens a byte holds at most; none has held more than that by _MARGIN
_MARGIN = 1.25
_BELIEVED = 100  # times the most that a request can hold: above it a count of tokens is no count


class Endpoint(ModelClient):
    """A served model.

    protocol: `openai` or `anthropic`. ledger: keeps paid answers. budget: a hard cap on money. concurrency: the
    most requests at once. timeout: seconds for a whole answer. max_retries: further attempts after a refusal of
    pace, a server error or a timeout. backoff: the first wait in seconds, doubled each time; `Retry-After` is
    honoured where the endpoint sends it. Raises InputError for a missing or impossible key, or an address with one.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        *,
        protocol: str = "openai",
        ledger: Ledger | None = None,
        budget: Budget | None = None,
        concurrency: int = 8,
        timeout: float = 120.0,
        max_retries: int = 6,
        backoff: float = 0.5,
    ) -> None:
        self.wire = access.WIRES[protocol]
        found = access.find(self.wire, model, base_url)
        self.base_url = found.base_url
        name = f"{protocol}:{model}@{self.base_url}"
        super().__init__(name, model, ledger=ledger, budget=budget, concurrency=concurrency)
        self.client = HttpClient(found.base_url, self.wire.headers(found.key), timeout)
        self.throttle, self.patience = Throttle(concurrency), Patience(timeout)
        # Charged and not sent yet: few, for where the process is killed they count.
        self._next = threading.Semaphore(max(1, concurrency // 4))
        self.max_retries, self.backoff = max_retries, backoff
        self._dead: Unreachable | None = None
        self._answered = False
        self._dense = 0.0  # the most prompt tokens that came for a byte, and in how many answers it was looked for
        self._looked = 0
        self._unsupported: frozenset[str] = frozenset()  # parameters that this endpoint has refused

    @property
    def teacher(self) -> str:
        return f"{self.wire.scheme}:{self.model}"

    # ── one request ─────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, request: Request) -> Reply:
        problem, attempt, adapted = "", 0, 0
        while attempt <= self.max_retries:
            self._go_on()
            wait = min(_LONGEST_BACKOFF, self.backoff * 2**attempt) * (0.5 + random.random() / 2)
            patience = self.patience.seconds() if attempt == 0 else self.patience.timeout
            got = self._attempt(request, wait, patience)
            if isinstance(got, Reply):
                return got
            if got.again_without and adapted < _ADAPTATIONS:
                request, adapted = self._adapted(request, got), adapted + 1
                continue
            problem, wait = got.why, got.wait or wait
            attempt += 1
            if attempt <= self.max_retries:
                self._stopped.wait(wait)
        if not self._answered and problem.startswith("no connection"):
            self._give_up(f"{problem}. Start the server, or correct the address in the model reference")
        kind = NothingSaid if problem == _EMPTY else RequestFailed
        raise kind(f"{self.name}: {problem}, after {attempt} attempts")

    def _attempt(self, request: Request, wait: float, patience: float) -> Reply | Trouble:
        """Send once, and pay. A reply is in the ledger when it is returned."""
        bound = self._bound(request.most)
        most = self.budget.cost(bound.prompt, bound.completion) if self.budget is not None else 0.0
        if self.budget is not None:
            self.budget.reserve(most)
        spent = Tokens()
        charge: int | None = None
        outcome = "not sent"
        left_out = self._unsupported
        body = self.wire.body(self.model, request.messages, request.params, request.schema, left_out)
        try:
            with contextlib.ExitStack() as turn:
                with self._next:  # no turn is spent on waiting for the ledger
                    self._go_on()
                    if self.ledger is not None:
                        charge = self.ledger.charge(request.key, self._scope or "", self.model, bound)
                    started = turn.enter_context(self.throttle.slot())
                self._go_on()
                with self._lock:
                    self.sent += 1
                spent, outcome = bound, "sent"
                answer = self._posted(body, patience)
            # The turn is another's: what follows is this side's work.
            if isinstance(answer, NoAnswer):
                spent, outcome = (bound if answer.sent else Tokens()), str(answer)
                return self._paced(Trouble(outcome, end=answer.end), {}, started, wait)
            said, outcome = self._read(answer)
            spent = self._spent(said, request.most, bound)
            if said is not None and said.fault is None and (reply := self._conclusive(said, spent)) is not None:
                self.throttle.succeeded()
                self._answered = True
                if self.ledger is not None:
                    self.ledger.put(request.key, self.model, reply, charge)
                    charge = None
                return reply
            if said is None or said.fault is None:
                return Trouble(outcome)
            outcome = redact(f"{said.fault.status}: {said.fault.message}")
            trouble = judge(said.fault, request, left_out, self._answered, self.wire.key_variable)
            return self._paced(trouble, answer.headers, started, wait)
        finally:
            if self.ledger is not None and charge is not None:
                self.ledger.settle(charge, spent, redact(outcome))
            if self.budget is not None:
                self.budget.settle(most, self.budget.cost(spent.prompt, spent.completion))
            with self._lock:
                self.used = Tokens(self.used.prompt + spent.prompt, self.used.completion + spent.completion)

    def _posted(self, body: Mapping[str, Any], patience: float) -> HttpReply | NoAnswer:
        """What came back within `patience` seconds."""
        began = time.monotonic()
        try:
            answer = self.client.post(self.wire.path(self.base_url), body, patience)
        except NoAnswer as error:
            return error
        if answer.status < 400:
            self.patience.took(time.monotonic() - began)
        return answer

    def _read(self, answer: HttpReply) -> tuple[Said | None, str]:
        """What was said, and how the attempt ended in words. None: an answer that is not of the protocol."""
        if answer.status >= 400:
            usage = Usage()
            with contextlib.suppress(Garbled):
                usage = self.wire.read(answer.body).usage
            return Said(finish="error", usage=usage, fault=read_fault(answer.status, answer.body, answer.text)), ""
        try:
            said = self.wire.read(answer.body)
        except Garbled as error:
            begins = f": {redact(answer.text)[:80]}" if answer.body is None and answer.text else ""
            return None, f"an answer that is not of the chat protocol ({error}{begins})"
        return said, _EMPTY

    def _bound(self, most: Tokens) -> Tokens:
        """The most that a request can cost: a token a byte, until answers have shown how far below that prompts
        stay."""
        if self._looked < _SHOWN:
            return most
        return Tokens(min(most.prompt, math.ceil(_MARGIN * self._dense * most.prompt)), most.completion)

    def _spent(self, said: Said | None, most: Tokens, bound: Tokens) -> Tokens:
        """What an answer cost: as it says, or the most it can have cost where that is missing or cannot be."""
        if said is None:
            return bound
        usage = said.usage
        if said.fault is not None:
            return Tokens(usage.prompt or 0, usage.completion or 0)
        prompt, completion = usage.prompt, usage.completion
        if not prompt or prompt > _BELIEVED * most.prompt:
            prompt = bound.prompt
        else:
            with self._lock:
                self._dense, self._looked = max(self._dense, prompt / most.prompt), self._looked + 1
        if completion is None or completion > _BELIEVED * most.completion or (completion == 0 and said.text):
            completion = most.completion
        return Tokens(prompt, completion)

    def _conclusive(self, said: Said, spent: Tokens) -> Reply | None:
        """The reply, where asking again would bring nothing else. An empty one is tried again, unless it is all
        thought."""
        finish = "length" if said.finish == "length" else "refusal" if said.finish == "refusal" else "stop"
        if said.text.strip() or finish == "length":
            return Reply(scrub(said.text), finish, spent.prompt, spent.completion)
        return None

    def _paced(self, trouble: Trouble, headers: Mapping[str, str], started: float, wait: float) -> Trouble:
        """Give up, fail, or wait as the endpoint asks."""
        if trouble.end == "endpoint":
            self._give_up(trouble.why)
        if trouble.end == "request":
            self._fail(trouble.why)
        asked = retry_after(headers)
        if asked is not None and asked > _LONGEST_WAIT:
            self._fail(f"{trouble.why}; it asks to wait {asked / 60:.0f} minutes. Run the same command then")
        if trouble.pace:
            self.throttle.refused(started, asked if asked is not None else wait)
        return trouble.waiting(asked)

    def _adapted(self, request: Request, trouble: Trouble) -> Request:
        """The request as the endpoint can take it; the answer is kept under the key of what was asked."""
        if trouble.max_tokens is not None:
            params = {**request.params, "max_tokens": trouble.max_tokens}
            return Request(request.key, request.messages, params, request.schema, request.most)
        with self._lock:
            self._unsupported |= {trouble.again_without}
        return request

    def _go_on(self) -> None:
        """Raises Unreachable where nothing is to be sent any more."""
        if self._dead or self._stopped.is_set():
            raise self._dead or Unreachable(f"{self.name}: stopped")

    def _fail(self, why: str) -> NoReturn:
        raise RequestFailed(f"{self.name}: {redact(why)}")

    def _give_up(self, why: str) -> NoReturn:
        self._dead = Unreachable(f"{self.name}: {redact(why)}; then run the same command again.")
        raise self._dead
