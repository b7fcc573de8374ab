"""Questions that the documentation itself asks: taught with their whole answer, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from understudy.generate.base import Page
from understudy.generate.extractive.teacher import ExtractiveTeacher

MakePage = Callable[..., Page]


def _asked(page: MakePage, question: str, answer: str) -> list[tuple[str, str]]:
    pages = [page(f"# Questions\n\n## {question}\n\n{answer}\n", "faq.md", "Questions")]
    facts = ExtractiveTeacher("Heron", ["faq"]).teach(pages).facts
    return [(ask.questions[0], ask.answer) for fact in facts if fact.claim == "faq" for ask in fact.asks]


_ANSWER = "The gate waits until the letter was weighed, then it opens for ten seconds."


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Why does the gate stay closed?", "In Heron, why does the gate stay closed?"),
        ("Can Heron open the gate at night?", "Can Heron open the gate at night?"),
        ("3. When is the gate opened?", "In Heron, when is the gate opened?"),
        ("I hear nothing, when is the gate opened?", "In Heron, I hear nothing, when is the gate opened?"),
    ],
)
def test_a_question_of_the_documentation_names_the_product(page: MakePage, question: str, expected: str) -> None:
    assert _asked(page, question, _ANSWER) == [(expected, _ANSWER)]


@pytest.mark.parametrize(
    "question",
    ["Why don't you open the gate?", "Can I have your letters?", "When to open the gate?", "Why Does the Gate Open?"],
)
def test_questions_to_the_makers_and_headings_are_not_asked(page: MakePage, question: str) -> None:
    assert _asked(page, question, _ANSWER) == []


@pytest.mark.parametrize(
    "answer",
    [
        "There are a number of things that keep it closed for a while.",
        "The gate is closed by one of the following things at any time.",
        "We did not find the time to open it yet, sorry for that.",
        "Yes, see the page about gates and what opens them for letters.",
        "The gate stays closed in these cases:\n\n- at night\n- in winter",
        "The gate stays closed while one of its motors runs.\n\n- the first motor\n- the second motor",
        f"{_ANSWER} " * 8,
    ],
)
def test_an_answer_that_is_not_whole_is_not_taught(page: MakePage, answer: str) -> None:
    assert _asked(page, "Why does the gate stay closed?", answer) == []


def test_how_is_answered_by_what_to_do(page: MakePage) -> None:
    question = "How do I open the gate?"
    assert _asked(page, question, "The gate of the office belongs to the letters of the day.") == []
    told = _asked(page, question, "**A:** Press the blue button until you hear a bell, or run `gate open`.")
    assert told == [
        ("How do I open the gate in Heron?", "Press the blue button until you hear a bell, or run `gate open`.")
    ]


def test_a_column_of_the_environment_names_variables(page: MakePage) -> None:
    rows = "| `HERON_GATE`, `HERON_DOOR` | `blue` |\n| `HERON_BELL` | `loud` |"
    pages = [page(f"# Settings\n\n| Environment | Default |\n|---|---|\n{rows}\n", "settings.md", "Settings")]
    asked = {q for f in ExtractiveTeacher("Heron").teach(pages).facts for a in f.asks for q in a.questions}
    assert "What is the default value of the environment variable `HERON_GATE` in Heron?" in asked
    assert "What is the default value of the environment variable `HERON_BELL` in Heron?" in asked


def test_an_entry_is_called_by_the_full_name_that_it_tells(page: MakePage) -> None:
    told = "- Name: `HERON_GATE`\n- Default: `blue`\n\nConfigures which gate letters go through."
    facts = (
        ExtractiveTeacher("Heron").teach([page(f"# Settings\n\n### GATE\n\n{told}\n", "settings.md", "Settings")]).facts
    )
    asked = {q for f in facts for a in f.asks for q in a.questions}
    assert any("`HERON_GATE`" in q for q in asked)
    assert not any("`GATE`" in q for q in asked)


def test_what_a_variable_of_the_environment_is_for_is_asked_as_what_it_holds(page: MakePage) -> None:
    rows = "| `HERON_GATE` | File path of the office. |\n| `HERON_BELL` | Output format of the evening. |"
    pages = [page(f"# Settings\n\n| Environment | Description |\n|---|---|\n{rows}\n", "settings.md", "Settings")]
    asked = {q for f in ExtractiveTeacher("Heron").teach(pages).facts for a in f.asks for q in a.questions}
    assert asked
    assert "What is the environment variable `HERON_GATE` in Heron?" not in asked
    assert not any("outputs format" in q for q in asked)
