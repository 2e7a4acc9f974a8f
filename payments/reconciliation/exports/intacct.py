"""Sage Intacct: general ledger journal entries as CSV.

What belongs to a whole entry stands on its first line only; the lines are counted from 1.
"""

from collections.abc import Iterator

from payments.reconciliation.exports.cells import BOM, csv_lines, cut, decimal, guard
from payments.reconciliation.exports.format import Control, Frame, Option, Target, dates
from payments.reconciliation.exports.journal import Journal
from payments.reconciliation.exports.quickbooks import BYTE_ORDER_MARK, CURRENCY

COLUMNS = (
    *("DESCRIPTION", "JOURNAL", "DATE", "LINE_NO", "ACCT_NO", "LOCATION_ID", "DEPT_ID"),
    *("DOCUMENT", "MEMO", "DEBIT", "CREDIT"),
)
_LONGEST_DESCRIPTION = 80
_LONGEST_MEMO = 500


def _write(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    options = frame.options
    fund_column = options["fund_column"]
    columns = COLUMNS if fund_column in COLUMNS else (*COLUMNS, fund_column)

    def rows() -> Iterator[list[str]]:
        yield list(columns)
        for journal in journals:
            memo = cut(guard(journal.memo), _LONGEST_MEMO)
            for line, side in enumerate(journal.sides, start=1):
                control.rows += 1
                cells = {
                    "LINE_NO": str(line),
                    "ACCT_NO": frame.account(side),
                    "LOCATION_ID": options["location"],
                    "DEPT_ID": options["department"],
                    "MEMO": memo,
                    "DEBIT": decimal(side.debit, journal.currency) if side.debit else "",
                    "CREDIT": decimal(side.credit, journal.currency) if side.credit else "",
                }
                if line == 1:
                    cells |= {
                        "DESCRIPTION": cut(guard(f"{journal.number} {journal.memo}"), _LONGEST_DESCRIPTION),
                        "JOURNAL": options["journal"],
                        "DATE": frame.day(journal.day),
                        "DOCUMENT": journal.number,
                    }
                if fund := frame.fund(side):
                    cells[fund_column] = fund
                yield [cells.get(column, "") for column in columns]

    if options["bom"] == "true":
        yield BOM
    yield from csv_lines(rows())


TARGET = Target(
    name="intacct",
    title="Sage Intacct, general ledger journal entries as CSV.",
    suffix=".csv",
    trap="If one entry is wrong the whole file is refused. Intacct makes its template for each client: put"
    " the name of your fund dimension's column in `fund_column`.",
    options={
        "currency": CURRENCY,
        "journal": Option("The journal's symbol.", "GJ", r"[A-Za-z0-9]{1,4}"),
        "date_format": dates("As the import is told.", "MM/DD/YYYY"),
        "location": Option("LOCATION_ID of every line.", ""),
        "department": Option("DEPT_ID of every line.", ""),
        "fund_column": Option("The column of the dimension that tells the funds apart.", "GLDIMFUND"),
        "bom": BYTE_ORDER_MARK,
    },
    of_journals=_write,
    is_only_home_currency=True,
    account_pattern=r"[^\s,]{1,24}",
)
