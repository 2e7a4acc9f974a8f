"""Where a report goes: one `--out`, and its ending says whether it is to be printed or calculated with."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from payments.errors import AlmonerError
from payments.reconciliation.reports import html, workbook
from payments.reconciliation.reports.page import Page

Out = Annotated[Path, typer.Option(dir_okay=False, help="A file that ends with .html or .xlsx.")]
Language = Annotated[Literal["en", "ko"], typer.Option("--lang", help="The language of its words.")]

_DRAWINGS = {".html": html.drawn, ".xlsx": workbook.drawn}


class EndingUnknown(AlmonerError):
    """A report is drawn in two ways and no other."""

    def __init__(self) -> None:
        super().__init__("End the name with .html for a page to print, or .xlsx for a workbook.")


def write(page: Page, out: Path) -> None:
    """Draw it and say where it is."""
    draw = _DRAWINGS.get(out.suffix.lower())
    if draw is None:
        raise EndingUnknown
    file = draw(page)
    out.write_bytes(file)
    typer.echo(f"{page.subject} {page.title}: {page.verdict}. {len(file)} bytes written to {out}")
