"""AsciiDoc, DocBook, MediaWiki, OpenAPI and EPUB: a small file of each, read whole, with the line of every block."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import pytest
import yaml

from understudy.ingest import asciidoc, epub, mediawiki, office, openapi, xml
from understudy.ingest.base import Page, SkipFile, Source
from understudy.ingest.includes import named
from understudy.outline import Block, parse, walk

FILES = Path(__file__).parent / "files"


def source(data: str | bytes, name: str = "page") -> Source:
    return Source(Path(name), data.encode() if isinstance(data, str) else data)


def file(name: str) -> Source:
    return Source(FILES / name, (FILES / name).read_bytes(), None, FILES)


def kinds(page: Page) -> list[str]:
    return [b.kind for b in parse(page.text)]


def of(page: Page, kind: str) -> list[Block]:
    return [b for b in walk(parse(page.text)) if b.kind == kind]


def check_lines(page: Page, text: str) -> None:
    """The first word of every block stands on the lines that its place names."""
    lines = text.split("\n")
    for (offset, label), (end, following) in zip(page.places, page.places[1:], strict=False):
        words = [w.strip("`*:[]#|.") for w in page.text[offset:end].split()[:14]]
        words = [w for w in words if len(w) > 3 and w.isalpha()]
        said = "\n".join(lines[int(label[1:]) - 1 : max(int(label[1:]), int(following[1:]) - 1)])
        assert not words or any(w.lower() in said.lower() for w in words), (label, words, said)


def test_asciidoc():
    page = asciidoc.read(file("kettle.adoc"))
    assert page.title == "Kettle manual"
    assert kinds(page) == [
        "heading", "paragraph", "heading", "paragraph", "table", "admonition", "admonition", "code", "list", "list",
        "paragraph", "heading", "paragraph", "quote", "table",
    ]  # fmt: skip
    assert of(page, "paragraph")[0].content.startswith("Kettle listens on port 7411. (Set it in `kettle.conf`.)")
    tables = of(page, "table")
    assert tables[0].rows == (
        ("Kind", "Litres", "Note"), ("small", "1", "for `one`"), ("large", "2", "for two"), ("large", "3", "for three"),
        ("none", "", "nothing"),
    )  # fmt: skip
    assert tables[1].rows == (("a", "b"), ("1", "2, 3"))
    assert [b.info for b in of(page, "admonition")] == ["note", "warning"]
    assert [(b.content, b.language) for b in of(page, "code")][:2] == [
        ("kettle start --port {port}\n", "sh"), ("fill 1\n", "text")
    ]  # fmt: skip
    steps = parse(page.text)[9]
    assert [i.content for i in steps.children] == ["Fill it.", "Boil it.", "Serve."]
    assert [b.cells for b in of(page, "definition")] == [
        ("port", "The port to listen on."),
        ("speed", "How fast it is, in steps.", "Second paragraph."),
    ]
    assert "Only on the web" not in page.text
    assert "Always here." in page.text
    assert [(b.content, b.level) for b in of(page, "heading")][-1] == ("Part", 2)
    found = {page.text[o : o + 12]: label for o, label in page.places}
    assert found["## Limits & "] == "L13"
    assert found["## Part\n\nFro"] == "L68"  # what an include brings stands where the include does


def component(folder: Path) -> Path:
    """A component of Antora with two pages; the first is returned."""
    pages = folder / "docs" / "modules" / "ROOT" / "pages"
    for name in ("pages", "partials", "examples"):
        (pages.parent / name).mkdir(parents=True)
    (folder / "docs" / "antora.yml").write_text(
        "name: tea\nversion: '2'\nasciidoc: {attributes: {pot: teapot, soft: 'mild@', off: false}}\n"
    )
    (pages / "second.adoc").write_text("= The {kind} brew\n:kind: second\n\n[#hot]\n== How hot it gets\n\nText.\n")
    (pages.parent / "partials" / "lid.adoc").write_text("Keep the lid on.\n")
    (pages.parent / "examples" / "tea.rb").write_text("# tag::cup[]\npour :cup\n# end::cup[]\npour :jug\n")
    first = pages / "first.adoc"
    first.write_text(
        "= First\n\nA {soft} {pot}, version {page-component-version}.\n\ninclude::partial$lid.adoc[]\n\n"
        "include::ROOT:partial$lid.adoc[]\n\n----\ninclude::example$tea.rb[tag=cup]\n----\n\n"
        "xref:second.adoc[] / xref:ROOT:second.adoc#hot[] / xref:tea:ROOT:second.adoc#how-hot-it-gets[] / "
        "xref:milk:ROOT:oat-milk.adoc[] / "
        "xref:milk:soy:index.adoc[] / xref:gone.adoc#the_end[].\n\ninclude::partial$../../../../../x.adoc[]\n"
    )
    return first


def test_antora_finds_partials_examples_attributes_and_the_titles_of_pages(tmp_path):
    first = component(tmp_path)
    (tmp_path.parent / "x.adoc").write_text("Outside.")
    page = asciidoc.read(Source(first, first.read_bytes(), None, tmp_path))
    said = [b.content for b in of(page, "paragraph")]
    assert said[:3] == ["A mild teapot, version 2.", "Keep the lid on.", "Keep the lid on."]
    assert of(page, "code")[0].content == "pour :cup\n"
    assert said[3] == "The second brew / How hot it gets / How hot it gets / oat milk / soy / the end."
    assert "Outside" not in page.text
    assert [s.reason for s in page.skipped] == ["include out of the folder"]
    assert {n.rpartition("/")[2] for n in named(tmp_path, first)} == {"lid.adoc", "tea.rb"}


def test_a_reference_within_a_page_shows_the_title_that_it_leads_to():
    page = asciidoc.read(
        source(
            "= Page\n\nSee <<filling>>, <<_boiling_it>>, <<sizes>>, <<odd,this>>, <<named>>, <<gone>>.\n\n"
            "[[filling]]\n== Filling `it`\n\n== Boiling it\n\n[#sizes]\n.All sizes\n|===\n|a\n|===\n\n"
            "[[named,the words]]\nText. [[odd]]\n"
        )
    )
    assert of(page, "paragraph")[0].content == "See Filling `it`, Boiling it, All sizes, this, the words, gone."
    circle = "".join(f"[[a{n}]]\n== {f'<<a{n}>> ' * 40}\n\n" for n in range(60))
    began = time.process_time()
    assert len(asciidoc.read(source(f"= Page\n\n{circle}")).text) < 4_000_000
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Open [.path]_tea.html_ and [.x]`y` and [.term]*pot*.", "Open *tea.html* and `y` and **pot**."),
        ("A \"`good cup`\", a '`small`' one, Tom`'s.", "A “good cup”, a ‘small’ one, Tom’s."),
        ("H~2~O at 10^6^ and 2^nd^, x[1]*a*.", "H₂O at 10⁶ and 2ⁿᵈ, x[1]**a**.".replace("ⁿᵈ", "nd")),
        ("One. +\nTwo.", "One.\\\nTwo."),
        ("term:: One. +\nTwo.", "term\n: One.\\\n  Two."),
        ("[,ruby]\n----\npour\n----", "```ruby\npour\n```"),
        ("[,asciidoc]\n----\n\\ifdef::a[]\n\\include::b[]\n----", "```asciidoc\nifdef::a[]\ninclude::b[]\n```"),
        ("[TIP]\n.Warm it\n====\nFirst.\n====", ":::tip[Warm it]\n\nFirst.\n\n:::"),
        (".Hot\nWARNING: Mind it.", ":::warning[Hot]\n\nMind it.\n\n:::"),
        ("* one\n+\n.Hot\nNOTE: Mind it.", "- one\n\n  :::note[Hot]\n\n  Mind it.\n\n  :::"),
        ("[quote,Ann,Notes]\n____\nTea.\n____", "> Tea.\n>\n> — Ann, Notes"),
        ("[quote,Ann]\nTea.", "> Tea.\n>\n> — Ann"),
        ("[verse]\n____\nOne\ntwo\n\nthree\n____", "> One\\\n> two\n>\n> three"),
        ("* [x] done\n* [*] too\n* [ ] open", "- [x] done\n- [x] too\n- [ ] open"),
        ("----\na: 1 # <1>\n----\n<1> The one.", "```\na: 1\n```\n\n1) The one."),
    ],
)
def test_marks_of_asciidoc(written, shown):
    assert asciidoc.read(source(f"{written}\n")).text == f"{shown}\n"


def test_cells_of_asciidoc_that_hold_blocks():
    text = (
        '[cols="1m,2a"]\n|===\n|Name |Text\n\n|pot\n|NOTE: Hot.\n\n* one\n* two\n\n|lid\n|\n----\na\n  b\n----\n\n'
        "|cup\n|First. +\nSecond.\n|===\n"
    )
    assert of(asciidoc.read(source(text)), "table")[0].rows == (
        ("Name", "Text"),
        ("`pot`", "**Note:** Hot. <ul><li>one;</li> <li>two</li></ul>"),
        ("`lid`", "`a`<br>`  b`"),
        ("`cup`", "First. Second."),
    )


def test_docbook():
    text = (FILES / "kettle.docbook").read_text()
    page = xml.read(file("kettle.docbook"))
    assert page.title == "The Kettle book"
    assert [(b.level, b.content) for b in of(page, "heading")] == [
        (1, "The Kettle book"), (2, "Limits of Kettle — all"), (3, "Deeper")
    ]  # fmt: skip
    assert of(page, "table")[0].rows == (("Kind", "Litres", "Note"), ("large", "2", "two"), ("large", "both", ""))
    assert of(page, "admonition")[0].info == "note"
    assert of(page, "definition")[0].cells[0] == "`--port`"
    assert (of(page, "code")[0].content, of(page, "code")[0].language) == ("kettle --port 1 <x\n  go\n", "sh")
    assert [b.info for b in of(page, "list")] == ["-", "1."]
    assert "passwd" not in page.text
    assert "[the site](https://k.example). (Or more.)" in page.text
    check_lines(page, text)


def test_a_manual_page_in_docbook_is_called_by_its_name_and_section():
    meta = "<refentrytitle>{}</refentrytitle><manvolnum>{}</manvolnum><refmiscinfo>Kettle 3</refmiscinfo>"
    meta = f"<refmeta>{meta}</refmeta>"
    named = "<refnamediv><refname>kettle</refname><refpurpose>boils</refpurpose></refnamediv>"
    page = xml.read(source(f"<refentry>{meta.format('kettle.conf', 5)}{named}<para>Text.</para></refentry>"))
    assert page.title == "kettle.conf(5)"
    assert page.text.startswith("# kettle.conf(5)\n")
    assert xml.read(source(f"<refentry>{meta.format('BOIL WATER', 7)}<para>T.</para></refentry>")).title == "BOIL WATER"
    assert xml.read(source(f"<refentry>{named}<para>Text.</para></refentry>")).title == "kettle"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (
            "<methodsynopsis><modifier>public</modifier><type>array</type><methodname>pour</methodname><methodparam>"
            "<type class='union'><type>cup</type><type>null</type></type><parameter>to</parameter></methodparam>"
            "<methodparam choice='opt'><type>int</type><parameter>ml</parameter><initializer>5</initializer>"
            "</methodparam><methodparam rep='repeat'><type>int</type><parameter>more</parameter></methodparam>"
            "</methodsynopsis>",
            "public array pour(cup|null to, int ml = 5, int ...more)",
        ),
        ("<methodsynopsis><type>int</type><methodname>fill</methodname><void/></methodsynopsis>", "int fill()"),
        (
            "<funcsynopsis><funcsynopsisinfo>#include &lt;tea.h&gt;</funcsynopsisinfo><funcprototype><funcdef>int "
            "<function>boil</function></funcdef><paramdef>const char *<parameter>pot</parameter></paramdef>"
            "<paramdef>int (*<parameter>f</parameter>)<funcparams>int</funcparams></paramdef><varargs/>"
            "</funcprototype></funcsynopsis>",
            "#include <tea.h>\nint boil(const char *pot, int (*f)(int), ...);",
        ),
        (
            "<cmdsynopsis>\n<command>tea</command>\n<arg>-v</arg><arg>-o <replaceable>pot</replaceable></arg>"
            "<arg choice='req' rep='repeat'>cup</arg><group choice='req'><arg choice='plain'>--hot</arg>"
            "<arg choice='plain'>--cold</arg></group><sbr/><command>tea</command><arg choice='plain'>help</arg>"
            "</cmdsynopsis>",
            "tea [-v] [-o pot] {cup...} {--hot | --cold}\ntea help",
        ),
        (
            "<classsynopsis><ooclass><classname>Pot</classname></ooclass><ooclass><modifier>extends</modifier> "
            "<classname>Vessel</classname></ooclass><fieldsynopsis><modifier>const</modifier> <type>int</type> "
            "<varname>size</varname><initializer>3</initializer></fieldsynopsis></classsynopsis>",
            "class Pot extends Vessel {\n    const int size = 3;\n}",
        ),
    ],
)
def test_synopses_of_docbook_are_lines_of_code(written, shown):
    page = xml.read(source(f"<article><title>Tea</title>{written}<para>Text.</para></article>"))
    assert of(page, "code")[0].content == f"{shown}\n"


def test_a_reference_in_docbook_shows_the_title_that_it_leads_to():
    page = xml.read(
        source(
            "<article><para>See <xref linkend='a'/>, <xref linkend='b'/>, <link linkend='a'>it</link>, "
            "<xref linkend='gone'/>. H<subscript>2</subscript>O</para><section xml:id='a'>"
            "<title>Filling <code>it</code></title>"
            "<variablelist><varlistentry id='b'><term>lid</term><listitem><para>On.</para></listitem>"
            "</varlistentry></variablelist></section></article>"
        )
    )
    assert of(page, "paragraph")[0].content == "See Filling it, lid, it, gone. H₂O"


def test_a_reference_into_a_file_beside_shows_its_title(tmp_path):
    (tmp_path / "b.xml").write_text(
        "<chapter xml:id='second' role='x'><info><title>The <code>lid</code> &amp; all</title></info></chapter>"
    )
    path = tmp_path / "a.xml"
    path.write_text("<chapter><title>One</title><para>See <xref linkend='second'/>.</para></chapter>")
    page = xml.read(Source(path, path.read_bytes(), None, tmp_path))
    assert of(page, "paragraph")[0].content == "See The lid & all."


def test_entities_that_files_inside_the_folder_declare(tmp_path):
    book = tmp_path / "book"
    (book / "en").mkdir(parents=True)
    (tmp_path / "outside.ent").write_text('<!ENTITY secret "Out">')
    (book / "names.ent").write_text(
        "<!ENTITY pot '<emphasis>Pot &amp; lid</emphasis>'>\n<!ENTITY both \"&pot; of &app;\">"
    )
    (book / "en" / "tea.dtd").write_text(
        '<!ENTITY app "Teatime">\n<!ENTITY % more SYSTEM "more.mod">\n%more;\n<!ENTITY % no SYSTEM "../../outside.ent">'
    )
    (book / "en" / "more.mod").write_text('<!ENTITY site "https://tea.example/">')
    path = book / "en" / "a.docbook"
    path.write_text(
        '<!DOCTYPE article SYSTEM "tea.dtd" [<!ENTITY own "&app; 2"> <!ENTITY part SYSTEM "part.xml">]>\n'
        "<article><title>&own;</title><para>&both; at <ulink url='&site;'>home</ulink>; "
        "&secret;, &gone;, &gone;.</para>&part;<para><ulink url='&site;&own;'>odd</ulink></para></article>"
    )
    page = xml.read(Source(path, path.read_bytes(), None, book))
    assert page.title == "Teatime 2"
    assert "*Pot & lid* of Teatime at [home](https://tea.example/); secret, gone, gone." in page.text
    assert [(s.reason, s.detail) for s in page.skipped] == [
        ("entities", "not declared in the folder: 2 × &gone;, 1 × &secret;")
    ]
    assert set(named(book, path)) == {"names.ent", "en/tea.dtd", "en/more.mod"}
    path.write_text("<article><para>A <ulink url='&pot;'>&pot;</ulink>.</para></article>")
    assert "A Pot & lid." in xml.read(Source(path, path.read_bytes(), None, book)).text


def test_mediawiki():
    page = xml.read(file("wiki.xml"))
    assert page.title == "Kettle wiki"
    assert [(b.level, b.content) for b in of(page, "heading")] == [(1, "Limits"), (3, "Sizes")]
    assert of(page, "table")[0].rows == (("Kind", "Litres"), ("large", "2"), ("large", "3"))
    assert [[i.content for i in b.children] for b in of(page, "list")][:1] == [["one", "two"]]
    assert of(page, "definition")[0].cells[0] == "port"
    assert [(b.content, b.language) for b in of(page, "code")] == [("kettle <x\n  go\n", "sh"), ("plain code\n", "")]
    for gone in ("Box", "Category", "talk", "REDIRECT", "[["):
        assert gone not in page.text
    assert [s.reason for s in page.skipped] == ["templates"]
    check_lines(page, (FILES / "wiki.xml").read_text())
    single = mediawiki.read(source("== A ==\ntext '''b'''\n"))
    assert kinds(single) == ["heading", "paragraph"]
    odd = mediawiki.read(source("=A=\n== B ===\n======= C =======\n= = =\n==\n= no end\n"))
    assert [(b.level, b.content) for b in of(odd, "heading")] == [(1, "A"), (2, "B"), (6, "=C"), (1, "=")]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[[File:Pot.png|thumb|200px|alt=x|A pot on [[Stove|the stove]].]]\nText.", "A pot on the stove.\n\nText."),
        ("Press [[File:Ok.png|20px|OK]] now.", "Press OK now."),
        ("Text [[File:Pot.png|thumb|a pot]] goes on.", "Text (a pot) goes on."),
        ("[[File:Pot.png|thumb]]\nText.", "Text."),
        ("[[File:open|thumb\n\n[[File:Pot.png|A pot]]", "\\[\\[File:open|thumb\n\nA pot".replace("\\", "")),
        (
            '<gallery caption="Pots">\nFile:A.png|One of [[Clay|clay]]\nB.png|alt=x|Two\nC.png\n</gallery>\nText.',
            "**Pots**\n\n- One of clay\n- Two\n\nText.",
        ),
        ("H<sub>2</sub>O, 10<sup>6</sup>, 2<sup>nd</sup>, <b>w</b>ord<br>next", "H₂O, 10⁶, 2nd, word next"),
        ("Press <kbd>y</kbd>.", "Press `y`."),
        ("A fact.<ref>Said so.</ref>\n\n<references />\n\nText.", "A fact. (Said so.)\n\nText."),
        (
            "{|\n! Name !! Text\n|-\n| pot\n|\n* one\n* two\n\nend\n|-\n| lid || a\nb\n|}",
            "| Name | Text |\n|---|---|\n| pot | <ul><li>one;</li> <li>two</li></ul> end |\n| lid | a b |",
        ),
        (
            "{|\n! Name !! Text\n|-\n| pot\n|\n{|\n| a || b\n|}\n|-\n| lid || c\n|}\nText.",
            "| Name | Text |\n|---|---|\n| pot | a, b |\n| lid | c |\n\nText.",
        ),
    ],
)
def test_marks_of_mediawiki(written, shown):
    assert mediawiki.read(source(f"{written}\n")).text == f"{shown}\n"


@pytest.mark.parametrize("part", ["[[File:a|", "<sup>", "<kbd>a", "{|\n|\n", "|a\n* b\n", "[[File:a|b]] "])
def test_odd_wikitext_is_read_in_time(part):
    began = time.process_time()
    mediawiki.read(source("{|\n|-\n" + part * 20_000))
    mediawiki.read(source(part * 20_000))
    assert time.process_time() - began < 10


def test_a_line_of_blanks_between_marks_of_a_heading_is_read_at_once():
    began = time.process_time()
    mediawiki.read(source("== " + "= " * 20_000 + "x\n" + "=" + " " * 60_000 + "y\n"))
    assert time.process_time() - began < 2


def test_openapi_in_yaml_and_json():
    page = openapi.read(file("kettle.yaml"))
    assert page.title == "Kettle API"
    assert [b.content for b in of(page, "heading")] == [
        "Kettle API", "GET /kettles/{id}", "PUT /kettles/{id}", "Kettle", "Thing"
    ]  # fmt: skip
    rows = of(page, "table")[1].rows
    assert rows[1] == ("`id`", "path", "integer", "yes", "Which one. At least: `1`")
    assert rows[2] == ("`unit`", "query", "string", "no", "One of `c`, `f`. Default: `c`")
    assert of(page, "table")[2].rows[1:] == (
        ("200", "The kettle.", "`application/json`", "Kettle"), ("404", "There is none.", "", "")
    )  # fmt: skip
    schema = of(page, "table")[-2].rows
    assert [r[0] for r in schema[1:]] == ["`id`", "`litres`", "`parts`"]
    assert schema[2] == ("`litres`", "number", "yes", "How much. At most: `3`")
    check_lines(page, (FILES / "kettle.yaml").read_text())
    again = json.dumps(yaml.safe_load((FILES / "kettle.yaml").read_text()), indent=2)
    assert openapi.read(source(again)).text == page.text


def test_swagger_2_and_references_in_a_circle():
    api = {
        "swagger": "2.0",
        "info": {"title": "Old"},
        "host": "k.example",
        "basePath": "/v1",
        "paths": {
            "/a": {"post": {"parameters": [{"in": "body", "name": "b", "schema": {"$ref": "#/definitions/A"}}]}},
            "/b": {"$ref": "#/paths/~1b"},
        },
        "definitions": {"A": {"allOf": [{"$ref": "#/definitions/A"}], "properties": {"x": {"type": "string"}}}},
    }
    page = openapi.read(source(json.dumps(api)))
    assert "Type: A" in page.text
    assert "`k.example/v1`" in page.text
    assert of(page, "table")[-1].rows[1][:2] == ("`x`", "string")


API = """openapi: 3.0.3
info: {title: Tea API}
tags: [{name: Pots, description: A pot holds tea.}]
paths:
  /pots:
    get:
      parameters:
        - {name: filter, in: query, schema: {type: object, properties: {age: {type: integer, minimum: 1}}}}
        - {name: leaf, in: query, schema: {anyOf: [{type: string}, {type: string, enum: [oolong, sencha]}]}}
        - {name: sort, in: query, schema: {type: array, items: {type: string, enum: [age, size]}}}
      responses:
        "200":
          description: All pots.
          headers: {X-Left: {description: Cups left., schema: {type: integer}}}
          content:
            application/json:
              schema: {type: array, items: {type: object, properties: {id: {type: string, description: Its name.}}}}
    post:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                size: {type: object, required: [width], properties: {width: {type: integer, maximum: 9}}}
                lids: {type: array, items: {type: object, properties: {colour: {$ref: "#/components/schemas/Colour"}}}}
            examples: {wide: {summary: A wide pot, value: {size: {width: 5}}}}
  /cups: {get: {$ref: "more/cups.yml"}}
  /jugs: {$ref: "gone.yml"}
