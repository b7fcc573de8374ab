"""What a remote teacher's facts must stand up to: the quote is there, the question stands alone, the answer holds."""

from __future__ import annotations

import re
from collections import Counter

from understudy.normal import f1, normal, words

_SOURCE = r"(?:text|excerpt|passage|snippet|paragraph|context|extract|document|article)s?"
_GIVEN = r"(?:given|provided|supplied|above|following|preceding)"
_SAYS = (
    r"(?:(?:does not|doesn't|do not|never|only|also|explicitly|clearly|specifically) )?(?:says?|states?|mentions?|"
    r"describes?|explains?|suggests?|indicates?|implies|imply|specif(?:y|ies)|discuss(?:es)?|talks? about|lists?|"
    r"recommends?|argues?|provides? (?:no |any )?(?:information|details?|examples?))\b"
)
_SHOWS = (
    r"(?:code|example|command|section|figure|table|list|request|response|configuration|information|tutorial|guide)s?"
)
_POINTS_AWAY = re.compile(
    # The source as what speaks, or by what it was to the writer. `The text` alone is often what a program works on.
    rf"\b(?:the|this) (?:{_GIVEN} )?{_SOURCE} (?:{_GIVEN} )?{_SAYS}|"
    rf"\b(?:according to|based on|as per|judging by|going by) the (?:{_GIVEN} )?(?:code )?{_SOURCE}\b|"
    rf"\b(?:in|of|from|by|within|under) (?:the|this) {_GIVEN} (?:code )?{_SOURCE}\b(?! (?:of|to|for)\b)|"
    rf"\b(?:in|from|by) (?:the|this) (?:code )?{_SOURCE} {_GIVEN}\b|"
    rf"\b(?:mention(?:ed)?|described|shown|given(?! (?:the|an?|that)\b)|provided|listed|"
    rf"specified|stated|discussed|implied|suggested|defined|detailed|covered|clear)\b[^.;]{{0,40}}? "
    rf"(?:in|by) (?:the|this) {_SOURCE}(?! (?:of|window|manager|menu)\b)\b|"
    rf"\b(?:the|this) (?:{_GIVEN} information|information {_GIVEN}) {_SAYS}|"
    rf"\bgiven the context\b|\bfrom the {_GIVEN} information\b|"
    r"\b(?:this|following|above) (?:excerpt|passage|extract|snippet)\b|"
    rf"\b(?:the|this) (?:above|preceding) {_SHOWS}\b|\bcode above\b|"
    r"\b(?:above|below) (?:example|text|code|section|command)\b|"
    r"\bmentioned above\b|\bas (?:shown|described|mentioned) (?:above|below|here)\b|"
    rf"\b(?:according to|does) the author\b|\bthe author {_SAYS}",
    re.IGNORECASE,
)
_ASKS_AWAY = re.compile(
    # And in a question, where nothing was said before that `this` could take up.
    rf"\bthis (?:{_GIVEN} )?(?:{_SOURCE}|{_SHOWS})\b|"
    rf"\b(?:the|a) {_GIVEN} (?:code )?(?:{_SOURCE}|{_SHOWS})\b(?! (?:of|to|for)\b)|"
    rf"\b(?:the|this) (?:code )?(?:{_SOURCE}|{_SHOWS}) {_GIVEN}\b(?! by\b)|"
    rf"\b(?:in|from|by) the (?:code )?(?:context|text|passage|excerpt|snippet|extract|paragraph)s?(?=[?.,;]|$)",
    re.IGNORECASE,
)
_LONGEST_QUESTION = 400
_LONGEST_ANSWER = 1500
AGREES = 0.4


def find_quote(quote: str, text: str) -> str | None:
    """The quote as it stands in the text, whatever its white space; None where it does not stand there."""
    wanted = quote.strip()
    if not wanted:
        return None
    if wanted in text:
        return wanted
    pattern = r"\s+".join(re.escape(part) for part in wanted.split())
    match = re.search(pattern, text)
    return match.group() if match else None


def question_problem(question: str) -> str | None:
    """Why a question cannot be used, or None."""
    if len(words(question)) < 3 or len(question) > _LONGEST_QUESTION:
        return "question too short or too long"
    if _POINTS_AWAY.search(question) or _ASKS_AWAY.search(question):
        return "question does not stand alone"
    return None


def answer_problem(answer: str) -> str | None:
    """Why an answer cannot be used, or None."""
    if not normal(answer) or len(answer) > _LONGEST_ANSWER:
        return "answer empty or too long"
    if _POINTS_AWAY.search(answer):
        return "answer does not stand alone"
    return None


def agreement(a: str, b: str) -> float:
    """F1 of the words of two answers (as SQuAD counts it), 1.0 where one holds the other whole."""
    x, y = words(a), words(b)
    if x and y and (not Counter(x) - Counter(y) or not Counter(y) - Counter(x)):
        return 1.0
    return f1(x, y)
