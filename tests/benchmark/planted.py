"""Readers whose way of answering is known, and a corpus of facts to ask them about."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from understudy.artifact import Artifact, seal, write_records
from understudy.benchmark import general
from understudy.benchmark.config import BenchmarkConfig, FreeConfig
from understudy.benchmark.stage import measure
from understudy.benchmark.summary import Summary
from understudy.errors import InputError
from understudy.prompts import LETTERS, multiple_choice, passage, with_passages
from understudy.stage import Inputs, RunContext
from understudy.types import Answer, Arm, Chunk, Completion, Hit, ItemResult, MCQItem, Message, Prompt, QAPair

THINGS = ("port", "limit", "timeout", "buffer", "quota", "retry", "cache", "batch", "window", "depth")


@dataclass(frozen=True)
class World:
    """Documents of facts, one chunk a document with several facts, and a question a fact."""

    chunks: list[Chunk]
    items: list[MCQItem]
    pairs: list[QAPair]


def world(
    documents: int = 12, facts: int = 8, *, seed: int = 0, taught: Callable[[int], bool] = lambda d: True
) -> World:
    """A corpus with known truth. taught: whether the facts of a document are in the training pairs."""
    rng = random.Random(seed)
    chunks, items, pairs = [], [], []
    for d in range(documents):
        values = rng.sample(range(1000, 9999), facts * 4)
        sentences = []
        for f in range(facts):
            name = f"{THINGS[f % len(THINGS)]} of service {d}-{f}"
            value = f"{values[f]} units"
            sentences.append(f"The {name} is {value}.")
            wrong = [
                f"{v} units" + " in total" * (rng.random() < 0.3) for v in values[facts + 3 * f : facts + 3 * f + 3]
            ]
            if rng.random() < 0.3:
                wrong[0] = wrong[0] + " at most"
            options = [value, *wrong]
            rng.shuffle(options)
            fact = f"fact-{d}-{f}"
            items.append(
                MCQItem(
                    f"item-{d}-{f}", f"What is the {name}?", tuple(options), options.index(value),
                    chunk_id=f"chunk-{d}", doc_id=f"doc-{d}.md", quote=sentences[-1], fact_id=fact,
                )
            )  # fmt: skip
            if taught(d):
                pairs.append(
                    QAPair(f"pair-{d}-{f}", f"Name the {name}.", value, f"chunk-{d}", f"doc-{d}.md", fact_id=fact)
                )
        text = " ".join(sentences)
        chunks.append(Chunk(f"chunk-{d}", f"doc-{d}.md", text, 0, len(text), 1, 1, 80, f"Service {d}"))
    return World(chunks, items, pairs)


Chooser = Callable[[str, Sequence[str]], list[float]]


@dataclass
class PlantedReader:
    """Scores options by a given rule on (everything it is shown, options); letters are weighed by what they stand for.

    says: what it writes when it generates; by default the letter, or the text, of its best option.
    """

    rule: Chooser
    says: Callable[[str], str] | None = None
    name: str = "planted"
    window: int = 100_000
    calls: int = 0
    options_of: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(m.content) for m in messages) // 4

    def loglikelihoods(
        self, conversations: Sequence[Sequence[Message]], options: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        self.calls += len(conversations)
        return [self._score(c[-1].content, list(o)) for c, o in zip(conversations, options, strict=True)]

    def _score(self, shown: str, options: list[str]) -> list[float]:
        listed = re.findall(r"^([A-Z])\. (.*)$", shown, re.MULTILINE)
        if listed and options == [letter for letter, _ in listed]:
            return self.rule(shown, [text for _, text in listed])
        return self.rule(shown, options)

    def generate(
        self, conversations: Sequence[Sequence[Message]], *, max_tokens: int = 256, temperature: float = 0.0,
        stop: Sequence[str] = (), choices: Sequence[str] = (),
    ) -> list[Completion]:  # fmt: skip
        self.calls += len(conversations)
        return [Completion(self._write(c[-1].content, list(choices))) for c in conversations]

    def _write(self, shown: str, choices: list[str]) -> str:
        if self.says is not None and not choices:
            return self.says(shown)
        listed = re.findall(r"^[A-Z]\. (.*)$", shown, re.MULTILINE)
        if not listed and not choices:
            return ""  # asked freely, with nothing to say
        scores = self.rule(shown, listed or choices)
        return LETTERS[scores.index(max(scores))] if listed else choices[scores.index(max(scores))]


@dataclass
class PlantedAnswerer:
    """Closed-book, retrieval by chunk (which misses some documents), or oracle, over a World."""

    arm: Arm
    reader: PlantedReader
    world: World
    missed: Callable[[Chunk], bool] = lambda chunk: False

    @property
    def name(self) -> str:
        return self.arm.name

    def prepare(self, question: str, *, shown: str | None = None, gold: Sequence[Chunk] = ()) -> Prompt:
        hits: list[Hit] = []
        if self.arm.context == "oracle":
            if not gold:
                raise InputError("no supporting chunk")
            hits = [Hit(c, 1.0) for c in gold]
        elif self.arm.context == "rag":
            holding = [c for c in self.world.chunks if question.removeprefix("What is the ").rstrip("?") in c.text]
            found = [c for c in holding if not self.missed(c)] or [self.world.chunks[0]]
            hits = [Hit(c, 1.0) for c in found]
        return Prompt(with_passages(shown or question, [passage(h.chunk) for h in hits]), tuple(hits))

    def answer(self, question: str, history: Sequence[Message] = ()) -> Answer:
        return Answer(self.reader.generate([self.prepare(question).messages])[0].text)


def asked(shown: str) -> str:
    """The question itself within a prompt."""
    return shown.rpartition("Question: ")[2].split("\n")[0]


def knows(items: Sequence[MCQItem], share: float, *, seed: int = 1, strength: float = 20.0) -> Chooser:
    """Has learned a share of the facts by heart, and guesses the others."""
    rng = random.Random(seed)
    known = {i.question: i.options[i.correct] for i in items if rng.random() < share}

    def rule(shown: str, options: Sequence[str]) -> list[float]:
        noise = [random.Random(f"{asked(shown)}{o}{seed}").random() for o in options]
        return [n + strength * len(o) * (o == known.get(asked(shown))) for n, o in zip(noise, options, strict=True)]

    return rule


def reads(seed: int = 2) -> Chooser:
    """Knows nothing by heart; picks what stands behind the asked name in the passages, else guesses."""

    def rule(shown: str, options: Sequence[str]) -> list[float]:
        name = asked(shown).removeprefix("What is the ").rstrip("?")
        noise = [random.Random(f"{name}{o}{seed}").random() for o in options]
        right = [f"{name} is {o}." in shown for o in options]
        return [n * len(o) + 100.0 * len(o) * r for n, o, r in zip(noise, options, right, strict=True)]

    return rule


def artifact(folder: Path, stage: str, **records: Sequence[Any]) -> Artifact:
    """A sealed artifact with the given JSONL files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in records.items():
        write_records(folder / f"{name}.jsonl", rows)
    seal(folder, {"stage": stage, "key": stage, "metrics": {}, "counts": {}})
    return Artifact.open(folder)


