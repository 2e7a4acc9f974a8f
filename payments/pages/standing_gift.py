"""What the donor's own page shows of a monthly gift, read in a few queries: how it stands, what is agreed,
what was asked of it a moment ago, and every instalment. It shows no name and no address: whoever holds
the link sees the gift and not the person.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.donations.models import Donation, DonationStatus, Fund, GivingTerms, IssuingEntity
from payments.donations.reversals import Refund, RefundStatus
from payments.money import Money
from payments.monthly import changes, days
from payments.monthly.models import (
    ChangeKind,
    ChangeStatus,
    MonthlyChange,
    MonthlyGift,
    MonthlyInvoice,
    MonthlyStatus,
)
from payments.receipts.models import Receipt

_JUST_NOW = timedelta(minutes=15)
_INSTALMENTS = 60
"""Five years of them."""
_OPEN_INVOICE = ("open", "uncollectible")
_BRANDS = {"amex": "American Express", "jcb": "JCB", "unionpay": "UnionPay"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """One month of the gift."""

    day: date
    amount: Money
    is_paid: bool
    refunded: Money | None = None
    receipt: str | None = None
    """The number of its receipt."""
    receipt_url: str | None = None
    """Where anybody may see that the receipt is ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseChoice:
    """A pause of so many months, and when the next gift would be then."""

    months: int
    next_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingGift:
    """A monthly gift as its donor sees it."""

    gift: MonthlyGift
    entity: IssuingEntity
    amount: Money
    """What is charged each month, fee cover included."""
    fee_cover: Money
    fund_ids: tuple[str, ...]
    limits: GivingTerms | None
    """What may be given in its currency; None where the charity takes it no more."""
    since: date
    next_day: date | None
    ended_on: date | None
    rests_until: date | None
    """The day of the first gift after a pause, one that was only just asked for too."""
    just_asked: MonthlyChange | None
    """The last thing asked of it, while it is news or not done."""
    instalments: tuple[Instalment, ...]
    unpaid: Money | None
    """What an instalment that was refused still asks for."""
    pauses: tuple[PauseChoice, ...]

    @property
    def status(self) -> MonthlyStatus:
        return MonthlyStatus(self.gift.status)

    @property
    def for_the_funds(self) -> Money:
        return self.amount - self.fee_cover

    @property
    def may_change(self) -> bool:
        """Whether Stripe charges for it, or will again."""
        return self.status in {MonthlyStatus.ACTIVE, MonthlyStatus.BEHIND, MonthlyStatus.PAUSED}

    @property
    def may_stop(self) -> bool:
        return self.may_change or self.status == MonthlyStatus.LAPSED

    @property
    def day_of_month(self) -> int | None:
        return self.next_day.day if self.next_day is not None else None

    @property
    def method(self) -> str | None:
        """`Visa •••• 4242`."""
        if self.gift.card_last4 is None:
            return None
        brand = self.gift.card_brand or ""
        return f"{_BRANDS.get(brand, brand.replace('_', ' ').title())} •••• {self.gift.card_last4}".strip()

    @property
    def card_expires(self) -> date | None:
        """The first day of the last month in which the card is good."""
        if self.gift.card_expires is None:
            return None
        return date.fromisoformat(f"{self.gift.card_expires}-01")


def read(session: Session, monthly_gift_id: str) -> StandingGift:
    """All that is shown of it. Raises `MonthlyGiftNotFound`."""
    gift = changes.find(session, monthly_gift_id)
    entity = session.get_one(IssuingEntity, gift.entity_id)
    terms = changes.terms_now(session, gift)
    asked = _just_asked(session, gift)
    paused_until = gift.paused_until if gift.is_paused else None
    if asked is not None and asked.kind == ChangeKind.PAUSE and asked.status == ChangeStatus.REQUESTED:
        paused_until = asked.paused_until
    charged_at = gift.next_charge_at
    rests_until = None
    if paused_until is not None and charged_at is not None:
        rests_until = _day(entity, days.first_charge_after(paused_until, next_charge_at=charged_at))
    return StandingGift(
        gift=gift,
        entity=entity,
        amount=Money(terms.amount, gift.currency),
        fee_cover=Money(terms.fee_cover_amount, gift.currency),
        fund_ids=tuple(part.fund_id for part in terms.allocations),
        limits=session.get(GivingTerms, gift.currency),
        since=_day(entity, gift.created_at),
        next_day=_day(entity, charged_at) if charged_at else None,
        ended_on=_day(entity, gift.ended_at) if gift.ended_at else None,
        rests_until=rests_until,
        just_asked=asked,
        instalments=_instalments(session, gift, entity),
        unpaid=_unpaid(session, gift),
        pauses=_pauses(gift, entity),
    )


