"""Which option a key names is decided for the whole file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from understudy.errors import InputError
from understudy.evaluation.interchange.keys import Keyed, find_key, find_keys
from understudy.evaluation.interchange.read import read_questions

PORTS = ("7100", "7200", "7300", "7400")


def keyed(*rows: tuple[Any, tuple[str, ...]]) -> list[int | None]:
    return find_keys(Path("q.csv"), [Keyed(key, options, f"q.csv:{k}") for k, (key, options) in enumerate(rows, 2)])


@pytest.mark.parametrize(
    ("rows", "places"),
    [
        ([("B", PORTS), ("a", PORTS), ("(c)", PORTS), ("D.", PORTS), ("Option A", PORTS)], [1, 0, 2, 3, 0]),
        ([("7200", PORTS), ("7400", PORTS)], [1, 3]),
        ([(1, PORTS), (4, PORTS)], [0, 3]),
        ([(0, PORTS), (3, PORTS)], [0, 3]),
        ([("1", PORTS), ("4", PORTS), ("2", PORTS)], [0, 3, 1]),
        ([("0", PORTS), ("1.0", PORTS)], [0, 1]),
        # Letters where the options are letters too: one row that can be nothing else decides for all.
        ([("B", ("C", "D", "A", "B")), ("A", PORTS)], [1, 0]),
        # Texts that could be numbers: one row decides.
        ([("2", ("1", "2", "4", "8")), ("16", ("2", "16", "3", "1"))], [1, 1]),
        # A key that the rule of the file does not know is none.
        ([("A", PORTS), ("B", PORTS), ("9999", PORTS)], [0, 1, None]),
        # Both readings say the same.
        ([("A", ("A", "B")), ("B", ("A", "B"))], [0, 1]),
    ],
)
def test_the_rule_of_the_file(rows: list[tuple[Any, tuple[str, ...]]], places: list[int | None]) -> None:
    assert keyed(*rows) == places


@pytest.mark.parametrize(
    ("rows", "readings"),
    [
        ([(1, PORTS), (2, PORTS)], "'7200' as a number from 0, and '7100' as a number from 1"),
        ([("B", ("C", "D", "A", "B"))], "'D' as a letter, and 'B' as the text of an option"),
        ([("2", ("1", "2", "3"))], "'2' as the text of an option, and '3' as a number from 0"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_both(
    rows: list[tuple[Any, tuple[str, ...]]], readings: str
) -> None:
    with pytest.raises(InputError, match=r"q\.csv:2.*" + readings):
        keyed(*rows)


def read(folder: Path, *records: dict[str, Any]) -> list[str]:
    path = folder / "q.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    items, excluded = read_questions(path)
    assert not excluded
    assert all(item.question == "Which port?" for item in items)
    return [item.options[item.correct] for item in items]


@pytest.mark.parametrize(
    ("options", "key", "right"),
    [
        ([{"label": "A", "text": "7100"}, {"label": "B", "text": "7200"}], "B", "7200"),
        ([{"key": "1", "value": "7100"}, {"key": "2", "value": "7200"}], "2", "7200"),
        ([{"id": "x", "content": "7100"}, {"id": "y", "content": "7200"}], "y", "7200"),
        ([{"text": "7100"}, {"text": "7200"}], "7200", "7200"),
        ([{"text": "7100", "correct": False}, {"text": "7200", "is_correct": True}], None, "7200"),
        ({"text": ["7100", "7200"], "label": ["1", "2"]}, "1", "7100"),
        ({"A": "7100", "B": "7200"}, "B", "7200"),
        ([7100, 7200], "b", "7200"),
        ('["7100", "7200"]', "A", "7100"),
    ],
)
def test_options_in_every_shape(tmp_path: Path, options: Any, key: Any, right: str) -> None:
    assert read(tmp_path, {"question": "Which port?", "choices": options, "answerKey": key}) == [right]


def test_options_in_the_question_and_in_columns(tmp_path: Path) -> None:
    arc = {"stem": "Which port?", "choices": [{"text": "7100", "label": "A"}, {"text": "7200", "label": "B"}]}
    assert read(tmp_path, {"question": arc, "answerKey": "B"}) == ["7200"]
    wide = {"Question": "Which port?", "Option 1": "7100", "Option 2": "7200", "Correct": 1}
    assert read(tmp_path, wide) == ["7100"]
    assert read(tmp_path, {"question": "Which port?", "option_a": "7100", "option_b": 7200, "answer": "b"}) == ["7200"]


def test_fields_that_count_from_zero_by_convention(tmp_path: Path) -> None:
    assert read(tmp_path, {"question": "Which port?", "endings": list(PORTS), "label": 1}) == ["7200"]
    assert read(tmp_path, {"doc": {"question": "Which port?", "choices": list(PORTS), "answer": 2}}) == ["7300"]


def test_a_key_of_a_log() -> None:
    assert [find_key(k, PORTS) for k in ("7200", "B", 1, "1", "x", 9)] == [1, 1, 1, 1, None, None]


def test_a_shifted_record_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("question,a,b,correct\nWhich, of both?,x,y,a\nOne?,x,y,b\n", encoding="utf-8")
    items, excluded = read_questions(path)
    assert [i.question for i in items] == ["One?"]
    assert [(e.reason, e.detail[:9]) for e in excluded] == [("more fields than the header", "q.csv:2: ")]


def test_an_exam_as_one_array_and_with_marks_that_end_lines_elsewhere(tmp_path: Path) -> None:
    """U+2028 and U+0085 may stand in a string of JSON; only a line feed ends a record."""
    rows = [
        {"question": "Which\u2028port,\u0085by default?", "options": list(PORTS), "answer": "C"},
        {"question": "Which port?", "options": list(PORTS), "answer": "A"},
    ]
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    for name, text in (("q.jsonl", lines), ("q.json", json.dumps(rows, indent=1)), ("q.jsonl", json.dumps(rows))):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        items, excluded = read_questions(path)
        assert [(i.question, i.options[i.correct]) for i in items] == [
            ("Which\u2028port,\u0085by default?", "7300"),
            ("Which port?", "7100"),
        ]
        assert not excluded


def test_numbers_of_json_count_from_one_where_one_names_the_last_option(tmp_path: Path) -> None:
    rows = [{"question": "Which port?", "options": list(PORTS), "answer": n} for n in (1, 2, 3, 4)]
    assert read(tmp_path, *rows) == list(PORTS)
    rows = [{"question": "Which port?", "options": list(PORTS), "answer": n} for n in (0, 1, 2, 3)]
    assert read(tmp_path, *rows) == list(PORTS)
