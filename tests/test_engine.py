"""Shards in, results out: in order, in every engine, and errors that name their shard."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from understudy import engine
from understudy.engine import map_kept, map_shards
from understudy.errors import InputError, MissingExtraError, StageError
from understudy.kept import Kept
from understudy.stage import RunContext

HERE = "engine_tasks"
TASKS = """
import os, time
from understudy.errors import InputError


def square(x):
    return x * x


def slow_first(x):
    number, folder = x
    if number == 0:  # ends after another shard, however fast this machine is
        while not os.path.exists(os.path.join(folder, "1")):
            time.sleep(0.01)
    open(os.path.join(folder, str(number)), "w").close()
    return number


def fail_at_three(x):
    if x == 3:
        raise ValueError("no three")
    return x


def mistake(x):
    raise InputError("a.md: not text")


def made(shard):
    log, items = shard
    with open(log, "a") as file:
        file.write("".join(item + "\\n" for item in items))
    return [(item.upper().encode(), item != "passing") for item in items]


def die(x):
    os._exit(9) if x == 1 else None


def die_once(path):
    if path.endswith("1") and not os.path.exists(path):
        open(path, "w").close()
        os._exit(9)
    return path


def process(x, common):
    return x, common, os.getpid()


def note(path):
    open(path, "w").close()
    if path.endswith("0"):
        raise ValueError("first")
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of functions that spawned processes can import by name."""
    (tmp_path / f"{HERE}.py").write_text(TASKS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    sys.modules.pop(HERE, None)
    yield importlib.import_module(HERE)
    sys.modules.pop(HERE, None)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_complete_and_in_order(tasks: Any, workers: int) -> None:
    seen: list[tuple[int, int]] = []
    found = list(map_shards(tasks.square, range(9), workers=workers, progress=lambda *p: seen.append(p)))
    assert found == [x * x for x in range(9)]
    assert seen == [(i, 9) for i in range(1, 10)]


def test_a_slow_first_shard_does_not_change_the_order(tasks: Any, tmp_path: Path) -> None:
    shards = [(number, str(tmp_path)) for number in range(6)]
    assert list(map_shards(tasks.slow_first, shards, workers=2)) == list(range(6))


def test_no_shards() -> None:
    assert list(map_shards(str, [])) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_names_its_shard_and_keeps_its_cause(tasks: Any, workers: int) -> None:
    with pytest.raises(StageError, match=r"shard 4 of 6: ValueError: no three") as caught:
        list(map_shards(tasks.fail_at_three, range(6), workers=workers))
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_users_mistake_stays_one(tasks: Any, workers: int) -> None:
    with pytest.raises(InputError, match=r"^part-7: a\.md: not text"):
        list(map_shards(tasks.mistake, [7, 8], workers=workers, name=lambda number, shard: f"part-{shard}"))


def test_a_killed_worker_is_an_error_and_not_a_hang(tasks: Any) -> None:
    with pytest.raises(StageError, match="ended abruptly"):
        list(map_shards(tasks.die, range(4), workers=2))


def test_a_shard_whose_process_was_lost_is_run_again(tasks: Any, tmp_path: Path) -> None:
    paths = [str(tmp_path / str(number)) for number in range(6)]
    assert list(map_shards(tasks.die_once, paths, workers=2)) == paths


@pytest.mark.parametrize("workers", [1, 2])
def test_shards_are_taken_from_an_iterable_as_they_are_needed(tasks: Any, workers: int) -> None:
    taken: list[int] = []

    def shards() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    known = {number: number * number for number in range(0, 100, 3)}
    results = map_shards(tasks.square, shards(), workers=workers, known=known.get)
    assert [next(results) for _ in range(5)] == [0, 1, 4, 9, 16]
    assert len(taken) <= 5 + 4 * workers
    assert list(results) == [x * x for x in range(5, 100)]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_kept_is_not_made_again(tasks: Any, tmp_path: Path, workers: int) -> None:
    ctx = RunContext(out=tmp_path, work=tmp_path, root=tmp_path, workers=workers)
    kept = Kept(tmp_path, "things")

    def made(items: list[str]) -> list[tuple[str, bytes]]:
        return list(
            map_kept(
                tasks.made, items, ctx, shared=lambda some: str(tmp_path / "log"), kept=kept, at_once=2, name="things",
                key=lambda item: None if item == "never" else item,
            )
        )  # fmt: skip

    expected = [(item, item.upper().encode()) for item in ("a", "b", "never", "passing", "c")]
    assert made([item for item, _ in expected]) == expected
    assert made([item for item, _ in expected]) == expected
    log = (tmp_path / "log").read_text().split()
    assert sorted(log) == sorted(["a", "b", "c", "never", "never", "passing", "passing"])


@pytest.mark.parametrize("workers", [1, 2])
def test_what_all_shards_need_reaches_each(tasks: Any, workers: int) -> None:
    found = list(map_shards(tasks.process, range(5), common={"limit": 3}, workers=workers))
    assert [(shard, common) for shard, common, _ in found] == [(x, {"limit": 3}) for x in range(5)]


def test_a_fresh_process_for_each_shard(tasks: Any) -> None:
    found = list(map_shards(tasks.process, range(3), common="x", workers=1, fresh=True))
    assert [shard for shard, _, _ in found] == [0, 1, 2]
    assert len({pid for _, _, pid in found} - {os.getpid()}) == 3


def test_what_is_kept_and_holds_no_more_is_made_again(tasks: Any, tmp_path: Path) -> None:
    ctx = RunContext(out=tmp_path, work=tmp_path, root=tmp_path)
    kept = Kept(tmp_path, "things")
    kept.put({"a": b"A", "b": b"old"})
    found = map_kept(
        tasks.made, ["a", "b"], ctx, shared=lambda some: str(tmp_path / "log"), kept=kept, at_once=2, name="things",
        key=lambda item: item, fits=lambda item, value: value != b"old",
    )  # fmt: skip
    assert list(found) == [("a", b"A"), ("b", b"B")]
    assert (tmp_path / "log").read_text().split() == ["b"]
    assert kept.get(["b"]) == {"b": b"B"}


def test_after_an_error_no_new_shard_begins(tasks: Any, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"ran-{i}") for i in range(40)]
    with pytest.raises(StageError, match="shard 1 of 40"):
        list(map_shards(tasks.note, paths, workers=2))
    assert 1 <= len(list(tmp_path.glob("ran-*"))) <= 2 * 4  # four a worker are handed out before any has ended


def test_ray_is_asked_for_politely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"understudy\[ray\]"):
        list(map_shards(str, [1], engine="ray"))


def test_importing_the_engine_brings_no_ray() -> None:
    code = "import sys, understudy.engine; assert 'ray' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class Task(Exception):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class SmallRay:
    """Ray's contract as the engine uses it, run in this process."""

    class exceptions:
        RayError = RuntimeError
        RayTaskError = Task

    def __init__(self, *, newest_first: bool) -> None:
        self.newest_first = newest_first
        self.started: list[int] = []
        self.cancelled: list[int] = []
        self.ended: set[int] = set()
        self.most = 0
        self._results: dict[int, Any] = {}

    def is_initialized(self) -> bool:
        return True

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def remote(self, **options: Any) -> Any:
        assert options in ({"max_retries": -1}, {"max_retries": -1, "max_calls": 1})
        return self._remote

    def _remote(self, function: Any) -> Any:
        ray = self

        class Remote:
            def remote(self, shard: Any, *common: Any) -> int:
                reference = len(ray.started)
                ray.started.append(reference)
                ray.most = max(ray.most, len(ray.started) - len(ray.ended))
                try:
                    ray._results[reference] = function(shard, *common)
                except Exception as error:
                    ray._results[reference] = Task(error)
                return reference

        return Remote()

    def put(self, value: Any) -> Any:
        return value

    def wait(self, references: list[int], num_returns: int) -> tuple[list[int], list[int]]:
        first = references[-1] if self.newest_first else references[0]
        self.ended.add(first)
        return [first], [r for r in references if r != first]

    def get(self, reference: int) -> Any:
        result = self._results[reference]
        if isinstance(result, Task):
            raise result
        return result

    def cancel(self, reference: int, force: bool) -> None:
        self.cancelled.append(reference)


