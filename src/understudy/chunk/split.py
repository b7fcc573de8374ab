"""Cuts documents into chunks: exact in tokens, covering every character, at the best places.

The document is encoded once; cuts are planned on the offsets of its tokens. A slice encoded alone can have
a token or two more than it has inside the document, so every planned chunk is encoded alone before it is
emitted, and one above the size first gives up overlap, then is cut again. That check is the guarantee: no
chunk leaves unless its own text was counted.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from understudy.chunk.boundaries import Atom, Boundaries
from understudy.chunk.places import SourcePlaces
from understudy.chunk.tokens import TokenCounter
from understudy.errors import StageError
from understudy.types import Chunk, Document

_BATCH = 1 << 20  # characters whose documents are encoded together
_EDGE = 16  # tokens by which a slice's count may differ between inside and alone


@dataclass(slots=True)
class _Piece:
    """A planned chunk: [start, core) repeats the chunk before, [core, end) is its own."""

    start: int
    core: int
    end: int


class Splitter:
    """Cuts documents by one tokenizer and one size."""

    def __init__(
        self,
        counter: TokenCounter,
        chunk_size: int = 300,
        chunk_overlap: int = 30,
        overlap_sections: bool = False,
    ) -> None:
        self.counter = counter
        self.size = chunk_size
        self.overlap = chunk_overlap
        self.overlap_sections = overlap_sections

    def split(self, documents: Iterable[Document]) -> Iterator[list[Chunk]]:
        """The chunks of each document, in order; their cores together are the document's whole text."""
        for batch in _batches(documents):
            plans = [
                _Plan(self, document, starts)
                for document, starts in zip(batch, self.counter.starts([d.text for d in batch]), strict=True)
            ]
            counts = iter(self.counter.counts([t for plan in plans for t in plan.texts()]))
            for plan in plans:
                yield plan.chunks([next(counts) for _ in plan.pieces])


