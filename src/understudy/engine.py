"""One function over many shards: in this process, in local processes, or on a Ray cluster.

The result does not depend on where it ran: results come in the order of the shards, whichever ends first.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Literal, Protocol, TypeVar

from understudy.errors import MissingExtraError, StageError, UnderstudyError

Engine = Literal["local", "ray"]
Shard = TypeVar("Shard")
Result = TypeVar("Result")

_AHEAD = 4  # shards a worker may have handed out or waiting to be taken: bounds what lies in memory


def map_shards(
    function: Callable[[Shard], Result],
    shards: Sequence[Shard],
    *,
    engine: Engine = "local",
    workers: int | None = None,
    name: Callable[[int, Shard], str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Result]:
    """Yield `function(shard)` for each shard, in order.

    function: importable by name (a module's function), since other processes call it; shards and results must
        pickle. With one worker or one shard it runs right here.
    workers: processes, or Ray tasks at once; None takes the processors of this machine, or of the cluster.
    name: what a shard is called in an error; by default its number.
    progress: called with (shards finished, shards in all).
    Raises StageError naming the shard that failed, with the original error as its cause; UnderstudyErrors
    keep their kind and gain the shard's name. Shards not yet started are not begun after that.
    MissingExtraError where Ray is asked for and not installed.
    """
    called = name or (lambda number, shard: f"shard {number + 1} of {len(shards)}")
    if engine == "ray":
        return _in_order(_Ray(function, workers), shards, called, progress)
    count = min(workers or _processors(), len(shards))
    pool = _Here(function) if count <= 1 else _Processes(function, count)
    return _in_order(pool, shards, called, progress)


class _Pool(Protocol):
    """Where shards run. at_once: how many may be handed out whose results are not taken yet."""

    at_once: int

    def start(self, shard: Any) -> Any:
        """Hand out a shard; returns a hashable handle."""
        ...

    def ended(self, handles: Collection[Any]) -> Collection[Any]:
        """Wait until at least one has ended; returns those that have."""
        ...

    def result(self, handle: Any) -> Any:
        """The result of an ended shard, or its error raised."""
        ...

    def close(self, handles: Collection[Any]) -> None:
        """Give up what still runs."""
        ...


def _in_order(
    pool: _Pool,
    shards: Sequence[Any],
    called: Callable[[int, Any], str],
    progress: Callable[[int, int], None],
) -> Iterator[Any]:
    """Keep the pool busy and yield in the order of the shards. An error waits for its turn too, so that of
    several the first shard's is raised, on every machine."""
    running: dict[Any, int] = {}
    outcomes: dict[int, tuple[Any, Exception | None]] = {}
    started = finished = 0
    failed = False
    try:
        for wanted in range(len(shards)):
            while wanted not in outcomes:
                while not failed and started < len(shards) and len(running) + len(outcomes) < pool.at_once:
                    running[pool.start(shards[started])] = started
                    started += 1
                for handle in pool.ended(running):
                    number = running.pop(handle)
                    try:
                        outcomes[number] = (pool.result(handle), None)
                    except Exception as error:
                        outcomes[number] = (None, error)
                        failed = True
                        continue
                    finished += 1
                    progress(finished, len(shards))
            result, problem = outcomes.pop(wanted)
            if problem is not None:
                raise _named(problem, called(wanted, shards[wanted])) from problem
            yield result
    finally:
        pool.close(running)


class _Here:
    """This process, one shard after the other."""

    at_once = 1

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def start(self, shard: Any) -> Callable[[], Any]:
        return functools.partial(self._function, shard)

    def ended(self, handles: Collection[Any]) -> Collection[Any]:
        return list(handles)

    def result(self, handle: Any) -> Any:
        return handle()

    def close(self, handles: Collection[Any]) -> None:
        return


class _Processes:
    """Processes of this machine. Spawned, not forked: a fork copies the locks of torch's and LanceDB's
    threads in whatever state they are."""

    def __init__(self, function: Callable[[Any], Any], workers: int) -> None:
        self.at_once = workers * _AHEAD
        self._function = function
        self._pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))

    def start(self, shard: Any) -> Future[Any]:
        try:
            return self._pool.submit(self._function, shard)
        except BrokenProcessPool as error:  # a worker died between two results
            future: Future[Any] = Future()
            future.set_exception(error)
            return future

    def ended(self, handles: Collection[Any]) -> Collection[Any]:
        return wait(handles, return_when=FIRST_COMPLETED).done

    def result(self, handle: Any) -> Any:
        return handle.result()

    def close(self, handles: Collection[Any]) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Ray:
    """A Ray cluster: the one of RAY_ADDRESS or of a session already begun, else one on this machine."""

    def __init__(self, function: Callable[[Any], Any], workers: int | None) -> None:
        try:
            self._ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise MissingExtraError(
                "engine: ray is not installed; add it with  pip install 'understudy[ray]'"
            ) from error
        if not self._ray.is_initialized():
            address = os.environ.get("RAY_ADDRESS")
            self._ray.init(address=address, log_to_driver=False, include_dashboard=False)
        self._function = self._ray.remote(function)
        self.at_once = (workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))) * _AHEAD

    def start(self, shard: Any) -> Any:
        return self._function.remote(shard)

    def ended(self, handles: Collection[Any]) -> Collection[Any]:
        done, _ = self._ray.wait(list(handles), num_returns=1)
        return list(done)

    def result(self, handle: Any) -> Any:
        try:
            return self._ray.get(handle)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error

    def close(self, handles: Collection[Any]) -> None:
        for handle in handles:
            self._ray.cancel(handle, force=True)


def _named(error: Exception, shard: str) -> UnderstudyError:
    """The error with the shard's name before it; a user's mistake stays one."""
    if isinstance(error, BrokenProcessPool):
        return StageError(
            f"{shard} (or one beside it): its process ended abruptly, most often because memory ran out; "
            "use fewer workers or smaller shards, and run again"
        )
    if isinstance(error, UnderstudyError):
        return type(error)(f"{shard}: {error}")
    return StageError(f"{shard}: {type(error).__name__}: {error}")


def _processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
