"""Questions that assert a value: right ones are confirmed, wrong ones corrected with the true value."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from understudy.generate.base import Ask
from understudy.generate.extractive.claims import Claim
from understudy.generate.extractive.paraphrases import fill
from understudy.generate.text import bare
from understudy.generate.values import PRECISE
from understudy.normal import normal, strict

_TEMPLATES = (
    "Is {v} the {a} of {s}{c}?",
    "Is it right that the {a} of {s} is {v}{c}?",
    "I was told that the {a} of {s} is {v}{c}. Is that so?",
)
_NUMBER = re.compile(r"~?(?P<n>[-+]?\d[\d,_]*(?:\.\d+)?)(?P<unit>\D*)")
_DRAWS = 30  # values tried
_NO_TYPE = frozenset({"boolean", "code", "url", "address"})


class Values:
    """Different values of one type, of which one can be drawn that is another than the true one."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = list(values)
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, value in enumerate(self._values):
            self._places[strict(value)].append(place)

    def other(self, true: str, draw: int) -> str | None:
        """The value of this number among those that differ from the true one; None where none does."""
        same = self._places.get(strict(true), [])
        many = len(self._values) - len(same)
        if not many:
            return None
        place = draw % many
        for taken in same:
            place += taken <= place
        return self._values[place]


def values_by_type(claims: Sequence[Claim]) -> dict[str, Values]:
    """Different values of attributes and defaults, by type, in the order of the corpus."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for claim in claims:
        if claim.form in ("attribute", "default"):
            found[claim.type].setdefault(strict(claim.value), bare(claim.value))
    return {kind: Values(values.values()) for kind, values in found.items()}


def _near(values: Values, true: str, draw: int) -> str | None:
    """A value that might be taken for the true one: of its unit and of like magnitude; None where none is found."""
    for number in range(draw, draw + _DRAWS):
        said = values.other(true, number)
        if said is not None and _alike(said, true):
            return said
    return None


def _alike(a: str, b: str) -> bool:
    """Whether two numbers have one unit and they differ, by ten times at most (from 0: by ten)."""
    one, other = _NUMBER.fullmatch(a), _NUMBER.fullmatch(b)
    if one is None or other is None or one["unit"] != other["unit"]:
        return False
    small, large = sorted(abs(float(m["n"].replace(",", "").replace("_", ""))) for m in (one, other))
    return small < large <= 10 * (small or 1)  # 60.0 is 60


def premise(claim: Claim, context: str, values: Mapping[str, Values]) -> Ask | None:
    """A question that asserts the value of an attribute: for one fact in two with another value of its type.

    None for claims of other forms and where no other value is known. It makes no multiple-choice item.
    """
    if claim.form not in ("attribute", "default") or claim.type not in PRECISE - _NO_TYPE:
        return None
    draw = int(hashlib.sha256(f"{claim.subject}\x00{claim.attribute}\x00{claim.value}".encode()).hexdigest(), 16)
    true = bare(claim.value)
    wrong = draw % 2 == 0 and claim.type in ("number", "size", "time", "percent", "port")
    said = _near(values.get(claim.type, Values(())), true, draw // 2) if wrong else true
    if said is None or (claim.form == "default" and draw // 7 % 2):
        return None
    fields = {"a": claim.attribute, "s": claim.subject, "v": said, "c": context}
    answer = f"No, it is {true}." if wrong else f"Yes, it is {true}."
    topic = normal(f"premise {claim.attribute} {claim.subject} {said}{context}")
    return Ask("false-premise" if wrong else "premise", fill(_TEMPLATES, fields), answer, topic=topic)
