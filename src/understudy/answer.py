"""A reader with a way of finding context: the Answerer that benchmark, server and command line share."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from understudy import prompts
from understudy.errors import InputError
from understudy.evaluation.lexical import STOP, words
from understudy.evaluation.response import speaks
from understudy.models.open import open_language_model
from understudy.types import Answer, Arm, Chunk, Citation, Hit, LanguageModel, Message, Prompt, Retriever

logger = logging.getLogger(__name__)

_SAYS_ENOUGH = 3  # telling words with which a question can be searched for by itself
FOUND = 8
"""Passages searched for where the reader gets fewer: sentences may be told from the others too."""
ANSWER_TOKENS = 256
"""Tokens of the window that are kept free for the answer."""


def open_answerer(
    arm: Arm,
    *,
    model: str,
    adapter: Path | None,
    retriever: Retriever | None,
    chunks: Sequence[Chunk],
    top_k: int,
    reader: LanguageModel | None = None,
    max_tokens: int = ANSWER_TOKENS,
) -> ModelAnswerer:
    """Open an arm.

    model, adapter: what to load where no `reader` is given. retriever: needed by `rag`. chunks: the whole
    corpus, needed by `corpus`. top_k: passages a `rag` reader gets at most. max_tokens: the answer's budget,
    kept free in the reader's window.
    Raises InputError where the arm lacks what it needs, ModelError where the model cannot be loaded.
    """
    if arm.context == "rag" and retriever is None:
        raise InputError(f"arm '{arm.name}' needs an index; add `index: {{}}` to the recipe")
    if arm.context == "corpus" and not chunks:
        raise InputError(f"arm '{arm.name}' needs the documentation's chunks, and there are none")
    if arm.context == "rag" and top_k < 1:
        raise InputError(f"index.top_k is {top_k}; it must be at least 1")
    if reader is None:
        reader = open_language_model(model, adapter=adapter)
    if max_tokens >= reader.window:
        raise InputError(
            f"arm '{arm.name}': answers of {max_tokens} tokens leave no room for a question in the window of "
            f"{reader.name}, {reader.window} tokens"
        )
    return ModelAnswerer(arm, reader, retriever, tuple(chunks), top_k, max_tokens)


def asked_freely(question: str, arm: Arm, reader: LanguageModel) -> str:
    """What an arm is asked where it answers in its own words.

    One that was not taught how, and whose words may be the answer, is told to be brief and to keep to its passages.
    """
    instructed = arm.context != "closed-book" and arm.model != "sft" and speaks(reader)
    return prompts.briefly(question) if instructed else question


def closed_book(model: LanguageModel, name: str = "closed-book") -> ModelAnswerer:
    """An open model that answers from memory alone."""
    return open_answerer(Arm.parse(name), model="", adapter=None, retriever=None, chunks=(), top_k=1, reader=model)


@dataclass
class ModelAnswerer:
    """An arm ready to answer. See `understudy.types.Answerer`."""

    arm: Arm
    reader: LanguageModel
    retriever: Retriever | None
    chunks: tuple[Chunk, ...]
    top_k: int
    max_tokens: int
    name: str = field(init=False)
    _corpus: tuple[str, ...] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.name = self.arm.name

    def prepare(self, question: str, *, shown: str | None = None, gold: Sequence[Chunk] = ()) -> Prompt:
        """The prompt for a question, within the reader's window less the answer's budget.

        shown: what the reader is asked where it differs from what is searched for. gold: the supporting
        chunks, read by an oracle arm only. Passages stand best last, the worst are left out until the rest
        fits: `Prompt.dropped` says how many.
        Raises InputError for an empty question, an oracle arm without `gold`, a corpus beyond the window, and
        a question that is too long by itself.
        """
        return self._prepare(question, question if shown is None else shown, gold, ())

    def answer(self, question: str, history: Sequence[Message] = ()) -> Answer:
        """Answer in free text, citing every passage that the reader saw, best first.

        history: earlier turns of the conversation, oldest first; the oldest are left out where the window is
        too small. Passages are searched for by the question, and by the one before it where it says too little by
        itself ("And how long?"). An abstention comes back as the reader wrote it. Raises InputError as `prepare`
        does; an oracle arm cannot answer, since only a benchmark knows its passage.
        """
        prompt = self.prepare_turn(question, history)
        completion = self.reader.generate([prompt.messages], max_tokens=self.max_tokens)[0]
        return Answer(
            text=completion.text.strip(),
            citations=tuple(cite(hit) for hit in prompt.hits),
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
        )

    def converse(self, question: str, history: Sequence[Message] = ()) -> tuple[Prompt, Iterator[str]]:
        """What `answer` would read, and its text in pieces as the reader writes it; nothing is written before.

        A reader that cannot write piece by piece gives its answer in one.
        """
        prompt = self.prepare_turn(question, history)
        return prompt, self._pieces(prompt)

    def _pieces(self, prompt: Prompt) -> Iterator[str]:
        stream = getattr(self.reader, "stream", None)
        if stream is None:
            yield self.reader.generate([prompt.messages], max_tokens=self.max_tokens)[0].text
            return
        yield from stream(prompt.messages, max_tokens=self.max_tokens)

    def prepare_turn(self, question: str, history: Sequence[Message] = (), *, shown: str | None = None) -> Prompt:
        """The prompt for the next turn of a conversation; as `prepare` otherwise.

        shown: as `prepare`; where it is None, the question `asked_freely`.
        """
        asked = asked_freely(question, self.arm, self.reader) if shown is None else shown
        prompt = self._prepare(question, asked, (), tuple(history))
        if prompt.dropped:
            logger.warning("%s: %d passages did not fit the reader's window", self.name, prompt.dropped)
        return prompt

    def without_passages(self) -> ModelAnswerer:
        """The same model, from memory alone."""
        return closed_book(self.reader, self.arm.model)

    def _prepare(self, question: str, shown: str, gold: Sequence[Chunk], history: tuple[Message, ...]) -> Prompt:
        if not question.strip() or not shown.strip():
            raise InputError("the question is empty")
        hits, further, passages = self._context(_searched(question, history), gold)
        whole = self.arm.context == "corpus"

        def render(turns: tuple[Message, ...], count: int) -> tuple[Message, ...]:
            return (*turns, *prompts.with_passages(shown, passages[:count][::-1]))

        # Older turns give way first, until the best passage fits; then the worst passages give way.
        least = len(passages) if whole else min(1, len(passages))
        turns = self._turns_that_fit(history, lambda turns: render(turns, least))
        counts = (least,) if whole else range(len(passages), -1, -1)
        for count in counts:
            messages = render(turns, count)
            if self._room(messages) >= 0:
                kept = hits if whole else hits[:count]
                rest = (*hits[len(kept) :], *further)
                return Prompt(messages, tuple(kept), dropped=len(hits) - len(kept), further=rest)
        raise InputError(self._too_long(messages, whole))

    def _context(self, question: str, gold: Sequence[Chunk]) -> tuple[Sequence[Hit], Sequence[Hit], Sequence[str]]:
        """What the reader may see besides the question, best first: hits, those beyond its share, its passages."""
        further: Sequence[Hit] = ()
        if self.arm.context == "corpus":
            if self._corpus is None:
                self._corpus = tuple(whole_documents(self.chunks))[::-1]
            return [Hit(chunk, 1.0) for chunk in self.chunks], (), self._corpus
        if self.arm.context == "rag":
            assert self.retriever is not None  # open_answerer has seen to it
            found = self.retriever.search(question, max(self.top_k, FOUND))
            hits, further = found[: self.top_k], found[self.top_k :]
        elif self.arm.context == "oracle":
            if not gold:
                raise InputError(f"arm '{self.name}' answers only questions that name their supporting chunk")
            hits = [Hit(chunk, 1.0) for chunk in gold]
        else:
            hits = []
        return hits, further, [prompts.passage(hit.chunk) for hit in hits]

    def _turns_that_fit(
        self, history: tuple[Message, ...], render: Callable[[tuple[Message, ...]], Sequence[Message]]
    ) -> tuple[Message, ...]:
        """The history without as few of its oldest exchanges as leave room, its system message kept; nothing of it
        where that alone is too long.

        By halves: a long history is counted a few times, not once for every exchange that gives way.
        """
        fixed = tuple(m for m in history if m.role == "system")
        turns = tuple(m for m in history if m.role != "system")

        def fits(start: int) -> bool:
            return self._room(render(fixed + turns[start:])) >= 0

        if fits(0):
            return fixed + turns
        # An answer never stands without its question.
        starts = [*(i for i, m in enumerate(turns) if m.role == "user" and i), len(turns)]
        first = bisect_left(starts, True, key=fits)
        return fixed + turns[starts[first] :] if first < len(starts) else ()

    def _room(self, messages: Sequence[Message]) -> int:
        """Tokens left over beside the prompt and the answer's budget; below zero it does not fit."""
        return self.reader.window - self.max_tokens - self.reader.count_tokens(messages)

    def _too_long(self, messages: Sequence[Message], whole: bool) -> str:
        what = "the whole documentation and the question take" if whole else "the question alone takes"
        tokens, window = self.reader.count_tokens(messages), self.reader.window
        return (
            f"arm '{self.name}': {what} {tokens} tokens; {self.reader.name} has a window of {window}, of "
            f"which {self.max_tokens} are kept for the answer"
            + ("; use +rag, or a reader with a larger window" if whole else "; shorten the question")
        )


