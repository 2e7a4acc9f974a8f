"""What was taken against the donor's word goes back by itself, and the donor is told.

An end and a pause count from the moment they are asked for, and Stripe hears of them within a second; but
Stripe may have been away, or on its way to the bank. Whoever charged then, the money is not kept.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session, aliased

from payments.clock import now
from payments.database import plan_anew
from payments.donations import refund_requests
from payments.donations.models import Charge, Donation, DonationStatus
from payments.donations.reversals import Refund
from payments.money import Money
from payments.monthly import changes, letters
from payments.monthly.models import (
    ChangeKind,
    ChangeStatus,
    EndReason,
    MonthlyChange,
    MonthlyGift,
)

_LOOKS_BACK = timedelta(days=180)
_ENDS_OF_OURS = [reason.value for reason in EndReason if reason is not EndReason.AT_STRIPE]
"""Where somebody ended it at Stripe, an invoice left open there may still be paid on purpose."""
_WHETHER_TO_COLLECT = [kind.value for kind in changes.SAME_MATTER[ChangeKind.PAUSE]]


@dataclass(frozen=True, slots=True)
class Late:
    """An instalment that was charged when its gift had ended, or rested."""

    donation_id: str
    monthly_gift_id: str
    pause_id: str | None = None
    """The change that asked for the rest; none where the gift had ended."""


def taken_late(session: Session) -> list[Late]:
    """Every such instalment for which nothing was done yet."""
    plan_anew(session)
    since = {"since": now() - _LOOKS_BACK}
    return [
        *(Late(donation_id, gift_id) for donation_id, gift_id in session.execute(_TAKEN_AFTER_END, since)),
        *(Late(*late) for late in session.execute(_TAKEN_IN_PAUSE, since)),
    ]


def give_back(session: Session, late: Late) -> Refund | None:
    """Write the refund down, and the letter; a worker submits it. None when there is nothing to do."""
    gift = changes.find(session, late.monthly_gift_id)
    when = "had ended" if late.pause_id is None else "was to rest"
    refund = refund_requests.give_back(
        session, late.donation_id, note=f"taken when {gift.id} {when}: given back by itself"
    )
    if refund is None:
        return None
    donation = session.get_one(Donation, late.donation_id)
    about = donation.stripe_invoice_id or donation.id
    amount = Money(refund.amount, refund.currency)
    if late.pause_id is None:
        letters.refunded_after_end(session, gift, stripe_invoice_id=about, amount=amount)
    else:
        pause = session.get_one(MonthlyChange, late.pause_id)
        letters.refunded_in_pause(session, gift, pause, stripe_invoice_id=about, amount=amount)
    return refund


# Made once: SQLAlchemy takes longer to put these together than to run them.
_GIVEN_BACK = select(Refund.id).where(Refund.donation_id == Donation.id, Refund.origin == "house").exists()
# Stripe tells the second only; of a charge in the same one nobody knows which was first.
_END = func.date_trunc("second", MonthlyGift.ended_at)
_TAKEN_AFTER_END = (
    select(Donation.id, MonthlyGift.id)
    .join(Donation, Donation.monthly_gift_id == MonthlyGift.id)
    .join(Charge, Charge.donation_id == Donation.id)
    .where(
        MonthlyGift.ended_at > bindparam("since"),
        MonthlyGift.end_reason.in_(_ENDS_OF_OURS),
        Donation.status == DonationStatus.PAID.value,
        # It is paid when it was charged; asked first, few charges are left to look at.
        Donation.paid_at >= _END,
        Charge.status == "succeeded",
        Charge.charged_at >= _END,
        ~_GIVEN_BACK,
    )
    .order_by(Donation.id)
)
_NEWER = aliased(MonthlyChange)
_HAS_NEWER_WORD = (
    select(_NEWER.id)
    .where(
        _NEWER.monthly_gift_id == MonthlyChange.monthly_gift_id,
        _NEWER.kind.in_(_WHETHER_TO_COLLECT),
        _NEWER.asked_at > MonthlyChange.asked_at,
        _NEWER.asked_at <= Charge.charged_at,
    )
    .exists()
)
# Only what was charged before Stripe knew of the pause: later, it collects nothing that the donor has not
# paid by hand.
_TAKEN_IN_PAUSE = (
    select(Donation.id, MonthlyChange.monthly_gift_id, MonthlyChange.id)
    .join(Donation, Donation.monthly_gift_id == MonthlyChange.monthly_gift_id)
    .join(Charge, Charge.donation_id == Donation.id)
    .where(
        MonthlyChange.kind == ChangeKind.PAUSE.value,
        # What Stripe refused waits for a person, who sees the gift as it is.
        MonthlyChange.status != ChangeStatus.REFUSED.value,
        MonthlyChange.asked_at > bindparam("since"),
        Donation.status == DonationStatus.PAID.value,
        Charge.status == "succeeded",
        Charge.charged_at >= func.date_trunc("second", MonthlyChange.asked_at),
        Charge.charged_at < MonthlyChange.paused_until,
        or_(MonthlyChange.done_at.is_(None), Charge.charged_at < MonthlyChange.done_at),
        ~_HAS_NEWER_WORD,
        ~_GIVEN_BACK,
    )
    .order_by(Donation.id)
)
