"""The register and the summary as files: XLSX for people, CSV for programs. Pure but for the workbook.

Everything is text but the amounts: a registration number read as a number would lose its first zero.
"""

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Any

import xlsxwriter

from payments.korea.register import Row, Sum

_FORMS = {"paper": "종이", "electronic": "전자", "": "미발급"}
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r")
"""The full-width ones too: a spreadsheet that is set to Korean computes them."""

REGISTER_COLUMNS = (
    *("일련번호", "영수증 번호", "기부자 구분", "성명(법인명)", "주민등록번호(사업자등록번호)", "주소"),
    *("기부금 유형", "기부금 코드", "기부일", "발급일", "발급 방식", "기부금액(원)"),
)
SUMMARY_COLUMNS = (
    *("기부금 유형", "기부금 코드", "기부자 구분", "발급 방식"),
    *("기부자 수", "발급 건수", "기부금액(원)"),
)


def register_cells(rows: Sequence[Row]) -> list[list[str | int]]:
    """The register's lines and, last, its control total."""
    cells: list[list[str | int]] = [
        [
            place,
            row.number,
            row.payer,
            row.donor_name,
            row.registration_number,
            row.address,
            row.donation_type,
            row.donation_code,
            row.gift_date.isoformat(),
            row.issued_on.isoformat(),
            _FORMS[row.form],
            row.amount,
        ]
        for place, row in enumerate(rows, start=1)
    ]
    return [*cells, ["합계", *[""] * 10, sum(row.amount for row in rows)]]


def summary_cells(sums: Sequence[Sum]) -> list[list[str | int]]:
    """The summary's lines and, last, their sums. A donor may stand on several lines: donors are not added."""
    cells: list[list[str | int]] = [
        [
            one.donation_type,
            one.donation_code,
            one.payer,
            _FORMS[one.form],
            one.donors,
            one.receipts,
            one.amount,
        ]
        for one in sums
    ]
    total = sum(one.receipts for one in sums), sum(one.amount for one in sums)
    return [*cells, ["합계", "", "", "", "", *total]]


def as_csv(columns: Sequence[str], cells: Sequence[Sequence[str | int]]) -> bytes:
    """A table that a spreadsheet opens without running anything in it."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(columns)
    table.writerows([_harmless(cell) for cell in row] for row in cells)
    return written.getvalue().encode("utf-8-sig")


def as_xlsx(
    title: str, about: str, columns: Sequence[str], cells: Sequence[Sequence[str | int]], *, made_on: date
) -> bytes:
    """The same as a workbook, with what it is and what it is not at its head."""
    written = io.BytesIO()
    book = xlsxwriter.Workbook(
        written, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet(title)
    bold = book.add_format({"bold": True, "bottom": 1})
    money = book.add_format({"num_format": "#,##0"})
    total: Any = book.add_format({"bold": True, "num_format": "#,##0", "top": 1})
    sheet.write_string(
        0, 0, f"{title} ({made_on.isoformat()})", book.add_format({"bold": True, "font_size": 13})
    )
    sheet.write_string(1, 0, about)
    for place, name in enumerate(columns):
        sheet.write_string(3, place, name, bold)
        sheet.set_column(place, place, max(10, 2 * len(name)))
    for line, row in enumerate(cells, start=4):
        is_total = line == len(cells) + 3
        for place, cell in enumerate(row):
            if isinstance(cell, int):
                sheet.write_number(line, place, cell, total if is_total else money)
            else:
                sheet.write_string(line, place, cell, total if is_total else None)
    sheet.freeze_panes(4, 0)
    book.close()
    return written.getvalue()


def _harmless(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
