"""One's own pairs from a file of rows, each linked to the chunk that supports it where one is found."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from understudy.errors import InputError, did_you_mean
from understudy.generate.splits import pair_id
from understudy.generate.text import sentences
from understudy.normal import normal, words
from understudy.rows import read_rows
from understudy.types import Chunk, QAPair

_REQUIRED = ("question", "answer")
_KNOWN = (*_REQUIRED, "pair_id", "chunk_id", "doc_id", "quote", "kind", "fact_id", "split", "source")
_NAMES = (_REQUIRED, ("prompt", "completion"), ("instruction", "output"), ("prompt", "response"), ("input", "output"))
_SPLITS = ("train", "dev", "test")
_LINK = 0.38  # share of the pair's weight of words that a chunk must hold to be named its source
_CANDIDATES = 20  # chunks in which the answer's sentences are looked for word for word
_QUOTE_WORDS = 5


def read_pairs(path: Path) -> tuple[list[dict[str, str]], Counter[str]]:
    """Rows of the file and counts of what was left out. Raises InputError naming file, line and next step.

    A row has a question and an answer, under these names, as prompt and completion, as instruction (with input) and
    output, or as a conversation of one exchange (`messages`, `conversations`).
    """
    found = read_rows(path)
    rows: list[dict[str, str]] = []
    dropped = found.counts()
    seen: set[tuple[str, str]] = set()
    if not found.rows and found.form == "csv" and _pair({n.lower(): "" for n in found.names}) is None:
        raise InputError(_needs(path, found.names))
    for row in found.rows:
        values = row.lower()
        pair = _pair(values)
        if pair is None:
            raise InputError(_needs(path if found.form == "csv" else row.where, list(row.values)))
        known = {k: str(values[k]).strip() for k in _KNOWN[2:] if values.get(k) is not None}
        if known.get("split") and known["split"] not in _SPLITS:
            raise InputError(f"{row.where}: split is '{known['split']}'; use one of {', '.join(_SPLITS)}")
        question, answer = pair[0].strip(), pair[1].strip()
        if not question or not answer:
            dropped["empty question or answer"] += 1
        elif (question, answer) in seen:
            dropped["exact duplicate"] += 1
        else:
            seen.add((question, answer))
            rows.append({**known, "question": question, "answer": answer})
    if not rows:
        why = ", ".join(f"{n} {reason}" for reason, n in dropped.items())
        raise InputError(f"{path}: holds no pair ({why or 'it is empty'}); it needs rows with a question and an answer")
    return rows, dropped


def _needs(where: Path | str, names: Sequence[str]) -> str:
    lower = [name.strip().lower() for name in names]
    missing = next((column for column in _REQUIRED if column not in lower), "question")
    return (
        f"{where}: no column '{missing}'; it has {', '.join(map(str, names)) or 'nothing'}."
        f"{did_you_mean(missing, lower)} Name the columns question and answer."
    )


def _pair(values: Mapping[str, Any]) -> tuple[str, str] | None:
    """Question and answer of a row; None where it has none. A number is its text."""
    for asks, says in _NAMES:
        if asks in values and says in values:
            question, answer = _text(values[asks]), _text(values[says])
            if question is None or answer is None:
                return None
            more = _text(values.get("input")) if asks == "instruction" else None
            return (f"{question}\n\n{more}" if more and more.strip() else question), answer
    for name in ("messages", "conversations"):
        turns = values.get(name)
        if isinstance(turns, (list, tuple)):
            return _exchange(turns)
    return None


def _exchange(turns: Sequence[Any]) -> tuple[str, str] | None:
    """The question and the answer of a conversation; longer ones do not stand alone and count as empty."""
    told: list[tuple[str, str]] = []
    for turn in turns:
        if not isinstance(turn, Mapping):
            return None
        role = str(turn.get("role") or turn.get("from") or "")
        told.append((role, _text(turn.get("content", turn.get("value"))) or ""))
    said = [(role, text) for role, text in told if role != "system"]
    if len(said) == 2 and said[0][0] in ("user", "human") and said[1][0] in ("assistant", "gpt", "model"):
        return said[0][1], said[1][1]
    return "", ""


def _text(value: Any) -> str | None:
    if value is None:
        return ""
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


def import_pairs(
    path: Path, chunks: Sequence[Chunk], dev_share: float, seed: int
) -> tuple[list[QAPair], dict[str, int]]:
    """The file's pairs with their sources and splits, and counts (`linked by quote`, `unlinked`, ...)."""
    rows, dropped = read_pairs(path)
    linker = Linker(chunks)
    known = {chunk.chunk_id: chunk for chunk in chunks}
    counts: Counter[str] = Counter(dropped)
    pairs = []
    for row in rows:
        chunk, quote, how = known.get(row.get("chunk_id", "")), row.get("quote", ""), "linked as given"
        if chunk is None or (quote and quote not in chunk.text):
            chunk, quote, how = linker.link(row["question"], row["answer"], row.get("doc_id", ""))
        counts[how] += 1
        pair = _unlinked(row, path, dev_share, seed)
        if chunk is not None:
            pair = replace(pair, chunk_id=chunk.chunk_id, doc_id=chunk.doc_id)
        pairs.append(replace(pair, quote=quote))
    return pairs, dict(counts)


