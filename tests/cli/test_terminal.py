"""What reaches the terminal: text as it is, without the power to drive it; and every failure in one line."""

from __future__ import annotations

import errno
import io
import logging
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from understudy.cli.console import PlainConsole
from understudy.errors import InputError, ModelError, StageError, StoreError, UnderstudyError
from understudy.failures import explain
from understudy.redact import PlainFormatter, printable

ROOT = Path(__file__).resolve().parents[2]
EVIL = "\x1b]0;title\x07 \x1b[31mred \x9b32m \x7f\x08 [bold]x[/bold] [/] \\[b] :smile: \u202egnp.exe\u2066 \ud83d"
# rich itself leaves out the bell and the backspace
SHOWN = "�]0;title �[31mred �32m � [bold]x[/bold] [/] \\[b] :smile: �gnp.exe� �"


def understudy(*arguments: str | bytes, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "understudy.cli.main", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "LC_ALL": "C.UTF-8"},
        cwd=cwd,
        capture_output=True,
        timeout=120,
    )


def test_text_is_printed_as_it_is_but_for_what_drives_a_terminal() -> None:
    written = io.StringIO()
    console = PlainConsole(file=written, width=400, force_terminal=True, color_system="truecolor")
    console.print(EVIL, soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    table.add_column(EVIL)
    table.add_row(EVIL)
    console.print(table)
    console.print("bold", style="bold")
    first, *_, last = written.getvalue().splitlines()
    assert first == SHOWN
    assert written.getvalue().count("[bold]x[/bold] [/] \\[b] :smile:") == 3
    assert "\x1b[31m" not in written.getvalue()
    assert last == "\x1b[1mbold\x1b[0m"  # its own emphasis stays


@given(st.text())
def test_printable_leaves_words_alone_and_no_control_character(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert all(a == b for a, b in zip(text, shown, strict=True) if unicodedata.category(a)[0] in "LMNPSZ")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.ENOSPC, "x", "/data/a"), StoreError, "no space left on the disk of /data/a"),
        (OSError(errno.EROFS, "x", "/data/a"), StoreError, "/data/a: Read-only file system"),
        (PermissionError(errno.EACCES, "x", "/data/a"), StoreError, "/data/a: Permission denied"),
        (OSError(errno.EMFILE, "x"), StageError, "ulimit -n"),
        (OSError(errno.ENAMETOOLONG, "x", "a" * 5000), InputError, "File name too long"),
        (NotADirectoryError(errno.ENOTDIR, "x", "/dev/null/x"), StoreError, "/dev/null/x: Not a directory"),
        (MemoryError(), StageError, "memory does not suffice"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
            StageError,
            "memory does not suffice",
        ),
        (RecursionError("maximum recursion depth exceeded"), StageError, "nested too deeply"),
        (KeyError("a\nb\nc"), StageError, "unexpected: KeyError"),
        (ModelError("its own words"), ModelError, "its own words"),
    ],
)
def test_any_exception_becomes_one_line(error: Exception, kind: type[UnderstudyError], words: str) -> None:
    told = explain(error)
    assert isinstance(told, kind)
    assert words in str(told)
    assert "\n" not in str(told)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "a[/b]\\[c].yaml"],
        ["show", "**"],
        ["show", "../" * 40],
        ["show", "n" * 5000],
        ["report", "n" * 5000],
        ["nocommand\x1b[31m"],
        ["run", "--\x1b[31m"],
        ["run", "recipes/quickstart.yaml", "--store", ""],
        ["run", "recipes/quickstart.yaml", "--set", b"docs.path=/\xff\xfe"],
        ["plan", "recipes/quickstart.yaml", "--set", "seed=\x1b[31m"],
        ["show", "x", "-n", "-1"],
    ],
)
def test_an_odd_command_line_is_one_clear_message(arguments: list[str | bytes]) -> None:
    done = understudy(*arguments, cwd=ROOT)
    told = done.stderr.decode()
    assert done.returncode == 2, told
    assert told.startswith("error: ")
    assert "Traceback" not in told
    assert "\x1b" not in told


def test_a_traceback_in_the_log_holds_neither_keys_nor_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-not-to-be-seen")
    try:
        raise ValueError("sk-not-to-be-seen \x1b[31m")
    except ValueError:
        record = logging.LogRecord("x", logging.INFO, "f", 1, "where", None, sys.exc_info())
    said = PlainFormatter("%(message)s").format(record)
    assert "ValueError: <SOME_API_KEY> �[31m" in said
    assert "sk-not" not in said
    assert "\x1b" not in said


def test_a_name_that_looks_like_markup_is_a_name() -> None:
    done = understudy("runs", "--store", "[/x]", cwd=ROOT)
    assert (done.returncode, done.stdout.decode()) == (0, "no runs in [/x]; `understudy run RECIPE` makes one\n")


@pytest.mark.parametrize("words", [["run", "x\\[/b].yaml"], ["show", "/nonexistent/[/x]"], ["show", "**\\[b]"]])
def test_a_name_with_marks_is_told_as_it_is(words: list[str], tmp_path: Path) -> None:
    done = understudy(*words, cwd=tmp_path)
    said = done.stderr.decode()
    assert done.returncode == 2
    assert said.startswith("error: ")
    assert words[1] in said
    assert "Traceback" not in said
