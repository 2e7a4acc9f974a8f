"""The figures of a month out of the book: trial balance, funds, payouts, receipts, and what came late."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments.donations.models import Fund
from payments.ledger.accounts import Account
from payments.ledger.sums import MONTH_SUMS
from payments.reconciliation import payout_proof
from payments.reconciliation.models import Payout
from payments.reconciliation.months import Month


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One account, one currency, and one fund where the account is kept by fund. Debit is positive."""

    account: Account
    fund_id: str | None
    currency: str
    opening: int
    debit: int
    credit: int

    @property
    def closing(self) -> int:
        """What stands there at the end of the month."""
        return self.opening + self.debit - self.credit


@dataclass(frozen=True, slots=True, kw_only=True)
class FundLine:
    """What a fund was given in the month, and what went back of it. All positive but what is taken off."""

    fund_id: str | None
    """None for what covers the fees."""
    fund_name: str
    currency: str
    gifts: int
    contributions: int
    refunds: int
    chargebacks: int

    @property
    def net(self) -> int:
        """What is left."""
        return self.contributions + self.refunds + self.chargebacks


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutOfMonth:
    """A payout that was made in the month or expected at the bank in it."""

    stripe_payout_id: str
    status: str
    is_automatic: bool
    currency: str
    amount: int
    made_on: date
    arrives_on: date
    proof: str
    is_on_statement: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LateEntry:
    """An entry that happened in a month that was closed, and so counts for this one."""

    reference: str
    kind: str
    happened_on: date
    effective_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsOfMonth:
    """What was issued in the month, one series, tax year and currency."""

    series: str
    tax_year: int
    currency: str
    first: str
    last: str
    issued: int
    amount: int
    void: int
    """Of these: void by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How many entries a month holds, and the last of them, and how many lines of the bank: while these are
    the same, nothing was added, for neither ever changes and no entry gets a move later."""

    entries: int
    last_number: int
    bank_lines: int


def mark(session: Session, month: Month) -> Mark:
    """The month's mark at this moment. Quick: posting waits for it while a month is being closed."""
    found = session.execute(text(_MARK), _given(month)).one()
    return Mark(entries=found.entries, last_number=found.last_number, bank_lines=found.bank_lines)


def moved(session: Session, month: Month) -> int:
    """The sum of all amounts of the month's entries, whatever the currency."""
    return int(session.scalar(text(_MOVED), _given(month)) or 0)


def trial_balance(session: Session, month: Month) -> tuple[TrialLine, ...]:
    """Every account that ever moved up to the end of the month, in the chart's order."""
    order = {account: place for place, account in enumerate(Account)}
    lines = [
        TrialLine(
            account=Account(row.account),
            fund_id=row.fund_id,
            currency=row.currency,
            opening=int(row.opening),
            debit=int(row.debit),
            credit=int(row.credit),
        )
        for row in session.execute(text(_TRIAL), _given(month) | {"by_fund": _BY_FUND})
    ]
    return tuple(sorted(lines, key=lambda each: (each.currency, order[each.account], each.fund_id or "")))


def funds(session: Session, month: Month) -> tuple[FundLine, ...]:
    """Every fund that was given to or gave back, with its name of today."""
    names = {fund.id: fund.name_in("en") for fund in session.scalars(select(Fund))}
    return tuple(
        FundLine(
            fund_id=row.fund_id,
            fund_name=names.get(row.fund_id, "") if row.fund_id is not None else "Fee cover",
            currency=row.currency,
            gifts=row.gifts,
            contributions=int(row.contributions),
            refunds=int(row.refunds),
            chargebacks=int(row.chargebacks),
        )
        for row in session.execute(text(_FUNDS), _given(month))
    )


def payouts(session: Session, month: Month) -> tuple[PayoutOfMonth, ...]:
    """In the order in which they were made."""
    if not month.receives_online:
        return ()
    rows = session.scalars(
        select(Payout)
        .where(
            (Payout.made_at >= month.begins) & (Payout.made_at < month.ends)
            | Payout.arrives_on.between(month.first_day, month.last_day)
        )
        .order_by(Payout.made_at, Payout.stripe_payout_id)
    ).all()
    ids = [row.stripe_payout_id for row in rows]
    sums = payout_proof.sums(session, ids)
    own = payout_proof.own_movements(session, rows)
    on_statement = set(session.scalars(text(_ON_STATEMENT), {"ids": ids}))
    return tuple(
        PayoutOfMonth(
            stripe_payout_id=row.stripe_payout_id,
            status=row.status,
            is_automatic=row.is_automatic,
            currency=row.currency,
            amount=row.amount,
            made_on=month.day_of(row.made_at),
            arrives_on=row.arrives_on,
            proof=payout_proof.proof_of(
                row, sums.get(row.stripe_payout_id, payout_proof.Sums()), own.get(row.stripe_payout_id)
            ).state.value,
            is_on_statement=row.stripe_payout_id in on_statement,
        )
        for row in rows
    )


