"""Pairs go out in each form, are read again as they were, and their card says what they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict

from understudy.errors import InputError, UsageError
from understudy.generate.exchange import FORMS, card, write_card, write_pairs
from understudy.generate.imported import import_pairs, read_pairs
from understudy.types import QAPair

PAIRS = [
    QAPair("p1", "Which port, by default?", "7411", "c1", "a.md", "The port is 7411.", "forward", "f1", "train", "x"),
    QAPair("p2", 'What does "idle" mean?', "No work;\nnothing, at all", "c2", "b.md", "", "why", "f2", "train", ""),
    QAPair("p3", "¿Qué puerto?", "El 7411", "c1", "a.md", "", "forward", "f1", "dev", ""),
    QAPair("p4", "Which one is asked?", "This one", "c2", "b.md", "", "forward", "f3", "test", ""),
]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_read_again(tmp_path: Path, form: str) -> None:
    written = write_pairs(PAIRS, tmp_path / "out", form)
    assert sorted(written.values()) == [1, 1, 2]
    write_card(tmp_path / "out", card("demo", PAIRS, {}, {}, {}, ""))  # no file of rows, and not read as one
    again, counts = import_pairs(tmp_path / "out", [], 0.0, 0)
    assert not {k: n for k, n in counts.items() if k != "unlinked"}
    wanted = [replace(p, chunk_id="", doc_id="", quote="", source=p.source or "out") for p in PAIRS]
    assert sorted(again, key=lambda p: p.pair_id) == wanted


def test_the_forms_are_those_that_training_tools_read(tmp_path: Path) -> None:
    for form, shape in (
        (
            "messages",
            {"messages": [{"role": "user", "content": "¿Qué puerto?"}, {"role": "assistant", "content": "El 7411"}]},
        ),
        (
            "sharegpt",
            {"conversations": [{"from": "human", "value": "¿Qué puerto?"}, {"from": "gpt", "value": "El 7411"}]},
        ),
        ("alpaca", {"instruction": "¿Qué puerto?", "input": "", "output": "El 7411"}),
    ):
        write_pairs(PAIRS, tmp_path / form, form)
        (line,) = (tmp_path / form / "dev.jsonl").read_text(encoding="utf-8").splitlines()
        assert {k: v for k, v in json.loads(line).items() if k in shape} == shape
    with pytest.raises(UsageError, match="Did you mean 'sharegpt'"):
        write_pairs(PAIRS, tmp_path / "x", "sharegtp")


def test_the_card_counts_the_questions_without_options() -> None:
    told = card("demo", PAIRS, {"open_questions": {"answered": 71, "not treated": 40}}, {}, {}, "")
    assert "## Questions without options" in told
    assert "| not treated | 40 |" in told


def test_a_saved_data_set_is_read_with_its_splits(tmp_path: Path) -> None:
    def part(start: int) -> Dataset:
        return Dataset.from_list([{"instruction": f"q{i}", "output": f"a{i}"} for i in range(start, start + 3)])

    DatasetDict({"train": part(0), "validation": part(3)}).save_to_disk(str(tmp_path / "saved"))
    rows, _ = read_pairs(tmp_path / "saved")
    assert sorted((r["question"], r["answer"], r["split"]) for r in rows) == [
        (f"q{i}", f"a{i}", "train" if i < 3 else "dev") for i in range(6)
    ]
    part(0).save_to_disk(str(tmp_path / "one"))
    assert len(read_pairs(tmp_path / "one")[0]) == 3
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="holds no"):
        read_pairs(tmp_path / "nothing")


def test_the_card_counts_and_says_what_it_does_not_know() -> None:
    counts = {"rejected": {"no statement found": 12}, "contaminated": {"shares 8 words with a question": 3}}
    text = card("demo", PAIRS, counts, {"teacher": "extractive"}, {"floor:longest": (0.25, 40)}, "")
    assert "4 pairs about 2 pages, written by `extractive`" in text
    assert "| train | 2 |" in text
    assert "| shares 8 words with a question | 3 |" in text
    assert "| floor:longest | 25.0 | 40 |" in text
    assert "not named" in text
    assert "license: cc-by-4.0" in card("demo", PAIRS, {}, {}, {}, "cc-by-4.0")
    assert "Not measured" in card("demo", PAIRS, {}, {}, {}, "")
