"""Whether a new file follows from what is known: between the first balance and the last, the lines must
tell the whole difference.

That one sum finds a missing day, a line told twice in two formats, and a file that contradicts an
earlier one, in whatever order the files came in. Files without balances are held together by their days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.money import Money
from payments.reconciliation.models import BankAccount, BankLine, BankStatement
from payments.reconciliation.statements import Line

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What one file says of the account."""

    first_day: date
    last_day: date
    opening: int | None
    closing: int | None

    @property
    def is_balanced(self) -> bool:
        """Whether it tells both its balances."""
        return self.opening is not None and self.closing is not None


def gap(session: Session, row: BankStatement, *, fresh: Sequence[Line]) -> str | None:
    """Why the file does not follow from those before, in a sentence; None when it does."""
    before = _stretches(session, row.bank_account_id)
    new = Stretch(first_day=row.first_day, last_day=row.last_day, opening=row.opening, closing=row.closing)
    currency = session.get_one(BankAccount, row.bank_account_id).currency
    days = _days_between(before, new)
    if days is not None:
        return (
            f"No file tells of {_days(*days)}. Import what is missing first; if this file does cover those"
            " days, say its period with `--from` and `--to`."
        )
    missing = _untold(session, row.bank_account_id, [*before, new], fresh)
    if missing in (0, _untold(session, row.bank_account_id, before, ())):
        return None
    return _sentence(before, new, Money(missing, currency), has_fresh=bool(fresh))


def untold(session: Session, bank_account_id: str) -> int:
    """What the balances moved and no line tells, in the account's currency: nothing, where no gap was
    accepted."""
    return _untold(session, bank_account_id, _stretches(session, bank_account_id), ())


def hole(session: Session, bank_account_id: str) -> str | None:
    """The first days that no file tells and no balance bridges, in words: none, where no gap was accepted."""
    reach: Stretch | None = None
    for each in sorted(_stretches(session, bank_account_id), key=lambda each: each.first_day):
        missing = _days_between([reach], each) if reach is not None else None
        if missing is not None:
            return _days(*missing)
        if reach is None or (each.last_day, each.is_balanced) > (reach.last_day, reach.is_balanced):
            reach = each
    return None


def _stretches(session: Session, bank_account_id: str) -> list[Stretch]:
    rows = session.execute(
        select(
            BankStatement.first_day, BankStatement.last_day, BankStatement.opening, BankStatement.closing
        ).where(BankStatement.bank_account_id == bank_account_id)
    )
    return [
        Stretch(first_day=first_day, last_day=last_day, opening=opening, closing=closing)
        for first_day, last_day, opening, closing in rows
    ]


def _untold(
    session: Session, bank_account_id: str, stretches: Sequence[Stretch], fresh: Sequence[Line]
) -> int:
    """From the earliest opening to the latest closing, less every line between. Of several files that
    begin or end on the same day, the order is not known: whichever pair ties is the right one."""
    balanced = [each for each in stretches if each.is_balanced]
    if not balanced:
        return 0
    first_day = min(each.first_day for each in balanced)
    last_day = max(each.last_day for each in balanced)
    known = session.scalar(
        select(func.coalesce(func.sum(BankLine.amount), 0)).where(
            BankLine.bank_account_id == bank_account_id, BankLine.booked_on.between(first_day, last_day)
        )
    )
    moved = int(known or 0) + sum(line.amount for line in fresh if first_day <= line.booked_on <= last_day)
    openings = {each.opening or 0 for each in balanced if each.first_day == first_day}
    closings = {each.closing or 0 for each in balanced if each.last_day == last_day}
    return min(
        (closing - opening - moved for opening in openings for closing in closings),
        key=lambda missing: (abs(missing), missing),
    )


def _days_between(before: Sequence[Stretch], new: Stretch) -> tuple[date, date] | None:
    """Where balances cannot tell, days must: a file may not begin later than the day after the last. The
    first and the last day that are missing."""
    if not before:
        return None
    last = max(before, key=lambda each: (each.last_day, each.is_balanced))
    first = min(before, key=lambda each: (each.first_day, not each.is_balanced))
    if new.first_day > last.last_day + _DAY and not (new.is_balanced and last.is_balanced):
        return last.last_day + _DAY, new.first_day - _DAY
    if new.last_day < first.first_day - _DAY and not (new.is_balanced and first.is_balanced):
        return new.last_day + _DAY, first.first_day - _DAY
    return None


def _days(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _sentence(before: Sequence[Stretch], new: Stretch, missing: Money, *, has_fresh: bool) -> str:
    last_day = max(each.last_day for each in before)
    first_day = min(each.first_day for each in before)
    if new.first_day > last_day:
        closing = next(each.closing for each in before if each.last_day == last_day)
        ends = f" with {Money(closing, missing.currency)}" if closing is not None else ""
        begins = f" with {Money(new.opening, missing.currency)}" if new.opening is not None else ""
        return (
            f"The last statement ends on {last_day}{ends} and this one begins on {new.first_day}{begins}:"
            f" {missing} is told by no line. Import the files between them first."
        )
    if has_fresh and new.first_day >= first_day and new.last_day <= last_day:
        return (
            f"This file tells lines of {_days(new.first_day, new.last_day)} that the files of the same days"
            f" did not, and with them {missing} is told by no balance. The same statement in two formats"
            " counts twice: keep to one."
        )
    return (
        f"With this file {missing} between {min(first_day, new.first_day)} and"
        f" {max(last_day, new.last_day)} is told by no line. A file is missing, or the same days came in"
        " another format before: import what is missing, and keep to one format."
    )
