"""Any exception as an error of the project's own: one line that says what happened and what helps."""

from __future__ import annotations

import errno
import os

from understudy.errors import InputError, StageError, StoreError, UnderstudyError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_WRONG_NAME = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.EILSEQ})
_WRONG_PLACE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY})
_NO_MEMORY = ("can't allocate memory", "cannot allocate memory", "failed to map segment", "std::bad_alloc")
_LONGEST = 500


def explain(error: BaseException, doing: str = "", store: str = "") -> UnderstudyError:
    """The error to show for any exception: itself where it is the project's, else what it means for a user.

    doing: what was being done, for example a stage's name. store: the folder that is written to. The result's
    message is one line where the exception was not the project's.
    """
    if isinstance(error, UnderstudyError):
        return error
    head = f"{doing}: " if doing else ""
    where = store or _place(error) or "this folder"
    if isinstance(error, OSError):
        if error.errno in _FULL:
            return StoreError(
                f"{head}no space left on the disk of {where}. Free some, or name another place with --store; finished "
                "stages are kept and the same command resumes."
            )
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return StageError(f"{head}too many files are open; raise the limit (`ulimit -n 4096`) and run again")
        if error.errno == errno.ENOMEM:
            return _no_memory(head)
        if error.errno in _DENIED:
            return StoreError(
                f"{head}{_place(error) or where}: {_said(error)}; change its permissions, or name another place with "
                "--store"
            )
        if error.errno in _WRONG_NAME:
            return InputError(f"{head}{_place(error)[:80] or 'a path'}: {_said(error)}")
        if error.errno in _WRONG_PLACE:
            return StoreError(f"{head}{_place(error) or where}: {_said(error)}")
        return StageError(f"{head}{_said(error)}" + (f" ({place})" if (place := _place(error)) else ""))
    text = _one_line(error)
    if isinstance(error, MemoryError) or any(w in text.lower() for w in _NO_MEMORY):
        return _no_memory(head)
    if isinstance(error, UnicodeEncodeError) and not doing:
        return InputError(f"{error.object[:80]!r}: holds bytes that are not UTF-8 text; give it a name that is")
    if isinstance(error, RecursionError):
        return StageError(f"{head}something is nested too deeply to be read")
    failed = f"{doing} failed: " if doing else "unexpected: "
    return StageError(f"{failed}{type(error).__name__}{f': {text}' if text else ''}")


def first_line(error: BaseException) -> str:
    """The first line of what a library says; the error's kind where it says nothing."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _no_memory(head: str) -> StageError:
    return StageError(
        f"{head}memory does not suffice; close other programs, raise the limit, or use a smaller model or batch. "
        "Finished stages are kept and the same command resumes."
    )


def _said(error: OSError) -> str:
    return (os.strerror(error.errno) if error.errno else _one_line(error)) or type(error).__name__


def _place(error: BaseException) -> str:
    named = getattr(error, "filename2", None) or getattr(error, "filename", None)
    return os.fsdecode(named) if isinstance(named, (str, bytes)) else ""


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
