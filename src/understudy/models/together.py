"""Answers that are written together although they are asked for one by one, by whatever thread."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from understudy.models.reader import TransformersModel, Turn
from understudy.types import Completion


class Job(Protocol):
    """Something asked. gone: nobody waits for it any more."""

    turn: Turn
    gone: bool


J = TypeVar("J", bound=Job)


class Together(Generic[J]):
    """Takes jobs from `waiting` while others are being written (continuous batching); None in it says: no more.

    open: jobs that were taken and are not answered yet, by number.
    """

    def __init__(self, model: TransformersModel, waiting: queue.SimpleQueue[J | None]) -> None:
        self._model, self._waiting = model, waiting
        self.open: dict[int, J] = {}

    def answers(
        self, first: J, step: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[J, str, Completion | Exception | None]]:
        """New text of `first` and of every job that comes while something is being written; None until the last.

        step: called before every step of the model, when each row has given its token of the step before.
        """
        count = 0

        def more() -> list[Turn]:
            nonlocal count
            step()
            come = [first] if not count else []
            while not self._waiting.empty():
                job = self._waiting.get()
                if job is None:
                    self._waiting.put(None)  # to be seen again when all is written
                    break
                if not job.gone:
                    come.append(job)
            self.open.update(enumerate(come, count))
            count += len(come)
            return [job.turn for job in come]

        def left(number: int) -> bool:
            if number in self.open and self.open[number].gone:
                del self.open[number]
            return number not in self.open

        for number, text, done in self._model.converse(more, gone=left):
            job = self.open[number] if done is None else self.open.pop(number)
            yield job, text, done
