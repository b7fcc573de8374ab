"""The whole stage: documents out, everything else named and counted, one bad file never fatal."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from pathlib import Path

import pytest

from understudy.artifact import read_records
from understudy.errors import InputError, MissingExtraError
from understudy.ingest import convert
from understudy.ingest.config import IngestConfig
from understudy.ingest.convert import read
from understudy.ingest.estimate import estimate
from understudy.ingest.stage import run
from understudy.ingest.walk import Found, Skipped, walk
from understudy.stage import Inputs, RunContext, StageOutput
from understudy.types import Document


def ingest(folder: Path, out: Path, **settings: object) -> StageOutput:
    out.mkdir(exist_ok=True)
    context = RunContext(out=out, work=out, root=out, logger=logging.getLogger("test"))
    return run(IngestConfig(path=str(folder), **settings), Inputs(), context)  # type: ignore[arg-type]


def test_documents_and_what_is_left_out(docs_folder, tmp_path):
    (docs_folder / "empty.md").write_bytes(b"")
    (docs_folder / "blank.md").write_text("---\ntitle: x\n---\n\n \n")
    (docs_folder / "binary.txt").write_bytes(b"\x00\x01")
    (docs_folder / "latin.md").write_bytes("café".encode("latin-1"))
    (docs_folder / "pic.png").write_bytes(b"\x89PNG")
    (docs_folder / "book.ipynb").write_text("{")
    output = ingest(docs_folder, tmp_path / "out")
    documents = read_records(tmp_path / "out" / "documents.jsonl", Document)
    skipped = read_records(tmp_path / "out" / "skipped.jsonl", Skipped)
    assert [d.doc_id for d in documents] == ["guide.md", "limits.md", "options.md"]
    assert [d.title for d in documents] == ["Kestrel guide", "Limits", "Options"]
    assert documents[0].first_line == 4
    assert {s.path: s.reason for s in skipped} == {
        "empty.md": "empty",
        "blank.md": "no text",
        "binary.txt": "binary",
        "latin.md": "not UTF-8",
        "pic.png": "unknown format",
        "book.ipynb": "cannot be parsed",
    }
    assert output.counts["documents"] == 3
    assert output.counts["files"] == 8
    assert output.counts["characters"] == sum(len(d.text) for d in documents)
    assert sum(output.counts["skipped"].values()) == len(skipped)


def test_an_encoding_that_is_named_is_used(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_bytes("café".encode("latin-1"))
    ingest(tmp_path / "docs", tmp_path / "out", encoding="latin-1")
    assert read_records(tmp_path / "out" / "documents.jsonl", Document)[0].text == "café"


def test_lone_surrogates_do_not_reach_the_record(tmp_path):
    (tmp_path / "docs").mkdir()
    cell = '{"cell_type": "markdown", "metadata": {}, "source": "a \\ud800 b"}'
    (tmp_path / "docs" / "a.ipynb").write_text(
        '{"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [' + cell + "]}"
    )
    ingest(tmp_path / "docs", tmp_path / "out")
    assert "a \ufffd b" in read_records(tmp_path / "out" / "documents.jsonl", Document)[0].text


def test_nothing_to_read_says_what_was_there(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.png").write_bytes(b"x")
    with pytest.raises(InputError, match=r"no readable text.*1 × unknown format.*a\.png"):
        ingest(tmp_path / "docs", tmp_path / "out")


def test_only_pdf_without_the_extra_names_the_command(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pdfplumber", None)
    monkeypatch.delitem(sys.modules, "understudy.ingest.office_pdf", raising=False)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(b"%PDF-1.7")
    with pytest.raises(MissingExtraError, match=r"a\.pdf.*pip install 'understudy\[docs\]'"):
        ingest(tmp_path / "docs", tmp_path / "out")


def test_estimate_counts_without_reading(docs_folder):
    found = estimate(IngestConfig(path=str(docs_folder)), {})
    assert found.counts["documents"] == 3
    assert found.counts["characters"] == sum(p.stat().st_size for p in docs_folder.iterdir())


def test_nitro(nitro, tmp_path):
    output = ingest(nitro / "docs", tmp_path / "out")
    assert output.counts["documents"] == 26
    for document in read_records(tmp_path / "out" / "documents.jsonl", Document):
        source = (nitro / "docs" / document.doc_id).read_text(encoding="utf-8").split("\n")
        written = "\n".join(source[document.first_line - 1 :])
        if "<details>" not in written:
            assert written == document.text
        else:  # a box in place of the tags, and every word where it was
            boxed = re.sub(r"^:::(?:details\[(.*)\])?$", r"\1", document.text, flags=re.MULTILINE)
            assert boxed.split() == re.sub(r"</?(?:details|summary)>", "", written).split()


def test_pages_that_are_kept_come_out_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    menu = "<nav><ul><li><a href='p0.html'>Home</a></li><li><a href='p1.html'>Next</a></li></ul></nav>"
    for n in range(8):
        words = f"Page {n} says that the limit is {100 + n} and how to raise it by hand. " * 4
        html = f"<html><title>Page {n}</title><body>{menu}<h1 id=top>Page {n}</h1><p>{words}</p></body></html>"
        (docs / f"p{n}.html").write_text(html)
    (docs / "a.md").write_text("---\ntitle: A page\nsince: 2024-01-02\n---\n\n# A\n\nThe port is 80.\n")
    (docs / "bad.md").write_bytes(b"\xff\xfe\xfa")
    out = tmp_path / "out"
    ingest(docs, out)
    first = {name: (out / name).read_bytes() for name in ("documents.jsonl", "skipped.jsonl", "left_out.jsonl")}
    assert first["left_out.jsonl"]
    converted: list[str] = []
    whole = convert.convert

    def watch(file: Found, *rest: object) -> object:
        converted.append(file.doc_id)
        return whole(file, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(convert, "convert", watch)
    ingest(docs, out)
    assert {name: (out / name).read_bytes() for name in first} == first
    assert converted == ["bad.md"]
    (docs / "p3.html").write_text((docs / "p3.html").read_text().replace("raise", "lower"))
    ingest(docs, out)
    assert converted == ["bad.md", "bad.md", "p3.html"]
    texts = {d.doc_id: d.text for d in read_records(out / "documents.jsonl", Document)}
    assert "lower it by hand" in texts["p3.html"]


def test_names_that_are_no_text_and_files_that_are_none(tmp_path):
    docs = tmp_path / "docs"
    (docs / "sub").mkdir(parents=True)
    for name, text in ((b"caf\xe9.md", "# Latin\n"), (b"pic\xe9.png", "x"), (b"bell\x07.md", "# Bell\n")):
        Path(os.fsdecode(os.fsencode(docs) + b"/" + name)).write_text(text)
    (docs / "sub" / "x.md").write_text("# X\n")
    os.mkfifo(docs / "pipe.md")
    os.mkfifo(docs / ".gitignore")
    (docs / "sub" / ".gitignore").symlink_to("/dev/zero")
    (docs / "zero.md").symlink_to("/dev/zero")
    output = ingest(docs, tmp_path / "out")
    documents = read_records(tmp_path / "out" / "documents.jsonl", Document)
    assert [d.doc_id for d in documents] == ["bell\\x07.md", "caf\\xe9.md", "sub/x.md"]
    skipped = {s.path: s.reason for s in read_records(tmp_path / "out" / "skipped.jsonl", Skipped)}
    assert skipped["pipe.md"] == "not a file"
    assert skipped["zero.md"] == "link out of the folder"
    assert skipped["pic\\xe9.png"] == "unknown format"
    assert output.counts["documents"] == 3
    assert all("\udce9" not in name for name in IngestConfig(path=str(docs)).files())


def test_patterns_of_a_gitignore_that_match_for_ever_are_passed_over(tmp_path):
    (tmp_path / ".gitignore").write_text("*a" * 40 + "b\n" + "**/a/" * 40 + "\n*.log\n")
    (tmp_path / ("a" * 200 + ".md")).write_text("# A\n")
    (tmp_path / "x.log").write_text("log")
    began = time.process_time()
    found, skipped = walk(str(tmp_path))
    assert time.process_time() - began < 2
    assert len(found) == 1
    assert "gitignore" in {s.reason for s in skipped}


def test_parts_that_many_pages_lack_are_named_three_times_and_counted(tmp_path, caplog):
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(5):
        (docs / f"page{number}.adoc").write_text("= Heron\n\ninclude::gone.adoc[]\n\nHerons fish.\n")
    with caplog.at_level(logging.WARNING):
        ingest(docs, tmp_path / "out")
    told = [r.getMessage() for r in caplog.records if "include not found" in r.getMessage()]
    assert len(told) == 4
    assert told[-1] == "include not found: on 2 more pages; skipped.jsonl names them"
    assert len(read_records(tmp_path / "out" / "skipped.jsonl", Skipped)) == 5


def test_files_of_unknown_format_are_told_by_ending_and_count(tmp_path, caplog):
    (tmp_path / "a.md").write_text("# A\n")
    for name in ("1.png", "2.PNG", "3.png", "package.json", "pom.xml"):
        (tmp_path / name).write_text("<project/>" if name.endswith("xml") else "{}")
    with caplog.at_level(logging.WARNING):
        ingest(tmp_path, tmp_path / "out")
    told = [r.getMessage() for r in caplog.records if "unknown format" in r.getMessage()]
    assert told == ["left out, of unknown format: 3 × .png, 1 × .json, 1 × .xml; skipped.jsonl names them"]


def test_a_version_at_the_end_of_a_name_is_no_section_of_a_manual(tmp_path):
    (tmp_path / "release-2.1").write_text("What is new.\n")
    (tmp_path / "a.md").write_text("# A\n")
    found, _ = walk(str(tmp_path), include=["release*", "*.md"])
    document = read(next(f for f in found if f.doc_id == "release-2.1"))
    assert (document.format, document.title, document.text) == ("text", "release 2.1", "What is new.\n")


def test_lone_surrogates_in_titles_and_metadata(tmp_path):
    book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [
        {"cell_type": "raw", "metadata": {}, "source": "---\ntitle: 'a'\n---\n"},
        {"cell_type": "markdown", "metadata": {}, "source": "# T \ud83d\n"},
    ]}  # fmt: skip
    (tmp_path / "a.ipynb").write_text(json.dumps(book))
    ingest(tmp_path, tmp_path / "out")
    assert read_records(tmp_path / "out" / "documents.jsonl", Document)[0].text.startswith("# T \ufffd")


def test_front_matter_that_grows_without_end_is_left_out_and_the_page_is_read(tmp_path):
    """Three hundred bytes of lists of lists by alias."""
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("---\n" + "\n".join(lines) + "\n---\n\n# Kettle\n\nIt boils.\n")
    began = time.process_time()
    ingest(tmp_path / "docs", tmp_path / "out")
    assert time.process_time() - began < 5
    (document,) = read_records(tmp_path / "out" / "documents.jsonl", Document)
    assert document.title == "Kettle"
    assert len(str(document.metadata)) < 1000  # its lines as they stand
    skipped = (tmp_path / "out" / "skipped.jsonl").read_text()
    assert "once its aliases are followed" in skipped
