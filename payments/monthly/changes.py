"""What may be asked of a running monthly gift, and how it is written down. Stripe hears of it later.

A change is a row; once it is committed, a worker submits it under the row's id. Whoever asks holds the
gift's lock, so of two who ask at once the second sees what the first has asked. A later change of the
same kind overtakes one that was not sent yet, and the end of a gift overtakes everything. The end
counts from the moment it is asked for: no charge made after it is kept (`late_money`).
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, selectinload

from payments.clock import now
from payments.database import new_id
from payments.donations.models import GivingTerms
from payments.donations.wishes import CurrencyNotOffered, check_amount, fee_cover_for
from payments.jobs import Bell, ring
from payments.money import Money, split
from payments.monthly import days, letters
from payments.monthly.models import (
    ChangeKind,
    ChangeStatus,
    EndReason,
    MonthlyAllocation,
    MonthlyChange,
    MonthlyGift,
    MonthlyStatus,
    MonthlyTerms,
)
from payments.monthly.refusals import (
    AmountUnchanged,
    CurrencyFixed,
    DayUnknown,
    HasEnded,
    MonthlyGiftNotFound,
    NotBegun,
    NothingToPause,
    NotPaused,
    PauseNotPossible,
)

DONOR = "donor"
"""Who asked, where the donor did."""

SAME_MATTER = {
    ChangeKind.PAUSE: (ChangeKind.PAUSE, ChangeKind.RESUME),
    ChangeKind.RESUME: (ChangeKind.PAUSE, ChangeKind.RESUME),
    ChangeKind.CHANGE_AMOUNT: (ChangeKind.CHANGE_AMOUNT,),
    ChangeKind.CHANGE_DAY: (ChangeKind.CHANGE_DAY,),
    ChangeKind.CANCEL: (ChangeKind.CANCEL,),
}
"""Kinds that say different things about one matter: the latest of them counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for a change, and why if they say so."""

    by: str = DONOR
    """`donor`, a staff member's id, `dispute:…` or `fraud_warning:…`."""
    reason: str | None = None


def find(session: Session, monthly_gift_id: str, *, for_update: bool = False) -> MonthlyGift:
    """The monthly gift with this id, or `MonthlyGiftNotFound`."""
    if "\0" in monthly_gift_id:  # no text of PostgreSQL's holds one, so asking would be an error
        raise MonthlyGiftNotFound(monthly_gift_id)
    found = session.get(
        MonthlyGift,
        monthly_gift_id,
        with_for_update=True if for_update else None,
        populate_existing=for_update,
    )
    if found is None:
        raise MonthlyGiftNotFound(monthly_gift_id)
    return found


def cancel(session: Session, monthly_gift_id: str, asked: Asked | None = None) -> MonthlyGift:
    """End it now, as the donor wishes. Asked again, it is the same end."""
    gift, _ = stop(session, monthly_gift_id, asked or Asked(), reason=EndReason.DONOR)
    return gift


def stop(
    session: Session, monthly_gift_id: str, asked: Asked, *, reason: EndReason
) -> tuple[MonthlyGift, bool]:
    """End it now, and say whether it was running until then. The donor is told."""
    gift = find(session, monthly_gift_id, for_update=True)
    if gift.status in {MonthlyStatus.ENDED, MonthlyStatus.NEVER_STARTED}:
        return gift, False
    gift.status = MonthlyStatus.ENDED
    gift.ended_at = now()
    gift.end_reason = reason
    for waiting in _requested(session, gift):
        waiting.status = ChangeStatus.OVERTAKEN
    _write(session, gift, ChangeKind.CANCEL, asked)
    letters.ended(session, gift)
    return gift, True


def pause(
    session: Session, monthly_gift_id: str, asked: Asked | None = None, *, months: int
) -> MonthlyChange:
    """Leave out so many charges, the next one first."""
    gift = _running(session, monthly_gift_id)
    if not 1 <= months <= days.LONGEST_PAUSE_MONTHS:
        raise PauseNotPossible(longest=str(days.LONGEST_PAUSE_MONTHS))
    if gift.status == MonthlyStatus.LAPSED:
        raise NothingToPause
    if gift.next_charge_at is None:
        raise NotBegun
    until = days.pause_end(gift.next_charge_at, instalments=months)
    latest = _latest(session, gift, ChangeKind.PAUSE)
    if _still_counts(latest, gift) and latest is not None and latest.paused_until == until:
        return latest
    return _write(session, gift, ChangeKind.PAUSE, asked or Asked(), paused_until=until)


def skip_one(session: Session, monthly_gift_id: str, asked: Asked | None = None) -> MonthlyChange:
    """Leave out the next charge: a pause of one."""
    return pause(session, monthly_gift_id, asked, months=1)


