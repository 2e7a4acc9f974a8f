"""Gifts as one looks for them: by what they are and when, a page at a time, with the sums of all that fits.

The day of a gift is its date where it is paid, and the day on which it was begun where it is not; both are
days of the body whose book it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session, selectinload

from payments.donations.checkout import find
from payments.donations.models import Allocation, Donation, DonationStatus
from payments.money import THREE_DECIMAL, ZERO_DECIMAL, Money

NEWEST_FIRST = (Donation.created_at.desc(), Donation.id.desc())
_ORDER = (Donation.created_at, Donation.id)
_TWO_DECIMALS = ~Donation.currency.in_([*ZERO_DECIMAL, *THREE_DECIMAL])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which gifts. What is left out narrows nothing."""

    time_zone: str
    """Of the body whose days are meant."""
    status: DonationStatus | None = None
    first_day: date | None = None
    last_day: date | None = None
    fund_id: str | None = None
    currency: str | None = None
    channel: str | None = None
    frequency: str | None = None
    amount: Decimal | None = None
    """In whole units of whichever currency the gift is in."""
    donor_id: str | None = None
    among: Select[*tuple[str | None, ...]] | None = None
    """A query of ids: what somebody else knows to be about one thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Everything that fits, in one currency."""

    count: int
    amount: Money
    paid_count: int
    paid: Money


def listed(session: Session, wanted: Wanted, *, limit: int, after: str | None = None) -> Sequence[Donation]:
    """The one begun last on top; `after` names the last one of the page before."""
    chosen = _chosen(wanted).limit(limit)
    if after is not None:
        last = find(session, after)
        chosen = chosen.where(tuple_(*_ORDER) < (last.created_at, last.id))
    return session.scalars(chosen).all()


def totals(session: Session, wanted: Wanted) -> list[Total]:
    """What all that fits comes to, on whichever page it stands; never two currencies in one sum."""
    is_paid = Donation.status == DonationStatus.PAID.value
    amount = Donation.amount.expression
    rows = session.execute(
        select(
            Donation.currency,
            func.count(),
            func.sum(amount),
            func.count().filter(is_paid),
            func.coalesce(func.sum(amount).filter(is_paid), 0),
        )
        .where(*which(wanted))
        .group_by(Donation.currency)
        .order_by(Donation.currency)
    )
    return [
        Total(
            count=count,
            amount=Money(int(minor), currency),
            paid_count=paid_count,
            paid=Money(int(paid), currency),
        )
        for currency, count, minor, paid_count, paid in rows
    ]


def day_begins(day: date, zone: str) -> datetime:
    """The first instant of a day where the books are kept."""
    return datetime.combine(day, time(0), ZoneInfo(zone)).astimezone(UTC)


def amount_written(written: str) -> Decimal | None:
    """An amount as one types it: `25`, `25.00`, `1,000`; None for what can be read in two ways."""
    if not re.fullmatch(r"(?:\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.\d{1,3})?", written.strip(), re.ASCII):
        return None
    return Decimal(written.strip().replace(",", ""))


def _chosen(wanted: Wanted) -> Select[Donation]:
    return (
        select(Donation)
        .where(*which(wanted))
        .order_by(*NEWEST_FIRST)
        .options(selectinload(Donation.allocations))
    )


def which(wanted: Wanted) -> list[ColumnElement[bool]]:
    """The same as conditions, for whoever asks more of the gifts than this room knows."""
    chosen: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        chosen.append(Donation.status == wanted.status.value)
    if wanted.first_day is not None:
        begins = day_begins(wanted.first_day, wanted.time_zone)
        chosen.append(_day(Donation.gift_date >= wanted.first_day, Donation.created_at >= begins))
    if wanted.last_day is not None:
        ends = day_begins(wanted.last_day + timedelta(days=1), wanted.time_zone)
        chosen.append(_day(Donation.gift_date <= wanted.last_day, Donation.created_at < ends))
    if wanted.fund_id is not None:
        is_for_it = Allocation.fund_id == wanted.fund_id
        chosen.append(Donation.id.in_(select(Allocation.donation_id).where(is_for_it)))
    for column, value in (
        (Donation.currency, wanted.currency),
        (Donation.channel, wanted.channel),
        (Donation.frequency, wanted.frequency),
        (Donation.donor_id, wanted.donor_id),
    ):
        if value is not None:
            chosen.append(column == value)
    if wanted.amount is not None:
        chosen.append(_of_amount(wanted.amount))
    if wanted.among is not None:
        chosen.append(Donation.id.in_(wanted.among))
    return chosen


def _day(where_paid: ColumnElement[bool], where_not: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(where_paid, and_(Donation.gift_date.is_(None), where_not))


def _of_amount(amount: Decimal) -> ColumnElement[bool]:
    """So many whole units, whatever the currency counts in."""

    def of(is_so: ColumnElement[bool], places: int) -> ColumnElement[bool]:
        minor = amount.scaleb(places)
        # An amount that the currency cannot write is the amount of no gift.
        return and_(is_so, Donation.amount == (int(minor) if minor == int(minor) else -1))

    return or_(
        of(_TWO_DECIMALS, 2),
        of(Donation.currency.in_(ZERO_DECIMAL), 0),
        of(Donation.currency.in_(THREE_DECIMAL), 3),
    )
