"""From a change that was asked for to Stripe, once. What the worker takes, and what it notes afterwards.

A row is taken with a lease and the taking committed before Stripe is asked, so a worker that dies leaves
it to the next. Each change says how something is to be and not what to add to it, so asking twice does no
harm even where Stripe has forgotten the key; each day has a key of its own, because until it forgets one
Stripe also repeats an error of its own. The end of a gift is never given up.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Row, and_, bindparam, func, or_, select, update
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
        due = session.execute(_NEXT_DUE, {"today": now()}).one_or_none()
        if due is None:
            return None
        if due.is_overtaken or _is_over_already(due.MonthlyChange):
            due.MonthlyChange.status = ChangeStatus.OVERTAKEN
            session.flush()
            continue
        return _taken(due)


def close_those_never_begun(session: Session) -> None:
    """The end of a promise that was never paid has nothing to end at Stripe, once its page is closed."""
    session.connection().execute(_CLOSE, {"before": now() - _NEVER_BEGAN_AFTER})


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


def _is_over_already(change: MonthlyChange) -> bool:
    """A pause whose end came before it could be sent."""
    return change.paused_until is not None and change.paused_until <= now()


def _taken(due: Row[*tuple[Any, ...]]) -> Taken:
    change: MonthlyChange = due.MonthlyChange
    if change.first_submitted_at is None:
        change.first_submitted_at = due.at
    change.next_at = due.at + _LEASE
    change.attempts += 1
    return Taken(
        change_id=change.id,
        monthly_gift_id=change.monthly_gift_id,
        stripe_subscription_id=due.stripe_subscription_id,
        kind=ChangeKind(change.kind),
        by_donor=change.asked_by == changes.DONOR,
        key=f"monthly_change:{change.id}:{(due.at - change.first_submitted_at) // _KEY_LASTS}",
        paused_until=change.paused_until,
        monthly=None if due.amount is None else Money(due.amount, due.currency),
        day=change.day,
        time_zone=due.time_zone,
    )


def _hold(session: Session, change_id: str) -> tuple[MonthlyChange, MonthlyGift]:
    """The change under its gift's lock, as everywhere."""
    gift, change = session.execute(_HELD, {"change_id": change_id}).one()
    return change, gift


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


# Made once: SQLAlchemy takes longer to put these together than to run them.
_EARLIER, _LATER = aliased(MonthlyChange), aliased(MonthlyChange)
_NEXT_DUE = (
    select(
        MonthlyChange,
        MonthlyGift.stripe_subscription_id,
        MonthlyGift.currency,
        IssuingEntity.time_zone,
        MonthlyTerms.amount,
        # Asked about the same matter while this one was in a hand that let it fall.
        select(_LATER.id)
        .where(
            changes.is_same_matter(_LATER, MonthlyChange),
            _LATER.status == ChangeStatus.REQUESTED.value,
            _LATER.asked_at > MonthlyChange.asked_at,
        )
        .exists()
        .label("is_overtaken"),
        func.now().label("at"),
    )
    .join(MonthlyGift, MonthlyGift.id == MonthlyChange.monthly_gift_id)
    .join(IssuingEntity, IssuingEntity.id == MonthlyGift.entity_id)
    .outerjoin(
        MonthlyTerms,
        and_(
            MonthlyTerms.monthly_gift_id == MonthlyChange.monthly_gift_id,
            MonthlyTerms.number == MonthlyChange.terms_number,
        ),
    )
    .where(
        MonthlyChange.status == ChangeStatus.REQUESTED.value,
        or_(
            MonthlyChange.next_at <= func.now(),
            # Not a try again but a date: what waits for a charge to be made, by the charge's clock.
            and_(MonthlyChange.first_submitted_at.is_(None), MonthlyChange.next_at <= bindparam("today")),
        ),
        MonthlyGift.stripe_subscription_id.is_not(None),
        # Of two about one matter the earlier, so that they reach Stripe in their order.
        ~select(_EARLIER.id)
        .where(
            changes.is_same_matter(_EARLIER, MonthlyChange),
            _EARLIER.status == ChangeStatus.REQUESTED.value,
            _EARLIER.asked_at < MonthlyChange.asked_at,
        )
        .exists(),
    )
    .order_by(MonthlyChange.kind != ChangeKind.CANCEL.value, MonthlyChange.next_at, MonthlyChange.id)
    .limit(1)
    .with_for_update(of=MonthlyChange, skip_locked=True)
    .execution_options(populate_existing=True)
)
_HELD = (
    select(MonthlyGift, MonthlyChange)
    .join(MonthlyChange, MonthlyChange.monthly_gift_id == MonthlyGift.id)
    .where(MonthlyChange.id == bindparam("change_id"))
    # The gift first.
    .with_for_update(of=(MonthlyGift, MonthlyChange))
    .execution_options(populate_existing=True)
)
_CLOSE = (
    update(MonthlyChange)
    .where(
        MonthlyChange.status == ChangeStatus.REQUESTED.value,
        MonthlyChange.asked_at < bindparam("before"),
        MonthlyChange.monthly_gift_id == MonthlyGift.id,
        MonthlyGift.stripe_subscription_id.is_(None),
    )
    .values(status=ChangeStatus.OVERTAKEN.value)
)
