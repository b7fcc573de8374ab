"""What each kind of arm shows its reader, and what happens where the window is small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy import prompts
from understudy.answer import ModelAnswerer, asked_freely, open_answerer, whole_documents
from understudy.errors import InputError
from understudy.types import Answerer, Arm, Chunk, Completion, Hit, Message


@dataclass
class WordReader:
    """Counts words as tokens and answers with what it was told to say."""

    window: int = 1000
    name: str = "words"
    says: str = "an answer"
    parameters: int = 1_000_000
    seen: list[tuple[Message, ...]] = field(default_factory=list)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(m.content.split()) for m in messages)

    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        choices: Sequence[str] = (),
    ) -> list[Completion]:
        self.seen += [tuple(c) for c in conversations]
        return [Completion(self.says, "stop", self.count_tokens(c), 2) for c in conversations]

    def loglikelihoods(
        self, conversations: Sequence[Sequence[Message]], options: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        raise NotImplementedError


@dataclass
class FixedRetriever:
    chunks: Sequence[Chunk]
    asked: list[tuple[str, int]] = field(default_factory=list)

    def search(self, query: str, top_k: int) -> list[Hit]:
        self.asked.append((query, top_k))
        return [Hit(c, 1.0 / (i + 1)) for i, c in enumerate(self.chunks[:top_k])]


def chunk(number: int, words: int = 10) -> Chunk:
    text = " ".join(f"w{number}" for _ in range(words))
    return Chunk(f"c{number}", "a.md", text, 0, len(text), number + 1, number + 2, words, "A", ("A", f"S{number}"))


CHUNKS = [chunk(i) for i in range(6)]


def arm(name: str, reader: WordReader, *, top_k: int = 3, max_tokens: int = 20) -> ModelAnswerer:
    return open_answerer(
        Arm.parse(name),
        model="unused",
        adapter=None,
        retriever=FixedRetriever(CHUNKS),
        chunks=CHUNKS,
        top_k=top_k,
        reader=reader,
        max_tokens=max_tokens,
    )


def test_closed_book_shows_the_question_alone() -> None:
    answerer = arm("base", WordReader())
    assert isinstance(answerer, Answerer)
    prompt = answerer.prepare("Which port?")
    assert prompt.messages == (Message("user", "Which port?"),)
    assert prompt.hits == ()
    assert prompt.dropped == 0


def test_rag_puts_the_best_passage_last_and_lists_hits_best_first() -> None:
    prompt = arm("sft+rag", WordReader()).prepare("Which port?")
    assert [h.chunk.chunk_id for h in prompt.hits] == ["c0", "c1", "c2"]
    text = prompt.messages[-1].content
    places = [text.index(prompts.passage(c)) for c in CHUNKS[:3]]
    assert places == sorted(places, reverse=True)
    assert text.endswith("Question: Which port?")


def test_what_is_shown_may_differ_from_what_is_searched_for() -> None:
    answerer = arm("base+rag", WordReader())
    prompt = answerer.prepare("Which port?", shown="Which port?\nA. 1\nB. 2")
    assert answerer.retriever.asked == [("Which port?", 8)]  # type: ignore[union-attr]
    assert prompt.messages[-1].content.endswith("Question: Which port?\nA. 1\nB. 2")


def test_oracle_reads_the_gold_passages_and_nothing_else() -> None:
    answerer = arm("base+oracle", WordReader())
    prompt = answerer.prepare("Which port?", gold=[CHUNKS[4]])
    assert [h.chunk.chunk_id for h in prompt.hits] == ["c4"]
    assert "w0" not in prompt.messages[0].content
    for refused in (lambda: answerer.prepare("Which port?"), lambda: answerer.answer("Which port?")):
        with pytest.raises(InputError, match="supporting chunk"):
            refused()


def test_gold_is_never_shown_to_another_arm() -> None:
    for name in ("base", "base+rag"):
        assert "w5" not in arm(name, WordReader()).prepare("Q?", gold=[CHUNKS[5]]).messages[0].content


@given(window=st.integers(30, 120), top_k=st.integers(1, 6), max_tokens=st.integers(1, 25))
def test_passages_give_way_worst_first_and_are_counted(window: int, top_k: int, max_tokens: int) -> None:
    reader = WordReader(window=window)
    prompt = arm("base+rag", reader, top_k=top_k, max_tokens=max_tokens).prepare("Which port?")
    assert [h.chunk.chunk_id for h in prompt.hits] == [f"c{i}" for i in range(len(prompt.hits))]
    assert len(prompt.hits) + prompt.dropped == top_k
    assert reader.count_tokens(prompt.messages) <= window - max_tokens
    if prompt.dropped:  # one passage more would not have fitted
        more = [prompts.passage(c) for c in CHUNKS[: len(prompt.hits) + 1]]
        assert reader.count_tokens(prompts.with_passages("Which port?", more)) > window - max_tokens


def test_a_question_longer_than_the_window_is_refused_with_its_numbers() -> None:
    with pytest.raises(InputError, match=r"40 tokens; words has a window of 50, of which 20"):
        arm("base", WordReader(window=50)).prepare("word " * 40)


def test_a_budget_that_fills_the_window_is_refused() -> None:
    with pytest.raises(InputError, match="no room"):
        arm("base", WordReader(window=20))


@pytest.mark.parametrize("name", ["base", "base+rag", "base+corpus"])
def test_an_empty_question_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="empty"):
        arm(name, WordReader()).prepare(" \n")


def test_an_answer_cites_document_heading_and_lines() -> None:
    answer = arm("base+rag", WordReader()).answer("Which port?")
    first = answer.citations[0]
    assert (first.chunk_id, first.doc_id, first.breadcrumb) == ("c0", "a.md", "A › S0")
    assert (first.line_start, first.line_end, first.score) == (1, 2, 1.0)
    assert len(answer.citations) == 3
    assert answer.completion_tokens == 2
    assert answer.prompt_tokens > 30


def test_an_abstention_comes_back_as_it_is() -> None:
    assert arm("base+rag", WordReader(says=prompts.ABSTAIN)).answer("Q?").text == prompts.ABSTAIN


def test_dropped_passages_are_not_cited_and_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    answer = arm("base+rag", WordReader(window=45)).answer("Which port?")
    assert [c.chunk_id for c in answer.citations] == ["c0"]
    assert "2 passages did not fit" in caplog.text


HISTORY = (
    Message("system", "be brief"),
    Message("user", "old " * 30),
    Message("assistant", "reply " * 30),
    Message("user", "recent question"),
    Message("assistant", "recent reply"),
)


def test_history_stands_before_the_question() -> None:
    reader = WordReader()
    arm("base+rag", reader).answer("Which port?", HISTORY)
    assert reader.seen[0][:-1] == HISTORY


def test_a_turn_that_says_too_little_is_searched_for_with_the_one_before() -> None:
    answerer = arm("base+rag", WordReader())
    history = (Message("user", "How is the kiln heated?"), Message("assistant", "By gas."))
    answerer.prepare_turn("And for how long?", history)
    answerer.prepare_turn("How often is the lathe's belt changed?", history)
    answerer.prepare_turn("And for how long?")
    assert isinstance(answerer.retriever, FixedRetriever)
    assert [query for query, _ in answerer.retriever.asked] == [
        "How is the kiln heated?\nAnd for how long?",
        "How often is the lathe's belt changed?",
        "And for how long?",
    ]


def test_old_turns_give_way_to_the_best_passage_and_the_system_message_stays() -> None:
    reader = WordReader(window=55)
    answer = arm("base+rag", reader).answer("Which port?", HISTORY)
    assert [m.content for m in reader.seen[0][:-1]] == ["be brief", "recent question", "recent reply"]
    assert [c.chunk_id for c in answer.citations] == ["c0"]


def overlapping() -> tuple[str, list[Chunk]]:
    text = "alpha beta gamma delta epsilon zeta"
    spans = [(0, 16), (11, 28), (23, 35)]
    return text, [Chunk(f"d{i}", "d.md", text[a:b], a, b, 1, 1, 3, "Doc") for i, (a, b) in enumerate(spans)]


def test_documents_are_put_together_without_what_chunks_share() -> None:
    text, pieces = overlapping()
    assert list(whole_documents([pieces[2], CHUNKS[0], pieces[0], pieces[1]])) == [
        f"Doc\n{text}",
        f"A\n{CHUNKS[0].text}",
    ]


def test_corpus_holds_every_document_in_order_or_refuses() -> None:
    text, pieces = overlapping()
    reader = WordReader()
    answerer = open_answerer(
        Arm.parse("base+corpus"), model="", adapter=None, retriever=None, chunks=[*pieces, CHUNKS[0]],
        top_k=1, reader=reader, max_tokens=20,
    )  # fmt: skip
    prompt = answerer.prepare("Which port?")
    content = prompt.messages[0].content
    assert content.index(text) < content.index(CHUNKS[0].text)
    assert len(prompt.hits) == 4
    assert prompt.dropped == 0
    reader.window = 30
    with pytest.raises(InputError, match=r"whole documentation.*\+rag"):
        answerer.prepare("Which port?")


def test_arms_that_lack_what_they_need() -> None:
    with pytest.raises(InputError, match="index"):
        open_answerer(
            Arm.parse("base+rag"),
            model="",
            adapter=None,
            retriever=None,
            chunks=CHUNKS,
            top_k=3,
            reader=WordReader(),
        )
    with pytest.raises(InputError, match="chunks"):
        open_answerer(
            Arm.parse("base+corpus"),
            model="",
            adapter=None,
            retriever=None,
            chunks=(),
            top_k=3,
            reader=WordReader(),
        )


def test_a_long_conversation_is_counted_a_few_times_and_keeps_its_newest_turns() -> None:
    counted: list[int] = []

    class Counting(WordReader):
        def count_tokens(self, messages: Sequence[Message]) -> int:
            counted.append(len(messages))
            return super().count_tokens(messages)

    turns = [Message("user" if n % 2 == 0 else "assistant", f"turn {n}") for n in range(4_000)]
    arm = open_answerer(
        Arm.parse("base"), model="", adapter=None, retriever=None, chunks=(), top_k=1, max_tokens=10,
        reader=Counting(window=500),
    )  # fmt: skip
    prompt = arm.prepare_turn("one more", [Message("system", "be short"), *turns])
    kept = [m for m in prompt.messages if m.content.startswith("turn")]
    assert kept[0].role == "user"
    assert kept[-1].content == "turn 3999"
    assert 2 * len(kept) + 2 + 2 + 2 * 2 + 10 > 500 - 2 * 2  # the next exchange would not have fitted
    assert prompt.messages[0] == Message("system", "be short")
    assert len(counted) < 20


def test_passages_beyond_the_readers_share_are_at_hand_for_sentences() -> None:
    reader = WordReader()
    prompt = arm("base+rag", reader).prepare("Which port?")
    assert [h.chunk.chunk_id for h in prompt.hits] == ["c0", "c1", "c2"]
    assert [h.chunk.chunk_id for h in prompt.further] == ["c3", "c4", "c5"]
    assert "w3" not in prompt.messages[-1].content
    small = arm("base+rag", WordReader(window=60)).prepare("Which port?")
    assert small.dropped
    assert [h.chunk for h in (*small.hits, *small.further)] == CHUNKS
    assert arm("base", reader).prepare("Which port?").further == ()


@pytest.mark.parametrize(
    ("name", "parameters", "briefed"),
    [
        ("base+rag", 2_000_000_000, True),
        ("base+oracle", 2_000_000_000, True),
        ("openai:any+rag", 2_000_000_000, True),
        ("sft+rag", 2_000_000_000, False),  # it was taught how
        ("base", 2_000_000_000, False),  # it has no passages to keep to
        ("base+rag", 2_000_000, False),  # its words are not the answer
    ],
)
def test_a_model_that_was_not_taught_and_speaks_is_told_to_keep_to_its_passages(
    name: str, parameters: int, briefed: bool
) -> None:
    question = "Which port?"
    asked = asked_freely(question, Arm.parse(name), WordReader(parameters=parameters))
    assert (asked == prompts.briefly(question)) is briefed
    assert (asked == question) is not briefed


def test_only_free_answers_are_asked_for_briefly() -> None:
    reader = WordReader(parameters=2_000_000_000)
    answerer = arm("base+rag", reader)
    answerer.answer("Which port?")
    assert reader.seen[-1][-1].content.endswith(prompts.briefly("Which port?"))
    assert answerer.prepare("Which port?").messages[-1].content.endswith("Question: Which port?")
    assert answerer.prepare_turn("Which port?", shown="Which?").messages[-1].content.endswith("Question: Which?")
