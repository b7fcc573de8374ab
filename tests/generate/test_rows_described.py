"""What a row may be said to do: names without remarks, descriptions that describe, things of the program."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from understudy.generate.base import Page
from understudy.generate.extractive.teacher import ExtractiveTeacher

MakePage = Callable[..., Page]


def _asked(page: MakePage, header: str, *rows: str) -> list[tuple[str, str]]:
    lines = [f"| {header} | Description |", "|---|---|", *(f"| {row} |" for row in rows)]
    pages = [page("# Settings\n\n" + "\n".join(lines) + "\n", "settings.md", "Settings")]
    facts = ExtractiveTeacher("Heron").teach(pages).facts
    return [(q, ask.answer) for fact in facts for ask in fact.asks for q in ask.questions]


_OTHER = "`GATE_WIDTH` | Sets the width of the opening that letters pass."


@pytest.mark.parametrize(
    "described",
    [
        "(Appears on: the page of gates).",
        "Was the letter larger than the limit of the office.",
        "A standard setting, read more in the guide of the framework.",
    ],
)
def test_what_does_not_describe_is_not_taught(page: MakePage, described: str) -> None:
    asked = _asked(page, "Option", _OTHER, f"`GATE_MODE` | {described}")
    assert any("GATE_WIDTH" in q for q, _ in asked)
    assert not any("GATE_MODE" in q or "GATE_MODE" in a for q, a in asked)


@pytest.mark.parametrize("remark", [" (new in 2.4)", " (**deprecated since 3**)", "\\*"])
def test_a_remark_is_no_part_of_a_name(page: MakePage, remark: str) -> None:
    asked = _asked(page, "Option", _OTHER, f"GATE_MODE{remark} | Sets how wide the gate is opened for a letter.")
    assert any("`GATE_MODE`" in q for q, _ in asked)
    assert not any("new in" in q or "since" in q or "*" in q for q, _ in asked)


def test_of_a_platform_a_row_tells_what_others_do_there(page: MakePage) -> None:
    told = "Adds a statistic of all letters to the start page."
    assert _asked(page, "Platform", f"MailCMS | {told}", "LetterPress | Displays all letters of a day.") == []
    assert _asked(page, "Command", f"`count` | {told}", "`list-all` | Displays all letters of a day.") != []


def test_an_elided_value_is_no_default(page: MakePage) -> None:
    text = "# Settings\n\n| Option | Default |\n|---|---|\n| `GATE_TOKEN` | `tk_zyY...` |\n| `GATE_WIDTH` | `40` |\n"
    facts = ExtractiveTeacher("Heron").teach([page(text, "settings.md", "Settings")]).facts
    asked = {q for f in facts for a in f.asks for q in a.questions}
    assert any("`GATE_WIDTH`" in q for q in asked)
    assert not any("`GATE_TOKEN`" in q for q in asked)
