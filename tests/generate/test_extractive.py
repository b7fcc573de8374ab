"""The teacher without a model finds what pages state and asks for it without ambiguity."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from understudy.generate.base import Ask, Fact, Page, Taught
from understudy.generate.config import GenerateConfig
from understudy.generate.extractive.precision import KEPT, LEAST, OFF, PRECISION, YOUNG
from understudy.generate.extractive.teacher import ExtractiveTeacher, find_product
from understudy.lab.worlds import make_world
from understudy.normal import normal, strict

MakePage = Callable[..., Page]


def teach(*pages: Page, product: str | None = "") -> Taught:
    return ExtractiveTeacher(product, extra=tuple(OFF)).teach(pages)  # every kind, also those off by default


def asks(taught: Taught) -> list[tuple[Fact, Ask]]:
    return [(fact, ask) for fact in taught.facts for ask in fact.asks]


def answer(taught: Taught, question: str) -> str:
    found = [a.answer for _, a in asks(taught) if question in a.questions]
    assert found, f"not asked: {question}; asked: {[a.questions[0] for _, a in asks(taught)]}"
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("statement", "question", "expected"),
    [
        ("The default port of Heron is 8123.", "What is the default port of Heron?", "8123"),
        ("Heron listens on port 8123.", "Which port does Heron use?", "8123"),
        ("Heron listens on port 8123.", "What uses port 8123?", "Heron"),
        ("`retry_max` defaults to 4.", "What does `retry_max` default to?", "4"),
        ("Setting `retry_max` is 4.", "What is the default of `retry_max`?", "4"),
        ("The cache size of the heron node is 64 MB.", "What is the cache size of the heron node?", "64 MB"),
        ("Heron writes its log to `/var/log/heron`.", "Where does Heron write its log?", "/var/log/heron"),
        ("Heron was released on 3 May 2021.", "When was Heron released?", "3 May 2021"),
        ("Run `heron drain` to empty the queue.", "How do I empty the queue?", "heron drain"),
        ("Heron is a small message broker for teams.", "What is Heron?", "Heron is a small message broker for teams."),
        ("`heron-cat` prints a queue.", "What does `heron-cat` print?", "`heron-cat` prints a queue."),
        ("Heron sorts messages by age.", "What does Heron do?", "Heron sorts messages by age."),
        ("To clear a queue, open the console.", "How do I clear a queue?", "Open the console."),
        ("Heron is used to move messages between sites.", "What is Heron used for?",
         "Heron is used to move messages between sites."),
        ("A damaged pack is moved to the quarantine folder.", "Where is a damaged pack moved?",
         "A damaged pack is moved to the quarantine folder."),
        ("`heron_close()` cannot be called twice.", "Can `heron_close()` be called twice?",
         "No, `heron_close()` cannot be called twice."),
        ("The heron_queue table has no primary key.", "Does the heron_queue table have any primary key?",
         "No, the heron_queue table has no primary key."),
        ("HERON_SPEED is only read when the relay starts.", "When is HERON_SPEED read?",
         "HERON_SPEED is only read when the relay starts."),
        ("The size of HERON_QUEUE depends on the number of relays.", "What does the size of HERON_QUEUE depend on?",
         "The size of HERON_QUEUE depends on the number of relays."),
        ("heron_open() is supported as of version 3.2.1 (2024-05-01).",
         "In which version was heron_open() first supported?", "3.2.1"),
        ("HERON_MAX cannot be raised above 125.", "Can HERON_MAX be raised above 125?",
         "No, HERON_MAX cannot be raised above 125."),
        ("`heron_open()` returns a handle.", "Which function returns a handle?", "heron_open()"),
        ("The maximum length of a queue name is 64 bytes.", "What is the maximum length of a queue name?", "64 bytes"),
    ],
)  # fmt: skip
def test_a_sentence_is_asked_for(page: MakePage, statement: str, question: str, expected: str) -> None:
    taught = teach(page(f"# Guide\n\n{statement}\n"))
    assert answer(taught, question) == expected
    assert {f.quote for f in taught.facts} == {statement}


@pytest.mark.parametrize(
    "statement",
    [
        "It listens on port 8123.",
        "This is a small message broker for teams.",
        "These settings control the port of the server.",
        "Is Heron a broker?",
        "To do this, open the console and press delete.",
        "If you need it, see below.",
        "For example, the following shows nothing:",
    ],
)
def test_what_points_elsewhere_is_not_asked(page: MakePage, statement: str) -> None:
    taught = teach(page(f"# Guide\n\n{statement}\n"))
    assert taught.facts == ()
    assert [(o.status, o.reason) for o in taught.outcomes.values()] == [("rejected", "no statement found")]


def test_tables_options_and_lists(page: MakePage, manual: dict[str, str]) -> None:
    taught = teach(*(page(text, doc_id, doc_id[:-3].capitalize()) for doc_id, text in manual.items()))
    for question, expected in {
        "What is the default value of the parameter `max_batch`?": "32",
        "What is the type of the parameter `log_file`?": "String",
        "Which parameter sets the largest number of messages in one batch?": "max_batch",
        "What does the shortcut Ctrl+K do?": "Clears the selected queue.",
        "Which shortcut opens the list of relays?": "Ctrl+B",
        "How do I start the relay?": "relayd --config /etc/relay.toml",
        "Which steps do I take to update the relay?": (
            "1. Stop the relay service. 2. Copy the new binary. 3. Start the relay again."
        ),
        "What are the key features of Store?": "Crash safety, live backups and small memory use.",
        "How do I pause the collection of figures?": "agentctl pause",
        "What is the cache size of the agent?": "128 MB",
    }.items():
        assert answer(taught, question) == expected


def test_what_has_two_answers_names_its_program_or_is_not_asked(page: MakePage) -> None:
    """Nobody asks what holds "according to the page": where no program tells the two apart, none is asked."""
    one = page("# Relay\n\nThe retry limit of the worker is 5.\n", "a.md", "Relay")
    two = page("# Store\n\nThe retry limit of the worker is 9.\n", "b.md", "Store")
    taught = teach(one, two)
    assert taught.facts == ()
    assert {o.reason for o in taught.outcomes.values()} == {"its questions would not say of what they ask"}
    twice = page(
        "# Relay\n\nThe retry limit of the worker is 5. The retry limit of the worker is 9.\n", "a.md", "Relay"
    )
    taught = teach(twice)
    assert taught.facts == ()
    assert [o.reason for o in taught.outcomes.values()] == ["its questions have several answers"]


def test_nothing_is_asked_in_reverse_that_has_two_answers(page: MakePage) -> None:
    text = "# Ports\n\nHeron listens on port 80. Egret listens on port 80. Stork listens on port 81.\n"
    back = [a.answer for _, a in asks(teach(page(text))) if a.kind == "reversed"]
    assert back == ["Stork"]


def test_kinds_of_low_precision_are_asked_only_where_the_recipe_says_so(page: MakePage) -> None:
    text = "# Guide\n\nThe Write Ahead Log (WAL) is one file.\n"
    assert [a for _, a in asks(ExtractiveTeacher("").teach([page(text)])) if a.answer == "Write Ahead Log"] == []
    taught = ExtractiveTeacher("", extra=("abbreviation",)).teach([page(text)])
    assert answer(taught, "What does WAL stand for?") == "Write Ahead Log"
    assert all((PRECISION[kind].precision or 0.0) < LEAST for kind in (OFF - YOUNG) | KEPT)
    assert not OFF & KEPT
    assert all((PRECISION[kind].precision or 0.0) >= LEAST for kind in YOUNG - OFF)
    for kinds, least in ((PRECISION.keys() - OFF - KEPT, LEAST), (PRECISION.keys() - OFF, 0.8)):
        asked = [PRECISION[kind] for kind in kinds]
        assert sum(j.good for j in asked) / sum(j.read for j in asked) >= least
    assert sum(j.read for j in PRECISION.values()) >= 300
    with pytest.raises(ValidationError, match="'rumour' is not a kind that is off; those are abbreviation"):
        GenerateConfig(extra_claims=("rumour",))


@pytest.mark.parametrize(
    "text",
    [
        "# Release notes\n\n## 2.1\n\nThe maximum length of a queue name is 64 bytes.\n",
        "# Guide\n\n| 3. Setup | Home | 5. Use |\n|---|---|---|\n| Prev | Up | Next |\n| a | b | c |\n",
        "# Guide\n\n| Status: | Base |\n|---|---|\n| Module: | mod_heron |\n| Source: | heron.c |\n",
        "# Guide\n\nThe first connection writes its rows to the second table.\n",
        "# Guide\n\nFilesystem support for UTF-8 file names varies with the relay.\n",
        "# Guide\n\nThis queue cannot be moved while it runs.\n",
        "# Guide\n\nNone of the heron_open() arguments is required.\n",
        "# Guide\n\nHERON_A does not start a relay and cannot stop one.\n",
        "# Guide\n\nUpload handler that streams data into a file using `TemporaryFile`.\n",
        "# Errors\n\n`HERON1` : `heron.conf`(5), `heron-relay`(8)\n",
        "# Guide\n\nAn example of queues:\n\n| Queue uri | Name |\n|---|---|\n| `test.db1` | t1 |\n| `a.b2` | t2 |\n",
        "# Options\n\n- `--mline-<LANG>=x`: Define a regular expression.\n",
        "# Guide\n\nAssuming the relay is built with locks, it waits for the peer.\n",
        "# Guide\n\nTo read more about queues, the queue page is there.\n",
        "# Guide\n\nThe relay names need not be unique.\n",
        "# Guide\n\nThe code of a relay is kept in\n\n```\nrelay.c\n```\n",
        "# Guide\n\nConnection 1 is a normal connection of the relay to its peer.\n",
    ],
)
def test_what_is_not_certain_is_not_taught(page: MakePage, text: str) -> None:
    title = text.split("\n", 1)[0][2:]
    assert teach(page(text, title=title)).facts == ()


def test_an_environment_variable_is_what_the_text_calls_one(page: MakePage) -> None:
    text = "# Heron\n\n## {}\n\n`HERON_HOME`\n: Sets the folder of the server.\n"
    named = teach(page(text.format("Environment variables")))
    assert answer(named, "What does the environment variable `HERON_HOME` do?") == "Sets the folder of the server."
    assert answer(teach(page(text.format("Constants"))), "What does `HERON_HOME` do?")


def test_options_belong_to_their_program(page: MakePage) -> None:
    text = "## Options\n\n-a, --all\n: Print all queues and exit.\n"
    taught = teach(page(text, "a.1", "heron-list(1)"), page(text.replace("queues", "nodes"), "b.1", "heron-tree(1)"))
    assert answer(taught, "What does the option `--all` do in heron-list?") == "Prints all queues and exits."
    assert answer(taught, "Which option prints all nodes and exits in heron-tree?") == "--all"


def test_the_product_is_found_and_named(page: MakePage) -> None:
    pages = [
        page("# Setup\n\nFirst start Heron on the host. The `max_size` defaults to 7.\n", "a.md", "Setup"),
        page("# Use\n\nWith Heron you send messages.\n", "b.md", "Use"),
    ]
    assert find_product(pages) == "Heron"
    taught = ExtractiveTeacher().teach(pages)
    assert answer(taught, "What does the `max_size` default to in Heron?") == "7"


def test_known_facts_of_made_up_manuals_are_recalled(page: MakePage) -> None:
    """Recall over all facts of manuals with known truth, by quote and value; seeds not used while writing."""
    found = total = 0
    for seed in (101, 102):
        world = make_world(seed, pages=4)
        pages = [page(t, d, t.split("\n", 1)[0][2:], size=10**6) for d, t in world.documents.items()]
        taught = ExtractiveTeacher(extra=tuple(OFF)).teach(pages)
        for known in world.facts:
            total += 1
            found += any(
                fact.doc_id == known.doc_id
                and (fact.quote in known.sentence or known.sentence in fact.quote)
                and strict(known.value) in (strict(ask.option), strict(ask.answer))
                for fact, ask in asks(taught)
            )
    assert total > 150
    assert found / total >= 0.45  # what is not certain is not asked


def test_what_is_asked_of_a_manual_is_answered_rightly(page: MakePage) -> None:
    """Where a question of ours is word for word one that the manual's author gives, the answers agree."""
    checked = 0
    for seed in (103, 104, 105):
        world = make_world(seed, pages=4)
        pages = [page(t, d, t.split("\n", 1)[0][2:], size=10**6) for d, t in world.documents.items()]
        taught = ExtractiveTeacher("").teach(pages)
        truth = {normal(q): f.value for f in world.facts for q in f.questions}
        for _, ask in asks(taught):
            for question in ask.questions:
                if normal(question) in truth and ask.kind != "reversed":
                    checked += 1
                    assert strict(truth[normal(question)]) in (strict(ask.option), strict(ask.answer)), question
    assert checked > 100


