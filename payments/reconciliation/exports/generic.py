"""For everything else: the journal as CSV, as JSON lines and as a workbook, with our names and minor units.

Names of the organisation's own stand beside ours where its map has them, and nothing has to be mapped.
"""

import json
import tempfile
from collections.abc import Iterator
from typing import Any

from sqlalchemy.orm import Session
from xlsxwriter import Workbook

from payments.money import exponent
from payments.reconciliation.exports import journal_csv
from payments.reconciliation.exports.cells import BOM, decimal
from payments.reconciliation.exports.format import Control, Frame, Target
from payments.reconciliation.exports.journal import Journal, Side, name_of
from payments.reconciliation.exports.quickbooks import BYTE_ORDER_MARK

_MOST_ROWS = 1_048_576
"""What a sheet holds."""
_PIECE = 1 << 16


def _csv(session: Session, frame: Frame, control: Control) -> Iterator[bytes]:
    if frame.options["bom"] == "true":
        yield BOM
    control.rows = -1  # the heading is no row of the journal
    for piece in journal_csv.stream(session, frame.chosen, accounts=frame.accounts, funds=frame.funds):
        control.rows += piece.count(b"\n")
        yield piece


def _json_lines(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    for journal in journals:
        control.rows += 1
        told = {
            "journal_no": journal.number,
            "date": journal.day.isoformat(),
            "original_date": journal.original_day.isoformat() if journal.original_day else None,
            "entity": frame.entity_id,
            "kind": journal.kind,
            "external_id": journal.external_id,
            "gift": journal.gift,
            "currency": journal.currency,
            "description": journal.memo,
            "lines": [_line(journal, side, frame) for side in journal.sides],
        }
        yield json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _line(journal: Journal, side: Side, frame: Frame) -> dict[str, Any]:
    return {
        "account": side.account.value,
        "account_code": name_of(frame.accounts, side.account, side.fund_id) or None,
        "fund": side.fund_id,
        "fund_code": frame.fund(side) or None,
        "debit": decimal(side.debit, journal.currency) if side.debit else None,
        "credit": decimal(side.credit, journal.currency) if side.credit else None,
        "debit_minor": side.debit or None,
        "credit_minor": side.credit or None,
    }


def _workbook(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as written:
        # Row by row to the disk, and never a text for a formula, a number or a link.
        book = Workbook(
            written,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        book.set_properties(
            {"title": f"Export {frame.number}", "created": frame.made_at.replace(tzinfo=None)}
        )
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        money = {digits: book.add_format({"num_format": _number_format(digits)}) for digits in (0, 2, 3)}
        bold = book.add_format({"bold": True})
        sheet = row = None
        for journal in journals:
            for cells in journal_csv.cells(journal, frame.entity_id, frame.accounts, frame.funds):
                if sheet is None or row is None or row == _MOST_ROWS:
                    sheet, row = book.add_worksheet(), 1
                    sheet.freeze_panes(1, 0)
                    for column, heading in enumerate(journal_csv.COLUMNS):
                        sheet.write_string(0, column, heading, bold)
                control.rows += 1
                amounts = money[exponent(journal.currency)]
                for column, cell in enumerate(cells):
                    if cell is None:
                        continue
                    if column in {2, 3}:
                        sheet.write_datetime(row, column, cell, day)
                    elif isinstance(cell, str):
                        sheet.write_string(row, column, cell)
                    else:
                        sheet.write_number(row, column, cell, amounts if column in {13, 14} else None)
                row += 1
        _about(book.add_worksheet("Manifest"), frame, control)
        book.close()
        written.seek(0)
        while piece := written.read(_PIECE):
            yield piece


def _about(sheet: Any, frame: Frame, control: Control) -> None:
    facts: list[tuple[str, str]] = [
        ("batch", str(frame.number)),
        ("entity", f"{frame.entity_id}: {frame.entity_name}"),
        ("first day", frame.first_day.isoformat()),
        ("last day", frame.last_day.isoformat()),
        ("one journal a", str(frame.chosen.granularity)),
        ("rows", str(control.rows)),
    ]
    for currency, sums in sorted(control.sums.items()):
        facts += [(f"{direction} {currency}", decimal(sum_, currency)) for direction, sum_ in sums.items()]
    for row, (fact, value) in enumerate(facts):
        sheet.write_string(row, 0, fact)
        sheet.write_string(row, 1, value)


def _number_format(digits: int) -> str:
    return "#,##0" + ("." + "0" * digits if digits else "")


CSV = Target(
    name="csv",
    title="The journal as CSV, for everything else.",
    suffix=".csv",
    trap="Lines end in a line feed alone; amounts stand in major and in minor units.",
    options={"bom": BYTE_ORDER_MARK},
    of_rows=_csv,
    needs_accounts=False,
    needs_funds=False,
)
JSON_LINES = Target(
    name="jsonl",
    title="The journal as JSON lines, one journal a line.",
    suffix=".jsonl",
    media_type="application/jsonl",
    trap="Texts are as they are: guard them before you put them into a spreadsheet.",
    of_journals=_json_lines,
    needs_accounts=False,
    needs_funds=False,
)
WORKBOOK = Target(
    name="xlsx",
    title="The journal as a workbook with a sheet that says what it must come to.",
    suffix=".xlsx",
    media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    trap="A sheet ends after 1,048,576 rows; what is more goes on in the next.",
    of_journals=_workbook,
    needs_accounts=False,
    needs_funds=False,
)
