"""What a remote teacher's facts must stand up to: the quote is there, the question stands alone, the answer holds."""

from __future__ import annotations

import re
from collections import Counter

from understudy.normal import normal, words

_POINTS_AWAY = re.compile(
    r"\b(?:(?:this|the|given|provided|following|above) (?:text|excerpt|passage|snippet|paragraph|"
    r"context(?=[?.,;!]|$| (?:provided|given|above)\b)|"
    r"extract|document|section above|code above|information)|(?:above|below) (?:example|text|code|section|command)|"
    r"mentioned above|"
    r"as (?:shown|described|mentioned) (?:above|below|here)|the author|in the (?:text|passage|excerpt))\b",
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
    if _POINTS_AWAY.search(question):
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
    x, y = Counter(words(a)), Counter(words(b))
    if not x or not y:
        return 0.0
    if not x - y or not y - x:
        return 1.0
    shared = sum((x & y).values())
    return 2 * shared / (sum(x.values()) + sum(y.values()))
