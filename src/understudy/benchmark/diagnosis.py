"""What an arm turns out to be: a guesser by length, a lover of one letter, a reader, or one that knows.

Patterns are read from the answers, not from the score: an arm that picks the longest option also where that
is wrong goes by length, however well it scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from understudy.benchmark.summary import Diagnosis
from understudy.evaluation.question import Question
from understudy.evaluation.records import Interval
from understudy.evaluation.shifts import place_of
from understudy.prompts import LETTERS
from understudy.types import Arm, ItemResult

FEWEST = 20  # below so many answers a pattern is not named
FORMAT = 0.2  # share of format failures that is worth naming
POSITION = 0.8  # share of answers on one letter, where an even spread is 1/k
SAME = 0.85  # agreement with a floor where that floor is wrong
READS = 0.7  # lower bound of oracle accuracy for a good reader
_FLOORS = {
    "floor:longest": ("length-only", "picks the longest option"),
    "floor:shortest": ("length-only", "picks the shortest option"),
    "floor:overlap-corpus": ("overlap-only", "picks the option whose words match a passage best"),
}


def positions(results: Sequence[ItemResult], questions: Mapping[str, Question]) -> tuple[float, ...]:
    """Share of the answers on each shown place (A, B, ...), over all shifts; empty where none was shown."""
    counts: Counter[int] = Counter()
    width = 0
    for one in results:
        chosen = one.detail.get("chosen") or _first_other(one, "chosen") or ()
        k = len(questions[one.item_id].item.options)
        for shift, option in enumerate(chosen):
            if option is not None:
                counts[place_of(option, shift, k)] += 1
                width = max(width, k)
    return tuple(counts[place] / counts.total() for place in range(width)) if counts else ()


def _first_other(result: ItemResult, key: str) -> Sequence[int | None] | None:
    return next((o[key] for o in result.detail.get("other", {}).values() if key in o), None)


def patterns(
    results: Sequence[ItemResult], spread: Sequence[float], floors: Mapping[str, Mapping[str, ItemResult]]
) -> list[Diagnosis]:
    """Ways of answering that need no knowledge. spread: `positions` of the arm."""
    defined = [r for r in results if r.acc is not None]
    if len(defined) < FEWEST:
        return []
    found = []
    failed = sum(r.format_failure for r in defined) / len(defined)
    if failed >= FORMAT:
        found.append(
            Diagnosis("format", f"cannot follow the answer format: {failed:.0%} of its answers are unreadable")
        )
    if spread and max(spread) >= POSITION:
        letter = LETTERS[list(spread).index(max(spread))]
        found.append(
            Diagnosis("position", f"answers {letter} in {max(spread):.0%} of the showings, whatever stands there")
        )
    for name, (code, words) in _FLOORS.items():
        apart = [
            (r, floor)
            for r in defined
            if r.predicted is not None
            and (floor := floors.get(name, {}).get(r.item_id)) is not None
            and floor.predicted is not None
            and floor.acc == 0.0
        ]
        if len(apart) >= FEWEST // 2:
            same = sum(r.predicted == floor.predicted for r, floor in apart) / len(apart)
            if same >= SAME:
                found.append(
                    Diagnosis(code, f"{words}, also where that is wrong ({same:.0%} of {len(apart)} such questions)")
                )
    return found


def knowledge(arm: Arm, acc: Interval, oracle: Interval | None, chance: float) -> list[Diagnosis]:
    """What a closed-book arm knows, corrected for guessing, and whether its model is (only) a good reader."""
    if acc.value is None or acc.low is None or acc.high is None or acc.n < FEWEST:
        return []
    if arm.context == "oracle":
        return (
            [Diagnosis("poor-reader", "does no better than guessing with the right passage before it")]
            if (acc.low <= chance)
            else []
        )
    if arm.context != "closed-book":
        return []
    low, mid, high = (max(0.0, (a - chance) / (1 - chance)) for a in (acc.low, acc.value, acc.high))
    if acc.low <= chance:
        found = [Diagnosis("knows-nothing", "cannot be told from guessing without the documentation")]
        if oracle is not None and oracle.low is not None and oracle.low >= READS:
            text = f"knows nothing by heart, but reads well: {oracle.value:.0%} right with the right passage"
            found = [Diagnosis("reader-only", text)]
        return found
    if mid >= 0.9:
        return [Diagnosis("knows-most", f"knows nearly all of the facts by heart (at least {low:.0%})")]
    text = f"knows about {mid:.0%} of the facts by heart ({low:.0%} to {high:.0%}), correcting for guesses"
    return [Diagnosis("partial-knowledge", text)]
