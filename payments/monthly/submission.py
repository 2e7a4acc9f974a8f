"""From a change that was asked for to Stripe, once. What the worker takes, and what it notes afterwards.

A row is taken with a lease and the taking committed before Stripe is asked, so a worker that dies leaves
it to the next. Each change says how something is to be and not what to add to it, so asking twice does no
harm even where Stripe has forgotten the key; each day has a key of its own, because until it forgets one
Stripe also repeats an error of its own. The end of a gift is never given up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from payments.clock import now
from payments.donations.checkout import CHECKOUT_OPEN_FOR
from payments.donations.models import IssuingEntity
from payments.money import Money
from payments.monthly import changes, days, letters
from payments.monthly.models import (
    ChangeKind,
    ChangeStatus,
    MonthlyChange,
    MonthlyGift,
    MonthlyTerms,
)

_LEASE = timedelta(minutes=2)
"""Longer than the slowest calls of one change with their retries."""
_KEY_LASTS = timedelta(hours=23)
"""Stripe keeps a key for at least a day; an hour is left for the call itself and for clocks."""
_LONGEST_PAUSE = timedelta(hours=1)
_LONGEST_PAUSE_OF_AN_END = timedelta(minutes=5)
"""An end that Stripe does not know of may cost the donor a charge, and us its refund."""
_NEVER_BEGAN_AFTER = CHECKOUT_OPEN_FOR + timedelta(days=1)
_AFTER_A_CHARGE = timedelta(hours=2)
"""Stripe finalizes an invoice about an hour after it made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A change in this worker's hand, and all that Stripe needs to be told."""

    change_id: str
    monthly_gift_id: str
    stripe_subscription_id: str
    kind: ChangeKind
    by_donor: bool
    key: str
    """The idempotency key of today, to which each deed of the change adds its own word."""
    paused_until: datetime | None = None
    monthly: Money | None = None
    day: int | None = None
    time_zone: str


def take(session: Session) -> Taken | None:
    """The next change to submit, ends first, leased by the database's clock; the caller commits before it
    asks. None when nothing is due."""
    while True:
        found = _next_due(session)
        if found is None:
            return None
        change, gift, at = found
        if _is_overtaken(session, change) or _is_over_already(change):
            change.status = ChangeStatus.OVERTAKEN
            session.flush()
            continue
        return _taken(session, change, gift, at)


def close_those_never_begun(session: Session) -> None:
    """The end of a promise that was never paid has nothing to end at Stripe, once its page is closed."""
    session.execute(
        update(MonthlyChange)
        .where(
            MonthlyChange.status == ChangeStatus.REQUESTED.value,
            MonthlyChange.asked_at < now() - _NEVER_BEGAN_AFTER,
            MonthlyChange.monthly_gift_id == MonthlyGift.id,
            MonthlyGift.stripe_subscription_id.is_(None),
        )
        .values(status=ChangeStatus.OVERTAKEN.value)
        .execution_options(synchronize_session=False)
    )


def note_done(session: Session, change_id: str, *, next_charge_at: datetime | None = None) -> None:
    """Stripe did it, and the donor is told. What the gift says of it comes with Stripe's own news."""
    change, gift = _hold(session, change_id)
    if change.status != ChangeStatus.REQUESTED:
        return
    change.status = ChangeStatus.DONE
    change.done_at = now()
    change.failure_reason = None
    if next_charge_at is not None and next_charge_at > now():
        gift.next_charge_at = next_charge_at
    _tell(session, gift, change)


def note_waits(session: Session, change_id: str, *, next_charge_at: datetime) -> None:
    """Nothing more can be done before the next charge; then it is looked at again, as if never sent."""
    change, _ = _hold(session, change_id)
    if change.status != ChangeStatus.REQUESTED:
        return
    change.next_at = max(next_charge_at, now()) + _AFTER_A_CHARGE
    change.first_submitted_at = None
    change.attempts = 0


def note_overtaken(session: Session, change_id: str) -> None:
    """The subscription is over at Stripe: there is nothing left to change."""
    change, _ = _hold(session, change_id)
    if change.status == ChangeStatus.REQUESTED:
        change.status = ChangeStatus.OVERTAKEN


def note_refused(session: Session, change_id: str, code: str | None) -> None:
    """Stripe would not do it: a person looks. An end is asked for again all the same."""
    change, gift = _hold(session, change_id)
    if change.status != ChangeStatus.REQUESTED:
        return
    change.failure_reason = code or "unknown"
    if change.kind == ChangeKind.CANCEL:
        change.next_at = cast(Any, func.now() + _LONGEST_PAUSE)
        return
    change.status = ChangeStatus.REFUSED
    session.flush()
    changes.keep_terms_before(session, gift, change)


