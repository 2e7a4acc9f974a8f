"""A report as a workbook: a sheet that says where it stands, then a sheet for each table.

Numbers are numbers in their currency's own decimals, days are days, and words are never read as formulas.
The totals are formulas that a reader can follow, with our own sum beside them as what they come to. The
same page is the same bytes.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_range_abs

from payments.money import Money, exponent
from payments.reconciliation.reports import wording
from payments.reconciliation.reports.page import Cell, Column, Kind, Page, Table, Tone

_WIDTHS = {
    Kind.TEXT: 22,
    Kind.LONG: 52,
    Kind.ID: 33,
    Kind.MONEY: 14,
    Kind.COUNT: 11,
    Kind.DAY: 12,
    Kind.INSTANT: 17,
}
_SET: dict[Kind, dict[str, Any]] = {Kind.LONG: {"text_wrap": True}, Kind.ID: {"font_size": 9}}
_FLUSH_RIGHT = {Kind.MONEY, Kind.COUNT}
_COLOURS = {Tone.GOOD: "#17663a", Tone.OPEN: "#7a4b00", Tone.BAD: "#9c1c1c", Tone.PLAIN: "#2d4a73"}
_WHOLE = "#,##0_);-#,##0_)"
_LARGE = 10_000
"""Rows from which they are written out as they come."""
_ROW = 16
"""Points; given for every row, because no spreadsheet agrees with another about what it would be."""
_ONE_LINE = 34
_HEAD = 4
"""The row of the columns' names, counted from nothing; above it entity, report and what was chosen."""
_DAY: dict[str, Any] = {"num_format": "yyyy-mm-dd", "align": "left"}
_INSTANT = _DAY | {"num_format": "yyyy-mm-dd hh:mm"}
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def drawn(page: Page) -> bytes:
    """The file."""
    file = BytesIO()
    book = xlsxwriter.Workbook(
        file,
        {
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
            "constant_memory": any(len(table.rows) > _LARGE for table in page.tables),
            "in_memory": False,
            "default_date_format": "yyyy-mm-dd",
        },
    )
    book.set_properties(
        {
            "title": f"{page.subject} {page.title}",
            "author": page.entity,
            "created": (page.made_at or _BEGINNING).astimezone(UTC).replace(tzinfo=None),
        }
    )
    pen = _Pen(book, page)
    _summary(pen)
    for table in page.tables:
        _sheet(pen, table)
    book.close()
    return file.getvalue()


@dataclass
class _Pen:
    """A workbook with the looks that were made for it so far."""

    book: Any
    page: Page

    def __post_init__(self) -> None:
        self._looks: dict[tuple[tuple[str, Any], ...], Any] = {}

    def look(self, **how: Any) -> Any:
        """A format; the same one for the same looks."""
        key = tuple(sorted(how.items()))
        if key not in self._looks:
            self._looks[key] = self.book.add_format(
                {"font_name": "Arial", "font_size": 10, "valign": "top"} | how
            )
        return self._looks[key]

    def write(self, sheet: Any, row: int, column: int, cell: Cell, **how: Any) -> None:
        """One cell as what it is."""
        if isinstance(cell, Money):
            sheet.write_number(row, column, cell.major, self.look(num_format=pattern(cell.currency), **how))
        elif isinstance(cell, int):
            sheet.write_number(row, column, cell, self.look(num_format=_WHOLE, **how))
        elif isinstance(cell, datetime):
            there = wording.local(cell, self.page.time_zone).replace(tzinfo=None, microsecond=0)
            sheet.write_datetime(row, column, there, self.look(**_INSTANT | how))
        elif isinstance(cell, date):
            sheet.write_datetime(row, column, cell, self.look(**_DAY | how))
        elif cell is None:
            sheet.write_blank(row, column, None, self.look(**how))
        else:
            sheet.write_string(row, column, cell, self.look(**how))


