"""A report ready to be drawn: its words are in the reader's language, its numbers still numbers.

Both drawings take the same page, so a sheet and a print can never say two things. Totals are not given but
summed here from the lines, one for each currency, and a control compares two figures that came by
different ways.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from payments.money import Money

Cell = str | int | Money | date | datetime | None


class Tone(StrEnum):
    """What colour a verdict has; the words beside it say the same."""

    GOOD = "good"
    OPEN = "open"
    BAD = "bad"
    PLAIN = "plain"


class Kind(StrEnum):
    """How a column is set."""

    TEXT = "text"
    LONG = "long"
    """Sentences, which wrap."""
    ID = "id"
    """Something to search for elsewhere: never cut, never shortened."""
    MONEY = "money"
    COUNT = "count"
    DAY = "day"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    label: str
    kind: Kind = Kind.TEXT
    is_summed: bool = False
    width: int = 0
    """In a workbook, in characters; by its kind if 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Lines of one kind with their totals."""

    name: str
    """Of its sheet; short."""
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    total: str = ""
    """What the row of totals is called; empty where nothing is summed."""
    empty: str = ""
    """What is said where there are no lines."""
    accents: frozenset[int] = frozenset()
    """Rows that are sums themselves and set apart."""

    def totals(self) -> list[list[Cell]]:
        """The sums of the lines, a row for each currency in the order of their names."""
        if not self.total:
            return []
        summed = {place for place, column in enumerate(self.columns) if column.is_summed}
        currencies = sorted(
            {
                cell.currency
                for row in self.rows
                for place, cell in enumerate(row)
                if isinstance(cell, Money) and place in summed
            }
        ) or [""]
        return [self._total(currency, is_alone=len(currencies) == 1) for currency in currencies]

    def _total(self, currency: str, *, is_alone: bool) -> list[Cell]:
        label = self.total if is_alone else f"{self.total} {currency.upper()}"
        return [
            self._sum(place, currency, is_alone=is_alone)
            if column.is_summed
            else label
            if not place
            else None
            for place, column in enumerate(self.columns)
        ]

    def _sum(self, place: int, currency: str, *, is_alone: bool) -> Cell:
        cells = [row[place] for row in self.rows]
        if self.columns[place].kind is Kind.COUNT:
            # A count beside several currencies belongs to none of them.
            return sum(cell for cell in cells if isinstance(cell, int)) if is_alone else None
        if not currency:
            return None
        return Money(
            sum(cell.minor for cell in cells if isinstance(cell, Money) and cell.currency == currency),
            currency,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Two figures that must be the same, and came by different ways."""

    what: str
    one: Money | int
    """As the report has it."""
    against: str
    other: Money | int

    @property
    def difference(self) -> Money | int:
        """Nothing, where they agree."""
        if isinstance(self.one, Money) and isinstance(self.other, Money):
            return self.one - self.other
        if isinstance(self.one, int) and isinstance(self.other, int):
            return self.one - self.other
        raise TypeError("a control compares two amounts or two counts")

    @property
    def agrees(self) -> bool:
        """To the cent."""
        return not self.difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Furniture:
    """The few words every report needs beside its own."""

    controls: str = "Control totals"
    figure: str = "Figure"
    here: str = "In this report"
    against: str = "Compared with"
    there: str = "There"
    difference: str = "Difference"
    agrees: str = "agrees"
    differs: str = "differs"
    page: str = "Page"
    times: str = "Times"
    summary: str = "Summary"
    no_lines: str = "No lines."


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One report."""

    language: str
    entity: str
    """The legal body whose books these are."""
    subject: str
    """What kind of report it is."""
    title: str
    verdict: str
    tone: Tone
    sentence: str
    facts: Sequence[tuple[str, Cell]]
    """What was asked for and what is known of it; the header of every sheet and print."""
    tables: Sequence[Table]
    controls: Sequence[Control] = ()
    remark: str = ""
    time_zone: str = "UTC"
    """Of every instant on it."""
    is_letter: bool = False
    """Printed on Letter, as in North America; otherwise on A4."""
    made_at: datetime | None = None
    """When what it tells was true, never when it was drawn: the same facts are the same bytes."""
    words: Furniture = field(default_factory=Furniture)
