"""The rows that people bring (questions, pairs, preferences, conversations), whatever their tool wrote.

CSV with comma, semicolon or tab, JSON (a list, or an object that holds one), JSON lines, Parquet, and folders of such
files or as the library datasets saves them; there a file's or a part's name says the split. A byte order
mark is no part of the first name; a line of JSON ends at a line feed and nowhere else; a record of a CSV that is
longer or shorter than its header is left out and counted, since nobody knows which of its fields is which.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from understudy.errors import InputError

_JSON = (".json", ".jsonl", ".ndjson")
_DELIMITERS = ",;\t|"
_LOOKED_AT = 50  # records by which the delimiter of a CSV is chosen
_LONGEST_FIELD = 16 << 20
_ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
_DESCRIBES = ("dataset_info.json", "state.json", "dataset_dict.json")  # what datasets writes beside its rows
_ESCAPED = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)")
_SPLITS = {"train": "train", "dev": "dev", "validation": "dev", "valid": "dev", "test": "test"}


@dataclass(frozen=True, slots=True)
class Row:
    """A record. line: of the file, from 1 (of a JSON list or Parquet: its number). values: by name, as written."""

    line: int
    values: Mapping[str, Any]
    where: str

    def lower(self) -> dict[str, Any]:
        """The values by their names in lower case."""
        return {str(k).strip().lower(): v for k, v in self.values.items()}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record that is no row, and why."""

    line: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file. form: csv, json, jsonl or parquet. names: the columns of a CSV or Parquet."""

    path: Path
    form: str
    rows: Sequence[Row]
    names: Sequence[str] = ()
    left_out: Sequence[LeftOut] = field(default_factory=tuple)

    def counts(self) -> Counter[str]:
        """How many records were left out, by reason."""
        return Counter(item.reason for item in self.left_out)


def read_rows(path: Path) -> Rows:
    """All rows of a file; its form is told by its content where the ending of its name does not say.

    Raises InputError naming file, line and next step for one that cannot be read at all.
    """
    if path.is_dir():
        return _folder(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    suffix = path.suffix.lower()
    if suffix == ".parquet" or data.startswith(b"PAR1"):
        return _parquet(path)
    text = _decode(path, data)
    begins = text.lstrip()[:1]
    if suffix in _JSON or (suffix not in (".csv", ".tsv") and begins in ("{", "[") and begins):
        return _json(path, text, suffix)
    return _csv(path, text, suffix)


def count_rows(path: Path) -> int:
    """How many rows a file has, for an estimate; 0 where it cannot be read (the stage that reads it says why)."""
    try:
        return len(read_rows(path).rows)
    except InputError:
        return 0


def _decode(path: Path, data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"  # as Excel's "Unicode text"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────


def _json(path: Path, text: str, suffix: str) -> Rows:
    if text.lstrip().startswith("[") or suffix == ".json":
        try:
            whole: Any = _loads(text)
        except (ValueError, RecursionError) as error:
            lines = [line for line in text.split("\n") if line.strip()]
            if suffix == ".json" and (len(lines) < 2 or not lines[0].rstrip().endswith("}")):
                raise InputError(f"{path}: not valid JSON: {error}") from error
        else:
            listed = _listed(whole)
            if listed is not None:
                rows = [Row(i, value, f"{path} entry {i}") for i, value in enumerate(_objects(path, listed), 1)]
                return Rows(path, "json", rows)
    return Rows(path, "jsonl", list(_lines(path, text)))


def _loads(text: str) -> Any:
    """JSON; half a character (an escaped lone surrogate), which no file could hold, is read as U+FFFD."""
    if "\\ud" in text or "\\uD" in text:
        text = _ESCAPED.sub(lambda found: r"\ufffd" if len(found[0]) == 6 else found[0], text)
    return json.loads(text)


def _listed(whole: Any) -> list[Any] | None:
    """The list of rows in a JSON document: the document, or the one list of objects in it."""
    if isinstance(whole, list):
        return whole if not whole or isinstance(whole[0], Mapping) else None
    if isinstance(whole, Mapping):
        lists = [v for v in whole.values() if isinstance(v, list) and v and all(isinstance(r, Mapping) for r in v)]
        if len(lists) == 1 and not any(k in whole for k in ("question", "prompt", "messages", "chosen")):
            return lists[0]
    return None


def _objects(path: Path, listed: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for number, value in enumerate(listed, 1):
        if not isinstance(value, Mapping):
            raise InputError(f"{path}: entry {number} of the list is not an object")
        yield value


def _lines(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            value = _loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not valid JSON: {error}") from error
        if not isinstance(value, Mapping):
            raise InputError(f'{where}: not an object; write {{"name": "value", ...}}, one a line')
        yield Row(number, value, where)


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────


def _csv(path: Path, text: str, suffix: str) -> Rows:
    delimiter = "\t" if suffix == ".tsv" and "\t" in text else _delimiter(text)
    records = _records(path, text, delimiter)
    _, header = next(records, (1, []))
    names = [name.strip() for name in header]
    twice = [name for name, n in Counter(n.lower() for n in names if n).items() if n > 1]
    if twice:
        raise InputError(f"{path}: two columns are called '{twice[0]}'; rename one of them")
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    for line, record in records:
        given = list(record)
        while len(given) > len(names) and not given[-1].strip():
            given.pop()  # delimiters at the end of a line add fields that hold nothing
        if len(given) != len(names):
            more = "more" if len(given) > len(names) else "fewer"
            detail = f"{len(given)} fields, and the header has {len(names)}; check the quotes"
            left_out.append(LeftOut(line, f"{more} fields than the header", detail))
            continue
        values = {name: value for name, value in zip(names, given, strict=True) if name}
        rows.append(Row(line, values, f"{path}:{line}"))
    return Rows(path, "csv", rows, tuple(n for n in names if n), tuple(left_out))


def _records(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line, fields) of each record that is not blank. Raises InputError for quotes that do not close."""
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{path}:{line}: not a valid CSV: {error}; check the quotes") from error
        if any(value.strip() for value in record):
            yield line, record
        line = reader.line_num + 1


