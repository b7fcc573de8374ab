"""The run served under a name: its gate, its history, the way back, and the watch that keeps it fresh.

`.understudy/served.json` holds, for each name, what was served, oldest first; the last entry is served now.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from understudy import api
from understudy.artifact import write_json
from understudy.errors import InputError, Interrupted, StoreError, UnderstudyError, UsageError
from understudy.failures import explain

FILE = "served.json"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a gate decided. run: the label of the run that was asked about. served: the one that is served now."""

    run: str
    promoted: bool
    served: str
    why: str


def history(store: Path, name: str) -> list[dict[str, str]]:
    """What was served under a name, oldest first: `run`, `when` and `why`. Raises StoreError where it is damaged."""
    return _read(store).get(name, [])


def served(store: Path, name: str) -> str | None:
    """The label of the run that is served under a name; None where none was promoted."""
    entries = history(store, name)
    return entries[-1]["run"] if entries else None


def chosen(store: Path, run: str) -> str:
    """What `understudy serve` opens: the run promoted under a bare name, where there is one, else what was named."""
    return run if "@" in run else served(store, run) or run


def promote(run: str, store: Path, *, force: bool = False) -> Decision:
    """Serve a run unless it is worse than the one served: the best arm of each on their common questions, in pairs.

    Nothing served yet: it is promoted. force: whatever the comparison says. Raises InputError where the run has no
    benchmark, or has no question in common with the one that is served.
    """
    opened = api.open_run(run, store=store)
    name, label = opened.name, opened.label
    now = served(store, name)
    if now == label:
        return Decision(label, True, label, "it is served already")
    if force:
        return _enter(store, name, label, "promoted without a comparison")
    opened.artifact("benchmark")
    if now is None:
        return _enter(store, name, label, "the first to be served")
    before = api.open_run(now, store=store)
    compared = api.compare(f"{now}:{before.best_arm}", f"{label}:{opened.best_arm}", store=store, same_options=False)
    one = compared.comparisons[0]
    if one.verdict == "worse":
        return Decision(label, False, now, one.sentence)
    return _enter(store, name, label, one.sentence)


def roll_back(name: str, store: Path) -> Decision:
    """Serve again what was served before. Raises InputError where there was nothing before."""
    entries = history(store, name)
    now = entries[-1]["run"] if entries else ""
    # What was rolled back from is not gone back to: each entry that rolled back undoes one that promoted.
    line: list[str] = []
    for entry in entries:
        if entry["run"] in line:
            line = line[: line.index(entry["run"])]
        line.append(entry["run"])
    if len(line) < 2:
        raise InputError(f"'{name}' was served by {now or 'no run'} and by none before it; `understudy promote RUN`")
    return _enter(store, name, line[-2], f"rolled back from {now}")


def watch(
    recipe: Path,
    store: Path,
    *,
    settings: Iterable[str] = (),
    every: float = 600.0,
    once: bool = False,
    say: Callable[[str], None] = lambda text: None,
    wait: Callable[[float], None] = time.sleep,
    **run: Any,
) -> Decision | None:
    """Run a recipe whenever what it reads has changed, and promote the run where it is not worse.

    once: look once and return what was decided, None where nothing had changed. A run that fails is told and tried
    again when something changes; what is served stays. run: options of `api.run`. Raises UsageError for a recipe
    whose run costs money: nobody is there to be asked.
    """
    failed: tuple[str, ...] = ()
    settings = list(settings)
    looked = False
    while True:
        try:
            planned = api.plan(recipe, set=settings, store=store, closely=False)
        except (UnderstudyError, OSError) as error:
            if once or not looked:  # a mistake in the recipe, which whoever started this wants to see
                raise
            say(f"cannot look; what is served stays: {explain(error)}")  # a folder that is being moved, a disk away
            wait(every)
            continue
        looked = True
        state = tuple(f"{line.step.name} {line.key}" for line in planned.lines)
        if planned.usd or planned.unpriced:
            raise UsageError("watch: this recipe's next run costs money; see `understudy plan`, and run it by hand")
        if planned.to_do and state != failed:
            try:
                decision = _run_and_promote(recipe, store, settings, say, run)
            except Interrupted:
                raise
            except (UnderstudyError, OSError) as error:
                if once:
                    raise
                failed = state
                say(f"the run failed; what is served stays: {explain(error)}")
            else:
                if once:
                    return decision
        elif once:
            return None
        wait(every)


def _run_and_promote(
    recipe: Path, store: Path, settings: Iterable[str], say: Callable[[str], None], options: Mapping[str, Any]
) -> Decision:
    done = api.run(recipe, set=settings, store=store, say=say, command="understudy watch", **options)
    decision = promote(done.label, store)
    say(f"{done.label}: {'promoted' if decision.promoted else 'not promoted'}: {decision.why}")
    return decision


def _enter(store: Path, name: str, label: str, why: str) -> Decision:
    with FileLock(store.absolute() / f"{FILE}.lock"):
        found = _read(store)
        entry = {"run": label, "when": datetime.now(UTC).isoformat(timespec="seconds"), "why": why}
        found[name] = [*found.get(name, []), entry]
        write_json(store.absolute() / FILE, found)
    return Decision(label, True, label, why)


def _read(store: Path) -> dict[str, list[dict[str, str]]]:
    place = store.absolute() / FILE
    try:
        found: dict[str, list[dict[str, str]]] = json.loads(place.read_text(encoding="utf-8"))
        if not all(isinstance(e["run"], str) for entries in found.values() for e in entries):
            raise ValueError("an entry names no run")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StoreError(f"{place}: damaged ({error}); delete it and promote a run again") from error
    return found
