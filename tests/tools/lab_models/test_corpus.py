"""Documentation packages become clean text with digests."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tools.lab_models import corpus

PAGE = """<html><head><title>x</title><style>p {}</style></head><body><nav>menu</nav>
<h1>The cache</h1><p>The cache is
set to <code>64</code> pages.</p><table><tr><td>size</td><td>64</td></tr></table><pre>a = 1
  b = 2</pre></body></html>"""


def test_html_becomes_one_line_a_block_and_keeps_code() -> None:
    lines = corpus.html_text(PAGE).split("\n")
    assert lines == ["The cache", "The cache is set to 64 pages.", "size | 64", "a = 1", "  b = 2"]


def test_packages_are_read_with_digests_and_translations_left_out(tmp_path: Path) -> None:
    english = "The server is started with the script, and the log is kept in the folder.\n" * 12
    folder = tmp_path / "git-doc" / "usr"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text(english, encoding="utf-8")
    (folder / "b.rst.gz").write_bytes(gzip.compress(english.encode()))
    (folder / "c.txt").write_text(
        "Der Server wird mit dem Skript gestartet und schreibt ins Log.\n" * 12, encoding="utf-8"
    )
    (folder / "copyright").write_text(english, encoding="utf-8")
    sources = corpus.read_packages(tmp_path, ("git-doc",))
    assert sorted(s.path for s in sources) == ["usr/a.txt", "usr/b.rst.gz"]
    assert corpus.digest(sources) == corpus.digest(sources[::-1])
    assert len({s.digest for s in sources}) == 2


def test_missing_packages_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="git-doc"):
        corpus.read_packages(tmp_path, ("git-doc",))