def _delimiter(text: str) -> str:
    """The delimiter by which most records have as many fields as the header, two at least."""

    def fits(delimiter: str) -> tuple[float, int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lengths: list[int] = []
        try:
            for record in reader:
                if any(value.strip() for value in record):
                    lengths.append(len(record))
                if len(lengths) > _LOOKED_AT:
                    break
        except csv.Error:
            pass
        if not lengths or lengths[0] < 2:
            return 0.0, 0
        return sum(n == lengths[0] for n in lengths) / len(lengths), lengths[0]

    return max(_DELIMITERS, key=fits)


def _parquet(path: Path) -> Rows:
    import pyarrow.parquet

    return _table(path, "parquet", "a Parquet file", lambda: pyarrow.parquet.read_table(path))


def _arrow(path: Path) -> Rows:
    """A part of a data set as the library datasets saves it."""
    import pyarrow

    def read() -> Any:
        with pyarrow.memory_map(str(path)) as source:
            return pyarrow.ipc.open_stream(source).read_all()

    return _table(path, "arrow", "an Arrow stream", read)


def _table(path: Path, form: str, what: str, read: Callable[[], Any]) -> Rows:
    from pyarrow import ArrowException

    try:
        table = read()
        values = table.to_pylist()
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not {what} that can be read: {str(error)[:200]}") from error
    rows = [Row(i, value, f"{path} row {i}") for i, value in enumerate(values, 1)]
    return Rows(path, form, rows, tuple(table.column_names))


# ── folders ─────────────────────────────────────────────────────────────────────────────────────────────


def _folder(path: Path) -> Rows:
    """The rows of every file in a folder, with the split that the name of the file, or of its folder, says."""
    found = sorted(f for f in path.rglob("*") if f.suffix.lower() in (*_ENDINGS, ".arrow") and f.is_file())
    if not found:
        raise InputError(f"{path}: holds no {', '.join(_ENDINGS)} or .arrow file with rows")
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    for file in found:
        if file.name in _DESCRIBES or file.name.startswith("."):
            continue
        read = _arrow(file) if file.suffix.lower() == ".arrow" else read_rows(file)
        split = _SPLITS.get(file.stem.lower()) or _SPLITS.get(file.parent.name.lower())
        for row in read.rows:
            given = {"split": split, **{k: v for k, v in row.values.items() if v is not None}} if split else row.values
            rows.append(Row(row.line, given, row.where))
        left_out += read.left_out
    return Rows(path, "folder", rows, (), tuple(left_out))
