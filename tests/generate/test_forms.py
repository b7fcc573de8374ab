"""Forms of options, whole phrases, and what of a question stands in the key alone."""

from __future__ import annotations

import pytest

from understudy.generate.base import Ask, Fact, Option
from understudy.generate.distractors import NOT_WHOLE, TOLD, TOO_FEW
from understudy.generate.forms import form_of, is_whole
from understudy.generate.hints import gist, given_away, shared
from understudy.generate.items import candidates, make_items
from understudy.generate.splits import HeldOut
from understudy.types import MCQItem, QAPair


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Sets the port", "verb"),
        ("Causes the relay to stop", "verb"),
        ("Does not close the link", "verb"),
        ("The port of the relay", "noun"),
        ("Names of all queues", "noun"),
        ("Number of open files", "noun"),
        ("The relay is full", "sentence"),
        ("The two relays write the same", "sentence"),
        ("links were refused", "sentence"),
        ("If it is set, the queue is kept", "clause"),
        ("By means of a file", "means"),
        ("In the folder of the relay", "place"),
        ("To keep the order", "infinitive"),
        ("Because the disk is full", "reason"),
        ("--port", "flag --"),
        ("-p", "flag -"),
        ("open()", "name small()"),
        ("[]", "name bracketed"),
        ("'x'", "name quoted"),
        ("30 seconds", "time time"),
        ("The port of the relay. It is open", "noun and more"),
        ("", ""),
    ],
)
def test_the_form_of_an_option(text: str, form: str) -> None:
    assert form_of(text) == form


@pytest.mark.parametrize(
    "text",
    [
        "Creates for any query",
        "Names and types that the function will return",
        "Changes to the format might allow more data",
        "Calls first appeared in version 2",
        "A minimum) a copy of the page",
        "The relay and allow clients to read",
        "By a call to open() and is destroyed by close()",
        "The order by naming the other queues",
        "A valid queue and False otherwise",
        "The state that a relay is",
        "The links and be removed with it",
        "Defaults to 80",
        "curl one\ncurl two",
        "The name of",
    ],
)
def test_what_is_no_whole_phrase(text: str) -> None:
    assert not is_whole(text)


@pytest.mark.parametrize(
    "text", ["Sets the port of the relay", "The port of the relay", "Points to a file", "Shows links", "--port", "80"]
)
def test_what_is_a_whole_phrase(text: str) -> None:
    assert is_whole(text, read=True)


@pytest.mark.parametrize(
    ("question", "key", "wrong", "part"),
    [
        ("Which command removes an extension?", "DROP EXTENSION", ["DROP ROLE", "ALTER ROLE"], "extension"),
        ("Which command removes an extension?", "DROP EXTENSION", ["DROP ROLE", "ALTER EXTENSION"], ""),
        ("What is `imap.pass`?", "The password to log in with", ["The name of the user"], "pass"),
        ("What does the option `--check` do?", "Checks checksums", ["Disables checksums"], "check"),
        ("What does the option `--check` do?", "Checks checksums", ["Checks the disk"], "check"),
        ("What does the option `--check` do?", "Checks disks", ["Checks the links"], ""),
        ("What does the error ENOMEM mean?", "Too little memory", ["No such file"], "enomem"),
        ("What does the letters WAF stand for?", "Wide area field", ["Narrow wall"], "waf spelled out"),
        ("What is the name of the option that closes a link?", "--name", ["--port"], ""),
        ("What does slot 7 hold?", "Lock 7", ["Lock 8"], "7"),
        (
            "Which function sets except flags?",
            "set_except_flag()",
            ["set_env()", "get_except()", "flags()"],
            "except flags sets",
        ),
        ("What does `--compress` do?", "Sets the compression", ["Sends the commands"], "compress"),
        ("Which parameter is the type of an argument?", "argtype", ["oid", "locale"], "argument"),
        ("Which removal is logged?", "What was removed", ["What was added"], "removal"),
        ("What is the size of a page?", "4096", ["512"], ""),
    ],
)
def test_what_gives_the_key_away(question: str, key: str, wrong: list[str], part: str) -> None:
    assert given_away(question, key, wrong) == part


def test_what_options_say() -> None:
    assert gist("Defines the root key of the configuration") == gist("Defines the root key for the configuration")
    assert gist("Enables checksums") != gist("Disables checksums")
    assert shared("Which queue is full?", "The full queue") == {"queue": 3, "full": 3}


def test_what_is_shared_comes_in_the_same_order_in_every_process() -> None:
    """An exam's options are chosen by it, and a run repeated elsewhere must have the same digests."""
    told = shared(
        "Which option limits queue memory, port and storage of the server?", "limits server storage memory port queue"
    )
    assert list(told) == sorted(told)
    assert len(told) > 4


def _asked(question: str, option: str, kind: str, about: str, n: int, topic: str = "purpose") -> Fact:
    ask = Ask("forward", (question, "q2", "q3"), option, option, kind, f"{topic} {about}", about)
    return Fact(f"f{n}", "c", "d", f"row {n} {option}", (ask,))


