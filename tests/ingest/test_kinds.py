"""Kinds of page by their structure, which of them are taught, and copies."""
# ruff: noqa: E501  (pages on one line)

from __future__ import annotations

import logging
import random
import time
from pathlib import Path

import pytest

from understudy.artifact import read_records
from understudy.ingest import teach
from understudy.ingest.config import IngestConfig, TeachConfig
from understudy.ingest.kinds import KINDS, NOT_TAUGHT, kind_of
from understudy.ingest.stage import run
from understudy.ingest.teach import Copies, Lessons
from understudy.stage import Inputs, RunContext
from understudy.types import Document

NAMES = ["apron", "basin", "cup", "dish", "ewer", "fork", "grater", "hob", "iron", "jug", "knife", "ladle", "mortar"]
PROSE = "The kettle boils its water in four minutes, and a lamp on its side shows when it has done so. " * 4

PAGES = {
    "change log": (
        "Kettle",
        "# Kettle\n\n"
        + "".join(f"## 2.{n}.0 (2024-0{n}-11)\n\n- Adds a lid of size {n}.\n- Fixes the spout.\n\n" for n in range(1, 5)),
    ),
    "index": ("Index", "".join(f"- [{a} of {b}]({a}.md)\n" for a in NAMES for b in ("iron", "tin"))),
    "table of contents": (
        "Kettle handbook",
        "".join(f"- [{a.title()} and its care]({a}.md)\n" for a in reversed(NAMES)) * 2,
    ),
    "cross-reference table": (
        "Where parts are named",
        "| part | pages |\n|---|---|\n" + "".join(f"| [{a}]({a}.md) | [care]({a}.md), [use](u.md) |\n" for a in NAMES * 2),
    ),
    "licence": (
        "Legal",
        "Permission is hereby granted to any cook to use this kettle. It comes as is, without warranty of any kind, "
        "not even of merchantability or fitness for a particular purpose. In no event shall the maker be liable for any "
        "burn. This copyright notice stands on all copies or substantial parts.",
    ),
    "keyword list": ("Words of the kettle language", "These are reserved:\n\n" + "".join(f"- {a.upper()}{n}\n" for a in NAMES for n in "ABC")),
    "source listing": ("Kettle.h Source File", "# Kettle.h\n\n```\n" + "".join(f"int {a}(int cups, int drops);\n" for a in NAMES) + "```\n"),
    "tutorial": (
        "Your first cup",
        "".join(f"## Step {n}\n\nYou fill the cup, then you wait.\n\n```\npour {n}\n```\n\n" for n in range(1, 5)) + PROSE,
    ),
    "reference": ("Kettle", f"# Kettle\n\n{PROSE}\n\n## 1.1 Lid\n\n- Made of tin.\n- See [care](care.md).\n\n## 1.2 Spout\n\n{PROSE}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PAGES)
def test_a_kind_is_known_by_its_structure(kind):
    title, text = PAGES[kind]
    assert kind_of(text, title) == kind


def test_links_that_the_text_does_not_show_count():
    text = "".join(f"- {a.title()} and its care\n" for a in reversed(NAMES)) * 2
    assert kind_of(text, "Kettle handbook", linked=1.0) == "table of contents"
    assert kind_of(text, "Kettle handbook", linked=0.0) == "reference"


def test_an_index_by_letters_may_say_something_of_each_entry():
    text = "".join(
        f"## {a[0].upper()}\n\n{a}(int) - way of Kettle\n: Heats the {a} and waits.\n\n" for a in NAMES if a != "grater"
    )
    assert kind_of(f"# Index\n\n{text}", "Index (Kettle 2.1)", linked=0.17) == "index"
    assert kind_of(f"# Words\n\n{text}", "Words of the kitchen", linked=0.17) == "reference"


def test_a_list_within_a_list_and_nothing_else_is_a_table_of_contents():
    text = "- All about lids\n\n  - Lids of tin\n  - Lids of oak\n- Spouts\n"
    assert kind_of(text, "nav") == "table of contents"
    assert kind_of(f"**Parts**\n\n{text}", "nav") == "table of contents"
    assert kind_of(text.replace("Spouts", "A spout pours."), "Parts") == "reference"
    assert kind_of(f"These are parts:\n\n{text}", "Parts") == "reference"
    assert kind_of(f"# Parts\n\n{text}", "Parts") == "reference"


def test_a_history_of_changes_told_in_sections_is_a_change_log():
    text = "".join(
        f"## What's new in 2.{n} since 2.{n - 1}\n\n### Lids\n\n{PROSE}\n\n### Spouts\n\n{PROSE}\n\n" for n in (3, 2, 1)
    )
    assert kind_of(f"# Change history\n\n{text}", "Change history") == "change log"
    assert (
        kind_of(f"# History\n\n## Of tin\n\n{PROSE}\n\n## Of iron\n\n{PROSE}", "Revision history of the lid")
        == "reference"
    )


def test_a_page_of_a_thing_called_matrix_is_no_cross_reference():
    rows = "".join(f"| `int` | `{a} (int cups)` |\n" for a in NAMES * 2)
    page = f"# Matrix Reference\n\n## Ways\n\n|  |  |\n|---|---|\n{rows}\n```\nclass Matrix\n```\n"
    assert kind_of(page, "Kettle::Matrix< Cup > Class Reference", linked=0.3) == "reference"
    assert (
        kind_of(page.replace("```\nclass Matrix\n```\n", ""), "Parts and pages: a matrix", linked=0.3)
        == "cross-reference table"
    )


MEMBERS = (
    "This is the complete list of members for Kettle, including all inherited members.\n\n|  |  |  |\n|---|---|---|\n"
)


def test_a_table_of_members_is_an_index():
    rows = [
        f"| {a}(Cup c) | {'Vessel' if n % 3 else 'Kettle'} | {'inline' if n % 2 else ''} |\n"
        for n, a in enumerate(NAMES)
    ]
    assert kind_of(MEMBERS + "".join(rows), "Kettle Member List", linked=0.22) == "index"
    assert kind_of(MEMBERS + "".join(rows), "Kettle Member List", linked=0.0) == "reference"
    told = [f"| {a} | Kettle | holds what the {a} needs |\n" for a in NAMES]
    assert kind_of(MEMBERS + "".join(told), "Kettle members", linked=0.22) == "reference"
    shuffled = [row for place in range(4) for row in reversed(rows[place::4])]
    assert kind_of(MEMBERS + "".join(shuffled), "Kettle members", linked=0.22) == "reference"


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Settings", "| name | default | what it does |\n|---|---|---|\n" + "".join(f"| `{a}` | 3 | sets how hot the {a} gets |\n" for a in NAMES)),
        ("Numbered", "".join(f"## {n}.{m}. The {a}\n\n{PROSE}\n\n" for n, a in enumerate(NAMES, 1) for m in (1, 2))),
        ("Parts", "".join(f"- **{a}**: holds what the cook needs while the kettle boils.\n" for a in NAMES)),
        ("License keys", f"# License keys\n\nA license key opens the lid. {PROSE}"),
    ],
)  # fmt: skip
def test_reference_pages_of_like_shape_stay_reference(title, text):
    assert kind_of(text, title) == "reference"


