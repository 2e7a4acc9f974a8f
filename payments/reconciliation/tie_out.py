"""What Stripe holds at the end of a month, told twice: by the book and by Stripe.

Stripe's report takes an automatic payout off the balance on the day it reaches the bank, and a manual or
instant one when it is made; the book takes both off when they are made. So

    `stripe_balance` in the book + payouts made and not yet effective = Stripe's ending balance

and what is left over is unexplained, and must be nothing. What was heard of only after its month was closed
stands in a later month of the book and is told by itself. Days are those of the body's time zone.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.ledger.sums import MONTH_SUMS
from payments.reconciliation import stripe_balance
from payments.reconciliation.months import Month
from payments.reconciliation.stripe_balance import Asked
from payments.reconciliation.stripe_reports.figures import report_ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One reporting category of Stripe's in the month; minor units, signed as at Stripe."""

    category: str
    count: int
    gross: int
    fee: int
    net: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEffective:
    """A payout that the book has taken off and Stripe's report has not, at the end of the month."""

    stripe_payout_id: str
    amount: int
    made_on: date
    effective_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOut:
    """One currency of one month; minor units."""

    currency: str
    opening: int
    """Stripe's ending balance of the month before."""
    activity: tuple[Activity, ...]
    payouts: Activity
    """What became effective in the month, failed ones that came back among it."""
    closing: int
    """Stripe's ending balance: opening, activity and payouts."""
    in_the_book: int
    """`stripe_balance` at the end of the last day."""
    not_yet_effective: tuple[NotEffective, ...]
    late: int
    """What Stripe moved up to the end of the month and the book has in a later one, because this one was
    closed."""
    asked: Asked | None
    """Stripe's own number, asked after the month, beside what its movements come to at that moment."""
    report_ending: int | None = None
    """The ending balance of Stripe's own report of the month, where somebody imported it."""

    @property
    def in_transit(self) -> int:
        """The payouts that are not yet effective, together."""
        return sum(payout.amount for payout in self.not_yet_effective)

    @property
    def unexplained(self) -> int:
        """What the book and Stripe's movements differ by after everything that explains it."""
        return self.in_the_book + self.late + self.in_transit - self.closing

    @property
    def is_proven(self) -> bool:
        """Whether nothing is unexplained, and neither Stripe's own number nor its report says otherwise."""
        return (
            self.unexplained == 0
            and (self.asked is None or self.asked.difference == 0)
            and self.report_ending in (None, self.closing)
        )


def tie_outs(session: Session, month: Month) -> tuple[TieOut, ...]:
    """Every currency in which Stripe ever held money for this body."""
    if not month.receives_online:
        return ()
    given = {
        "entity": month.entity_id,
        "zone": month.time_zone,
        "begins": month.begins,
        "ends": month.ends,
        "first_day": month.first_day,
        "last_day": month.last_day,
    }
    activity: dict[str, list[Activity]] = {}
    for row in session.execute(text(_ACTIVITY), given):
        activity.setdefault(row.currency, []).append(_activity(row.category, row))
    waiting: dict[str, list[NotEffective]] = {}
    for row in session.execute(text(_NOT_EFFECTIVE), given):
        waiting.setdefault(row.currency, []).append(
            NotEffective(
                stripe_payout_id=row.stripe_payout_id,
                amount=row.amount,
                made_on=row.made_on,
                effective_on=row.effective_on,
            )
        )
    payouts = {row.currency: _activity("payouts", row) for row in session.execute(text(_PAYOUTS), given)}
    book = {row.currency: int(row.balance) for row in session.execute(text(_IN_THE_BOOK), given)}
    late = {row.currency: int(row.net) for row in session.execute(text(_LATE), given)}
    opening = {row.currency: int(row.balance) for row in session.execute(text(_OPENING), given)}
    asked = stripe_balance.asked_after(session, month.ends)
    return tuple(
        _tie_out(
            currency,
            opening=opening.get(currency, 0),
            activity=tuple(activity.get(currency, ())),
            payouts=payouts.get(currency, _NO_PAYOUTS),
            in_the_book=book.get(currency, 0),
            not_yet_effective=tuple(waiting.get(currency, ())),
            late=late.get(currency, 0),
            asked=asked.get(currency),
            report_ending=report_ending(session, currency, month.begins, month.ends),
        )
        for currency in sorted(opening.keys() | activity.keys() | payouts.keys() | book.keys())
    )


