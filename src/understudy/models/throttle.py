"""How fast a remote endpoint is asked, and how much may be spent there."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import deque
from collections.abc import Iterator

from understudy.errors import TeacherError

# Whether an endpoint is crowded is told by the likelihood of its last answers, if it refuses two of five, over that if
# it refuses one of ten (Page's cumulative sum, 1954). Five refusals in a row are enough; one in twenty, by chance,
# raises a false alarm once in a hundred thousand answers.
_REFUSED, _TAKEN = math.log(0.4 / 0.1), math.log(0.6 / 0.9)
_CROWDED = 6.0
# An answer is given up that has taken this many times the slowest of the last ones, but no less than a second.
_TIMES, _LATELY, _ENOUGH, _SHORTEST = 4.0, 200, 50, 1.0


class BudgetSpent(TeacherError):
    """A request could have exceeded the cap on money."""


class Throttle:
    """At most `limit` requests at once: from half of `most`, one more after each success until the first crowding,
    then one more a round; half as many where the endpoint is crowded.

    It is crowded where its refusals are more than chance refusals would be. A refusal now and then says nothing of
    the pace: the refused request waits, the others go on. (Additive increase, multiplicative decrease, as TCP
    does: Chiu and Jain 1989.)
    """

    def __init__(self, most: int, start: float | None = None) -> None:
        self.most = most
        self.limit = min(float(most), start if start is not None else max(2.0, most / 2))
        self._running = 0
        self._free = threading.Condition()
        self._not_before = 0.0
        self._halved_at = 0.0
        self._evidence = 0.0
        self._starting = True

    @contextlib.contextmanager
    def slot(self) -> Iterator[float]:
        """Wait for a turn; gives the time at which the request starts."""
        with self._free:
            while (pause := self._not_before - time.monotonic()) > 0 or self._running >= max(1, int(self.limit)):
                self._free.wait(pause if pause > 0 else None)
            self._running += 1
            self._free.notify()  # one wakes the next, where there is room for more: never all of them
        try:
            yield time.monotonic()
        finally:
            with self._free:
                self._running -= 1
                self._free.notify()

    def succeeded(self) -> None:
        """A request was answered."""
        with self._free:
            self._evidence = max(0.0, self._evidence + _TAKEN)
            more = 1.0 if self._starting else 1.0 / max(1.0, self.limit)
            self.limit = min(float(self.most), self.limit + more)
            self._free.notify()

    def refused(self, started: float, wait: float) -> bool:
        """The endpoint asked to slow down. Where it is crowded nothing is sent for `wait` seconds, and requests
        that were under way together count as one refusal. Returns whether it is."""
        with self._free:
            self._evidence = min(2 * _CROWDED, self._evidence + _REFUSED)
            if self._evidence < _CROWDED:
                return False
            if started >= self._halved_at:
                self._starting = False
                self.limit = max(1.0, self.limit / 2.0)
                self._halved_at = time.monotonic()
            self._not_before = max(self._not_before, time.monotonic() + wait)
            return True


class Patience:
    """How long an answer is waited for, from how long the last ones took: an endpoint that answers in seconds and
    has said nothing for much longer will not. The time is cut for a request's first attempt alone, so that an answer
    that takes its time is paid twice at most.

    Safe for threads. timeout: seconds, where fewer than `_ENOUGH` answers have come.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._took: deque[float] = deque(maxlen=_LATELY)

    def took(self, seconds: float) -> None:
        """An answer came after this long."""
        self._took.append(seconds)

    def seconds(self) -> float:
        """The time that an answer is given."""
        if len(self._took) < _ENOUGH:
            return self.timeout
        return min(self.timeout, max(_SHORTEST, _TIMES * max(tuple(self._took))))


class Budget:
    """A hard cap in US dollars: the most that a request can cost is set aside before it is sent.

    input, output: US dollars per million tokens. cap None counts without limit. batch_discount: the share of the
    price that a batch does without.
    """

    def __init__(self, input: float, output: float, cap: float | None, batch_discount: float = 0.5) -> None:
        self.input, self.output, self.cap = input, output, cap
        self.batch_discount = batch_discount
        self.spent = 0.0
        self._reserved: list[float] = []
        self._changed = threading.Condition()

    def cost(self, prompt_tokens: int, completion_tokens: int, batched: bool = False) -> float:
        """US dollars; what counts below nothing costs nothing."""
        usd = (max(0, prompt_tokens) * self.input + max(0, completion_tokens) * self.output) / 1e6
        return usd * (1.0 - self.batch_discount) if batched else usd

    def fits(self, most: float) -> bool:
        """Whether `most` dollars can be set aside now."""
        return self.cap is None or self.spent + sum(self._reserved) + most <= self.cap

    def reserve(self, most: float) -> None:
        """Set `most` dollars aside, after requests under way where these could still leave room.

        Raises BudgetSpent where the cap has no room for it.
        """
        with self._changed:
            while not self.fits(most):
                if not self._reserved:
                    raise self.no_room()
                self._changed.wait(0.5)
            self._reserved.append(most)

    def no_room(self) -> BudgetSpent:
        """What is raised where the cap has no room."""
        return BudgetSpent(f"the cap of {self.cap:g} USD leaves no room for another request")

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

    def correct(self, counted: float, spent: float) -> None:
        """Put what was spent in the place of what was counted of it before."""
        with self._changed:
            self.spent = max(0.0, self.spent + spent - counted)
            self._changed.notify_all()
