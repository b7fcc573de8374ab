"""Processes that run `understudy run`: each is forked from this one, which has imported what they need."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from understudy.pipeline.progress import progress_of

TIMEOUT = 900.0
_LOOK = 0.02  # seconds between two looks at a process


class Run:
    """`understudy run` in a child of this process; what it prints goes to a file."""

    def __init__(self, recipe: Path, store: Path, env: Mapping[str, str] | None = None) -> None:
        self.store = store
        self.code: int | None = None
        handle, name = tempfile.mkstemp(prefix="torture-")
        os.close(handle)
        self._said = Path(name)
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of threads, which wait
            self.pid = os.fork()
        if self.pid == 0:
            _become(["run", str(recipe), "--yes", "--store", str(store)], self._said, env or {})

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None where the process still runs after that time."""
        end = time.monotonic() + seconds
        while self.poll() is None and time.monotonic() < end:
            time.sleep(_LOOK)
        return self.code

    def kill(self) -> bool:
        """SIGKILL; whether it hit a living process."""
        living = self.poll() is None
        if living:
            os.kill(self.pid, signal.SIGKILL)
            self.wait(60.0)
        return living and self.code == -signal.SIGKILL

    def said(self) -> str:
        """What it printed; can be asked for once."""
        text = self._said.read_text(encoding="utf-8", errors="replace")
        self._said.unlink()
        return text

    def stage(self) -> str:
        """The stage that is going on, as the run notes it for those who look on, or was when it was killed."""
        runs = sorted((self.store / "runs").glob("*/*/run.json"))
        found = [p.stage for run in runs if (p := progress_of(run.parent)) is not None and p.pid == self.pid]
        return found[-1] if found else "between two stages" if runs else "before the first stage"


def _become(words: list[str], said: Path, env: Mapping[str, str]) -> None:
    """Be the command; never returns."""
    code = 70
    try:
        os.environ.update(env)
        out = os.open(said, os.O_WRONLY | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        from understudy.cli.main import main

        sys.argv = ["understudy", *words]
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
        try:
            main()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        os._exit(code)


def warm_up(recipe: Path, store: Path) -> None:
    """Import here what a run imports: found out by a run in a child, since a library that has worked may have threads
    that a fork does not take along."""
    listed = store.with_suffix(".modules")
    pid = os.fork()
    if pid == 0:
        try:
            from understudy.cli.main import main

            sys.argv = ["understudy", "run", str(recipe), "--yes", "--store", str(store)]
            out = os.open(os.devnull, os.O_WRONLY)
            os.dup2(out, 1)
            os.dup2(out, 2)
            with contextlib.suppress(SystemExit):
                main()
            listed.write_text("\n".join(sys.modules), encoding="utf-8")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    for name in listed.read_text(encoding="utf-8").split("\n"):
        if name not in sys.modules and not name.startswith("__"):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    listed.unlink()


def finished(process: Run, counts: Counter[str]) -> int | None:
    """The exit code; None, and counted, where it hangs. Unclear words are counted too."""
    code = process.wait(TIMEOUT)
    if code is None:
        process.kill()
        counts["hangs"] += 1
    unclear(process.said(), counts)
    return code


def unclear(said: str, counts: Counter[str]) -> None:
    """Count, and show, what is no message of the project's own."""
    if "Traceback" in said or "unexpected:" in said:
        counts["unclear"] += 1
        print(said[-800:], file=sys.stderr)
