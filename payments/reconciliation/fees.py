"""What Stripe kept of a month, by what it was for and by how people paid; and whether those who cover the fee
really do.

The fee of a gift is Stripe's own figure and what covers it is a line of the book, so both are known to the
cent and neither is estimated. Only what the giving page asks for is an estimate, because it is made before
anybody knows the card: here it is held against what a year of gifts really cost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from payments.donations.models import GivingTerms
from payments.ledger.accounts import Account
from payments.ledger.rules import in_proportion
from payments.reconciliation.months import Month

FEE_ACCOUNTS = (Account.PROCESSING_FEES, Account.DISPUTE_FEES, Account.STRIPE_SERVICE_FEES)

_LOOKED_BACK = timedelta(days=365)
_ENOUGH = 30
"""Fewer gifts say nothing about the next ones."""
_OFF = 50
"""In thousandths of the fees: an estimate that misses more than these is worth a person's look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one account of fees came to in the month; what was given back is taken off."""

    account: Account
    currency: str
    entries: int
    amount: int
    """Minor units; positive costs money."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByMethod:
    """Gifts that were paid in one way, in one pair of currencies."""

    method: str
    card_brand: str | None
    gift_currency: str
    currency: str
    """In which Stripe settled; gross and fee are in it."""
    gifts: int
    gross: int
    fee: int
    basis_points: int
    """The fee in hundredths of a percent of the gross."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One gift whose donor covered the fee: what was added for it, and what it came to."""

    donation_id: str
    day: date
    currency: str
    """In which Stripe settled, as are the amounts."""
    cover: int
    fee: int
    difference: int
    """What was added beyond the fee; negative where it was not enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoveredInAll:
    """The same of all gifts that Stripe settled in one currency."""

    currency: str
    gifts: int
    cover: int
    fee: int
    difference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the giving page asks for in one currency, beside what a year of gifts cost. Minor units."""

    currency: str
    gifts: int
    """Of the year up to the end of the month that Stripe settled in their own currency."""
    gross: int
    fee: int
    by_terms: int
    """What the terms of now would have asked for all of them."""
    basis_points: int
    fixed: int
    """The two halves of the terms of now."""
    measured: tuple[int, int] | None
    """The same two as the year's fees have them; None where they do not tell: few gifts, or all alike."""
    per_thousand: int
    """How much of the fees the terms would have asked for, in thousandths: 1,000 is all of it."""
    is_fair: bool
    """Whether it misses by little, or too little is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeesOfMonth:
    """Everything about one body's fees in one month."""

    month: Month
    kept: tuple[Kept, ...]
    by_method: tuple[ByMethod, ...]
    booked: dict[str, int]
    """By currency, what the book has as processing fees of the month's gifts."""
    covers: tuple[CoveredInAll, ...]
    covered: tuple[Covered, ...]
    estimates: tuple[Estimate, ...]


def fees_of_month(session: Session, month: Month) -> FeesOfMonth:
    """Read them out of the book and Stripe's movements; changes nothing."""
    days = {"entity": month.entity_id, "first_day": month.first_day, "last_day": month.last_day}
    accounts = [account.value for account in FEE_ACCOUNTS]
    order = {account: place for place, account in enumerate(FEE_ACCOUNTS)}
    kept = [
        Kept(account=Account(row.account), currency=row.currency, entries=row.entries, amount=row.amount)
        for row in session.execute(text(_KEPT), days | {"accounts": accounts})
    ]
    covered = tuple(Covered(**row._mapping) for row in session.execute(text(_COVERED), days))
    return FeesOfMonth(
        month=month,
        kept=tuple(sorted(kept, key=lambda line: (line.currency, order[line.account]))),
        by_method=tuple(
            ByMethod(**row._mapping, basis_points=in_proportion(row.fee, of=row.gross, to=10_000))
            for row in session.execute(text(_BY_METHOD), days)
        ),
        booked={row.currency: row.fee for row in session.execute(text(_BOOKED), days)},
        covers=tuple(_together(covered)),
        covered=covered,
        estimates=estimates(session, month.ends) if month.receives_online else (),
    )


def estimates(session: Session, until: datetime) -> tuple[Estimate, ...]:
    """What the giving page asks for in each currency, held against the year up to `until`."""
    terms = {row.currency: row for row in session.scalars(select(GivingTerms))}
    rows = session.execute(text(_YEAR), {"since": until - _LOOKED_BACK, "until": until})
    return tuple(_estimate(terms[row.currency], row) for row in rows if row.currency in terms)


