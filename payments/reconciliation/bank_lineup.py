"""The bank beside the book for one month: what its statements tell of ours, and what the account `bank` says.

A charity's bank account also pays rent and wages, which are not in this book; so the two are not equal, but
every line that is ours has its entry. What is in the book and on no line of the month (a slip on its way, a
transfer not yet booked) and what the book has in another month are told one by one; the rest must be
nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payments.reconciliation import continuity
from payments.reconciliation.models import BankAccount, BankLine, BankStatement
from payments.reconciliation.months import Month


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOfMonth:
    """One bank account: how far its statements reach, and what they tell of the month. Minor units."""

    bank_account_id: str
    name: str
    currency: str
    told_from: date | None
    told_to: date | None
    untold: int
    """What the balances moved and no line tells, over all statements."""
    opening: int | None
    """None where its bank tells no balances, and for what was before its first statement."""
    closing: int | None
    lines: int
    unsaid: int
    """Lines of the month of which nobody has said what they are; what goes out may stay so."""

    def covers(self, month: Month) -> bool:
        """Whether statements tell the month to its end, without a gap."""
        return self.told_to is not None and self.told_to >= month.last_day and self.untold == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """An entry on `bank` and its line are not in the same month."""

    reference: str
    kind: str
    amount: int
    effective_on: date
    booked_on: date | None
    """The day of the line; None where there is none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankLineup:
    """One currency: the statements of all accounts against the account `bank`. Minor units."""

    currency: str
    on_statements: int
    """All lines of the month."""
    other_business: int
    """Of these: none of ours."""
    in_the_book: int
    """What `bank` moved in the month."""
    not_on_statements: tuple[Outstanding, ...]
    """In the book of the month, and not on its statements."""
    of_other_months: tuple[Outstanding, ...]
    """On its statements, and in the book of another month."""

    @property
    def unexplained(self) -> int:
        """What is left over."""
        return (
            self.in_the_book
            - sum(each.amount for each in self.not_on_statements)
            + sum(each.amount for each in self.of_other_months)
            - (self.on_statements - self.other_business)
        )


def accounts(session: Session, month: Month) -> tuple[AccountOfMonth, ...]:
    """Every bank account of the body."""
    rows = session.scalars(
        select(BankAccount).where(BankAccount.entity_id == month.entity_id).order_by(BankAccount.id)
    )
    return tuple(_account(session, row, month) for row in rows)


def lineups(session: Session, month: Month) -> tuple[BankLineup, ...]:
    """Every currency in which the body has a bank account or moved `bank`."""
    given = {"entity": month.entity_id, "first_day": month.first_day, "last_day": month.last_day}
    told = {row.currency: row for row in session.execute(text(_ON_STATEMENTS), given)}
    book = {row.currency: int(row.amount) for row in session.execute(text(_IN_THE_BOOK), given)}
    apart: dict[str, list[Outstanding]] = {}
    for row in session.execute(text(_APART), given):
        apart.setdefault(row.currency, []).append(
            Outstanding(
                reference=row.reference,
                kind=row.kind,
                amount=int(row.amount),
                effective_on=row.effective_on,
                booked_on=row.booked_on,
            )
        )
    return tuple(
        _lineup(currency, told, book.get(currency, 0), apart.get(currency, []), month)
        for currency in sorted(told.keys() | book.keys() | apart.keys())
    )


def _lineup(
    currency: str, told: Mapping[str, object], in_the_book: int, apart: list[Outstanding], month: Month
) -> BankLineup:
    row = told.get(currency)
    is_of_month = [month.first_day <= each.effective_on <= month.last_day for each in apart]
    return BankLineup(
        currency=currency,
        on_statements=int(getattr(row, "total", 0)),
        other_business=int(getattr(row, "other", 0)),
        in_the_book=in_the_book,
        not_on_statements=tuple(e for e, here in zip(apart, is_of_month, strict=True) if here),
        of_other_months=tuple(e for e, here in zip(apart, is_of_month, strict=True) if not here),
    )