@pytest.mark.parametrize("newest_first", [True, False])
def test_ray_results_are_in_order_and_errors_named(
    tasks: Any, monkeypatch: pytest.MonkeyPatch, newest_first: bool
) -> None:
    ray = SmallRay(newest_first=newest_first)
    monkeypatch.setitem(sys.modules, "ray", ray)
    assert list(map_shards(tasks.square, range(19), engine="ray")) == [x * x for x in range(19)]
    with pytest.raises(StageError, match="shard 4 of 30: ValueError: no three") as caught:
        list(map_shards(tasks.fail_at_three, range(30), engine="ray", workers=2))
    assert isinstance(caught.value.__cause__, ValueError)
    assert len(ray.started) < 19 + 30


@pytest.mark.parametrize(
    ("address", "said"), [("", "Ray did not start on this machine"), ("10.0.0.9:6379", "RAY_ADDRESS=10.0.0.9:6379")]
)
def test_a_ray_that_cannot_be_had_is_one_line(
    tasks: Any, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    class NoRay(SmallRay):
        def is_initialized(self) -> bool:
            return False

        def init(self, **settings: Any) -> None:
            raise ConnectionError("timed out.\nA page of advice follows.")

    monkeypatch.setitem(sys.modules, "ray", NoRay(newest_first=False))
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(StageError, match="--engine local") as caught:
        list(map_shards(tasks.square, range(3), engine="ray"))
    assert said in str(caught.value)
    assert "advice" not in str(caught.value)


@pytest.mark.parametrize("workers", [1, 3])
def test_on_ray_no_more_run_at_once_than_was_asked_for(
    tasks: Any, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    ray = SmallRay(newest_first=True)
    monkeypatch.setitem(sys.modules, "ray", ray)
    found = map_shards(tasks.square, range(30), engine="ray", workers=workers)
    assert list(found) == [x * x for x in range(30)]
    assert ray.most == workers


def test_on_ray_long_shards_are_not_handed_out_ahead(tasks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = SmallRay(newest_first=False)
    monkeypatch.setitem(sys.modules, "ray", ray)
    results = map_shards(tasks.process, range(9), common="x", engine="ray", fresh=True)
    assert next(results)[:2] == (0, "x")
    assert len(ray.started) <= 3


def test_what_still_runs_is_given_up_when_nobody_wants_it(tasks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = SmallRay(newest_first=False)
    monkeypatch.setitem(sys.modules, "ray", ray)
    results = map_shards(tasks.square, range(20), engine="ray")
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert ray.cancelled


@pytest.mark.slow
def test_ray_itself(tasks: Any) -> None:
    ray = pytest.importorskip("ray", reason="ray is not installed (the extra `ray`)")
    ray.init(num_cpus=2, object_store_memory=200_000_000, include_dashboard=False, log_to_driver=False)
    try:
        assert list(map_shards(tasks.square, range(5), engine="ray")) == [0, 1, 4, 9, 16]
        with pytest.raises(StageError, match="shard 4 of 5: ValueError: no three"):
            list(map_shards(tasks.fail_at_three, range(5), engine="ray"))
    finally:
        ray.shutdown()


def test_processors_are_at_least_one() -> None:
    assert engine._processors() >= 1