@dataclass
class Bench:
    """Runs the stage on a world with planted readers by model name."""

    folder: Path
    world: World
    readers: dict[str, PlantedReader]
    missed: Callable[[Chunk], bool] = lambda chunk: False
    opened: list[str] = field(default_factory=list)
    broken: Callable[[Arm], Exception | None] = lambda arm: None
    suite: list[MCQItem] | None = None

    def open_answerer(self, arm: Arm) -> PlantedAnswerer:
        self.opened.append(arm.name)
        if (error := self.broken(arm)) is not None:
            raise error
        return PlantedAnswerer(arm, self.readers[arm.model], self.world, self.missed)

    def inputs(self) -> Inputs:
        return Inputs(
            artifacts={
                "chunk": artifact(self.folder / "chunk", "chunk", chunks=self.world.chunks),
                "generate": artifact(
                    self.folder / "generate", "generate", items=self.world.items, pairs=self.world.pairs
                ),
            },
            model="planted",
        )

    def run(self, **settings: Any) -> Summary:
        out = self.folder / "out"
        out.mkdir(parents=True, exist_ok=True)
        settings.setdefault("arms", tuple(self.readers))
        settings.setdefault(
            "free", FreeConfig(answerable=0, unanswerable=0, untreated=0)
        )  # planted readers choose; few write
        ctx = RunContext(out, self.folder / "work", self.folder)
        with pytest.MonkeyPatch.context() as patch:
            if self.suite is not None:
                patch.setattr(general, "general_suite", lambda: self.suite)
            measure(BenchmarkConfig(**settings), self.inputs(), ctx, self.open_answerer)
        return Summary.read(out / "summary.json")

    def results(self) -> list[ItemResult]:
        from understudy.artifact import read_records

        return read_records(self.folder / "out" / "results.jsonl", ItemResult)


__all__ = ["multiple_choice"]
