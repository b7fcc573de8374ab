"""Which option a key names. The rule is decided for the whole file, never row by row: where every key of a file can
be a letter, `B` is a letter also in the row whose options are letters themselves.

Readings: the label that stands beside an option, the text of an option, a letter, a number from 0, a number from 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.errors import InputError
from understudy.normal import folded
from understudy.prompts import LETTERS

_LABEL = "the label beside an option"
_LETTER = re.compile(r"(?:(?:option|choice|answer)[\s_-]*)?[(\[]?([A-Za-z])[)\].:]?", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d{1,3}(?:\.0+)?")


@dataclass(frozen=True, slots=True)
class Keyed:
    """A question's key. labels: what stands beside the options, where the file says it.

    counts_from_zero: the field is one whose numbers count from 0 by convention (`label`, `gold`, our own records).
    """

    key: Any
    options: tuple[str, ...]
    where: str
    labels: tuple[str, ...] = ()
    counts_from_zero: bool = False


def find_keys(path: Path, rows: Sequence[Keyed]) -> list[int | None]:
    """The option that each key names; None where it names none by the file's rule.

    The rule is the reading by which the most keys name an option; labels that stand beside the options come
    before all others. Raises InputError, with both readings, where
    two do equally well and do not agree.
    """
    by_rule = {name: [reading(row) for row in rows] for name, reading in _READINGS.items()}
    fits = {name: sum(place is not None for place in places) for name, places in by_rule.items()}
    most = max(fits.values(), default=0)
    best = [name for name in by_rule if fits[name] == most]
    first = by_rule[best[0]]  # where nothing fits, none of them names an option
    for other in best[1:] if most and best[0] != _LABEL else []:
        for row, place, there in zip(rows, first, by_rule[other], strict=True):
            if place != there:
                raise InputError(
                    f"{path}: cannot tell what the keys are. By {row.where} the key {str(row.key)[:40]!r} means "
                    f"{_option(row, place)} as {best[0]}, and {_option(row, there)} as {other}, and both fit the "
                    f"whole file; write letters (a, b, ...) that are no options, or the text of the right option"
                )
    return first


def find_key(key: Any, options: tuple[str, ...]) -> int | None:
    """The option that a single key names, in a log whose rule is known: by text, by letter, or by index from 0."""
    row = Keyed(key, options, "")
    found = (_by_text(row), _by_letter(row), _by_number(row, 0))
    return next((place for place in found if place is not None), None)


def _option(row: Keyed, place: int | None) -> str:
    return "no option" if place is None else repr(row.options[place][:40])


def _by_label(row: Keyed) -> int | None:
    key = folded(row.key)
    same = [k for k, label in enumerate(row.labels) if folded(label).casefold() == key.casefold()]
    return same[0] if len(same) == 1 else None


def _by_text(row: Keyed) -> int | None:
    if isinstance(row.key, int):
        return None  # a number of JSON counts, also where an option is written with its digits
    key = folded(row.key)
    same = [k for k, option in enumerate(row.options) if folded(option) == key]
    return same[0] if len(same) == 1 else None


def _by_letter(row: Keyed) -> int | None:
    found = _LETTER.fullmatch(folded(row.key)) if isinstance(row.key, str) else None
    if found is None:
        return None
    place = LETTERS.find(found.group(1).upper())
    return place if 0 <= place < len(row.options) else None


def _by_number(row: Keyed, first: int) -> int | None:
    if isinstance(row.key, bool) or not _NUMBER.fullmatch(folded(row.key)):
        return None
    place = int(float(folded(row.key))) - first
    return place if 0 <= place < len(row.options) else None


def _from_one(row: Keyed) -> int | None:
    return None if row.counts_from_zero else _by_number(row, 1)


_READINGS: dict[str, Callable[[Keyed], int | None]] = {
    _LABEL: _by_label,
    "a letter": _by_letter,
    "the text of an option": _by_text,
    "a number from 0": lambda row: _by_number(row, 0),
    "a number from 1": _from_one,
}