def _account(session: Session, row: BankAccount, month: Month) -> AccountOfMonth:
    told_from, told_to = session.execute(
        select(func.min(BankStatement.first_day), func.max(BankStatement.last_day)).where(
            BankStatement.bank_account_id == row.id
        )
    ).one()
    lines, unsaid = session.execute(
        text(_LINES), {"account": row.id, "first_day": month.first_day, "last_day": month.last_day}
    ).one()
    return AccountOfMonth(
        bank_account_id=row.id,
        name=row.name,
        currency=row.currency,
        told_from=told_from,
        told_to=told_to,
        untold=continuity.untold(session, row.id),
        opening=_balance_after(session, row.id, month.first_day - timedelta(days=1)),
        closing=_balance_after(session, row.id, month.last_day),
        lines=lines,
        unsaid=unsaid,
    )


def _balance_after(session: Session, bank_account_id: str, day: date) -> int | None:
    """The first balance that the bank told, and every line since."""
    first = session.execute(
        select(BankStatement.first_day, BankStatement.opening)
        .where(BankStatement.bank_account_id == bank_account_id, BankStatement.opening.is_not(None))
        .order_by(BankStatement.first_day, BankStatement.last_day)
        .limit(1)
    ).one_or_none()
    if first is None or day < first.first_day - timedelta(days=1):
        return None
    since = session.scalar(
        select(func.coalesce(func.sum(BankLine.amount), 0)).where(
            BankLine.bank_account_id == bank_account_id, BankLine.booked_on.between(first.first_day, day)
        )
    )
    return int(first.opening) + int(since or 0)


_LINES = """
    select count(*), count(*) filter (where not exists (
        select from bank_matches m where m.bank_line_id = l.id and m.undone_at is null))
    from bank_lines l
    where l.bank_account_id = :account and l.booked_on between :first_day and :last_day and l.amount <> 0
"""

_IS_OURS = """exists (select from bank_matches m
    where m.bank_line_id = l.id and m.undone_at is null and m.kind <> 'ignored')"""

_ON_STATEMENTS = f"""
    select a.currency, coalesce(sum(l.amount), 0) as total,
        coalesce(sum(l.amount) filter (where not {_IS_OURS}), 0) as other
    from bank_accounts a
    left join bank_lines l on l.bank_account_id = a.id and l.booked_on between :first_day and :last_day
    where a.entity_id = :entity group by a.currency
"""

_IN_THE_BOOK = """
    select m.currency, sum(case when m.to_account = 'bank' then m.amount else -m.amount end) as amount
    from journal_entries e join journal_moves m using (reference)
    where e.entity_id = :entity and e.effective_on between :first_day and :last_day
        and 'bank' in (m.from_account, m.to_account)
    group by m.currency
"""

# Each line with the entry that it is. A match that was undone has an entry and its reversal, and no line.
_APART = """
    with on_a_line as (
        select case m.kind when 'deposit' then 'deposit:' || m.subject_id
            when 'transfer' then 'offline:' || m.subject_id
            when 'owed_payment' then 'owed_paid:' || m.subject_id else 'bank:' || m.id end as reference,
            min(l.booked_on) as booked_on
        from bank_matches m join bank_lines l on l.id = m.bank_line_id
        join bank_accounts a on a.id = l.bank_account_id and a.entity_id = :entity
        where m.undone_at is null and m.kind <> 'ignored'
        group by 1
    )
    select e.reference, e.kind, e.effective_on, o.booked_on, m.currency,
        sum(case when m.to_account = 'bank' then m.amount else -m.amount end) as amount
    from journal_entries e join journal_moves m using (reference)
    left join on_a_line o on o.reference = e.reference
    where e.entity_id = :entity and 'bank' in (m.from_account, m.to_account)
        and (e.effective_on between :first_day and :last_day)
            <> (o.booked_on is not null and o.booked_on between :first_day and :last_day)
    group by e.reference, e.kind, e.effective_on, o.booked_on, m.currency
    having sum(case when m.to_account = 'bank' then m.amount else -m.amount end) <> 0
    order by e.effective_on, e.reference
"""