def pattern(currency: str) -> str:
    """How a spreadsheet writes an amount: with its decimals and no others."""
    digits = exponent(currency)
    plain = "#,##0" + ("." + "0" * digits if digits else "")
    # `_)` leaves the width of a bracket, so that a number does not touch the words beside it.
    return f"{plain}_);-{plain}_)"


def _summary(pen: _Pen) -> None:
    page = pen.page
    sheet = pen.book.add_worksheet(_sheet_name(page.words.summary))
    _print_setup(pen, sheet)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 34)
    sheet.set_column(2, 2, 36)
    sheet.set_column(3, 5, 16)
    pen.write(sheet, 0, 0, page.entity, font_color="#5b6472", bold=True)
    sheet.set_row(1, 22)
    pen.write(sheet, 1, 0, f"{page.subject} {page.title}", bold=True, font_size=15)
    sheet.set_row(2, 20)
    colour = _COLOURS[page.tone]
    sheet.merge_range(2, 0, 2, 5, "")
    pen.write(sheet, 2, 0, page.verdict, bold=True, font_size=13, font_color=colour)
    sheet.set_row(3, 30)
    sheet.merge_range(3, 0, 3, 5, "")
    pen.write(sheet, 3, 0, page.sentence, text_wrap=True)
    row = 5
    for label, fact in page.facts:
        pen.write(sheet, row, 0, label, font_color="#5b6472")
        if isinstance(fact, str) and len(fact) > _ONE_LINE:
            sheet.merge_range(row, 1, row, 5, "")
            sheet.set_row(row, 30)
        pen.write(sheet, row, 1, fact, bold=True, align="left", text_wrap=True)
        row += 1
    row = _controls(pen, sheet, row + 1)
    if page.remark:
        sheet.merge_range(row + 1, 0, row + 1, 5, "")
        sheet.set_row(row + 1, 42)
        pen.write(sheet, row + 1, 0, page.remark, font_color="#5b6472", text_wrap=True)


def _controls(pen: _Pen, sheet: Any, row: int) -> int:
    words = pen.page.words
    if not pen.page.controls:
        return row
    pen.write(sheet, row, 0, words.controls, bold=True, font_size=12)
    heads = [words.here, words.figure, words.against, words.there, words.difference, ""]
    for place, head in enumerate(heads):
        pen.write(sheet, row + 1, place, head, **_HEADING, align="right" if place in {1, 3, 4} else "left")
    for at, control in enumerate(pen.page.controls, start=row + 2):
        colour = {} if control.agrees else {"bg_color": "#fdeaea"}
        pen.write(sheet, at, 0, control.what, **colour)
        pen.write(sheet, at, 1, control.one, **colour)
        pen.write(sheet, at, 2, control.against, **colour)
        pen.write(sheet, at, 3, control.other, **colour)
        _write_difference(pen, sheet, at, control.difference, **colour)
        said = words.agrees if control.agrees else words.differs
        ink = _COLOURS[Tone.GOOD if control.agrees else Tone.BAD]
        pen.write(sheet, at, 5, said, bold=True, font_color=ink, **colour)
    return row + 2 + len(pen.page.controls)


_HEADING: dict[str, Any] = {"bold": True, "bg_color": "#f4f6f9", "font_color": "#3d4653", "bottom": 1}


def _write_difference(pen: _Pen, sheet: Any, row: int, difference: Money | int, **how: Any) -> None:
    figure = difference.major if isinstance(difference, Money) else difference
    shape = pattern(difference.currency) if isinstance(difference, Money) else _WHOLE
    look = pen.look(num_format=shape, **how)
    sheet.write_formula(row, 4, f"=B{row + 1}-D{row + 1}", look, figure)


