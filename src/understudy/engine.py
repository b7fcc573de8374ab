"""One function over many shards: in this process, in local processes, or on a Ray cluster.

The result does not depend on where it ran: results come in the order of the shards, whichever ends first. A shard whose
process or machine was lost is run again; what is in memory is bounded, however many shards there are.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sized
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from understudy import network
from understudy.errors import MissingExtraError, StageError, UnderstudyError
from understudy.kept import Kept
from understudy.stage import Engine, RunContext

Shard = TypeVar("Shard")
Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 4  # shards a worker may have handed out or waiting to be taken: bounds what lies in memory
_AGAIN = 2  # times that a shard is run anew whose process ended abruptly


def map_shards(
    function: Callable[..., Result],
    shards: Iterable[Shard],
    *,
    common: Any = None,
    engine: Engine = "local",
    workers: int | None = None,
    fresh: bool = False,
    name: Callable[[int, Shard], str] | None = None,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
    known: Callable[[Shard], Result | None] = lambda shard: None,
) -> Iterator[Result]:
    """Yield `function(shard)` for each shard, in order. Shards are taken from the iterable as they are needed.

    function: importable by name (a module's function), since other processes call it; shards and results must
        pickle. With one worker or one shard it runs right here.
    common: what every shard needs, sent once to each process or machine; where given, `function(shard, common)`.
    workers: processes, or Ray tasks at once; None takes the processors of this machine, or of the cluster.
    fresh: each shard in a process of its own, for long ones whose libraries keep memory; none is handed out ahead.
    name: what a shard is called in an error; by default its number.
    progress: called with (shards finished, shards in all, None where the iterable does not say).
    known: the result of a shard that needs no work; None where it does.
    Raises StageError naming the shard that failed, with the original error as its cause; UnderstudyErrors
    keep their kind and gain the shard's name. Shards not yet started are not begun after that.
    MissingExtraError where Ray is asked for and not installed.
    """
    total = len(shards) if isinstance(shards, Sized) else None
    of = "" if total is None else f" of {total}"
    called = name or (lambda number, shard: f"shard {number + 1}{of}")
    pool: _Pool
    if engine == "ray":
        pool = _Ray(function, workers, common, fresh)
    else:
        count = workers or _processors()
        count = count if total is None else min(count, total)
        alone = count <= 1 and not fresh
        pool = _Here(function, common) if alone else _Processes(function, count, common, fresh)
    return _in_order(pool, shards, total, called, progress, known)


def map_kept(
    function: Callable[..., list[tuple[bytes, bool]]],
    items: Iterable[Item],
    ctx: RunContext,
    *,
    shared: Callable[[list[Item]], Any],
    key: Callable[[Item], str | None],
    kept: Kept,
    at_once: int,
    name: str,
    common: Any = None,
    fits: Callable[[Item, bytes], bool] = lambda item, value: True,
) -> Iterator[tuple[Item, bytes]]:
    """Each item with what the function makes of it, in order; what is kept of it under its key is not made again.

    function: given (shared, items), called where `ctx` says; returns for each item its value and whether that may be
        kept. Importable by name, as in `map_shards`.
    shared: what the function needs besides some items. key: None where nothing may be kept of an item.
    at_once: items of a shard. name: what a shard is called in an error. common: as in `map_shards`.
    fits: whether what is kept of an item still holds; asked here, not where the function runs.
    """
    rest = iter(items)
    waiting: deque[list[tuple[Item, str | None, bytes | None]]] = deque()

    def shards() -> Iterator[tuple[Any, list[Item]]]:
        while batch := list(itertools.islice(rest, at_once)):
            keys = [key(item) for item in batch]
            known = kept.get(k for k in keys if k is not None)
            values = [None if k is None else known.get(k) for k in keys]
            waiting.append(
                [
                    (item, k, None if value is None or not fits(item, value) else value)
                    for item, k, value in zip(batch, keys, values, strict=True)
                ]
            )
            missing = [item for item, _, value in waiting[-1] if value is None]
            yield shared(missing) if missing else None, missing

    results = map_shards(
        function,
        shards(),
        common=common,
        engine=ctx.engine,
        workers=ctx.workers,
        name=lambda number, shard: f"{name} {number * at_once + 1} to {number * at_once + at_once}",
        known=lambda shard: None if shard[1] else [],
    )
    for made in results:
        values = iter(made)
        new: dict[str, bytes] = {}
        done: list[tuple[Item, bytes]] = []
        for item, k, value in waiting.popleft():
            if value is None:
                value, keep = next(values)
                if keep and k is not None:
                    new[k] = value
            done.append((item, value))
        kept.put(new)
        yield from done


class _Pool(Protocol):
    """Where shards run. at_once: how many may be handed out whose results are not taken yet. running: how many of
    these may be unfinished."""

    at_once: int
    running: int

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
    shards: Iterable[Any],
    total: int | None,
    called: Callable[[int, Any], str],
    progress: Callable[[int, int | None], None],
    known: Callable[[Any], Any],
) -> Iterator[Any]:
    """Keep the pool busy and yield in the order of the shards. An error waits for its turn too, so that of
    several the first shard's is raised, on every machine."""
    rest = enumerate(shards)
    running: dict[Any, tuple[int, Any]] = {}
    outcomes: dict[int, tuple[Any, tuple[Exception, str] | None]] = {}
    tries: dict[int, int] = {}
    finished = 0
    more = True  # there are shards left, and none has failed

    def hand_out() -> bool:
        """Begin the next shard; whether there was one."""
        nonlocal finished
        number, shard = next(rest, (-1, None))
        if number < 0:
            return False
        result = known(shard)
        if result is not None:
            outcomes[number] = (result, None)
            finished += 1
            progress(finished, total)
        else:
            running[pool.start(shard)] = (number, shard)
        return True

    try:
        for wanted in itertools.count():
            while wanted not in outcomes:
                while more and len(running) < pool.running and len(running) + len(outcomes) < pool.at_once:
                    more = hand_out()
                if wanted in outcomes:
                    break
                if not running:
                    return
                for handle in pool.ended(running):
                    number, shard = running.pop(handle)
                    try:
                        outcomes[number] = (pool.result(handle), None)
                    except Exception as error:
                        tries[number] = tries.get(number, 0) + 1
                        if isinstance(error, BrokenProcessPool) and tries[number] <= _AGAIN:
                            running[pool.start(shard)] = (number, shard)
                            continue
                        outcomes[number] = (None, (error, called(number, shard)))
                        more = False
                        continue
                    finished += 1
                    progress(finished, total)
            result, problem = outcomes.pop(wanted)
            if problem is not None:
                raise _named(*problem) from problem[0]
            yield result
    finally:
        pool.close(running)


class _Here:
    """This process, one shard after the other."""

    at_once = running = 1

    def __init__(self, function: Callable[..., Any], common: Any) -> None:
        self._function = function if common is None else functools.partial(_with, function, common)

    def start(self, shard: Any) -> Callable[[], Any]:
        return functools.partial(self._function, shard)

    def ended(self, handles: Collection[Any]) -> Collection[Any]:
        return list(handles)

    def result(self, handle: Any) -> Any:
        return handle()

    def close(self, handles: Collection[Any]) -> None:
        return


class _Processes:
    """Processes of this machine. Spawned, not forked: a fork copies the locks of torch's threads in
    whatever state they are."""

    def __init__(self, function: Callable[..., Any], workers: int, common: Any, fresh: bool = False) -> None:
        self.at_once = self.running = workers * (1 if fresh else _AHEAD)
        self._fresh = fresh
        self._function = function if common is None else functools.partial(_with_taken, function)
        self._workers = workers
        self._common = common
        self._pool = self._made()

    def _made(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_take,
            initargs=(self._common,),
            max_tasks_per_child=1 if self._fresh else None,
        )

    def start(self, shard: Any) -> Future[Any]:
        try:
            return self._pool.submit(self._function, shard)
        except BrokenProcessPool:  # a worker died: the others with it
            self._pool.shutdown(wait=False)
            self._pool = self._made()
            return self._pool.submit(self._function, shard)

    def ended(self, handles: Collection[Any]) -> Collection[Any]:
        return wait(handles, return_when=FIRST_COMPLETED).done

    def result(self, handle: Any) -> Any:
        return handle.result()

    def close(self, handles: Collection[Any]) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Ray:
    """A Ray cluster: the one of RAY_ADDRESS or of a session already begun, else one on this machine."""

    def __init__(self, function: Callable[..., Any], workers: int | None, common: Any, fresh: bool = False) -> None:
        try:
            self._ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise MissingExtraError(
                "engine: ray is not installed; add it with  pip install 'understudy[ray]'"
            ) from error
        if not self._ray.is_initialized():
            self._begin()
        how = {"max_retries": -1} | ({"max_calls": 1} if fresh else {})  # a lost process or machine: it runs again
        self._function = self._ray.remote(**how)(function)
        self._common = () if common is None else (self._ray.put(common),)
        count = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self.at_once = count * _AHEAD
        self.running = count if workers or fresh else self.at_once  # Ray runs whatever it has processors for

    def _begin(self) -> None:
        address = os.environ.get("RAY_ADDRESS")
        try:
            if not address or address == "local":
                quiet = {"log_to_driver": False, "include_dashboard": False}
                self._ray.init(address="local", _node_ip_address="127.0.0.1", **quiet)
                return
            network.allow([network.host_of(f"//{address}") or network.host_of(address)])
            self._ray.init(address=address, log_to_driver=False)
        except Exception as error:  # Ray has no class of its own for what goes wrong here
            what = (
                f"no Ray cluster answers at RAY_ADDRESS={address}" if address else "Ray did not start on this machine"
            )
            raise StageError(
                f"engine: {what} ({str(error).partition(chr(10))[0]}); begin one with `ray start --head`, name it in "
                "RAY_ADDRESS, or use --engine local"
            ) from error

    def start(self, shard: Any) -> Any:
        return self._function.remote(shard, *self._common)

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


_taken: Any = None
"""In a worker process: what all its shards need."""


def _take(common: Any) -> None:
    global _taken
    _taken = common


def _with_taken(function: Callable[..., Any], shard: Any) -> Any:
    return function(shard, _taken)


def _with(function: Callable[..., Any], common: Any, shard: Any) -> Any:
    return function(shard, common)


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