def resume(session: Session, monthly_gift_id: str, asked: Asked | None = None) -> MonthlyChange:
    """End a pause: the next charge is made again. What was left out stays left out."""
    gift = _running(session, monthly_gift_id)
    if gift.status == MonthlyStatus.LAPSED:
        # Stripe collects nothing of it, and that is no pause: `dunning.come_back` takes it up again.
        raise NotPaused
    latest = _latest(session, gift, ChangeKind.RESUME)
    if latest is not None and latest.kind == ChangeKind.RESUME and latest.status == ChangeStatus.REQUESTED:
        return latest
    if not gift.is_paused and not (
        latest is not None and latest.kind == ChangeKind.PAUSE and _still_counts(latest, gift)
    ):
        raise NotPaused
    return _write(session, gift, ChangeKind.RESUME, asked or Asked())


def change_amount(
    session: Session,
    monthly_gift_id: str,
    asked: Asked | None = None,
    *,
    amount: Money,
    cover_fees: bool | None = None,
) -> MonthlyChange:
    """Give this much for the funds each month, from the next charge on; covering the fee comes on top.

    The funds keep their proportions. `cover_fees` left out: as until now.
    """
    gift = _running(session, monthly_gift_id)
    if amount.currency != gift.currency:
        raise CurrencyFixed(currency=gift.currency.upper())
    before = terms_now(session, gift)
    terms = _giving_terms(session, gift.currency)
    check_amount(amount, terms)
    covers = before.fee_cover_amount > 0 if cover_fees is None else cover_fees
    cover = fee_cover_for(amount, terms) if covers else Money(0, gift.currency)
    if (amount + cover).minor == before.amount and cover.minor == before.fee_cover_amount:
        latest = _latest(session, gift, ChangeKind.CHANGE_AMOUNT)
        if latest is not None and latest.terms_number == before.number:
            return latest
        raise AmountUnchanged(amount=Money(before.amount, gift.currency))
    after = _terms_after(before, amount=amount, cover=cover)
    session.add(after)
    session.flush()
    return _write(session, gift, ChangeKind.CHANGE_AMOUNT, asked or Asked(), terms_number=after.number)


def change_day(
    session: Session, monthly_gift_id: str, asked: Asked | None = None, *, day: int
) -> MonthlyChange:
    """Charge on this day of each month, as `days.move` says."""
    gift = _running(session, monthly_gift_id)
    if not 1 <= day <= 31:
        raise DayUnknown
    latest = _latest(session, gift, ChangeKind.CHANGE_DAY)
    if latest is not None and latest.day == day and latest.status == ChangeStatus.REQUESTED:
        return latest
    return _write(session, gift, ChangeKind.CHANGE_DAY, asked or Asked(), day=day)


def waiting(session: Session, gift: MonthlyGift) -> list[MonthlyChange]:
    """What was asked and Stripe has not done yet, the oldest first."""
    return list(
        session.scalars(
            select(MonthlyChange)
            .where(
                MonthlyChange.monthly_gift_id == gift.id,
                MonthlyChange.status == ChangeStatus.REQUESTED.value,
            )
            .order_by(MonthlyChange.asked_at, MonthlyChange.id)
        )
    )


def terms_now(session: Session, gift: MonthlyGift) -> MonthlyTerms:
    """What is agreed: the latest terms, also those that Stripe has not heard of yet."""
    return session.scalars(
        select(MonthlyTerms)
        .where(MonthlyTerms.monthly_gift_id == gift.id)
        .order_by(MonthlyTerms.number.desc())
        .limit(1)
        .options(selectinload(MonthlyTerms.allocations))
    ).one()


def keep_terms_before(session: Session, gift: MonthlyGift, refused: MonthlyChange) -> None:
    """Stripe would not take the new amount: what was agreed before is agreed again, as terms of its own.

    Unless a later change has said otherwise since.
    """
    latest = terms_now(session, gift)
    if refused.terms_number is None or latest.number != refused.terms_number:
        return
    done = select(MonthlyChange.terms_number).where(
        MonthlyChange.monthly_gift_id == gift.id,
        MonthlyChange.kind == ChangeKind.CHANGE_AMOUNT.value,
        MonthlyChange.status == ChangeStatus.DONE.value,
    )
    in_force = max([number for number in session.scalars(done) if number is not None], default=1)
    before = session.scalars(
        select(MonthlyTerms)
        .where(MonthlyTerms.monthly_gift_id == gift.id, MonthlyTerms.number == in_force)
        .options(selectinload(MonthlyTerms.allocations))
    ).one()
    session.add(_terms(before, latest.number + 1, [part.amount for part in before.allocations]))
    session.flush()


