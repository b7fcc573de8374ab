"""How fast a remote endpoint is asked, and how much may be spent there."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from understudy.errors import TeacherError


class BudgetSpent(TeacherError):
    """A request could have exceeded the cap on money."""


class Throttle:
    """At most `limit` requests at once: one more after each round of successes, half as many after a refusal.

    (Additive increase, multiplicative decrease, as TCP does: Chiu and Jain 1989.)
    """

    def __init__(self, most: int, start: float = 2.0) -> None:
        self.most = most
        self.limit = min(float(most), start)
        self._running = 0
        self._free = threading.Condition()
        self._not_before = 0.0
        self._halved_at = 0.0

    @contextlib.contextmanager
    def slot(self) -> Iterator[float]:
        """Wait for a turn; gives the time at which the request starts."""
        with self._free:
            while self._running >= max(1, int(self.limit)) or time.monotonic() < self._not_before:
                self._free.wait(max(0.01, min(0.5, self._not_before - time.monotonic())))
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
            self.limit = min(float(self.most), self.limit + 1.0 / max(1.0, self.limit))
            self._free.notify_all()

    def refused(self, started: float, wait: float) -> None:
        """The endpoint asked to slow down; nothing is sent for `wait` seconds. Requests that were under way
        together count as one refusal."""
        with self._free:
            if started >= self._halved_at:
                self.limit = max(1.0, self.limit / 2.0)
                self._halved_at = time.monotonic()
            self._not_before = max(self._not_before, time.monotonic() + wait)


class Budget:
    """A hard cap in US dollars: the most that a request can cost is set aside before it is sent.

    input, output: US dollars per million tokens. cap None counts without limit.
    """

    def __init__(self, input: float, output: float, cap: float | None) -> None:
        self.input, self.output, self.cap = input, output, cap
        self.spent = 0.0
        self._reserved = 0.0
        self._changed = threading.Condition()

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6

    def reserve(self, most: float) -> None:
        """Set `most` dollars aside, after requests under way where these could still leave room.

        Raises BudgetSpent where the cap has no room for it.
        """
        with self._changed:
            while self.cap is not None and self.spent + self._reserved + most > self.cap:
                if self._reserved <= 0.0:
                    raise BudgetSpent(f"the cap of {self.cap:g} USD leaves no room for another request")
                self._changed.wait(0.5)
            self._reserved += most

    def settle(self, most: float, spent: float) -> None:
        """Give back what was set aside and count what was spent."""
        with self._changed:
            self._reserved = max(0.0, self._reserved - most) if self._reserved - most > 1e-12 else 0.0
            self.spent += spent
            self._changed.notify_all()

    def count(self, spent: float) -> None:
        """Count an answer paid for earlier: a resumed run keeps to the same cap."""
        with self._changed:
            self.spent += spent
