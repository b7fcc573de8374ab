"""A teacher's reply, read fact by fact: what is wrong with one never loses the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field

from understudy.models.answers import json_values, strict_schema, without_thoughts

Kind = Literal["forward", "reversed", "why", "how", "applied", "false-premise"]
_KINDS: tuple[Kind, ...] = get_args(Kind)
_MOST_DIGITS = 3  # of the number of an answer, since all up to the highest are made
_LIST_NAMES = ("facts", "pairs", "questions", "items", "data", "results")
_QUESTION_NAMES = ("questions", "question", "q")
_LONGEST = 20_000  # characters of a field; a chunk has less


class TaughtFact(BaseModel):
    """One fact as the teacher writes it."""

    quote: str
    kind: Kind
    questions: list[str] = Field(min_length=1)
    answer: str
    option: str


class TaughtFacts(BaseModel):
    """A teacher's reply for one chunk and round."""

    facts: list[TaughtFact]


class RoundTrip(BaseModel):
    """Answers from the chunk alone, in the order of the questions."""

    answers: list[str]


def narrow_schema(facts: int, wordings: int, quotes: Sequence[str]) -> dict[str, Any]:
    """The schema of a reply for a model that keeps to it by force: as many facts and questions as are asked for, each
    quote one of `quotes`, no text without end."""
    schema = strict_schema(TaughtFacts)
    schema["properties"]["facts"]["maxItems"] = facts
    fact = schema["$defs"]["TaughtFact"]["properties"]
    fact["quote"] = {"type": "string", "enum": list(quotes)}
    fact["questions"] |= {"minItems": 1, "maxItems": wordings, "items": _text_of(10, 200)}
    fact["answer"], fact["option"] = _text_of(1, 500), _text_of(1, 100)
    return schema


def _text_of(least: int, most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most}


def read_facts(text: str, *, cut: bool = False) -> tuple[list[TaughtFact], Counter[str]]:
    """The facts of a reply, and what of it could not be taken, by reason.

    The last list of facts counts: within `{"facts": [...]}`, at top level, or as objects one after another. A
    number or a truth value is taken as its text, a lone question as a list of one, a missing option as the
    answer, a kind that is not known as `forward`. cut: the endpoint says that the reply was cut off.
    Raises ValueError where there is no list of facts, or nothing whole in one that was cut off or is not right.
    """
    found: list[Any] | None = None
    loose: list[Any] = []
    ends_early = False
    for value, was_cut in json_values(without_thoughts(text)):
        listed = _listed(value)
        if listed is not None:
            found, ends_early = listed, was_cut
        elif isinstance(value, Mapping) and _question(value):
            loose.append(value)
    rows = found if found is not None else loose
    if found is None and not loose:
        raise ValueError("no JSON object with a list of facts in it")
    dropped: Counter[str] = Counter()
    facts: list[TaughtFact] = []
    for row in rows:
        fact = _fact(row)
        if isinstance(fact, str):
            dropped[f"not a whole fact: {fact}"] += 1
        else:
            facts.append(fact)
    if ends_early or (cut and found is None):
        dropped["cut off by the end of the answer"] += 1
    if not facts and (dropped or ends_early):
        raise ValueError(f"facts: {', '.join(dropped)}")
    return facts, dropped


def read_answers(text: str) -> list[str]:
    """The answers of a round trip: a list, or an object by number. Raises ValueError where there is neither."""
    for value, _ in reversed(list(json_values(without_thoughts(text)))):
        told = value.get("answers", value) if isinstance(value, Mapping) else value
        if isinstance(told, Mapping):
            numbers = {str(k).strip(". "): v for k, v in told.items()}
            if told and all(k.isdecimal() and len(k) <= _MOST_DIGITS for k in numbers):
                told = [numbers.get(str(i)) for i in range(1, max(map(int, numbers)) + 1)]
        if isinstance(told, str):
            told = [told]
        if isinstance(told, list):
            return [_text(item.get("answer") if isinstance(item, Mapping) else item) or "unknown" for item in told]
    raise ValueError("no JSON object with a list of answers in it")


def _listed(value: Any) -> list[Any] | None:
    """The list of facts in a JSON value, or None."""
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, Mapping)]
        if len(rows) == 1 and not _question(rows[0]) and (inner := _listed(rows[0])) is not None:
            return inner
        return value if rows and any(_question(row) or "quote" in row for row in rows) else [] if not value else None
    if not isinstance(value, Mapping):
        return None
    for name in _LIST_NAMES:
        told = value.get(name)
        if isinstance(told, Mapping):
            told = [told] if _question(told) else list(told.values())
        if isinstance(told, list) and (not told or any(isinstance(row, Mapping) for row in told)):
            return told
    return None


def _question(row: Mapping[str, Any]) -> bool:
    return any(row.get(name) for name in _QUESTION_NAMES) and "answer" in row


def _fact(row: Any) -> TaughtFact | str:
    """The fact of a row, or what is wrong with it."""
    if not isinstance(row, Mapping):
        return "no object"
    told = next((row[name] for name in _QUESTION_NAMES if row.get(name)), None)
    lines = told.splitlines() if isinstance(told, str) else told if isinstance(told, list) else []
    questions = [q for line in lines if (q := _text(line.get("question") if isinstance(line, Mapping) else line))]
    quote, answer = _text(row.get("quote")), _text(row.get("answer"))
    missing = [n for n, v in (("quote", quote), ("questions", questions), ("answer", answer)) if not v]
    if missing:
        return f"no {' and no '.join(missing)}"
    if max(map(len, [quote, answer, *questions])) > _LONGEST:
        return "a text beyond measure"
    named = _text(row.get("kind")).lower().replace("_", "-").replace(" ", "-")
    kind: Kind = next((k for k in _KINDS if k == named), "forward")
    option = _text(row.get("option")) or answer
    return TaughtFact(quote=quote, kind=kind, questions=questions, answer=answer, option=option)


def _text(value: Any) -> str:
    """A field as text: numbers and truth values as they are written, a list of texts joined."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(value)
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, Sequence) and value and all(isinstance(v, (str, int, float)) for v in value):
        return ", ".join(_text(v) for v in value)
    return ""
