"""Man pages: what pod2man, asciidoctor and the BSDs write, tables, gzip, and the line of everything."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from understudy.ingest import man, tbl
from understudy.ingest.base import Page, SkipFile, Source
from understudy.ingest.roff_lines import Lines
from understudy.outline import parse


def read(text: str | bytes) -> Page:
    return man.read(Source(Path("page.1"), text.encode() if isinstance(text, str) else text))


POD = r"""'\" t
.de Vb
.ft CW
.nf
..
.ie \n(.g .ds Aq \(aq
.el       .ds Aq '
.de Item
.IP "\\$1" 2
..
.TH LATHE 1 "2025" "3.0"
.SH "USE"
It doesn\*(Aqt turn by itself \[u00E9]\['e]\N'233':
.PP
.Vb 2
\& lathe on \-\-speed=5
\& lathe say \*(Aqgo\*(Aq
.Ve
.if t .ig
.ie n .SS "A ""slow"" start"
.el .SS "A \f(CWslow\fR start"
.if n \{\
Shown here.
.\}
.if t \{\
Only on paper.
.\}
.Item "*"
One.
.Item "*"
Two; see
.UR https://lathe.example/\:a
the rules
.UE ,
or write
.MTO "a@lathe.example" "Ann" "."
"""


def test_pages_that_define_their_own_strings_and_macros():
    page = read(POD)
    found = parse(page.text)
    assert [b.kind for b in found] == ["heading", "paragraph", "code", "heading", "paragraph", "list"]
    assert found[1].content == "It doesn't turn by itself ééé:"
    assert found[2].content == " lathe on --speed=5\n lathe say 'go'\n"
    assert found[3].content == 'A "slow" start'
    assert found[4].content == "Shown here."
    assert [i.content for i in found[5].children] == [
        "One.", "Two; see the rules <https://lathe.example/a>, or write Ann <a@lathe.example>."
    ]  # fmt: skip
    assert page.title == "lathe(1)"


def test_code_goes_on_over_a_paragraph():
    found = parse(read(".TH A 1\n.SH X\n.nf\nint a;\n\nint b;\n.PP\nint c;\n.fi\nWords.\n").text)
    assert [(b.kind, b.content) for b in found[1:]] == [
        ("code", "int a;\n\nint b;\n"), ("code", "int c;\n"), ("paragraph", "Words.")
    ]  # fmt: skip


def test_tbl_cells_span_and_go_on_over_lines():
    rows = tbl.read(
        ["box, tab(:);", "lb s lb", "l l l", "^ l l.", "Size::Use", "_", "big:1:T{", "for", "many", "T}", ":2:few"],
        lambda cell: cell.replace("\n", " "),
    )
    assert rows == [["Size", "", "Use"], ["big", "1", "for many"], ["big", "2", "few"]]


MDOC = r""".Dd May 1, 2025
.Dt LATHE_ON 3
.Os
.Sh SYNOPSIS
.In lathe.h
.Ft int
.Fo lathe_on
.Fa "int speed"
.Fa "int flags"
.Fc
.Sh TABLES
.TS
lb lb
l l.
Call	Safe
lathe_on	yes
.TE
.Bl -column "abc" "def"
.It Sy Code Ta Sy Meaning
.It Er EIO	stuck
.It 7 Ta not \*[Gt] 8
.El
"""


def test_a_column_list_of_values_has_no_header_and_items_of_several_lines_are_cells():
    page = read(
        ".Dd June 1\n.Dt LATHE 3\n.Sh NAME\n.Nm lathe\n.Sh REQUESTS\n.Bl -column a b c\n.It Dv SET Ta Xo\n"
        '.Vt "int" Ta "sets it"\n.Xc\n.It Dv GET Ta Xo\n.Vt "int" Ta "tells it"\n.Xc\n.El\n'
    )
    (table,) = (b for b in parse(page.text) if b.kind == "table")
    assert table.rows == (("", "", ""), ("`SET`", "`int`", "sets it"), ("`GET`", "`int`", "tells it"))


def test_mdoc_tables_headers_and_functions():
    page = read(MDOC)
    found = parse(page.text)
    assert found[1].content == "#include <lathe.h>\n\nint\nlathe_on(int speed, int flags);\n"
    assert found[3].rows == (("Call", "Safe"), ("lathe_on", "yes"))
    assert found[4].rows == (("`Code`", "`Meaning`"), ("`EIO`", "stuck"), ("7", "not > 8"))
    where = {page.text[o:].split("\n")[0]: label for o, label in page.places[:-1]}
    assert where["## Tables"] == "L11"
    assert where["| Call | Safe |"] == "L12"
    assert where["| `Code` | `Meaning` |"] == "L18"


def test_places_are_lines_of_the_page():
    page = read(POD)
    lines = POD.split("\n")
    assert page.places[-1] == (len(page.text), f"L{POD.count(chr(10)) + 1}")
    for (offset, label), word in zip(page.places, ["USE", "turn", ".Vb 2"], strict=False):
        assert word in lines[int(label[1:]) - 1], (page.text[offset : offset + 20], label)


PAGE = b".TH A 1\n.SH NAME\na - first\n"
REST = b".SH MORE\nSecond half of the page.\n"


def test_gzip_with_several_members_and_damaged_ones():
    assert "Second half" in read(gzip.compress(PAGE) + gzip.compress(REST)).text
    whole = gzip.compress(PAGE + REST * 50)
    for data, why in (
        (whole[: len(whole) // 2], "cut off"),
        (whole[:-3], "cut off"),
        (whole + b"rest", "something else"),
        (b"\x1f\x8b" + b"x" * 40, "damaged"),
    ):
        with pytest.raises(SkipFile, match=why):
            read(data)
    with pytest.raises(SkipFile, match="once unpacked"):
        read(gzip.compress(b"\0" * 60_000_000))


def test_definitions_that_grow_are_bounded():
    grows = "\n".join(f".ds s{n} \\*[s{n - 1}]\\*[s{n - 1}]" for n in range(1, 40))
    calls = ".de a\n.a\n.a\n..\n.a\n"
    made = list(Lines(frozenset()).read(f".ds s0 {'x' * 100}\n{grows}\n\\*[s39]\n{calls}"))
    assert sum(len(line) for _, line in made) < 2_000_000
    assert len(made) < 300_000
    assert "\\[u110000]" not in read(".TH A 1\n.SH B\nx \\[u110000] y\n").text


def test_mdoc_references_set_phrases_displays_and_items_over_several_lines():
    text = r""".Dd May 1, 2025
.Dt PUMP 3
.Os
.Sh NAME
.Nm pump
.Nd moves water
.Sh LIBRARY
.Lb libm
.Lb libpump
.Sh FUNCTIONS
.Bl -tag -width x
.It Xo
.Ft int
.Fo pump_call
.Fa "int litres"
.Fa "char *name"
.Fc
.Tg hidden
.Xc
.D1 Pq alias: pc
Calls.
.El
.Sh RETURN VALUES
.Rv -std pump_call
.Ex -std
.Sh SEE ALSO
.Rs
.%T Pumps of the World
.%A Ada Well
.%A Bo Sea
.%J Water
.%D May 2001
.Re
"""
    page = read(text)
    assert "Math Library (libm, -lm) library “libpump”" in page.text
    assert "`int` `pump_call(int litres, char *name)`\n: (alias: pc)\n\n  Calls." in page.text
    assert "The `pump_call()` function returns the value 0 if successful;" in page.text
    assert "The `pump` utility exits 0 on success," in page.text
    assert "Ada Well and Bo Sea, *Pumps of the World*, *Water*, May 2001." in page.text
    assert "hidden" not in page.text


def test_marks_of_markdown_are_themselves_in_code_of_mdoc():
    text = r""".Dd May 1, 2025
.Dt PUMP 5
.Os
.Sh EXAMPLES
.Dl Pump *.north.example
.Dl allow=\&"!*.east.example,*\&" # `id` _x_ <in &amp; [a](b)
.Dl split \een\e*x Ar *.log Em why Pf * Ar y
.Bd -literal
.Ic open *.valve
.Em twice
*.tank
.Ed
"""
    code = [b.content for b in parse(read(text).text) if b.kind == "code"]
    assert code == [
        "Pump *.north.example\n",
        'allow="!*.east.example,*" # `id` _x_ <in &amp; [a](b)\n',
        "split \\en\\*x *.log why *y\n",
        "open *.valve\ntwice\n*.tank\n",
    ]


def test_a_letter_that_names_an_entry_of_mdoc_is_a_term_and_quotes_close_where_they_say():
    head = ".Dd May 1, 2025\n.Dt PUMP 1\n.Os\n.Sh KEYS\n"
    keys = ".Bl -tag -width x\n.It o\nOpens.\n.It *\nAll.\n.It -\nSlower.\n.It \\(bu\nA bullet.\n.El\n"
    assert read(head + keys).text.split("## Keys\n\n")[1].rstrip() == (
        "o\n: Opens.\n\n\\*\n: All.\n\n\\-\n: Slower.\n\n- A bullet."
    )
    quoted = ".Pq vi: So \\&: Sc ; or Qo w x Qc , Bo y Bc , Ao z Ac\n"
    assert read(head + quoted).text.endswith('(vi: ‘:’; or "w x", [y], \\<z>)\n')
    assert read(head + ".Aq port\n").text.endswith("\\<port>\n")
    bullets = ".TH PUMP 1\n.SH KEYS\n.IP o\nOpens.\n.IP *\nAll.\n"
    assert read(bullets).text.endswith("- Opens.\n\n- All.\n")


def test_declarations_of_a_synopsis_are_lines_of_code():
    page = read(
        ".Dd May 1, 2024\n.Dt KILN 3\n.Os\n.Sh NAME\n.Nm kiln\n.Nd fire\n.Sh SYNOPSIS\n.In stdio.h\n.In kiln.h\n"
        'See below.\n.Ft int\n.Fn kiln_fire "const char *clay" "int heat"\n.Ft "struct kiln *"\n.Fo kiln_new\n'
        '.Fa "int size"\n.Fc\n.Sh DESCRIPTION\nThe\n.Fn kiln_fire\nfunction fires.\n.Sh EXAMPLES\n.In kiln.h\n'
    )
    blocks = [b for b in parse(page.text) if b.kind != "heading"]
    assert [(b.kind, b.content) for b in blocks[1:]] == [
        ("code", "#include <stdio.h>\n#include <kiln.h>\n"), ("paragraph", "See below."),
        ("code", "int\nkiln_fire(const char *clay, int heat);\n\nstruct kiln *\nkiln_new(int size);\n"),
        ("paragraph", "The `kiln_fire()` function fires."), ("paragraph", "`#include <kiln.h>`"),
    ]  # fmt: skip


def test_a_command_that_is_called_in_several_ways():
    page = read(".Dd May 1, 2024\n.Dt KILN 1\n.Sh NAME\n.Nm kiln\n.Nd fire\n.Sh SYNOPSIS\n.Nm\n.Fl h\n.Nm\n.Ar clay\n")
    assert [b.content for b in parse(page.text)[-2:]] == ["`kiln` `-h`", "`kiln` `clay`"]


def test_boxes_that_a_page_draws_are_nothing_and_its_name_keeps_its_case():
    draws = (
        ".de BE\n.nf\n.ie n \\l'20n\\(ul'\n.el \\{\\\n.ie !1 \\{\\\n\\h'1n'\\L'2v'\n.\\}\n"
        ".el \\}\\\n\\h'1n'\n.\\}\n.\\}\n.fi\n..\n"
    )
    page = read(f".TH Kiln_Fire 3 8.6\n{draws}.SH NAME\nKiln_Fire \\- fire\n.BE\n.SH DESCRIPTION\nIt fires.\n")
    assert page.title == "Kiln_Fire(3)"
    assert [b.kind for b in parse(page.text)] == ["heading", "paragraph", "heading", "paragraph"]
    assert read(".TH KILN 1\n.SH NAME\nkiln \\- fire\n").title == "kiln(1)"
