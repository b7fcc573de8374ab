"""What is kept by content saves time and never costs more than that."""

from __future__ import annotations

from pathlib import Path

from understudy.kept import Kept


def test_what_was_put_is_found_by_another_process_and_nothing_else(tmp_path: Path) -> None:
    values = {f"k{n}": bytes([n % 256]) * n for n in range(1200)}
    Kept(tmp_path, "pages").put(values)
    assert Kept(tmp_path, "pages").get([*values, "missing"]) == values
    assert Kept(tmp_path, "vectors").get(values) == {}


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    kept = Kept(tmp_path, "pages")
    kept.put({"a": b"1"})
    kept.file.write_bytes(b"not a database at all" * 100)
    for leftover in tmp_path.glob("kept/*-*"):
        leftover.unlink()
    assert Kept(tmp_path, "pages").get(["a"]) == {}
    again = Kept(tmp_path, "pages")
    again.put({"a": b"2"})
    assert Kept(tmp_path, "pages").get(["a"]) == {"a": b"2"}


def test_a_place_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file where the folder would be")
    kept = Kept(tmp_path, "pages")
    kept.put({"a": b"1"})
    assert kept.get(["a"]) == {}
