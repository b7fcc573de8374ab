"""Answers that are whole and questions that are rightly put: what a reading of five manuals found faulty."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from understudy.generate.base import Ask, Page
from understudy.generate.extractive.descriptions import describe
from understudy.generate.extractive.grammar import says_little
from understudy.generate.extractive.lists import entry_name
from understudy.generate.extractive.owners import named_program
from understudy.generate.extractive.product import find_product
from understudy.generate.extractive.teacher import ExtractiveTeacher

MakePage = Callable[..., Page]


def asks(*pages: Page, product: str | None = "Heron") -> list[Ask]:
    return [ask for fact in ExtractiveTeacher(product, ("described",)).teach(pages).facts for ask in fact.asks]


def questions(*pages: Page) -> list[str]:
    return [ask.questions[0] for ask in asks(*pages)]


def test_values_of_an_entry_that_stand_beside_it_are_no_entries(page: MakePage) -> None:
    told = {
        "PoolSize": "Sets how many herons may share one pond.",
        "TrackType": "Chooses by which means letters are followed.",
        "track/pond": "Follows letters by the ripples of their pond.",
        "track/lake": "Follows letters by the waves of a large lake.",
        "MailDelay": "Sets the hours that a letter waits at night.",
        "KEEP_TREE": "Keeps the tree in which a heron has nested.",
        "WaitTime": "Sets the minutes until a silent pond is left.",
        "RetryLimit": "Sets how often a lost letter is written again.",
    }
    entries = "\n\n".join(f"**{name}**\n: {text}" for name, text in told.items())
    asked = " ".join(questions(page(f"# heron.conf(5)\n\n## Parameters\n\n{entries}\n", title="heron.conf(5)")))
    assert "`PoolSize`" in asked
    assert "`RetryLimit`" in asked
    assert not any(n in asked for n in ("track/pond", "track/lake", "KEEP_TREE"))


def test_a_variable_holds_what_it_is_described_as(page: MakePage) -> None:
    text = (
        "# heron(1)\n\n## Variables\n\n`heron_host`\n: The name of the computer that sent the letter.\n\n"
        "`heron_icons`\n: Whether letters are shown with an icon of their sender.\n\n"
        "## Environment variables\n\n`HERON_PORT`\n: The number of the door at which letters arrive.\n"
    )
    asked = questions(page(text, title="heron(1)"))
    assert "What does the variable `heron_host` hold in heron?" in asked
    assert "What does the variable `heron_icons` control in heron?" in asked
    assert "Which environment variable holds the number of the door at which letters arrive in heron?" in asked


@pytest.mark.parametrize(
    ("name", "told", "expected"),
    [
        ("mask", "Prints the mask in letters and not in numbers.", " in mask?"),  # a word of the sentence, no program
        ("command", "Prints all COMMAND found in the path.", " in command?"),
        ("sendletter", "Sets the colours that sendletter shows letters in.", "letters in?"),
    ],
)
def test_a_question_in_reverse_names_the_program(page: MakePage, name: str, told: str, expected: str) -> None:
    asked = questions(page(f"# {name}(1)\n\n## Options\n\n**--tall**\n: {told}\n", title=f"{name}(1)"))
    assert next(q for q in asked if q.startswith("Which option")).endswith(expected)


def test_the_option_of_one_of_many_programs_of_a_page_is_that_program_s(page: MakePage) -> None:
    text = "# Manual pages\n\n## heron-send - sends letters\n\n### Options\n\n`-p port`\n: Sends to a port not 53.\n"
    asked = questions(page(text, title="Manual pages"))
    assert asked
    assert all(question.endswith(" in heron-send?") for question in asked)
    assert named_program("heron-send - sends letters", "Manual pages") == "heron-send"
    assert named_program("Heron - sends letters", "Manual pages") == named_program("heron send", "Guide") == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            "A text of the reason for which a letter is refused. One of",
            "A text of the reason for which a letter is refused",
        ),
        ("Keeps all letters for a week. NOTE: see the page of ponds.", "Keeps all letters for a week"),
        ("Keeps all letters for a week. Details are given in section 44.39.", "Keeps all letters for a week"),
        ("Keeps all letters for a week. They may be read.", "Keeps all letters for a week. They may be read"),
        ("Read the log, and then open a new one.", "Reads the log, and then opens a new one"),
    ],
)
def test_a_description_ends_before_notes_and_heads_of_lists(value: str, text: str) -> None:
    description = describe(value)
    assert description is not None
    assert description.text == text


def test_rows_of_what_is_deprecated_are_not_asked(page: MakePage) -> None:
    rows = "| Statement | Description | Tags |\n|---|---|---|\n"
    rows += "| heron-pond-size | Limits how many herons share one pond. | server |\n"
    rows += "| heron-mail-delay | Sets the hours that a letter waits at night. | server |\n"
    rows += "| heron-lake-tree | Keeps the tree in which a heron has nested. | deprecated |\n"
    asked = " ".join(questions(page(f"# Settings\n\n## Statements\n\n{rows}", title="Settings")))
    assert "heron-pond-size" in asked
    assert "heron-lake-tree" not in asked


def test_what_is_anything_s_is_not_asked() -> None:
    assert says_little("The value of the option", "an even number of strings that colons part")
    assert says_little("An individual letter", "a number of statements")
    assert not says_little("The value of the `size` option", "an even number of strings that colons part")
    assert not says_little("`heron_open()`", "a handle")


def test_a_name_with_a_placeholder_is_no_entry() -> None:
    assert entry_name("`$heron_rate_xxx`") == entry_name("`heron_NNN`") == ""
    assert entry_name("`$heron_rate`") == "" or entry_name("`heron_rate`") == "`heron_rate`"


def test_options_of_a_file_are_read_with_the_place_of_their_value(page: MakePage) -> None:
    entries = (
        "`allow_mail` [ true | false ]\n: Lets herons send letters to the whole pond at night. Defaults to `true`.\n\n"
    )
    entries += "`max_herons` count\n: Limits how many herons may share one pond at the same time.\n\n"
    entries += "`keep_mail` [ true | false ]\n: Set `keep_mail` to true to lay letters aside.\n"
    text = f"# heron.conf(5)\n\n## General options\n\n{entries}"
    asked = " ".join(questions(page(text, title="heron.conf(5)")))
    assert "default value of the option `allow_mail`" in asked
    assert "the option `max_herons`" in asked
    assert "keep_mail" not in asked
    assert "max_herons" not in " ".join(questions(page(text.replace("heron.conf(5)", "heron"), title="heron")))


def test_a_type_in_brackets_is_no_default(page: MakePage) -> None:
    text = "# heron.conf(5)\n\n## Options\n\n- `wait_ns` (int64): The number of letters in a boat.\n"
    asked = " ".join(questions(page(text, title="heron.conf(5)")))
    assert "wait_ns" in asked
    assert "default" not in asked


@pytest.mark.parametrize(
    "value",
    [
        "Determines how letters are kept. See the page of ponds.",
        "Controls the behaviour of herons at night.",
        "The pond's own rule requires that every heron is counted.",
        "Analogous to the option of the pond.",
        "Keeps letters at night. If unset, see the page of ponds.",
    ],
)
def test_a_description_without_its_point_is_none(value: str) -> None:
    assert describe(value) is None


def test_what_follows_a_description_in_a_link_is_left_out() -> None:
    description = describe("Sends letters over the pond by boat. Documentation for the boat plugin.")
    assert description is not None
    assert description.text == "Sends letters over the pond by boat"


def test_a_name_of_two_parts_is_asked_with_the_topic_of_its_page(page: MakePage) -> None:
    row = "| Parameter | Description |\n|---|---|\n"
    row += "| keep-count | The largest number of letters that one pond may hold. |\n"
    title, below = "Boats Reference", f"Heron.\n\n## Upstream\n\n### Configuration\n\n{row}"
    herons = page(f"# {title}\n\n{below}", f"{title}.md", title)
    filler = [page(f"# Page {n}\n\nHeron has a page {n}.\n", f"{n}.md", f"Page {n}") for n in range(30)]
    found = [ask for ask in asks(herons, *filler) if "keep-count" in f"{ask.questions} {ask.answer}"]
    assert found
    for ask in found:
        assert all(" for boats" in q.lower() for q in ask.questions)
        assert ask.kind != "reversed" or ask.answer == "keep-count"
    task = page(f"# How to Float\n\n{below}", "boats.md", "How to Float")
    assert "keep-count" not in " ".join(questions(task, *filler))


def test_a_page_that_tells_changes_is_not_asked(page: MakePage) -> None:
    things = ("boat", "letter", "lake", "tree", "reed", "island", "bridge", "stone", "willow", "frog")
    parts = "\n".join(f"## `pond_{n}_{n}`\n\nAdds a {thing} for herons at night.\n" for n, thing in enumerate(things))
    assert questions(page(f"# Versions\n\nHeron grows.\n\n{parts}", title="Versions")) == []
    told = parts.replace("Adds", "Paints")
    assert len(questions(page(f"# Ponds\n\nHeron has them.\n\n{told}", title="Ponds"))) >= len(things)


def test_who_wrote_a_page_is_not_what_it_is_about(page: MakePage) -> None:
    text = "# {0}\n\nThe letters of {0} go over the pond at night, and many herons read them there. " * 4
    text += "\n\nWritten by Rosa Lind <rosa@pond.example>, and by Lind <lind@pond.example>.\n"
    pages = [page(text.format(name), f"{name}.md", name) for name in ("boats", "lakes", "reeds")]
    assert find_product(pages) == ""
