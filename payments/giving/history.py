"""What a donor gave, year by year, each gift with where it stands and its papers; read in a few queries.

The year of a gift is that of its day where the books are kept. What a year comes to is what still stands of
its gifts, as the receipts say it: never two currencies in one sum, and no value for things.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Date, Row, bindparam, cast, func, select
from sqlalchemy.orm import Session, aliased

from payments.database import among
from payments.donations.disputes import LOST
from payments.donations.models import Allocation, Donation, DonationStatus, IssuingEntity
from payments.donations.offline import OfflineGift
from payments.donations.reversals import CLOSED_DISPUTES, Dispute, Refund, RefundStatus
from payments.giving.papers import THANKED_BESIDE
from payments.money import Money
from payments.receipts import page, standing
from payments.receipts.content import THINGS, ReceiptContent
from payments.receipts.models import DueReceipt, Receipt, ReceiptDocument, VoidCause
from payments.receipts.standing import Stands

PAGE = 100
"""Gifts of a year on one page."""
_SEEN = (DonationStatus.PAID.value, DonationStatus.PROCESSING.value, DonationStatus.FAILED.value)
"""A payment page that was opened and left is no gift, and is not told."""
_ON_ITS_WAY = (
    RefundStatus.PENDING.value,
    RefundStatus.REQUIRES_ACTION.value,
    RefundStatus.SUCCEEDED.value,
)


_Row = Row[*tuple[Any, ...]]


class State(StrEnum):
    """What became of a gift's payment; what went back of it stands beside it."""

    RECEIVED = "received"
    PROCESSING = "processing"
    """The bank has not answered."""
    FAILED = "failed"
    """The bank refused it: nothing was given."""
    RETURNED_BY_BANK = "returned_by_bank"
    """A bank took a debit back after it had said yes."""
    TAKEN_OUT = "taken_out"
    """Given on paper and taken back: a cheque without cover, a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A receipt, a letter of thanks or a plain confirmation of one gift."""

    number: str
    called: page.Called
    is_void: bool
    is_written: bool
    """Its page is set and can be had."""
    replaced_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One gift as its donor is told of it."""

    day: date
    amount: Money
    state: State
    is_monthly: bool
    channel: str
    fund_ids: tuple[str, ...]
    thing: str | None
    """What was given, where it was no money: then no amount is told."""
    given_back: Money | None
    on_its_way_back: Money | None
    owed_back: Money | None
    """It could not be paid back; a person looks."""
    lost: Money | None
    """The donor's bank took it back for good."""
    is_questioned: bool
    """The donor's bank asks about it, and has not decided."""
    papers: tuple[Paper, ...]
    awaits_paper: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughOthers:
    """A gift of somebody else for which the donor is thanked."""

    day: date
    payer: str
    amount: Money | None
    """None for a thing."""
    number: str
    is_written: bool
    """The letter was sent to this donor too, and can be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """A year with gifts, and what still stands of them."""

    year: int
    gifts: int
    totals: tuple[Money, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One year of it, and how the others came out."""

    years: tuple[Year, ...]
    """The latest first."""
    year: Year | None
    gifts: tuple[Given, ...]
    through_others: tuple[ThroughOthers, ...]
    page: int
    pages: int