def is_same_matter(one: type[MonthlyChange], other: type[MonthlyChange]) -> ColumnElement[bool]:
    """Whether two rows are of one gift and about one matter, said in SQL."""
    collection = [kind.value for kind in SAME_MATTER[ChangeKind.PAUSE]]
    return and_(
        one.monthly_gift_id == other.monthly_gift_id,
        or_(one.kind == other.kind, and_(one.kind.in_(collection), other.kind.in_(collection))),
    )


def _running(session: Session, monthly_gift_id: str) -> MonthlyGift:
    """The gift, locked, as long as there is something to change about it."""
    gift = find(session, monthly_gift_id, for_update=True)
    if gift.status in {MonthlyStatus.ENDED, MonthlyStatus.NEVER_STARTED}:
        raise HasEnded
    if gift.status == MonthlyStatus.PENDING or gift.stripe_subscription_id is None:
        raise NotBegun
    return gift


def _requested(session: Session, gift: MonthlyGift) -> list[MonthlyChange]:
    return list(
        session.scalars(
            select(MonthlyChange)
            .where(
                MonthlyChange.monthly_gift_id == gift.id,
                MonthlyChange.status == ChangeStatus.REQUESTED.value,
            )
            .order_by(MonthlyChange.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def _latest(session: Session, gift: MonthlyGift, kind: ChangeKind) -> MonthlyChange | None:
    """The last word on a matter."""
    return session.scalars(
        select(MonthlyChange)
        .where(
            MonthlyChange.monthly_gift_id == gift.id,
            MonthlyChange.kind.in_([same.value for same in SAME_MATTER[kind]]),
            MonthlyChange.status.in_([ChangeStatus.REQUESTED.value, ChangeStatus.DONE.value]),
        )
        .order_by(MonthlyChange.asked_at.desc(), MonthlyChange.id.desc())
        .limit(1)
    ).one_or_none()


def _still_counts(change: MonthlyChange | None, gift: MonthlyGift) -> bool:
    """Whether a pause is waiting to be sent, or is what Stripe does now or will say in a moment."""
    if change is None or change.paused_until is None or change.paused_until <= now():
        return False
    if change.status == ChangeStatus.REQUESTED:
        return True
    heard = gift.said_at is not None and change.done_at is not None and gift.said_at > change.done_at
    return gift.is_paused or not heard


def _write(
    session: Session,
    gift: MonthlyGift,
    kind: ChangeKind,
    asked: Asked,
    *,
    paused_until: object = None,
    terms_number: int | None = None,
    day: int | None = None,
) -> MonthlyChange:
    """Add the row, overtake what it makes void, and call the worker once it is committed."""
    asked_at = now()
    for earlier in _requested(session, gift):
        if earlier.kind not in SAME_MATTER[kind]:
            continue
        # One that is in a worker's hand is left to it: what comes after is sent after.
        if earlier.first_submitted_at is None:
            earlier.status = ChangeStatus.OVERTAKEN
        # Clocks of two doors may differ; the order in which they held the lock is the order.
        asked_at = max(asked_at, earlier.asked_at + timedelta(microseconds=1))
    change = MonthlyChange(
        id=new_id("mch"),
        monthly_gift_id=gift.id,
        kind=kind,
        status=ChangeStatus.REQUESTED,
        asked_at=asked_at,
        asked_by=asked.by,
        reason=asked.reason,
        paused_until=paused_until,
        terms_number=terms_number,
        day=day,
    )
    session.add(change)
    session.flush()
    ring(session, Bell.SUBMIT_MONTHLY_CHANGES)
    return change


def _giving_terms(session: Session, currency: str) -> GivingTerms:
    found = session.get(GivingTerms, currency)
    if found is None:
        offered = session.scalars(select(GivingTerms.currency).order_by(GivingTerms.position))
        raise CurrencyNotOffered(
            currency=currency.upper(), offered=", ".join(each.upper() for each in offered)
        )
    return found


def _terms_after(before: MonthlyTerms, *, amount: Money, cover: Money) -> MonthlyTerms:
    """The next terms, divided over the funds as the last ones were, to the smallest coin."""
    parts = split(amount.minor, [part.amount for part in before.allocations])
    after = _terms(before, before.number + 1, parts)
    after.amount = (amount + cover).minor
    after.fee_cover_amount = cover.minor
    return after


def _terms(before: MonthlyTerms, number: int, parts: list[int]) -> MonthlyTerms:
    terms = MonthlyTerms(
        monthly_gift_id=before.monthly_gift_id,
        number=number,
        valid_from=now(),
        amount=before.amount,
        fee_cover_amount=before.fee_cover_amount,
    )
    shares = [
        (allocation.fund_id, part)
        for allocation, part in zip(before.allocations, parts, strict=True)
        # A very small share of a small gift may come to nothing.
        if part > 0
    ]
    terms.allocations = [
        MonthlyAllocation(position=position, fund_id=fund_id, amount=part)
        for position, (fund_id, part) in enumerate(shares)
    ]
    return terms