def _searched(question: str, history: Sequence[Message]) -> str:
    """What is searched for: a question of few telling words after the one that it goes on from."""
    before = next((m.content for m in reversed(history) if m.role == "user"), "")
    says = {word for word in words(question) if word not in STOP}
    return f"{before}\n{question}" if before and len(says) < _SAYS_ENOUGH else question


def cite(hit: Hit) -> Citation:
    """Where a passage stands in the documentation."""
    chunk = hit.chunk
    return Citation(
        chunk.chunk_id,
        chunk.doc_id,
        chunk.breadcrumb,
        chunk.line_start,
        chunk.line_end,
        float(hit.score),
        chunk.place,
    )


def whole_documents(chunks: Sequence[Chunk]) -> Iterator[str]:
    """The text of each document, put together from its chunks in order; what chunks share is taken once."""
    order = {doc_id: place for place, doc_id in enumerate(dict.fromkeys(c.doc_id for c in chunks))}
    ordered = sorted(chunks, key=lambda c: (order[c.doc_id], c.start))
    for _, group in groupby(ordered, key=lambda c: c.doc_id):
        title, text, end = "", "", 0
        for chunk in group:
            title = title or chunk.title
            text += chunk.text[max(0, end - chunk.start) :]
            end = max(end, chunk.end)
        yield f"{title}\n{text.strip()}" if title else text.strip()
