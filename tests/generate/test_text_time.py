"""Sentences and plain words of long paragraphs: the same as of short ones, in time that grows with their length."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from processor import LINEAR, seconds_of

from understudy.generate.text import plain, sentences

LONG: dict[str, Callable[[int], object]] = {
    "code": lambda n: list(sentences("The `a.b` option sets it. " * n)),
    "abbreviations": lambda n: list(sentences("e.g. " * n)),
    "links": lambda n: plain("[a " * n),
    "pictures": lambda n: plain("![" * n),
    "emphasis": lambda n: plain("**a " * n),
}


@pytest.mark.parametrize("kind", LONG)
def test_four_times_the_words_take_no_sixteen_times_the_time(kind: str) -> None:
    def took(n: int) -> float:
        return seconds_of(lambda: LONG[kind](n))

    assert took(40_000) < LINEAR * took(10_000) + 0.1


def test_many_sentences_are_cut_as_few_are() -> None:
    one = "Use `a. b. c` for it, e.g. so (No. 7). "
    (end,) = {b - a for a, b in sentences(one * 500)}
    assert end == len(one) - 1
    assert len(list(sentences(one * 500))) == 500
    assert [one[a:b] for a, b in sentences(one)] == [one.strip()]


def test_an_abbreviation_is_one_after_any_beginning() -> None:
    for before in ("", "word ", "x" * 40 + " ", "(", "x" * 40 + "("):
        assert len(list(sentences(f"{before}approx. 7 parts."))) == 1
    assert len(list(sentences(f"{'x' * 40}approx. Seven parts."))) == 2
