"""HMRC's schedule spreadsheet: its rules line by line, and its layout cell by cell. Pure.

Source: gov.uk, "Schedule spreadsheet to claim back tax on Gift Aid donations" (28 November 2025), and the
checks HMRC itself runs on an upload (github.com/hmrc/charities-claims-validation, 2025): the name of the
sheet, rows 25 to 1025, columns B to K, D13, D17. HMRC drops letters outside Western Europe without a word;
here they are refused.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

MOST_LINES = 1_000
AGGREGATED_BELOW = 30_00
AGGREGATED_MOST = 1_000_00
OVERSEAS = "X"
SHEET = "R68GAD_V1_00_0_EN"
COLUMNS = (
    *("Item", "Title", "First name", "Last name", "House name or number", "Postcode"),
    *("Aggregated donations", "Sponsored event (yes/blank)", "Donation date (DD/MM/YY)", "Amount"),
)
_TITLE = re.compile(r"[A-Za-z][A-Za-z'-]{1,3}")
_POSTCODE = re.compile(
    r"GIR 0AA|(?:[A-Z][0-9][0-9]?|[A-Z][A-HJ-Y][0-9][0-9]?|[A-Z][0-9][A-Z]|[A-Z][A-HJ-Y][0-9]?[A-Z])"
    r" [0-9][A-Z]{2}"
)
_UNKNOWN_LETTER = re.compile(r"[^\x20-\x7e\xa1-\xff]")
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet would run."""
_HEADINGS = {
    2: "Gift Aid donations schedule",
    12: "Earliest donation date in the period of claim (DD/MM/YY)",
    16: "Gift Aid previously over-claimed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who declared, as a line names them."""

    title: str = ""
    first_name: str
    last_name: str
    house: str
    postcode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line; amounts are pence. Small gifts together have a description in place of a person."""

    day: date
    amount: int
    person: Person | None = None
    aggregated: str = ""
    is_sponsored: bool = False


def postcode(typed: str) -> str:
    """In capitals with its one space, as HMRC wants it; `X` says a home abroad."""
    letters = "".join(typed.upper().split())
    return letters if len(letters) < 5 else f"{letters[:-3]} {letters[-3:]}"


def wrong_with(person: Person) -> list[str]:
    """Everything that keeps a person from standing on a line, as sentences."""
    faults = []
    if person.title and not _TITLE.fullmatch(person.title):
        faults.append("The title has two to four letters, such as Mrs; leave it out otherwise.")
    for name, text, longest in (
        ("first name", person.first_name, 35),
        ("last name", person.last_name, 35),
        ("house number or name", person.house, 40),
    ):
        if not text.strip():
            faults.append(f"The {name} is missing.")
        elif len(text) > longest:
            faults.append(f"The {name} is longer than {longest} letters.")
        elif text.startswith(_FORMULA):
            faults.append(f"The {name} begins with a sign.")
        elif _UNKNOWN_LETTER.search(text):
            faults.append(f"The {name} has letters that HMRC does not read: write it in Latin letters.")
    if person.postcode != OVERSEAS and not _POSTCODE.fullmatch(person.postcode):
        faults.append("The postcode is none of the United Kingdom, such as S19 2BD; X says a home abroad.")
    return faults


def wrong_on(line: Line, *, today: date) -> list[str]:
    """Everything that keeps a line from being claimed, as sentences."""
    faults = []
    if line.amount < 1:
        faults.append("The amount is less than a penny.")
    if line.day > today:
        faults.append("The gift is of a day to come.")
    if bool(line.aggregated) == (line.person is not None):
        faults.append("A line names one person, or describes small gifts together.")
    if line.person is not None:
        faults += wrong_with(line.person)
    if line.aggregated:
        if len(line.aggregated) > 35:
            faults.append("The description of small gifts is longer than 35 letters.")
        if line.amount > AGGREGATED_MOST:
            faults.append("Small gifts on one line come to at most 1,000 pounds.")
        if line.is_sponsored:
            faults.append("Small gifts together are no sponsored event.")
    return faults


def cells(item: int, line: Line) -> list[str]:
    """The cells of one line, B to K."""
    person = line.person
    return [
        str(item),
        *(
            (person.title, person.first_name, person.last_name, person.house, person.postcode)
            if person is not None
            else ("", "", "", "", "")
        ),
        line.aggregated,
        "Yes" if line.is_sponsored else "",
        day(line.day),
        pounds(line.amount),
    ]


def day(when: date) -> str:
    """dd/MM/yy."""
    return when.strftime("%d/%m/%y")


def pounds(pence: int) -> str:
    """With two decimals, without a sign or separators."""
    return f"{pence // 100}.{pence % 100:02}"


def as_ods(lines: Sequence[Line], *, earliest: date, over_claimed: int) -> bytes:
    """The spreadsheet, laid out as HMRC reads it."""
    book = OpenDocumentSpreadsheet()
    table = Table(name=SHEET)
    values = {12: _text(day(earliest)), 16: _amount(over_claimed) if over_claimed else TableCell()}
    for place in range(23):
        heading = _HEADINGS.get(place, "")
        row = [TableCell(), _text(heading) if heading else TableCell(), TableCell()]
        table.addElement(_row([*row, values.get(place, TableCell())]))
    table.addElement(_row([TableCell(), *map(_text, COLUMNS)]))
    for item, line in enumerate(lines, start=1):
        *texts, _ = cells(item, line)
        table.addElement(
            _row(
                [TableCell(), *(_text(text) if text else TableCell() for text in texts), _amount(line.amount)]
            )
        )
    book.spreadsheet.addElement(table)
    written = io.BytesIO()
    book.write(written)
    return written.getvalue()


def _row(row: Sequence[Any]) -> Any:
    element = TableRow()
    for cell in row:
        element.addElement(cell)
    return element


def _text(text: str) -> Any:
    cell = TableCell(valuetype="string")
    cell.addElement(P(text=text))
    return cell


def _amount(pence: int) -> Any:
    cell = TableCell(valuetype="float", value=pounds(pence))
    cell.addElement(P(text=pounds(pence)))
    return cell


def as_csv(lines: Sequence[Line]) -> bytes:
    """The same lines as a table, for people and other programs."""
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(COLUMNS)
    table.writerows(cells(item, line) for item, line in enumerate(lines, start=1))
    return written.getvalue().encode("utf-8-sig")
