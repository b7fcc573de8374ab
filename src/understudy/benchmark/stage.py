"""The benchmark stage: arms answer questions, floors stand beside them, and the verdict is written down."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from understudy.answerers import Answerers
from understudy.artifact import write_records
from understudy.benchmark.arms import ArmRun, by_model, run_arm
from understudy.benchmark.config import BenchmarkConfig
from understudy.benchmark.free import Material, measure_free, write_free
from understudy.benchmark.general import GeneralSuite
from understudy.benchmark.questions import clusters, link
from understudy.benchmark.summarise import Findings, summarise
from understudy.benchmark.summary import Summary
from understudy.benchmark.update import measure_update
from understudy.errors import InputError, StageError
from understudy.evaluation import baselines
from understudy.evaluation.cloze import Bare, Cloze, normalised
from understudy.evaluation.generation import Generation
from understudy.evaluation.interchange.files import export
from understudy.evaluation.interchange.read import read_questions
from understudy.evaluation.items import Exclusion, clean, spread
from understudy.evaluation.judge import Judge
from understudy.evaluation.leakage import leaked
from understudy.evaluation.letter import Letter
from understudy.evaluation.lexical import Bm25
from understudy.evaluation.question import Question, Scorer
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Answerer, Arm, Chunk, ItemResult, LanguageModel, MCQItem, OpenQuestion, QAPair


def run(config: BenchmarkConfig, inputs: Inputs, ctx: RunContext) -> StageOutput:
    """Write results.jsonl, items.jsonl and summary.json, as `measure` does with the arms of this run."""
    if not inputs.model:
        raise StageError("benchmark: the recipe has no model to measure; add `base_model:`")
    return measure(config, inputs, ctx, Answerers(inputs.model, inputs.artifacts, config.search, ctx.device).open)


def measure(
    config: BenchmarkConfig, inputs: Inputs, ctx: RunContext, open_arm: Callable[[Arm], Answerer]
) -> StageOutput:
    """Ask every arm every question and sum up.

    Raises InputError where no question can be used, StageError where an arm failed, after the others are
    finished and saved (`failed_arms: skip` publishes without it), or where all did.
    """
    chunks = inputs["chunk"].records("chunks", Chunk)
    items, exclusions, source = load_items(config, inputs)
    generated = inputs.get("generate")
    pairs = generated.records("pairs", QAPair) if generated else None
    questions = link(spread(items, config.max_items), chunks, pairs)
    arms = by_model([Arm.parse(name) for name in config.arms])
    scoring = _Scoring(config, open_arm, ctx.seed)
    general = GeneralSuite(config, ctx)
    runs: list[ArmRun] = []
    for model, group in itertools.groupby(arms, key=lambda arm: arm.model):
        for arm in group:
            asked = [q for q in questions if q.gold] if arm.context == "oracle" else questions
            one = run_arm(
                arm, asked, open_arm, scoring, folder=ctx.work / "arms",
                block_size=config.block_size, progress=ctx.progress,
            )  # fmt: skip
            if one.error:
                ctx.logger.error("%s failed: %s", arm.name, one.error)
            runs.append(one)
        if config.general and not all(r.error for r in runs if r.arm.model == model):
            general.measure(model, open_arm(Arm.parse(model)))
    _check(runs, config)
    index = Bm25(chunks)
    _, labels = clusters(questions, config.cluster)
    floor_results = baselines.run(config.floors, questions, index, labels, _retrieved(runs))
    floor_results |= _choices_only(config, questions, runs, scoring)
    summary = summarise(
        Findings(config, questions, runs, floor_results, exclusions, general.summary(), source, ctx.seed)
    )
    update = measure_update(inputs, runs, questions, labels, open_arm, confidence=config.confidence, seed=ctx.seed)
    if update is not None:
        summary = replace(summary, update=update)
    free, told = measure_free(
        config, Material(questions, _written(config, inputs)), chunks, runs, labels, open_arm, ctx
    )
    summary = replace(summary, free=free)
    kept = [q.item for q in questions]
    results = [r for one in runs for r in one.results] + [r for rows in floor_results.values() for r in rows]
    write_free(ctx.out, told)
    _publish(ctx.out, summary, kept, results, config)
    return StageOutput(
        metrics={
            **{arm.name: arm.acc.value for arm in summary.arms},
            "headline": summary.headline,
            # Kept out of summary.json: equal runs must have equal content.
            "seconds": {one.arm.name: round(one.seconds, 3) for one in runs},
        },
        counts={
            "items": len(kept),
            "excluded": _tally(exclusions),
            "unlinked": summary.unlinked,
            "documents": len({q.item.doc_id for q in questions if q.item.doc_id}),
            "arms": len(runs),
            "answers": sum(len(one.results) for one in runs),
        },
    )


def load_items(config: BenchmarkConfig, inputs: Inputs) -> tuple[list[MCQItem], list[Exclusion], str]:
    """Imported or generated questions that can be used, what was left out, and where they come from."""
    exclusions: list[Exclusion] = []
    if config.questions:
        found, exclusions = read_questions(Path(config.questions).expanduser())
        source = f"imported from {Path(config.questions).name}"
    else:
        generated = inputs.get("generate")
        found = generated.records("items", MCQItem) if generated else []
        source = "generated from the documentation"
    kept, faulty = clean(found)
    exclusions += faulty
    if config.questions and config.leaked == "exclude":  # those that are made are kept apart by generate
        told = leaked(kept, _taught(inputs))
        exclusions += [Exclusion(i.item_id, told[i.item_id], i.question[:120]) for i in kept if i.item_id in told]
        kept = [item for item in kept if item.item_id not in told]
    if not kept:
        why = ", ".join(f"{n} {reason}" for reason, n in _tally(exclusions).items())
        raise InputError(
            f"benchmark: no question to ask ({why or 'there are none'}); add `generate: {{}}` to the recipe, "
            "or name a file of questions with benchmark.questions"
        )
    return kept, exclusions, source


def _written(config: BenchmarkConfig, inputs: Inputs) -> list[OpenQuestion] | None:
    """The questions without options that `generate` wrote; None where the exam is not its, or where it wrote none."""
    generated = inputs.get("generate")
    if generated is None or config.questions or not (generated.path / "open_questions.jsonl").is_file():
        return None
    return generated.records("open_questions", OpenQuestion)


def _taught(inputs: Inputs) -> list[QAPair]:
    """The pairs that a fine-tuning of this run read; none where it has none."""
    generated = inputs.get("generate")
    return generated.records("pairs", QAPair) if generated and inputs.get("sft") else []


class _Scoring:
    """Makes an arm's scorers, and keeps what belongs to its model: likelihoods of the bare options."""

    def __init__(self, config: BenchmarkConfig, open_arm: Callable[[Arm], Answerer], seed: int) -> None:
        self.config = config
        self.seed = seed
        self.open_arm = open_arm
        self._bare: dict[str, Bare] = {}
        self._judge: LanguageModel | None = None

    def __call__(self, answerer: Answerer) -> list[Scorer]:
        c = self.config
        made: list[Scorer] = []
        for name in c.scoring:
            if name == "cloze":
                alone = c.normalise == "pmi" or "choices-only" in c.floors
                made.append(Cloze(c.normalise, self.bare(answerer) if alone else None))
            elif name == "letter":
                made.append(Letter(c.shifts))
            elif name == "judge":
                if c.judge != "match" and self._judge is None:
                    self._judge = self.open_arm(Arm.parse(c.judge)).reader
                made.append(Judge(self._judge, max_tokens=c.max_tokens))
            else:
                made.append(
                    Generation(
                        constrained=name == "constrained", shifts=c.shifts, rounds=c.rounds,
                        temperature=c.temperature, max_tokens=c.max_tokens, seed=self.seed,
                    )
                )  # fmt: skip
        return made

    def bare(self, answerer: Answerer) -> Bare:
        """The options of the answerer's model alone; what one of its arms asked for is known to the others."""
        return self._bare.setdefault(Arm.parse(answerer.name).model, Bare(answerer.reader))