def ingest(tmp_path: Path, pages: dict[str, str], **teach: tuple[str, ...]) -> dict[str, Document]:
    for name, text in pages.items():
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / name).write_text(text)
    out = tmp_path / "out"
    out.mkdir()
    config = IngestConfig(path=str(tmp_path / "docs"), teach=TeachConfig(**teach))  # type: ignore[arg-type]
    output = run(config, Inputs(), RunContext(out, out, out, logging.getLogger("test")))
    documents = {d.doc_id: d for d in read_records(out / "documents.jsonl", Document)}
    assert sum(output.counts["kinds"].values()) == len(documents)
    assert sum(output.counts["untaught"].values()) == sum(bool(d.untaught) for d in documents.values())
    return documents


FOLDER = {
    "old/lid.md": f"# Lid\n\n{PROSE}\n\nOf tin.\n",
    "new/lid.md": f"# Lid\n\n{PROSE}\n\nOf iron.\n",
    "notes.md": f"# {PAGES['change log'][0]}\n\n" + PAGES["change log"][1],
    "spout.md": "# Spout\n\nThe spout is made of copper and pours two cups in a minute.\n",
}


def test_logs_and_copies_are_searched_and_not_taught(tmp_path):
    documents = ingest(tmp_path, FOLDER)
    assert {name: d.untaught for name, d in documents.items()} == {
        "new/lid.md": "", "old/lid.md": "a copy: new/lid.md", "notes.md": "change log", "spout.md": "",
    }  # fmt: skip
    assert documents["notes.md"].kind == "change log"


def test_the_recipe_has_the_last_word(tmp_path):
    documents = ingest(tmp_path, FOLDER, include=("change log", "old/"), exclude=("spout.md",))
    assert [name for name, d in documents.items() if d.untaught] == ["spout.md"]
    assert documents["spout.md"].untaught == "excluded by docs.teach"


def test_a_kind_may_be_excluded():
    lessons = Lessons(TeachConfig(include=(), exclude=("tutorial",)))
    assert lessons.why_not("a.md", PROSE, "tutorial") == "excluded by docs.teach"
    assert lessons.why_not("b.md", "", "reference") == ""
    assert set(KINDS) > NOT_TAUGHT


def test_copies_need_nearly_all_words_and_some_length():
    copies = Copies()
    lines = [f"The {a} hangs on the hook beside the kettle and is wiped once a week." for a in NAMES]
    assert copies.add("a", "\n".join(lines)) == ""
    assert copies.add("half", "\n".join(lines[:6])) == ""
    assert copies.add("nearly", "\n".join([*lines[:-1], "Only this line is another one."])) == "a"
    assert copies.add("more", "\n".join([*lines, *(f"Another line about the {a} of the house." for a in NAMES)])) == ""
    assert copies.add("short", "One short page.") == copies.add("short too", "One short page.") == ""


def test_copies_are_found_also_among_lines_that_were_sorted_away(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(3)
    lines = [" ".join(rng.choice(NAMES) for _ in range(8)) for _ in range(120)]
    pages = ["\n".join(rng.sample(lines, rng.randrange(5, 12))) for _ in range(60)]
    pages = [page for page in pages for _ in range(rng.randrange(1, 3))]
    rng.shuffle(pages)

    def found(recent: int) -> list[str]:
        monkeypatch.setattr(teach, "_RECENT", recent)
        copies = Copies()
        return [copies.add(str(number), page) for number, page in enumerate(pages)]

    expected = found(10**9)
    assert any(expected)
    assert found(20) == found(7) == expected


@pytest.mark.parametrize("mark", ["[", "](", "[a]("])
def test_a_line_of_links_that_nothing_closes_is_looked_at_in_time(mark: str) -> None:
    began = time.process_time()
    kind_of(f"# Guide\n\nSome words.\n\n{mark * 60_000}\n", "Guide")
    assert time.process_time() - began < 3


def test_a_page_named_by_a_version_that_lists_changes_is_a_change_log() -> None:
    changes = "".join(f"- `lid/{n}`: fix the hinge of lid {n}\n- `spout`: add a filter of size {n}\n" for n in range(4))
    assert kind_of(changes * 2, "Kettle 2.1.2") == "change log"
    assert kind_of(PROSE, "Kettle 2.1.2") == "reference"
