"""One's own pairs from a CSV or JSONL file, each linked to the chunk that supports it where one is found."""

from __future__ import annotations

import csv
import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from understudy.errors import InputError, did_you_mean
from understudy.generate.splits import pair_id
from understudy.generate.text import sentences
from understudy.normal import normal, words
from understudy.types import Chunk, QAPair

_REQUIRED = ("question", "answer")
_KNOWN = (*_REQUIRED, "pair_id", "chunk_id", "doc_id", "quote", "kind", "fact_id", "split", "source")
_SPLITS = ("train", "dev", "test")
_LINK = 0.38  # share of the pair's weight of words that a chunk must hold to be named its source
_CANDIDATES = 20  # chunks in which the answer's sentences are looked for word for word
_QUOTE_WORDS = 5


def read_pairs(path: Path) -> tuple[list[dict[str, str]], Counter[str]]:
    """Rows of the file and counts of what was left out. Raises InputError naming file, line and next step."""
    rows: list[dict[str, str]] = []
    dropped: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    for number, row in _jsonl(path) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv(path):
        if row.get("split") and row["split"] not in _SPLITS:
            raise InputError(f"{path}:{number}: split is '{row['split']}'; use one of {', '.join(_SPLITS)}")
        question, answer = row["question"].strip(), row["answer"].strip()
        if not question or not answer:
            dropped["empty question or answer"] += 1
        elif (question, answer) in seen:
            dropped["exact duplicate"] += 1
        else:
            seen.add((question, answer))
            rows.append({k: v.strip() for k, v in row.items() if k in _KNOWN})
    if not rows:
        raise InputError(f"{path}: holds no pair; it needs rows with a question and an answer")
    return rows, dropped


def _csv(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            names = {name: (name or "").strip().lower() for name in reader.fieldnames or []}
            for column in _REQUIRED:
                if column not in names.values():
                    found = ", ".join(n for n in names if n) or "nothing"
                    raise InputError(
                        f"{path}: no column '{column}'; the header has {found}."
                        f"{did_you_mean(column, names.values())} Name the columns question and answer."
                    )
            for row in reader:
                if None in row or any(value is None for value in row.values()):
                    raise InputError(
                        f"{path}:{reader.line_num}: has not as many fields as the header; check its quotes"
                    )
                yield reader.line_num, {names[k]: str(v) for k, v in row.items()}
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise InputError(f"{path}: not a valid CSV: {error}") from error


def _jsonl(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _json_row(path, number, line)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8") from error


def _json_row(path: Path, number: int, line: str) -> dict[str, str]:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise InputError(f"{path}:{number}: not valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise InputError(f'{path}:{number}: not an object; write {{"question": ..., "answer": ...}}')
    for column in _REQUIRED:
        if not isinstance(row.get(column), str):
            raise InputError(f"{path}:{number}: '{column}' is missing or no text.{did_you_mean(column, row)}")
    return {k: v for k, v in row.items() if isinstance(v, str)}


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
            chunk, quote, how = linker.link(row["question"], row["answer"])
        counts[how] += 1
        identity = row.get("pair_id") or pair_id(row["question"], row["answer"])
        split = row.get("split") or ""
        if not split:
            # By question, so that two answers to one question never stand on both sides.
            split = "dev" if random.Random(f"{seed}:{normal(row['question'])}").random() < dev_share else "train"
        pairs.append(
            QAPair(
                pair_id=identity,
                question=row["question"],
                answer=row["answer"],
                chunk_id=chunk.chunk_id if chunk else "",
                doc_id=chunk.doc_id if chunk else "",
                quote=quote,
                kind=row.get("kind") or "imported",
                fact_id=row.get("fact_id") or identity,
                split=split,  # type: ignore[arg-type]
                source=row.get("source") or path.name,
            )
        )
    return pairs, dict(counts)


class Linker:
    """Finds the chunk that supports an answer: by a passage both share, else by the weight of shared words.

    A word weighs its inverse document frequency, as in BM25; words of more than half of the chunks say nothing
    about where an answer comes from, and words of none speak a little against all. The question counts double:
    answers are often padded.
    """

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = list(chunks)
        self.texts = [f" {normal(c.text)} " for c in self.chunks]
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

    def link(self, question: str, answer: str) -> tuple[Chunk | None, str, str]:
        """(chunk, quote, how): how is `linked by quote`, `linked by words` or `unlinked`."""
        shares = self._shares(question, answer)
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
