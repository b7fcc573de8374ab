"""The records that flow between rooms: small, frozen, each carrying where it came from.

Every record converts to and from one JSON line (`understudy.artifact.write_records`). Character offsets
are half-open, `text[start:end]`; line numbers start at 1 and count lines of the source file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

Role = Literal["system", "user", "assistant"]
Split = Literal["train", "dev", "test"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat, in the vocabulary of the chat APIs."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Document:
    """One source file as Markdown text.

    doc_id: path relative to the documentation folder, with `/`.
    text: the whole text as Markdown; formats other than Markdown are converted.
    first_line: line of the source file on which `text` begins (front matter is cut into `metadata`).
    digest: sha256 of the source bytes.
    places: where converted text stands in the source file: offsets into `text`, ascending, each with the place
        from there on: `L12` (line), `#anchor`, `cell 3`, `page 7`, or nothing (the file itself). Empty where
        the text is the source verbatim, line by line.
    kind: the kind of page: `reference`, `tutorial`, `change log`, `index`, `table of contents`,
        `cross-reference table`, `licence`, `keyword list` or `source listing`.
    untaught: why the page is searched and neither taught nor examined (its kind, `a copy: guide.md`, the recipe's
        word); empty where it is taught.
    site: what the page's site or project calls itself, as it is written there (`Heron 2.1 documentation`); empty where
        nothing says so.
    """

    doc_id: str
    text: str
    title: str
    format: str
    digest: str
    first_line: int = 1
    metadata: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[tuple[int, str], ...] = ()
    kind: str = "reference"
    untaught: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of a document: `document.text[start:end] == text`, at most `chunk_size` tokens.

    line_start, line_end: lines of the source file where the source has lines that are known, else of the
        converted text. place: what a citation prints behind the file's name where `line_start` alone does not
        tell (`:12-20`, `#anchor`, `, cell 3`, `, page 7`, or nothing); None where the text is the source's own
        lines.
    """

    chunk_id: str
    doc_id: str
    text: str
    start: int
    end: int
    line_start: int
    line_end: int
    n_tokens: int
    title: str
    heading_path: tuple[str, ...] = ()
    place: str | None = None

    @property
    def where(self) -> str:
        """The place in the source file: `guide.md:12-20`, `guide.html#limits`, `tour.ipynb, cell 3`."""
        return _where(self)

    @property
    def breadcrumb(self) -> str:
        """`title › section › subsection`, the prefix under which the chunk is indexed and shown."""
        path = [h for h in self.heading_path if h]
        parts = path if path and path[0] == self.title else [self.title, *path]
        return " › ".join(p for p in parts if p)


@dataclass(frozen=True, slots=True)
class QAPair:
    """A question and its answer, supported by `quote`, which stands verbatim in the chunk.

    fact_id groups the wordings of one fact; `kind` says how it asks (forward, reversed, howto, ...).
    split: `train` is learned from, `dev` and `test` are wordings held out for early stop and benchmark.
    chunk_id, doc_id and quote are empty for imported pairs whose source was not found.
    """

    pair_id: str
    question: str
    answer: str
    chunk_id: str = ""
    doc_id: str = ""
    quote: str = ""
    kind: str = "forward"
    fact_id: str = ""
    split: Split = "train"
    source: str = ""


