"""How fast a remote endpoint is asked, and how much may be spent there."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator

from understudy.errors import TeacherError

_SEEN = 20  # the last answers, by which a refusal is told from a crowded endpoint
_CROWDED = 0.2  # share of refusals among them
_FEWEST = 3  # refusals that make a crowd: one among the first answers says nothing


class BudgetSpent(TeacherError):
    """A request could have exceeded the cap on money."""


class Throttle:
    """At most `limit` requests at once: one more after each success until the first crowding, then one more a
    round; half as many where the endpoint is crowded.

    It is crowded where refusals are more than a fifth of the last answers. A refusal now and then says nothing of
    the pace: the refused request waits, the others go on. (Additive increase, multiplicative decrease, as TCP
    does: Chiu and Jain 1989.)
    """

    def __init__(self, most: int, start: float = 2.0) -> None:
        self.most = most
        self.limit = min(float(most), start)
        self._running = 0
        self._free = threading.Condition()
        self._not_before = 0.0
        self._halved_at = 0.0
        self._refusals: deque[bool] = deque(maxlen=_SEEN)
        self._starting = True

    @contextlib.contextmanager
    def slot(self) -> Iterator[float]:
        """Wait for a turn; gives the time at which the request starts."""
        with self._free:
            while (pause := self._not_before - time.monotonic()) > 0 or self._running >= max(1, int(self.limit)):
                self._free.wait(min(0.5, pause) if pause > 0 else 0.5)
            self._running += 1
        try:
            yield time.monotonic()
        finally:
            with self._free:
                self._running -= 1
                self._free.notify()

    def succeeded(self) -> None:
        """A request was answered."""
        with self._free:
            self._refusals.append(False)
            more = 1.0 if self._starting else 1.0 / max(1.0, self.limit)
            self.limit = min(float(self.most), self.limit + more)
            self._free.notify_all()

    def refused(self, started: float, wait: float) -> bool:
        """The endpoint asked to slow down. Where it is crowded nothing is sent for `wait` seconds, and requests
        that were under way together count as one refusal. Returns whether it is."""
        with self._free:
            self._refusals.append(True)
            refusals = sum(self._refusals)
            if refusals < _FEWEST or refusals <= _CROWDED * len(self._refusals):
                return False
            if started >= self._halved_at:
                self._starting = False
                self.limit = max(1.0, self.limit / 2.0)
                self._halved_at = time.monotonic()
            self._not_before = max(self._not_before, time.monotonic() + wait)
            return True


class Budget:
    """A hard cap in US dollars: the most that a request can cost is set aside before it is sent.

    input, output: US dollars per million tokens. cap None counts without limit.
    """

    def __init__(self, input: float, output: float, cap: float | None) -> None:
        self.input, self.output, self.cap = input, output, cap
        self.spent = 0.0
        self._reserved: list[float] = []
        self._changed = threading.Condition()

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars; what counts below nothing costs nothing."""
        return (max(0, prompt_tokens) * self.input + max(0, completion_tokens) * self.output) / 1e6

    def reserve(self, most: float) -> None:
        """Set `most` dollars aside, after requests under way where these could still leave room.

        Raises BudgetSpent where the cap has no room for it.
        """
        with self._changed:
            while self.cap is not None and self.spent + sum(self._reserved) + most > self.cap:
                if not self._reserved:
                    raise BudgetSpent(f"the cap of {self.cap:g} USD leaves no room for another request")
                self._changed.wait(0.5)
            self._reserved.append(most)

    def settle(self, most: float, spent: float) -> None:
        """Give back what was set aside and count what was spent."""
        with self._changed:
            if most in self._reserved:
                self._reserved.remove(most)
            self.spent += max(0.0, spent)
            self._changed.notify_all()

    def count(self, spent: float) -> None:
        """Count what was paid earlier: a resumed run keeps to the same cap."""
        with self._changed:
            self.spent += max(0.0, spent)