def receipts(session: Session, month: Month) -> tuple[ReceiptsOfMonth, ...]:
    """Every series in which receipts were issued in the month."""
    return tuple(
        ReceiptsOfMonth(
            series=row.series,
            tax_year=row.tax_year,
            currency=row.currency,
            first=row.first,
            last=row.last,
            issued=row.issued,
            amount=int(row.amount),
            void=row.void,
        )
        for row in session.execute(text(_RECEIPTS), _given(month))
    )


def late_entries(session: Session, month: Month) -> tuple[LateEntry, ...]:
    """What stands in the month and happened before it."""
    return tuple(
        LateEntry(
            reference=row.reference,
            kind=row.kind,
            happened_on=row.happened_on,
            effective_on=row.effective_on,
        )
        for row in session.execute(text(_LATE), _given(month))
    )


def _given(month: Month) -> dict[str, str | date | datetime]:
    return {
        "entity": month.entity_id,
        "zone": month.time_zone,
        "first_day": month.first_day,
        "last_day": month.last_day,
        "begins": month.begins,
        "ends": month.ends,
    }


_BY_FUND = [account.value for account in Account if account.is_kept_by_fund]

_MARK = """
    select count(*) as entries, coalesce(max(number), 0) as last_number,
        (select count(*) from bank_lines l join bank_accounts a on a.id = l.bank_account_id
            where a.entity_id = :entity and l.booked_on between :first_day and :last_day) as bank_lines
    from journal_entries
    where entity_id = :entity and effective_on between :first_day and :last_day
"""

_MOVED = """
    select sum(m.amount) from journal_entries e join journal_moves m using (reference)
    where e.entity_id = :entity and e.effective_on between :first_day and :last_day
"""

_TRIAL = f"""
    select account, case when account = any (:by_fund) then fund_id end as fund_id, currency,
        coalesce(sum(debit - credit) filter (where month < :first_day), 0) as opening,
        coalesce(sum(debit) filter (where month = :first_day), 0) as debit,
        coalesce(sum(credit) filter (where month = :first_day), 0) as credit
    from ({MONTH_SUMS}) as sums
    where entity_id = :entity and month <= :first_day
    group by 1, 2, 3
"""

_FUNDS = """
    with sides as (
        select e.kind, e.donation_id, m.currency, m.fund_id, s.account, s.credit
        from journal_entries e join journal_moves m using (reference)
        cross join lateral (values (m.to_account, -m.amount), (m.from_account, m.amount))
            as s (account, credit)
        where e.entity_id = :entity and e.effective_on between :first_day and :last_day
            and s.account in ('contributions', 'contributions_in_kind', 'contributions_fee_cover',
                'contribution_refunds', 'chargebacks')
    )
    select case when account = 'contributions_fee_cover' then null else fund_id end as fund_id, currency,
        count(distinct donation_id) filter (where kind in ('gift', 'offline_gift')) as gifts,
        coalesce(sum(credit) filter (where account like 'contributions%'), 0) as contributions,
        coalesce(sum(credit) filter (where account = 'contribution_refunds'), 0) as refunds,
        coalesce(sum(credit) filter (where account = 'chargebacks'), 0) as chargebacks
    from sides group by 1, currency order by currency, fund_id nulls last
"""

_ON_STATEMENT = """
    select subject_id from bank_matches
    where subject_id = any (:ids) and kind = 'payout' and undone_at is null
"""

_RECEIPTS = """
    select series, tax_year, currency, min(number) as first, max(number) as last, count(*) as issued,
        sum(amount) as amount, count(*) filter (where status = 'void') as void
    from receipts where entity_id = :entity and issued_at >= :begins and issued_at < :ends
    group by series, tax_year, currency order by series, tax_year, currency
"""

_LATE = """
    select reference, kind, (occurred_at at time zone :zone)::date as happened_on, effective_on
    from journal_entries
    where entity_id = :entity and effective_on = :first_day
        and (occurred_at at time zone :zone)::date < :first_day
    order by number
"""
