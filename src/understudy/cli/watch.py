"""What a run shows while it runs: a line a stage, a bar for a person who looks, and signs of life for a log file."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from understudy.cli.console import duration, error_console, size

if TYPE_CHECKING:
    from understudy.artifact import Artifact
    from understudy.pipeline import Planned
    from understudy.stage import ProgressFunction

EVERY = 15.0  # seconds between two signs of life in a log file, whatever a stage is busy with


class Watch:
    """Shows a line per stage; while one runs, a bar where a person is looking, else a line every EVERY seconds."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=error_console,
            transient=True,
            disable=not error_console.is_terminal,
        )
        self._task: Any = None
        self._over = threading.Event()
        self._beat = threading.Thread(target=self._signs_of_life, daemon=True)
        self._what: str | None = None
        self._done = 0.0
        self._total: float | None = None
        self._first = 0.0
        self._began = 0.0
        self._stage_began = 0.0

    def __enter__(self) -> Watch:
        self._bar.start()
        if self._bar.disable:
            self._beat.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._bar.stop()

    def say(self, text: str) -> None:
        error_console.print(text, soft_wrap=True)

    def stage(self, name: str) -> ProgressFunction:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=None)
        self._stage_began = time.monotonic()
        self._note(name, 0.0, None)

        def progress(what: str, done: float, total: float | None) -> None:
            self._bar.update(self._task, description=f"{name}: {what}", completed=done, total=total)
            self._note(f"{name}: {what}", done, total)

        return progress

    def on_stage(self, planned: Planned, artifact: Artifact | None) -> None:
        name = planned.step.name
        if artifact is None:
            why = f" ({planned.why[0]})" if planned.why else ""
            error_console.print(f"{name}: running{why}", soft_wrap=True)
            return
        self._what = None
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        if planned.artifact is not None:
            error_console.print(f"{name}: cached")
            return
        manifest = artifact.manifest
        took = f"{duration(manifest['wall_seconds'])}, peak {size(manifest['peak_memory_bytes'])}"
        numbers = {k: v for k, v in artifact.counts.items() if isinstance(v, int) and not isinstance(v, bool)}
        made = ", ".join(f"{v:,} {k}" for k, v in list(numbers.items())[:4])
        error_console.print(f"{name}: done in {took}" + (f": {made}" if made else ""), soft_wrap=True)

    def _note(self, what: str, done: float, total: float | None) -> None:
        """Remember where the stage is; time left is counted from where this kind of work began."""
        if self._what is None or done < self._done or total != self._total:
            self._began, self._first = time.monotonic(), done
        self._what, self._done, self._total = what, done, total

    def _signs_of_life(self) -> None:
        while not self._over.wait(EVERY):
            if self._what is not None:
                self.say(f"  {self._where()}")

    def _where(self) -> str:
        now = time.monotonic()
        text = str(self._what)
        if self._total:
            text += f" {self._done:,.0f} of {self._total:,.0f}"
        text += f" ({duration(now - self._stage_began)}"
        gone = self._done - self._first
        if self._total and gone > 0 and " left" not in text:
            text += f", about {duration((now - self._began) / gone * (self._total - self._done))} left"
        return text + ")"
