"""What becomes of an instalment that was refused, until it is paid, or the gift lapses, or the donor is back.

The decision table says what to do; here it is done: the donor is told once, our next try gets its day, and
when the tries are used up nothing more is charged. Every deed may be told twice, late and in any order.
Whoever calls holds the gift's lock.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.database import among
from payments.donations.models import IssuingEntity
from payments.jobs import Bell, ring
from payments.monthly import letters
from payments.monthly.declines import WAIT_FOR_DONOR, decide
from payments.monthly.models import MonthlyGift, MonthlyInvoice, MonthlyStatus
from payments.monthly.tries import MonthlyNewMethod, MonthlyRefusal, NewMethod, RefusalStatus, Step

MOST_TRIES = 8
"""Of one instalment in all, however many cards the donor has given for it meanwhile."""
_AT_TEN = time(10)
"""When we try again where the charity keeps its books: banks are awake, and so is whoever answers mail."""
_SETTLED = {"paid", "void", "uncollectible"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a try was refused, as Stripe tells it when asked."""

    code: str | None
    advice: str | None = None
    method: str | None = None


class _Held(NamedTuple):
    """A refusal under its gift's lock, and what deciding about it looks at."""

    gift: MonthlyGift
    refusal: MonthlyRefusal
    invoice: MonthlyInvoice
    time_zone: str


def instalment_refused(
    session: Session, gift: MonthlyGift, invoice: MonthlyInvoice, *, refused_at: datetime
) -> None:
    """Stripe said that an instalment was refused: `invoice.payment_failed`.

    What a donor tries on Stripe's page, and the echo of a try of our own, are no news: only the first
    refusal is, and the late answer of a bank to a debit we asked for.
    """
    if invoice.status in _SETTLED or gift.lapsed_at is not None or gift.ended_at is not None:
        return
    session.flush()
    latest = _latest(session, invoice.stripe_invoice_id)
    if latest is None:
        _write(session, invoice, gift, number=1, tries=1, refused_at=refused_at)
    elif latest.status == RefusalStatus.UNDER_WAY and refused_at > latest.refused_at:
        _again(session, gift, invoice, latest, refused_at=refused_at)
    else:
        return
    ring(session, Bell.FOLLOW_REFUSALS)


def instalments_paid(session: Session, paid: Sequence[tuple[MonthlyGift, MonthlyInvoice]]) -> None:
    """Instalments were paid: `invoice.paid`. What was to be done about them is over, the donors of those that
    had been refused are told, and a gift that had lapsed is back."""
    if not paid:
        return
    session.flush()
    refusals: dict[str, list[MonthlyRefusal]] = defaultdict(list)
    for refusal in session.scalars(
        select(MonthlyRefusal).where(
            among(MonthlyRefusal.stripe_invoice_id, [invoice.stripe_invoice_id for _, invoice in paid])
        )
    ):
        refusals[refusal.stripe_invoice_id].append(refusal)
    for gift, invoice in paid:
        _paid(session, gift, invoice, refusals[invoice.stripe_invoice_id])


def _paid(
    session: Session, gift: MonthlyGift, invoice: MonthlyInvoice, refusals: list[MonthlyRefusal]
) -> None:
    # One that was paid before the gift lapsed for another may be told of once more, and late.
    if refusals and gift.lapsed_at and invoice.paid_at and invoice.paid_at > gift.lapsed_at:
        come_back(session, gift, tell=False)
    for refusal in refusals:
        if refusal.status not in {RefusalStatus.OVER, RefusalStatus.RETURNING}:
            refusal.to(RefusalStatus.OVER, at=None)
    if any(refusal.course is not None for refusal in refusals):
        letters.recovered(session, gift, invoice)


def come_back(session: Session, gift: MonthlyGift, *, tell: bool = True) -> bool:
    """Take up a lapsed gift again, from its next instalment on; whether it had lapsed.

    The donor's click, a new card, or a payment of what had been given up.
    """
    if gift.lapsed_at is None or gift.ended_at is not None:
        return False
    if tell:
        letters.came_back(session, gift, lapsed_at=gift.lapsed_at)
    last = session.scalars(
        select(MonthlyRefusal)
        .where(MonthlyRefusal.monthly_gift_id == gift.id)
        .order_by(MonthlyRefusal.refused_at.desc(), MonthlyRefusal.number.desc())
        .limit(1)
        .with_for_update()
    ).one()
    # A hand that is telling Stripe to stop keeps its lease: to go on is told after that.
    last.to(RefusalStatus.RETURNING, at=now())
    gift.lapsed_at = None
    gift.is_paused = False
    gift.status = MonthlyStatus.ACTIVE
    ring(session, Bell.FOLLOW_REFUSALS)
    return True


