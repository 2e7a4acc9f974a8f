"""The monthly gifts of one donor in a few words each; the page of each tells the rest."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.clock import day_in
from payments.donations.models import IssuingEntity
from payments.money import Money
from payments.monthly import changes
from payments.monthly.models import MonthlyGift, MonthlyStatus

_BEGUN = (
    MonthlyStatus.ACTIVE.value,
    MonthlyStatus.BEHIND.value,
    MonthlyStatus.PAUSED.value,
    MonthlyStatus.LAPSED.value,
    MonthlyStatus.ENDED.value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A monthly gift that has begun."""

    id: str
    status: MonthlyStatus
    amount: Money
    """What is charged each month, fee cover included."""
    fund_ids: tuple[str, ...]
    next_day: date | None
    ended_on: date | None


def of_donor(session: Session, donor_id: str) -> list[Promise]:
    """Those that go on first, then the newest."""
    rows = session.execute(
        select(MonthlyGift, IssuingEntity.time_zone)
        .join(IssuingEntity, IssuingEntity.id == MonthlyGift.entity_id)
        .where(MonthlyGift.donor_id == donor_id, MonthlyGift.status.in_(_BEGUN))
        .order_by(MonthlyGift.ended_at.is_not(None), MonthlyGift.created_at.desc(), MonthlyGift.id)
    ).all()
    return [_told(session, gift, time_zone) for gift, time_zone in rows]


def _told(session: Session, gift: MonthlyGift, time_zone: str) -> Promise:
    terms = changes.terms_now(session, gift)
    is_charged = gift.status == MonthlyStatus.ACTIVE and gift.next_charge_at is not None
    return Promise(
        id=gift.id,
        status=MonthlyStatus(gift.status),
        amount=Money(terms.amount, gift.currency),
        fund_ids=tuple(part.fund_id for part in terms.allocations),
        next_day=day_in(time_zone, gift.next_charge_at) if is_charged and gift.next_charge_at else None,
        ended_on=day_in(time_zone, gift.ended_at) if gift.ended_at else None,
    )
