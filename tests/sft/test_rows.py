"""The mix: shares, passages, what is held out, and that every epoch deals anew and alike for one seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from understudy import prompts
from understudy.normal import normal
from understudy.sft.config import MixConfig
from understudy.sft.rows import Dealer, Row, split
from understudy.types import Chunk, Hit, MCQItem, QAPair


class Recorder:
    """A retriever that ranks the chunks by their number, and counts what it was asked."""

    def __init__(self, chunks: list[Chunk]) -> None:
        self.chunks = chunks
        self.asked: list[str] = []

    def search(self, query: str, top_k: int) -> list[Hit]:
        self.asked.append(query)
        return [Hit(c, 1.0 / (i + 1)) for i, c in enumerate(self.chunks[:top_k])]


def many(count: int, wordings: int = 4) -> list[QAPair]:
    return [
        QAPair(f"p{i}-{w}", f"Question {i} in wording {w}?", f"answer {i}", f"c{i % 16}", fact_id=f"f{i}")
        for i in range(count)
        for w in range(wordings)
    ]


def test_shares_come_out_of_few_wordings_and_epochs(chunks: list[Chunk]) -> None:
    mix = MixConfig()
    dealer = Dealer(many(100), chunks, mix, seed=0)
    rows = [row for epoch in range(3) for row in dealer.epoch(epoch)]
    found = Counter(row.format for row in rows)
    share = {name: n / len(rows) for name, n in found.items()}
    assert share["closed_book"] == pytest.approx(mix.closed_book, abs=0.02)
    assert share["context"] == pytest.approx(mix.context * mix.golden, abs=0.02)
    assert share["abstain"] == pytest.approx(mix.context * (1 - mix.golden), abs=0.02)
    assert share["multiple_choice"] == pytest.approx(mix.multiple_choice, abs=0.02)
    assert share["short"] == pytest.approx(mix.short, abs=0.02)


def test_each_fact_is_met_in_closed_book_and_in_context(chunks: list[Chunk]) -> None:
    dealer = Dealer(many(50), chunks, MixConfig(), seed=1)
    met: dict[str, set[str]] = defaultdict(set)
    for epoch in range(3):
        for row in dealer.epoch(epoch):
            met[row.pair_id.partition("-")[0]].add(row.format)
    assert all({"closed_book", "context"} <= formats for formats in met.values())


def test_every_pair_is_dealt_once_an_epoch_and_epochs_differ(chunks: list[Chunk], pairs: list[QAPair]) -> None:
    train = [p for p in pairs if p.split == "train"]
    dealer = Dealer(train, chunks, MixConfig(), seed=3)
    first, second = dealer.epoch(0), dealer.epoch(1)
    assert [r.pair_id for r in first] == [p.pair_id for p in train] == [r.pair_id for r in second]
    assert [r.format for r in first] != [r.format for r in second]
    assert Dealer(train, chunks, MixConfig(), seed=3).epoch(1) == second
    assert Dealer(train, chunks, MixConfig(), seed=4).epoch(1) != second


def test_golden_passage_is_there_or_the_answer_is_to_abstain(chunks: list[Chunk], pairs: list[QAPair]) -> None:
    by_id = {p.pair_id: p for p in pairs}
    retriever = Recorder(chunks)
    mix = MixConfig(closed_book=0, context=1, multiple_choice=0, short=0, golden=0.5, distractors=3, quote=False)
    dealer = Dealer([p for p in pairs if p.split == "train"], chunks, mix, seed=0, retriever=retriever)
    rows = [*dealer.epoch(0), *dealer.epoch(1)]
    assert {r.format for r in rows} == {"context", "abstain"}
    places = set()
    for row in rows:
        pair = by_id[row.pair_id]
        golden = prompts.passage(chunks[int(pair.chunk_id[1:])])
        assert (golden in row.passages) == (row.format == "context")
        assert row.answer == (pair.answer if row.format == "context" else prompts.ABSTAIN)
        assert row.messages == prompts.with_passages(pair.question, row.passages)
        assert 3 <= len(row.passages) <= 4
        assert len(set(row.passages)) == len(row.passages)
        if row.format == "context":
            places.add(row.passages.index(golden))
    assert len(places) > 1  # the golden passage has no fixed place to learn
    # The distractors are what the serving retriever finds: the first chunks of its ranking.
    nearest = {prompts.passage(c) for c in chunks[: mix.distractors + 3]}
    others = {p for r in rows for p in r.passages} - {prompts.passage(c) for c in chunks}
    assert not others
    for row in rows:
        golden = prompts.passage(chunks[int(by_id[row.pair_id].chunk_id[1:])])
        assert {p for p in row.passages if p != golden} <= nearest
    assert len(retriever.asked) == len(set(retriever.asked))  # each question is searched once


def test_absent_passages_hold_neither_quote_nor_long_answer(chunks: list[Chunk]) -> None:
    copy = Chunk("copy", "b.md", "Overlap. The setting s0 is one hundred exactly.", 0, 9, 1, 1, 9, "Other")
    pair = QAPair("p", "Which setting?", "one hundred exactly", "c0", quote="", fact_id="f")
    mix = MixConfig(closed_book=0, context=1, multiple_choice=0, short=0, golden=0, distractors=4)
    dealer = Dealer([pair], [*chunks, copy], mix, seed=0, retriever=Recorder([copy, *chunks]))
    for epoch in range(6):
        (row,) = dealer.epoch(epoch)
        assert row.format == "abstain"
        assert not any("one hundred exactly" in p for p in row.passages)


def test_published_raft_answers_by_heart_where_the_passage_is_missing(chunks: list[Chunk], pairs: list[QAPair]) -> None:
    mix = MixConfig(closed_book=0, context=1, multiple_choice=0, short=0, golden=0, absent="answer")
    rows = Dealer(pairs[:4], chunks, mix, seed=0).epoch(0)
    assert [r.answer for r in rows] == [p.answer for p in pairs[:4]]


def test_multiple_choice_holds_the_answer_at_its_letter(chunks: list[Chunk], pairs: list[QAPair]) -> None:
    mix = MixConfig(closed_book=0, context=0, multiple_choice=1, short=0)
    by_id = {p.pair_id: p for p in pairs}
    letters: Counter[str] = Counter()
    dealer = Dealer(pairs, chunks, mix, seed=0)
    for row in [r for e in range(4) for r in dealer.epoch(e)]:
        options = [line[3:] for line in row.messages[0].content.splitlines() if line[1:3] == ". "]
        assert len(options) == len(set(options)) == 4
        assert options[prompts.LETTERS.index(row.answer)] == by_id[row.pair_id].answer
        letters[row.answer] += 1
    assert set(letters) == set("ABCD")
    assert min(letters.values()) > 0.6 * max(letters.values())


def test_a_pair_without_source_falls_back_to_closed_book(chunks: list[Chunk]) -> None:
    pair = QAPair("p", "Which?", "x" * 100)
    for mix in (
        MixConfig(closed_book=0, context=1, multiple_choice=0, short=0),
        MixConfig(closed_book=0, context=0, multiple_choice=1, short=0),
        MixConfig(closed_book=0, context=0, multiple_choice=0, short=1),
    ):
        (row,) = Dealer([pair], chunks, mix, seed=0).epoch(0)
        assert row.format == "closed_book"


def test_split_leaves_out_what_is_asked_later(pairs: list[QAPair], item: MCQItem) -> None:
    leaked = replace(pairs[3], pair_id="leak", split="train", question=pairs[3].question.upper())
    found = split([*pairs, leaked, replace(pairs[4], pair_id="twice")], [item], dev_rows=8, seed=0)
    assert found.rejected == {"asked in dev, test or benchmark": 2, "duplicate": 1}
    assert "leak" not in {p.pair_id for p in found.train}
    assert pairs[0].pair_id not in {p.pair_id for p in found.train}  # the benchmark's question, word for word
    assert len(found.dev) == 8
    assert all(p.split == "dev" for p in found.dev)


def test_without_dev_pairs_some_training_pairs_are_held_out() -> None:
    found = split(many(50), [], dev_rows=128, seed=0)
    assert len(found.dev) == 10
    assert not {p.pair_id for p in found.dev} & {p.pair_id for p in found.train}
    assert found.dev_source == "one in twenty training pairs"


def test_shares_must_add_up() -> None:
    with pytest.raises(ValidationError, match=r"add up to 1\.1; make it 1"):
        MixConfig(closed_book=0.35)


@given(st.integers(1, 6), st.integers(0, 5), st.data())
def test_shortening_never_loses_the_golden_passage(count: int, golden: int, data: st.DataObject) -> None:
    golden %= count
    optional = tuple(data.draw(st.permutations([i for i in range(count) if i != golden])))
    passages = tuple(f"passage {i}" for i in range(count))
    row: Row | None = Row(prompts.with_passages("Q?", passages), "a", "context", "p", "Q?", passages, optional)
    seen = 0
    while row is not None:
        assert f"passage {golden}" in row.passages
        assert row.messages == prompts.with_passages("Q?", row.passages)
        assert list(row.passages) == sorted(row.passages)
        seen += 1
        row = row.shorter()
    assert seen == count


def test_normal_ignores_what_does_not_change_a_question() -> None:
    assert normal("  What is\n  the PORT ?") == normal("what is the port?") == "what is the port"


def test_questions_about_the_same_passages_are_asked_together(chunks: list[Chunk]) -> None:
    """What is asked, answered and held out stays as it was dealt; the source is among the shared passages."""
    pairs = many(60)
    mix = MixConfig(closed_book=0.4, context=0.6, multiple_choice=0, short=0, distractors=2)
    apart = Dealer(pairs, chunks, mix, seed=3, retriever=Recorder(chunks)).epoch(0)
    together = Dealer(pairs, chunks, mix.model_copy(update={"together": 5}), seed=3, retriever=Recorder(chunks)).epoch(
        0
    )
    assert [(r.pair_id, r.format, r.answer) for r in together] == [(r.pair_id, r.format, r.answer) for r in apart]
    source = {p.pair_id: next(prompts.passage(c) for c in chunks if c.chunk_id == p.chunk_id) for p in pairs}
    asked = Counter(r.passages for r in together if r.format == "context")
    alone = Counter(r.passages for r in apart if r.format == "context")
    assert max(asked.values()) >= 5
    assert len(asked) < len(alone) / 2
    for row in together:
        if row.format == "context":
            assert source[row.pair_id] in row.passages
            assert row.passages.index(source[row.pair_id]) not in row.optional
            assert row.messages == prompts.with_passages(row.question, row.passages)
    assert {r.seat for r in apart} == {0}  # by itself each, so that the order of training is as it was
    seats = Counter((r.seat, r.passages) for r in together if r.format == "context")
    assert len({seat for seat, _ in seats}) == len(seats)
    assert max(seats.values()) == 5
