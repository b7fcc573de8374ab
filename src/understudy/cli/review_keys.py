"""The keys of `understudy review`: one record on the screen, one key a decision."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import typer
from rich.text import Text

from understudy.cli.console import console
from understudy.errors import InputError
from understudy.generate.decisions import Decision
from understudy.review.alike import Scope, carried
from understudy.review.audit import judged
from understudy.review.queue import SORTS, Entry
from understudy.review.session import Review
from understudy.types import MCQItem

KEYS = "a accept · r reject · e edit · s similar: the last decision for others like it · n next · u undo · q quit"
_AROUND = 700  # characters of the passage shown on each side of the quote


class Reader:
    """Shows records in their order until the last is decided or the reader quits. Decisions are written at once."""

    def __init__(self, review: Review, entries: Sequence[Entry], audit: bool) -> None:
        self.review = review
        self.entries = list(entries)
        self.audit = audit
        self.made: list[list[Decision]] = []
        self.at: list[int] = []
        self.last: tuple[Entry, Decision] | None = None

    def read(self) -> None:
        """Go through the records; the end of the input is a quit."""
        console.print(KEYS)
        n = 0
        while n < len(self.entries):
            entry = self.entries[n]
            if self._done(entry):
                n += 1
                continue
            show(entry, n + 1, len(self.entries))
            step = self._step(entry, n)
            if step is None:
                return
            n = step

    def _done(self, entry: Entry) -> bool:
        """Whether there is nothing to ask; in an audit only what somebody read counts."""
        return judged(self.review, entry) is not None if self.audit else self.review.standing(entry) is not None

    def _step(self, entry: Entry, n: int) -> int | None:
        """The number of the record after one key; None to quit."""
        while True:
            try:
                key = typer.getchar().lower()
            except (EOFError, KeyboardInterrupt):
                return None
            if key in ("q", "\x03", "\x04", ""):
                return None
            try:
                if key == "u":
                    return self._undo(n)
                if key == "s":
                    self._similar()
                    return n
                if key == "n":
                    return n + 1
                decision = self._decision(entry, key)
            except InputError as error:
                console.print(str(error), style="yellow", soft_wrap=True)
                continue
            if decision is None:
                console.print(KEYS)
                continue
            self._write([decision], n)
            self.last = entry, decision
            show_change(entry, decision)
            return n + 1

    def _decision(self, entry: Entry, key: str) -> Decision | None:
        if key == "a":
            return self.review.draft(entry, "accept")
        if key == "r":
            return self.review.draft(entry, "reject", reason=typer.prompt("reason", default="", show_default=False))
        if key == "e":
            if not entry.editable:
                return self.review.draft(entry, "edit")  # says why it cannot be
            question = edited("question", entry.record.question)
            return self.review.draft(entry, "edit", question=question, answer=edited("answer", entry.answer))
        return None

    def _similar(self) -> None:
        """Show what the last decision would do to others, and write it where the reader says so."""
        if self.last is None:
            console.print("decide something first; then s carries it over", style="yellow")
            return
        entry, decision = self.last
        console.print("for: f the same fact · p the same kind on this page · k the same kind everywhere")
        key = typer.getchar().lower()
        scope: Scope | None = next((s for s in get_args(Scope) if s.startswith(key) and key), None)
        found = carried(decision, entry, self.review, scope) if scope else []
        for other, made in found:
            show_change(other, made)
        if not found:
            console.print("it would change nothing else")
        elif typer.prompt(f"write these {len(found)}? y/n", default="n", show_default=False).lower().startswith("y"):
            self._write([made for _, made in found], None)
            console.print(f"{len(found)} written; u takes them back together")
        else:
            console.print("nothing written")

    def _write(self, decisions: list[Decision], n: int | None) -> None:
        self.review.write(decisions)
        self.made.append(decisions)
        self.at.append(-1 if n is None else n)

    def _undo(self, n: int) -> int:
        """Take back what was written last in this sitting; its record is shown again."""
        if not self.made:
            console.print("nothing to undo in this sitting; --decide ID=undo takes back an older one", style="yellow")
            return n
        taken, at = self.made.pop(), self.at.pop()
        self.review.take_back(taken)
        console.print(f"{len(taken)} taken back")
        self.last = None
        return n if at < 0 else at


def show_change(entry: Entry, decision: Decision) -> None:
    """One decision with what it does to the text."""
    mark = SORTS[entry.sort]
    told = f": {decision.reason}" if decision.reason else ""
    console.print(f"{entry.id} {decision.what} {mark}{told}: {entry.record.question}", soft_wrap=True)
    for what, old, new in (
        ("question", entry.record.question, decision.question),
        ("answer", entry.answer, decision.answer),
    ):
        if decision.what == "edit" and old != new:
            console.print(f"  {what} - {old}", style="red", soft_wrap=True)
            console.print(f"  {what} + {new}", style="green", soft_wrap=True)
    if entry.locked and decision.what == "reject":
        console.print(
            "  a benchmark has asked this question: the next report says that it was taken out", style="yellow"
        )


def show(entry: Entry, n: int, of: int) -> None:
    """A record, and under it its passage with the quote marked."""
    record = entry.record
    where = f"{entry.chunk.breadcrumb} ({entry.chunk.where})" if entry.chunk else entry.doc_id or "no source"
    what = SORTS[entry.sort] if entry.sort == "mark" else f"{SORTS[entry.sort]} · {entry.kind}"
    console.print(f"\n── {n} of {of} · {what} · risk {entry.risk:.2f} · {entry.id}", style="dim", soft_wrap=True)
    for reason in entry.reasons:
        console.print(f"   {reason}", style="yellow", soft_wrap=True)
    if entry.locked:
        console.print("   a benchmark has asked it: it can be rejected, and the next report says so", style="yellow")
    console.print(Text.assemble(("Q  ", "bold"), record.question), soft_wrap=True)
    if isinstance(record, MCQItem):
        for k, option in enumerate(record.options):
            console.print(f"   {'✓' if k == record.correct else '·'} {option}", soft_wrap=True)
    else:
        console.print(Text.assemble(("A  ", "bold"), record.answer or "none: it is not answered"), soft_wrap=True)
    console.print(where, style="dim", soft_wrap=True)
    if entry.chunk:
        console.print(marked(entry.chunk.text, record.quote))


def marked(passage: str, quote: str) -> Text:
    """The passage with the quote reversed, cut to what stands around it."""
    at = passage.find(quote) if quote else -1
    if at < 0:
        return Text(passage[: 2 * _AROUND] + ("…" if len(passage) > 2 * _AROUND else ""))
    end = at + len(quote)
    before, after = passage[max(0, at - _AROUND) : at], passage[end : end + _AROUND]
    return Text.assemble(
        "…" if at > _AROUND else "", before, (quote, "reverse"), after, "…" if end + _AROUND < len(passage) else ""
    )


def edited(what: str, text: str) -> str:
    """The text as the reader changes it: in $VISUAL or $EDITOR where one is named, else on a line of its own."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if editor and sys.stdin.isatty():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{what}.txt"
            path.write_text(text, encoding="utf-8")
            try:
                subprocess.run([*shlex.split(editor), str(path)], check=True)
                return path.read_text(encoding="utf-8").strip()
            except (OSError, ValueError, subprocess.CalledProcessError) as error:
                raise InputError(f"the editor '{editor}' failed: {error}; set EDITOR to another") from error
    return str(typer.prompt(f"{what} (Enter keeps it)", default=text, show_default=False))