def _made(facts: list[Fact], options: tuple[Option, ...] = ()) -> tuple[dict[str, MCQItem], dict[str, int]]:
    pairs = [
        QAPair(f"p{n}", f.asks[0].questions[0], f.asks[0].answer, fact_id=f.fact_id, split="test")
        for n, f in enumerate(facts)
    ]
    items, statistics = make_items(candidates(facts, pairs, HeldOut(), True), facts, [], 50, 4, 0, options)
    return {item.question: item for item in items}, dict(statistics.skipped)


DOES = ["Opens the queue", "Closes the queue", "Empties the queue", "Prints the queue", "Moves the queue"]


def test_options_have_the_form_of_the_key() -> None:
    facts = [_asked(f"What does opt{n} do?", text, "description", f"opt{n}", n) for n, text in enumerate(DOES)]
    facts.append(_asked("What is opt9?", "The name of the queue", "description", "opt9", 9))
    items, skipped = _made(facts)
    assert len(items) == 5
    assert all(form_of(option) == "verb" for item in items.values() for option in item.options)
    assert skipped == {TOO_FEW: 1}


def test_a_key_that_the_question_names_is_hidden_or_left_out() -> None:
    facts = [_asked(f"What does opt{n} do?", text, "description", f"opt{n}", n) for n, text in enumerate(DOES)]
    told = _asked("What does the option `--sort-mail` do?", "Sorts the links by age", "description", "sort-mail", 9)
    items, skipped = _made([*facts, told])
    assert told.asks[0].questions[0] not in items
    assert skipped == {TOLD: 1}
    also = [_asked("What does opt10 do?", "Sorts the names", "description", "opt10", 10)]
    items, skipped = _made([*facts, told, *also])
    assert skipped == {TOLD: 1}, "one wrong option that shares the name's part leaves a guess between two"
    also.append(_asked("What does opt11 do?", "Sorts the birds by colour", "description", "opt11", 11))
    items, skipped = _made([*facts, told, *also])
    assert {"Sorts the names", "Sorts the birds by colour"} < set(items[told.asks[0].questions[0]].options)
    assert not skipped
    spelled = _asked(
        "What does the option `--sort-links` do?", "Sorts the links by age", "description", "sort-links", 9
    )
    items, skipped = _made([*facts, spelled, *also])
    assert skipped == {TOLD: 1}


@pytest.mark.parametrize(
    ("option", "told"), [("`--sni`", "Uses the server name indication"), ("`-v`", "Raises verbosity")]
)
def test_a_name_that_its_description_spells_out_is_not_examined(option: str, told: str) -> None:
    facts = [_asked(f"What does opt{n} do?", text, "description", f"opt{n}", n) for n, text in enumerate(DOES)]
    asked = _asked(f"What does the option {option} do?", told, "description", f"the option {option}", 9)
    items, skipped = _made([*facts, asked])
    assert asked.asks[0].questions[0] not in items
    assert skipped == {TOLD: 1}


def test_a_default_is_asked_among_values_of_like_size_and_unit() -> None:
    values = ["10 s", "20 s", "30 s", "9 days", "64 s", "7319", "2000 s"]
    facts = [
        _asked(f"What is the default of opt{n}?", value, "duration", f"opt{n}", n, "default")
        for n, value in enumerate(values)
    ]
    items, _ = _made(facts)
    assert set(items["What is the default of opt0?"].options) == {"10 s", "20 s", "30 s", "64 s"}
    assert "What is the default of opt3?" not in items
    assert "What is the default of opt6?" not in items


def test_options_that_say_the_same_do_not_meet() -> None:
    texts = [*DOES[:3], "Prints the root of the queue", "Prints the root for the queue"]
    facts = [_asked(f"What does opt{n} do?", text, "description", f"opt{n}", n) for n, text in enumerate(texts)]
    items, _ = _made(facts)
    assert len(items) == 5
    assert not any({texts[3], texts[4]} <= set(item.options) for item in items.values())


def test_what_is_said_of_the_asked_subject_is_no_wrong_option() -> None:
    facts = [_asked(f"What does `a.opt{n}` do?", text, "description", f"a.opt{n}", n) for n, text in enumerate(DOES)]
    facts.append(_asked("What does `b.opt0` do?", "Drops the queue", "description", "b.opt0", 9))
    spare = Option("Counts the queue", "description", "c", "d", "The call `a.opt1` counts the queue.", "purpose", "x")
    items, _ = _made(facts, (spare,))
    assert "Drops the queue" not in items["What does `a.opt0` do?"].options
    assert "Counts the queue" not in items["What does `a.opt1` do?"].options
    assert any("Counts the queue" in item.options for item in items.values())


def test_a_key_that_is_cut_makes_no_item() -> None:
    facts = [_asked(f"What does opt{n} do?", text, "description", f"opt{n}", n) for n, text in enumerate(DOES)]
    facts.append(_asked("What does opt9 do?", "Opens the queue of (all", "description", "opt9", 9))
    assert _made(facts)[1] == {NOT_WHOLE: 1}
