"""How generated manuals are asked: plain forms of verbs, questions in context, by place, and templates kept apart."""

from __future__ import annotations

import random
import re

import pytest
from tokenizers import Tokenizer

from tools.lab_models import evaluate as ev
from tools.lab_models import specialists
from tools.lab_models.packing import Packer
from tools.lab_models.tasks.statements import in_context
from understudy import lab
from understudy.lab import lexicon as lx
from understudy.lab import sections as sx
from understudy.lab.relations import CELL, QUESTIONS, RELATIONS


@pytest.mark.parametrize(
    ("verb", "plain"),
    [("watches", "watch"), ("publishes", "publish"), ("compresses", "compress"), ("verifies", "verify"),
     ("copies", "copy"), ("pauses", "pause"), ("merges", "merge"), ("stops", "stop"), ("replays", "replay")],
)  # fmt: skip
def test_plain_forms(verb: str, plain: str) -> None:
    assert verb in lx.VERBS
    assert lx.infinitive(verb) == plain


def test_every_verb_has_a_plain_form_that_makes_it_again() -> None:
    for verb in lx.VERBS:
        plain = lx.infinitive(verb)
        ending = "ies" if plain[-1] == "y" and plain[-2] not in "aeiou" else ""
        assert verb in (plain + "s", plain + "es", plain[:-1] + ending)


def test_a_question_in_context_names_the_product_once() -> None:
    rng = random.Random(0)
    asked = [in_context(rng, "Which port does the relay use?", "Tavimor", "Tavimor guide") for _ in range(400)]
    placed = [q for q in asked if "Tavimor" in q]
    assert 0.25 < len(placed) / len(asked) < 0.45
    assert all(q.endswith("?") and q.count("Tavimor") == 1 for q in placed)
    assert len(set(placed)) >= 5
    named = "What is the port of Tavimor Relay?"
    assert {in_context(rng, named, "Tavimor", "") for _ in range(50)} == {named}


def test_steps_are_asked_by_their_place() -> None:
    """In a how-to of six steps: what is asked by number or by the step before has that step for its answer."""
    for seed in range(20):
        section = sx.steps(random.Random(seed), "Tavimor", 6)
        lines = [line[3:].rstrip(".") for line in section.text.splitlines() if re.match(r"\d\. ", line)]
        for claim in (c for c in section.claims if c.attribute == "step"):
            place = lines.index(claim.value)
            assert section.text[claim.start : claim.end] == f"{place + 1}. {claim.value}."
            for question in claim.questions:
                number = re.search(r"step (\d) of", question)
                if number:
                    assert int(number[1]) == place + 1
                before = re.search(r'(?:after|follows|Once) "([^"]+)"', question)
                if before:
                    assert before[1] == lines[place - 1].replace("`", "")


def test_cells_are_asked_by_their_column() -> None:
    relation = next(r for r in RELATIONS if r.attribute == "port")
    section = sx.table(random.Random(1), ["the relay", "the vault"], [relation], [["1234"], ["5678"]])
    wanted = sx.fill(CELL[1], "the vault", "port", "5678")
    assert [c.value for c in section.claims if wanted in c.questions] == ["5678"]


def test_templates_that_measure_are_never_practised() -> None:
    practised = {*QUESTIONS, *(q for r in RELATIONS for q in r.questions)}
    assert not practised & set(ev.UNPRACTISED)
    items = ev.manual_items(40, seed=3, templates=ev.UNPRACTISED)
    assert len(items) == 40
    assert all(item.options[item.correct] in item.docs for item in items)
    starts = tuple(template.split("{")[0] for template in ev.UNPRACTISED if not template.startswith("{"))
    assert sum(item.question.startswith(starts) for item in items) > 20


def test_a_specialist_reads_in_its_share() -> None:
    packer = Packer(Tokenizer.from_file(str(lab.path("reader") / "tokenizer.json")))
    practice = specialists.PRACTICE["chat"]
    drawn = specialists.batches(packer, specialists.Drafts(practice.skill, 0), practice, 0)
    rows = [row for _ in range(20) for row in next(drawn)]
    tokens = {task: sum(len(r.ids) for r in rows if (r.task == practice.skill) == task) for task in (True, False)}
    assert tokens[False] / (tokens[True] + tokens[False]) == pytest.approx(practice.reading, abs=0.02)
    asked = sum(len(set(r.branch)) - 1 for r in rows if r.task == practice.skill)
    assert asked == 20 * practice.questions
