"""The rows that people bring, whatever their tool wrote."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.errors import InputError
from understudy.rows import read_rows

WANTED = [{"question": "Which port, by default?", "answer": "9140"}, {"question": "Zwölf?\u2028Ja.", "answer": 'a "b"'}]


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def csv_text(delimiter: str, end: str = "\n") -> str:
    quoted = [[f'"{v.replace(chr(34), chr(34) * 2)}"' for v in row.values()] for row in WANTED]
    return end.join([delimiter.join(WANTED[0]), *map(delimiter.join, quoted), ""])


LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in WANTED)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", csv_text(",")),
        ("a.csv", csv_text(";")),
        ("a.csv", csv_text("\t")),
        ("a.tsv", csv_text("\t")),
        ("a.csv", csv_text(",", "\r\n")),
        ("a.csv", "\ufeff" + csv_text(",")),
        ("a.csv", csv_text(",").encode("utf-16")),
        ("a.csv", "\n\n" + csv_text(",") + "\n,\n"),
        ("a.txt", csv_text(";")),
        ("a.jsonl", LINES),
        ("a.jsonl", "\ufeff" + LINES.replace("\n", "\r\n\r\n")),
        ("a.ndjson", LINES.rstrip()),
        ("a.json", LINES),
        ("a.txt", LINES),
        ("a.json", json.dumps(WANTED, indent=2)),
        ("a.jsonl", json.dumps(WANTED)),
        ("a.json", json.dumps({"version": 1, "data": WANTED})),
    ],
)
def test_one_reader_for_all(tmp_path: Path, name: str, content: str | bytes) -> None:
    found = read_rows(file(tmp_path, name, content))
    assert [dict(row.values) for row in found.rows] == WANTED
    assert not found.left_out


def test_half_characters_are_no_part_of_a_row(tmp_path: Path) -> None:
    """An escaped lone surrogate is valid JSON, and could be written to no file; escaped pairs are one character."""
    line = r'{"question": "a\ud800b", "answer": "\ud83d\ude00 \\\ud800 \u00e9"}'
    for name, content in (("a.jsonl", line + "\n"), ("a.json", f"[{line}]"), ("a.txt", line)):
        [row] = read_rows(file(tmp_path, name, content)).rows
        assert row.values == {"question": "a\ufffdb", "answer": "\U0001f600 \\\ufffd \u00e9"}


def test_parquet(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(WANTED), tmp_path / "a.parquet")
    found = read_rows(tmp_path / "a.parquet")
    assert [dict(row.values) for row in found.rows] == WANTED
    assert found.names == ("question", "answer")
    with pytest.raises(InputError, match="not a Parquet file"):
        read_rows(file(tmp_path, "b.parquet", b"PAR1 and no more"))
    torn = pyarrow.StringArray.from_buffers(1, pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0"), pyarrow.py_buffer(b"\xbf"))
    pyarrow.parquet.write_table(pyarrow.table({"question": torn}), tmp_path / "c.parquet")
    with pytest.raises(InputError, match=r"c\.parquet: not a Parquet file that can be read: 'utf-8' codec"):
        read_rows(tmp_path / "c.parquet")


def test_long_and_short_records_are_left_out_with_line_and_reason(tmp_path: Path) -> None:
    text = 'q,a,b\n1,2,3\n1,2,3,4\n"1\n1",2,3,,\n1,2\n'
    found = read_rows(file(tmp_path, "a.csv", text))
    assert [(row.line, row.values["q"]) for row in found.rows] == [(2, "1"), (4, "1\n1")]
    assert [(item.line, item.reason) for item in found.left_out] == [
        (3, "more fields than the header"),
        (6, "fewer fields than the header"),
    ]
    assert "4 fields, and the header has 3" in found.left_out[0].detail
    assert sum(found.counts().values()) == 2


def test_a_delimiter_within_words_is_no_delimiter(tmp_path: Path) -> None:
    text = "question;answer\nOne, two; or three?;a\n".replace("two; or", "two or") + "Five, six, seven?;b, c\n"
    assert [r.values["answer"] for r in read_rows(file(tmp_path, "a.csv", text)).rows] == ["a", "b, c"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", 'q,a\n1,2\n"1,2\n', r"a\.csv:3: not a valid CSV"),
        ("a.csv", "q,Q\n1,2\n", "two columns are called 'q'"),
        ("a.csv", b"q,a\nK\xf6ln,2\n", "not UTF-8 text .* at byte 5"),
        ("a.jsonl", '{"a": 1}\n{"a": \n', r"a\.jsonl:2: not valid JSON"),
        ("a.jsonl", '{"a": 1}\n7\n', r"a\.jsonl:2: not an object"),
        ("a.jsonl", "[" * 5000 + "\n", r"a\.jsonl:1: not valid JSON"),
        ("a.json", '[{"a": 1}, 2]', "entry 2 of the list is not an object"),
        ("a.json", '[{"a": 1},', "not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_rows(file(tmp_path, name, content))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_rows(tmp_path / "none.csv")
    for name in ("a.csv", "a.jsonl"):
        assert not read_rows(file(tmp_path, name, "")).rows


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.tsv", "a.json", "a.jsonl", "a.txt", "a.parquet"]))
def test_no_file_is_too_odd(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    path = file(tmp_path_factory.getbasetemp(), name, content)
    with contextlib.suppress(InputError):
        for row in read_rows(path).rows:
            assert row.where.startswith(str(path))