def method_given(
    session: Session, gift: MonthlyGift, *, stripe_payment_method_id: str, given_at: datetime
) -> None:
    """The donor gave another card or account at Stripe: `customer.updated` with a new default."""
    if gift.ended_at is not None:
        return
    latest = session.scalars(
        select(MonthlyNewMethod)
        .where(MonthlyNewMethod.monthly_gift_id == gift.id)
        .order_by(MonthlyNewMethod.given_at.desc())
        .limit(1)
    ).one_or_none()
    if latest is not None and (
        latest.stripe_payment_method_id == stripe_payment_method_id or latest.given_at >= given_at
    ):
        return
    given = insert(MonthlyNewMethod).values(
        monthly_gift_id=gift.id, stripe_payment_method_id=stripe_payment_method_id, given_at=given_at
    )
    # Given back after another one was used, it is wanted again.
    wanted_again = given.on_conflict_do_update(
        index_elements=["monthly_gift_id", "stripe_payment_method_id"],
        set_={"given_at": given_at, "status": "waiting", "next_at": func.now(), "attempts": 0},
    )
    session.flush()
    session.execute(wanted_again)
    ring(session, Bell.FOLLOW_REFUSALS)


def open_refusal(session: Session, gift: MonthlyGift) -> MonthlyRefusal | None:
    """The refused instalment that is being looked after now, for the donor's page and for staff."""
    return session.scalars(
        select(MonthlyRefusal)
        .where(
            MonthlyRefusal.monthly_gift_id == gift.id,
            MonthlyRefusal.status.in_(
                [RefusalStatus.HEARD, RefusalStatus.TO_TRY, RefusalStatus.UNDER_WAY, RefusalStatus.WITH_DONOR]
            ),
        )
        .order_by(MonthlyRefusal.refused_at.desc())
        .limit(1)
    ).one_or_none()


def note_reason(session: Session, step: Step, why: Refused, *, confirm_url: str | None) -> None:
    """Stripe's own schedule is off and the reason of its refusal is known: decide."""
    held = _hold(session, step)
    held.refusal.let_go()
    if _goes_on(step, held):
        _decide(session, held, held.refusal, why, confirm_url=confirm_url)


def note_refused_again(session: Session, step: Step, why: Refused, *, confirm_url: str | None) -> None:
    """A try of ours was refused. A decline is an answer, and the next decision follows from it."""
    held = _hold(session, step)
    held.refusal.let_go()
    if _goes_on(step, held):
        following = _again(session, held.gift, held.invoice, held.refusal, refused_at=now())
        _decide(session, held, following, why, confirm_url=confirm_url)


def note_under_way(session: Session, step: Step) -> None:
    """A bank debit was asked for; the bank answers in days."""
    refusal = _hold(session, step).refusal
    if refusal.status == step.status:
        refusal.to(RefusalStatus.UNDER_WAY, at=None)


def note_over(session: Session, step: Step) -> None:
    """Nothing more is to be done: it was paid (its event tells the donor), is void, or Stripe has done it."""
    refusal = _hold(session, step).refusal
    refusal.let_go()
    if refusal.status == step.status:
        refusal.to(RefusalStatus.OVER, at=None)


def note_waited_in_vain(session: Session, step: Step) -> None:
    """The donor did not act in the time there was."""
    held = _hold(session, step)
    held.refusal.let_go()
    if _goes_on(step, held):
        _lapse(session, held, held.refusal)


def note_method_in_use(session: Session, taken: NewMethod, *, is_refused: bool = False) -> None:
    """The subscription is charged with the new card now: what waited for it is tried at once."""
    gift = session.get_one(MonthlyGift, taken.monthly_gift_id, with_for_update=True)
    method = session.get_one(
        MonthlyNewMethod, (taken.monthly_gift_id, taken.stripe_payment_method_id), with_for_update=True
    )
    method.status = "refused" if is_refused else "done"
    if is_refused or come_back(session, gift):
        return
    refusal = open_refusal(session, gift)
    if refusal is not None and refusal.status in {RefusalStatus.TO_TRY, RefusalStatus.WITH_DONOR}:
        refusal.has_new_method = True
        refusal.to(RefusalStatus.TO_TRY, at=now())
        ring(session, Bell.FOLLOW_REFUSALS)


def _goes_on(step: Step, held: _Held) -> bool:
    """Whether what was taken is still to be done. The gift may have ended while Stripe was asked: nothing
    follows then, and the donor has heard of the end."""
    if held.refusal.status != step.status:
        return False
    if held.gift.ended_at is not None:
        held.refusal.to(RefusalStatus.OVER, at=None)
        return False
    return True


