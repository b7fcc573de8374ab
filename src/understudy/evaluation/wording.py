"""What makes two sentences of the same words say different things: their numbers, and whether they deny."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)*(?!\w)")
_YES_NO = re.compile(r"\s*(yes|no)\b[\s,.;:]*", re.IGNORECASE)
_DENIAL = re.compile(r"(?<!or )\b(?:not|no|never|none|nothing|cannot|without|unable)\b|n't\b", re.IGNORECASE)


def numbers(text: str) -> set[str]:
    """The numbers that stand by themselves, `1,000` and `1000` alike."""
    return {found.replace(",", "") for found in _NUMBER.findall(text)}


def agree(text: str, reference: str, question: str = "") -> bool:
    """Whether both deny something or neither does, as far as words such as `not` tell.

    A word of denial that stands in the question denies nothing where an answer repeats it.
    """
    return _denies(text, question) == _denies(reference, question)


def _denies(text: str, question: str) -> bool:
    plain = _YES_NO.match(text)
    if plain:
        return plain[1].casefold() == "no"
    asked = {word.casefold() for word in _DENIAL.findall(question)}
    return any(word.casefold() not in asked for word in _DENIAL.findall(text))


def yes_or_no(text: str) -> str:
    """`yes` or `no` where a text begins with it, else nothing."""
    plain = _YES_NO.match(text)
    return plain[1].casefold() if plain else ""


def without_yes_no(text: str) -> str:
    """The text after a `yes` or `no` at its beginning; the text itself where there is none."""
    plain = _YES_NO.match(text)
    return text[plain.end() :] if plain else text
