"""Every error Understudy raises on purpose.

UnderstudyError                the root; `str(error)` says what, where and what to do next
├── UsageError                 the user's input is wrong: no traceback, exit code 2
│   ├── RecipeError            a recipe or one of its keys
│   ├── InputError             a file, folder or record that cannot be used
│   └── MissingExtraError      an optional library is not installed
├── StageError                 a stage failed: exit code 1
│   ├── ModelError             a model cannot be loaded, saved or run
│   ├── TeacherError           a remote model refused or cannot be reached
│   ├── StoreError             the artifact store cannot be read or written
│   └── NetworkRefused         a host that nobody named was to be reached; an OSError too, as libraries expect
└── Interrupted                Ctrl-C: finished work is kept, exit code 130
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnderstudyError(Exception):
    """The root of all errors raised on purpose."""

    exit_code = 1


class UsageError(UnderstudyError):
    """The user's input is wrong; the message names the place and the next step."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe cannot be read, or one of its keys is wrong."""


class InputError(UsageError):
    """A file, folder or record cannot be used."""


class MissingExtraError(UsageError):
    """An optional library is missing; the message holds the command that installs it."""


class StageError(UnderstudyError):
    """A stage failed while running."""


class ModelError(StageError):
    """A model cannot be loaded, saved or run."""


class TeacherError(StageError):
    """A remote model cannot be reached or keeps refusing."""


class StoreError(StageError):
    """The artifact store cannot be read or written."""


class NetworkRefused(StageError, OSError):
    """A host was to be reached that neither recipe nor command names. A library takes it for a failed connection."""


class Interrupted(UnderstudyError):
    """The user pressed Ctrl-C; everything finished is kept."""

    exit_code = 130


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'slerp'?`, or an empty string where nothing known is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""
