"""What a person is told: whose words, which sentences, and when nothing."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import cast

import pytest

from understudy.evaluation.choice import candidates
from understudy.evaluation.response import SPEAKS, off_topic, reading, respond, sources, speaks
from understudy.evaluation.sentences import leans, sentences
from understudy.evaluation.support import SPOKEN_OF, Topic
from understudy.prompts import ABSTAIN
from understudy.types import Answerer, Arm, Chunk, Hit, LanguageModel, Prompt

KILN = """# Kiln

The kiln heats clay. Never open its door
before it has cooled to 80 degrees.

**What is the fan for?**

It keeps the air moving, because still air cracks the glaze.

- `fan`: the fan runs at half speed.
- `alarm`: it rings for 30 seconds.

| Part | Weight |
|---|---|
| door | 40 kg |
| shelf | 7 kg |

To start the kiln, run this:

```
kiln --start
kiln --log
```
"""
LATHE = """## Belt

The lathe has a belt. Is the belt of the lathe changed often? The belt is changed every 500 hours of turning. The belt
is changed by the foreman."""
WHEEL = """**(1) How often is the wheel oiled?**

Once a week, and after firing.

**(2) How is the wheel turned?**

With a foot."""


def _chunk(name: str, text: str, above: str) -> Chunk:
    return Chunk(name, "a.md", text, 0, 1, 1, 1, 9, above, ())


CHUNKS = [_chunk("c0", KILN, "Workshop › Kiln"), _chunk("c1", LATHE, "Workshop › Lathe › Belt")]
CHUNKS.append(_chunk("c2", WHEEL, "Workshop › Questions"))
TOPIC = Topic(CHUNKS)
PROMPT = Prompt((), tuple(Hit(c, 1.0) for c in CHUNKS))


def test_a_passage_falls_into_sentences_entries_rows_and_code() -> None:
    found = sentences(KILN)
    assert [(s.kind, s.text) for s in found] == [
        ("heading", "Kiln"),
        ("prose", "The kiln heats clay."),
        ("prose", "Never open its door before it has cooled to 80 degrees."),
        ("heading", "**What is the fan for?**"),
        ("prose", "It keeps the air moving, because still air cracks the glaze."),
        ("item", "`fan`: the fan runs at half speed."),
        ("item", "`alarm`: it rings for 30 seconds."),
        ("heading", "Part | Weight"),
        ("row", "door | 40 kg"),
        ("row", "shelf | 7 kg"),
        ("prose", "To start the kiln, run this:"),
        ("code", "kiln --start\nkiln --log"),
    ]
    assert found[2].heading == "Kiln"
    assert found[4].heading == "What is the fan for?"
    assert found[8].heading == "What is the fan for? Part | Weight"


def test_a_term_and_its_definition_are_one_entry() -> None:
    found = sentences("**IGNORE**\n: The row is skipped. The others are kept.\n\n**FAIL**\n: It stops.\n")
    assert [(s.kind, s.text) for s in found] == [
        ("item", "**IGNORE** : The row is skipped."),
        ("item", "The others are kept."),
        ("item", "**FAIL** : It stops."),
    ]


def test_a_sentence_that_a_passage_cuts_is_marked() -> None:
    found = sentences("of the kiln is hot. The kiln cools slowly. Its door")
    assert [s.cut for s in found] == [True, False, True]


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("How often is the belt of the lathe changed?", "The belt is changed every 500 hours of turning."),
        ("What is the weight of the shelf?", "Part | Weight\nshelf | 7 kg"),
        ("How do I start the kiln?", "To start the kiln, run this:\nkiln --start\nkiln --log"),
        ("How often is the wheel oiled?", "Once a week, and after firing."),
        ("When may the door of the kiln be opened?", "Never open its door before it has cooled to 80 degrees."),
    ],
)
def test_the_sentence_that_has_what_is_asked_for_is_among_the_first_two(question: str, sentence: str) -> None:
    found = candidates(TOPIC, question, CHUNKS)
    assert sentence in [c.support.sentence for c in found[:2]], [c.support.sentence for c in found]
    assert found[0].value >= found[-1].value


def test_a_question_in_the_documentation_is_no_answer() -> None:
    found = [c.support.sentence for c in candidates(TOPIC, "Is the belt of the lathe changed often?", CHUNKS)]
    asks = "Is the belt of the lathe changed often?"
    assert found.index("The belt is changed every 500 hours of turning.") < found.index(asks)


def test_where_no_sentence_speaks_of_a_question_there_are_no_candidates() -> None:
    assert candidates(TOPIC, "Who painted it?", CHUNKS) == []
    question = "Which belt does the kiln's alarm door use in shelf seven of Ohio?"
    assert all(c.support.share < SPOKEN_OF for c in candidates(TOPIC, question, CHUNKS[1:]))
    assert respond(TOPIC, question, "A red one.", Prompt((), PROMPT.hits[1:])).abstained


BELT = "How often is the belt of the lathe changed?"


@pytest.mark.parametrize(
    ("written", "may", "told", "quoted", "abstained"),
    [
        ("Every 500 hours of turning.", True, "Every 500 hours of turning.", False, False),
        ("Every 500 hours of turning.", False, "The belt is changed every 500 hours of turning.", True, False),
        ("Once a year.", True, "The belt is changed every 500 hours of turning.", True, False),
        ("", False, "The belt is changed every 500 hours of turning.", True, False),
        (ABSTAIN, True, ABSTAIN, False, True),
        (ABSTAIN, False, ABSTAIN, False, True),
    ],
)
def test_a_models_words_are_told_only_where_it_may_speak_and_a_passage_says_them(
    written: str, may: bool, told: str, quoted: bool, abstained: bool
) -> None:
    found = respond(TOPIC, BELT, written, PROMPT, speaks=may)
    assert (found.parts[0], found.quoted, found.abstained, found.own) == (told, quoted, abstained, written)
    assert (found.support is None) == abstained
    assert bool(found.quotes) == quoted
    for quote in found.quotes:
        assert quote.sentence in found.text


def test_what_a_model_wrote_points_at_a_sentence() -> None:
    question = "What is known of the belt being changed?"
    for written, sentence in (
        ("By the foreman alone.", "The belt is changed by the foreman."),
        ("At 500 hours.", "The belt is changed every 500 hours of turning."),
    ):
        assert respond(TOPIC, question, written, PROMPT, speaks=False).parts[0] == sentence


def test_a_second_sentence_is_told_only_where_it_is_nearly_as_good() -> None:
    both = respond(TOPIC, "Who changes the belt?", "", PROMPT, speaks=False)
    assert len(both.quotes) == 2
    assert both.quotes[0].sentence != both.quotes[1].sentence
    alone = respond(TOPIC, "How long does the alarm ring?", "", PROMPT, speaks=False)
    assert [q.sentence for q in alone.quotes] == ["`alarm`: it rings for 30 seconds."]


def test_without_passages_the_models_words_are_all_there_is() -> None:
    told = respond(TOPIC, "How often?", " Once a year. ", Prompt(()), speaks=False)
    assert (told.text, told.support, told.quoted) == ("Once a year.", None, False)


def test_an_arm_that_reads_is_refused_what_its_passages_do_not_speak_of() -> None:
    bread, rag = "How is sourdough bread baked?", Arm.parse("sft+rag")
    assert off_topic(TOPIC, bread, PROMPT, rag)
    assert off_topic(TOPIC, bread, Prompt(()), rag)
    assert not off_topic(TOPIC, BELT, PROMPT, rag)
    assert off_topic(TOPIC, BELT, Prompt((), PROMPT.hits[:1]), rag)  # what is not read does not count
    assert not off_topic(TOPIC, bread, Prompt(()), Arm.parse("sft"))
    assert not off_topic(None, bread, PROMPT, rag)
    assert off_topic(TOPIC, "And baked?", PROMPT, rag, follows=True)
    assert not off_topic(TOPIC, "And the belt of bread?", PROMPT, rag, follows=True)


def test_a_small_model_does_not_speak_and_one_of_unknown_size_does() -> None:
    for reader, may in (
        (SimpleNamespace(parameters=SPEAKS - 1), False),
        (SimpleNamespace(parameters=SPEAKS), True),
        (SimpleNamespace(), True),
    ):
        assert speaks(cast(LanguageModel, reader)) is may


CLOCK = """## Winding

