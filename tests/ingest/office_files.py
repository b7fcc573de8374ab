"""What the PDF and Office files of `files/office` say, and how they were made.

`python tests/ingest/office_files.py`, with python-docx, openpyxl, python-pptx, reportlab and fpdf2, writes them anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "files" / "office"
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Part:
    """A section: its heading, and what stands under it. places: cells that go on (row, column, rows, columns)."""

    level: int
    heading: str
    text: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    numbered: bool = False
    table: Rows = ()
    spans: tuple[tuple[int, int, int, int], ...] = ()
    code: str = ""
    page: int = 1


@dataclass(frozen=True)
class File:
    name: str
    parts: tuple[Part, ...] = field(default=())


PUMP = (
    Part(1, "Pump handbook", ("The pump moves water from the tank to the boiler. It is tested before it leaves us.",)),
    Part(
        2,
        "Unpacking",
        ("Take the pump out of its box and check that nothing is missing.",),
        items=("one pump with its cord", "two hoses of 40 cm", "a bag of seals"),
    ),
    Part(
        2,
        "First start",
        ("Start the pump in three steps.",),
        items=("Fill the tank.", "Open valve B.", "Press the green key."),
        numbered=True,
        code="pump start 7\nif ready:\n    pump run --slow\n\npump stop 7",
    ),
    Part(
        2,
        "Limits",
        ("No pump may run outside of these limits.",),
        table=(
            ("Class", "Kind", "Limit"),
            ("A", "pressure", "4 bar"),
            ("A", "flow", "9 l/s"),
            ("B", "pressure", "6 bar"),
        ),
        spans=((1, 0, 2, 1),),
        page=2,
    ),
    Part(3, "Codes", ("The display shows E1 when the pump is dry and E2 when a hose leaks.",), page=2),
)
LAMP = (
    Part(1, "Lamp guide", ("The lamp shows the state of the boiler by its colour.",)),
    Part(
        2,
        "Colours",
        ("Each colour has one meaning.",),
        table=(("Colour", "Meaning", "Meaning"), ("red", "too hot", "stop"), ("blue", "too cold", "wait")),
        spans=((0, 1, 1, 2),),
    ),
    Part(
        2,
        "Settings",
        ("The settings stand in a file.",),
        code="[lamp]\nlevel = 3\n  colour = blue",
        items=("level is from 1 to 9", "colour is a name"),
    ),
)
BOILER = (
    Part(1, "Boiler notes", ("The boiler holds 12 litres and is emptied once a week.",)),
    Part(2, "Care", ("Clean the filter with warm water.",), items=("Never use soap.", "Dry it for an hour.")),
    Part(
        2,
        "Parts",
        ("Parts are ordered by number.",),
        table=(("Part", "Number"), ("filter", "F-17"), ("seal", "S-3"), ("hose", "H-40")),
        page=2,
    ),
)
FILES = (
    File("pump.docx", PUMP),
    File("lamp.docx", LAMP),
    File("boiler.docx", BOILER),
    File("pump.pdf", PUMP),
    File("lamp.pdf", LAMP),
    File("boiler.pdf", BOILER),
    File("pump.pptx", PUMP),
    File("lamp.pptx", LAMP),
    File("limits.xlsx", PUMP),
    File("parts.xlsx", BOILER),
)


def docx(path: Path, parts: tuple[Part, ...]) -> None:
    from docx import Document

    document = Document()
    for part in parts:
        document.add_heading(part.heading, part.level)
        for text in part.text:
            document.add_paragraph(text)
        for item in part.items:
            document.add_paragraph(item, style="List Number" if part.numbered else "List Bullet")
        for line in part.code.split("\n") if part.code else ():
            paragraph = document.add_paragraph()
            paragraph.add_run(line or " ").font.name = "Courier New"
        if part.table:
            table = document.add_table(len(part.table), len(part.table[0]), style="Table Grid")
            for r, row in enumerate(part.table):
                for c, text in enumerate(row):
                    table.cell(r, c).text = text
            for r, c, high, wide in part.spans:
                kept = part.table[r][c]
                merged = table.cell(r, c).merge(table.cell(r + high - 1, c + wide - 1))
                merged.text = kept
    document.save(path)


def pdf_reportlab(path: Path, parts: tuple[Part, ...]) -> None:
    from reportlab.lib import colors
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import (
        ListFlowable,
        ListItem,
        PageBreak,
        Paragraph,
        Preformatted,
        SimpleDocTemplate,
        Spacer,
        Table,
        TableStyle,
    )

    styles = getSampleStyleSheet()

    def furniture(canvas, document):  # type: ignore[no-untyped-def]
        canvas.setFont("Helvetica", 8)
        canvas.drawString(72, 800, f"{parts[0].heading} - Kestrel works")
        canvas.drawString(280, 40, f"Page {document.page}")

    story: list[object] = []
    page = 1
    for part in parts:
        if part.page != page:
            story.append(PageBreak())
            page = part.page
        story.append(Paragraph(part.heading, styles[f"Heading{part.level}"]))
        story += [Paragraph(text, styles["BodyText"]) for text in part.text]
        if part.items:
            kind = "1" if part.numbered else "bullet"
            story.append(
                ListFlowable(
                    [ListItem(Paragraph(i, styles["BodyText"])) for i in part.items],
                    bulletType=kind,
                    bulletFormat="%s." if part.numbered else None,
                )
            )
        if part.code:
            story.append(Preformatted(part.code, styles["Code"]))
        if part.table:
            spans = [("SPAN", (c, r), (c + wide - 1, r + high - 1)) for r, c, high, wide in part.spans]
            table = Table(part.table)
            table.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.black), *spans]))
            story += [Spacer(1, 6), table, Spacer(1, 6)]
    story.append(PageBreak())
    story.append(Paragraph("This page is the last one.", styles["BodyText"]))
    SimpleDocTemplate(str(path), pagesize=(595, 842), title=parts[0].heading).build(
        story, onFirstPage=furniture, onLaterPages=furniture
    )


def pdf_fpdf(path: Path, parts: tuple[Part, ...]) -> None:
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    page = 1
    for part in parts:
        if part.page != page:
            pdf.add_page()
            page = part.page
        pdf.set_font("Times", "B", {1: 22, 2: 16, 3: 13}[part.level])
        pdf.multi_cell(0, 12, part.heading, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("Times", "", 11)
        for text in part.text:
            pdf.multi_cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")
            pdf.ln(4)
        for number, item in enumerate(part.items, 1):
            pdf.multi_cell(0, 6, f"{number}. {item}" if part.numbered else f"- {item}", new_x="LMARGIN", new_y="NEXT")
        if part.code:
            pdf.ln(4)
            pdf.set_font("Courier", "", 10)
            pdf.multi_cell(0, 5, part.code, new_x="LMARGIN", new_y="NEXT")
            pdf.set_font("Times", "", 11)
            pdf.ln(4)
        if part.table:
            with pdf.table() as table:
                for row in part.table:
                    line = table.row()
                    for cell in row:
                        line.cell(cell)
    pdf.output(str(path))


def pptx(path: Path, parts: tuple[Part, ...]) -> None:
    from pptx import Presentation
    from pptx.util import Inches

    show = Presentation()
    for part in parts:
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = part.heading
        frame = slide.placeholders[1].text_frame
        frame.text = part.text[0]
        for item in part.items:
            paragraph = frame.add_paragraph()
            paragraph.text, paragraph.level = item, 1
        if part.code:
            box = slide.shapes.add_textbox(Inches(1), Inches(5), Inches(6), Inches(2)).text_frame
            for number, line in enumerate(part.code.split("\n")):
                paragraph = box.paragraphs[0] if number == 0 else box.add_paragraph()
                run = paragraph.add_run()
                run.text, run.font.name = line, "Consolas"
        if part.table:
            rows, columns = len(part.table), len(part.table[0])
            table = slide.shapes.add_table(rows, columns, Inches(1), Inches(4), Inches(6), Inches(2)).table
            for r, row in enumerate(part.table):
                for c, text in enumerate(row):
                    table.cell(r, c).text = text
            for r, c, high, wide in part.spans:
                for i in range(high):
                    for j in range(wide):
                        if i or j:
                            table.cell(r + i, c + j).text = ""
                table.cell(r, c).merge(table.cell(r + high - 1, c + wide - 1))
        slide.notes_slide.notes_text_frame.text = f"Told of {part.heading}."
    show.save(path)


def xlsx(path: Path, parts: tuple[Part, ...]) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for part in parts:
        sheet = book.create_sheet(part.heading)
        for text in (*part.text, *part.items):
            sheet.append([text])
        if part.table:
            sheet.append([])
            first = sheet.max_row + 2
            for row in part.table:
                sheet.append(list(row))
            first = sheet.max_row - len(part.table) + 1
            for r, c, high, wide in part.spans:
                sheet.merge_cells(
                    start_row=first + r, start_column=c + 1, end_row=first + r + high - 1, end_column=c + wide
                )
    book.save(path)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file in FILES:
        to, kind = FOLDER / file.name, file.name.rpartition(".")[2]
        if kind == "pdf":
            (pdf_fpdf if file.parts is BOILER else pdf_reportlab)(to, file.parts)
        else:
            {"docx": docx, "pptx": pptx, "xlsx": xlsx}[kind](to, file.parts)
