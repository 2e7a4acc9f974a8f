"""The same receipt through ReportLab: the same words in its own layout engine, platypus.

Its page is not tagged and not archival: ReportLab's open library writes neither, so what it takes less is in
part what it leaves out. It reads TrueType outlines alone, so all words are set in the one font of ours that
has them. As for the other rival: one process, the font registered and the styles made once.
"""

import json
import resource
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_RIGHT
from reportlab.lib.pagesizes import LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

ACCENT, QUIET, RULE = HexColor("#1f5b52"), HexColor("#5b6468"), HexColor("#9ab7b1")
BODY = ParagraphStyle("body", fontName="Body", fontSize=9.5, leading=14)
CENTRED = ParagraphStyle("centred", parent=BODY, alignment=TA_CENTER, textColor=QUIET)
SMALL = ParagraphStyle("small", parent=BODY, fontSize=7.6, leading=10, textColor=QUIET)
RIGHT = ParagraphStyle("right", parent=BODY, alignment=TA_RIGHT)


def large(size: float, **more: Any) -> ParagraphStyle:
    """A centred line of display."""
    return ParagraphStyle(f"large{size}", parent=CENTRED, fontSize=size, leading=size * 1.3, **more)


ENTITY, DONOR, AMOUNT = large(17), large(23), large(36, textColor=ACCENT)
TITLE = large(10, textColor=ACCENT)


def main(pages_file: str, fonts: str, sample_file: str) -> None:
    """Render the rounds that are asked for and answer each with its CPU and wall seconds."""
    registerFont(TTFont("Body", str(Path(fonts) / "NanumBarunGothic.ttf")))
    pages = [json.loads(line) for line in Path(pages_file).read_text(encoding="utf-8").splitlines()]
    for line in sys.stdin:
        asked = json.loads(line)
        cpu, wall = time.process_time(), time.perf_counter()
        for page in pages[asked["from"] : asked["to"]]:
            Path(sample_file).write_bytes(as_pdf(page))
        answer = {
            "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
            "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
        print(json.dumps(answer), flush=True)


def as_pdf(page: dict[str, Any]) -> bytes:
    """The twin of templates/receipt.typ, from the same words."""
    written = BytesIO()
    document = SimpleDocTemplate(
        written,
        pagesize=LETTER,
        margins=(18 * mm, 14 * mm),
        title=f"{page['title']} {page['number']}",
        lang=page["lang"],
    )

    def frame(canvas: Any, _: Any) -> None:
        width, height = LETTER
        canvas.setStrokeColor(ACCENT)
        canvas.rect(9 * mm, 21 * mm, width - 18 * mm, height - 30 * mm)
        canvas.setFont("Body", 7.6)
        canvas.setFillColor(QUIET)
        for place, line in enumerate(page["footer"]):
            canvas.drawCentredString(width / 2, 15 * mm - place * 10, line)

    document.build(list(_flow(page)), onFirstPage=frame, onLaterPages=frame)
    return written.getvalue()


def _flow(page: dict[str, Any]) -> list[Flowable]:
    statement, check, entity = page["statement"], page["verification"], page["entity"]
    facts = [[_text(fact["label"], SMALL) for fact in page["facts"]]]
    facts.append([_text(fact["value"]) for fact in page["facts"]])
    lines = [[_text(page["fund-label"], SMALL), _text(page["amount-label"], SMALL)]]
    lines += [[_text(part["label"]), _text(part["amount"], RIGHT)] for part in page["lines"]]
    lines += [[_text(part["label"]), _text(part["amount"], RIGHT)] for part in page["totals"]]
    ruled = [("LINEBELOW", (0, 0), (-1, 0), 0.4, RULE), ("LINEABOVE", (0, -1), (-1, -1), 0.8, ACCENT)]
    picture = QrCodeWidget(check["code"], barWidth=19 * mm, barHeight=19 * mm)
    drawing = Drawing(19 * mm, 19 * mm)
    drawing.add(picture)
    signed = [_text(page["signatory"]["name"], CENTRED), _text(page["signatory"]["title"], CENTRED)]
    return [
        _text(entity["name"], ENTITY),
        _text(entity["address"], CENTRED),
        Spacer(0, 5 * mm),
        _text(page["title"], TITLE),
        _text(page["greeting"], CENTRED),
        _text(page["donor"], DONOR),
        _text(page["gave"], CENTRED),
        _text(page["amount"], AMOUNT),
        _text(page["received-on"], CENTRED),
        *([_text(page["dedication"], CENTRED)] if page["dedication"] else []),
        Spacer(0, 5 * mm),
        Table(facts, style=[("LINEABOVE", (0, 0), (-1, 0), 0.4, RULE)]),
        Table(lines, colWidths=["*", 40 * mm], style=ruled),
        Spacer(0, 8 * mm),
        _text(page["records-label"], TITLE),
        _text(statement["text"]),
        *(_text(statement[key]) for key in ("translation", "note") if statement[key]),
        _text(page["questions"], SMALL),
        Spacer(0, 6 * mm),
        Table([[drawing, [_text(check["code"], SMALL), _text(check["hint"], SMALL)], signed]]),
    ]


def _text(words: str, style: ParagraphStyle = BODY) -> Paragraph:
    return Paragraph(escape(words), style)


if __name__ == "__main__":
    main(*sys.argv[1:])