def _sheet(pen: _Pen, table: Table) -> None:
    page = pen.page
    sheet = pen.book.add_worksheet(_sheet_name(table.name))
    _print_setup(pen, sheet)
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, column.width or _WIDTHS[column.kind])
    pen.write(sheet, 0, 0, page.entity, font_color="#5b6472", bold=True)
    sheet.set_row(1, 20)
    pen.write(sheet, 1, 0, f"{page.subject} {page.title}: {table.title}", bold=True, font_size=13)
    pen.write(sheet, 2, 0, table.note or _chosen(page), font_color="#5b6472")
    _heads(pen, sheet, table.columns)
    first = _HEAD + 1
    if not table.rows:
        pen.write(sheet, first, 0, table.empty or page.words.no_lines, font_color="#5b6472")
        return
    for at, cells in enumerate(table.rows, start=first):
        how: dict[str, Any] = {"bold": True, "bg_color": "#f4f6f9"} if at - first in table.accents else {}
        sheet.set_row(at, _ROW * _lines_of(table.columns, cells))
        for place, cell in enumerate(cells):
            pen.write(sheet, at, place, cell, **how, **_SET.get(table.columns[place].kind, {}))
    last = first + len(table.rows) - 1
    for at, total in enumerate(table.totals(), start=last + 1):
        _total(pen, sheet, table, at, total, lines=(first, last))
    sheet.freeze_panes(first, 1)
    sheet.autofilter(_HEAD, 0, last, len(table.columns) - 1)
    sheet.repeat_rows(_HEAD)


def _lines_of(columns: Sequence[Column], cells: Sequence[Cell]) -> int:
    """Into how many lines the longest sentence of a row breaks; a Korean letter is as wide as two."""
    wide = [
        sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in cell)
        // (column.width or _WIDTHS[column.kind])
        for column, cell in zip(columns, cells, strict=True)
        if column.kind is Kind.LONG and isinstance(cell, str)
    ]
    return 1 + max(wide, default=0)


def _heads(pen: _Pen, sheet: Any, columns: Sequence[Column]) -> None:
    for place, column in enumerate(columns):
        align = "right" if column.kind in _FLUSH_RIGHT else "left"
        pen.write(sheet, _HEAD, place, column.label, **_HEADING, align=align)


def _total(
    pen: _Pen, sheet: Any, table: Table, at: int, cells: Sequence[Cell], *, lines: tuple[int, int]
) -> None:
    how: dict[str, Any] = {"bold": True, "top": 1, "bottom": 6}
    is_alone = len(table.totals()) == 1
    for place, cell in enumerate(cells):
        if not table.columns[place].is_summed or cell is None:
            pen.write(sheet, at, place, cell, **how)
            continue
        figure = cell.major if isinstance(cell, Money) else cell
        shape = pattern(cell.currency) if isinstance(cell, Money) else _WHOLE
        look = pen.look(num_format=shape, **how)
        if is_alone:
            column = xl_range_abs(lines[0], place, lines[1], place)
            sheet.write_formula(at, place, f"=SUM({column})", look, figure)
        else:
            # Several currencies share the column: a formula over all of it would mix them.
            sheet.write_number(at, place, figure, look)


def _chosen(page: Page) -> str:
    """What the sheet was asked for, in one line, so that a sheet alone still says what it is."""
    facts = [f"{label}: {fact}" for label, fact in page.facts[:3] if isinstance(fact, str)]
    return "; ".join(facts)


def _print_setup(pen: _Pen, sheet: Any) -> None:
    page = pen.page
    sheet.hide_gridlines(2)
    sheet.set_default_row(_ROW)
    sheet.set_landscape()
    sheet.set_paper(1 if page.is_letter else 9)
    sheet.fit_to_pages(1, 0)
    name = page.entity.replace("&", "&&")
    sheet.set_footer(f"&L&8{name} · {page.subject} {page.title}&R&8{page.words.page} &P / &N")


def _sheet_name(name: str) -> str:
    """A spreadsheet forbids some signs in it, and more than 31."""
    return "".join(" " if sign in "[]:*?/\\'" else sign for sign in name)[:31]
