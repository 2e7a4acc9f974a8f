"""Reading the journal as one reads a ledger: the entries of an account, and one entry with its moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.orm import Session

from payments.database import among
from payments.errors import AlmonerError
from payments.ledger.accounts import Account
from payments.ledger.models import JournalEntry, JournalMove
from payments.money import Money


class EntryUnknown(AlmonerError):
    """No entry has this number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"The journal has no entry {number}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which movements of an account to list."""

    account: Account
    currency: str | None = None
    fund_id: str | None = None
    entity_id: str | None = None
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One entry as one account sees it: what it brought, debit positive."""

    entry: JournalEntry
    others: tuple[str, ...]
    """The accounts on the other side."""
    change: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """What all of the listed movements come to in one currency."""

    currency: str
    debit: int
    credit: int

    @property
    def balance(self) -> int:
        """Debit less credit."""
        return self.debit - self.credit


def movements(session: Session, wanted: Wanted, *, limit: int, before: int | None = None) -> list[Moved]:
    """The latest entries first; `before` is the number of the last one of the page before."""
    page = (
        select(JournalEntry)
        .where(*_of_entries(wanted))
        .where(
            select(JournalMove)
            .where(JournalMove.reference == JournalEntry.reference, *_of_moves(wanted))
            .exists()
        )
        .order_by(JournalEntry.number.desc())
        .limit(limit)
    )
    if before is not None:
        page = page.where(JournalEntry.number < before)
    entries = session.scalars(page).all()
    moves: dict[str, list[JournalMove]] = {}
    for move in session.scalars(
        select(JournalMove)
        .where(among(JournalMove.reference, [entry.reference for entry in entries]), *_of_moves(wanted))
        .order_by(JournalMove.position)
    ):
        moves.setdefault(move.reference, []).append(move)
    return [_moved(wanted.account, entry, moves[entry.reference]) for entry in entries]


def _moved(account: Account, entry: JournalEntry, moves: Sequence[JournalMove]) -> Moved:
    """All moves of an entry are in one currency."""
    change = sum(move.amount if move.to_account == account else -move.amount for move in moves)
    others = [move.from_account if move.to_account == account else move.to_account for move in moves]
    return Moved(entry=entry, others=tuple(dict.fromkeys(others)), change=Money(change, moves[0].currency))


def turnovers(session: Session, wanted: Wanted) -> list[Turnover]:
    """The sums of all that is listed, page or not; one for each currency."""
    account = wanted.account.value
    summed = (
        select(
            JournalMove.currency,
            func.sum(case((JournalMove.to_account == account, JournalMove.amount), else_=0)),
            func.sum(case((JournalMove.from_account == account, JournalMove.amount), else_=0)),
        )
        .where(*_of_moves(wanted))
        .group_by(JournalMove.currency)
        .order_by(JournalMove.currency)
    )
    if of_entries := _of_entries(wanted):
        summed = summed.join(JournalEntry, JournalEntry.reference == JournalMove.reference).where(*of_entries)
    return [
        Turnover(currency=currency, debit=int(debit), credit=int(credit))
        for currency, debit, credit in session.execute(summed)
    ]


def _of_moves(wanted: Wanted) -> list[ColumnElement[bool]]:
    account = wanted.account.value
    chosen: list[ColumnElement[bool]] = [
        or_(JournalMove.to_account == account, JournalMove.from_account == account)
    ]
    if wanted.currency is not None:
        chosen.append(JournalMove.currency == wanted.currency)
    if wanted.fund_id is not None:
        chosen.append(JournalMove.fund_id == wanted.fund_id)
    return chosen


def _of_entries(wanted: Wanted) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = []
    if wanted.entity_id is not None:
        chosen.append(JournalEntry.entity_id == wanted.entity_id)
    if wanted.first_day is not None:
        chosen.append(JournalEntry.effective_on >= wanted.first_day)
    if wanted.last_day is not None:
        chosen.append(JournalEntry.effective_on <= wanted.last_day)
    return chosen


def entry(session: Session, number: int) -> tuple[JournalEntry, Sequence[JournalMove]]:
    """One entry and its moves, or `EntryUnknown`."""
    found = session.scalars(select(JournalEntry).where(JournalEntry.number == number)).one_or_none()
    if found is None:
        raise EntryUnknown(number)
    moves = session.scalars(
        select(JournalMove).where(JournalMove.reference == found.reference).order_by(JournalMove.position)
    ).all()
    return found, moves


def numbered(session: Session, reference: str) -> int | None:
    """The number of the entry of a fact; None where it is not booked."""
    return session.scalar(select(JournalEntry.number).where(JournalEntry.reference == reference))
