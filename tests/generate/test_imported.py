"""One's own pairs: read strictly, linked where the documentation supports them, split by question."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.errors import InputError
from understudy.generate.base import Page
from understudy.generate.imported import Linker, best_sentence, import_pairs, read_pairs
from understudy.types import Chunk

MakePage = Callable[..., Page]
TEXT = """# Store

The store keeps every message on disk until it is read. It compresses its data with zstd.

The retry limit of the store is 5, and the cache holds 64 MB of recent messages.
"""


def chunks(page: MakePage) -> list[Chunk]:
    other = page("# Console\n\nThe console shows the state of every relay on one web page.\n", "console.md", "Console")
    return [*page(TEXT, "store.md", "Store").chunks, *other.chunks]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "question,anwser\na,b\n", "no column 'answer'.*Did you mean 'anwser'"),
        ("a.csv", "", "no column 'question'"),
        ("a.csv", 'question,answer\n"a,b\n', "not a valid CSV"),
        ("a.csv", "question,answer\na\n", r"holds no pair \(1 fewer fields than the header\)"),
        ("a.csv", "question,answer\n,\n", "holds no pair"),
        ("a.csv", "question,answer,split\na,b,testing\n", "a.csv:2: split is 'testing'"),
        ("a.jsonl", '{"question": "a", "answer": "b"}\n{"question": \n', "a.jsonl:2: not valid JSON"),
        ("a.jsonl", '["a", "b"]\n', "a.jsonl:1: not an object"),
        ("a.jsonl", '{"question": "a", "answers": "b"}\n', "a.jsonl:1: no column 'answer'.*Did you mean 'answers'"),
        ("a.jsonl", "\n", "holds no pair"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        read_pairs(write(tmp_path / name, text))
    assert str(tmp_path) in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_pairs(tmp_path / "none.csv")
    latin = tmp_path / "latin.csv"
    latin.write_bytes("question,answer\nWo läuft es?,Köln\n".encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read_pairs(latin)


def test_duplicates_and_blanks_are_counted(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "Question,Answer,Notes\na?,b,x\na?,b,y\n a? ,b,\na?,c,\n,c,\n")
    rows, dropped = read_pairs(file)
    assert [(r["question"], r["answer"]) for r in rows] == [("a?", "b"), ("a?", "c")]
    assert dropped == {"exact duplicate": 2, "empty question or answer": 1}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "a?", "completion": "b"},
        {"instruction": "a?", "input": "", "output": "b"},
        {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "a?"},
                      {"role": "assistant", "content": "b"}]},
        {"conversations": [{"from": "human", "value": "a?"}, {"from": "gpt", "value": "b"}]},
    ],
)  # fmt: skip
def test_pairs_in_the_shapes_of_other_tools(row: dict[str, Any], tmp_path: Path) -> None:
    rows, dropped = read_pairs(write(tmp_path / "a.json", json.dumps([row, {"question": "c?", "answer": 7}])))
    assert [(r["question"], r["answer"]) for r in rows] == [("a?", "b"), ("c?", "7")]
    assert not dropped


def test_links(page: MakePage) -> None:
    linker = Linker(chunks(page))
    chunk, quote, how = linker.link("What?", "Well: the store keeps every message on disk, until it is read.")
    assert how == "linked by words"
    chunk, quote, how = linker.link(
        "What does the store do?", "The store keeps every message on disk until it is read. Yes."
    )
    assert (chunk.doc_id if chunk else None, how) == ("store.md", "linked by quote")
    assert quote == "The store keeps every message on disk until it is read."
    chunk, quote, how = linker.link("What is the retry limit of the store?", "The retry limit is 5.")
    assert (chunk.doc_id if chunk else None, how) == ("store.md", "linked by words")
    assert chunk is not None
    assert quote in chunk.text
    assert "retry limit" in quote
    assert linker.link("Who wrote Faust?", "Goethe finished it in Weimar.") == (None, "", "unlinked")
    assert linker.link("?", "!") == (None, "", "unlinked")


def test_best_sentence_is_verbatim() -> None:
    assert best_sentence(TEXT, "compresses data zstd") == "It compresses its data with zstd."
    assert best_sentence("", "x") == ""


def test_splits_sources_and_given_columns(tmp_path: Path, page: MakePage) -> None:
    pieces = chunks(page)
    rows = [{"question": f"What is number {i}?", "answer": f"It is {i}."} for i in range(400)]
    rows += [{"question": "What is number 7?", "answer": "Seven, of course."}]
    rows += [
        {"question": "Where?", "answer": "On one web page.", "chunk_id": pieces[-1].chunk_id,
         "quote": "on one web page", "split": "test", "kind": "where", "source": "me"}
    ]  # fmt: skip
    file = write(tmp_path / "pairs.jsonl", "\n".join(map(json.dumps, rows)))
    pairs, counts = import_pairs(file, pieces, 0.25, seed=3)
    assert pairs == import_pairs(file, pieces, 0.25, seed=3)[0]
    assert 70 <= sum(p.split == "dev" for p in pairs) <= 130
    assert len({p.split for p in pairs if p.question == "What is number 7?"}) == 1
    last = pairs[-1]
    assert (last.split, last.kind, last.source, last.doc_id) == ("test", "where", "me", "console.md")
    assert counts["linked as given"] == 1
    assert sum(v for k, v in counts.items() if "linked" in k) == len(pairs) == 402
    assert pairs[0].source == "pairs.jsonl"


def test_the_published_pairs(nitro: Path, page: MakePage) -> None:
    pieces = [
        c
        for f in sorted((nitro / "docs").rglob("*.md"))
        for c in page(f.read_text(encoding="utf-8"), f.stem, f.stem).chunks
    ]
    pairs, counts = import_pairs(nitro / "teacher_pairs.csv", pieces, 0.1, 0)
    texts = {c.chunk_id: c.text for c in pieces}
    linked = [p for p in pairs if p.chunk_id]
    assert all(p.quote in texts[p.chunk_id] for p in linked)
    assert len(linked) / len(pairs) > 0.4
    assert len(pairs) + counts.get("exact duplicate", 0) == 3000
