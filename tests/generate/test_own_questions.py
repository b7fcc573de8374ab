"""Questions out of imported pairs: nothing of a held-out fact is trained on, and nothing gives the answer away."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from pydantic import ValidationError

from understudy.generate.config import GenerateConfig
from understudy.generate.own_questions import group_facts, hold_out_pairs, make_own_items
from understudy.normal import normal, words
from understudy.types import QAPair

THINGS = ("lathe", "drill", "furnace", "conveyor", "crane", "boiler", "press", "saw", "kiln", "pump")
TRAITS = (
    ("weight", "weighs {} kilograms when it is empty"),
    ("colour", "is painted in shade {} of the catalogue"),
    ("maker", "was built by the firm Number {} Works"),
    ("service", "must be serviced after {} hours of running"),
)


def machine_pairs() -> list[QAPair]:
    """Two pages of machines; each fact in two paraphrases that share its words."""
    pairs = []
    rng = random.Random(3)
    for m, thing in enumerate(THINGS):
        for t, (trait, says) in enumerate(TRAITS):
            value = 100 + 40 * m + 7 * t + rng.randrange(5)
            answer = f"The {thing} {says.format(value)}."
            for w, ask in enumerate(
                (f"What is known of the {trait} of the {thing}?", f"State the {trait} of the {thing}")
            ):
                pairs.append(
                    QAPair(
                        f"p{m}-{t}-{w}", ask, answer, f"c{m}", f"page{m % 2}.md", answer, "imported", f"p{m}-{t}-{w}"
                    )
                )
    return pairs


def test_paraphrases_of_a_fact_are_one_fact_and_others_are_not() -> None:
    grouped = group_facts(machine_pairs())
    facts = defaultdict(set)
    for pair in grouped:
        facts[pair.fact_id].add(pair.answer)
    assert len(facts) == len(THINGS) * len(TRAITS)
    assert all(len(answers) == 1 for answers in facts.values())


def test_given_facts_are_kept_apart_by_page() -> None:
    one = QAPair("a", "Which port is it?", "Port 7411 is it.", doc_id="a.md", fact_id="a")
    two = QAPair("b", "Which port is it?", "Port 7411 is it.", doc_id="b.md", fact_id="b")
    assert [p.fact_id for p in group_facts([one, two])] == ["a", "b"]


def test_no_pair_of_a_held_out_fact_is_trained_on() -> None:
    pairs = hold_out_pairs(group_facts(machine_pairs()), facts=0.25, paraphrases=0.5, seed=1)
    splits = defaultdict(set)
    for pair in pairs:
        splits[pair.fact_id].add(pair.split)
    whole = [fact for fact, found in splits.items() if found == {"test"}]
    assert len(whole) == 10  # a quarter of forty facts
    assert {p.doc_id for p in pairs if p.fact_id in whole} == {"page0.md", "page1.md"}
    assert all("train" in found for fact, found in splits.items() if fact not in whole)
    assert sum("test" in found for fact, found in splits.items() if fact not in whole) > 5
    assert pairs == hold_out_pairs(group_facts(machine_pairs()), facts=0.25, paraphrases=0.5, seed=1)
    assert pairs != hold_out_pairs(group_facts(machine_pairs()), facts=0.25, paraphrases=0.5, seed=2)


def test_items_have_wrong_options_of_the_same_page_that_match_the_question_as_well() -> None:
    pairs = hold_out_pairs(group_facts(machine_pairs()), facts=0.4, paraphrases=0.3, seed=1)
    items, statistics = make_own_items(pairs, [], n_items=100, n_options=4, seed=1)
    answers = defaultdict(set)
    for pair in pairs:
        answers[pair.doc_id].add(pair.answer)
    true = {pair.fact_id: pair.answer for pair in pairs}
    trained = {pair.fact_id for pair in pairs if pair.split == "train"}
    assert {item.source for item in items} == {"heldout-fact", "paraphrase"}
    for item in items:
        assert item.options[item.correct] == true[item.fact_id]
        assert len(set(map(normal, item.options))) == 4
        assert set(item.options) <= answers[item.doc_id]
        assert (item.source == "paraphrase") == (item.fact_id in trained)
    # Matching words with the question finds the key little more often than chance would.
    shares = [[len(set(words(o)) & set(words(item.question))) for o in item.options] for item in items]
    alone = [row[i.correct] == max(row) and row.count(max(row)) == 1 for row, i in zip(shares, items, strict=True)]
    assert sum(alone) / len(items) <= 0.35
    assert [i.source for i in items] == sorted((i.source for i in items), key=lambda s: s != "heldout-fact")
    assert statistics.key_longest is not None
    assert statistics.key_longest <= 0.25
    assert max(statistics.positions) - min(statistics.positions) <= 1


def test_a_page_with_too_few_answers_makes_no_item() -> None:
    pairs = [
        QAPair(f"p{i}", f"What is {w}?", f"{w} is a word.", doc_id="a.md", fact_id=f"f{i}", split="test")
        for i, w in enumerate(("alpha", "beta", "gamma"))
    ]
    items, statistics = make_own_items(pairs, [], n_items=9, n_options=4, seed=0)
    assert items == []
    assert statistics.skipped == {"too few wrong options on its page": 3}
    assert statistics.key_longest is None


def test_settings_that_ask_about_no_pairs_are_refused() -> None:
    with pytest.raises(ValidationError, match="needs pairs to ask about"):
        GenerateConfig(questions="pairs")
    with pytest.raises(ValidationError, match="holds out imported pairs"):
        GenerateConfig(pairs="x.csv", heldout_facts=0.2)
    assert "questions" not in GenerateConfig().identity()
    assert GenerateConfig(pairs="x.csv", questions="pairs", heldout_facts=0.2).identity()["heldout_facts"] == 0.2
