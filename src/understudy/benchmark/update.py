"""What an update did: the accuracy on new, changed, unchanged and withdrawn facts, beside the run it goes on from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from understudy import prompts
from understudy.benchmark.across_runs import question_key
from understudy.benchmark.arms import ArmRun
from understudy.benchmark.summary import ChangeRow, Update
from understudy.evaluation import intervals, paired
from understudy.evaluation.cloze import normalised
from understudy.evaluation.question import Question, Results
from understudy.evaluation.records import Interval
from understudy.facts import CHANGES, Change, FactChanges, compare_facts, fact_name, taught_pairs
from understudy.normal import normal
from understudy.prompts import ABSTAIN
from understudy.stage import Inputs
from understudy.types import Answerer, Arm, Chunk, ItemResult, LanguageModel, MCQItem, QAPair

MOST = 100  # questions of each kind that are answered in free words
_TOKENS = 24  # of a free answer: to abstain takes fewer


def measure_update(
    inputs: Inputs,
    runs: Sequence[ArmRun],
    questions: Sequence[Question],
    labels: Mapping[str, str],
    open_arm: Callable[[Arm], Answerer],
    *,
    confidence: float,
    seed: int,
) -> Update | None:
    """The rows of the arms whose model was trained further; None where the run goes on from no other."""
    new = inputs.get("generate")
    if "generate" not in inputs.previous or new is None:
        return None
    before, after = taught_pairs(inputs.previous), new.records("pairs", QAPair)
    changes = compare_facts(before, after, inputs["chunk"].records("chunks", Chunk))
    asked = held_out(before, after, changes, seed)
    rows: list[ChangeRow] = []
    for run in runs:
        if run.arm.model != "sft" or run.error:
            continue
        reader = open_arm(run.arm).reader
        then = _before(inputs, run.arm.name, questions)
        mine = {r.item_id: r for r in run.results}
        for change in CHANGES:
            chosen = [
                q.item.item_id for q in questions if change != "withdrawn" and changes.now.get(_fact(q)) == change
            ]
            now: Results = {i: mine[i] for i in chosen if i in mine}
            both = paired.common(now, then)
            closed = asked[change] if run.arm.context == "closed-book" else []
            moved = [p for p in closed if normal(p.question) in changes.before]
            rows.append(
                ChangeRow(
                    arm=run.arm.name,
                    change=change,
                    facts=changes.counts[change],
                    acc=intervals.accuracy(now, labels, confidence=confidence, seed=seed),
                    before=intervals.accuracy({i: then[i] for i in both}, labels, confidence=confidence, seed=seed),
                    difference=intervals.interval(
                        paired.differences(now, then, both), [labels[i] for i in both], paired=True,
                        confidence=confidence, seed=seed,
                    ),
                    abstains=_share(abstentions(reader, closed), closed, confidence, seed),
                    outdated=_share(outdated(reader, moved, changes), moved, confidence, seed),
                )
            )  # fmt: skip
    return Update({str(kind): n for kind, n in changes.counts.items()}, tuple(rows))


def _fact(question: Question) -> str:
    return question.item.fact_id or normal(question.item.question)


def held_out(
    before: Sequence[QAPair], after: Sequence[QAPair], changes: FactChanges, seed: int
) -> dict[Change, list[QAPair]]:
    """Paraphrases of each kind of fact that no training saw, at most MOST of each, drawn by a seeded hash."""
    found: dict[Change, list[QAPair]] = {change: [] for change in CHANGES}
    for pair in after:
        if pair.split == "test" and fact_name(pair) in changes.now:
            found[changes.now[fact_name(pair)]].append(pair)
    found["withdrawn"] = [p for p in before if p.split == "test" and fact_name(p) in changes.withdrawn]
    return {
        change: sorted(pairs, key=lambda p: hashlib.sha256(f"{seed}|{p.question}".encode()).digest())[:MOST]
        for change, pairs in found.items()
    }


def _before(inputs: Inputs, arm: str, questions: Sequence[Question]) -> dict[str, ItemResult]:
    """The answers of the same arm in the run before, by the id of the same question with the same answer now."""
    benchmark = inputs.previous.get("benchmark")
    if benchmark is None:
        return {}
    keys = {item.item_id: question_key(item) for item in benchmark.records("items", MCQItem)}
    answers = {keys[r.item_id]: r for r in benchmark.records("results", ItemResult) if r.arm == arm}
    of = {q.item.item_id: question_key(q.item) for q in questions}
    return {item_id: answers[key] for item_id, key in of.items() if key in answers}


def abstentions(reader: LanguageModel, pairs: Sequence[QAPair]) -> list[float]:
    """1 where the model, asked without passages, says that the documentation does not say, else 0."""
    if not pairs:
        return []
    told = reader.generate([prompts.closed_book(p.question) for p in pairs], max_tokens=_TOKENS)
    return [float(normal(ABSTAIN) in normal(answer.text)) for answer in told]


def outdated(reader: LanguageModel, pairs: Sequence[QAPair], changes: FactChanges) -> list[float]:
    """1 where the answer of before is still more likely, per character, than the one of now, else 0."""
    if not pairs:
        return []
    options = [(p.answer, changes.before[normal(p.question)]) for p in pairs]
    scores = reader.loglikelihoods([prompts.closed_book(p.question) for p in pairs], options)
    per_character = [normalised(row, texts, "char") or [] for row, texts in zip(scores, options, strict=True)]
    return [float(was > now) for now, was in per_character]


def _share(values: list[float], pairs: Sequence[QAPair], confidence: float, seed: int) -> Interval:
    clusters = [p.doc_id or p.pair_id for p in pairs]
    return intervals.interval(values, clusters, paired=False, confidence=confidence, seed=seed)
