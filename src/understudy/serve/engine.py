"""One model, many requests: a thread that writes all answers at once, each piece by piece.

Where the engine can, requests join and leave while others are being written (continuous batching); an engine that
only answers whole conversations answers them one after the other.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from understudy.models.constrain import Guide
from understudy.models.reader import TransformersModel, Turn
from understudy.models.together import Together
from understudy.serve.problems import Problem, problem_of
from understudy.types import LanguageModel, Message

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer. finish_reason stands in the last one: `stop` or `length`."""

    text: str = ""
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(slots=True)
class Ticket:
    """A request on its way: what is asked, and the pieces that were written. gone: nobody waits any more."""

    turn: Turn
    loop: asyncio.AbstractEventLoop
    pieces: asyncio.Queue[Piece | BaseException] = field(default_factory=asyncio.Queue)
    gone: bool = False

    def put(self, piece: Piece | BaseException) -> None:
        _hand_over([(self, piece)])


def _hand_over(found: list[tuple[Ticket, Piece | BaseException]]) -> None:
    """Pieces to those who wait for them. Each loop is woken once: waking it for every row of a batch would cost more
    than writing the row, where the model is small. Empties `found`."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[Ticket, Piece | BaseException]]] = {}
    for ticket, piece in found:
        loops.setdefault(ticket.loop, []).append((ticket, piece))
    found.clear()
    for loop, theirs in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_put, theirs)


def _put(found: Sequence[tuple[Ticket, Piece | BaseException]]) -> None:
    for ticket, piece in found:
        ticket.pieces.put_nowait(piece)


def too_many(waiting: int) -> Problem:
    """What a client is told where too many wait."""
    return Problem(
        429, f"{waiting} requests are waiting; try again", kind="rate_limit_error", code="queue_full", retry_after=2
    )


class Places:
    """A bounded number of places, each held for the length of a `with` block. Raises Problem (429) where none is free.

    taken: how many are held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self.taken = 0

    def __enter__(self) -> None:
        with self._lock:
            if self.taken >= self._most:
                raise too_many(self.taken)
            self.taken += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self.taken -= 1


class Engine:
    """Answers for one model. most: requests that may be waiting or written at once."""

    def __init__(self, model: LanguageModel, most: int) -> None:
        self.model = model
        self._places = Places(most)
        self._waiting: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self.tokens = 0
        self._thread = threading.Thread(target=self._work, name=f"engine {model.name}", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> int:
        """Requests that are waiting or being written."""
        return self._places.taken

    async def write(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        temperature: float,
        stop: tuple[str, ...] = (),
        seconds: float,
        guide: Guide | None = None,
    ) -> AsyncGenerator[Piece]:
        """The answer in pieces, held to `guide` where there is one.

        Raises Problem: 429 where too many wait, 504 where it took too long.
        """
        with self._places:
            turn = Turn(messages, max_tokens, temperature, stop, guide)
            loop = asyncio.get_running_loop()
            ticket = Ticket(turn, loop)
            late = Problem(504, f"the answer took more than {seconds:g} seconds", kind="server_error", code="timeout")
            timer = loop.call_later(seconds, ticket.pieces.put_nowait, late)  # cheaper than a limit on every piece
            try:
                self._waiting.put(ticket)
                while True:
                    piece = await ticket.pieces.get()
                    if isinstance(piece, BaseException):
                        raise problem_of(piece)
                    yield piece
                    if piece.finish_reason is not None:
                        return
            finally:
                timer.cancel()
                ticket.gone = True

    def close(self) -> None:
        """Finish what is being written and stop."""
        self._waiting.put(None)
        self._thread.join(timeout=10)

    # ── the thread ──────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        live = isinstance(self.model, TransformersModel) and self.model.flows
        while (ticket := self._waiting.get()) is not None:
            if ticket.gone:
                continue
            try:
                if live:
                    self._write_together(ticket)
                else:
                    self._write_whole(ticket)
            except BaseException as error:
                logger.exception("%s: an answer failed", self.model.name)
                ticket.put(error)

    def _write_whole(self, ticket: Ticket) -> None:
        turn = ticket.turn
        done = self.model.generate(
            [turn.messages], max_tokens=turn.max_tokens, temperature=turn.temperature, stop=turn.stop
        )[0]
        self.tokens += done.completion_tokens
        ticket.put(Piece(done.text, done.finish_reason, done.prompt_tokens, done.completion_tokens))

    def _write_together(self, first: Ticket) -> None:
        """Write `first` and every request that comes while something is being written."""
        assert isinstance(self.model, TransformersModel)
        together = Together(self.model, self._waiting)
        found: list[tuple[Ticket, Piece | BaseException]] = []
        try:
            for ticket, text, done in together.answers(first, step=lambda: _hand_over(found)):
                if done is None:
                    found.append((ticket, Piece(text)))
                elif isinstance(done, Exception):
                    found.append((ticket, done))
                else:
                    self.tokens += done.completion_tokens
                    last = Piece(text, done.finish_reason, done.prompt_tokens, done.completion_tokens)
                    found.append((ticket, last))
        except BaseException as error:
            found += [(ticket, error) for ticket in together.open.values()]
            raise
        finally:
            _hand_over(found)
