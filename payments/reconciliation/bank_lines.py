"""Reading the lines of the bank, with what was said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from payments.reconciliation import bank_accounts, matching
from payments.reconciliation.models import BankLine, BankMatch

_ORDER = (BankLine.booked_on, BankLine.bank_statement_id, BankLine.position)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines to list."""

    account_id: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    is_unsaid: bool = False
    """Only those of which nobody has said what they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A line and what it is; nothing yet, or several payouts that the bank booked as one."""

    line: BankLine
    matches: Sequence[BankMatch]


def listed(session: Session, wanted: Wanted, *, limit: int, after: str | None = None) -> list[Told]:
    """The newest first; `after` names the last one of the page before."""
    chosen = select(BankLine).order_by(*(column.desc() for column in _ORDER)).limit(limit)
    if wanted.account_id is not None:
        account = bank_accounts.find(session, wanted.account_id)
        chosen = chosen.where(BankLine.bank_account_id == account.id)
    if wanted.first_day is not None:
        chosen = chosen.where(BankLine.booked_on >= wanted.first_day)
    if wanted.last_day is not None:
        chosen = chosen.where(BankLine.booked_on <= wanted.last_day)
    if wanted.is_unsaid:
        stands = BankMatch.undone_at.is_(None)
        chosen = chosen.where(
            ~select(BankMatch).where(BankMatch.bank_line_id == BankLine.id, stands).exists()
        )
    if after is not None:
        last = find(session, after)
        chosen = chosen.where(tuple_(*_ORDER) < (last.booked_on, last.bank_statement_id, last.position))
    rows = session.scalars(chosen).all()
    said = matching.said_of(session, [row.id for row in rows])
    return [Told(line=row, matches=said.get(row.id, ())) for row in rows]


def find(session: Session, bank_line_id: str) -> BankLine:
    """The line, or `BankLineUnknown`."""
    found = session.get(BankLine, bank_line_id)
    if found is None:
        raise matching.BankLineUnknown(bank_line_id)
    return found