def note_later(session: Session, change_id: str) -> None:
    """Stripe did not answer, so nobody knows; it is asked again in a while."""
    change, _ = _hold(session, change_id)
    longest = _LONGEST_PAUSE_OF_AN_END if change.kind == ChangeKind.CANCEL else _LONGEST_PAUSE
    pause = min(timedelta(seconds=15) * 2 ** min(change.attempts - 1, 10), longest)
    change.next_at = cast(Any, func.now() + pause)  # by the clock that `take` reads


def _next_due(session: Session) -> tuple[MonthlyChange, MonthlyGift, datetime] | None:
    """One row, held; of two about one matter the earlier, so that they reach Stripe in their order."""
    earlier = aliased(MonthlyChange)
    row = session.execute(
        select(MonthlyChange, MonthlyGift, func.now())
        .join(MonthlyGift, MonthlyGift.id == MonthlyChange.monthly_gift_id)
        .where(
            MonthlyChange.status == ChangeStatus.REQUESTED.value,
            or_(
                MonthlyChange.next_at <= func.now(),
                # Not a try again but a date: what waits for a charge to be made, by the charge's clock.
                and_(MonthlyChange.first_submitted_at.is_(None), MonthlyChange.next_at <= now()),
            ),
            MonthlyGift.stripe_subscription_id.is_not(None),
            ~select(earlier.id)
            .where(
                changes.is_same_matter(earlier, MonthlyChange),
                earlier.status == ChangeStatus.REQUESTED.value,
                earlier.asked_at < MonthlyChange.asked_at,
            )
            .exists(),
        )
        .order_by(MonthlyChange.kind != ChangeKind.CANCEL.value, MonthlyChange.next_at, MonthlyChange.id)
        .limit(1)
        .with_for_update(of=MonthlyChange, skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def _is_overtaken(session: Session, change: MonthlyChange) -> bool:
    """Whether something later was asked about the matter while this one was in a hand that let it fall."""
    later = aliased(MonthlyChange)
    return bool(
        session.scalar(
            select(
                select(later.id)
                .where(
                    MonthlyChange.id == change.id,
                    changes.is_same_matter(later, MonthlyChange),
                    later.status == ChangeStatus.REQUESTED.value,
                    later.asked_at > MonthlyChange.asked_at,
                )
                .exists()
            )
        )
    )


def _is_over_already(change: MonthlyChange) -> bool:
    """A pause whose end came before it could be sent."""
    return change.paused_until is not None and change.paused_until <= now()


def _taken(session: Session, change: MonthlyChange, gift: MonthlyGift, at: datetime) -> Taken:
    if change.first_submitted_at is None:
        change.first_submitted_at = at
    change.next_at = at + _LEASE
    change.attempts += 1
    monthly = None
    if change.terms_number is not None:
        terms = session.get_one(MonthlyTerms, (gift.id, change.terms_number))
        monthly = Money(terms.amount, gift.currency)
    return Taken(
        change_id=change.id,
        monthly_gift_id=gift.id,
        stripe_subscription_id=gift.stripe_subscription_id or "",
        kind=ChangeKind(change.kind),
        by_donor=change.asked_by == changes.DONOR,
        key=f"monthly_change:{change.id}:{(at - change.first_submitted_at) // _KEY_LASTS}",
        paused_until=change.paused_until,
        monthly=monthly,
        day=change.day,
        time_zone=session.get_one(IssuingEntity, gift.entity_id).time_zone,
    )


def _hold(session: Session, change_id: str) -> tuple[MonthlyChange, MonthlyGift]:
    """The change under its gift's lock, as everywhere."""
    monthly_gift_id = session.get_one(MonthlyChange, change_id).monthly_gift_id
    gift = changes.find(session, monthly_gift_id, for_update=True)
    return session.get_one(MonthlyChange, change_id, with_for_update=True, populate_existing=True), gift


def _tell(session: Session, gift: MonthlyGift, change: MonthlyChange) -> None:
    """The end was confirmed when it was asked for; everything else now that it is true."""
    match change.kind:
        case ChangeKind.PAUSE:
            tell = letters.skipped if _leaves_out_one(gift, change) else letters.paused
            tell(session, gift, change)
        case ChangeKind.RESUME:
            letters.resumed(session, gift, change)
        case ChangeKind.CHANGE_AMOUNT:
            letters.amount_changed(session, gift, change)
        case ChangeKind.CHANGE_DAY:
            letters.day_changed(session, gift, change)
        case ChangeKind.CANCEL:
            pass


def _leaves_out_one(gift: MonthlyGift, change: MonthlyChange) -> bool:
    if gift.next_charge_at is None or change.paused_until is None:
        return False
    return change.paused_until <= days.months_later(gift.next_charge_at, 1)
