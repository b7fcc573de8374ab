"""Splits by paraphrase, multiple-choice items that cannot be guessed by form, and decontamination."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.evaluation import baselines
from understudy.evaluation.leakage import ngrams
from understudy.evaluation.lexical import Bm25
from understudy.evaluation.question import Question
from understudy.generate.base import Ask, Fact, Page
from understudy.generate.config import GenerateConfig, Paraphrases
from understudy.generate.decontaminate import decontaminate
from understudy.generate.distractors import Distractors
from understudy.generate.extractive.teacher import ExtractiveTeacher
from understudy.generate.items import candidates, make_items, repaired
from understudy.generate.splits import HeldOut, hold_out, make_pairs, split_paraphrases
from understudy.generate.values import PRECISE, value_type
from understudy.lab.worlds import make_world
from understudy.normal import normal, strict, words
from understudy.types import Chunk, MCQItem, QAPair

MakePage = Callable[..., Page]
Made = tuple[list[Fact], list[QAPair], list[MCQItem]]

EXTRA = ("attribute", "command", "endpoint", "quantity", "relation")
"""Kinds that are off by default and that the made-up manuals state much of."""


@pytest.fixture(scope="module")
def made() -> Callable[..., Made]:
    def build(page: MakePage, seed: int = 5, **settings: object) -> Made:
        config = GenerateConfig(**settings)  # type: ignore[arg-type]
        world = make_world(300 + seed, pages=4)
        pages = [page(t, d, t.split("\n", 1)[0][2:], size=10**6) for d, t in world.documents.items()]
        facts = list(ExtractiveTeacher(extra=EXTRA).teach(pages).facts)
        held_out = hold_out(facts, config, seed)
        pairs = make_pairs(facts, config, held_out, "extractive", seed)
        found = candidates(facts, pairs, held_out, True)
        chunks = [chunk for page in pages for chunk in page.chunks]
        items, _ = make_items(found, facts, chunks, config.n_items, config.n_options, seed)
        return facts, pairs, items

    return build


# ── splits ──────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(1, 12), st.floats(0, 0.45), st.floats(0, 0.45), st.integers(0, 100))
def test_paraphrases_are_split_without_overlap(n: int, dev: float, test: float, seed: int) -> None:
    ask = Ask("forward", tuple(f"question {i}" for i in range(n)), "a")
    splits = split_paraphrases(ask, "fact", Paraphrases(dev=dev, test=test), seed)
    assert list(splits) == list(ask.questions)
    counts = Counter(splits.values())
    if n > 1:
        assert counts["train"] >= 1
        assert (counts["test"] >= 1) == (test > 0)
    if n >= 4 and dev > 0 and counts["test"] < n - 1:
        assert counts["dev"] >= 1
    assert splits == split_paraphrases(ask, "fact", Paraphrases(dev=dev, test=test), seed)


def test_an_only_paraphrase_is_held_out_by_share() -> None:
    drawn = Counter(
        next(iter(split_paraphrases(Ask("forward", ("q",), "a"), f"fact {i}", Paraphrases(), 0).values()))
        for i in range(2000)
    )
    assert 340 <= drawn["test"] <= 460
    assert 340 <= drawn["dev"] <= 460


def test_no_paraphrase_stands_on_two_sides(page: MakePage, made: Callable[..., Made]) -> None:
    _, pairs, _ = made(page)
    sides: dict[str, set[str]] = {}
    for pair in pairs:
        sides.setdefault(normal(pair.question), set()).add(pair.split)
    assert all(len(s) == 1 for s in sides.values())
    per_fact = {p.fact_id: Counter(q.split for q in pairs if q.fact_id == p.fact_id) for p in pairs[:200]}
    assert all(c["train"] >= 1 and c["test"] >= 1 for c in per_fact.values())


def test_held_out_documents_and_chunks_are_absent_from_training(page: MakePage, made: Callable[..., Made]) -> None:
    facts, pairs, items = made(page, heldout_documents=0.3)
    config = GenerateConfig(heldout_documents=0.3)
    held = hold_out(facts, config, 5)
    assert held.documents
    assert {p.split for p in pairs if p.doc_id in held.documents} == {"test"}
    for item in items:
        assert (item.source == "heldout-doc") == (item.doc_id in held.documents)
    assert any(i.source == "heldout-doc" for i in items)
    assert any(i.source == "heldout-paraphrase" for i in items)
    chunks = hold_out(facts, GenerateConfig(heldout_chunks=0.5), 5)
    assert chunks.chunks
    assert {chunks.source(f) for f in facts if f.chunk_id in chunks.chunks} == {"heldout-chunk"}


# ── items ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", [1, 2])
def test_items_cannot_be_guessed_by_form(page: MakePage, made: Callable[..., Made], seed: int) -> None:
    facts, pairs, items = made(page, seed, n_items=60)
    assert 28 <= len(items) <= 60
    trained = {normal(p.question) for p in pairs if p.split == "train"}
    asks = {a.questions: a for f in facts for a in f.asks}
    world = make_world(300 + seed, pages=4)
    corpus = " ".join(normal(text) for text in world.documents.values())
    longest = 0
    for item in items:
        key = item.options[item.correct]
        assert normal(item.question) not in trained
        assert len(item.options) == 4
        assert len({strict(o) for o in item.options}) == 4
        # Real values of the corpus: the verb may have been put into the third person.
        assert all(" ".join(normal(o).split()[1:]) in corpus for o in item.options)
        assert any(item.question in questions and a.option == key for questions, a in asks.items())
        others = [o for o in item.options if o != key]
        longest += len(key) > max(map(len, others))
        assert not any(f" {normal(o)} " in f" {normal(item.question)} " for o in others if len(o) > 2)
    assert longest / len(items) <= 0.25
    positions = Counter(item.correct for item in items)
    assert max(positions.values()) - min(positions.values()) <= 1
    assert len({item.item_id for item in items}) == len({normal(i.question) for i in items}) == len(items)
    per_doc = Counter(item.doc_id for item in items)
    assert len(per_doc) >= 3
    assert max(per_doc.values()) <= 0.75 * len(items)


def test_distractors_are_of_the_keys_type(page: MakePage, made: Callable[..., Made]) -> None:
    _, _, items = made(page)
    strangers = checked = 0
    for item in items:
        kinds = [value_type(option) for option in item.options]
        if kinds[item.correct] in PRECISE:
            checked += 3
            strangers += sum(kind not in PRECISE for kind in kinds)
    assert checked > 30
    assert strangers / checked < 0.05


def test_no_shortcut_beats_chance_on_what_is_made(page: MakePage) -> None:
    world = make_world(311, pages=7)
    pages = [page(t, d, t.split("\n", 1)[0][2:], size=900) for d, t in world.documents.items()]
    taught = ExtractiveTeacher(extra=EXTRA).teach(pages)
    pairs = make_pairs(taught.facts, GenerateConfig(), HeldOut(), "extractive", 0)
    chunks = [chunk for p in pages for chunk in p.chunks]
    found = candidates(taught.facts, pairs, HeldOut(), True)
    items, statistics = make_items(found, taught.facts, chunks, 80, 4, 0, taught.options)
    assert len(items) >= 35
    index = Bm25(chunks)
    retrieved = {i.item_id: Distractors(taught.facts, (), chunks).passages(i.question) for i in items}
    results = baselines.run(
        ["longest", "overlap-retrieved"], [Question(i) for i in items], index, dict.fromkeys(retrieved, ""), retrieved
    )
    accuracy = {name: sum(r.acc or 0.0 for r in rows) / len(rows) for name, rows in results.items()}
    assert accuracy["floor:overlap-retrieved"] <= 0.45
    assert accuracy["floor:longest"] <= 0.35
    # What the stage reports is what the benchmark's own baseline measures.
    assert accuracy["floor:overlap-retrieved"] == pytest.approx(
        statistics.shortcuts["words in common with the retrieved passages"], abs=0.05
    )


def test_no_shortcut_is_better_where_fewer_passages_are_shown(page: MakePage) -> None:
    """Options of the key's own passage are found there however few passages a reader gets."""
    right: dict[int, list[float]] = {1: [], 3: []}
    for seed in (311, 312, 313):
        world = make_world(seed, pages=7)
        pages = [page(t, d, t.split("\n", 1)[0][2:], size=900) for d, t in world.documents.items()]
        taught = ExtractiveTeacher(extra=EXTRA).teach(pages)
        pairs = make_pairs(taught.facts, GenerateConfig(), HeldOut(), "extractive", 0)
        chunks = [chunk for p in pages for chunk in p.chunks]
        found = candidates(taught.facts, pairs, HeldOut(), True)
        items, _ = make_items(found, taught.facts, chunks, 80, 4, 0, taught.options)
        index, search = Bm25(chunks), Distractors(taught.facts, (), chunks)
        for n, right_at in right.items():
            retrieved = {i.item_id: search.passages(i.question)[:n] for i in items}
            questions = [Question(i) for i in items]
            rows = baselines.run(["overlap-retrieved"], questions, index, dict.fromkeys(retrieved, ""), retrieved)
            right_at += [r.acc or 0.0 for r in rows["floor:overlap-retrieved"]]
    for n, most in ((1, 0.42), (3, 0.355)):
        assert sum(right[n]) / len(right[n]) <= most, (n, sum(right[n]) / len(right[n]), len(right[n]))


