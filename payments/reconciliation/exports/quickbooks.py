"""QuickBooks: Online takes CSV, with one layout in the United States and one elsewhere; Desktop takes IIF.

Headers as Intuit's samples have them. IIF is the older cousin: tabs, one `TRNS` line, `SPL` lines behind it,
signed amounts that come to nothing, and no way to take an import back.
"""

from collections.abc import Iterator

from payments.reconciliation.exports.cells import BOM, csv_lines, cut, decimal, guard
from payments.reconciliation.exports.format import Control, Frame, Option, Target, dates
from payments.reconciliation.exports.journal import Journal

US_COLUMNS = (
    *("*JournalNo", "*JournalDate", "*AccountName", "*Debits", "*Credits"),
    *("Description", "Name", "Currency", "Location", "Class"),
)
UK_COLUMNS = (
    *("*JournalNo", "*JournalDate", "Memo", "*AccountName", "Debits", "Credits"),
    *("Description", "Name", "Location", "Class"),
)
_IIF_COLUMNS = ("TRNSTYPE", "DATE", "ACCNT", "NAME", "CLASS", "AMOUNT", "DOCNUM", "MEMO")
_LONGEST_NUMBER = 21
_LONGEST_TEXT = 1000

CURRENCY = Option("The home currency of the company, such as usd.", pattern="[a-z]{3}")
BYTE_ORDER_MARK = Option(
    "`true`: begin with a byte order mark, so that Excel reads UTF-8.", "false", "true|false"
)


def _us(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    def rows() -> Iterator[tuple[str, ...]]:
        yield US_COLUMNS
        for journal in journals:
            memo = cut(guard(journal.memo), _LONGEST_TEXT)
            for side in journal.sides:
                control.rows += 1
                yield (
                    cut(journal.number, _LONGEST_NUMBER),
                    frame.day(journal.day),
                    frame.account(side),
                    decimal(side.debit, journal.currency) if side.debit else "",
                    decimal(side.credit, journal.currency) if side.credit else "",
                    memo,
                    "",
                    journal.currency.upper(),
                    frame.options["location"],
                    frame.fund(side),
                )

    yield from _marked(frame)
    yield from csv_lines(rows())


def _uk(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    def rows() -> Iterator[tuple[str, ...]]:
        yield UK_COLUMNS
        for journal in journals:
            memo = cut(guard(journal.memo), _LONGEST_TEXT)
            for side in journal.sides:
                control.rows += 1
                yield (
                    cut(journal.number, _LONGEST_NUMBER),
                    frame.day(journal.day),
                    memo,
                    frame.account(side),
                    decimal(side.debit, journal.currency) if side.debit else "",
                    decimal(side.credit, journal.currency) if side.credit else "",
                    memo,
                    "",
                    frame.options["location"],
                    frame.fund(side),
                )

    yield from _marked(frame)
    yield from csv_lines(rows())


def _iif(journals: Iterator[Journal], frame: Frame, control: Control) -> Iterator[bytes]:
    def lines() -> Iterator[tuple[str, ...]]:
        yield ("!TRNS", "TRNSID", *_IIF_COLUMNS)
        yield ("!SPL", "SPLID", *_IIF_COLUMNS)
        yield ("!ENDTRNS",)
        for journal in journals:
            memo = cut(guard(journal.memo), _LONGEST_TEXT)
            for place, side in enumerate(journal.sides):
                control.rows += 1
                yield (
                    "SPL" if place else "TRNS",
                    "",
                    "GENERAL JOURNAL",
                    frame.day(journal.day),
                    frame.account(side),
                    "",
                    frame.fund(side),
                    decimal(side.signed, journal.currency),
                    journal.number,
                    memo,
                )
            yield ("ENDTRNS",)

    for line in lines():
        # There is no quoting in IIF: a quotation mark would swallow the rest of the line.
        written = "\t".join(line).replace('"', "'") + "\r\n"
        yield written.encode(frame.options["encoding"], "replace")


def _marked(frame: Frame) -> Iterator[bytes]:
    if frame.options["bom"] == "true":
        yield BOM


ONLINE = Target(
    name="quickbooks-online",
    title="QuickBooks Online, journal entries as CSV, as in the United States.",
    suffix=".csv",
    trap="Accounts must exist before the import, a sub-account as `Parent:Child`; an account of customers or"
    " suppliers is refused. Not every country has the import.",
    options={
        "currency": CURRENCY,
        "multicurrency": Option("`true`: the company keeps several currencies.", "false", "true|false"),
        "date_format": dates("As the import is told.", "MM/DD/YYYY"),
        "location": Option("A location for every line.", ""),
        "bom": BYTE_ORDER_MARK,
    },
    of_journals=_us,
    is_only_home_currency=True,
)
ONLINE_UK = Target(
    name="quickbooks-online-uk",
    title="QuickBooks Online, journal entries as CSV, as in the United Kingdom and Canada.",
    suffix=".csv",
    trap="Accounts must exist before the import; there is no currency column, so only the home currency.",
    options={
        "currency": CURRENCY,
        "date_format": dates("As the import is told.", "DD/MM/YYYY"),
        "location": Option("A location for every line.", ""),
        "bom": BYTE_ORDER_MARK,
    },
    of_journals=_uk,
    is_only_home_currency=True,
)
DESKTOP = Target(
    name="quickbooks-desktop",
    title="QuickBooks Desktop, general journal as IIF.",
    suffix=".iif",
    media_type="text/plain; charset=windows-1252",
    trap="An IIF import cannot be undone: back the company file up before. A misspelt account is made anew"
    " without a word. Dates are read as that computer writes them.",
    options={
        "currency": CURRENCY,
        "date_format": dates("As the computer writes dates.", "MM/DD/YYYY"),
        "encoding": Option("As that computer writes text.", "cp1252", "cp1252|cp949|utf-8"),
    },
    of_journals=_iif,
    is_only_home_currency=True,
    account_pattern=r'[^\s"](?:[^\t"]{0,157}[^\s"])?',
    fund_pattern=r'[^\t"]{0,159}',
)
