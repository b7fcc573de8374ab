"""What the results of all seeds say on each published claim: figures, a verdict word, and the published figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.study.config import StudyConfig
from understudy.study.figures import (
    Estimate,
    Figure,
    Skill,
    Word,
    accuracy,
    changes,
    combined,
    difference,
    kept_share,
    recovered,
)
from understudy.study.run import Asked, SeedResult

SKILLS_TOGETHER = "all"
RECOVERED, GIVEN_UP = 0.8, 0.02  # the aim of the remedy against forgetting: shares of the loss, and of 1


@dataclass(frozen=True, slots=True)
class Claim:
    """A published claim and what was found. figures: the first is the one that the verdict rests on."""

    key: str
    question: str
    published: str
    verdict: Word
    sentence: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that study.md shows. general: step → skill → accuracy; arms: way of teaching → arm → accuracy.

    strengths: way of teaching → λ → (general change, development accuracy). seconds: of each seed, stages summed.
    """

    claims: tuple[Claim, ...]
    merges: Mapping[str, Figure]
    general: Mapping[str, Mapping[str, Figure]]
    arms: Mapping[str, Mapping[str, Figure]]
    strengths: Mapping[str, Mapping[str, tuple[Figure, Figure]]]
    chosen: Mapping[str, tuple[float, ...]]
    facts: tuple[int, ...]
    seconds: tuple[float, ...]


def findings(config: StudyConfig, results: Sequence[SeedResult]) -> Findings:
    """All figures and verdicts of a study."""
    merges = {name: kept_share(f"share of the gain that {name} keeps", _skills(config, results, name))
              for name in config.merges}  # fmt: skip
    strengths = {way: _strengths(results, way) for way in config.teach}
    claims = (
        _merging(config, merges, results),
        _best(merges),
        *(_with_retrieval(results, way) for way in config.teach),
        _forgetting(results),
        _recovery(results),
    )
    return Findings(
        claims,
        merges,
        _general(results),
        {way: _arms(results, way) for way in config.teach},
        strengths,
        {way: tuple(float(r.sweep[way].get("chosen", 1.0)) for r in results) for way in config.teach},
        tuple(r.facts for r in results),
        tuple(round(sum(r.seconds.values()), 1) for r in results),
    )


# ── (a) merging ─────────────────────────────────────────────────────────────────────────────────────────


def _skills(config: StudyConfig, results: Sequence[SeedResult], merge: str) -> list[Skill]:
    return [
        Skill(
            [_of(r.general, "reader", skill) for r in results],
            [_of(r.general, model, skill) for r in results],
            [_of(r.general, f"merge {merge}", skill) for r in results],
        )
        for model, skill in config.specialists.items()
    ]


def _of(asked: Asked, step: str, skill: str) -> dict[str, float]:
    return {i: v for i, v in asked.right[step].items() if skill in (SKILLS_TOGETHER, asked.skill[i])}


def _merging(config: StudyConfig, merges: Mapping[str, Figure], results: Sequence[SeedResult]) -> Claim:
    main = merges[config.goes_on]
    word = main.above(config.keep)
    each = []
    for (model, skill), s in zip(config.specialists.items(), _skills(config, results, config.goes_on), strict=True):
        each.append(difference(f"{model} − reader, {skill}", s.specialist, s.reader))
        each.append(difference(f"merge {config.goes_on} − reader, {skill}", s.merged, s.reader))
    share = "undefined: a specialist is not better than the reader" if main.value is None else percent(main.value)
    return Claim(
        "merge",
        f"Does {config.goes_on} keep at least {percent(config.keep)} of the specialists' gains?",
        "a SLERP merge of Mistral-7B fine-tunes keeps the specialists' skills (no figure given)",
        word,
        f"Share kept on average: {share}.",
        (main, *each),
    )


