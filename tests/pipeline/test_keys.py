"""The documentation of the cache: what each setting of each room makes run again, and nothing else does."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from understudy.artifact import Artifact, digest_json
from understudy.config import StageConfig
from understudy.pipeline.keys import key_fields
from understudy.pipeline.steps import STAGES, steps_of
from understudy.recipe import Recipe, parse

RECIPE = """\
name: keys
base_model: lab:reader
docs: {{path: {docs}}}
generate: {{}}
index: {{}}
sft: {{}}
benchmark: {{}}
"""
TEACH = "generate sft benchmark"
TABLE = """
name=other                                  | nothing
seed=1                                      | generate sft benchmark
budget.rows=100                             | sft benchmark
budget.usd=1                                | nothing: the teacher is local
budget.hours=1                              | nothing: it is rows that it sets, where time is short
docs.include=["**/*.md"]                    | ingest chunk generate index sft benchmark
docs.gitignore=false                        | ingest chunk generate index sft benchmark
docs.exclude=["x/**"]                       | ingest chunk generate index sft benchmark
docs.encoding=cp1252                        | ingest chunk generate index sft benchmark
docs.max_bytes=1000000                      | ingest chunk generate index sft benchmark
docs.depth=2                                | nothing: what it fetches is digested
docs.max_pages=9                            | nothing: what it fetches is digested
docs.pause=1                                | nothing
docs.timeout_seconds=9                      | nothing
docs.teach.exclude=[index]                  | ingest chunk generate index sft benchmark
docs.teach.include=[index]                  | ingest chunk generate index sft benchmark
chunk.chunk_size=200                        | chunk generate index sft benchmark
chunk.chunk_overlap=20                      | chunk generate index sft benchmark
chunk.overlap_sections=true                 | chunk generate index sft benchmark
chunk.tokenizer=lab:math                    | chunk generate index sft benchmark
generate.product=Kestrel                    | generate sft benchmark
generate.extra_claims=[howto]               | generate sft benchmark
generate.paraphrases.dev=0.1                | generate sft benchmark
generate.paraphrases.test=0.1               | generate sft benchmark
generate.heldout_documents=0.1              | generate sft benchmark
generate.heldout_chunks=0.1                 | generate sft benchmark
generate.n_items=50                         | generate sft benchmark
generate.n_options=3                        | generate sft benchmark
generate.n_open=30                          | generate sft benchmark
generate.keep_generated=true                | nothing: there are no pairs of one's own
generate.dev_share=0.2                      | nothing: there are no pairs of one's own
generate.remote.rounds=2                    | nothing: the teacher is local
generate.remote.max_retries=2               | nothing: the teacher is local
index.retriever=bm25                        | index sft benchmark
index.embedder=hf:a/b@c                     | index sft benchmark
index.query_instruction=q                   | index sft benchmark
index.passage_instruction=p                 | index sft benchmark
index.k1=0.9                                | index sft benchmark
index.b=0.5                                 | index sft benchmark
index.ann_above=500                         | index sft benchmark
index.batch_size=8                          | nothing
index.search.top_k=8                        | benchmark
index.search.candidates=20                  | benchmark
index.search.fusion=rrf                     | benchmark
index.search.bm25_weight=0.5                | benchmark
index.search.rrf_k=10                       | nothing: fusion is convex
index.search.rerank=5                       | nothing: there is no reranker
sft.start=previous                          | nothing: there is no earlier run
sft.update.replay=0.3                       | nothing: it starts from the base model
sft.update.learning_rate=0.001              | nothing: it starts from the base model
sft.method=full                             | sft benchmark
sft.r=16                                    | sft benchmark
sft.lora_alpha=16                           | sft benchmark
sft.lora_dropout=0                          | sft benchmark
sft.target_modules=[q_proj]                 | sft benchmark
sft.last_layers=2                           | sft benchmark
sft.learning_rate=1e-4                      | sft benchmark
sft.lr_scheduler_type=linear                | sft benchmark
sft.warmup_ratio=0.1                        | sft benchmark
sft.by_heart=2                              | sft benchmark
sft.weight_decay=0.1                        | sft benchmark
sft.max_grad_norm=2.0                       | sft benchmark
sft.rows=100                                | sft benchmark
sft.epochs=1                                | sft benchmark
sft.batch_size=8                            | sft benchmark
sft.per_device_train_batch_size=4           | sft benchmark
sft.max_length=512                          | sft benchmark
sft.bf16=true                               | sft benchmark
sft.gradient_checkpointing=true             | sft benchmark
sft.mix.golden=0.5                          | sft benchmark
sft.mix.absent=answer                       | sft benchmark
sft.mix.distractors=2                       | sft benchmark
sft.mix.quote=false                         | sft benchmark
sft.mix.documents=0.1                       | sft benchmark
sft.mix.together=4                          | sft benchmark
sft.contrast.wrong=2                        | sft benchmark
sft.contrast.weight=0.5                     | nothing: no wrong answers are taught
sft.contrast.scale=10                       | nothing: no wrong answers are taught
sft.replay.source=lab:practice              | sft benchmark
sft.replay.share=0.1                        | sft benchmark
sft.replay.loss=answer                      | sft benchmark
sft.replay.max_tokens=50                    | sft benchmark
sft.sweep.enabled=true                      | sft benchmark
sft.sweep.margin=2                          | nothing: the sweep is off
sft.sweep.keep=0.5                          | nothing: the sweep is off
sft.search.fusion=rrf                       | sft benchmark
sft.search.top_k=8                          | nothing: rows say how many passages they take
sft.dev_rows=64                             | sft benchmark
sft.evals_per_epoch=1                       | sft benchmark
sft.early_stopping_patience=1               | sft benchmark
sft.checkpoint_seconds=5                    | nothing
sft.devices=1                               | nothing
benchmark.arms=[base, base+rag]             | benchmark
benchmark.floors=[longest]                  | benchmark
benchmark.max_items=10                      | benchmark
benchmark.leaked=keep                       | nothing: the questions are made, and kept apart
benchmark.scoring=[letter]                  | benchmark
benchmark.free.answerable=5                 | benchmark
benchmark.free.unanswerable=5               | benchmark
benchmark.free.untreated=5                  | benchmark
benchmark.free.max_tokens=5                 | benchmark
benchmark.normalise=raw                     | benchmark
benchmark.cluster=question                  | benchmark
benchmark.confidence=0.9                    | benchmark
benchmark.comparisons=[[sft, base]]         | benchmark
benchmark.general=[suite]                   | benchmark
benchmark.export=[csv]                      | benchmark
benchmark.failed_arms=skip                  | benchmark
benchmark.search.top_k=8                    | benchmark
benchmark.block_size=8                      | nothing
benchmark.margin=2                          | nothing: general skill is not asked
benchmark.shifts=2                          | nothing: cloze shows no options
benchmark.max_tokens=8                      | nothing: nobody writes
benchmark.judge=lab:math                    | benchmark
"""
PRICE = "generate.remote.price={input: 1, output: 1}"
# What the table's recipe cannot show by one setting: [settings before], setting, stages.
BESIDE: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("sft.start=previous",), "sft.update.replay=0.3", "sft benchmark"),
    (("sft.start=previous",), "sft.update.learning_rate=0.001", "sft benchmark"),
    (("sft.method=full",), "sft.r=16", "nothing"),
    (("sft.method=full",), "sft.lora_dropout=0", "nothing"),
    (("sft.replay.source=off",), "sft.replay.share=0.1", "nothing"),
    (("sft.sweep.enabled=true",), "sft.sweep.margin=2", "sft benchmark"),
    (("index.retriever=bm25",), "index.embedder=hf:a/b@c", "nothing"),
    (("index.retriever=bm25",), "index.search.fusion=rrf", "nothing"),
    (("index.retriever=bm25",), "index.search.top_k=2", "benchmark"),
    (("index.retriever=dense",), "index.k1=0.9", "nothing"),
    (("index.search.fusion=rrf",), "index.search.rrf_k=10", "benchmark"),
    (("index.search.fusion=rrf",), "index.search.bm25_weight=0.5", "nothing"),
    (("benchmark.arms=[base, sft]",), "index.search.top_k=8", "nothing"),
    (("benchmark.arms=[base, base+rag]",), "sft.r=16", "sft"),
    (("benchmark.arms=[base, sft]", "sft.mix.context=0", "sft.mix.closed_book=0.85"), "index.k1=0.9", "index"),
    (("benchmark.general=[suite]",), "benchmark.margin=2", "benchmark"),
    (("benchmark.scoring=[judge]",), "benchmark.judge=lab:math", "benchmark"),
    (("benchmark.scoring=[generate]",), "benchmark.max_tokens=8", "benchmark"),
    (("benchmark.scoring=[letter]",), "benchmark.shifts=2", "benchmark"),
    (("benchmark.scoring=[letter]",), "benchmark.normalise=raw", "nothing"),
    (("generate.teacher=openai:m@http://127.0.0.1:1/v1",), "generate.remote.rounds=2", TEACH),
    (("generate.teacher=openai:m@http://127.0.0.1:1/v1",), "generate.remote.concurrency=2", "nothing"),
    (("generate.teacher=openai:m@http://127.0.0.1:1/v1",), "generate.remote.batch=true", "nothing"),
    (("generate.teacher=openai:m@http://127.0.0.1:1/v1", PRICE), "budget.usd=1", TEACH),
    (
        ("generate.teacher=openai:m@http://127.0.0.1:1/v1", PRICE, "generate.remote.max_usd=1"),
        "budget.usd=2",
        "nothing",
    ),
    (("sft.rows=50",), "budget.rows=100", "nothing"),
    (("generate.teacher=extractive",), "generate.teacher=lab:reader", TEACH),
    (("generate.teacher=lab:reader",), "generate.teacher=lab:math", TEACH),
    (("generate.teacher=lab:reader",), "generate.remote.max_tokens=512", TEACH),
)
LINES = [tuple(part.strip() for part in line.split("|")) for line in TABLE.strip().splitlines()]
# Shown by another recipe than the table's, or a way of naming what is digested by content.
ELSEWHERE = {
    "docs.path", "docs.url", "generate.teacher", "generate.pairs", "generate.decisions", "generate.questions",
    "generate.heldout_facts", "benchmark.questions", "benchmark.open_questions",
    "benchmark.rounds", "benchmark.temperature",
    "sft.mix.closed_book", "sft.mix.context", "sft.mix.multiple_choice", "sft.mix.short",
    "sft.sweep.lambdas", "sft.sweep.dev_items", "sft.sweep.general_items", "index.search.reranker",
}  # fmt: skip


class Known(Artifact):
    """An artifact of which only the content is asked."""

    @property
    def digest(self) -> str:
        return str(self.manifest["digest"])


def fingerprints(recipe: Recipe) -> dict[str, str]:
    """A key of each stage, as if each artifact's content followed from its key alone."""
    done: dict[str, Artifact] = {}
    keys: dict[str, str] = {}
    for step, config in steps_of(recipe):
        keys[step.name] = digest_json(key_fields(recipe, step, config, done))
        done[step.name] = Known(Path("nowhere"), {"digest": keys[step.name]})
    return keys