def test_items_that_a_shortcut_gives_away_are_taken_out() -> None:
    text = "The relay forwards queued messages between northern sites every night."
    chunk = Chunk("c", "d", text, 0, len(text), 1, 1, 12, "Relay")
    given = [
        MCQItem(f"i{n}", "What does the relay do?", ("Forwards queued messages", "Xyzzy", "Plugh", "Frotz"), 0)
        for n in range(40)
    ]
    fair = [
        MCQItem(f"j{n}", "What does the relay do?", ("Xyzzy", "Forwards queued messages", "Plugh", "Frotz"), 0)
        for n in range(40)
    ]
    kept, dropped = repaired([*given, *fair], Distractors((), (), [chunk]), 4)
    assert {item.item_id[0] for item in kept} == {"i", "j"}
    assert sum(item.item_id[0] == "i" for item in kept) < 25
    assert dropped["given away by the words in common with the retrieved passages"] == 80 - len(kept)
    assert sum(item.item_id[0] == "j" for item in kept) == 40


def test_no_distractor_is_another_true_answer() -> None:
    """Two facts answer the same topic; the other's value must not stand as a wrong option."""

    def fact(n: int, topic: str, option: str) -> Fact:
        ask = Ask("forward", (f"What does thing {n} read?", "q2", "q3"), option, option, "format", topic, f"thing {n}")
        return Fact(f"f{n}", "c", "d", f"quote {n}", (ask,))

    facts = [fact(0, "reads", "JSON"), fact(1, "reads", "YAML")] + [
        fact(n, f"other {n}", v) for n, v in enumerate(["TOML", "CSV", "INI", "XML", "YAML"], 2)
    ]
    pairs = [
        QAPair(f"p{n}", f.asks[0].questions[0], f.asks[0].answer, fact_id=f.fact_id, split="test")
        for n, f in enumerate(facts)
    ]
    items, statistics = make_items(candidates(facts, pairs, HeldOut(), True), facts, [], 50, 4, 0)
    asked = {i.question: i for i in items}
    assert "YAML" not in asked["What does thing 0 read?"].options
    assert "JSON" not in asked["What does thing 1 read?"].options
    assert statistics.items == len(items)


