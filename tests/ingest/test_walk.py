"""Which files are found, and what is said of the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from understudy.ingest.config import IngestConfig
from understudy.ingest.formats import format_of
from understudy.ingest.walk import walk


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text\n")
    return root


def names(root: Path, **options: object) -> list[str]:
    return [f.doc_id for f in walk(str(root), **options)[0]]  # type: ignore[arg-type]


def reasons(root: Path, **options: object) -> dict[str, str]:
    return {s.path: s.reason for s in walk(str(root), **options)[1]}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.md", "markdown"), ("a.MDX", "mdx"), ("a.html", "html"), ("a.rst", "rst"), ("a.txt", "text"),
        ("a.ipynb", "notebook"), ("ls.1", "man"), ("ls.1.gz", "man"), ("GET.1p.gz", "man"), ("a.pdf", "office"),
        ("README", "text"), ("a.png", None), ("Makefile", None), ("a.py", None),
    ],
)  # fmt: skip
def test_formats_by_name(name, format):
    assert format_of(name) == format


def test_known_formats_are_found_in_order_and_the_rest_is_named(tmp_path):
    make(tmp_path, "b.md", "a/z.rst", "a.txt", "pic.png", ".hidden.md", ".git/x.md")
    assert names(tmp_path) == ["a.txt", "a/z.rst", "b.md"]
    assert reasons(tmp_path) == {"pic.png": "unknown format", ".hidden.md": "hidden", ".git/": "hidden"}


def test_include_and_exclude(tmp_path):
    make(tmp_path, "a.md", "sub/b.md", "sub/old/c.md", "api.proto", "x.html")
    assert names(tmp_path, include=["*.md"], exclude=["old/"]) == ["a.md", "sub/b.md"]
    assert reasons(tmp_path, exclude=["old/"])["sub/old/"] == "excluded"
    assert reasons(tmp_path, include=["*.md"])["x.html"] == "not included"
    (found,) = walk(str(tmp_path), ["*.proto"])[0]
    assert (found.doc_id, found.format) == ("api.proto", "text")


def test_gitignore_inner_rules_win(tmp_path):
    make(tmp_path, "a.md", "build/b.md", "sub/c.md", "sub/keep.md", "sub/deep/d.md")
    (tmp_path / ".gitignore").write_text("build/\nsub/*.md\n")
    (tmp_path / "sub" / ".gitignore").write_text("!keep.md\n")
    assert names(tmp_path) == ["a.md", "sub/deep/d.md", "sub/keep.md"]
    assert reasons(tmp_path)["build/"] == "gitignore"
    assert "build/b.md" in names(tmp_path, gitignore=False)


def test_gitignore_of_the_repository_around(tmp_path):
    make(tmp_path, "docs/a.md", "docs/draft.md", "site/index.html")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("draft.md\nsite/\n")
    assert names(tmp_path / "docs") == ["a.md"]
    assert names(tmp_path / "site") == ["index.html"], "a folder that is named itself is read"


def test_links(tmp_path):
    root = make(tmp_path / "docs", "a.md", "sub/b.md")
    make(tmp_path, "outside.md")
    (root / "sub" / "up").symlink_to(root)
    (root / "again.md").symlink_to(root / "a.md")
    (root / "twice").symlink_to(root / "sub")
    (root / "out.md").symlink_to(tmp_path / "outside.md")
    (root / "dead.md").symlink_to(root / "nowhere.md")
    (root / "round.md").symlink_to(root / "round.md")
    assert names(root) == ["a.md", "sub/b.md"]
    assert reasons(root) == {
        "sub/up": "symlink loop",
        "round.md": "symlink loop",
        "again.md": "linked twice",
        "twice": "linked twice",
        "out.md": "link out of the folder",
        "dead.md": "broken link",
    }


def test_large_files_and_pipes(tmp_path):
    make(tmp_path, "a.md")
    (tmp_path / "big.md").write_text("x" * 100)
    os.mkfifo(tmp_path / "pipe.md")
    assert names(tmp_path, max_bytes=50) == ["a.md"]
    assert reasons(tmp_path, max_bytes=50) == {"big.md": "too large", "pipe.md": "not a file"}


def test_one_file_and_no_folder(tmp_path):
    make(tmp_path, "a.md")
    assert names(tmp_path / "a.md") == ["a.md"]
    assert walk(str(tmp_path / "nowhere")) == ([], [])


def test_key_holds_the_files_and_not_their_place(tmp_path):
    for place in ("one", "two"):
        make(tmp_path / place, "a.md", "b.png")
    one, two = IngestConfig(path=str(tmp_path / "one")), IngestConfig(path=str(tmp_path / "two"))
    assert one.identity() == two.identity()
    assert list(one.files()) == ["a.md"]
    assert IngestConfig(path="nowhere").files() == {"path": "nowhere"}


def test_a_wrong_encoding_name_is_refused():
    with pytest.raises(ValidationError, match="no known encoding"):
        IngestConfig(path=".", encoding="utf-9")


def test_lists_that_only_tools_read_are_no_text(tmp_path):
    for name in ("requirements.txt", "dev-requirements.txt", "CMakeLists.txt", "robots.txt", "guide.txt"):
        (tmp_path / name).write_text("kiln==1.0\n")
    found, skipped = walk(str(tmp_path))
    assert [f.doc_id for f in found] == ["guide.txt"]
    assert {s.reason for s in skipped} == {"unknown format"}
    found, _ = walk(str(tmp_path), include=["robots.txt"])
    assert [f.format for f in found] == ["text"]
