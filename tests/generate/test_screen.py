"""Pairs that may be trained on: reasons for refusal, masked secrets, near-duplicates, leaks of the benchmark."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given as draws
from hypothesis import strategies as st

from understudy.evaluation.similar import similar_pairs
from understudy.generate.base import Page
from understudy.generate.decontaminate import decontaminate
from understudy.generate.imported import import_pairs
from understudy.generate.screen import language, masked, screened
from understudy.generate.splits import _draw
from understudy.normal import words
from understudy.types import Chunk, MCQItem, QAPair

TEXT = "The relay keeps its queue in the folder /srv/relay. It is written in Rust and listens on port 7411."
CHUNK = Chunk("c", "d.md", TEXT, 0, len(TEXT), 1, 1, 24, "Relay")


def pair(question: str, answer: str, **given: str) -> QAPair:
    return QAPair(f"p{question}{answer}", question, answer, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (pair("Where does the relay keep its queue?", "In the folder /srv/relay."), None),
        (pair("What does Heron mean in the context of the relay?", "It is the product's name here."), None),
        (pair("What does the given text say of the relay?", "It is written in Rust."), "question does not stand alone"),
        (pair("Where is the queue?", "As shown above, in a folder."), "answer does not stand alone"),
        (pair("What does the flag do in the given code?", "It stops it."), "question does not stand alone"),
        (pair("What is this guide for?", "For users."), "question does not stand alone"),
        (pair("What is Heron?", "It is not defined in the provided context."), "answer does not stand alone"),
        (pair("Is Heron free?", "Yes, the text mentions that Heron is free."), "answer does not stand alone"),
        (pair("How does BINARY compare?", "By bytes, regardless of the encoding of the text."), None),
        (pair("What is a token?", "A part of the words used in the text."), None),
        (pair("Must the key be valid?", "No, it needs no valid key in this context."), None),
        (pair("What does the body hold?", "The following information: a name and a port."), None),
        (pair("What is src?", "The URL of the document to embed."), None),
        (pair("Who wrote the relay?", "I'm sorry, but I cannot help with that."), "answer is a refusal"),
        (pair("Who wrote the relay?", "The documentation does not mention who wrote it."), "answer is a refusal"),
        (pair("Queue?", "In the folder."), "question too short or too long"),
        (pair("Where is the queue of it?", "x" * 1600), "answer empty or too long"),
        (
            pair("Wo liegt die Schlange von dem Relay?", "Sie liegt in dem Ordner und ist für alle mit der Gruppe da."),
            "another language than the documentation",
        ),
        (
            pair("Which port is it?", "Port 7411.", chunk_id="c", quote="The port is 7411."),
            "quote does not stand in its chunk",
        ),
    ],
)  # fmt: skip
def test_every_refusal_has_its_reason(given: QAPair, reason: str | None) -> None:
    long = Chunk(
        "l",
        "d.md",
        "The relay is one of the parts that are on the server and can be in use by it. " * 3,
        0,
        1,
        1,
        1,
        1,
        "R",
    )
    kept, counts = screened([given], [CHUNK, long], pytest.fail)
    assert counts == ({reason: 1} if reason else {})
    assert kept == ([] if reason else [given])


@pytest.mark.parametrize(
    ("answer", "shown", "name"),
    [
        ("Use sk-abcdefghijklmnopqrstuvwx1234 as key.", "Use <access key> as key.", "access key"),
        ("Write to nora.lind@heronmail.com for it.", "Write to <e-mail address> for it.", "e-mail address"),
        ("Pay with 4111 1111 1111 1111 today.", "Pay with <card number> today.", "card number"),
        ("Call https://ada:geheim99@relay.example/x.", "Call https://<password>@relay.example/x.", "password"),
        ("Write to support@heronmail.com.", None, ""),
        ("Write to a@relay.example or b@host.local.", None, ""),
        ("Pay with 4111-1111-1111-1111.", "Pay with <card number>.", "card number"),
        ("The number 4111 1111 1111 1112 is a serial number.", None, ""),
        ("Requirement R-4111-1111-1111-1111 is met.", None, ""),  # a part of a longer name
        ("Requirement 4111-1111-1111-1111-A2 is met.", None, ""),
        ("Use sk-*** as key.", None, ""),
    ],
)  # fmt: skip
def test_what_is_secret_or_personal_is_masked(answer: str, shown: str | None, name: str) -> None:
    given = pair("What do I do with the relay?", answer)
    cleaned, found = masked(given)
    assert cleaned.answer == (shown or answer)
    assert found == ([name] if shown else [])
    said: list[str] = []
    kept, counts = screened([given], [CHUNK], said.append)
    assert kept == [cleaned]
    assert counts == ({f"masked: {name}": 1} if shown else {})
    assert bool(said) == bool(shown)
    assert not any("geheim99" in text or "4111" in text for text in said)


def test_repetitions_go_and_paraphrases_stay() -> None:
    given = [
        pair("Which port does the northern relay use?", "It uses port 7411 there.", fact_id="a"),
        pair("Which port does the northern relay use?", "It uses port 7411 there!", fact_id="b"),
        pair("Which port the northern relay does use?", "There it uses port 7411.", fact_id="c"),
        pair("Which port does the northern relay use?", "It uses port 7412 there.", fact_id="d"),
        pair("Which port does a northern relay use?", "It uses that port 7411 there.", fact_id="a"),
    ]
    kept, counts = screened(given, [], pytest.fail)
    assert [p.fact_id for p in kept] == ["a", "d", "a"]
    assert counts == {"exact duplicate": 1, "near-duplicate": 1}


def test_cosine_is_what_a_plain_computation_gives() -> None:
    texts = ["the relay keeps the queue", "a relay keeps a queue", "nothing alike at all", "queue queue relay"]
    held = Counter(w for t in texts + texts for w in set(words(t)))
    vectors = [{w: math.sqrt(n) * math.log(1 + 8 / held[w]) for w, n in Counter(words(t)).items()} for t in texts]

    def cosine(a: dict[str, float], b: dict[str, float]) -> float:
        norms = math.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
        return sum(v * b.get(w, 0.0) for w, v in a.items()) / norms

    found = {(i, j): v for i, j, v in similar_pairs(texts, texts, 0.0)}
    for i in range(4):
        for j in range(4):
            assert found.get((i, j), 0.0) == pytest.approx(cosine(vectors[i], vectors[j]))
    assert list(similar_pairs([], texts, 0.1)) == []


WORDS = st.sampled_from(["a", "the", "port", "of", "relay", "store", "zstd", "7411", "9200"])
TEXTS = st.lists(st.lists(WORDS, max_size=7).map(" ".join))


@draws(TEXTS, TEXTS, st.sampled_from([0.3, 0.6, 0.95, 1.0]))
def test_looking_only_at_texts_that_share_a_rare_word_loses_none(
    left: list[str], right: list[str], least: float
) -> None:
    whole = list(similar_pairs(left, right, 0.0))
    assert list(similar_pairs(left, right, least)) == [found for found in whole if found[2] >= least - 1e-9]


def test_nearly_equal_questions_leak_unless_they_paraphrase_the_same_fact() -> None:
    item = MCQItem("i", "Which folder holds the queue of the relay?", ("a", "b", "c", "d"), 0, fact_id="f")
    near = pair("Which folder of the relay holds the queue?", "x", fact_id="other")
    paraphrase = pair("Which folder of the relay holds the queue?", "x", fact_id="f")
    far = pair("Who maintains the northern relay group today?", "x", fact_id="other")
    assert decontaminate([near, far], [item], []) == ([far], {"nearly a benchmark question": 1})
    assert decontaminate([paraphrase], [item], [], [paraphrase]) == ([paraphrase], {})


def test_documents_are_held_out_once_whatever_else_there_is() -> None:
    names = [f"page{n}.md" for n in range(200)]
    before = _draw(names, 0.3, "7:documents")
    assert 40 <= len(before) <= 80
    assert _draw([*names, *(f"new{n}.md" for n in range(50))], 0.3, "7:documents") & set(names) == before
    assert _draw(names, 0.3, "8:documents") != before
    assert len(_draw(["one", "two"], 0.01, "s")) == len(_draw(["one", "two"], 0.99, "s")) == 1
    assert _draw(names, 0.0, "s") == frozenset()


def test_languages_are_told_apart() -> None:
    assert language("The relay is in the folder and can be used by all of it.") == "en"
    assert language("Das Relay ist in dem Ordner und wird mit der Gruppe von allen für sich genutzt.") == "de"
    assert language("Le relais est dans le dossier et les files sont sur un disque pour le groupe.") == "fr"
    assert language("relayd --config /etc/relay.toml") == ""


def test_exam_questions_in_the_published_pairs_are_caught(nitro: Path, page: Callable[..., Page]) -> None:
    """Exam questions that stand in the training data word for word, and reworded by order, marks and case."""
    pieces = [
        c
        for f in sorted((nitro / "docs").rglob("*.md"))
        for c in page(f.read_text(encoding="utf-8"), f.stem, f.stem).chunks
    ]
    pairs, _ = import_pairs(nitro / "teacher_pairs.csv", pieces, 0.1, 0)
    once = [q for q, n in Counter(p.question for p in pairs).items() if n == 1 and 8 <= len(q.split()) <= 16]
    leaked = [once[10], once[200].upper().replace("?", " ?!"), f"{once[300][:-1]}, please?", f"So: {once[500]}"]
    unseen = [f"Which colour has the {n}th feather of a heron in spring?" for n in range(46)]
    items = [MCQItem(f"i{n}", q, ("a", "b", "c", "d"), 0, fact_id=f"i{n}") for n, q in enumerate([*leaked, *unseen])]
    kept, dropped = decontaminate(pairs, items, pieces)
    gone = {p.question for p in pairs} - {p.question for p in kept}
    assert {once[10], once[200], once[300], once[500]} <= gone
    assert sum(dropped.values()) == len(pairs) - len(kept)


def test_a_list_compared_with_itself_is_two_equal_lists() -> None:
    names, things = "ABCD", ("gate", "pack", "gate")
    texts = [f"Which port does the {name} use for its {thing}?" for name in names for thing in things]
    assert list(similar_pairs(texts, texts, 0.5)) == list(similar_pairs(texts, list(texts), 0.5))
