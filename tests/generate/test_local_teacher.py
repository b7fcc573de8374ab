"""A teacher in this process: the same ledger, filters and account as a remote one, and nothing paid."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from understudy.artifact import read_records
from understudy.errors import ModelError
from understudy.generate.base import Coverage
from understudy.generate.config import GenerateConfig, RemoteTeacher
from understudy.generate.estimate import estimate
from understudy.generate.openai import ModelTeacher
from understudy.generate.stage import run
from understudy.generate.taught import TaughtFacts, narrow_schema
from understudy.generate.text import statements
from understudy.models.chat import encode
from understudy.models.client import RequestFailed, Unreachable
from understudy.models.ledger import Ledger
from understudy.models.local import LocalModel, label, open_local
from understudy.models.open import open_language_model
from understudy.models.reader import TransformersModel, Turn
from understudy.models.resolve import identity
from understudy.stage import Inputs, RunContext
from understudy.types import Completion, Message, QAPair

Build = Callable[..., tuple[Inputs, RunContext]]
PAGES = {
    "heron.md": "# Heron\n\nHeron is a small queue server. It listens on port 7411 of every host.\n",
    "osprey.md": "# Osprey\n\nOsprey keeps each record for 14 days. Its cache holds 64 MB of data.\n",
    "finch.md": "# Finch\n\nFinch is a command line client. It is written in the language Go.\n",
}
SETTINGS: dict[str, Any] = {
    "teacher": "lab:reader",
    "n_items": 4,
    "remote": {"rounds": 1, "pairs_per_round": 4, "wordings": 2, "max_tokens": 300},
}


@pytest.fixture(scope="module")
def reader() -> TransformersModel:
    found = open_language_model("lab:reader", device="cpu")
    assert isinstance(found, TransformersModel)
    return found


@pytest.fixture
def local(reader: TransformersModel, tmp_path: Path) -> Iterator[LocalModel]:
    found = LocalModel(reader, "digest", "lab:reader", ledger=Ledger(tmp_path / "ledger.sqlite"), concurrency=2)
    yield found
    found.close()


def write_well(self: TransformersModel, more: Callable[[], Sequence[Turn]], gone: Any) -> Iterator[Any]:
    """In the place of `converse`: a good answer to each turn, every token of which its guide lets through."""
    begun = 0
    while turns := more():
        for number, turn in enumerate(turns, begun):
            excerpt = turn.messages[-1].content.partition("<excerpt>\n")[2].partition("\n</excerpt>")[0]
            quote = statements(excerpt)[-1]
            asks = [f"Which words state it {n} of {quote.split()[0]}?" for n in ("first", "last")]
            fact = {"quote": quote, "kind": "forward", "questions": asks, "answer": quote, "option": quote.split()[-1]}
            text = json.dumps({"facts": [fact]})
            assert turn.guide is not None
            assert turn.seed is not None
            tokens, whole = encode(self.tokenizer, text), False
            for token in tokens:
                assert turn.guide.allowed()[token]
                whole = turn.guide.take(token)
            assert whole
            yield number, text, Completion(text, "stop", self.count_tokens(turn.messages), len(tokens))
        begun += len(turns)


def test_it_teaches_and_a_second_run_writes_nothing(stage_inputs: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, ctx = stage_inputs(PAGES)
    seen: list[str] = []
    ctx = replace(ctx, progress=lambda what, done, total: seen.append(what), device="cpu")
    monkeypatch.setattr(TransformersModel, "converse", write_well)
    first = run(GenerateConfig(**SETTINGS), inputs, ctx)
    coverage = read_records(ctx.out / "coverage.jsonl", Coverage)
    pairs = read_records(ctx.out / "pairs.jsonl", QAPair)
    assert {c.chunk_id: c.status for c in coverage} == {f"{name}#0": "accepted" for name in PAGES}
    assert all(pair.quote in PAGES[pair.doc_id] for pair in pairs)
    assert {pair.source for pair in pairs} == {"lab:reader"}
    metrics = first.metrics
    assert (metrics["teacher"], metrics["usd"], metrics["requests_sent"]) == ("lab:reader", 0.0, len(PAGES))
    assert metrics["prompt_tokens"] > 500 * len(PAGES)
    assert "tokens written" in seen[-1]

    again = run(GenerateConfig(**SETTINGS), inputs, ctx)
    assert again.metrics["requests_sent"] == again.metrics["completion_tokens"] == 0
    assert read_records(ctx.out / "pairs.jsonl", QAPair) == pairs
    with sqlite3.connect(ctx.root / "ledger.sqlite") as db:
        kept = db.execute("SELECT model, SUM(completion_tokens), COUNT(*) FROM replies").fetchone()
        assert kept == ("lab:reader", metrics["completion_tokens"], len(PAGES))
        assert db.execute("SELECT SUM(completion_tokens) FROM charges").fetchone() == (kept[1],)


def test_a_run_that_is_cut_off_goes_on_where_it_was(
    reader: TransformersModel, page: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [page(text, name) for name, text in PAGES.items()]
    config = RemoteTeacher(rounds=1, pairs_per_round=2, wordings=2, max_tokens=80)
    answered: list[int] = []

    def slow(self: TransformersModel, more: Any, gone: Callable[[int], bool]) -> Iterator[Any]:
        """The first answer, and then nothing before it is given up."""
        for number, text, done in write_well(self, more, gone):
            if answered:
                while not gone(number):
                    time.sleep(0.01)
                continue
            answered.append(number)
            yield number, text, done

    def opened() -> LocalModel:
        return LocalModel(reader, "digest", "lab:reader", ledger=Ledger(tmp_path / "ledger.sqlite"), concurrency=2)

    def cut_off(what: str, done: float, total: float | None) -> None:
        if done == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(TransformersModel, "converse", slow)
    first = opened()
    with pytest.raises(KeyboardInterrupt):
        ModelTeacher(first, config, cut_off, logging.getLogger("test")).teach(pages)
    first.close()
    assert len(Ledger(tmp_path / "ledger.sqlite")) == 1
    monkeypatch.setattr(TransformersModel, "converse", write_well)
    second = opened()
    taught = ModelTeacher(second, config, lambda *_: None, logging.getLogger("test")).teach(pages)
    second.close()
    assert second.sent == 2
    assert {o.status for o in taught.outcomes.values()} == {"accepted"}
    assert len(taught.outcomes) == len(taught.facts) == 3


def test_an_answer_is_what_the_schema_says(local: LocalModel) -> None:
    quotes = statements(PAGES["heron.md"])
    assert quotes == ["Heron is a small queue server.", "It listens on port 7411 of every host."]
    schema = narrow_schema(1, 1, quotes)
    said = local.complete((Message("user", "Facts?"),), max_tokens=1200, temperature=1.0, schema=schema)
    assert said.finish_reason == "stop"
    value = json.loads(said.text)
    jsonschema.validate(value, schema)
    TaughtFacts.model_validate(value)
    assert len(value["facts"]) <= 1
    assert {fact["quote"] for fact in value["facts"]} <= set(quotes)
    assert local.complete((Message("user", "Facts?"),), max_tokens=1200, temperature=1.0, schema=schema).cached
    assert local.sent == 1


def test_what_can_be_quoted() -> None:
    rows = "| a | b |\n|---|---|\n| x y | 12 |\n\n- first of all\n- no\n"
    text = f"## 2. A head of a section\n\nOne is here. Two\nis there too.\n\n{rows}"
    assert statements(text) == ["One is here.", "Two\nis there too.", "| x y | 12 |", "- first of all"]
    assert all(said in text for said in statements(text))


def test_a_prompt_beyond_the_window_fails_alone(local: LocalModel) -> None:
    with pytest.raises(RequestFailed, match="tokens exceed the window of 2048"):
        local.complete((Message("user", "word " * 4000),), max_tokens=9)
    assert local.complete((Message("user", "Which port?"),), max_tokens=9, schema={"const": "yes"}).text == '"yes"'
    assert 0 < local.used.completion < 9


def test_a_model_that_breaks_says_so_once(local: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Iterator[tuple[int, str, Completion]]:
        raise RuntimeError("out of memory\nand more")
        yield

    monkeypatch.setattr(local.reader, "converse", broken)
    with pytest.raises(Unreachable, match=r"cannot go on writing: out of memory$"):
        local.complete((Message("user", "Facts?"),), max_tokens=9)


def test_a_model_whose_cache_holds_no_key_of_every_token_is_refused(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("understudy.models.reader.suits", lambda model: False)
    with pytest.raises(ModelError, match=r"folder:model: it keeps no key of every token.* openai:model@http"):
        open_local(str(tiny_model), ledger=None, device="cpu")


def test_a_reference_is_checked_and_its_content_is_the_key(tiny_model: Path) -> None:
    for teacher in ("extractve", "gpt-4o", "hf:", "gguf:"):
        with pytest.raises(ValidationError):
            GenerateConfig(teacher=teacher)
    config = GenerateConfig(teacher=str(tiny_model))
    assert config.models() == {"teacher": str(tiny_model)}
    assert config.identity() == GenerateConfig(teacher="./other", remote={"concurrency": 2}).identity()  # type: ignore[arg-type]
    price: Any = {"price": {"input": 1.0, "output": 1.0}, "max_usd": 2.0}
    assert GenerateConfig(teacher="./other", remote=price).identity() == config.identity()
    rounds: Any = {"remote": {"rounds": 1}}
    assert GenerateConfig(teacher="./other", **rounds).identity() != config.identity()
    assert GenerateConfig(teacher="./other", pairs="p.csv").models() == {}
    assert GenerateConfig().models() == {}
    assert label("gguf:/home/me/x.gguf") == "gguf:x.gguf"
    assert label("/home/me/model") == "folder:model"
    assert label("hf:a/b@main") == "hf:a/b@main"
    assert identity("lab:reader") is not None


@pytest.mark.parametrize("teacher", ["lab:reader", "gguf:./x.gguf", "./folder"])
def test_batches_are_refused_as_soon_as_the_recipe_is_read(teacher: str) -> None:
    with pytest.raises(ValidationError, match=r"batch API.*runs in this process.*take `batch: true` out"):
        GenerateConfig.model_validate({"teacher": teacher, "remote": {"batch": True}})
    assert GenerateConfig.model_validate({"teacher": "openai:m@http://h/v1", "remote": {"batch": True}}).remote.batch


def test_the_plan_knows_tokens_and_that_nothing_is_paid() -> None:
    upstream = {"chunk": {"chunks": 100, "tokens": 30_000}}
    local = estimate(GenerateConfig(teacher="lab:reader"), upstream)
    remote = estimate(GenerateConfig(teacher="openai:m"), upstream)
    assert (local.usd, local.unpriced, local.missing) == (0.0, False, ())
    assert local.tokens == remote.tokens
    assert local.counts == remote.counts
    assert local.seconds is not None
    assert local.memory_bytes is not None
    assert "300 answers by a model in this process" in local.note
