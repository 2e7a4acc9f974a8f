"""What a donor is told by the calendar: a charge after a pause, a card that expires, the year that was.

Found as sets and told once each: the letter's reference in the outbox is the memory, so a worker that was
away for days tells what is still worth telling, and nothing twice. Days are those where the books are kept.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, DateTime, Text, bindparam, cast, func, select
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.donations.disputes import LOST
from payments.donations.models import Charge, Donation, IssuingEntity
from payments.donations.reversals import Dispute, Refund, RefundStatus
from payments.ledger.models import BalanceTransaction
from payments.mail.models import OutgoingMail
from payments.money import Money
from payments.monthly import days, letters
from payments.monthly.letter_pile import Pile
from payments.monthly.models import MonthlyGift, MonthlyStatus

PAGE = 100
"""Letters of one kind in one transaction."""
BEFORE_A_CHARGE = timedelta(days=7)
_YEAR_IS_TOLD_FROM = 5
"""From this day of January to its end: the last gifts of December have arrived, and it is still news."""
_GOES_BACK = [RefundStatus.PENDING.value, RefundStatus.REQUIRES_ACTION.value, RefundStatus.SUCCEEDED.value]


def tell_due(session: Session) -> int:
    """Tell what is due now, a page of each kind; the largest number told of one kind."""
    return max(tell_of_charges(session), tell_of_cards(session), tell_of_years(session))


def tell_of_charges(session: Session) -> int:
    """A week before the first charge after a pause."""
    page = session.scalars(
        _PAUSES_THAT_END, {"today": now(), "soon": now() + BEFORE_A_CHARGE, "page": PAGE}
    ).all()
    soon = []
    for gift in page:
        if gift.paused_until is None or gift.next_charge_at is None:
            continue
        charged_at = days.first_charge_after(gift.paused_until, next_charge_at=gift.next_charge_at)
        if charged_at <= now() + BEFORE_A_CHARGE:
            soon.append((gift, charged_at))
    if soon:
        pile = Pile(session, [gift for gift, _ in soon])
        for gift, charged_at in soon:
            letters.soon_again(session, gift, charged_at=charged_at, pile=pile)
        pile.put()
    return len(soon)


def tell_of_cards(session: Session) -> int:
    """A month before the card on file is past its last day: when its last month begins."""
    told = session.scalars(_CARDS_THAT_EXPIRE, {"today": now(), "page": PAGE}).all()
    if told:
        pile = Pile(session, told)
        for gift in told:
            letters.card_expiring(session, gift, pile=pile)
        pile.put()
    return len(told)


def tell_of_years(session: Session) -> int:
    """In January, what the year before came to; nothing where all of it went back."""
    told = 0
    for entity in session.scalars(_ENTITIES).all():
        today = day_in(entity.time_zone, now())
        if today.month == 1 and today.day >= _YEAR_IS_TOLD_FROM:
            told = max(told, _tell_of_year(session, entity, today.year - 1))
    return told


def _tell_of_year(session: Session, entity: IssuingEntity, year: int) -> int:
    rows = session.execute(
        _YEARS,
        {
            "entity": entity.id,
            "begins": date(year, 1, 1),
            "ends": date(year, 12, 31),
            "year": str(year),
            "page": PAGE,
        },
    ).all()
    if rows:
        pile = Pile(session, [gift for gift, _, _ in rows])
        for gift, given, gifts in rows:
            total_given = Money(int(given), gift.currency)
            letters.year_given(session, gift, year=year, total=total_given, gifts=gifts, pile=pile)
        pile.put()
    return len(rows)


def _untold(fact: str, *about: Any) -> ColumnElement[bool]:
    """That no letter of this reference was ever put into the outbox."""
    reference = func.concat_ws(":", f"monthly_{fact}", MonthlyGift.id, *about)
    return ~select(OutgoingMail.id).where(OutgoingMail.reference == reference).exists()


# Made once: SQLAlchemy takes longer to put these together than to run them.
_PAUSES_THAT_END = (
    select(MonthlyGift)
    .where(
        MonthlyGift.status == MonthlyStatus.PAUSED.value,
        MonthlyGift.paused_until.between(bindparam("today"), bindparam("soon")),
        _untold("soon_again", cast(func.extract("epoch", MonthlyGift.paused_until), BigInteger)),
    )
    # The next first: a page full of those whose day is still to come would hide the others.
    .order_by(MonthlyGift.paused_until, MonthlyGift.id)
    .limit(bindparam("page"))
)
_CARDS_THAT_EXPIRE = (
    select(MonthlyGift)
    .join(IssuingEntity, IssuingEntity.id == MonthlyGift.entity_id)
    .where(
        MonthlyGift.status.in_([MonthlyStatus.ACTIVE.value, MonthlyStatus.PAUSED.value]),
        MonthlyGift.card_expires
        == func.to_char(
            func.timezone(IssuingEntity.time_zone, bindparam("today", type_=DateTime(timezone=True))),
            "YYYY-MM",
        ),
        MonthlyGift.card_last4.is_not(None),
        _untold("card_expiring", MonthlyGift.card_last4, MonthlyGift.card_expires),
    )
    .order_by(MonthlyGift.id)
    .limit(bindparam("page"))
)
_ENTITIES = select(IssuingEntity)
_REFUNDED = (
    select(func.coalesce(func.sum(Refund.amount), 0))
    .where(Refund.donation_id == Donation.id, Refund.status.in_(_GOES_BACK))
    .scalar_subquery()
)
_LOST_TO_BANKS = (
    select(func.coalesce(func.sum(Dispute.amount), 0))
    .where(Dispute.donation_id == Donation.id, Dispute.status.in_(LOST))
    .scalar_subquery()
)
_IS_RETURNED = (
    select(Charge.stripe_charge_id)
    .join(BalanceTransaction, BalanceTransaction.source_id == Charge.stripe_charge_id)
    .where(Charge.donation_id == Donation.id, BalanceTransaction.reporting_category == "charge_failure")
    .exists()
)
_KEPT = (
    select(
        Donation.monthly_gift_id,
        (Donation.amount - func.least(Donation.amount, _REFUNDED + _LOST_TO_BANKS)).label("amount"),
    )
    .where(
        Donation.monthly_gift_id.is_not(None),
        Donation.entity_id == bindparam("entity"),
        Donation.gift_date.between(bindparam("begins"), bindparam("ends")),
        ~_IS_RETURNED,
    )
    .subquery()
)
_TOTAL = func.sum(_KEPT.c.amount)
_YEARS = (
    select(MonthlyGift, _TOTAL, func.count().filter(_KEPT.c.amount > 0))
    .join(_KEPT, _KEPT.c.monthly_gift_id == MonthlyGift.id)
    .where(_untold("year_given", bindparam("year", type_=Text())))
    .group_by(MonthlyGift.id)
    .having(_TOTAL > 0)
    .order_by(MonthlyGift.id)
    .limit(bindparam("page"))
)