def fund_names(session: Session, shown: StandingGift, locale: str) -> list[str]:
    """What it is for, in the reader's language."""
    funds = session.scalars(select(Fund).where(Fund.id.in_(shown.fund_ids)))
    names = {fund.id: fund.name_in(locale) for fund in funds}
    return [names[fund_id] for fund_id in shown.fund_ids]


def unpaid_invoice(session: Session, monthly_gift_id: str) -> MonthlyInvoice | None:
    """The newest instalment that was refused and can still be paid."""
    return session.scalars(
        select(MonthlyInvoice)
        .where(
            MonthlyInvoice.monthly_gift_id == monthly_gift_id,
            MonthlyInvoice.status.in_(_OPEN_INVOICE),
            MonthlyInvoice.attempts > 0,
        )
        .order_by(MonthlyInvoice.made_at.desc().nulls_last())
        .limit(1)
    ).one_or_none()


def _unpaid(session: Session, gift: MonthlyGift) -> Money | None:
    if gift.status not in {MonthlyStatus.BEHIND, MonthlyStatus.LAPSED}:
        return None
    invoice = unpaid_invoice(session, gift.id)
    return Money(invoice.amount_due, gift.currency) if invoice and invoice.amount_due else None


def _just_asked(session: Session, gift: MonthlyGift) -> MonthlyChange | None:
    latest = session.scalars(
        select(MonthlyChange)
        .where(MonthlyChange.monthly_gift_id == gift.id, MonthlyChange.status != ChangeStatus.OVERTAKEN.value)
        .order_by(MonthlyChange.asked_at.desc(), MonthlyChange.id.desc())
        .limit(1)
    ).one_or_none()
    if latest is None or latest.kind == ChangeKind.CANCEL:
        return None
    is_news = latest.status == ChangeStatus.REQUESTED or latest.asked_at > now() - _JUST_NOW
    return latest if is_news else None


def _instalments(session: Session, gift: MonthlyGift, entity: IssuingEntity) -> tuple[Instalment, ...]:
    refunded = (
        select(Refund.donation_id, func.sum(Refund.amount).label("amount"))
        .where(
            Refund.donation_id.in_(select(Donation.id).where(Donation.monthly_gift_id == gift.id)),
            Refund.status == RefundStatus.SUCCEEDED.value,
        )
        .group_by(Refund.donation_id)
        .subquery()
    )
    rows = session.execute(
        select(Donation, refunded.c.amount, Receipt.number, Receipt.content["verification_url"].astext)
        .outerjoin(refunded, refunded.c.donation_id == Donation.id)
        .outerjoin(Receipt, (Receipt.donation_id == Donation.id) & (Receipt.status == "issued"))
        .where(
            Donation.monthly_gift_id == gift.id,
            Donation.status.in_([DonationStatus.PAID.value, DonationStatus.PROCESSING.value]),
        )
        .order_by(Donation.gift_date.desc().nulls_first(), Donation.created_at.desc())
        .limit(_INSTALMENTS)
    )
    return tuple(
        Instalment(
            day=donation.gift_date or _day(entity, donation.paid_at or donation.created_at),
            amount=donation.total,
            is_paid=donation.status == DonationStatus.PAID,
            refunded=Money(int(back), gift.currency) if back else None,
            receipt=number,
            receipt_url=url,
        )
        for donation, back, number, url in rows
    )


def _pauses(gift: MonthlyGift, entity: IssuingEntity) -> tuple[PauseChoice, ...]:
    if gift.next_charge_at is None:
        return ()
    return tuple(
        PauseChoice(months=months, next_day=_day(entity, days.months_later(gift.next_charge_at, months)))
        for months in range(1, days.LONGEST_PAUSE_MONTHS + 1)
    )


def _day(entity: IssuingEntity, instant: datetime) -> date:
    return day_in(entity.time_zone, instant)