def test_too_few_values_make_no_item() -> None:
    ask = Ask("forward", ("How many?", "a", "b"), "7", "7", "number", "t")
    facts = [Fact("f", "c", "d", "q", (ask,))]
    pairs = [QAPair("p", "How many?", "7", fact_id="f", split="test")]
    items, statistics = make_items(candidates(facts, pairs, HeldOut(), True), facts, [], 10, 4, 0)
    assert items == []
    assert statistics.key_longest is None
    assert sum(statistics.skipped.values()) == 1


# ── decontamination ─────────────────────────────────────────────────────────────────────────────────────

ITEM = MCQItem(
    "i",
    "Which command prints the state of every queue of the northern relay group?",
    ("a", "b", "c", "d"),
    0,
    fact_id="f1",
)
SHARES = "shares 8 words with a benchmark question"
CHUNK = Chunk(
    "c", "d", "The tool statectl prints all queues together with their age and size in bytes.", 0, 78, 1, 1, 20, "T"
)


def pair(question: str, answer: str = "x", fact_id: str = "", split: str = "train") -> QAPair:
    return QAPair("p", question, answer, fact_id=fact_id, split=split)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given_pair", "reason"),
    [
        (pair(ITEM.question), "equals a benchmark question"),
        (pair(ITEM.question.upper().replace("?", "")), "equals a benchmark question"),
        (pair("Tell me which command prints the state of every queue of it."), SHARES),
        (pair("What is it?", "It prints the state of every queue of the northern relay."), SHARES),
        (pair("Tell me what prints the state of every queue."), None),
        (pair(ITEM.question, split="test"), None),
        (pair("So: which command prints the state of every queue of it?", fact_id="f1"), None),
        (pair(ITEM.question, fact_id="f1"), "equals a benchmark question"),
    ],
)  # fmt: skip
def test_what_gives_a_question_away_is_dropped(given_pair: QAPair, reason: str | None) -> None:
    kept, dropped = decontaminate([given_pair], [ITEM], [CHUNK])
    assert dropped == ({reason: 1} if reason else {})
    assert kept == ([] if reason else [given_pair])


def test_the_documentations_own_words_are_no_leak() -> None:
    item = replace(ITEM, options=("Prints all queues together with their age and size in bytes", "b", "c", "d"))
    taught = pair("What does statectl do?", "Prints all queues together with their age and size in bytes.")
    assert decontaminate([taught], [item], [CHUNK]) == ([taught], {})
    assert decontaminate([taught], [item], [])[1] == {SHARES: 1}


def test_ngrams() -> None:
    assert ngrams(words("a b c"), 2) == {("a", "b"), ("b", "c")}
    assert ngrams(["a"], 2) == set()