def _estimate(terms: GivingTerms, year: Row[Any]) -> Estimate:
    gross, fee = int(year.gross), int(year.fee)
    by_terms = in_proportion(gross, of=10_000, to=terms.fee_basis_points) + year.gifts * terms.fee_fixed
    per_thousand = in_proportion(by_terms, of=fee, to=1000) if fee > 0 else 1000
    return Estimate(
        currency=terms.currency,
        gifts=year.gifts,
        gross=gross,
        fee=fee,
        by_terms=by_terms,
        basis_points=terms.fee_basis_points,
        fixed=terms.fee_fixed,
        measured=measured(year.gifts, gross, fee, int(year.squares), int(year.products)),
        per_thousand=per_thousand,
        is_fair=year.gifts < _ENOUGH or abs(per_thousand - 1000) <= _OFF,
    )


def _together(covered: Sequence[Covered]) -> Iterator[CoveredInAll]:
    for currency in sorted({each.currency for each in covered}):
        of = [each for each in covered if each.currency == currency]
        yield CoveredInAll(
            currency=currency,
            gifts=len(of),
            cover=sum(each.cover for each in of),
            fee=sum(each.fee for each in of),
            difference=sum(each.difference for each in of),
        )


def measured(gifts: int, gross: int, fee: int, squares: int, products: int) -> tuple[int, int] | None:
    """The rate in hundredths of a percent and the fixed part in minor units that come nearest to the fees of
    many gifts, out of the sums of gross, fee, gross squared, and gross times fee. None where they do not
    tell.

    The fixed part is that of the least squares, in whole numbers all the way; the rate is then what is left
    of the fees, so that both together come to what the gifts cost.
    """
    spread = gifts * squares - gross * gross
    if gifts < _ENOUGH or spread <= 0:
        return None
    slope = gifts * products - gross * fee
    fixed = in_proportion(fee * spread - slope * gross, of=gifts * spread, to=1)
    basis_points = in_proportion(fee - gifts * fixed, of=gross, to=10_000)
    return (basis_points, fixed) if basis_points >= 0 and fixed >= 0 else None


_KEPT = """
    select s.account, m.currency, count(distinct e.reference) as entries, sum(s.amount)::bigint as amount
    from journal_entries e join journal_moves m using (reference)
    cross join lateral (values (m.to_account, m.amount), (m.from_account, -m.amount)) as s (account, amount)
    where e.entity_id = :entity and e.effective_on between :first_day and :last_day
        and s.account = any (:accounts)
    group by s.account, m.currency
"""

_GIFTS = """
    from journal_entries e
    join balance_transactions b on 'bt:' || b.stripe_balance_transaction_id = e.reference
    join charges c on c.stripe_charge_id = b.source_id
    where e.entity_id = :entity and e.effective_on between :first_day and :last_day and e.kind = 'gift'
"""

_BY_METHOD = f"""
    select c.method, c.card_brand, c.currency as gift_currency, b.currency, count(*) as gifts,
        sum(b.amount)::bigint as gross, sum(b.fee)::bigint as fee
    {_GIFTS} and b.amount > 0 group by 1, 2, 3, 4 order by b.currency, gross desc, 1, 2
"""

_BOOKED = """
    select m.currency, coalesce(sum(s.amount), 0)::bigint as fee
    from journal_entries e join journal_moves m using (reference)
    cross join lateral (values (m.to_account, m.amount), (m.from_account, -m.amount)) as s (account, amount)
    where e.entity_id = :entity and e.effective_on between :first_day and :last_day and e.kind = 'gift'
        and s.account = 'processing_fees'
    group by m.currency
"""

_COVERED = """
    select donation_id, day, currency, cover, fee, cover - fee as difference
    from (
        select e.number, e.donation_id, e.effective_on as day, m.currency,
            sum(m.amount) filter (where m.from_account = 'contributions_fee_cover')::bigint as cover,
            coalesce(sum(s.fee), 0)::bigint as fee
        from journal_entries e join journal_moves m using (reference)
        cross join lateral (
            select case 'processing_fees'
                when m.to_account then m.amount
                when m.from_account then -m.amount
            end
        ) as s (fee)
        where e.entity_id = :entity and e.effective_on between :first_day and :last_day and e.kind = 'gift'
        group by e.reference, e.donation_id, e.effective_on, e.number, m.currency
    ) as gifts
    where cover > 0 order by number
"""

_YEAR = """
    select c.currency, count(*) as gifts, sum(b.amount) as gross, sum(b.fee) as fee,
        sum(b.amount::numeric * b.amount) as squares, sum(b.amount::numeric * b.fee) as products
    from balance_transactions b join charges c on c.stripe_charge_id = b.source_id
    where b.created_at >= :since and b.created_at < :until and b.currency = c.currency
        and b.reporting_category = 'charge' and c.donation_id is not null
    group by c.currency order by c.currency
"""
