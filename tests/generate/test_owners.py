"""A listed name is asked for with its owner, or not at all; the product is found where a manual names it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from understudy.generate.base import Page, Taught
from understudy.generate.extractive.disambiguate import _told_twice
from understudy.generate.extractive.lists import entry_name
from understudy.generate.extractive.owners import named_program, thing, typed_command, unnumbered
from understudy.generate.extractive.product import find_product
from understudy.generate.extractive.teacher import ExtractiveTeacher

MakePage = Callable[..., Page]


def questions(*pages: Page, product: str | None = "Heron") -> list[str]:
    taught: Taught = ExtractiveTeacher(product, ("described", "does", "object")).teach(pages)
    return [ask.questions[0] for fact in taught.facts for ask in fact.asks]


@pytest.mark.parametrize(
    ("headings", "title", "text", "expected"),
    [
        (("Relay plugin", "Options"), "Relay plugin", "The relay plugin forwards mail.", "the relay plugin"),
        (("Relay", "Options"), "Relay", "The Relay middleware forwards mail.", "the Relay middleware"),
        (("Guide", "`heron.Relay`"), "Guide", "", "`heron.Relay`"),
        (("Guide", "PageQueue"), "Guide", "", "`PageQueue`"),
        (("Functions", "drain"), "Functions", "Call drain(queue).", "`drain()`"),
        (("Relay", "Tuning the speed"), "Relay", "The Relay middleware forwards mail.", ""),
        (("Relay",), "Relay", "A relay forwards mail.", ""),
        (("cpuset(7)",), "cpuset(7)", "", ""),
        (("Go client for Heron",), "Go client for Heron", "In Go one writes go.", "the Go client"),
    ],
)
def test_the_thing_that_a_section_is_about(headings: tuple[str, ...], title: str, text: str, expected: str) -> None:
    assert thing(headings, title, text, "Heron", "size") == expected


def test_a_title_of_several_words_is_a_command_where_the_page_shows_it_typed() -> None:
    assert typed_command("heron prune", "```\nheron [common options] prune [options]\n```") == "heron prune"
    assert typed_command("heron prune", "One may prune a heron.") == ""
    assert typed_command("Heron prune", "```\nheron prune\n```") == ""


TABLE = (
    "| Option | Default | Description |\n|---|---|---|\n"
    "| `size` | 5 | The number of letters. |\n| `rate` | 7 | The speed of the bird. |\n"
)


TABLE = (
    "| Option | Default | Description |\n|---|---|---|\n| `size` | 5 | The number of letters. |\n| `rate` | 7 | {} |\n"
)


def test_a_short_name_of_a_table_is_asked_with_its_owner_only(page: MakePage) -> None:
    rows = TABLE
    owned = questions(page(f"# Relay plugin\n\n{rows}", title="Relay plugin"))
    assert "What is the default value of the option `size` of the Relay plugin in Heron?" in owned
    assert all("of the Relay plugin" in question for question in owned)
    assert questions(page(f"# Tuning the speed\n\n{rows}", title="Tuning the speed")) == []


def test_an_entry_is_named_by_its_heading(page: MakePage) -> None:
    text = (
        "# Settings\n\n### heron.queue.size\n\n- **Default**: `64`\n- **Reloadable**: no\n\n"
        "Number of letters to keep for a bird at night. Defaults to `64`.\n\n"
        "### HERON_MAIL_ROOT\n\nDefault: `/srv`\n\n"
        "The folder of the letters.\n\n### heron.old.size\n\n- **Default**: `3`\n\nDeprecated. The old size.\n"
    )
    taught = ExtractiveTeacher("Heron").teach([page(text, title="Settings")])
    told = {ask.questions[0]: ask.answer for fact in taught.facts for ask in fact.asks}
    assert told["What is the default value of the setting `heron.queue.size` in Heron?"] == "64"
    assert told["What is the default value of the setting `HERON_MAIL_ROOT` in Heron?"] == "/srv"
    assert told["What is the setting `HERON_MAIL_ROOT` in Heron?"] == "The folder of the letters."
    assert not any("heron.old.size" in question for question in told)


def test_definitions_within_a_definition_are_entries(page: MakePage) -> None:
    text = (
        "# heron prune\n\n```\nheron [common] prune [options]\n```\n\n"
        "options\n: `-n`, `--dry-run`\n  : do not change the store\n\n"
        "  `--short`\n  : print the names of birds and fish instead of a drawing\n\n"
        "  `--last N`\n  : consider the last N letters of the store\n"
    )
    asked = questions(page(text, title="heron prune"))
    assert "What does the option `--short` do in heron prune?" in asked
    assert "What does the option `--last N` do in heron prune?" in asked  # `N` is said where the answer speaks of it
    assert "Which option considers the last N letters of the store in heron prune?" not in asked


def test_a_signature_names_its_function() -> None:
    assert entry_name("`heron_open(path, *, mode='r') -> Heron`") == "`heron_open()`"
    assert entry_name("async drain(queue: Queue[str])") == "`drain()`"


def test_the_values_of_an_option_are_no_options(page: MakePage) -> None:
    text = "# heron(1)\n\n## Options\n\n`--color`\n: Colour the output.\n\n`never`\n: Print no colours at any time.\n"
    assert not any("`never`" in question for question in questions(page(text, title="heron(1)")))


def test_what_a_page_lists_twice_is_not_asked(page: MakePage) -> None:
    text = (
        "# heron(1)\n\n## Options\n\n`-o`\n: Set the number of birds that sleep in one tree.\n\n"
        "`-p`\n: Set the number of fish that a bird may catch before noon.\n\n"
        "`-o`\n: Show the value of a tunable.\n"
    )
    asked = questions(page(text, title="heron(1)"))
    assert any("`-p`" in question for question in asked)
    assert not any("`-o`" in question or "tunable" in question for question in asked)
    assert _told_twice([]) == []


@pytest.mark.parametrize("title", ["Migrating from Egret", "Heron vs Egret", "Comparison to alternatives"])
def test_a_page_about_others_states_nothing_of_the_product(page: MakePage, title: str) -> None:
    statement = "`egret_open()` returns a handle.\n"
    assert questions(page(f"# {title}\n\n{statement}", title=title)) == []
    assert questions(page(f"# Guide\n\n{statement}")) != []


@pytest.mark.parametrize(
    "statement",
    [
        "If the store is full, letters wait. The relay queue accepts at most ten letters.",
        "`heron_stop()` tells Heron to call that function when it ends.",
        "Write amplification is a measure of how letters grow, not a fault.",
    ],
)
def test_what_depends_on_another_sentence_is_not_taught(page: MakePage, statement: str) -> None:
    assert questions(page(f"# Guide\n\n{statement}\n")) == []


def test_without_a_product_only_what_says_itself_whose_it_is_is_asked(page: MakePage) -> None:
    pages = [page("# Store\n\n`heron_open()` returns a handle. `spool_size` defaults to 4.\n", "a.md", "Store")]
    assert len(questions(*pages, product=None)) > 1
    pages += [page(f"# Part {n}\n\nIt is small.\n", f"{n}.md", f"Part {n}") for n in range(9)]
    assert questions(*pages, product=None) == ["What does `heron_open()` return?", "Which function returns a handle?"]
    assert len(questions(*pages, product="Heron")) > 2


def test_without_a_product_and_a_program_long_names_are_asked_rather_than_nothing(page: MakePage) -> None:
    pages = [page("# Store\n\n`spool_max_size` defaults to 4. `size` defaults to 5.\n", "a.md", "Store")]
    pages += [page(f"# Part {n}\n\nIt is small.\n", f"{n}.md", f"Part {n}") for n in range(9)]
    assert questions(*pages, product=None) == ["What is the default value of `spool_max_size`?"]


def _manual(page: MakePage, first: str, other: str) -> list[Page]:
    pages = [page(f"# {first}\n\nWelcome.\n", "index.md", first)]
    return pages + [page(f"# Part {n}\n\n{other}\n", f"part-{n}.md", f"Part {n}") for n in range(9)]


@pytest.mark.parametrize(
    ("first", "other", "expected"),
    [
        ("Heron documentation", "With Heron, run `heron send`, and then heron waits.", "Heron"),
        ("Welcome", "A part of the PAGE framework, and PAGE framework alone. We use PAGE framework.", "PAGE framework"),
        ("Welcome", "HERON is small. HERON supports letters over HTTP.", "HERON"),
        ("Overview", "It is small.", ""),
        ("Concepts", "All concepts are small.", ""),
    ],
)
def test_the_product_is_found(page: MakePage, first: str, other: str, expected: str) -> None:
    assert find_product(_manual(page, first, other)) == expected


def test_a_tool_for_another_product_is_called_by_the_title_of_its_first_page(page: MakePage) -> None:
    pages = [page("# Heron\n\nHeron pools connections to Relay.\n", doc_id="README.md", title="Heron")]
    for n in range(6):
        text = f"# Part {n}\n\nSettings of Heron. It asks Relay, and then Relay answers, as Relay does.\n"
        pages.append(page(text, doc_id=f"part-{n}.md", title=f"Part {n}"))
    assert find_product(pages) == "Heron"


def test_a_general_acronym_is_no_product(page: MakePage) -> None:
    text = "# Part\n\nThe key is read first. API is versioned, and API will answer in the form it was asked in.\n"
    assert find_product([page(text, doc_id=f"part-{n}.md", title=f"Part {n}") for n in range(8)]) == ""


def test_a_product_in_capitals_is_found_and_stubs_are_not_counted(page: MakePage) -> None:
    said = "A letter waits in HERON until HERON has seen its stamp. " * 8
    pages = [page(f"# Part {n}\n\n{said}", f"{n}.md", f"Part {n}") for n in range(6)]
    stubs = [page(f"# Stub {n}\n", f"s{n}.md", f"Stub {n}") for n in range(20)]
    assert find_product([*pages, *stubs]) == "HERON"


def test_what_many_pages_say_in_the_same_words_is_asked_once(page: MakePage) -> None:
    text = "# heron {0}\n\n```\nheron {0} [options]\n```\n\n`--night-mode`\n: Hides all birds that have a number.\n"
    pages = [page(text.format(name), f"{name}.md", f"heron {name}") for name in ("add", "drop", "list", "move", "send")]
    asked = questions(*pages)
    assert len(asked) == 2
    assert all("heron add" in question for question in asked)


def test_options_of_a_small_manual_are_of_the_one_product(page: MakePage) -> None:
    rows = "".join(f"| `--limit-{n}` | {100 + n} | The most birds of kind {n}. |\n" for n in range(6))
    text = f"# Heron guide\n\nIt is small.\n\n## Options\n\n| Option | Default | Description |\n|---|---|---|\n{rows}"
    one = page(text, title="Heron guide")
    assert "What is the default value of the option `--limit-0` in Heron?" in questions(one)
    more = [page("# Part\n\nIt is small.\n", f"{n}.md", f"Part {n}") for n in range(12)]
    assert questions(one, *more) == []  # whose options?


@pytest.mark.parametrize(
    ("heading", "text", "program"),
    [
        ("prune", "```\n$ heron prune --all\n```", "heron prune"),
        ("`prune`", "    heron prune [options]\n", "heron prune"),
        ("prune", "```\nheron prune\n```", ""),  # without an option it may be any two words
        ("prune", "```\nheron prune --all\nswift prune --all\n```", ""),
        ("options", "```\nheron options --all\n```", ""),
    ],
)
def test_a_heading_of_one_word_is_a_command_where_one_program_is_typed_with_it(
    heading: str, text: str, program: str
) -> None:
    assert typed_command(heading, text) == program


@pytest.mark.parametrize(
    ("heading", "program"),
    [
        ("heron_count command-line options", "heron_count"),
        ("heron-count Command Line Options", "heron-count"),
        ("`count` options", "count"),
        ("Command-line options", ""),
        ("Heron command-line options", ""),
        ("count options", ""),
    ],
)
def test_a_heading_says_of_which_helper_the_options_are(heading: str, program: str) -> None:
    assert named_program(heading, "Heron") == program


def test_options_of_a_helper_are_asked_with_its_name(page: MakePage) -> None:
    text = (
        "# Heron\n\n## Command-line options\n\n`--keep-letters`\n: Prints the mail of yesterday when birds wake.\n\n"
        "## heron_count command-line options\n\n`--reset-all`\n: Sets all counters of letters to nothing.\n"
    )
    asked = questions(page(text, title="Heron"))
    assert "What does the option `--keep-letters` do in Heron?" in asked
    assert "What does the option `--reset-all` do in heron_count?" in asked


def test_a_method_is_asked_with_its_class_and_a_function_with_its_prefix_alone(page: MakePage) -> None:
    entries = "`{}`\n: Sends the letters to the birds that asked for them.\n\n"
    names = ("getState()", "configure()", "__call__()", "_private_name()", "heron_send()")
    listed = "".join(entries.format(name) for name in names)
    asked = questions(page(f"# Sending letters\n\n{listed}", title="Sending letters"))
    assert [name for name in names if any(name in question for question in asked)] == ["heron_send()"]
    owned = questions(page(f"# API\n\n## `heron.Relay`\n\n{listed}", title="API"))
    assert any("`getState()` of `heron.Relay`" in question for question in owned)


def test_a_man_page_in_a_list_is_no_function_of_this_one(page: MakePage) -> None:
    listed = "- `heronwait(8)` - wait until the bird is back\n- `heronsend(1)` - send letters to the birds\n"
    assert questions(page(f"# heronq\n\nOther programs:\n\n{listed}", title="heronq(1)")) == []


def test_numbers_of_sections_are_no_part_of_a_name(page: MakePage) -> None:
    for heading in ("2.5.15. Web Server", "3. Web Server", "A.1 Web Server", "4 Web Server", "Web Server"):
        assert unnumbered(heading) == "Web Server"
    assert [unnumbered(h) for h in ("3D models", "5.4", "HTTP 2", "2fa")] == ["3D models", "5.4", "HTTP 2", "2fa"]
    text = "# 5. Heron\n\n## 5.4. heron_count command-line options\n\n`--reset-all`\n: Sets all counters to nothing.\n"
    assert questions(page(text, title="5. Heron")) == ["Which option sets all counters to nothing in heron_count?"]
    assert thing(("Other Worker Options",), "Other Worker Options", "A worker.", "", "size") == ""


def test_an_option_of_one_letter_is_not_asked_of_the_whole_product(page: MakePage) -> None:
    listed = "`-K file`\n: Reads the birds that are wanted from a file.\n"
    assert questions(page(f"# Sending\n\n## Builtins\n\n{listed}", title="Sending")) == []
    assert any("-K" in question for question in questions(page(f"# heron\n\n{listed}", title="heron(1)")))


def test_a_protocol_is_no_program(page: MakePage) -> None:
    text = "# HTTP\n\n`heron.max_letters`\n: The number of letters that a bird may carry.\n"
    assert [question.endswith("in Heron?") for question in questions(page(text, title="HTTP"))] == [True]


def test_a_command_is_called_with_the_program_that_is_typed_before_it() -> None:
    assert typed_command("self show", "```\nheron self show --tree\n```\nas `self show` does") == "heron self show"
    assert typed_command("self show", "```\nheron self show\n```\n```\npond self show\n```") == ""
    assert typed_command("heron show", "```\nheron show --tree\n```") == "heron show"
