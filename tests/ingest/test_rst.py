"""reStructuredText as Sphinx reads it: tables with spans, files that a page pulls in, objects, places."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.ingest import rst, rst_titles
from understudy.ingest.base import Page, Source
from understudy.ingest.config import IngestConfig
from understudy.ingest.convert import convert
from understudy.outline import parse


def read(text: str, root: Path | None = None, name: str = "page.rst") -> Page:
    path = (root or Path()) / name
    return rst.read(Source(path, text.encode(), None, root))


def test_cells_that_span_rows_and_columns_stand_in_the_grid():
    page = read(
        "+-----+---------+------+\n| Kit | Part    | Bar  |\n+=====+=========+======+\n| A   | seal    | 4    |\n"
        "|     +---------+------+\n|     | hose           |\n+-----+----------------+\n"
    )
    (table,) = parse(page.text)
    assert table.rows == (("Kit", "Part", "Bar"), ("A", "seal", "4"), ("A", "hose", ""))


def test_a_table_without_a_header_has_none():
    (table,) = parse(read("===  ===\na    b\nc    d\n===  ===\n").text)
    assert table.rows == (("", ""), ("a", "b"), ("c", "d"))


def test_lists_in_cells_stay_lists():
    page = read(
        "+------+------------------+\n| Name | Values           |\n+======+==================+\n"
        "| mode | One of:          |\n|      |                  |\n|      |  * ``a``: all    |\n"
        "|      |  * ``n``: none   |\n+------+------------------+\n"
    )
    (table,) = parse(page.text)
    assert table.rows[1] == ("mode", "One of: <ul><li>`a`: all;</li> <li>`n`: none</li></ul>")


def test_a_box_begins_below_its_directive_without_a_blank_line():
    page = read("T\n=\n\n.. seealso::\n   * One thing\n     of two.\n   * Another.\n\n.. note::\n   Words.\n")
    box, note = parse(page.text)[1:]
    assert [i.content for i in box.children[0].children] == ["One thing of two.", "Another."]
    assert note.children[0].content == "Words."
    at = page.text.index("- Another")
    assert [label for offset, label in page.places if offset <= at][-1] == "L7"


def test_flat_tables_of_the_kernel():
    page = read(
        ".. flat-table:: Pins\n   :header-rows: 1\n\n   * - Pin\n     - Name\n     - Use\n\n"
        "   * - :rspan:`1` 3\n     - MOSI\n"
        "     - out\n\n   * - :cspan:`1` none\n"
    )
    assert parse(page.text)[1].rows == (("Pin", "Name", "Use"), ("3", "MOSI", "out"), ("3", "none", ""))


def test_tables_of_values_and_included_files(tmp_path):
    docs = tmp_path / "docs"
    (docs / "parts").mkdir(parents=True)
    (docs / "parts" / "sizes.csv").write_text('Size,Note\nsmall,"1, 2"\n')
    (docs / "parts" / "foot.rst").write_text("Foot.\n\n.. include:: deeper.rst\n")
    (docs / "parts" / "deeper.rst").write_text("Deeper.\n\n.. include:: foot.rst\n")
    (docs / "run.cfg").write_text("# top\na = 1\nb = 2\n")
    (docs / "notes.md").write_text("## In Markdown\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    (docs / ".secret").write_text("key")
    (tmp_path / "outside.txt").write_text("outside")
    text = (
        "Sizes\n=====\n\n.. csv-table::\n   :file: parts/sizes.csv\n   :header-rows: 1\n\n"
        '.. csv-table:: Seats\n   :header: "Plan", "Seats"\n   :delim: ;\n\n   small; 5\n\n'
        ".. literalinclude:: /run.cfg\n   :language: ini\n   :lines: 2-\n\n.. include:: parts/foot.rst\n\n"
        ".. include:: notes.md\n   :parser: myst\n\n.. include:: ../outside.txt\n\n.. include:: .secret\n\n"
        ".. literalinclude:: gone.cfg\n\nEnd.\n"
    )
    page = read(text, docs)
    found = parse(page.text)
    assert [b.rows for b in found if b.kind == "table"] == [
        (("Size", "Note"), ("small", "1, 2")),
        (("Plan", "Seats"), ("small", "5")),
        (("a", "b"), ("1", "2")),
    ]
    assert [(b.content, b.language) for b in found if b.kind == "code"] == [("a = 1\nb = 2\n\n".rstrip() + "\n", "ini")]
    words = [b.content for b in found if b.kind == "paragraph"]
    assert words == ["**Seats**", "Foot.", "Deeper.", "End."]
    assert {s.path: s.reason for s in page.skipped} == {
        "../outside.txt": "include out of the folder",
        ".secret": "include not read",
        "gone.cfg": "include not found",
        "foot.rst": "include not read",
    }
    (docs / "page.rst").write_text(text)
    names = set(IngestConfig(path=str(docs)).files())
    assert {"parts/sizes.csv", "parts/deeper.rst", "run.cfg", "notes.md"} <= names
    assert not any("outside" in name or "secret" in name for name in names)


def test_a_link_out_of_the_folder_is_not_included(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "key.txt").write_text("secret")
    (tmp_path / "docs" / "in.txt").symlink_to(tmp_path / "key.txt")
    page = read("T\n=\n\n.. include:: in.txt\n", tmp_path / "docs")
    assert "secret" not in page.text
    assert [s.reason for s in page.skipped] == ["include out of the folder"]


OBJECTS = """.. module:: pumps