def _check(runs: Sequence[ArmRun], config: BenchmarkConfig) -> None:
    failed = [run for run in runs if run.error]
    if not failed or (config.failed_arms == "skip" and len(failed) < len(runs)):
        return
    lines = "\n".join(f"  {run.arm.name}: {run.error}" for run in failed)
    rest = len(runs) - len(failed)
    raise StageError(
        f"benchmark: {len(failed)} of {len(runs)} arms failed:\n{lines}\n"
        f"{rest} finished arms and every finished answer are kept: the same command goes on from here"
        + ("; `--set benchmark.failed_arms=skip` does without the failed ones." if rest else ".")
    )


def _retrieved(runs: Sequence[ArmRun]) -> dict[str, tuple[str, ...]] | None:
    """What the first arm with retrieval was shown, by item_id."""
    run = next((run for run in runs if run.arm.context == "rag" and not run.error), None)
    return None if run is None else {r.item_id: r.retrieved for r in run.results}


def _choices_only(
    config: BenchmarkConfig, questions: Sequence[Question], runs: Sequence[ArmRun], scoring: _Scoring
) -> dict[str, list[ItemResult]]:
    """A floor a model: it sees the options and no question. Only where the arms are scored by likelihood."""
    if "choices-only" not in config.floors or "cloze" not in config.scoring:
        return {}
    how = config.normalise if config.normalise != "pmi" else "char"
    found = {}
    for model in dict.fromkeys(run.arm.model for run in runs if not run.error):
        of_model = [run for run in runs if run.arm.model == model]
        saved = {
            r.item_id: r.detail["unconditional"] for run in of_model for r in run.results if "unconditional" in r.detail
        }
        rest = [q.item for q in questions if q.item.item_id not in saved]
        blank = saved | (scoring.bare(scoring.open_arm(of_model[0].arm)).of(rest) if rest else {})
        name = f"{baselines.PREFIX}choices-only ({model})"
        found[name] = baselines.results(
            name,
            questions,
            lambda item, blank=blank: normalised(blank[item.item_id], item.options, how),  # type: ignore[misc]
        )
    return found


def _publish(
    out: Path,
    summary: Summary,
    items: Sequence[MCQItem],
    results: Sequence[ItemResult],
    config: BenchmarkConfig,
) -> None:
    write_records(out / "items.jsonl", items)
    write_records(out / "results.jsonl", results)
    summary.write(out / "summary.json")
    export(out / "export", items, results, config.export)


def _tally(exclusions: Sequence[Exclusion]) -> dict[str, int]:
    found: dict[str, int] = {}
    for exclusion in exclusions:
        found[exclusion.reason] = found.get(exclusion.reason, 0) + 1
    return found
