"""Odd pages are read in time that grows with their length: four times as long takes about four times the time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from processor import LINEAR, seconds_of

from understudy import outline
from understudy.ingest.convert import read
from understudy.ingest.walk import Found

MAN = ".TH K 1\n.SH NAME\nk \\- boils\n"
MDOC = ".Dd May 1, 2026\n.Dt K 1\n.Os\n.Sh NAME\n.Nm k\n.Nd boils\n.Sh DESCRIPTION\n"


def page(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    formats = {".md": "markdown", ".html": "html", ".rst": "rst", ".1": "man"}
    return read(Found(file, name, formats[file.suffix], folder)).text


ODD: dict[str, tuple[str, int, Callable[[int], str]]] = {
    "footnotes that nothing closes": ("a.md", 4_000, lambda n: "# T\n\n" + "[^" * n),
    "details in details": (
        "a.md", 200, lambda n: "# T\n\n" + "<details>\n<summary>s</summary>\n\n" * n + "a\n\n" + "</details>\n" * n,
    ),
    "menus side by side": ("a.html", 3_000, lambda n: f"<body><h1>T</h1><p>Text.</p>{'<nav>m</nav>' * n}</body>"),
    "coloured code": ("a.html", 3_000, lambda n: "<h1>T</h1><pre>" + "<span class=k>a</span> " * n + "</pre>"),
    "hidden words": ("a.html", 3_000, lambda n: "<body><h1>T</h1><p>" + "a<b aria-hidden=true>x</b>" * n + "</body>"),
    "lists in a heading": ("a.html", 3_000, lambda n: f"<body><h1>T</h1><h2>a{'<pre>x</pre>' * n}</h2></body>"),
    "names that nothing stands for": ("a.rst", 3_000, lambda n: "T\n=\n\n" + "|a|\n" * n),
    "lists in lists of mdoc": ("k.1", 500, lambda n: MDOC + ".Bl -tag\n.It a\n" * n + "b\n" + ".El\n" * n),
    "brackets in brackets of mdoc": ("k.1", 5_000, lambda n: f"{MDOC}.Op {'Op a ' * n}\n"),
    "an item of mdoc that nothing ends": ("k.1", 5_000, lambda n: MDOC + ".Bl -tag\n.It Xo\n" + ".Fl a\n" * n),
    "stretches in stretches of man": ("k.1", 500, lambda n: MAN + "a\n.RS\n" * n + "b\n" + ".RE\n" * n),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_four_times_the_page_takes_no_sixteen_times_the_time(tmp_path: Path, kind: str) -> None:
    name, size, build = ODD[kind]

    def took(n: int) -> float:
        text = build(n)
        return seconds_of(lambda: page(tmp_path, name, text))

    took(8)  # what is made at the first page
    assert took(4 * size) < LINEAR * took(size) + 0.1


def test_stretches_beyond_the_deepest_keep_their_words_and_end_where_they_end(tmp_path: Path) -> None:
    deep = "".join(f"Words of step {n}.\n.RS\n" for n in range(40))
    text = page(
        tmp_path, "k.1", f"{MAN}.SH STEPS\n{deep}Innermost.\n{'.RE' + chr(10)}" + ".RE\n" * 39 + "Behind all.\n"
    )
    assert [f"Words of step {n}." in text for n in range(40)] == [True] * 40
    assert "Innermost." in text
    assert text.rstrip().endswith("\nBehind all.")


def test_lists_beyond_the_deepest_keep_their_items(tmp_path: Path) -> None:
    deep = "".join(f".Bl -tag\n.It Ic a{n}\nMeaning {n}.\n" for n in range(40)) + ".El\n" * 40
    text = page(tmp_path, "k.1", f"{MDOC}{deep}.Pp\nBehind all.\n")
    assert all(f"`a{n}`" in text and f"Meaning {n}." in text for n in range(40))
    assert text.rstrip().endswith("\nBehind all.")


def test_details_beyond_the_deepest_keep_their_summaries_and_end_where_they_end(tmp_path: Path) -> None:
    opened = "".join(f"<details>\n<summary>Sum {n}</summary>\n\nWords {n}.\n\n" for n in range(40))
    text = page(
        tmp_path,
        "a.md",
        f"# T\n\n{opened}{'</details>' + chr(10) + chr(10)}Between.\n\n" + "</details>\n\n" * 39 + "Behind.\n",
    )
    lines = text.split("\n")
    assert [f"details[Sum {n}]" in text for n in range(20)] == [True] * 20
    assert [f"**Sum {n}**" in lines for n in range(20, 40)] == [True] * 20
    assert all(f"Words {n}." in lines for n in range(40))
    assert "details>" not in text
    (boxes,) = [b for b in outline.parse(text) if b.kind == "admonition"]
    assert "Between." in text[boxes.start : boxes.end]
    assert "Behind." not in text[boxes.start : boxes.end]


def test_brackets_of_mdoc_close_at_the_end_of_the_line_and_before_its_closing_marks(tmp_path: Path) -> None:
    text = page(tmp_path, "k.1", f"{MDOC}.Op Fl a Op Ar b ) .\n.Op Fl c , Ar d\n.Fl e Ap s\n")
    assert "[`-a` [`b`]]). [`-c`, `d`] `-e`'s" in text


def test_an_item_of_mdoc_ends_where_it_says(tmp_path: Path) -> None:
    text = page(tmp_path, "k.1", MDOC + ".Bl -tag\n.It Xo\n.Fl a\n.Ar b\n.Xc\nMeaning.\n.It Fl c\nOther.\n.El\n")
    assert "`-a` `b`\n: Meaning.\n" in text
    assert "`-c`\n: Other." in text


def test_a_page_of_nothing_but_menus_says_them_in_their_order(tmp_path: Path) -> None:
    menus = "".join(f"<nav>Menu {n} here</nav>" for n in range(5))
    text = page(tmp_path, "a.html", f"<body>{menus}<p>End</p><nav>Last one</nav></body>")
    places = [text.find(w) for w in (*(f"Menu {n} here" for n in range(5)), "End", "Last one")]
    assert -1 not in places
    assert places == sorted(places)


def test_the_seams_of_long_prose_are_not_seen(tmp_path: Path) -> None:
    """Inline text is read in stretches."""
    line = "The *first* |name| of ``code`` and `that <https://k.example/x>`_ one. "
    (once, many) = (page(tmp_path, "a.rst", f"T\n=\n\n{line * n}\n").split("\n\n")[1].strip() for n in (1, 300))
    assert once == "The *first* |name| of `code` and [that](https://k.example/x) one."
    assert many == " ".join([once] * 300)


def test_footnotes_are_numbered_and_brackets_are_no_footnote(tmp_path: Path) -> None:
    text = page(tmp_path, "a.md", "# T\n\nOne[^b] two[^a] and `[^[x]` or [^[a]].\n\n[^a]: First.\n[^b]: Second.\n")
    assert "One\\[1\\] two\\[2\\] and `[^[x]` or [^[a]]." in text
    assert "2) First." in text
    assert "1) Second." in text