.. class:: Pump(number, *, \\
                slow=False)
           Pump(name)

   Moves water.

   .. method:: start(delay=0)

      Starts.

      .. versionchanged:: 3.1 Takes *delay*.

.. c:type:: valve_t

   A valve.

.. class:: small

   Only smaller.

.. seealso:: The manual.

.. testsetup::

   import pumps

.. raw:: html

   <table><tr><th>k</th><th>v</th></tr><tr><td>1</td><td>2</td></tr></table>

.. raw:: latex

   \\tiny

.. productionlist::
   run: "go" `count`
      : | "stop"
   count: `~clock:digit`+

.. sectionauthor:: A. Uthor

>>> pump()  # doctest: +SKIP
1
"""


def test_objects_boxes_and_what_is_for_tools():
    page = read(OBJECTS)
    found = parse(page.text)
    kinds = [b.kind for b in found]
    assert kinds == ["definitions", "paragraph", "admonition", "table", "code", "code"]
    assert [d.cells[0] for d in found[0].children] == [
        "`Pump(number, *, slow=False)`, `Pump(name)`", "`type valve_t`"
    ]  # fmt: skip
    inner = found[0].children[0].children[1].children[0]
    assert inner.cells == ("`start(delay=0)`", "Starts.", "Changed in version 3.1: Takes *delay*.")
    assert found[1].content == "Only smaller."
    assert found[2].info == "seealso"
    assert [b.content for b in found[4:]] == [
        'run   ::=  "go" count\n           | "stop"\ncount ::=  digit+\n',
        ">>> pump()\n1\n",
    ]
    for gone in ("import pumps", "tiny", "Uthor", "module"):
        assert gone not in page.text


def test_places_are_lines_of_the_source():
    text = "\n\nTitle\n=====\n\nOne\ntwo.\n\n- item\n\n  more\n\nterm\n   Meaning.\n\n::\n\n  code\n\n.. note:: Box.\n"
    page = read(text)
    lines = text.split("\n")
    found = {page.text[o:].split("\n")[0].strip("-:# "): label for o, label in page.places[:-1]}
    for words, label in found.items():
        if words and not words.startswith(("```", "note")):
            assert words.split()[0] in lines[int(label[1:]) - 1], (words, label)
    assert page.places[0] == (0, "L3")
    assert page.places[-1] == (len(page.text), "L21")


@pytest.mark.parametrize("size", [9_999, 20_000, 300_000])
def test_long_lines_are_read(size):
    page = read(f"Title\n=====\n\n{'word ' * (size // 5)}\n\nEnd.\n")
    assert page.text.count("word") == size // 5
    assert page.text.endswith("End.\n")


def test_a_reference_shows_the_title_that_it_leads_to(tmp_path):
    docs = {
        "a/index.rst": "Guide *one*\n===========\n\nSee :ref:`deep` and :ref:`own words <deep>`, :ref:`Figures <fig>`,"
        " :ref:`fig`, :ref:`nowhere`.\n\nRead :doc:`more/deep`, :doc:`/more/deep` and :doc:`gone`.\n\n"
        "Also :ref:`here`, :ref:`genindex`.\n\n.. _here:\n\nNear ``code``\n----------\n\nWords.\n",
        "a/more/deep.rst": "=====\nDepth\n=====\n\n.. _deep:\n.. _deeper:\n\n.. index:: pump\n   single: valve\n\n"
        "How :mod:`pumps.deep` works\n~~~~~~~~~~~~~~~~~~~~~~~~~~~\n\n"
        ".. _fig:\n\n.. figure:: pump.png\n   :alt: none\n\n"
        "   A pump\n   in parts.\n\n.. _nowhere:\n\nNo title here.\n",
        "b/more/deep.rst": "Other\n=====\n\n.. _deep:\n\nOther version\n-------------\n\nWords.\n",
    }
    for name, text in docs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    config = IngestConfig(path=str(tmp_path))
    found, _ = config.walk()
    titles = rst_titles.look_around(found, None, config.max_bytes)
    document, _ = convert(found[0], None, config.max_bytes, titles=titles)
    words = [b.content for b in parse(document.text) if b.kind == "paragraph"]
    assert words == [
        "See How pumps.deep works and own words, Figures, A pump in parts., nowhere.",
        "Read Depth, Depth and gone.",
        "Also Near code, Index.",
        "Words.",
    ]
    assert titles.pages == {"a/index": "Guide one", "a/more/deep": "Depth", "b/more/deep": "Other"}


def test_topics_and_sidebars_are_boxes_and_what_follows_stands_in_its_section():
    page = read(
        "Kiln\n====\n\n.. topic:: Before *you* fire\n\n   Dry clay.\n\n.. sidebar:: Heat\n\n   Slow.\n\nThen fire.\n"
    )
    blocks = parse(page.text)
    assert [(b.kind, b.info) for b in blocks[1:3]] == [
        ("admonition", "note Before *you* fire"), ("admonition", "note Heat"),
    ]  # fmt: skip
    assert (blocks[3].content, blocks[3].heading_path) == ("Then fire.", ("Kiln",))


def test_what_stands_in_the_code_is_named_and_counted_and_marks_of_places_are_nothing():
    page = read(
        ".. autoclass:: kiln.Oven\n   :members:\n\n.. setting:: HEAT\n\nText.\n\n.. function:: fire()\n\n"
        ".. program:: kiln\n\n.. setting:: SPEED\n\n   How fast.\n"
    )
    blocks = parse(page.text)
    assert [b.rows or b.content for b in blocks] == [
        (("`kiln.Oven`",),), "Text.", (("`fire()`",), ("`SPEED`", "How fast.")),
    ]  # fmt: skip
    assert [(s.reason, s.detail) for s in page.skipped] == [("docstrings", "1 stand in the code: kiln.Oven")]


def test_grids_and_cards_are_their_titles_and_content():
    page = read(
        ".. grid:: 1 2 2 3\n   :gutter: 2\n\n   .. grid-item-card:: Clay\n      :link: clay\n\n      Wet.\n\n"
        "   .. card::\n\n      Glaze\n      ^^^\n      Shiny.\n      +++\n      More\n\n"
        ".. tab-set::\n\n   .. tab-item:: Gas\n\n      Open.\n\n"
        ".. button-ref:: clay\n   :color: primary\n\n.. ifconfig:: x\n\n   Yes.\n"
    )
    assert [b.content for b in parse(page.text)] == [
        "**Clay**", "Wet.", "Glaze", "Shiny.", "More", "**Gas**", "Open.", "Yes.",
    ]  # fmt: skip


def test_terms_of_a_glossary_share_what_is_said_of_them():
    page = read(
        ".. glossary::\n   :sorted:\n\n   bisque\n   biscuit : b\n      Fired once.\n\n      Still porous.\n\n"
        "   .. a comment\n\n   *slip*\n      Thin clay.\n"
    )
    (listed,) = parse(page.text)
    assert listed.rows == (("bisque, biscuit", "Fired once.", "Still porous."), ("*slip*", "Thin clay."))


def test_a_setting_says_its_type_and_default():
    (listed,) = parse(read(".. confval:: heat\n   :type: int\n   :default: ``9``\n\n   How hot.\n").text)
    assert listed.rows == (("`heat`", "Type: int", "Default: `9`", "How hot."),)


def test_a_panel_of_code_is_code_under_its_label():
    blocks = parse(read(".. tabs::\n\n   .. code-tab:: c Kiln in C\n\n      #include <kiln.h>\n      * x;\n").text)
    assert [(b.kind, b.info, b.content) for b in blocks] == [
        ("paragraph", "", "**Kiln in C**"), ("code", "c", "#include <kiln.h>\n* x;\n"),
    ]  # fmt: skip