def _best(merges: Mapping[str, Figure]) -> Claim:
    known = sorted((f.value, name) for name, f in merges.items() if f.value is not None)[::-1]
    if not known:
        return Claim("best-merge", "Which merge keeps most?", "SLERP was chosen", "inconclusive",
                     "No share is defined.", ())  # fmt: skip
    name = known[0][1]
    figure = merges[name]
    apart = [other for _, other in known[1:] if _apart(figure, merges[other])]
    told = f"its intervals lie above those of {', '.join(apart)}" if apart else "its intervals overlap all others'"
    word: Word = "yes" if len(apart) == len(known) - 1 else "inconclusive"
    return Claim(
        "best-merge", "Does one merge method keep more than every other?", "SLERP was chosen", word,
        f"{name} keeps most as measured ({percent(known[0][0])}); {told}.", (figure,),
    )  # fmt: skip


def _apart(first: Figure, second: Figure) -> bool:
    return first.low is not None and second.high is not None and first.low > second.high


# ── (b) teaching and looking up ─────────────────────────────────────────────────────────────────────────


def _labels(results: Sequence[SeedResult], way: str) -> list[Mapping[str, str]]:
    return [r.manual[way].label for r in results]


def _arm(results: Sequence[SeedResult], way: str, arm: str) -> list[Mapping[str, float]]:
    return [r.manual[way].right.get(arm, {}) for r in results]


def _with_retrieval(results: Sequence[SeedResult], way: str) -> Claim:
    def against(first: str, second: str) -> Figure:
        return difference(f"{first} − {second}, {way}", _arm(results, way, first), _arm(results, way, second),
                          _labels(results, way))  # fmt: skip

    main = against("sft+rag", "base+rag")
    others = (against("sft", "base"), against("sft+rag", "sft"), against("sft+oracle", "base+oracle"))
    value = "undefined" if main.value is None else f"{points(main.value)} points"
    return Claim(
        f"teach-{way}",
        f"Is the fine-tuned model with retrieval better than retrieval alone ({way} teaching)?",
        "57.7 % against 47.7 % of 50 questions: +10 points",
        main.above(0.0),
        f"Difference: {value}.",
        (main, *others),
    )


def _arms(results: Sequence[SeedResult], way: str) -> dict[str, Figure]:
    names = list(dict.fromkeys(arm for r in results for arm in r.manual[way].right))
    return {name: accuracy(name, _arm(results, way, name), _labels(results, way)) for name in names}


# ── (c) forgetting ──────────────────────────────────────────────────────────────────────────────────────


def _row(sweep: Mapping[str, Any], strength: float) -> Mapping[str, Any] | None:
    return next((row for row in sweep.get("strengths", ()) if abs(row["strength"] - strength) < 1e-9), None)


def _estimate(row: Mapping[str, Any], what: str) -> Estimate:
    found = row[what]
    return Estimate(float(found["value"]), found["low"], found["high"], int(found["n"]))


def _rows(results: Sequence[SeedResult], way: str, strength: float) -> list[Mapping[str, Any]]:
    """Each seed's row of the sweep at a strength; empty where one seed lacks it."""
    rows = [_row(r.sweep.get(way, {}), strength) for r in results]
    known = [row for row in rows if row is not None]
    return known if len(known) == len(rows) else []


def _at(results: Sequence[SeedResult], way: str, strength: float, what: str) -> list[Estimate]:
    """Each seed's estimate at a strength; empty where one seed lacks it."""
    rows = _rows(results, way, strength)
    return [_estimate(row, what) for row in rows] if all(row[what]["value"] is not None for row in rows) else []


def _strengths(results: Sequence[SeedResult], way: str) -> dict[str, tuple[Figure, Figure]]:
    table = {}
    for value in _swept(results, way):
        general, dev = (_at(results, way, value, what) for what in ("general_change", "dev"))
        if general and dev:
            table[f"{value:g}"] = (
                combined(f"general change, {way}, λ = {value:g}", general),
                combined(f"development questions, {way}, λ = {value:g}", dev),
            )
    return table