class _Plan:
    """One document on its way to chunks."""

    def __init__(self, splitter: Splitter, document: Document, starts: list[int]) -> None:
        self.splitter = splitter
        self.document = document
        self.text = document.text
        self.starts = starts
        self.places = Boundaries(document.text)
        self.source = SourcePlaces(document.places)
        self.fitting: dict[Atom, bool] = {}
        self.pieces = self.plan(0, len(self.text), splitter.size) if self.text else []

    # ── planning on the offsets of the document's tokens ────────────────────────────────────────────────

    def plan(self, core: int, stop: int, size: int) -> list[_Piece]:
        """Pieces whose cores are [core, stop) cut up, each of about `size` tokens at most."""
        pieces: list[_Piece] = []
        begin = core
        while core < stop:
            start = self.overlap_before(core, begin, self.splitter.overlap)
            end = self.end_of(start, core, stop, size)
            room = size - self.tokens(core, end)
            if self.tokens(start, core) > room:  # a whole code block or table goes before the overlap
                start = self.overlap_before(core, begin, max(0, room))
            pieces.append(_Piece(start, core, end))
            begin, core = core, end
        return pieces

    def end_of(self, start: int, core: int, stop: int, size: int) -> int:
        """Where the chunk that begins at `core`, after an overlap from `start`, ends best."""
        room = size - self.tokens(start, core)
        limit = self.after(core, room)
        atom = self.places.atom_from(core)
        if atom is not None and limit < atom.end <= stop and self.fits(atom):
            if atom.start > core and self.tokens(core, atom.end) > size:
                return atom.start  # the blank lines before it would not fit with it
            return max(atom.end, self.places.structural(atom.end, self.after(core, size)) or 0)
        if limit >= stop:
            return stop
        floor = self.after(core, room // 2)
        end = self.places.structural(floor, limit)
        if end is not None:
            return end
        split = self.places.atom_over(limit)
        if split is not None and split.start > core and self.fits(split):
            return split.start
        return self.places.textual(max(floor, core), max(limit, core + 1), code=split is not None)

    def overlap_before(self, core: int, begin: int, tokens: int) -> int:
        """Where the repetition of at most `tokens` tokens before `core` starts; not before `begin`."""
        if core == 0 or tokens == 0:
            return core
        if not self.splitter.overlap_sections:
            if self.places.is_heading(core):
                return core
            begin = max(begin, self.places.section_start(core))
        first = bisect_left(self.starts, core) - tokens
        if first > 0 and self.starts[first - 1] == self.starts[first]:  # inside a character of several tokens
            first = bisect_right(self.starts, self.starts[first])
        low = min(core, max(begin, self.after(0, first)))
        start = low if low == begin else self.places.overlap_start(low, core)
        split = self.places.atom_over(start)
        return min(split.end, core) if split is not None and self.fits(split) else start

    def tokens(self, start: int, end: int) -> int:
        """Tokens of the document that begin in [start, end)."""
        return bisect_left(self.starts, end) - bisect_left(self.starts, start)

    def after(self, offset: int, tokens: int) -> int:
        """The offset at which so many tokens have passed; the document's end where it has no more."""
        index = bisect_left(self.starts, offset) + max(0, tokens)
        return self.starts[index] if index < len(self.starts) else len(self.text)

    def fits(self, atom: Atom) -> bool:
        """Whether a code block or table alone fits into a chunk."""
        if atom not in self.fitting:
            count = self.tokens(atom.start, atom.end)
            if abs(count - self.splitter.size) <= _EDGE:
                (count,) = self.splitter.counter.counts([self.text[atom.start : atom.end]])
            self.fitting[atom] = count <= self.splitter.size
        return self.fitting[atom]

    # ── checking each piece alone ───────────────────────────────────────────────────────────────────────

    def texts(self) -> list[str]:
        return [self.text[p.start : p.end] for p in self.pieces]

    def chunks(self, counts: Sequence[int]) -> list[Chunk]:
        lines = _line_starts(self.text)
        return [
            self.chunk(piece, count, lines)
            for planned, tokens in zip(self.pieces, counts, strict=True)
            for piece, count in self.checked(planned, tokens)
        ]

    def checked(self, piece: _Piece, count: int) -> list[tuple[_Piece, int]]:
        """The piece with its count, or what it must become so that none is above the size."""
        size = self.splitter.size
        while count > size and piece.start < piece.core:
            cut = self.after(piece.start, count - size)
            start = self.places.overlap_start(cut, piece.core) if cut < piece.core else piece.core
            piece = _Piece(start, piece.core, piece.end)
            count = self.count(piece)
        if count <= size:
            return [(piece, count)]
        if piece.end - piece.core == 1:
            where = f"{self.document.doc_id}: the character at offset {piece.core}"
            raise StageError(f"{where} alone takes {count} tokens; raise chunk.chunk_size to {count} or more")
        end = self.shorter(piece, count - size)
        halves = [_Piece(piece.core, piece.core, end), _Piece(end, end, piece.end)]
        return [done for half in halves for done in self.checked(half, self.count(half))]

    def shorter(self, piece: _Piece, excess: int) -> int:
        """A better end for a core that alone is too long by `excess` tokens: strictly inside it."""
        atom = self.places.atom_from(piece.core)
        if atom is not None and atom.end < piece.end and self.fits(atom):
            return atom.end
        room = self.tokens(piece.core, piece.end) - excess
        end = self.end_of(piece.core, piece.core, piece.end, max(1, room))
        return end if piece.core < end < piece.end else (piece.core + piece.end) // 2

    def count(self, piece: _Piece) -> int:
        return self.splitter.counter.counts([self.text[piece.start : piece.end]])[0]

    def chunk(self, piece: _Piece, count: int, lines: Sequence[int]) -> Chunk:
        document, text = self.document, self.text[piece.start : piece.end]
        first = piece.start + _indent(text)
        last = piece.start + max(len(text.rstrip()), first - piece.start + 1) - 1
        own = piece.core + _indent(self.text[piece.core : piece.end])
        place = self.source.place(first, own, last)
        return Chunk(
            chunk_id=chunk_id(document.doc_id, piece.start, piece.end, text),
            doc_id=document.doc_id,
            text=text,
            start=piece.start,
            end=piece.end,
            line_start=place.line_start or document.first_line - 1 + bisect_right(lines, first),
            line_end=place.line_end or document.first_line - 1 + bisect_right(lines, last),
            n_tokens=count,
            title=document.title,
            heading_path=self.places.path_at(own),
            place=place.shown,
        )


def chunk_id(doc_id: str, start: int, end: int, text: str) -> str:
    """An id that stays the same as long as the document's name, the offsets and the text do."""
    return hashlib.sha256(f"{doc_id}\0{start}\0{end}\0{text}".encode()).hexdigest()[:16]


def _indent(text: str) -> int:
    """How many blank characters a text begins with; 0 where it has no others."""
    return len(text) - len(text.lstrip() or text)


def _line_starts(text: str) -> list[int]:
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return starts


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += len(document.text)
        if characters >= _BATCH:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