def _decide(
    session: Session, held: _Held, refusal: MonthlyRefusal, why: Refused, *, confirm_url: str | None
) -> None:
    refusal.decline_code, refusal.advice_code, refusal.method = why.code, why.advice, why.method
    decision = decide(why.code, method=why.method, tries=refusal.tries, advice=why.advice)
    refusal.course = decision.course
    if decision.is_last or refusal.number >= MOST_TRIES:
        _lapse(session, held, refusal)
        return
    days = WAIT_FOR_DONOR if decision.try_in_days is None else decision.try_in_days
    next_at = _ten_o_clock(held.time_zone, in_days=days)
    refusal.to(RefusalStatus.WITH_DONOR if decision.waits_for_donor else RefusalStatus.TO_TRY, at=next_at)
    letters.refused(
        session,
        held.gift,
        held.invoice,
        decision=decision,
        number=refusal.number,
        next_at=next_at,
        confirm_url=confirm_url,
    )


def _lapse(session: Session, held: _Held, refusal: MonthlyRefusal) -> None:
    """Nothing more is charged; the worker tells Stripe, and the donor knows the way back."""
    held.gift.lapsed_at = now()
    held.gift.status = MonthlyStatus.LAPSED
    refusal.to(RefusalStatus.LAPSING, at=now())
    letters.lapsed(session, held.gift, held.invoice)
    ring(session, Bell.FOLLOW_REFUSALS)


def _again(
    session: Session,
    gift: MonthlyGift,
    invoice: MonthlyInvoice,
    refusal: MonthlyRefusal,
    *,
    refused_at: datetime,
) -> MonthlyRefusal:
    """The next refusal of the same instalment; the one before is over."""
    tries = 1 if refusal.has_new_method else refusal.tries + 1
    refusal.to(RefusalStatus.OVER, at=None)
    session.flush()
    # Our clock and Stripe's need not agree; the order is the order of the tries.
    after = max(refused_at, refusal.refused_at + timedelta(microseconds=1))
    return _write(session, invoice, gift, number=refusal.number + 1, tries=tries, refused_at=after)


def _write(
    session: Session,
    invoice: MonthlyInvoice,
    gift: MonthlyGift,
    *,
    number: int,
    tries: int,
    refused_at: datetime,
) -> MonthlyRefusal:
    refusal = MonthlyRefusal(
        stripe_invoice_id=invoice.stripe_invoice_id,
        number=number,
        monthly_gift_id=gift.id,
        refused_at=refused_at,
        tries=tries,
        status=RefusalStatus.HEARD,
        due_at=now(),
        attempts=0,
        has_new_method=False,
    )
    session.add(refusal)
    session.flush()
    return refusal


def _latest(session: Session, stripe_invoice_id: str) -> MonthlyRefusal | None:
    return session.scalars(
        select(MonthlyRefusal)
        .where(MonthlyRefusal.stripe_invoice_id == stripe_invoice_id)
        .order_by(MonthlyRefusal.number.desc())
        .limit(1)
    ).one_or_none()


def _hold(session: Session, step: Step) -> _Held:
    """The refusal under its gift's lock, as everywhere."""
    return _Held._make(
        session.execute(_HELD, {"invoice": step.stripe_invoice_id, "number": step.number}).one()
    )


def _ten_o_clock(zone: str, *, in_days: int) -> datetime:
    """Ten in the morning so many days from now, where the books are kept: never the same day twice."""
    day = day_in(zone, now()) + timedelta(days=in_days)
    return datetime.combine(day, _AT_TEN, tzinfo=ZoneInfo(zone)).astimezone(UTC)


# Made once: SQLAlchemy takes longer to put it together than to run it.
_HELD = (
    select(MonthlyGift, MonthlyRefusal, MonthlyInvoice, IssuingEntity.time_zone)
    .join(MonthlyRefusal, MonthlyRefusal.monthly_gift_id == MonthlyGift.id)
    .join(MonthlyInvoice, MonthlyInvoice.stripe_invoice_id == MonthlyRefusal.stripe_invoice_id)
    .join(IssuingEntity, IssuingEntity.id == MonthlyGift.entity_id)
    .where(
        MonthlyRefusal.stripe_invoice_id == bindparam("invoice"),
        MonthlyRefusal.number == bindparam("number"),
    )
    # In this order. What is not held is seen as it was before this had to wait.
    .with_for_update(of=(MonthlyGift, MonthlyInvoice, MonthlyRefusal))
    .execution_options(populate_existing=True)
)