components:
  schemas:
    Colour: {type: string, enum: [red, blue]}
    Vessel:
      oneOf:
        - {title: A mug, type: object, properties: {handle: {type: boolean}}}
        - {title: A bowl, type: object, properties: {depth: {$ref: "more/sizes.yml#/Depth"}}}
"""


def test_objects_within_objects_of_an_interface_are_told_where_they_stand():
    page = openapi.read(source(API))
    rows = {row[0]: row for table in of(page, "table") for row in table.rows}
    assert rows["`filter.age`"] == ("`filter.age`", "query", "integer", "no", "At least: `1`")
    assert rows["`size.width`"] == ("`size.width`", "integer", "yes", "At most: `9`")
    assert rows["`lids[].colour`"] == ("`lids[].colour`", "Colour", "no", "One of `red`, `blue`")
    assert rows["`[].id`"] == ("`[].id`", "string", "no", "Its name")
    assert rows["`leaf`"][2:] == ("string", "no", "Known values: `oolong`, `sencha`")
    assert rows["`sort`"][4] == "Each one of `age`, `size`"
    assert "Type: string. One of `red`, `blue`" in page.text
    assert "**A mug**" in page.text
    assert "`handle`" in rows


def test_headers_tags_and_summaries_of_examples_are_kept():
    page = openapi.read(source(API))
    assert ("200", "`X-Left`", "integer", "Cups left") in [row for table in of(page, "table") for row in table.rows]
    assert of(page, "definition")[0].cells == ("Pots", "A pot holds tea.")
    assert "**Example: A wide pot**" in page.text


def test_an_interface_is_read_from_all_its_files(tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "api.yaml").write_text(API)
    (tmp_path / "more" / "cups.yml").write_text(
        'summary: Lists the cups\nresponses: {"200": {description: Cups, content: {"text/plain": '
        '{schema: {$ref: "sizes.yml#/Depth"}}}}}\n'
    )
    (tmp_path / "more" / "sizes.yml").write_text(
        'Depth: {type: object, properties: {deep: {type: number}, inner: {$ref: "#/Depth"}}}'
    )
    path = tmp_path / "api.yaml"
    page = openapi.read(Source(path, path.read_bytes(), None, tmp_path))
    assert "Lists the cups" in page.text
    assert [b.content for b in of(page, "heading")][-1] == "Depth"
    assert of(page, "table")[-1].rows[1:] == (("`deep`", "number", "no", ""), ("`inner`", "Depth", "no", ""))
    assert [(s.reason, s.detail) for s in page.skipped] == [("references", "not read: gone.yml (not found)")]
    assert set(named(tmp_path, path)) == {"more/cups.yml", "more/sizes.yml"}
    outside = tmp_path / "more" / "api.yaml"
    outside.write_text(API.replace("gone.yml", "../api.yaml"))
    page = openapi.read(Source(outside, outside.read_bytes(), None, tmp_path / "more"))
    assert "api.yaml (include out of the folder)" in page.skipped[0].detail


def test_schemas_that_hold_each_other_are_told_within_bounds():
    parts = [{"$ref": "#/paths/a"}] * 30
    inner = {"type": "object", "allOf": parts, "properties": {str(n): {"anyOf": parts} for n in range(30)}}
    api = {"openapi": "3.1.0", "paths": {"a": inner}, "components": {"schemas": {"A": {"$ref": "#/paths/a"}}}}
    began = time.process_time()
    assert len(openapi.read(source(json.dumps(api))).text) < 200_000
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("module", "text", "reason"),
    [
        (openapi, '{"name": "package"}', "unknown format"),
        (openapi, "openapi: [\n", "cannot be parsed"),
        (openapi, "a: 1\nb:\n  openapi: 3\n", "unknown format"),
        (openapi, "a: 1\n" + "\n" * 20_000 + " " * 20_000 + "b", "unknown format"),  # in linear time
        (openapi, '{"openapi": ' + "[" * 100_000, "cannot be parsed"),
        (xml, "<project><a/></project>", "unknown format"),
        (xml, "<book><title>x</title>", "cannot be parsed"),
        (xml, "<book>" + "<section>" * 5000, "cannot be parsed"),
        (xml, "plain", "unknown format"),
        (epub, "PK no archive", "cannot be parsed"),
    ],
)
def test_what_is_something_else_or_broken(module, text, reason):
    with pytest.raises(SkipFile) as caught:
        module.read(source(text))
    assert caught.value.reason == reason


def test_entities_do_not_grow():
    names = [
        f'<!ENTITY e{n} "{"&e" + str(n - 1) + ";" if n else "x"}{"&e" + str(n - 1) + ";" if n else ""}">'
        for n in range(40)
    ]
    page = xml.read(source(f"<!DOCTYPE book [{''.join(names)}]><book><title>T</title><para>a &e39; b</para></book>"))
    assert len(page.text) < 200
    long = '<!ENTITY l "' + "y" * 250 + '">'
    many = f"<!DOCTYPE book [{long}]><book><para>{'&l;' * 20_000}</para></book>"
    with pytest.raises(SkipFile, match="entities add"):
        xml.read(source(many))
    nothing = "".join(f'<!ENTITY n{n} "{f"&n{n - 1};" * 900 if n else ""}">' for n in range(4))
    began = time.process_time()
    with pytest.raises(SkipFile, match="entities add"):
        xml.read(source(f"<!DOCTYPE book [{nothing}]><book><para>{'&n3;' * 900}</para></book>"))
    assert time.process_time() - began < 20, "entities that stand for nothing are counted too"


CONTAINER = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
OPF = """<package><metadata><dc:title xmlns:dc="x">Kettle at sea</dc:title></metadata><manifest>
<item id="a" href="one.xhtml" media-type="application/xhtml+xml"/>
<item id="b" href="two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="n" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="c" href="gone.xhtml" media-type="application/xhtml+xml"/>
</manifest><spine><itemref idref="n"/><itemref idref="b"/><itemref idref="a"/><itemref idref="c"/></spine></package>"""


def book(**more: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OPS/book.opf", OPF)
        archive.writestr("OPS/one.xhtml", "<html><body><h1>One</h1><p>The first page of two.</p></body></html>")
        archive.writestr("OPS/two b.xhtml", "<html><body><h1>Two</h1><p>Read before it.</p></body></html>")
        archive.writestr("OPS/nav.xhtml", "<html><body><nav><ol><li>One</li></ol></nav></body></html>")
        for name, data in more.items():
            archive.writestr(name, data)
    return made.getvalue()


def test_epub():
    page = epub.read(source(book()))
    assert page.title == "Kettle at sea"
    assert [b.content for b in of(page, "heading")] == ["Two", "One"]
    where = [label for _, label in page.places]
    assert where[0].startswith("OPS/two b.xhtml")
    assert any(label.startswith("OPS/one.xhtml") for label in where)
    assert [s.detail for s in page.skipped] == ["OPS/gone.xhtml: no entry OPS/gone.xhtml"]


def test_archives_that_unpack_without_end():
    data = book(bomb=b"\0" * 450_000_000)
    assert len(data) < 2_000_000
    for module in (epub, office):
        with pytest.raises(SkipFile, match="once unpacked"):
            module.read(source(data, "a.docx"))
    cut = book()
    with pytest.raises(SkipFile, match="cannot be parsed"):
        epub.read(source(cut[: len(cut) // 2]))
