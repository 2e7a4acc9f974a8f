"""What a format is: its name, what it asks of the organisation, and how it writes a file.

A format gets journals, and a frame with everything else it may say; it knows neither session nor batch. So
the same journals in the same frame are the same bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy.orm import Session

from payments.reconciliation.exports.cells import is_formula
from payments.reconciliation.exports.journal import Chosen, Journal, Side, name_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a file says beside its journals."""

    number: int
    entity_id: str
    entity_name: str
    first_day: date
    last_day: date
    made_at: datetime
    chosen: Chosen
    accounts: Mapping[str, str]
    """Their names by ours, `contributions/rescue` before `contributions`."""
    funds: Mapping[str, str]
    options: Mapping[str, str]
    opened: frozenset[str] = frozenset()
    """Accounts that an earlier file of the same target has opened."""

    def account(self, side: Side) -> str:
        """What the target calls it; the batch was refused if it had no name."""
        return name_of(self.accounts, side.account, side.fund_id)

    def fund(self, side: Side) -> str:
        """The class, tracking option, dimension or cost centre; empty where there is none."""
        return self.funds.get(side.fund_id, "") if side.fund_id is not None else ""

    def day(self, day: date) -> str:
        """As the target reads dates."""
        return (
            self.options["date_format"]
            .replace("YYYY", f"{day:%Y}")
            .replace("MM", f"{day:%m}")
            .replace("DD", f"{day:%d}")
        )


@dataclass(slots=True)
class Control:
    """What a file comes to, counted while it is written."""

    rows: int = 0
    sums: dict[str, dict[str, int]] = field(default_factory=dict)
    """By currency and direction, in minor units."""

    def add(self, currency: str, direction: str, amount: int) -> None:
        """So much more."""
        sums = self.sums.setdefault(currency, {})
        sums[direction] = sums.get(direction, 0) + amount

    def counting(self, journals: Iterator[Journal]) -> Iterator[Journal]:
        """Pass them on, and count what passes."""
        for journal in journals:
            for side in journal.sides:
                self.add(journal.currency, "debit", side.debit)
                self.add(journal.currency, "credit", side.credit)
            yield journal


@dataclass(frozen=True, slots=True)
class Option:
    """Something the organisation says of a target in its map."""

    meaning: str
    default: str | None = None
    """None: it must be said."""
    pattern: str = r"[^\x00-\x1f]*"


def dates(meaning: str, default: str) -> Option:
    """How a target writes days. Anything else, `dd/mm/yyyy` too, would stand on every line as it is."""
    return Option(
        f"{meaning} With YYYY, MM and DD, such as {default}.",
        default,
        r"(?=.*YYYY)(?=.*MM)(?=.*DD)(YYYY|MM|DD)[-/. ]?(YYYY|MM|DD)[-/. ]?(YYYY|MM|DD)",
    )


Journals = Callable[[Iterator[Journal], Frame, Control], Iterator[bytes]]
Rows = Callable[[Session, Frame, Control], Iterator[bytes]]
Mistakes = Callable[[Mapping[str, str], Mapping[str, str]], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A program that takes our books, and the file it takes them in."""

    name: str
    title: str
    suffix: str
    media_type: str = "text/csv; charset=utf-8"
    trap: str
    """What goes wrong where it is imported, said once to whoever exports."""
    options: Mapping[str, Option] = field(default_factory=dict)
    of_journals: Journals | None = None
    of_rows: Rows | None = None
    """Writes from the session itself; `of_journals` is for everybody else."""
    needs_accounts: bool = True
    needs_funds: bool = True
    """Each fund must be named; with an empty name it has no class, type or cost centre."""
    names_accounts: bool = False
    """Makes the accounts it needs, under names of ours where the organisation has none."""
    is_only_home_currency: bool = False
    """The option `currency` says which that is."""
    account_pattern: str = r"[^\s\x00-\x1f]([^\x00-\x1f]{0,98}[^\s\x00-\x1f])?"
    fund_pattern: str = r"[^\x00-\x1f]{0,100}"
    mistakes: Mistakes | None = None
    """What is wrong with accounts beside options of which each could be used by itself."""
    most_lines: int | None = None
    holds_personal_data: bool = False
    entries: str = "true"
    """Which entries are its business, said to PostgreSQL."""
    in_currency: str = (
        "exists (select from journal_moves c where c.reference = e.reference and c.currency = :currency)"
    )
    """Which of them are in a currency."""

    def default_options(self) -> dict[str, str]:
        """What is not said is so."""
        return {name: option.default for name, option in self.options.items() if option.default is not None}

    def is_writable(self, name: str) -> bool:
        """A name that would have to be guarded would not be found any more where it is imported."""
        return not is_formula(name)