def rerun(docs: Path, before: tuple[str, ...], setting: str) -> str:
    text = RECIPE.format(docs=docs)
    was, now = fingerprints(parse(text, before)), fingerprints(parse(text, (*before, setting)))
    return " ".join(step.name for step in STAGES if was.get(step.name) != now.get(step.name)) or "nothing"


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hub model's revision is, without a hub."""
    from understudy.pipeline import keys

    asked = keys.identity
    monkeypatch.setattr(keys, "identity", lambda ref: ref if ref.startswith("hf:") else asked(ref))


@pytest.mark.parametrize(("setting", "stages"), LINES, ids=[line[0] for line in LINES])
def test_a_setting_reruns_what_it_reaches(docs_folder: Path, setting: str, stages: str) -> None:
    assert rerun(docs_folder, (), setting) == stages.partition(":")[0]


@pytest.mark.parametrize(("before", "setting", "stages"), BESIDE, ids=[f"{b[0]} {s}" for b, s, _ in BESIDE])
def test_a_setting_that_cannot_matter_reruns_nothing(
    docs_folder: Path, before: tuple[str, ...], setting: str, stages: str
) -> None:
    assert rerun(docs_folder, before, setting) == stages


def settings(model: type[BaseModel], place: str) -> Iterator[str]:
    """The dotted names of all settings below a section."""
    for name, field in model.model_fields.items():
        inner = [a for a in (field.annotation, *typing.get_args(field.annotation)) if isinstance(a, type)]
        nested = next((a for a in inner if issubclass(a, BaseModel)), None)
        if nested is None:
            yield f"{place}.{name}"
        else:
            yield from settings(nested, f"{place}.{name}")