@dataclass(frozen=True, slots=True)
class MCQItem:
    """A multiple-choice question; `correct` indexes `options`. The cluster of the statistics is doc_id."""

    item_id: str
    question: str
    options: tuple[str, ...]
    correct: int
    chunk_id: str = ""
    doc_id: str = ""
    quote: str = ""
    kind: str = ""
    fact_id: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question to be answered in words, no options shown (`evaluation/open_questions.py` says what is right).

    answer: the reference. must: key terms and numbers that an answer has to say (`a | b`: one of them). by_must:
        whether these alone decide what is right; else the reference does.
    answerable: whether what is searched holds the answer. without: the page that is taken out of it, so that nothing
        does; empty where nothing is taken out.
    wrong: answers that it must not give. chunk_id, doc_id, quote: where the answer stands, or, of a question about
        what the documentation does not treat, what stands nearest.
    in_exam: whether the exam asks it with options, under the same `item_id`.
    """

    item_id: str
    question: str
    answer: str = ""
    must: tuple[str, ...] = ()
    by_must: bool = False
    answerable: bool = True
    without: str = ""
    wrong: tuple[str, ...] = ()
    chunk_id: str = ""
    doc_id: str = ""
    quote: str = ""
    kind: str = ""
    fact_id: str = ""
    source: str = ""
    in_exam: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by a retriever; a larger score is a better match."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What one arm did with one question.

    option_scores: one row per shift; row s holds the score of each option *in content order*, so that
    column j is always option j of the item, whatever position it was shown in.
    predicted: index of the option chosen by content over all shifts; None for a format failure.
    acc: 1.0 or 0.0 (or the share of shifts answered correctly); None where undefined.
    """

    arm: str
    item_id: str
    doc_id: str
    predicted: int | None
    correct: int
    acc: float | None
    circular: float | None = None
    option_scores: tuple[tuple[float, ...], ...] = ()
    retrieved: tuple[str, ...] = ()
    hit: bool | None = None
    format_failure: bool = False
    text: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer comes from: a chunk, its document, heading and place (as in `Chunk`)."""

    chunk_id: str
    doc_id: str
    breadcrumb: str
    line_start: int
    line_end: int
    score: float
    place: str | None = None

    @property
    def where(self) -> str:
        """The place in the source file, as `Chunk.where`."""
        return _where(self)


def _where(record: Chunk | Citation) -> str:
    lines = f":{record.line_start}-{record.line_end}"
    return record.doc_id + (lines if record.place is None else record.place)


@dataclass(frozen=True, slots=True)
class Answer:
    """A generated answer with the passages the reader saw and the tokens it cost."""

    text: str
    citations: tuple[Citation, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model wrote, and why it stopped: `stop` at its end-of-turn, `length` at the limit."""

    text: str
    finish_reason: Literal["stop", "length"] = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages a reader gets, and the hits whose passages stand in them, best first.

    dropped: hits left out because the reader's window was too small. further: the next best ones, which the reader does
    not get; the documentation's own sentences may be told from them too.
    """

    messages: tuple[Message, ...]
    hits: tuple[Hit, ...] = ()
    dropped: int = 0
    further: tuple[Hit, ...] = ()


@dataclass(frozen=True, slots=True)
class Arm:
    """One way of answering that the benchmark compares: `base`, `sft+rag`, `openai:gpt-4o+oracle`.

    model: `base`, `sft`, or a model reference. context: what the reader sees besides the question.
    """

    name: str
    model: str
    context: Literal["closed-book", "rag", "oracle", "corpus"] = "closed-book"

    @classmethod
    def parse(cls, name: str) -> Arm:
        """Read an arm's name: the model, then optionally `+rag`, `+oracle` or `+corpus`."""
        model, plus, context = name.rpartition("+")
        if plus and context in ("rag", "oracle", "corpus"):
            return cls(name, model, context)  # type: ignore[arg-type]
        return cls(name, name)


@runtime_checkable
class Retriever(Protocol):
    """Anything that finds chunks for a question, best first."""

    def search(self, query: str, top_k: int) -> list[Hit]: ...


@runtime_checkable
class Closeness(Protocol):
    """A retriever that can say how near any text is to a question, as an index with an embedding model can."""

    def closeness(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """How near each text is to a question: 1 at most, 0 as any passage is; None without an embedding model."""
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """A language model behind chat messages: transformers, llama.cpp or an OpenAI-compatible endpoint.

    window: the number of tokens of prompt and completion together that the model can take.
    """

    @property
    def name(self) -> str: ...

    @property
    def window(self) -> int: ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the rendered prompt (an upper estimate where the tokenizer is not known)."""
        ...

    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        choices: Sequence[str] = (),
    ) -> list[Completion]:
        """One completion a conversation. With `choices` the completion is constrained to one of them."""
        ...

    def loglikelihoods(
        self, conversations: Sequence[Sequence[Message]], options: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """Sum of log-probabilities (nats) of each option as the assistant's answer to its conversation.

        Raises ModelError where the engine cannot weigh given text (most remote APIs).
        """
        ...


@runtime_checkable
class Answerer(Protocol):
    """A reader with a way of finding context; benchmark and server use the same one."""

    name: str
    reader: LanguageModel

    def prepare(self, question: str, *, shown: str | None = None, gold: Sequence[Chunk] = ()) -> Prompt:
        """The prompt for a question. `shown` is what the reader is asked where it differs from what is
        searched for (a question with its options); `gold` is the supporting chunk, used by oracle arms only."""
        ...

    def answer(self, question: str, history: Sequence[Message] = ()) -> Answer:
        """Answer in free text, with citations."""
        ...