The clock is wound by a weight. However, it stops in summer. This is harmless.

Wind it like this:

> ```
> >>> clock.wind()
> ```

The kinds of weight:

- lead, for winter
- brass

# The clock's hands

But they may be bent."""


def test_a_sentence_that_goes_on_from_another_is_told_with_it() -> None:
    assert [(s.kind, s.whole, s.cut) for s in sentences(CLOCK)] == [
        ("heading", "Winding", False),
        ("prose", "The clock is wound by a weight.", False),
        ("prose", "The clock is wound by a weight. However, it stops in summer.", False),
        ("prose", "The clock is wound by a weight. However, it stops in summer. This is harmless.", False),
        ("prose", "Wind it like this:", False),
        ("code", "Wind it like this:\n>>> clock.wind()", False),
        ("prose", "The kinds of weight:", False),
        ("item", "The kinds of weight:\nlead, for winter", False),
        ("item", "The kinds of weight:\nbrass", False),
        ("heading", "The clock's hands", False),
        ("prose", "The clock's hands\nBut they may be bent.", False),
    ]
    assert sentences(KILN)[9].whole == "Part | Weight\nshelf | 7 kg"
    assert [s.whole for s in sentences("| door | 40 kg |\n| shelf | 7 kg |")] == ["door | 40 kg", "shelf | 7 kg"]
    assert sentences(KILN)[4].whole.startswith("What is the fan for? It keeps the air moving")
    assert sentences("It is so. That is all.")[0].cut  # what it goes on from is not there


@pytest.mark.parametrize(
    "text", ["However, no.", "But it is.", "For example, two.", "This is it.", "**Note, however**"]
)
def test_what_leans_on_the_sentence_before(text: str) -> None:
    assert leans(text)
    assert not leans("The " + text.replace("This", "thing"))


def test_what_goes_on_from_half_a_sentence_is_not_told_with_it_and_a_listed_question_is_no_answer() -> None:
    found = sentences("of the kiln is hot. But it cools.\n:::\n- The kiln is cold. Why?\n- It is red.\n::: note\n")
    assert [(s.kind, s.whole, s.cut) for s in found] == [
        ("prose", "of the kiln is hot.", True),
        ("prose", "But it cools.", True),
        ("heading", "The kiln is cold.", False),
        ("heading", "Why?", False),
        ("item", "It is red.", False),
    ]


def test_a_default_is_told_with_what_it_is_the_default_of() -> None:
    text = "### fan_speed\n\nHow fast the fan turns. Zero stops it.\n\nDefault: 20\n\n**type**: `int`\n\n### next"
    assert [s.text for s in sentences(text) if s.kind == "prose"] == [
        "How fast the fan turns.",
        "Zero stops it.",
        "How fast the fan turns. Zero stops it. Default: 20",
        "How fast the fan turns. Zero stops it. Default: 20 **type**: `int`",
    ]
    more = " ".join(f"It is turned by the motor number {n}." for n in range(20))
    long = text.replace("Zero stops it.", more)
    assert "How fast the fan turns. Default: 20" in [s.text for s in sentences(long)]
    assert sentences("The kiln heats. Note: it is not known what it does to glass and clay.")[1].text[:5] == "Note:"


def test_what_is_told_stands_by_itself() -> None:
    chunk = _chunk("k", CLOCK, "Clock")
    topic = Topic([chunk, *CHUNKS])
    for question in ("Does the clock stop in summer?", "What about the clock's hands?", "How do I wind the clock?"):
        for part in respond(topic, question, "", Prompt((), (Hit(chunk, 1.0),)), speaks=False).parts:
            assert not leans(part)
            assert part not in ("Winding", "The clock's hands")


class Near:
    """An answerer whose index finds texts near that hold a word."""

    parameters = 1
    word = "ovens"

    @property
    def reader(self) -> Near:
        return self

    @property
    def retriever(self) -> Near:
        return self

    def search(self, query: str, top_k: int) -> list[Hit]:
        return []

    def closeness(self, question: str, texts: list[str]) -> list[float]:
        return [0.9 if self.word in text else 0.25 for text in texts]


def test_a_sentence_of_other_words_is_told_where_its_meaning_is_near() -> None:
    rag, asked = Arm.parse("base+rag"), "When can pottery be taken out?"
    prompt = Prompt((), PROMPT.hits[1:], further=PROMPT.hits[:1])
    near, far = Near(), Near()
    near.word, far.word = "cooled", "nothing of the kind"
    assert off_topic(TOPIC, asked, prompt, rag)  # by words alone
    told = reading(TOPIC, asked, prompt, rag, cast(Answerer, near)).told()
    assert told.parts[0] == "Never open its door before it has cooled to 80 degrees."
    assert reading(TOPIC, asked, prompt, rag, cast(Answerer, far)).beside
    # Its passage was not read by the model, and is named all the same.
    assert [h.chunk.chunk_id for h in sources(prompt, told)][-1] == "c0"
    assert sources(prompt, respond(TOPIC, BELT, "", prompt, speaks=False)) == prompt.hits


class Unembedded(Near):
    """What searches by words alone: it has the method, and no model."""

    def closeness(self, question: str, texts: list[str]) -> None:  # type: ignore[override]
        return None


def test_without_an_embedding_model_a_sentence_that_shares_no_word_is_not_told() -> None:
    chunks, close_to = [h.chunk for h in PROMPT.hits], partial(Unembedded().closeness, BELT)
    found = candidates(TOPIC, BELT, chunks, close_to)
    assert [c for c in found if c.support.share > 0] == found != []
    assert candidates(TOPIC, "Xylophone quartz?", chunks, close_to) == []


def test_words_and_meaning_together_say_whether_passages_speak_of_a_question() -> None:
    rag = Arm.parse("base+rag")
    far = cast(Answerer, Near())  # nothing is near
    assert not reading(TOPIC, "Which weight has the shelf?", PROMPT, rag, far).beside
    assert reading(TOPIC, "Which paint has the garage door of Ohio?", PROMPT, rag, far).beside
    assert not reading(TOPIC, "And the shelf?", PROMPT, rag, far, follows=True).beside
