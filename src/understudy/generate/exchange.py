"""Pairs for other programs: the forms that training tools read, and a card that says what the pairs are.

What is written here is read again by `generate.pairs`, from each form and from a folder of files.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from understudy.artifact import atomic_path, to_plain, write_records, write_text
from understudy.errors import UsageError, did_you_mean
from understudy.types import OpenQuestion, QAPair

FORMS = ("messages", "sharegpt", "alpaca", "jsonl", "csv", "parquet")
CARD = "README.md"
OPEN = "open_questions"
_FIELDS = ("pair_id", "chunk_id", "doc_id", "quote", "kind", "fact_id", "split", "source")


def write_pairs(pairs: Sequence[QAPair], folder: Path, form: str) -> dict[str, int]:
    """Write a file for each split that has pairs. Returns the rows of each file by name.

    form: `messages` (chat turns, as TRL and OpenAI read them), `sharegpt` (`conversations` of `human` and `gpt`),
    `alpaca` (`instruction`, `input`, `output`), `jsonl`, `csv` and `parquet` (question, answer and all that is known of
    a pair). Raises UsageError for another one.
    """
    _known(form)
    written = {}
    for split in ("train", "dev", "test"):
        chosen = [pair for pair in pairs if pair.split == split]
        if chosen:
            file = folder / f"{split}.{form if form in ('csv', 'parquet') else 'jsonl'}"
            rows = [_shaped(pair, form) for pair in chosen]
            _write(file, rows, form)
            written[file.name] = len(chosen)
    return written


def write_open(questions: Sequence[OpenQuestion], folder: Path, form: str) -> dict[str, int]:
    """Write the questions without options as `benchmark.open_questions` reads them. Returns the rows by file.

    form: `csv`, `parquet`, or JSON lines for every other form of `FORMS`. Raises UsageError for another one.
    """
    _known(form)
    file = folder / f"{OPEN}.{form if form in ('csv', 'parquet') else 'jsonl'}"
    rows = [to_plain(question) for question in questions]
    if form == "csv":  # a field holds no list: as JSON, for a text may hold any other sign
        rows = [
            {k: json.dumps(v, ensure_ascii=False) if isinstance(v, list) else v for k, v in r.items()} for r in rows
        ]
    if rows:
        _write(file, rows, form)
    return {file.name: len(rows)} if rows else {}


def _known(form: str) -> None:
    if form not in FORMS:
        raise UsageError(f"--format '{form}' is not one of {', '.join(FORMS)}.{did_you_mean(form, FORMS)}")


def _row(pair: QAPair) -> dict[str, Any]:
    plain = to_plain(pair)
    return {"question": pair.question, "answer": pair.answer, **{name: plain[name] for name in _FIELDS}}


def _shaped(pair: QAPair, form: str) -> dict[str, Any]:
    known = {name: value for name, value in _row(pair).items() if name in _FIELDS}
    if form == "messages":
        turns = [{"role": "user", "content": pair.question}, {"role": "assistant", "content": pair.answer}]
        return {"messages": turns, **known}
    if form == "sharegpt":
        turns = [{"from": "human", "value": pair.question}, {"from": "gpt", "value": pair.answer}]
        return {"conversations": turns, **known}
    if form == "alpaca":
        return {"instruction": pair.question, "input": "", "output": pair.answer, **known}
    return _row(pair)


def _write(file: Path, rows: Sequence[Mapping[str, Any]], form: str) -> None:
    if form == "csv":
        _as_csv(file, rows)
    elif form == "parquet":
        _as_parquet(file, rows)
    else:
        write_records(file, rows)


def _as_csv(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(file, text.getvalue())


def _as_parquet(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    with atomic_path(file) as temporary:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), temporary)


def card(
    name: str,
    pairs: Sequence[QAPair],
    counts: Mapping[str, Any],
    metrics: Mapping[str, Any],
    floors: Mapping[str, tuple[float, int]],
    licence: str,
) -> str:
    """The card of a data set, as Markdown with the fields that hubs read.

    counts, metrics: of the run's `generate`. floors: of its benchmark, as name → (accuracy, n). licence: of the
    documentation; empty where nobody named it.
    """
    lines = ["---", *([f"license: {licence}"] if licence else []), "task_categories: [question-answering]", "---", ""]
    lines += [f"# {name}: questions and answers", ""]
    pages = len({p.doc_id for p in pairs if p.doc_id})
    lines += [
        f"{len(pairs):,} pairs about {pages:,} pages, written by `{metrics.get('teacher', 'unknown')}` and filtered by "
        "Understudy.",
        "",
        f"**Licence of the documentation**: {licence or 'not named; find it out before you pass these pairs on'}.",
        "",
    ]
    for title, found in (
        ("Split", Counter(str(p.split) for p in pairs)),
        ("Kind", Counter(p.kind for p in pairs)),
        ("Source", Counter(p.source or "teacher" for p in pairs)),
    ):
        lines += [f"| {title} | pairs |", "|---|---|", *(f"| {k} | {n:,} |" for k, n in found.most_common()), ""]
    left_out = {
        why: n
        for part in ("rejected", "refused", "contaminated", "dropped")
        for why, n in (counts.get(part) or {}).items()
    }
    if left_out:
        lines += ["## Left out, by reason", "", "| reason | count |", "|---|---|"]
        lines += [f"| {why} | {n:,} |" for why, n in sorted(left_out.items(), key=lambda item: -item[1])]
        lines += ["", "`no statement found` counts passages, the others pairs.", ""]
    if asked := counts.get("open_questions"):
        lines += ["## Questions without options", "", "| sort | questions |", "|---|---|"]
        lines += [*(f"| {sort} | {n:,} |" for sort, n in asked.items()), ""]
    lines += ["## What matching words finds", ""]
    if floors:
        lines += ["On the questions that were made with these pairs, in percent right:", "", "| trick | right | n |"]
        lines += ["|---|---|---|", *(f"| {k} | {100 * acc:.1f} | {n} |" for k, (acc, n) in floors.items()), ""]
    else:
        lines += ["Not measured: the run has no finished benchmark.", ""]
    return "\n".join(lines)


def write_card(folder: Path, text: str) -> None:
    """Write the card beside the files."""
    write_text(folder / CARD, text)
