"""A run as it lies in the store: its verdict, its arms, its answers; and its model to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy import network
from understudy.artifact import Artifact, to_plain
from understudy.errors import InputError
from understudy.pipeline.runs import OpenedRun, RunRecord
from understudy.recipe import Recipe
from understudy.types import Answer, Arm, ItemResult, MCQItem

if TYPE_CHECKING:
    from understudy.answer import ModelAnswerer
    from understudy.answerers import Answerers
    from understudy.benchmark.summary import ArmSummary, Summary
    from understudy.export.write import Exported
    from understudy.review.session import Review


@dataclass(frozen=True, slots=True)
class Verdict:
    """word: `better`, `worse` or `inconclusive`. Printed, it is the sentence."""

    word: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class Rows(list[dict[str, Any]]):
    """Plain rows, with a way to a data frame."""

    def to_pandas(self) -> Any:
        """The rows as a pandas.DataFrame."""
        import pandas

        return pandas.DataFrame(list(self))


class Run:
    """A run as it lies in the store: its verdict, its arms, its answers; and its model to ask."""

    def __init__(self, opened: OpenedRun, store: Path, device: str = "auto") -> None:
        self._opened = opened
        self._store = store.absolute()
        self._device = device
        self._answerers: Answerers | None = None
        self._unwritten: Exception | None = None

    def __repr__(self) -> str:
        return f"<Run {self.label}: {', '.join(self.artifacts) or 'nothing finished'}>"

    @property
    def record(self) -> RunRecord:
        """The recipe as it ran, and the key of each artifact."""
        return self._opened.record

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def label(self) -> str:
        """`name@number`, by which this very run can be opened again."""
        return self.record.label

    @property
    def store(self) -> Path:
        """The store that the run lies in."""
        return self._store

    @property
    def folder(self) -> Path:
        """Where the run's record, its links and its report lie."""
        return self.record.folder(self._store)

    @property
    def recipe(self) -> Recipe:
        return self.record.settings()

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """Finished artifacts by stage."""
        return self._opened.artifacts

    def artifact(self, stage: str) -> Artifact:
        """The artifact of a stage. Raises InputError saying why it is not there and what brings it."""
        return self._opened.artifact(stage)

    @property
    def summary(self) -> Summary:
        """All that the benchmark found. Raises InputError where the run has no benchmark."""
        from understudy.benchmark.summary import Summary

        return Summary.read(self.artifact("benchmark").path / "summary.json")

    @property
    def verdict(self) -> Verdict:
        summary = self.summary
        return Verdict(summary.headline_verdict, summary.headline)

    @property
    def arms(self) -> dict[str, ArmSummary]:
        """Each arm and shortcut baseline by name, with its accuracy and interval."""
        return {arm.name: arm for arm in self.summary.arms}

    @property
    def items(self) -> Rows:
        """One row an arm and question: the question, its options and key, what the arm answered, whether it was
        right (`acc`, 0 to 1; None where undefined)."""
        benchmark = self.artifact("benchmark")
        asked = {item.item_id: to_plain(item) for item in benchmark.records("items", MCQItem)}
        results = benchmark.records("results", ItemResult)
        return Rows({**asked.get(r.item_id, {}), **to_plain(r)} for r in results)

    @property
    def report_path(self) -> Path:
        """The run's report.html, written where it is not there yet. Raises StoreError where it cannot be written."""
        if self._unwritten is not None:
            raise self._unwritten
        page = self.record.folder(self._store) / "report.html"
        return page if page.is_file() else self.write_report()

    def write_report(self) -> Path:
        """Write report.html and report.json anew; returns the page's path."""
        from understudy.report.build import build

        return build(self.record, self.artifacts, self.record.folder(self._store))

    @property
    def best_arm(self) -> str:
        """The most accurate arm that can answer a new question and cite what it read; without such an arm the most
        accurate one; without a benchmark what the run's stages allow: fine-tuned before base, with passages before
        without. Of an exported run the arm that it was exported for."""
        if self._opened.arm is not None:
            return self._opened.arm
        if "benchmark" in self.artifacts:
            able = [
                a for a in self.summary.arms if a.kind == "arm" and a.context != "oracle" and a.acc.value is not None
            ]
            if able:
                citing = [a for a in able if a.context in ("rag", "corpus")]
                return max(citing or able, key=lambda a: a.acc.value or 0.0).name  # of equals the one named first
        return ("sft" if "sft" in self.artifacts else "base") + ("+rag" if "index" in self.artifacts else "")

    @property
    def model(self) -> str:
        """The model as it reaches fine-tuning: the recipe's, or what merge or align made of it. Raises InputError where
        that is not in the store any more."""
        if self._opened.model is None:
            maker = "align" if "align" in self.record.stages else "merge"
            raise InputError(f"run '{self.label}' has no model to ask: {self._opened.lacks(maker)}")
        return self._opened.model

    def review(self, decisions: str | Path | None = None, who: str = "") -> Review:
        """Its pairs, exam questions and marked answers by risk, with what was decided; decisions are added to the file
        `decisions` (default: the recipe's `generate.decisions`, else `reviews/NAME.jsonl`)."""
        from understudy.review.decisions import decisions_path
        from understudy.review.marks import read_marks
        from understudy.review.session import open_review

        generate = self.recipe.generate
        path = Path(decisions) if decisions else decisions_path(self.name, generate.decisions if generate else None)
        return open_review(self.artifacts, path, who, read_marks(self.folder))

    def preferences(
        self, out: str | Path, decisions: str | Path | None = None, *, n: int = 500, seed: int = 0, arm: str = "base"
    ) -> tuple[int, dict[str, int]]:
        """Ask an arm at most n taught facts; write verified answer and wrong answer as `prompt, chosen, rejected`,
        and the marked answers that a reviewer corrected. Returns how many there are, and how each question ended."""
        from understudy.artifact import write_records
        from understudy.review.preferences import corrected, preferences, verified

        review = self.review(decisions)
        pairs, better = verified(review, n, seed), corrected(review)
        answerer = self.answerer(arm)

        def answer(questions: Sequence[str]) -> list[str]:
            asked = [answerer.prepare(question).messages for question in questions]
            return [done.text for done in answerer.reader.generate(asked, max_tokens=128)]

        found, counts = preferences(pairs, answer)
        if better:
            counts["marked and corrected"] = len(better)
        write_records(Path(out), [*better, *found])
        return len(better) + len(found), dict(counts)

    def answerer(self, arm: str | None = None) -> ModelAnswerer:
        """An arm (default: the best) ready to answer; its model stays in memory until another is opened."""
        from understudy.answerers import Answerers

        model = self._opened.model
        if model is None:
            made = [stage for stage in ("align", "merge") if stage in self.record.stages]
            raise InputError(
                f"run '{self.label}' has no model to ask: {self._opened.lacks(made[0] if made else 'merge')}"
            )
        chosen = Arm.parse(arm or self.best_arm)
        for stage in {"sft"} if chosen.model == "sft" else set():
            self.artifact(stage)
        if chosen.context == "rag":
            self.artifact("index")
        if self._answerers is None:
            network.allow(self.recipe.contacts())
            index = self.recipe.index
            self._answerers = Answerers(self.model, self.artifacts, index.search if index else None, self._device)
        return self._answerers.open(chosen)

    def export(
        self,
        out: str | Path,
        *,
        format: str = "hf",
        quants: Sequence[str] = (),
        arm: str | None = None,
        questions: int = 60,
        force: bool = False,
        say: Callable[[str], None] = lambda text: None,
    ) -> Exported:
        """Write the model of an arm (default: the best) to a new folder, with proof that it is the one measured.

        format: hf, adapter, gguf, ollama, jan or serve (with the index). quants: of GGUF files: f16, q8_0, q6_k,
        q4_k_m. questions: of the run's exam that the written model sits again, at most. force: give it out unproven
        where a check fails.
        Raises InputError, MissingExtraError, and ModelError naming the check that failed.
        """
        from understudy.export.run import export_run

        network.allow(self.recipe.contacts())
        return export_run(
            self._opened, arm or self.best_arm, Path(out), format=format, quants=quants, questions=questions,
            force=force, say=say,
        )  # fmt: skip

    def write_pairs(
        self, out: str | Path, *, format: str = "messages", licence: str = "", open_questions: bool = False
    ) -> dict[str, int]:
        """Write the run's pairs, a file for each split, and a data card; returns the rows of each file.

        format: messages, sharegpt, alpaca, jsonl, csv or parquet. licence: of the documentation, for the card.
        open_questions: in place of the pairs, its questions without options, as `benchmark.open_questions` reads them.
        Raises InputError where the run has none.
        """
        from understudy.generate.exchange import OPEN, card, write_card, write_open, write_pairs
        from understudy.types import OpenQuestion, QAPair

        generate = self.artifact("generate")
        found, folder = generate.records("pairs", QAPair), Path(out)
        if open_questions and not (generate.path / f"{OPEN}.jsonl").is_file():
            raise InputError(f"run '{self.label}' has no questions without options; run its recipe again to make them")
        written = (
            write_open(generate.records(OPEN, OpenQuestion), folder, format)
            if open_questions
            else write_pairs(found, folder, format)
        )
        measured = self.summary.arms if "benchmark" in self.artifacts else ()
        floors = {a.name: (a.acc.value, a.acc.n) for a in measured if a.kind == "floor" and a.acc.value is not None}
        write_card(folder, card(self.name, found, generate.counts, generate.metrics, floors, licence))
        return written

    def ask(self, question: str, arm: str | None = None) -> Answer:
        """Answer a question, with citations. Raises InputError for an arm that the run does not have."""
        return self.answerer(arm).answer(question)
