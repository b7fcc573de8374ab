"""Claims kept by page: the same facts as reading anew, and only what changed is read."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from understudy.generate.base import Page
from understudy.generate.extractive import pages_kept
from understudy.generate.extractive.precision import OFF
from understudy.generate.extractive.teacher import ExtractiveTeacher
from understudy.lab.worlds import make_world
from understudy.stage import RunContext
from understudy.types import Chunk, Document


def page(name: str, text: str) -> Page:
    title = text.partition("\n")[0].strip("# ")
    chunk = Chunk(name, name, text, 0, len(text), 1, text.count("\n") + 1, 99, title)
    return Page(Document(name, text, title, "markdown", name), (chunk,))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pages that are read, not found again."""
    seen: list[str] = []
    anew = pages_kept.page_claims

    def noting(page: Page, corpus: object) -> object:
        seen.append(page.document.doc_id)
        return anew(page, corpus)  # type: ignore[arg-type]

    monkeypatch.setattr(pages_kept, "page_claims", noting)
    return seen


def taught(pages: Sequence[Page], root: Path | None, read: list[str], version: int = 1) -> tuple[object, list[str]]:
    read.clear()
    ctx = RunContext(out=root / "out", work=root / "work", root=root) if root else None
    found = ExtractiveTeacher(extra=tuple(OFF), ctx=ctx, version=version).teach(pages)
    return found, list(read)


def test_edited_pages_alone_are_read_and_the_facts_are_those_of_reading_all(tmp_path: Path, read: list[str]) -> None:
    world = make_world(3, pages=10)
    texts = dict(world.documents)
    rng = random.Random(1)
    first, whole = taught([page(n, t) for n, t in texts.items()], tmp_path, read)
    assert len(whole) == len(texts)
    assert first == taught([page(n, t) for n, t in texts.items()], None, read)[0]
    anew = 0
    for step in range(6):
        name = rng.choice(sorted(texts))
        cut = texts[name].split("\n\n")
        del cut[rng.randrange(1, len(cut))]
        cut.insert(1, f"The {rng.choice(['harbour', 'Lantern', 'probe'])} keeps {step + 5} files by default.")
        texts[name] = "\n\n".join(cut)
        pages = [page(n, t) for n, t in texts.items()]
        found, again = taught(pages, tmp_path, read)
        assert found == taught(pages, None, read)[0]
        assert name in again
        anew += len(again)
    assert anew <= 2 * 6, "an edit of one page had other pages read"


def test_a_page_is_read_again_where_the_corpus_says_otherwise_of_its_words(tmp_path: Path, read: list[str]) -> None:
    about = page("a.md", "# Keel\n\nThe relay table holds 40 entries.\n\nKeel frobs every queue at midnight.\n")
    verbs = [page(f"{n}.md", f"# Note {n}\n\nIt can frob what it will frob, and must frob it.\n") for n in "bcd"]
    taught([about, *verbs[:1]], tmp_path, read)
    nouns = page(
        "e.md", "# Frob\n\nA frob is a thing. Take the frob, this frob, each frob, any frob, no frob and every frob.\n"
    )
    found, again = taught([about, *verbs, nouns], tmp_path, read)
    assert found == taught([about, *verbs, nouns], None, read)[0]
    assert "a.md" in again


def test_another_version_of_the_teacher_finds_nothing(tmp_path: Path, read: list[str]) -> None:
    pages = [page("a.md", "# Keel\n\nThe port of Keel is 9140.\n")]
    assert taught(pages, tmp_path, read)[1] == ["a.md"]
    assert taught(pages, tmp_path, read)[1] == []
    assert taught(pages, tmp_path, read, version=2)[1] == ["a.md"]
