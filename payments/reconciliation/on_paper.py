"""Which line of the bank may be a deposit slip, a gift by transfer, or a payment of what was owed.

All of them were booked when they were written down, so their line only confirms them, and it is a person who
says so: people give the same amount on the same day, and no bank's words tell their gifts apart. Suggested is
what has the line's amount to the cent and a day near it; never for a line that names Stripe, whose money is
in the book already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from payments.reconciliation import candidates
from payments.reconciliation.candidates import WORDS
from payments.reconciliation.telling import Told
from payments.translations import N_

_DAYS = 10
"""Between the day in the book and the bank's, either way: a slip may be carried over a holiday, and a
transfer written down when its letter comes."""

_ON_PAPER = f"""
with told as materialized (
    select l.id as bank_line_id, a.entity_id, l.amount, l.currency, l.booked_on, {WORDS} as words
    from bank_lines l join bank_accounts a on a.id = l.bank_account_id
    where (l.id = %(line)s or %(line)s is null)
        and not exists (select from bank_matches m where m.bank_line_id = l.id and m.undone_at is null)
), booked as (
    select s.id as subject_id, 'deposit' as kind, s.entity_id, s.currency, s.total as on_statement,
        s.deposited_on as day
    from deposit_slips s
    union all
    select d.id, 'transfer', d.entity_id, d.currency, d.amount, o.received_on
    from donations d join offline_gifts o on o.donation_id = d.id and o.reversed_at is null
    where d.channel = 'bank_transfer'
    union all
    select p.id, 'owed_payment', d.entity_id, p.settled_currency, -p.settled_amount,
        (p.decided_at at time zone e.time_zone)::date
    from owed_payments p
    join donations d on d.id = p.donation_id
    join issuing_entities e on e.id = d.entity_id
    where p.status = 'paid'
)
select told.bank_line_id, booked.subject_id, booked.kind, booked.day
from told join booked on booked.entity_id = told.entity_id and booked.currency = told.currency
    and booked.on_statement = told.amount
    and booked.day between told.booked_on - {_DAYS} and told.booked_on + {_DAYS}
where strpos(told.words, 'STRIPE') = 0 and strpos(told.words, '스트라이프') = 0
    and not exists (
        select from bank_matches m
        where m.kind = booked.kind and m.subject_id = booked.subject_id and m.undone_at is null
    )
order by told.bank_line_id, abs(told.booked_on - booked.day), booked.day, booked.subject_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPaper:
    """One slip, gift or payment that a line may be."""

    bank_line_id: str
    subject_id: str
    kind: str
    day: date
    """As the book has it."""

    @property
    def speaks(self) -> Told:
        """What speaks for it, to be told in any language."""
        return Told(N_("the same amount, of {day}"), {"day": self.day.isoformat()})


def everything(session: Session) -> Sequence[OnPaper]:
    """Every pair that is possible, of each line the nearest day first."""
    return _found(session, None)


def of_line(session: Session, bank_line_id: str) -> Sequence[OnPaper]:
    """Everything that one line may be: nothing where the bank's words name a payout, for a line of Stripe's
    can never be said to be a gift."""
    if any(each.speaks_for_itself for each in candidates.of_line(session, bank_line_id)):
        return []
    return _found(session, bank_line_id)


def _found(session: Session, bank_line_id: str | None) -> Sequence[OnPaper]:
    rows = session.connection().exec_driver_sql(_ON_PAPER, {"line": bank_line_id})
    return [OnPaper(**row._mapping) for row in rows]
