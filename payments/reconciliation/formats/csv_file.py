"""CSV, read as the account's own profile says. An amount never passes through a float, and where the
bank tells a balance beside each line, every line is proven by it.
"""

import codecs
import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import StringIO

from payments.reconciliation.formats.csv_profile import Column, Profile
from payments.reconciliation.statements import Line, Statement, StatementRefused, minor

_MARKS = {"\u2212": "-", "\u00a0": " ", "\u202f": " ", "\u2019": "'"}
"""Signs that look like others: the true minus, blanks that do not break, the typographic apostrophe."""

_SIGNED = re.compile(r"([-+(]*) *(.*?) *([-+)]*)", re.DOTALL)
_IS_NEGATIVE = {"": False, "+": False, "-": True, "()": True}


class _Row:
    """One line of the file with its number in it, so that a sentence can name it."""

    def __init__(self, number: int, cells: Sequence[str], places: Mapping[str, int]) -> None:
        self.number = number
        self._cells = cells
        self._places = places
        self.width = max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)

    def cell(self, column: Column | None) -> str:
        """What stands in a column; nothing where the profile names none."""
        if column is None:
            return ""
        place = column - 1 if isinstance(column, int) else self._places[column]
        return self._cells[place].strip() if place < len(self._cells) else ""

    def wrong(self, what: str) -> StatementRefused:
        return StatementRefused(f"Line {self.number} of the file: {what}")


def read(file: bytes, profile: Profile, *, currency: str) -> Statement:
    """The lines in the order of the days, oldest first."""
    rows = _rows(file, profile)
    if not rows:
        raise StatementRefused("There are no lines in this file. Was the right period chosen at the bank?")
    read_rows = [(row, _line(row, profile, currency)) for row in rows]
    if profile.balance is None:
        if read_rows[0][1].booked_on > read_rows[-1][1].booked_on:
            read_rows.reverse()
        return _statement([line for _, line in read_rows], currency)
    balances = [_amount(row, profile.balance, profile, currency) for row in rows]
    if len(_breaks(read_rows[::-1], balances[::-1])) < len(_breaks(read_rows, balances)):
        read_rows.reverse()
        balances.reverse()
    for row in _breaks(read_rows, balances):
        raise row.wrong(
            "the balance beside it is not the one before plus the amount. A line is missing or changed,"
            " or the profile has the wrong sign: export the file again, or mend the profile."
        )
    lines = [line for _, line in read_rows]
    return _statement(lines, currency, opening=balances[0] - lines[0].amount, closing=balances[-1])


def _statement(
    lines: Sequence[Line], currency: str, *, opening: int | None = None, closing: int | None = None
) -> Statement:
    return Statement(
        currency=currency,
        lines=tuple(lines),
        first_day=min(line.booked_on for line in lines),
        last_day=max(line.booked_on for line in lines),
        opening=opening,
        closing=closing,
    )


def _breaks(rows: Sequence[tuple[_Row, Line]], balances: Sequence[int]) -> list[_Row]:
    """The lines that their balance does not follow from, in this order."""
    return [
        row
        for (row, line), balance, before in zip(rows[1:], balances[1:], balances, strict=False)
        if balance != before + line.amount
    ]


def _rows(file: bytes, profile: Profile) -> list[_Row]:
    try:
        is_utf_8 = codecs.lookup(profile.encoding).name == "utf-8"  # it has many spellings
        text = file.decode("utf-8-sig" if is_utf_8 else profile.encoding)
    except UnicodeDecodeError:
        raise StatementRefused(
            f"The file is not written in {profile.encoding}. Mend `encoding` in the account's CSV profile:"
            " utf-8, cp1252 (Western Europe) and cp949 (Korea) are the usual ones."
        ) from None
    if "\x00" in text:
        raise StatementRefused("This is no text file. Export CSV at the bank, not a spreadsheet.")
    cells = _cells(text, profile.delimiter)
    places: dict[str, int] = {}
    headings: list[str] = []
    if profile.header_row:
        if len(cells) >= profile.header_row:
            headings = [heading.strip() for heading in cells[profile.header_row - 1][1]]
        _check_headings(headings, profile)
        places = {heading: place for place, heading in enumerate(headings)}
    rows = [_Row(number, row, places) for number, row in cells[profile.header_row :] if any(row)]
    for row in rows:
        if headings and row.width > len(headings):
            raise row.wrong(
                "it has more columns than the headings. An amount or a text holds the delimiter without"
                " quotation marks: export the file again with another `delimiter` and mend the profile."
            )
    # Many banks begin with a balance, or end with a sum or a greeting: such a line has no day.
    dated = [place for place, row in enumerate(rows) if _has_digits(row, profile.date)]
    between = rows[dated[0] : dated[-1]] if dated and profile.balance is None else []
    for row in between:
        if not _has_digits(row, profile.date) and any(
            _has_digits(row, column) for column in (profile.amount, profile.money_in, profile.money_out)
        ):
            raise row.wrong(
                "it has an amount and no day, and no balance tells whether it counts. Export the file with"
                " its balances and name their column in the profile, or ask the bank for CAMT.053."
            )
    return [rows[place] for place in dated]


def _has_digits(row: _Row, column: Column | None) -> bool:
    return re.search(r"\d", row.cell(column)) is not None