def _forgetting(results: Sequence[SeedResult]) -> Claim:
    before = _asked_generally(results, "aligned")
    first, *others = (
        difference(f"general questions, {way} as shipped − aligned", _asked_generally(results, way), before)
        for way in ("naive", *(w for w in results[0].sweep if w != "naive"))
    )
    above = first.above(0.0)
    swept = _at(results, "naive", 1.0, "general_change")
    if swept:
        others.append(combined("the sweep's general questions, naive, λ = 1", swept))
    return Claim(
        "forgetting",
        "Does naive fine-tuning (closed book, no replay, all of it) lose general skill?",
        "fine-tuning made the model forget general skills (named as the open problem, no figure given)",
        "no" if above == "yes" else "yes" if above == "no" else "inconclusive",
        f"Change: {points(first.value)} points.",
        (first, *others),
    )


def _recovery(results: Sequence[SeedResult]) -> Claim:
    """Judged by the models as shipped, on general and manual questions of each seed that chose nothing."""
    before = _asked_generally(results, "aligned")
    lost, still = (changes(_asked_generally(results, way), before) for way in ("naive", "default"))
    main = recovered("share of the loss recovered: default as shipped", lost, still)
    price = difference("accuracy on the manual given up: default as shipped", _arm(results, "naive", "sft"),
                       _arm(results, "default", "sft"), _labels(results, "naive"))  # fmt: skip
    enough, dear = main.above(RECOVERED), price.above(GIVEN_UP)
    word: Word = "inconclusive"
    if enough == "yes" and dear == "no":
        word = "yes"
    elif enough == "no" or dear == "yes":
        word = "no"
    share = "undefined: nothing was lost on average" if main.value is None else percent(main.value)
    return Claim(
        "recovery",
        f"Do replay and the choice of λ recover {percent(RECOVERED)} of what naive fine-tuning loses, for at most "
        f"{100 * GIVEN_UP:g} points of what it learns?",
        "none: the report has no remedy",
        word,
        f"Recovered: {share}; given up: {points(price.value)} points of accuracy on the manual.",
        (main, price, *_by_strength(results)),
    )


def _by_strength(results: Sequence[SeedResult]) -> list[Figure]:
    """The same two figures for every λ, on the sweep's questions, which also choose it."""
    lost, full = _changes(results, "naive", 1.0), _answers(results, "naive", 1.0, "dev")
    figures: list[Figure] = []
    for way in ("default", "naive"):
        for strength in _swept(results, way):
            still, dev = _changes(results, way, strength), _answers(results, way, strength, "dev")
            if lost and still and full and dev and (way, strength) != ("naive", 1.0):
                name = f"{way}, λ = {strength:g}, on the sweep's questions"
                figures.append(recovered(f"share of the loss recovered: {name}", lost, still))
                figures.append(difference(f"accuracy on the manual given up: {name}", full, dev))
    return figures


def _asked_generally(results: Sequence[SeedResult], step: str) -> list[Mapping[str, float]]:
    """Each seed's answers to its own general questions, which chose nothing."""
    return [r.general.right[step] for r in results]


def _answers(results: Sequence[SeedResult], way: str, strength: float, what: str) -> list[Mapping[str, float]]:
    """Each seed's answers at a strength; empty where one seed lacks it."""
    return [row["answers"][what] for row in _rows(results, way, strength)]


def _changes(results: Sequence[SeedResult], way: str, strength: float) -> list[dict[str, float]]:
    """Each seed's change of every general question from before training."""
    after = _answers(results, way, strength, "general")
    return changes(after, [r.sweep[way]["base"]["answers"]["general"] for r in results] if after else [])


def _swept(results: Sequence[SeedResult], way: str) -> list[float]:
    return [float(row["strength"]) for row in results[0].sweep.get(way, {}).get("strengths", ())]


def _general(results: Sequence[SeedResult]) -> dict[str, dict[str, Figure]]:
    skills = [*dict.fromkeys(results[0].general.skill.values()), SKILLS_TOGETHER]
    return {
        step: {skill: accuracy(f"{step}, {skill}", [_of(r.general, step, skill) for r in results]) for skill in skills}
        for step in results[0].general.right
    }


def percent(share: float) -> str:
    """A share as `78.3 %`."""
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def points(share: float | None) -> str:
    """A difference in points with its sign."""
    return "–" if share is None else f"{100 * share:+.1f}".replace("-", "−")