def test_the_table_has_every_setting() -> None:
    shown = (
        {setting.partition("=")[0] for setting, _ in LINES} | {s.partition("=")[0] for _, s, _ in BESIDE} | ELSEWHERE
    )
    sections: dict[str, Any] = {
        name: next(a for a in typing.get_args(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel))
        for name, field in Recipe.model_fields.items()
        if name in ("budget", "docs", "chunk", "generate", "index", "sft", "benchmark")
    }
    every = {name for section, model in sections.items() for name in settings(model, section)}
    missing = {n for n in every - shown if not n.startswith(("generate.remote", "benchmark.search", "sft.search"))}
    assert not missing
    assert not {n for n in shown - every if "." in n}


def test_a_new_setting_at_its_default_leaves_old_artifacts_valid() -> None:
    class Before(StageConfig):
        size: int = 3

    class After(Before):
        added: int | None = None

    assert After(size=4).identity() == Before(size=4).identity()
    assert After(size=4, added=1).identity() != Before(size=4).identity()


def test_a_variant_keeps_its_tag_in_the_key() -> None:
    class A(BaseModel):
        kind: typing.Literal["a"] = "a"
        n: int = 1

    class B(A):
        kind: typing.Literal["b"] = "b"  # type: ignore[assignment]

    class Config(StageConfig):
        part: A | B = A()

    assert Config(part=B()).identity() == {"part": {"kind": "b"}}
    assert Config(part=A()).identity() == {}


def test_no_stage_reads_what_it_does_not_need() -> None:
    benchmark = next(step for step in STAGES if step.name == "benchmark")
    assert "ingest" not in (*benchmark.needs, *benchmark.wants)
    assert replace(benchmark, wants=()).needs == ("chunk",)