def named_pairs(path: Path, dev_share: float, seed: int) -> list[QAPair]:
    """The file's pairs with their splits and the document that each names, else one of its own: for counting them
    without the documentation. Raises InputError as `read_pairs` does."""
    rows, _ = read_pairs(path)
    pairs = [_unlinked(row, path, dev_share, seed) for row in rows]
    return [replace(p, doc_id=row.get("doc_id") or p.pair_id) for p, row in zip(pairs, rows, strict=True)]


def _unlinked(row: Mapping[str, str], path: Path, dev_share: float, seed: int) -> QAPair:
    identity = row.get("pair_id") or pair_id(row["question"], row["answer"])
    split = row.get("split") or ""
    if not split:
        # By question, so that two answers to one question never stand on both sides.
        split = "dev" if random.Random(f"{seed}:{normal(row['question'])}").random() < dev_share else "train"
    return QAPair(
        pair_id=identity,
        question=row["question"],
        answer=row["answer"],
        kind=row.get("kind") or "imported",
        fact_id=row.get("fact_id") or identity,
        split=split,  # type: ignore[arg-type]
        source=row.get("source") or path.name,
    )


class Linker:
    """Finds the chunk that supports an answer: by a passage both share, else by the weight of shared words.

    A word weighs its inverse document frequency, as in BM25; words of more than half of the chunks say nothing
    about where an answer comes from, and words of none speak a little against all. The question counts double:
    answers are often padded.
    """

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = list(chunks)
        self.texts = [f" {normal(c.text)} " for c in self.chunks]
        self.documents = {c.doc_id for c in self.chunks}
        self.postings: dict[str, list[int]] = defaultdict(list)
        for i, chunk in enumerate(self.chunks):
            for word in set(words(f"{chunk.breadcrumb} {chunk.text}")):
                self.postings[word].append(i)
        n = len(self.chunks)
        self.weights = {
            word: math.log(1 + (n - len(at) + 0.5) / (len(at) + 0.5))
            for word, at in self.postings.items()
            if len(at) <= max(1, n / 2)
        }
        self.unknown = 0.2 * math.log(1 + (n + 0.5) / 0.5)

    def link(self, question: str, answer: str, doc_id: str = "") -> tuple[Chunk | None, str, str]:
        """(chunk, quote, how): how is `linked by quote`, `linked by words` or `unlinked`.

        doc_id: the document that the pair names; where there is one of that name, its chunks alone are looked at.
        """
        shares = self._shares(question, answer)
        if doc_id in self.documents:
            shares = {i: share for i, share in shares.items() if self.chunks[i].doc_id == doc_id}
        ranked = sorted(shares, key=lambda i: (-shares[i], i))[:_CANDIDATES]
        for start, end in sentences(answer):
            part = normal(answer[start:end])
            if len(part.split()) >= _QUOTE_WORDS:
                for i in ranked:
                    if f" {part} " in self.texts[i]:
                        return self.chunks[i], best_sentence(self.chunks[i].text, part), "linked by quote"
        if not ranked or shares[ranked[0]] < _LINK:
            return None, "", "unlinked"
        chunk = self.chunks[ranked[0]]
        return chunk, best_sentence(chunk.text, f"{question} {answer}"), "linked by words"

    def _shares(self, question: str, answer: str) -> dict[int, float]:
        """For each chunk, the share of the pair's weight that it holds."""
        counts = Counter(dict.fromkeys(words(answer), 1))
        counts.update(dict.fromkeys(set(words(question)), 2))
        held: dict[int, float] = defaultdict(float)
        total = 0.0
        for word, times in counts.items():
            known = word in self.postings
            weight = times * self.weights.get(word, 0.0 if known else self.unknown)
            total += weight
            if known and weight:
                for i in self.postings[word]:
                    held[i] += weight
        return {i: weight / total for i, weight in held.items()}  # nothing is held where total is 0


def best_sentence(text: str, wanted: str) -> str:
    """The sentence or line of `text`, verbatim, that shares the most words with `wanted`."""
    sought = set(words(wanted))
    best, most = "", 0.0
    for block in text.split("\n\n"):
        for start, end in sentences(block):
            part = block[start:end]
            tokens = set(words(part))
            score = len(tokens & sought) / math.sqrt(len(tokens)) if tokens else 0.0
            if score > most:
                best, most = part, score
    return best
