"""What to ship, in one sentence, from the paired comparisons alone: the simplest arm that nothing is shown to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from understudy.benchmark.summary import ArmSummary, Summary
from understudy.evaluation.records import Comparison
from understudy.report.words import percent

_CONTEXT_COST = {"closed-book": 0, "rag": 1, "corpus": 2}  # oracle arms need the answer's passage: nobody can ship one
_CONTEXT_WORDS = {"closed-book": "", "rag": " + retrieval", "corpus": " + whole documentation"}
_MODEL_WORDS = {"base": "base", "sft": "fine-tuned"}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """arm: the one to ship; None where none should be. sentence: the advice. reasons: what it rests on, in words."""

    sentence: str
    arm: str | None = None
    reasons: tuple[str, ...] = ()


def recommend(summary: Summary) -> Recommendation:
    """The advice. From the simplest arm on, an arm gives way only to one that the benchmark calls better."""
    able = sorted(
        (a for a in summary.arms if a.kind == "arm" and a.context in _CONTEXT_COST and a.acc.value is not None),
        key=_cost,
    )
    if not able:
        return Recommendation("Ship nothing yet: no arm that could answer users was measured.")
    if len(able) > 1 and not any(_between(summary, a, b) for a in able for b in able if a is not b):
        return Recommendation("Ship nothing yet: no two arms that could answer users were compared in pairs.")
    chosen = _climb(able, summary)
    trick = _shortcut(summary)
    low = chosen.acc.low if chosen.acc.low is not None else chosen.acc.value
    if trick is not None and low is not None and low <= trick[1]:
        return Recommendation(
            f"Ship nothing yet: the best arm, {arm_words(chosen)}, is not shown to do better than {trick[0]} "
            f"({percent(chosen.acc.value, 0)} against {percent(trick[1], 0)}).",
            reasons=_reasons(chosen, able, summary),
        )
    told = [t for t in (_training(chosen, able, summary), _retrieval(chosen, able, summary)) if t]
    sentence = f"Ship {arm_words(chosen)}"
    return Recommendation(
        f"{sentence}: {'; '.join(told)}." if told else f"{sentence}.", chosen.name, _reasons(chosen, able, summary)
    )


def arm_words(arm: ArmSummary) -> str:
    """`fine-tuned + retrieval`; a model that has no word of its own keeps its name."""
    return _MODEL_WORDS.get(arm.model, arm.model) + _CONTEXT_WORDS.get(arm.context, f" + {arm.context}")


def _cost(arm: ArmSummary) -> tuple[int, int]:
    return (0 if arm.model == "base" else 1, _CONTEXT_COST[arm.context])


def _climb(able: Sequence[ArmSummary], summary: Summary) -> ArmSummary:
    """From the simplest arm on, each time to the simplest one shown to be better; never back to one left behind."""
    current, left = able[0], {able[0].name}
    while True:
        beaten_by = [
            a for a in able if a.name not in left and _verdict(_between(summary, a, current), a.name) == "better"
        ]
        if not beaten_by:
            return current
        current = beaten_by[0]  # the simplest: arms stand in that order
        left.add(current.name)


def _between(summary: Summary, one: ArmSummary, other: ArmSummary) -> Comparison | None:
    pair = {one.name, other.name}
    return next((c for c in summary.comparisons if {c.first, c.second} == pair), None)


def _verdict(found: Comparison | None, name: str) -> str | None:
    """The comparison's word for `name`, whichever side it stands on; None without one."""
    if found is None or found.verdict == "inconclusive":
        return found.verdict if found else None
    if found.first == name:
        return found.verdict
    return "worse" if found.verdict == "better" else "better"


def _training(chosen: ArmSummary, able: Sequence[ArmSummary], summary: Summary) -> str:
    """What fine-tuning did where the passages are the same."""
    beside = [a for a in able if a.context == chosen.context and (a.model == "sft") != (chosen.model == "sft")]
    other = next(iter(sorted(beside, key=lambda a: a.model != "base")), None)
    if other is None:
        return ""
    word = _verdict(_between(summary, chosen, other), chosen.name)
    if chosen.model == "sft":
        forgot = ", but general skills are shown to have suffered" if _forgot(summary) else ""
        said = {"better": f"fine-tuning is shown to help{_figures(chosen, other)}", None: ""}.get(word, "")
        return said + forgot if said else forgot.removeprefix(", but ")
    return {
        "better": f"fine-tuning is shown to harm{_figures(other, chosen)}",
        "inconclusive": "fine-tuning adds nothing that can be shown",
        None: "fine-tuning was not compared with it",
    }.get(word, "")


def _retrieval(chosen: ArmSummary, able: Sequence[ArmSummary], summary: Summary) -> str:
    """What passages did where the model is the same."""
    wanted = "closed-book" if chosen.context != "closed-book" else "rag"
    other = next((a for a in able if a.model == chosen.model and a.context == wanted), None)
    word = _verdict(_between(summary, chosen, other), chosen.name) if other else None
    if other is None or word is None:
        return ""
    if chosen.context != "closed-book":
        return f"passages are shown to help{_figures(chosen, other)}" if word == "better" else ""
    harm = f"retrieval is shown to harm{_figures(other, chosen)}"
    return harm if word == "better" else "retrieval adds nothing that can be shown"


def _figures(first: ArmSummary, second: ArmSummary) -> str:
    return f" ({percent(first.acc.value, 0)} right against {percent(second.acc.value, 0)})"


def _shortcut(summary: Summary) -> tuple[str, float] | None:
    """The best of what knows nothing: guessing, or a shortcut baseline that beats guessing."""
    known = [("guessing", summary.provenance.chance)]
    for arm in summary.arms:
        if arm.name in summary.gameable and arm.acc.value is not None:
            known.append((f"the shortcut baseline “{arm.name.removeprefix('floor:')}”", arm.acc.value))
    return max(known, key=lambda pair: pair[1])


def _forgot(summary: Summary) -> bool:
    tasks = summary.general.tasks if summary.general else ()
    return any(task.verdict == "lost" and task.after.startswith("sft") for task in tasks)


def _reasons(chosen: ArmSummary, able: Sequence[ArmSummary], summary: Summary) -> tuple[str, ...]:
    """The sentence of each comparison of the chosen arm, and what is not known."""
    told = [found.sentence for a in able if a is not chosen and (found := _between(summary, chosen, a))]
    missing = [arm_words(a) for a in able if a is not chosen and _between(summary, chosen, a) is None]
    if missing:
        told.append(f"Not compared in pairs with it: {', '.join(missing)}.")
    if chosen.model != "base" and (summary.general is None or not summary.general.tasks):
        told.append("Whether general skills suffered was not measured.")
    return tuple(told)
