"""study.md: the comparison with the published claims, figure by figure. A pure function of the findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from understudy.study.claims import Claim, Findings, percent, points
from understudy.study.config import StudyConfig
from understudy.study.figures import Bounds, Figure

_DASH = "–"


def markdown(config: StudyConfig, found: Findings) -> str:
    """The whole page."""
    return "\n".join(_lines(config, found)) + "\n"


def _lines(config: StudyConfig, found: Findings) -> Iterator[str]:
    n = len(found.facts)
    yield f"# Study: {config.name}"
    yield ""
    yield (
        f"{n} seeds; a seed is another generated manual ({min(found.facts)} to {max(found.facts)} facts), another "
        f"order of training and other general questions. Model: `{config.base_model}`. Wall-clock seconds a seed, "
        f"stages summed: {', '.join(f'{s:.0f}' for s in found.seconds)}."
    )
    yield ""
    yield (
        "Every figure has two 95 % intervals: over the questions (the seeds as they are), and over the seeds (each one "
        "observation). A verdict is yes or no only where both lie on one side; otherwise it is inconclusive."
    )
    yield ""
    yield "## Published claims"
    yield ""
    yield "| question | published | found | verdict |"
    yield "|---|---|---|---|"
    for claim in found.claims:
        yield f"| {claim.question} | {claim.published} | {claim.sentence} | **{claim.verdict}** |"
    for claim in found.claims:
        yield from _claim(claim)
    yield from _merges(config, found)
    yield from _steps(found)
    yield from _arms(found)
    yield from _sweeps(found)


def _claim(claim: Claim) -> Iterator[str]:
    yield ""
    yield f"### {claim.question}"
    yield ""
    yield f"**{claim.verdict}.** {claim.sentence} Published: {claim.published}."
    if claim.figures:
        yield ""
        yield "| figure | value | over questions | over seeds | n | by seed |"
        yield "|---|---|---|---|---|---|"
        for f in claim.figures:
            show = _share if "share" in f.what else points
            each = ", ".join(show(v) for v in f.per_seed)
            yield (
                f"| {f.what} | {show(f.value)} | {_bounds(f.over_questions, show)} | "
                f"{_bounds(f.over_seeds, show)} | {f.n:,} | {each} |"
            )


def _merges(config: StudyConfig, found: Findings) -> Iterator[str]:
    yield ""
    yield "## Merge methods"
    yield ""
    yield f"Share of the gains of {', '.join(config.specialists)} over the reader, each on its own skill."
    yield ""
    yield "| merge | kept | over questions | over seeds | n |"
    yield "|---|---|---|---|---|"
    for name, f in found.merges.items():
        yield (
            f"| {name} | {_share(f.value)} | {_bounds(f.over_questions, _share)} | {_bounds(f.over_seeds, _share)} | "
            f"{f.n:,} |"
        )


def _steps(found: Findings) -> Iterator[str]:
    yield ""
    yield "## General skills after each step"
    yield ""
    yield "Four options, chance 25 %; the interval is the one over questions. `naive` and `default` are as shipped."
    yield ""
    skills = list(next(iter(found.general.values())))
    yield f"| step | {' | '.join(skills)} | n |"
    yield "|---|" + "---|" * (len(skills) + 1)
    for step, row in found.general.items():
        cells = [_with(row[skill]) for skill in skills]
        yield f"| {step} | {' | '.join(cells)} | {row[skills[-1]].n:,} |"


def _arms(found: Findings) -> Iterator[str]:
    yield ""
    yield "## The manual's questions"
    yield ""
    yield "Held-out paraphrases of the facts; `base` is the aligned merge. Intervals over questions, by document."
    yield ""
    ways = list(found.arms)
    arms = list(dict.fromkeys(arm for way in ways for arm in found.arms[way]))
    yield f"| arm | {' | '.join(ways)} | n |"
    yield "|---|" + "---|" * (len(ways) + 1)
    for arm in arms:
        figures = [found.arms[way].get(arm) for way in ways]
        n = next((f.n for f in figures if f is not None), 0)
        yield f"| {arm} | {' | '.join(_DASH if f is None else _with(f) for f in figures)} | {n:,} |"


def _sweeps(found: Findings) -> Iterator[str]:
    yield ""
    yield "## Strength of the training"
    yield ""
    yield "W0 + λ·(W − W0), asked development questions, by which λ is chosen; intervals over seeds."
    yield ""
    yield "| teaching | λ | general change, points | development questions | n, general |"
    yield "|---|---|---|---|---|"
    for way, rows in found.strengths.items():
        for strength, (general, dev) in rows.items():
            yield (
                f"| {way} | {strength} | {points(general.value)} ({_bounds(general.over_seeds, points)}) | "
                f"{_share(dev.value)} ({_bounds(dev.over_seeds, _share)}) | {general.n:,} |"
            )
    yield ""
    for way, chosen in found.chosen.items():
        yield f"- {way}: λ that ships, by seed: {', '.join(f'{c:g}' for c in chosen)}"


def _with(figure: Figure) -> str:
    return f"{_share(figure.value)} ({_bounds(figure.over_questions, _share)})"


def _share(value: float | None) -> str:
    return _DASH if value is None else percent(value)


def _bounds(bounds: Bounds, show: Callable[[float], str]) -> str:
    low, high = bounds
    if low is None or high is None:
        return _DASH
    return f"{show(low)} to {show(high)}"
