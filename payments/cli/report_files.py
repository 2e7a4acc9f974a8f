"""Where a report goes: one `--out`, and its ending says whether it is to be printed or calculated with."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from payments.cli.printing import console, print_table
from payments.errors import AlmonerError
from payments.reconciliation.reports import html, workbook
from payments.reconciliation.reports.page import Kind, Page

Out = Annotated[Path, typer.Option(dir_okay=False, help="A file that ends with .html or .xlsx.")]
Language = Annotated[Literal["en", "ko"], typer.Option("--lang", help="The language of its words.")]

_FLUSH_RIGHT = {Kind.MONEY, Kind.COUNT}
_DRAWINGS = {".html": html.drawn, ".xlsx": workbook.drawn}


class EndingUnknown(AlmonerError):
    """A report is drawn in two ways and no other."""

    def __init__(self) -> None:
        super().__init__("End the name with .html for a page to print, or .xlsx for a workbook.")


def print_page(page: Page) -> None:
    """The same on a terminal: its verdict, its tables with their totals, and what was compared."""
    console.print(f"{page.subject} {page.title}: {page.verdict}", style="bold", markup=False)
    console.print(page.sentence, markup=False)
    for table in page.tables:
        if not table.rows:
            console.print(f"{table.title}: {table.empty or page.words.no_lines}", markup=False)
            continue
        print_table(
            table.title,
            [f">{each.label}" if each.kind in _FLUSH_RIGHT else each.label for each in table.columns],
            [[html.shown(cell, page) for cell in row] for row in (*table.rows, *table.totals())],
        )
    for control in page.controls:
        one, other = html.shown(control.one, page), html.shown(control.other, page)
        verdict = page.words.agrees if control.agrees else page.words.differs.upper()
        console.print(f"  {control.what} {one}, {control.against} {other}: {verdict}", markup=False)


def write(page: Page, out: Path) -> None:
    """Draw it and say where it is."""
    draw = _DRAWINGS.get(out.suffix.lower())
    if draw is None:
        raise EndingUnknown
    file = draw(page)
    out.write_bytes(file)
    typer.echo(f"{page.subject} {page.title}: {page.verdict}. {len(file)} bytes written to {out}")
