"""Figures as people read them. An undefined figure is a dash, never a zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.types import Chunk

DASH = "–"

_MODELS = {
    "base": "the model before training",
    "sft": "the fine-tuned model",
    "merged": "the merged model",
    "aligned": "the model after preference training",
}
_CONTEXTS = {
    "closed-book": "question only",
    "rag": "with passages that search found",
    "oracle": "with the right passage handed over",
    "corpus": "with the whole documentation in front of it",
}
_FLOORS = {
    "longest": "always picks the longest option",
    "shortest": "always picks the shortest option",
    "letter-prior": "always picks the most frequent letter",
    "overlap-corpus": "picks the option that shares most words with the documentation",
    "overlap-retrieved": "picks the option that shares most words with what search found",
    "choices-only": "a model that sees the options but not the question",
}


def percent(value: float | None, digits: int = 1) -> str:
    """A share in [0, 1] as a percentage."""
    return DASH if value is None else f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"


def points(value: float | None) -> str:
    """A difference of shares in percentage points, signed."""
    return DASH if value is None else f"{100 * value:+.1f}".replace("-", "−")


def span(low: float | None, high: float | None) -> str:
    """An interval of shares, in percent."""
    return DASH if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}\N{NO-BREAK SPACE}%"


def points_span(low: float | None, high: float | None) -> str:
    """An interval of differences, in percentage points."""
    return DASH if low is None or high is None else f"{points(low)} to {points(high)}"


def p_value(value: float | None) -> str:
    """A p-value, no more precise than anybody needs."""
    if value is None:
        return DASH
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def integer(value: float | None) -> str:
    """A count with its thousands apart."""
    return DASH if value is None else f"{value:,.0f}"


def number(value: Any) -> str:
    """Any metric: counts whole, other numbers with four significant digits."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e15):
        return integer(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def duration(seconds: float | None) -> str:
    """Seconds as `0.4 s`, `12 min 03 s` or `2 h 05 min`."""
    if seconds is None:
        return DASH
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def size(count: float | None) -> str:
    """Bytes as `1.2 GB` (powers of 1000)."""
    if count is None:
        return DASH
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def lines(first: int, last: int) -> str:
    """Source lines as `line 12` or `lines 12–14`."""
    return f"line {first}" if first == last else f"lines {first}–{last}"


def place(chunk: Chunk) -> str:
    """Where a chunk stands in its file: `lines 12–14`, `#anchor`, `cell 3`; empty for the file as a whole."""
    if chunk.place is None or chunk.place.startswith(":"):
        return lines(chunk.line_start, chunk.line_end)
    return chunk.place.removeprefix(", ")


def plural(count: int, noun: str) -> str:
    """`1 question`, `2 questions`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def arm_label(name: str) -> str:
    """An arm's name as shown: floors without the prefix that keeps them apart from arms."""
    return name.removeprefix("floor:")


def describe_arm(arm: Mapping[str, Any]) -> str:
    """What an arm or floor is, in plain words."""
    if arm["kind"] == "floor":
        kind, _, model = arm_label(arm["name"]).partition(" (")
        told = _FLOORS.get(kind, "knows nothing of the subject")
        return f"{told}; model: {model.rstrip(')')}" if model else told
    model = _MODELS.get(arm["model"], str(arm["model"]))
    return f"{model}, {_CONTEXTS.get(arm['context'], arm['context'])}"
