"""A served model that is asked in batches: at half price, within a day. The ledger and its keys are those of requests
that are asked alone, so that what was paid in one way is not paid in the other.

Who asks is told at first that nothing is kept (NotKept); what was asked for is gathered. `answer` sends it, waits,
and puts the answers into the ledger, where asking again finds them.
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from understudy.errors import TeacherError
from understudy.models.batch_api import BATCHES, Look, Row
from understudy.models.batch_post import NotTaken, Post
from understudy.models.client import NotKept, Request, RequestFailed
from understudy.models.faults import judge
from understudy.models.ledger import Charge, Ended, Ledger, NotedBatch, Reply, Tokens
from understudy.models.openai import Endpoint
from understudy.models.wire import Fault
from understudy.redact import redact

logger = logging.getLogger(__name__)
FIRST_LOOK, SLOWEST_LOOK = 2.0, 60.0  # seconds between two looks at a batch
TOLD = 10.0  # seconds between two signs of life
_FORGIVEN = 3600.0  # seconds without a word of a batch
_UNKNOWN = 4  # looks at a batch that the endpoint does not know, before that is believed
_READS = 3  # of results that are not whole
_TRIES = 3  # batches that a request is put into, where it brings no answer
_ADAPTATIONS = 8
_AT_ONCE = 200  # answers that are committed together
_WORTH_IT = 10  # a batch that the cap on money cuts to less than this part of the largest is not sent


@dataclass(slots=True)
class _Open:
    """A batch under way. requests: those of it that are wanted, by key. aside: money set aside for it; None for a
    batch of an earlier run, which is counted as spent. others: what else it may be called there, where that is not
    sure. left_out: parameters that it was sent without."""

    noted: NotedBatch
    number: int
    requests: dict[str, Request]
    aside: float | None = None
    others: list[str] = field(default_factory=list)
    left_out: frozenset[str] = frozenset()
    done: int = 0
    unknown: int = 0
    heard: float = field(default_factory=time.monotonic)


class BatchedEndpoint(Endpoint):
    """A served model that is asked in batches; the settings are those of Endpoint."""

    def __init__(
        self, model: str, base_url: str | None = None, *, ledger: Ledger, protocol: str = "openai", **how: Any
    ) -> None:
        super().__init__(model, base_url, ledger=ledger, protocol=protocol, **how)
        self.notes, self.api = ledger, BATCHES[protocol]
        self.post = Post(
            self.name, self.content, self.client, self.api, self.wire.key_variable, ledger,
            self.max_retries, self.backoff, self._stopped,
        )  # fmt: skip
        self._wanted: dict[str, Request] = {}
        self._failed: dict[str, TeacherError] = {}
        self._queue: deque[Request] = deque()
        self._open: list[_Open] = []
        self._tries: Counter[tuple[str, str]] = Counter()
        self._number = 0  # of the last batch
        self._largest = 0  # of the batches that were sent
        self._most = self.api.most_requests
        self._side_by_side = 1000
        self._later = 0  # batches that are expected after these

    def _ask(self, request: Request) -> Reply:
        if request.key in self._failed:
            raise self._failed[request.key]
        self._wanted[request.key] = request
        raise NotKept(f"{self.name}: asked for in the next batch")

    @property
    def under_way(self) -> str:
        """The batches that the endpoint is working on, in words; empty where there are none."""
        names = [batch.noted.remote or "that was just sent" for batch in self._open]
        if not names:
            return ""
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        return f"batch {shown} goes on" if len(names) == 1 else f"batches {shown} go on"

    def answer(self, tell: Callable[[str], None], later: int = 0) -> None:
        """Get what was asked for answered: each request then has its reply in the ledger, or an error when it is asked
        for again.

        tell: is told how far it is, every few seconds. later: how often more will be asked for after this.
        Raises Unreachable where the endpoint takes no batch, fails one or loses it; what was answered is kept, and
        batches under way are found again by the next run.
        """
        wanted, self._wanted = self._wanted, {}
        self._later = later * max(1, math.ceil(len(wanted) / self._most))
        self._go_on_with(wanted)
        self._queue.extend(wanted.values())
        while self._queue or self._open:
            while self._queue and len(self._open) < self._side_by_side and self._send_next():
                pass
            if self._open:
                self._take(*self._next_over(tell))

    def collect(self) -> None:
        """Take the results of batches of earlier runs that are over, for who asks without batches; waits for none."""
        for noted in self.notes.batches_under_way(self.content):
            look = self.post.look(noted) if noted.remote else None
            if look is not None and look.state == "over":
                self._take(_Open(noted, 0, {}), replace(look, cancelled=False))

    # ── sending ─────────────────────────────────────────────────────────────────────────────────────────

    def _go_on_with(self, wanted: dict[str, Request]) -> None:
        """Take up the batches of earlier runs that hold what is wanted; what they hold is wanted no more."""
        for noted in self.notes.batches_under_way(self.content):
            held = {c.key: wanted[c.key] for c in noted.charges if c.key in wanted}
            if not held:
                continue
            batch = _Open(noted, 0, held)
            if not noted.remote:
                found = self.post.find(noted)
                if found is None:
                    logger.warning(
                        "generate: whether the endpoint took a batch of %d requests, at which an earlier run ended, is "
                        "not known; all that it can cost is counted, and they are asked for again",
                        len(noted.charges),
                    )
                    self.notes.settle_batch([], self.model, over=noted.number)
                    continue
                if not found:
                    self._cost_nothing(batch, "not taken")
                    continue
                batch.others = found
                batch.noted = self._named(noted, found[0])
            self._number += 1
            batch.number = self._number
            self._open.append(batch)
            for key in held:
                del wanted[key]

    def _named(self, noted: NotedBatch, remote: str) -> NotedBatch:
        self.notes.batch_is(noted.number, remote=remote)
        return replace(noted, remote=remote)

    def _send_next(self) -> bool:
        """Send the next batch; False where none can be sent before another is over."""
        name, left_out = uuid.uuid4().hex[:16], self._unsupported
        requests: list[Request] = []
        bounds: list[Tokens] = []
        lines: list[bytes] = []
        size, aside, dear = 0, 0.0, False
        while self._queue and len(requests) < self._most:
            request = self._queue[0]
            bound = self._bound(request.most)
            most = self._usd(bound)
            if self.budget is not None and not self.budget.fits(aside + most):
                dear = True
                break
            body = self.wire.body(self.model, request.messages, request.params, request.schema, left_out)
            line = self.api.line(f"{name}-{len(requests)}", body)
            if requests and size + len(line) + 2 > self.api.most_bytes:
                break
            size, aside = size + len(line) + 2, aside + most
            requests.append(self._queue.popleft())
            bounds.append(bound)
            lines.append(line)
        if dear and len(requests) * _WORTH_IT < max(1, self._largest):
            self._queue.extendleft(reversed(requests))
            return self._no_money()
        self._go_on()
        noted = self.notes.note_batch(
            name, self.content, self._scope or "", self.model,
            [(request.key, bound) for request, bound in zip(requests, bounds, strict=True)],
        )  # fmt: skip
        if self.budget is not None:
            self.budget.reserve(aside)
        batch = _Open(noted, self._number + 1, {r.key: r for r in requests}, aside=aside, left_out=left_out)
        self._open.append(batch)
        try:
            batch.noted, batch.others = self.post.deliver(noted, lines)
        except NotTaken:
            self._cost_nothing(batch, "not taken")
            raise
        self.sent += len(requests)
        self._number += 1
        self._largest = max(self._largest, len(requests))
        return True

    def _no_money(self) -> bool:
        """Fail what the cap leaves no room for: a request alone where none was sent yet, else all that waits. What
        batches under way leave of the money may do, when they are over."""
        if self.budget is None or self._open:
            return False
        for _ in range(len(self._queue) if self._largest else 1):
            self._failed[self._queue.popleft().key] = self.budget.no_room()
        return True

    def _usd(self, tokens: Tokens) -> float:
        return 0.0 if self.budget is None else self.budget.cost(tokens.prompt, tokens.completion, batched=True)

    # ── waiting ─────────────────────────────────────────────────────────────────────────────────────────

    def _next_over(self, tell: Callable[[str], None]) -> tuple[_Open, Look]:
        """Wait for a batch that is over, or failed."""
        pause = FIRST_LOOK
        while True:
            for batch in self._open:
                look = self._look(batch)
                if look is not None and look.state != "running":
                    return batch, look
            until = time.monotonic() + pause
            while (left := until - time.monotonic()) > 0:
                tell(self._how_far())
                self._stopped.wait(min(left, TOLD))
                self._go_on()
            pause = min(SLOWEST_LOOK, 1.5 * pause)

    def _look(self, batch: _Open) -> Look | None:
        look = self.post.look(batch.noted)
        if look is not None and look.code == "gone":
            batch.unknown += 1  # one that was just made may not be known everywhere
            return look if batch.unknown >= _UNKNOWN else None
        if look is not None:
            batch.heard, batch.unknown = time.monotonic(), 0
            batch.done = batch.done if look.done is None else look.done
        elif time.monotonic() - batch.heard > _FORGIVEN:
            self._give_up(f"no word of batch {batch.noted.remote} for an hour; it goes on there. Look at the network")
        return look

    def _how_far(self) -> str:
        first, last = self._open[0].number, self._open[-1].number
        waiting = math.ceil(len(self._queue) / max(1, min(self._most, self._largest or self._most)))
        which = f"batch {first}" if first == last else f"batches {first} to {last}"
        done, total = sum(b.done for b in self._open), sum(len(b.noted.charges) for b in self._open)
        return f"{which} of about {self._number + waiting + self._later}: {done:,} of {total:,} done, waiting"

    # ── taking ──────────────────────────────────────────────────────────────────────────────────────────

    def _take(self, batch: _Open, look: Look) -> None:
        """Put what came of a batch into the ledger; what brought no answer waits to be asked again."""
        if look.state == "failed":
            self._failed_there(batch, look)
            return
        seen: set[int] = set()
        spent: dict[str, Tokens] = {}
        faults: list[tuple[Request, Fault]] = []
        ended: list[Ended] = []
        strange = answered = 0
        for read in range(_READS):
            for row in self.post.rows(look):
                place = _place(row.custom_id, batch.noted)
                if place is None:
                    strange += 1
                elif place not in seen:
                    seen.add(place)
                    answered += row.answer is not None
                    ended.append(self._ended(batch, batch.noted.charges[place], row, faults))
                    spent[ended[-1].charge.key] = ended[-1].tokens
                if len(ended) >= _AT_ONCE:
                    self.notes.settle_batch(ended, self.model)
                    ended.clear()
            if len(seen) >= len(batch.noted.charges) or (look.done is not None and answered >= look.done):
                break
            if strange and not seen and batch.others:
                self._not_ours(batch)
                return
            if read + 1 < _READS:
                self._stopped.wait(FIRST_LOOK)
                again = self.post.look(batch.noted)
                look = again if again is not None and again.state == "over" else look
        if strange:
            logger.warning("generate: %d results in a batch that belong to none of its requests; left out", strange)
        lost = [c for place, c in enumerate(batch.noted.charges) if place not in seen]
        run = look.done is None or look.done > answered  # some of them may have been
        for charge in lost:
            ended.append(Ended(charge, charge.tokens if run else Tokens(), "no result of it"))
            spent[charge.key] = ended[-1].tokens
            if charge.key in batch.requests and not look.cancelled:
                self._again(batch.requests[charge.key], "the batch brought no result of it")
        self._close(batch, ended, spent)
        self._judge(batch, faults)
        if look.cancelled and answered < len(batch.noted.charges):
            self._give_up(f"batch {batch.noted.remote} was cancelled there, and what it had answered is kept. See why")

    def _ended(self, batch: _Open, charge: Charge, row: Row, faults: list[tuple[Request, Fault]]) -> Ended:
        request = batch.requests.get(charge.key)
        if row.answer is None:
            if request is not None and row.why == "expired":
                self._again(request, "the batch expired before it was run")
            return Ended(charge, Tokens(), row.why)
        said, outcome = self._read(row.answer)
        tokens = self._spent(said, charge.tokens if request is None else request.most, charge.tokens)
        if said is not None and said.fault is None and (reply := self._conclusive(said, tokens)) is not None:
            self._answered = True
            return Ended(charge, tokens, reply.finish_reason, reply)
        if said is not None and said.fault is not None:
            outcome = f"{said.fault.status}: {said.fault.message}"
            if request is not None:
                faults.append((request, said.fault))
        elif request is not None:
            self._again(request, outcome)
        return Ended(charge, tokens, redact(outcome))

    def _judge(self, batch: _Open, faults: Sequence[tuple[Request, Fault]]) -> None:
        """What to do about errors in place of answers, now that it is known whether others were answered."""
        for request, fault in faults:
            trouble = judge(fault, request, batch.left_out, self._answered, self.wire.key_variable)
            if trouble.end == "endpoint":
                self._give_up(trouble.why)
            if trouble.end == "request":
                self._failed[request.key] = RequestFailed(f"{self.name}: {redact(trouble.why)}")
            elif trouble.again_without:
                self._again(self._adapted(request, trouble), trouble.why, _ADAPTATIONS, "adapted")
            else:
                self._again(request, trouble.why)

    def _again(self, request: Request, why: str, tries: int = _TRIES, kind: str = "") -> None:
        """Ask again with the next batch, if that may still help."""
        self._tries[request.key, kind] += 1
        if self._tries[request.key, kind] < tries:
            self._queue.append(request)
        else:
            self._failed[request.key] = RequestFailed(f"{self.name}: {redact(why)}, in {tries} batches")

    def _not_ours(self, batch: _Open) -> None:
        """A batch that was taken for ours holds none of our requests: another one is, or none."""
        batch.others = batch.others[1:]
        if batch.others:
            batch.noted = self._named(batch.noted, batch.others[0])
            return
        self._cost_nothing(batch, "not taken")
        self._queue.extendleft(batch.requests.values())

    def _failed_there(self, batch: _Open, look: Look) -> None:
        """None of a batch was run. One that was too large for what the account may have under way is sent in parts."""
        remote, requests = batch.noted.remote, list(batch.requests.values())
        if look.code == "gone":
            logger.warning(
                "generate: the endpoint does not know batch %s any more (of another key's account?); all that it can "
                "cost is counted, and its requests are asked for again", remote,
            )  # fmt: skip
            self._close(batch, [], {c.key: c.tokens for c in batch.noted.charges})
            for request in requests:
                self._again(request, "the batch was lost")
            return
        self._cost_nothing(batch, f"failed: {redact(look.why)}")
        if "token_limit" in look.code and len(batch.noted.charges) > 1:
            if self._open:
                self._side_by_side = len(self._open)
            else:
                self._most, self._side_by_side = max(1, len(batch.noted.charges) // 2), 1000
            self._queue.extendleft(reversed(requests))
            return
        self._give_up(f"batch {remote} failed there: {look.why}. Correct that, or set generate.remote.batch to false")

    def _cost_nothing(self, batch: _Open, outcome: str) -> None:
        charges = batch.noted.charges
        self._close(batch, [Ended(c, Tokens(), outcome) for c in charges], {c.key: Tokens() for c in charges})

    def _close(self, batch: _Open, ended: Sequence[Ended], spent: dict[str, Tokens]) -> None:
        """The batch is over: the ledger and the money know what it cost."""
        self.notes.settle_batch(ended, self.model, over=batch.noted.number)
        if batch in self._open:
            self._open.remove(batch)
        mine = {c.key: c.tokens for c in batch.noted.charges if c.key in batch.requests}
        cost = sum(self._usd(spent.get(key, Tokens())) for key in mine)
        if self.budget is not None and batch.aside is not None:
            self.budget.settle(batch.aside, cost)
        elif self.budget is not None:
            self.budget.correct(sum(self._usd(tokens) for tokens in mine.values()), cost)
        for key in mine:
            tokens = spent.get(key, Tokens())
            self.used = Tokens(self.used.prompt + tokens.prompt, self.used.completion + tokens.completion)


def _place(custom_id: str, noted: NotedBatch) -> int | None:
    """Which request of a batch a result is of; None for one of another."""
    name, _, place = custom_id.rpartition("-")
    if name != noted.name or not place.isdecimal() or len(place) > 7 or int(place) >= len(noted.charges):
        return None
    return int(place)
