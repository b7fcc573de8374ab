"""From results to findings: a pure function, without a model and without a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, pstdev
from typing import Any

from understudy.benchmark import diagnosis, verdict
from understudy.benchmark.arms import ArmRun
from understudy.benchmark.attribution import attribute, decompose, transition
from understudy.benchmark.config import BenchmarkConfig
from understudy.benchmark.questions import chance, clusters, sizes
from understudy.benchmark.summary import (
    ArmSummary,
    DocumentRow,
    General,
    Provenance,
    Retrieval,
    SeenHeldout,
    Summary,
    Transition,
)
from understudy.evaluation import intervals, paired
from understudy.evaluation.baselines import PREFIX
from understudy.evaluation.cloze import NORMALISATIONS, normalised
from understudy.evaluation.items import Exclusion
from understudy.evaluation.question import Question, Results, choose
from understudy.evaluation.records import NOTHING, Interval
from understudy.evaluation.statistics import cluster, significance
from understudy.types import Arm, ItemResult


@dataclass(frozen=True, slots=True)
class Findings:
    """What a benchmark has gathered before it is summed up."""

    config: BenchmarkConfig
    questions: Sequence[Question]
    runs: Sequence[ArmRun]
    floors: Mapping[str, Sequence[ItemResult]]
    exclusions: Sequence[Exclusion] = ()
    general: General | None = None
    source: str = ""
    seed: int = 0
    notes: Sequence[str] = field(default_factory=list)


def summarise(found: Findings) -> Summary:
    """All figures of summary.json."""
    config, questions = found.config, found.questions
    kind, labels = clusters(questions, config.cluster)
    by_id = {q.item.item_id: q for q in questions}
    guess = chance(questions)
    floors: dict[str, Results] = {n: {r.item_id: r for r in rows} for n, rows in found.floors.items()}
    runs = {run.arm.name: run for run in found.runs}
    results: dict[str, Results] = {
        name: {r.item_id: r for r in run.results} for name, run in runs.items() if not run.error
    }
    options: dict[str, Any] = {"confidence": config.confidence, "seed": found.seed}
    floor_rows = [_floor(n, rows, labels, options) for n, rows in floors.items()]
    accs = {name: intervals.accuracy(rows, labels, **options) for name, rows in results.items()}
    arms = [_arm(run, results, accs, floors, by_id, config, guess) for run in found.runs]
    wanted = verdict.pairs([run.arm for run in found.runs])
    if config.comparisons is not None:
        wanted = {pair: wanted.get(pair, "") for pair in config.comparisons}
    comparisons = paired.compare(list(wanted), results, labels, questions=wanted, **options)
    gameable = tuple(f.name for f in floor_rows if f.acc.low is not None and f.acc.low > guess)
    sentence, word = verdict.headline(comparisons, arms, floor_rows, gameable)
    models = list(dict.fromkeys(run.arm.model for run in found.runs))
    label_list = [labels[q.item.item_id] for q in questions]
    return Summary(
        headline=sentence,
        headline_verdict=word,
        arms=(*arms, *floor_rows),
        comparisons=comparisons,
        provenance=Provenance(
            seed=found.seed,
            scoring=config.scoring[0],
            normalise=config.normalise,
            shifts=_shifts(config, questions),
            cluster=kind,
            clusters=len(set(label_list)),
            cluster_sizes=sizes(label_list),
            confidence=config.confidence,
            interval_method=cluster.METHOD,
            test_method=significance.METHOD,
            few_clusters=cluster.FEW_CLUSTERS,
            questions=found.source,
            n_items=len(questions),
            chance=guess,
        ),
        gameable=gameable,
        attribution=attribute([run.arm for run in found.runs], results, questions),
        decomposition=tuple(d for m in models if (d := decompose(m, results)) is not None),
        retrieval=_retrieval(results, labels, options),
        transitions=_transitions(models, results),
        seen_heldout=_seen_heldout(models, results, questions, labels, options),
        documents=_documents({**results, **floors}, labels),
        general=found.general,
        exclusions=tuple(found.exclusions),
        unlinked=sum(not q.gold for q in questions),
        notes=(*found.notes, *_notes(arms, floor_rows, kind, config)),
    )


def _arm(
    run: ArmRun,
    results: Mapping[str, Results],
    accs: Mapping[str, Interval],
    floors: Mapping[str, Results],
    by_id: Mapping[str, Question],
    config: BenchmarkConfig,
    guess: float,
) -> ArmSummary:
    arm = run.arm
    rows = [] if run.error else run.results
    acc = accs.get(arm.name, NOTHING)
    places = diagnosis.positions(rows, by_id)
    found = diagnosis.patterns(rows, places, floors)
    if not found:
        found = diagnosis.knowledge(arm, acc, accs.get(f"{arm.model}+oracle"), guess)
    return ArmSummary(
        name=arm.name,
        kind="arm",
        model=arm.model,
        context=arm.context,
        scoring=config.scoring[0],
        acc=acc,
        circular=_mean([r.circular for r in rows if r.circular is not None]),
        format_failures=sum(r.format_failure for r in rows),
        other_scorings=_other_scorings(rows, by_id),
        positions=places,
        rounds=_rounds(rows),
        dropped_passages=sum(int(r.detail.get("dropped", 0)) for r in rows),
        diagnosis=tuple(found),
        error=run.error,
    )


def _floor(name: str, rows: Results, labels: Mapping[str, str], options: Mapping[str, Any]) -> ArmSummary:
    acc = intervals.accuracy(rows, labels, **options)
    return ArmSummary(name, "floor", "", "", "", acc)


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _other_scorings(rows: Sequence[ItemResult], by_id: Mapping[str, Question]) -> dict[str, float | None]:
    """Accuracy under the other normalisations of the same likelihoods, and under the other scorings."""
    found: dict[str, list[float]] = {}
    for r in rows:
        raw, blank = r.detail.get("raw"), r.detail.get("unconditional")
        for how in NORMALISATIONS if raw else ():
            scores = normalised(raw or (), by_id[r.item_id].item.options, how, blank)
            if scores is not None:
                found.setdefault(how, []).append(choose(scores, r.correct)[1])
        for name, other in r.detail.get("other", {}).items():
            if other["acc"] is not None:
                found.setdefault(name, []).append(other["acc"])
    return {name: fmean(values) for name, values in found.items()}


def _rounds(rows: Sequence[ItemResult]) -> dict[str, float] | None:
    """Mean and spread of the accuracy over rounds: noise of decoding, not of the questions."""
    each = [r.detail["rounds"] for r in rows if "rounds" in r.detail]
    if not each:
        return None
    per_round = [fmean(column) for column in zip(*each, strict=True)]
    return {"n": float(len(per_round)), "mean": fmean(per_round), "std": pstdev(per_round)}


def _shifts(config: BenchmarkConfig, questions: Sequence[Question]) -> int:
    """Orders in which options are shown; 1 for scorings that show none."""
    if not {"letter", "constrained", "generate"} & set(config.scoring):
        return 1
    return min(config.shifts or 10**6, max(len(q.item.options) for q in questions))


def _retrieval(
    results: Mapping[str, Results], labels: Mapping[str, str], options: Mapping[str, Any]
) -> Retrieval | None:
    rows = next((rows for name, rows in results.items() if Arm.parse(name).context == "rag"), None)
    if rows is None:
        return None
    known = {i: r for i, r in rows.items() if r.hit is not None}
    hits = intervals.interval(
        [float(bool(r.hit)) for r in known.values()], [labels[i] for i in known], paired=False, **options
    )  # fmt: skip
    return Retrieval(hits, unknown=len(rows) - len(known))


def _transitions(models: Sequence[str], results: Mapping[str, Results]) -> tuple[Transition, ...]:
    """From the first model to each other one, closed-book and with retrieval."""
    found = [transition(models[0] + tail, model + tail, results) for model in models[1:] for tail in ("", "+rag")]
    return tuple(t for t in found if t is not None)


def _seen_heldout(
    models: Sequence[str],
    results: Mapping[str, Results],
    questions: Sequence[Question],
    labels: Mapping[str, str],
    options: Mapping[str, Any],
) -> tuple[SeenHeldout, ...]:
    taught = {q.item.item_id: q.taught for q in questions}
    if "sft" not in models or models[0] == "sft" or not {True, False} <= set(taught.values()):
        return ()
    found = []
    for tail in ("", "+rag"):
        before, after = models[0] + tail, "sft" + tail
        if before not in results or after not in results:
            continue
        ids = paired.common(results[after], results[before])
        gains = dict(zip(ids, paired.differences(results[after], results[before], ids), strict=True))
        sides = []
        for side in (True, False):
            chosen = [i for i in ids if taught[i] is side]
            sides.append(([gains[i] for i in chosen], [labels[i] for i in chosen]))
        found.append(SeenHeldout(before, after, *paired.gain_difference(*sides, **options)))
    return tuple(found)


def _documents(results: Mapping[str, Results], labels: Mapping[str, str]) -> tuple[DocumentRow, ...]:
    ids: dict[str, list[str]] = {}
    for item_id, label in labels.items():
        ids.setdefault(label, []).append(item_id)
    return tuple(
        DocumentRow(label, len(members), {
            name: _mean([r.acc for i in members if (r := rows.get(i)) is not None and r.acc is not None])
            for name, rows in results.items()
        })
        for label, members in sorted(ids.items())
    )  # fmt: skip


def _notes(arms: Sequence[ArmSummary], floors: Sequence[ArmSummary], kind: str, config: BenchmarkConfig) -> list[str]:
    notes = []
    measured = [f for f in floors if f.acc.value is not None]
    if measured:
        top = max(measured, key=lambda f: f.acc.value or 0.0)
        below = [a.name for a in arms if a.acc.value is not None and a.acc.value <= (top.acc.value or 0.0)]
        if below:
            what = top.name.removeprefix(PREFIX)
            notes.append(
                f"Not above the floor '{what}' ({top.acc.value:.0%}), which knows nothing: " + ", ".join(below) + "."
            )
    if kind != "document" and config.cluster == "auto":
        notes.append(
            f"There are fewer than six documents, so each {kind} counts as a cluster: the intervals hold for "
            "questions about these documents, not for other documents."
        )
    dropped = [a.name for a in arms if a.dropped_passages]
    if dropped:
        notes.append(f"Passages were left out because the reader's window is too small: {', '.join(dropped)}.")
    for arm in arms:
        skipped = arm.error and f"{arm.name} failed and has no figures: {arm.error}"
        if skipped:
            notes.append(skipped)
    return notes
