"""PDF and Office files: headings, paragraphs, lists, code, tables with their spans, and the page of everything."""

from __future__ import annotations

import itertools
import logging
from pathlib import Path

import pytest
from ingest.office_files import FILES, FOLDER, File, Part

from understudy.artifact import read_records
from understudy.ingest import office
from understudy.ingest.base import Page, SkipFile, Source
from understudy.ingest.config import IngestConfig
from understudy.ingest.stage import run
from understudy.outline import Block, parse, plain, walk
from understudy.stage import Inputs, RunContext
from understudy.types import Document

for library in ("mammoth", "openpyxl", "pdfplumber", "pptx"):
    pytest.importorskip(library, reason="needs pip install 'understudy[docs]'")

named = pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)


def read(file: File) -> Page:
    return office.read(Source(FOLDER / file.name, (FOLDER / file.name).read_bytes()))


def blocks(page: Page, kind: str) -> list[Block]:
    return [b for b in walk(parse(page.text)) if b.kind == kind]


def rows_of(part: Part) -> tuple[tuple[str, ...], ...]:
    """The table with what spans: said again in each row, empty in further columns."""
    rows = [list(row) for row in part.table]
    for r, c, high, wide in part.spans:
        for i, j in itertools.product(range(high), range(wide)):
            rows[r + i][c + j] = "" if j else part.table[r][c]
    return tuple(map(tuple, rows))


def place(page: Page, words: str) -> str:
    at = page.text.index(words)
    return [label for offset, label in page.places if offset <= at][-1]


@named
def test_headings_stand_in_order(file):
    assert [plain(b.content) for b in blocks(read(file), "heading")] == [p.heading for p in file.parts]


@pytest.mark.parametrize("file", [f for f in FILES if f.name.endswith(("docx", "pdf"))], ids=lambda f: f.name)
def test_headings_have_their_levels(file):
    assert [b.level for b in blocks(read(file), "heading")] == [p.level for p in file.parts]


@named
def test_every_sentence_arrives(file):
    text = " ".join(plain(read(file).text).split())
    for part in file.parts:
        for sentence in (*part.text, *part.items):
            assert sentence in text


@pytest.mark.parametrize("file", [f for f in FILES if not f.name.endswith("xlsx")], ids=lambda f: f.name)
def test_lists_and_code_are_such(file):
    page = read(file)
    items = [(b.info[:1].isdigit(), b.content) for b in blocks(page, "item") if not b.children[1:]]
    numbered = not file.name.endswith("pptx")
    assert items == [(p.numbered and numbered, item) for p in file.parts for item in p.items]
    code = [[line.rstrip() for line in b.content.rstrip("\n").split("\n")] for b in blocks(page, "code")]
    assert code == [p.code.split("\n") for p in file.parts if p.code]


@named
def test_tables_stand_on_their_grid(file):
    assert [b.rows for b in blocks(read(file), "table")] == [rows_of(p) for p in file.parts if p.table]


@pytest.mark.parametrize("file", [f for f in FILES if not f.name.endswith("docx")], ids=lambda f: f.name)
def test_each_passage_knows_its_page_slide_or_sheet(file):
    page = read(file)
    for number, part in enumerate(file.parts, 1):
        kind = file.name.rpartition(".")[2]
        wanted = {"pdf": f"page {part.page}", "pptx": f"slide {number}", "xlsx": f"sheet {part.heading}"}[kind]
        assert place(page, part.text[0]) == wanted


def test_running_heads_and_page_numbers_are_left_out_with_an_account():
    page = read(next(f for f in FILES if f.name == "pump.pdf"))
    assert "Kestrel" not in page.text
    assert [part.text for part in page.left_out].count("Pump handbook - Kestrel works") == 3
    assert {part.text for part in page.left_out} >= {"Page 1", "Page 2", "Page 3"}
    assert "This page is the last one." in page.text


def test_the_stage_reads_them_with_everything_else(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    run(IngestConfig(path=str(FOLDER), gitignore=False), Inputs(), RunContext(out, out, out, logging.getLogger("test")))
    documents = {d.doc_id: d for d in read_records(out / "documents.jsonl", Document)}
    assert set(documents) == {f.name for f in FILES}
    assert documents["pump.pdf"].title == "Pump handbook"
    assert {d.format for d in documents.values()} == {"office"}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.pdf", b"%PDF-1.7\nbroken", "cannot be parsed|no text"),
        ("a.docx", b"plain words", "is no .docx file"),
        ("a.xlsx", b"PK\x03\x04broken", "not a zip archive"),
    ],
)
def test_damaged_files_are_left_out(tmp_path: Path, name: str, data: bytes, said: str):
    from understudy.ingest.convert import read as convert
    from understudy.ingest.walk import Found

    (tmp_path / name).write_bytes(data)
    with pytest.raises(SkipFile, match=said):
        convert(Found(tmp_path / name, name, "office"))


def pdf(*pages: bytes) -> bytes:
    """A PDF of pages by their content streams, in Helvetica; `/I Do` draws a picture."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    image = (
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>"
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        image + b"\nstream\n\x80\nendstream",
    ]
    for n, content in enumerate(pages):
        resources = (
            "<< /Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> /XObject << /I 3 0 R >> >>"
        )
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources {resources} ".encode()
            + f"/Contents {5 + 2 * n} 0 R >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % at for at in places)
    size = len(objects) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        size, table, size, len(out)
    )  # fmt: skip


def words(*lines: tuple[int, int, str]) -> bytes:
    return "".join(f"BT /F 11 Tf {x} {y} Td ({text}) Tj ET\n" for x, y, text in lines).encode()


PICTURE = b"q 500 0 0 700 50 50 cm /I Do Q"


def test_pages_of_pictures_are_named_and_a_scan_is_left_out():
    text = words((72, 700, "The kettle boils its water in four minutes."))
    page = office.read(Source(Path("k.pdf"), pdf(text, PICTURE, text + PICTURE, PICTURE)))
    (noted,) = page.skipped
    assert (noted.reason, noted.detail) == ("pages of pictures", "pages without letters, such as scans: 2, 4")
    assert page.text.count("boils its water") == 2
    with pytest.raises(SkipFile, match="its pages hold no letters"):
        office.read(Source(Path("scan.pdf"), pdf(PICTURE, PICTURE)))


def test_a_table_without_rules_keeps_its_rows_as_lines_of_text():
    rows = [("Service", "Protocol", "Port"), ("gateway", "UDP", "7412"), ("metrics", "TCP", "9120")]
    lines = [(72 + 140 * c, 700 - 20 * r, cell) for r, row in enumerate(rows) for c, cell in enumerate(row)]
    page = office.read(Source(Path("t.pdf"), pdf(words(*lines))))
    flat = " ".join(page.text.split())
    places = [flat.index(" ".join(row)) for row in rows]
    assert places == sorted(places)
    assert not blocks(page, "table")
