"""The monthly programme by month: what was expected, what came, what was refused and what was recovered.

A month holds the instalments that Stripe billed in it, wherever they end: each of them was collected, is
still out, or was given up. New and ended gifts are counted in the month in which they began or ended. A
promise is no receivable, so nothing here is in the book before it is paid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.money import Money

_AT_MOST = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfProgramme:
    """One month in one currency."""

    month: date
    """Its first day."""
    currency: str
    instalments: int
    expected: Money
    """What was billed."""
    collected: Money
    refused: int
    """Instalments that a bank refused at least once."""
    recovered: int
    """Of these: paid at a later try."""
    out: Money
    """Billed and not paid, or not yet."""
    begun: int
    ended: int
    """Stopped for good, by whomever."""
    lapsed: int
    """Ended by refusals; the donor may come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EachMonth:
    """What the gifts that run now promise together, in one currency."""

    gifts: int
    amount: Money
    """For one month."""


def by_month(session: Session, time_zone: str) -> Sequence[MonthOfProgramme]:
    """The latest month on top, three years at most; days are those of the time zone."""
    rows = session.execute(text(_BY_MONTH), {"zone": time_zone, "most": _AT_MOST})
    return [
        MonthOfProgramme(
            month=row.month,
            currency=row.currency,
            instalments=row.instalments,
            expected=Money(int(row.expected), row.currency),
            collected=Money(int(row.collected), row.currency),
            refused=row.refused,
            recovered=row.recovered,
            out=Money(int(row.expected) - int(row.collected), row.currency),
            begun=row.begun,
            ended=row.ended,
            lapsed=row.lapsed,
        )
        for row in rows
    ]


def each_month(session: Session) -> Sequence[EachMonth]:
    """Of the gifts that are charged each month as things stand: active ones, and those that are behind."""
    rows = session.execute(text(_EACH_MONTH))
    return [EachMonth(gifts=row.gifts, amount=Money(int(row.amount), row.currency)) for row in rows]


_MONTH = "date_trunc('month', {} at time zone :zone)::date"

# Put together from names of our own.
_BY_MONTH = f"""
    with billed as (
        select {_MONTH.format("i.made_at")} as month, i.currency, count(*) as instalments,
            sum(i.amount_due) as expected,
            sum(case when i.status = 'paid' then i.amount_paid else 0 end) as collected,
            count(*) filter (where i.refused_attempts > 0) as refused,
            count(*) filter (where i.refused_attempts > 0 and i.status = 'paid') as recovered
        from monthly_invoices i
        where i.monthly_gift_id is not null and i.made_at is not null and i.amount_due > 0
            and i.status in ('open', 'uncollectible', 'paid')
        group by 1, 2
    ), turned as (
        select {_MONTH.format("created_at")} as month, currency, 1 as begun, 0 as ended, 0 as lapsed
        from monthly_gifts where status not in ('pending', 'never_started')
        union all
        select {_MONTH.format("ended_at")}, currency, 0, 1, 0 from monthly_gifts where ended_at is not null
        union all
        select {_MONTH.format("lapsed_at")}, currency, 0, 0, 1 from monthly_gifts
        where status = 'lapsed' and lapsed_at is not null
    ), counted as (
        select month, currency, sum(begun) as begun, sum(ended) as ended, sum(lapsed) as lapsed
        from turned group by month, currency
    )
    select month, currency, coalesce(b.instalments, 0) as instalments, coalesce(b.expected, 0) as expected,
        coalesce(b.collected, 0) as collected, coalesce(b.refused, 0) as refused,
        coalesce(b.recovered, 0) as recovered, coalesce(c.begun, 0) as begun, coalesce(c.ended, 0) as ended,
        coalesce(c.lapsed, 0) as lapsed
    from billed b full join counted c using (month, currency)
    where month > (select date_trunc('month', now()) - make_interval(months => :most))
    order by month desc, currency
"""  # noqa: S608

_EACH_MONTH = """
    select g.currency, count(*) as gifts, sum(t.amount) as amount
    from monthly_gifts g
    cross join lateral (
        select amount from monthly_terms where monthly_gift_id = g.id order by number desc limit 1
    ) t
    where g.status in ('active', 'behind')
    group by g.currency order by g.currency
"""
