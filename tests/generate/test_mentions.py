"""Where a page speaks of a thing: by the kept places, and by reading the page anew each time."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.generate.extractive.grammar import is_identifier
from understudy.generate.extractive.mentions import said_before, spoken_of


def core_of(subject: str) -> str:
    return re.sub(r"^(?:the|an?) ", "", subject, flags=re.IGNORECASE).replace("`", "")


def began(subject: str, at: int, text: str) -> bool:
    """As it is defined, page by page in quadratic time."""
    before = re.sub(r"[`*]", "", text[:at])
    begins = r"(?:\A|[.:!?]\s|\n\s*(?:[-|:>]\s*)?)(?:(?:the|an?)\s+)?"
    return bool(re.search(rf"{begins}{re.escape(core_of(subject))}(?!\w)", before, re.IGNORECASE))


def named(subject: str, at: int, text: str) -> bool:
    """As it is defined, page by page in quadratic time."""
    tokens = [t for t in subject.split() if is_identifier(t)]
    core = tokens[0].replace("`", "") if tokens else core_of(subject)
    name = re.compile(rf"(?<![\w.-]){re.escape(core)}(?![\w-])", re.IGNORECASE)
    heading = text.rfind("\n#", 0, at) + 1
    title = text[heading : text.find("\n", heading) + 1] if text[heading : heading + 1] == "#" else ""
    before = text[heading + len(title) : at] if name.search(title) else re.sub(r"^#.*$", "", text[:at], flags=re.M)
    return bool(name.search(before))


PIECES = (
    "The ", "the `cat` ", "A dog", "dog", "cat", "cats", "`max_cat`", "max_cat", "--cat", "-c", "*dog*", ". ", ": ",
    "! ", "\n", "\n\n", "\n- ", "\n| ", " ", "  ", "\n# ", "\n## Dog\n", "# Cat\n", ".", "-", "`", "a", "x",
)  # fmt: skip
SUBJECTS = ("the dog", "The cat", "A dog", "`max_cat`", "the `max_cat` option", "`--cat`", "cat", "the `cat` dog", "x")


@given(st.lists(st.sampled_from(PIECES), max_size=24), st.sampled_from(SUBJECTS), st.integers(0, 80))
def test_the_kept_places_tell_what_reading_the_page_anew_tells(pieces: list[str], subject: str, at: int) -> None:
    text = "".join(pieces)
    at = min(at, len(text))
    assert said_before(subject, at, text) == began(subject, at, text)
    assert spoken_of(subject, at, text) == named(subject, at, text)


@pytest.mark.parametrize("text", ["The `opt_{}` option returns the count.\n\n", "\n"], ids=["sentences", "blank lines"])
def test_a_long_page_is_read_once(text: str) -> None:
    page = "".join(text.format(n) for n in range(20_000)) + "The end option closes it.\n"
    began_at = time.process_time()
    for n in range(0, 20_000, 100):
        said_before(f"the `opt_{n}` option", len(page), page)
        spoken_of(f"the `opt_{n}` option", len(page), page)
    assert time.process_time() - began_at < 10  # anew for each of them it takes minutes
