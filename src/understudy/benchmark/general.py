"""Forgetting: what a tuned model lost of its base's skills, on questions apart from the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.benchmark.arms import Results, in_blocks, slug
from understudy.benchmark.config import BenchmarkConfig
from understudy.benchmark.lm_eval_tasks import run_task
from understudy.benchmark.questions import FEWEST_DOCUMENTS
from understudy.benchmark.summary import General, GeneralTask
from understudy.errors import ModelError
from understudy.evaluation import intervals, paired
from understudy.evaluation.cloze import Bare, Cloze
from understudy.evaluation.development import load_development
from understudy.evaluation.probe import PROBE
from understudy.evaluation.question import Question
from understudy.evaluation.records import Interval
from understudy.evaluation.statistics.cluster import Clusters
from understudy.evaluation.statistics.significance import non_inferiority
from understudy.stage import RunContext
from understudy.suite import general_suite
from understudy.types import Answerer, MCQItem


class GeneralSuite:
    """Measures one model after another, and compares each with the first.

    Questions are clustered by `doc_id` where a task has several documents. Without tasks nothing is measured.
    """

    def __init__(self, config: BenchmarkConfig, ctx: RunContext) -> None:
        self.config = config
        self.ctx = ctx
        self.items = _items(config)
        self.rows: dict[str, dict[str, Results]] = {}  # model, task, item_id
        self.kl: dict[str, float | None] = {}
        self.notes: list[str] = []
        self._base: Any = None

    def measure(self, model: str, answerer: Answerer) -> None:
        """Answer every task with a model that is open."""
        if not self.config.general:
            return
        try:
            rows = {task: self._answer(model, task, answerer) for task in self.items}
            for name in self.config.general:
                if name.startswith("lm_eval:"):
                    task = name.partition(":")[2]
                    rows[task] = run_task(task, answerer.reader, self._folder(model))
        except ModelError as error:  # most remote APIs cannot weigh a given text
            self.notes.append(f"{model} was left out: {error}")
            return
        if len(rows) > 1:
            rows["all"] = {i: r for part in rows.values() for i, r in part.items()}
        self.rows[model] = rows
        self._measure_kl(model, answerer.reader)

    def _folder(self, model: str) -> Path:
        return self.ctx.work / "general" / slug(model)

    def _answer(self, model: str, task: str, answerer: Answerer) -> Results:
        how, rows = self.config.normalise, Results()
        scorer = Cloze(how, Bare(answerer.reader) if how == "pmi" else None)
        in_blocks(
            [Question(item) for item in self.items[task]], self._folder(model) / slug(task), self.config.block_size,
            lambda block: scorer.score(model, answerer, block), f"general: {task}, {model}", self.ctx.progress, rows,
        )  # fmt: skip
        return {item.item_id: rows[item.item_id] for item in self.items[task]}

    def _measure_kl(self, model: str, reader: Any) -> None:
        """Only engines that show their whole next-token distribution can be measured."""
        weights, tokenizer = getattr(reader, "model", None), getattr(reader, "tokenizer", None)
        if weights is None or tokenizer is None:
            return
        from understudy.models.divergence import mean_kl, next_token_logprobs

        found = next_token_logprobs(weights, tokenizer, PROBE)
        if len(self.rows) == 1:
            self._base = found
        elif self._base is not None:
            self.kl[model] = mean_kl(self._base, found)

    def summary(self) -> General | None:
        """The tasks before and after, each with its verdict; None where nothing was asked for."""
        if not self.config.general:
            return None
        models = list(self.rows)
        if len(models) < 2:
            alone = "only one model was measured, so there is nothing to compare it with"
            return General(note="; ".join([*self.notes, alone]))
        tasks = [self._task(task, models[0], model) for model in models[1:] for task in self.rows[models[0]]]
        return General(tuple(tasks), self.kl, "; ".join(self.notes))

    def _task(self, task: str, before: str, after: str) -> GeneralTask:
        first, second = self.rows[before][task], self.rows[after][task]
        ids = paired.common(first, second)
        labels = {i: first[i].doc_id or i for i in ids}
        if len(set(labels.values())) < FEWEST_DOCUMENTS:  # a bundled suite names its skills here, not its sources
            labels = {i: i for i in ids}
        options: dict[str, Any] = {"confidence": self.config.confidence, "seed": self.ctx.seed}

        def accuracy(rows: Results) -> Interval:
            return intervals.accuracy({i: rows[i] for i in ids}, labels, **options)

        change = paired.differences(second, first, ids)
        clusters = [labels[i] for i in ids]
        return GeneralTask(
            task, before, after, accuracy(first), accuracy(second),
            intervals.interval(change, clusters, paired=True, **options), self.config.margin / 100,
            non_inferiority(Clusters.of(change, clusters), self.config.margin / 100) if ids else "inconclusive",
        )  # fmt: skip


def _items(config: BenchmarkConfig) -> dict[str, list[MCQItem]]:
    """Questions by task: a skill of the suite, or a file."""
    tasks: dict[str, list[MCQItem]] = {}
    for name in config.general:
        if name == "suite":
            for item in general_suite():
                tasks.setdefault(item.kind or "suite", []).append(item)
        elif not name.startswith("lm_eval:"):
            tasks[Path(name).stem] = load_development(Path(name), "benchmark.general")
    return tasks