def _cells(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Every line by its number. A quotation mark that is never closed takes all lines behind it into one
    cell, and the reader says nothing: so a last line of ours must come out as it went in."""
    last = "\x1a"
    try:
        rows = list(csv.reader(StringIO(f"{text}\n{last}", newline=""), delimiter=delimiter))
    except csv.Error as trouble:
        raise StatementRefused(f"This CSV cannot be read ({trouble}). Export it again.") from None
    if rows.pop() != [last]:
        raise StatementRefused("The file has a quotation mark that does not end. Export it again.")
    return list(enumerate(rows, start=1))


def _check_headings(headings: Sequence[str], profile: Profile) -> None:
    wanted = [column for column in profile.columns if isinstance(column, str)]
    missing = [column for column in wanted if column not in headings]
    if missing:
        raise StatementRefused(
            f"Line {profile.header_row} of the file has no heading “{missing[0]}”. Either this is another"
            " bank's file, or mend `header_row`, `delimiter` or the column in the account's CSV profile."
        )
    twice = [column for column in wanted if headings.count(column) > 1]
    if twice:
        raise StatementRefused(
            f"Line {profile.header_row} of the file has more than one heading “{twice[0]}”. Write the"
            " column's place instead, counted from 1, in the account's CSV profile."
        )


def _line(row: _Row, profile: Profile, currency: str) -> Line:
    told = row.cell(profile.currency).lower()
    if told and told != currency:
        raise row.wrong(f"it is in {told.upper()}, the account in {currency.upper()}. Export one currency.")
    texts = [row.cell(column) for column in profile.text]
    return Line(
        booked_on=_day(row, profile.date, profile),
        value_on=_day(row, profile.value_date, profile) if row.cell(profile.value_date) else None,
        amount=_moved(row, profile, currency),
        bank_reference=row.cell(profile.reference) or None,
        payment_reference=row.cell(profile.payment_reference) or None,
        counterparty=row.cell(profile.counterparty) or None,
        text=" ".join(" ".join(text.split()) for text in texts if text),
    )


def _moved(row: _Row, profile: Profile, currency: str) -> int:
    if profile.amount is None:
        return _of_two_columns(row, profile, currency)
    amount = _amount(row, profile.amount, profile, currency)
    if profile.direction is not None:
        word = row.cell(profile.direction)
        if word in profile.direction_out:
            if amount < 0:
                raise row.wrong(
                    f"it has a minus beside “{word[:20]}”, and both say that money went out. Take `direction`"
                    " out of the account's CSV profile: the sign is enough."
                )
            return -amount
        if word not in profile.direction_in:
            raise row.wrong(f"“{word[:20]}” is neither in direction_in nor in direction_out of the profile.")
        return amount
    return -amount if profile.sign == "turned round" else amount


def _of_two_columns(row: _Row, profile: Profile, currency: str) -> int:
    came = _amount(row, profile.money_in, profile, currency) if row.cell(profile.money_in) else 0
    went = _amount(row, profile.money_out, profile, currency) if row.cell(profile.money_out) else 0
    if came and went:
        raise row.wrong("it has an amount in both columns; only one can be right. Export the file again.")
    if profile.money_out_is_negative:
        went = -went
    if went < 0:
        raise row.wrong("the sign of what went out is not the profile's. Mend `money_out_is_negative` in it.")
    return came - went


def _amount(row: _Row, column: Column | None, profile: Profile, currency: str) -> int:
    """`1.234,56`, `1,234.56`, `(12.50)`, `12.50-` as the profile writes them; the signs must stand where
    it says, so that a wrong profile is refused and not off by a thousand."""
    written = row.cell(column)
    plain = "".join(_MARKS.get(char, char) for char in written)
    # A minus may stand before the currency's sign or behind it: `-$12.50`, `$-12.50`, `$(12.50)`.
    unsigned = "".join(char for char in plain if unicodedata.category(char) != "Sc").strip()
    before, bare, after = _SIGNED.fullmatch(unsigned).groups()  # type: ignore[union-attr]  # it takes any text
    group, point = re.escape(profile.grouping), re.escape(profile.decimal)
    whole = rf"\d{{1,3}}(?:{group}\d{{3}})+|\d+" if profile.grouping else r"\d+"
    if (
        re.fullmatch(rf"(?:{whole})(?:{point}\d+)?", bare, re.ASCII) is None
        or before + after not in _IS_NEGATIVE
    ):
        raise row.wrong(
            f"“{written[:30]}” is no amount with the profile's decimal “{profile.decimal}” and grouping"
            f" “{profile.grouping}”. Mend them in the account's CSV profile."
        )
    digits = bare.replace(profile.grouping, "") if profile.grouping else bare
    amount = minor(Decimal(digits.replace(profile.decimal, ".")), currency)
    return -amount if _IS_NEGATIVE[before + after] else amount


def _day(row: _Row, column: Column | None, profile: Profile) -> date:
    written = row.cell(column)
    try:
        return datetime.strptime(written, profile.strptime).date()  # noqa: DTZ007 - the bank's own day
    except ValueError:
        raise row.wrong(
            f"“{written[:30]}” is no day like {profile.date_format}. Mend `date_format` in the CSV profile."
        ) from None
