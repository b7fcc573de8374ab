"""What a page's site or project calls itself."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from understudy.artifact import read_records
from understudy.ingest.config import IngestConfig
from understudy.ingest.project import project_name
from understudy.ingest.stage import run
from understudy.stage import Inputs, RunContext
from understudy.types import Document

PROSE = "A kettle is filled to the line with fresh water, closed, and put on the stove until it sings to all."


def sites(folder: Path) -> dict[str, str]:
    """What each document says its site is called, by doc_id."""
    out = folder.parent / "out"
    out.mkdir(exist_ok=True)
    run(
        IngestConfig(path=str(folder)),
        Inputs(),
        RunContext(out=out, work=out, root=out, logger=logging.getLogger("test")),
    )
    return {d.doc_id: d.site for d in read_records(out / "documents.jsonl", Document)}


@pytest.mark.parametrize(
    ("title", "head", "expected"),
    [
        ("{} — Kettle 2.1 documentation", "", "Kettle 2.1 documentation"),
        ("Kettle | {}", "", "Kettle"),
        ("{} (GNU Kettle (version 7))", "", "GNU Kettle (version 7)"),
        ("Kettle: {}", "", "Kettle"),
        ("{} - Guide - Kettle", "", "Guide | Kettle"),
        ("{}", '<meta property="og:site_name" content="Kettle Docs">', "Kettle Docs"),
        ("{}", '<meta name="application-name" content="Kettle">', "Kettle"),
        ("{} - Works", '<meta property="og:site_name" content="Kettle">', "Kettle"),
        ("{}", "", ""),
    ],
)
def test_html_pages_say_what_their_site_is_called(tmp_path: Path, title: str, head: str, expected: str) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for topic in ("Lid", "Spout", "Base", "Handle"):
        page = f"<title>{title.format(topic)}</title>{head}<main><h1>{topic}</h1><p>{topic} {PROSE}</p></main>"
        (folder / f"{topic}.html").write_text(page)
    assert set(sites(folder).values()) == {expected}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("mkdocs.yml", "site_name: Kettle Docs  # ours\ntheme: x\n", "Kettle Docs"),
        ("mkdocs.yml", "theme: x\n", ""),
        ("conf.py", "import sys\nproject = 'Kettle'\nrelease = '2'\n", "Kettle"),
        ("docs/source/conf.py", 'project = u"Kettle"\n', "Kettle"),
        ("docs/conf.py", "project = name_of(__file__)\n", ""),
        ("docs/conf.py", 'project: str = "Kettle"\n', "Kettle"),
        ("docs/docusaurus.config.js", "const c = {\n  title: 'Kettle',\n  tagline: 'Sings'};\n", "Kettle"),
        ("docs/.vitepress/config.mts", 'export default {\n  "title": "Kettle",\n}\n', "Kettle"),
        ("book.toml", '[book]\nauthors = []\ntitle = "The Kettle Book"\n', "The Kettle Book"),
        ("antora.yml", "name: k\ntitle: Kettle\n", "Kettle"),
        ("docs/_config.yml", "title: >-\n  Kettle\n", ""),
    ],
)
def test_the_file_of_the_site_s_generator_names_the_project(
    tmp_path: Path, name: str, text: str, expected: str
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "lid.md").write_text(f"# Lid\n\n{PROSE}\n")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    assert project_name(str(folder)) == expected
    assert sites(folder)["lid.md"] == expected


def test_the_project_s_name_is_part_of_what_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "lid.md").write_text(PROSE)
    config = IngestConfig(path=str(folder))
    before = config.files()
    (tmp_path / "mkdocs.yml").write_text("site_name: Kettle\n")
    assert set(config.files().values()) - set(before.values()) == {str(tmp_path / "mkdocs.yml")}
    assert project_name(str(folder / "lid.md")) == project_name(str(tmp_path / "none")) == ""