def invariants(pages: list[Page], taught: Taught) -> None:
    chunks = {c.chunk_id: c for p in pages for c in p.chunks}
    assert set(taught.outcomes) == set(chunks)
    assert len({f.fact_id for f in taught.facts}) == len(taught.facts)
    seen: set[str] = set()
    for fact in taught.facts:
        assert fact.quote
        assert fact.quote in chunks[fact.chunk_id].text
        assert chunks[fact.chunk_id].doc_id == fact.doc_id
        for ask in fact.asks:
            assert len({normal(q) for q in ask.questions}) == len(ask.questions)
            assert len(ask.questions) >= (1 if fact.quote and "faq" in ask.topic else 3)
            assert ask.answer.strip()
            first = normal(ask.questions[0])
            assert first not in seen
            seen.add(first)
            for question in ask.questions:
                assert "{" not in question.replace(ask.answer, "") or "{" in fact.quote
                assert "\n" not in question
    for outcome in taught.outcomes.values():
        assert (outcome.status == "accepted") == (outcome.facts > 0)
        assert outcome.reason or outcome.status == "accepted"


@pytest.mark.parametrize("seed", range(3))
def test_every_chunk_is_accounted_for_and_every_quote_is_verbatim(page: MakePage, seed: int) -> None:
    rng = random.Random(seed)
    world = make_world(200 + seed, pages=3)
    size = rng.choice([300, 700, 1500])
    pages = [page(t, d, t.split("\n", 1)[0][2:], size=size, overlap=size // 10) for d, t in world.documents.items()]
    taught = ExtractiveTeacher().teach(pages)
    invariants(pages, taught)
    assert taught == ExtractiveTeacher().teach(pages)


def test_real_documentation(page: MakePage, nitro: Path) -> None:
    files = sorted((nitro / "docs").rglob("*.md"))
    pages = [page(f.read_text(encoding="utf-8"), f.relative_to(nitro).as_posix(), f.stem) for f in files]
    taught = ExtractiveTeacher(extra=("endpoint",)).teach(pages)
    invariants(pages, taught)
    assert len(taught.facts) >= 10
    accepted = sum(o.status == "accepted" for o in taught.outcomes.values())
    assert accepted / len(taught.outcomes) > 0.08


def test_asserted_values_are_confirmed_or_corrected(page: MakePage) -> None:
    lines = [f"The retry limit of node{n} is {n * 11}." for n in range(1, 21)]
    taught = teach(page("# Limits\n\n" + "\n\n".join(lines) + "\n", size=10**6))
    kinds = set()
    for fact, ask in asks(taught):
        if ask.kind not in ("premise", "false-premise"):
            continue
        kinds.add(ask.kind)
        subject, true = fact.quote.split(" of ")[1].rstrip(".").split(" is ")
        assert ask.option == ""
        assert ask.answer == (f"Yes, it is {true}." if ask.kind == "premise" else f"No, it is {true}.")
        assert (f"Is {true} the retry limit of {subject}?" == ask.questions[0]) == (ask.kind == "premise")
    assert kinds == {"premise", "false-premise"}


def test_a_statement_cut_by_the_chunks_border_is_named(page: MakePage) -> None:
    taught = teach(page("The retry limit of the northern Heron is 11.", size=20, overlap=2))
    assert taught.facts == ()
    assert "its statements are cut by the chunk's border" in {o.reason for o in taught.outcomes.values()}