def read(session: Session, donor_id: str, *, year: int | None = None, page_number: int = 1) -> History:
    """A page of the gifts of a year; of the latest where that year has none or is not named."""
    rows = session.execute(_ROWS, {"donor": donor_id}).all()
    others = session.execute(_OTHERS, {"donor": donor_id}).all()
    paid = [row.id for row in rows if row.status == DonationStatus.PAID]
    stands = standing.changed(session, paid)
    years = _years(rows, [row.day for row in others], stands)
    chosen = next((each for each in years if each.year == year), years[0] if years else None)
    of_year = [row for row in rows if chosen is not None and row.day.year == chosen.year]
    pages = max(1, -(-len(of_year) // PAGE))
    at = min(max(1, page_number), pages)
    return History(
        years=years,
        year=chosen,
        gifts=_gifts(session, of_year[(at - 1) * PAGE : at * PAGE], stands),
        through_others=tuple(
            ThroughOthers(
                day=row.day,
                payer=row.payer,
                amount=None if row.channel in THINGS else Money(row.amount, row.currency),
                number=row.number,
                is_written=row.is_written,
            )
            for row in others
            if chosen is not None and row.day.year == chosen.year
        ),
        page=at,
        pages=pages,
    )


def _years(rows: Sequence[_Row], others: Sequence[date], stands: Mapping[str, Stands]) -> tuple[Year, ...]:
    kept: dict[int, dict[str, int]] = defaultdict(dict)
    counts: dict[int, int] = defaultdict(int)
    for day in others:
        counts[day.year] += 0
    for row in rows:
        counts[row.day.year] += row.status == DonationStatus.PAID
        if row.status == DonationStatus.PAID and row.channel not in THINGS:
            sums = kept[row.day.year]
            left = stands[row.id].amount if row.id in stands else row.amount
            sums[row.currency] = sums.get(row.currency, 0) + left
    return tuple(
        Year(
            year=year,
            gifts=counts[year],
            totals=tuple(Money(minor, currency) for currency, minor in sorted(kept[year].items())),
        )
        for year in sorted(counts, reverse=True)
    )


def _gifts(session: Session, rows: Sequence[_Row], stands: Mapping[str, Stands]) -> tuple[Given, ...]:
    ids = [row.id for row in rows]
    papers = _papers(session, ids)
    funds = defaultdict(list)
    for donation_id, fund_id in session.execute(_FUNDS.where(among(Allocation.donation_id, ids))):
        funds[donation_id].append(fund_id)
    due = set(session.scalars(select(DueReceipt.donation_id).where(among(DueReceipt.donation_id, ids))))
    things = dict(session.execute(_THINGS.where(among(OfflineGift.donation_id, ids))).all())
    going = dict(session.execute(_GOING_BACK.where(among(Refund.donation_id, ids))).all())
    questioned = set(session.scalars(_QUESTIONED.where(among(Dispute.donation_id, ids))))

    def told(row: _Row) -> Given:
        def money(minor: int) -> Money | None:
            return Money(minor, row.currency) if minor > 0 else None

        stand = stands.get(row.id, Stands(row.amount, VoidCause.RESTORED))
        gone = row.amount - stand.amount
        is_by_deed = stand.cause not in {VoidCause.TAKEN_BACK, VoidCause.DEBIT_RETURNED}
        back = gone - stand.lost - stand.owed if is_by_deed else 0
        has_live_paper = any(not paper.is_void for paper in papers[row.id])
        return Given(
            day=row.day,
            amount=Money(row.amount, row.currency),
            state=_state(row.status, stand, gone=gone),
            is_monthly=row.frequency == "monthly",
            channel=row.channel,
            fund_ids=tuple(funds[row.id]),
            thing=(things.get(row.id) or "") if row.channel in THINGS else None,
            given_back=money(back),
            on_its_way_back=money(min(int(going.get(row.id, 0)), stand.amount)),
            owed_back=money(stand.owed),
            lost=money(stand.lost),
            is_questioned=row.id in questioned and not stand.lost,
            papers=tuple(papers[row.id]),
            awaits_paper=row.id in due and not has_live_paper and stand.amount > 0,
        )

    return tuple(map(told, rows))


def _state(status: str, stand: Stands, *, gone: int) -> State:
    if status == DonationStatus.PROCESSING:
        return State.PROCESSING
    if status == DonationStatus.FAILED:
        return State.FAILED
    if gone and stand.cause == VoidCause.DEBIT_RETURNED:
        return State.RETURNED_BY_BANK
    if gone and stand.cause == VoidCause.TAKEN_BACK:
        return State.TAKEN_OUT
    return State.RECEIVED


def _papers(session: Session, donation_ids: Sequence[str]) -> Mapping[str, list[Paper]]:
    """By gift, the one that counts first."""
    found: dict[str, list[Paper]] = defaultdict(list)
    for row in session.execute(_PAPERS.where(among(Receipt.donation_id, donation_ids))):
        found[row.donation_id].append(
            Paper(
                number=row.number,
                called=page.called(ReceiptContent.from_json(row.content)),
                is_void=row.status == "void",
                is_written=row.is_written,
                replaced_by=row.replaced_by,
            )
        )
    return found


_REPLACING = aliased(Receipt)
_IS_WRITTEN = select(ReceiptDocument.receipt_id).where(ReceiptDocument.receipt_id == Receipt.id).exists()
_DAY = func.coalesce(
    Donation.gift_date, cast(func.timezone(IssuingEntity.time_zone, Donation.created_at), Date)
).label("day")
_ROWS = (
    select(
        Donation.id,
        Donation.status,
        Donation.amount.expression.label("amount"),
        Donation.currency,
        Donation.channel,
        Donation.frequency,
        _DAY,
    )
    .join(IssuingEntity, IssuingEntity.id == Donation.entity_id)
    .where(Donation.donor_id == bindparam("donor"), Donation.status.in_(_SEEN))
    .order_by(_DAY.desc(), Donation.created_at.desc(), Donation.id.desc())
)
_OTHERS = (
    select(
        Receipt.gift_date.label("day"),
        Receipt.number,
        Receipt.amount,
        Receipt.currency,
        Donation.channel,
        Receipt.content["donor_name"].as_string().label("payer"),
        (THANKED_BESIDE & _IS_WRITTEN).label("is_written"),
    )
    .join(Donation, Donation.id == Receipt.donation_id)
    .where(
        Donation.soft_credit_donor_id == bindparam("donor"),
        Receipt.status == "issued",
        Receipt.kind == "thanks",
    )
    .order_by(Receipt.gift_date.desc(), Receipt.number.desc())
)
_FUNDS = select(Allocation.donation_id, Allocation.fund_id).order_by(Allocation.position)
_THINGS = select(OfflineGift.donation_id, OfflineGift.description)
_GOING_BACK = (
    select(Refund.donation_id, func.sum(Refund.amount))
    .where(Refund.status.in_(_ON_ITS_WAY), ~Refund.is_booked)
    .group_by(Refund.donation_id)
)
_QUESTIONED = select(Dispute.donation_id).where(Dispute.status.not_in([*CLOSED_DISPUTES, *LOST]))
_PAPERS = (
    select(
        Receipt.donation_id,
        Receipt.number,
        Receipt.status,
        Receipt.content,
        _REPLACING.number.label("replaced_by"),
        _IS_WRITTEN.label("is_written"),
    )
    .outerjoin(_REPLACING, _REPLACING.replaces_id == Receipt.id)
    .order_by((Receipt.status == "void"), Receipt.issued_at.desc(), Receipt.number.desc())
)
