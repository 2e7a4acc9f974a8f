"""Stripe's report files as plain rows, whatever order their columns stand in. Pure, and a line at a time.

Amounts are decimals of major units, often without their noughts (`25`, `0.9`), a currency is in small or
capital letters, and a table may carry fifty columns about donors. Only those named here are read.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from payments.errors import AlmonerError
from payments.money import exponent


class Kind(StrEnum):
    """The reports that are understood."""

    PAYOUT_RECONCILIATION = "payout_reconciliation"
    """Every movement in the payouts of a stretch, or of one payout (`…by_id…`)."""
    BALANCE_CHANGE = "balance_change"
    """Every movement of a stretch but the payouts."""
    ENDING_BALANCE = "ending_balance"
    """What is still in the balance at the end."""
    BALANCE_SUMMARY = "balance_summary"
    """Opening, activity, payouts and ending balance of a stretch, a sum each."""


_NAMES = {
    Kind.PAYOUT_RECONCILIATION: ("payout_reconciliation", "payout-reconciliation", "payout reconciliation"),
    Kind.BALANCE_CHANGE: ("balance_change", "balance-change", "balance change"),
    Kind.ENDING_BALANCE: ("ending_balance", "ending-balance", "ending balance"),
    Kind.BALANCE_SUMMARY: ("balance.summary", "balance_summary", "balance-summary", "balance summary"),
}


class ReportRefused(AlmonerError):
    """A file that is not taken in; the sentence says what to do. Nothing of it is stored."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a report says of one movement; amounts in minor units."""

    line: int
    stripe_balance_transaction_id: str
    currency: str
    gross: int
    fee: int
    net: int
    reporting_category: str
    made_at: datetime
    """Without a zone: what the wall clock of the report's time zone showed."""
    stripe_payout_id: str | None
    source_id: str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """What a report says of a balance as a whole."""

    line: int
    currency: str
    name: str
    amount: int


def kind_named(said: str) -> Kind | None:
    """The kind that a file's name, or a person, speaks of: `payout_reconciliation.itemized.5` too."""
    words = said.lower()
    return next((kind for kind, names in _NAMES.items() if any(name in words for name in names)), None)


class Sheet:
    """A file with its head read. Iterate over `rows` or `figures` once, to the end."""

    def __init__(self, file: TextIO, *, decimal_separator: str = ".") -> None:
        first = file.readline()
        self._table = csv.reader(file, delimiter=_delimiter(first))
        head = next(csv.reader([first], delimiter=_delimiter(first)), [])
        self._columns = {name.strip().lower(): place for place, name in enumerate(head)}
        self._separator = decimal_separator
        self._exponents: dict[str, int] = {}

    @property
    def is_summary(self) -> bool:
        """Whether it holds sums and not movements."""
        return "net_amount" in self._columns and "balance_transaction_id" not in self._columns

    @property
    def is_in_utc(self) -> bool:
        """Whether it tells instants in UTC, and so in no zone of its own."""
        return "created_utc" in self._columns

    def rows(self, *, with_payout: bool) -> Iterator[Row]:
        """Every movement. `with_payout`: each must name the payout it is in."""
        created = "created_utc" if self.is_in_utc else "created"
        needed = ("balance_transaction_id", created, "currency", "gross", "fee", "net", "reporting_category")
        at = self._places(*needed, *(("automatic_payout_id",) if with_payout else ()))
        payout, source = self._columns.get("automatic_payout_id"), self._columns.get("source_id")
        for line, cells in self._lines():
            currency = self._currency(cells[at["currency"]], line)
            yield Row(
                line,
                _something(cells[at["balance_transaction_id"]], "balance_transaction_id", line),
                currency,
                self._minor(cells[at["gross"]], currency, line),
                self._minor(cells[at["fee"]], currency, line),
                self._minor(cells[at["net"]], currency, line),
                _something(cells[at["reporting_category"]], "reporting_category", line).lower(),
                _moment(cells[at[created]], line),
                _something(cells[at["automatic_payout_id"]], "automatic_payout_id", line)
                if with_payout
                else (cells[payout].strip() or None if payout is not None else None),
                cells[source].strip() or None if source is not None else None,
            )

    def figures(self) -> Iterator[Figure]:
        """Every sum of a summary."""
        at = self._places("category", "net_amount", "currency")
        for line, cells in self._lines():
            currency = self._currency(cells[at["currency"]], line)
            name = _something(cells[at["category"]], "category", line).lower()
            yield Figure(line, currency, name, self._minor(cells[at["net_amount"]], currency, line))

    def _places(self, *names: str) -> dict[str, int]:
        missing = [name for name in names if name not in self._columns]
        if missing:
            found = ", ".join(self._columns) if len(self._columns) < 60 else f"{len(self._columns)} columns"
            raise ReportRefused(
                f"The file lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)} (it has:"
                f" {found or 'nothing'}). Run the report again with {'them' if len(missing) > 1 else 'it'}."
            )
        return {name: self._columns[name] for name in names}

    def _lines(self) -> Iterator[tuple[int, Sequence[str]]]:
        width = len(self._columns)
        try:
            for cells in self._table:
                if not cells:
                    continue
                if len(cells) < width:
                    raise ReportRefused(
                        f"Line {self._table.line_num + 1} has {len(cells)} cells instead of {width}: the file"
                        " is cut off or was changed. Download it again."
                    )
                yield self._table.line_num + 1, cells
        except csv.Error as trouble:
            raise ReportRefused(f"Line {self._table.line_num + 1} cannot be read: {trouble}.") from None

    def _currency(self, written: str, line: int) -> str:
        currency = written.strip().lower()
        if currency not in self._exponents:
            if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
                raise ReportRefused(f"Line {line}: “{written[:20]}” is no currency.")
            self._exponents[currency] = exponent(currency)
        return currency

    def _minor(self, written: str, currency: str, line: int) -> int:
        """Exactly, and never by way of a fraction."""
        text = written.strip()
        digits = self._exponents[currency]
        whole, _, part = text.lstrip("+-").partition(self._separator)
        padded = part.ljust(digits, "0")
        number = whole + padded[:digits]
        beyond = padded[digits:].strip("0")
        if beyond or not number.isdecimal() or not number.isascii() or not whole or len(number) > 15:
            other = "," if self._separator == "." else "."
            hint = (
                f" If a {'comma' if other == ',' else 'point'} sets off its decimals, say"
                f" `--decimal-separator {'comma' if other == ',' else 'point'}`."
                if other in text
                else ""
            )
            raise ReportRefused(f"Line {line}: “{written[:30]}” is no amount of {currency.upper()}.{hint}")
        return -int(number) if text.startswith("-") else int(number)


def _delimiter(head: str) -> str:
    """Stripe writes commas; a spreadsheet may have made semicolons or tabs of them."""
    return max(",;\t", key=head.count)


def _something(cell: str, name: str, line: int) -> str:
    text = cell.strip()
    if not text:
        raise ReportRefused(f"Line {line}: {name} is empty. Download the report again.")
    return text


def _moment(written: str, line: int) -> datetime:
    try:
        moment = datetime.fromisoformat(written.strip())
    except ValueError:
        raise ReportRefused(
            f"Line {line}: “{written[:30]}” is no time as Stripe writes it (2026-10-31 23:59:59). Import the"
            " file as it was downloaded, without opening it in a spreadsheet first."
        ) from None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo is not None else moment