_NO_PAYOUTS = Activity(category="payouts", count=0, gross=0, fee=0, net=0)


def _tie_out(currency: str, *, opening: int, activity: tuple[Activity, ...], **given: Any) -> TieOut:
    closing = opening + sum(line.net for line in activity) + given["payouts"].net
    return TieOut(currency=currency, opening=opening, activity=activity, closing=closing, **given)


def _activity(category: str, row: Any) -> Activity:
    return Activity(
        category=category, count=row.count, gross=int(row.gross), fee=int(row.fee), net=int(row.net)
    )


# What an adopted account held before its books begin is no movement of Stripe's.
_BEFORE_THE_BOOKS = "opening_balance"

# Each movement of a payout with the day on which Stripe's report takes it off. One that came back before it
# was due was never gone for the report, whichever of the two is later.
_EFFECTIVE = """
    moved as (
        select b.stripe_balance_transaction_id, b.source_id, b.currency, b.amount, b.fee, b.net, b.created_at,
            b.reporting_category, (b.created_at at time zone :zone)::date as made_on
        from balance_transactions b where b.reporting_category in ('payout', 'payout_reversal')
    ), came_back as materialized (
        select * from moved where reporting_category = 'payout_reversal'
    ), effective as (
        select m.*, case
            when m.reporting_category = 'payout' and p.is_automatic then greatest(
                m.made_on, least(p.arrives_on, (
                    select min(r.made_on) from came_back r
                    where r.stripe_balance_transaction_id = p.failure_balance_transaction_id
                        or r.source_id = p.stripe_payout_id
                )))
            else m.made_on end as effective_on
        from moved m left join payouts p on p.stripe_payout_id = m.source_id
    )
"""

_ACTIVITY = f"""
    select currency, reporting_category as category, count(*) as count, sum(amount) as gross, sum(fee) as fee,
        sum(net) as net
    from balance_transactions
    where created_at >= :begins and created_at < :ends
        and reporting_category not in ('payout', 'payout_reversal', '{_BEFORE_THE_BOOKS}')
    group by currency, reporting_category order by currency, reporting_category
"""

_PAYOUTS = f"""
    with {_EFFECTIVE}
    select currency, count(*) as count, sum(amount) as gross, sum(fee) as fee, sum(net) as net
    from effective where effective_on between :first_day and :last_day group by currency
"""

_NOT_EFFECTIVE = f"""
    with {_EFFECTIVE}
    select source_id as stripe_payout_id, currency, -net as amount, made_on, effective_on
    from effective where made_on <= :last_day and effective_on > :last_day
    order by currency, made_on, source_id
"""

_OPENING = f"""
    with {_EFFECTIVE}
    select currency, sum(net) as balance from (
        select currency, net from balance_transactions
        where created_at < :begins and reporting_category not in ('payout', 'payout_reversal')
            or created_at < :ends and reporting_category = '{_BEFORE_THE_BOOKS}'
        union all
        select currency, net from effective where effective_on < :first_day
    ) _ group by currency
"""

_IN_THE_BOOK = f"""
    select currency, sum(debit - credit) as balance from ({MONTH_SUMS}) as sums
    where entity_id = :entity and account = 'stripe_balance' and month <= :first_day
    group by currency
"""

_LATE = """
    select b.currency, sum(b.net) as net
    from journal_entries e
    join balance_transactions b on e.reference = 'bt:' || b.stripe_balance_transaction_id
    where e.entity_id = :entity and e.effective_on > :last_day and b.created_at < :ends
    group by b.currency
"""
