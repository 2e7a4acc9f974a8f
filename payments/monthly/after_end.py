"""What was taken after a monthly gift had ended goes back by itself, and the donor is told.

An end counts from the moment it is asked for, and Stripe hears of it within a second; but Stripe may have
been away, or on its way to the bank. Whoever charged then, the money is not kept.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.donations import refund_requests
from payments.donations.models import Charge, Donation, DonationStatus
from payments.donations.reversals import Refund
from payments.money import Money
from payments.monthly import changes, letters
from payments.monthly.models import EndReason, MonthlyGift

_LOOKS_BACK = timedelta(days=180)
_ENDS_OF_OURS = [reason.value for reason in EndReason if reason is not EndReason.AT_STRIPE]
"""Where somebody ended it at Stripe, an invoice left open there may still be paid on purpose."""


@dataclass(frozen=True, slots=True)
class Late:
    """An instalment that was charged when its gift had ended."""

    donation_id: str
    monthly_gift_id: str


def taken_after_end(session: Session) -> list[Late]:
    """Every such instalment for which nothing was done yet."""
    given_back = select(Refund.id).where(Refund.donation_id == Donation.id, Refund.origin == "house")
    found = session.execute(
        select(Donation.id, MonthlyGift.id)
        .join(Donation, Donation.monthly_gift_id == MonthlyGift.id)
        .join(Charge, Charge.donation_id == Donation.id)
        .where(
            MonthlyGift.ended_at > now() - _LOOKS_BACK,
            MonthlyGift.end_reason.in_(_ENDS_OF_OURS),
            Donation.status == DonationStatus.PAID.value,
            Charge.status == "succeeded",
            # Stripe tells the second only; of a charge in the same one nobody knows which was first.
            Charge.charged_at >= func.date_trunc("second", MonthlyGift.ended_at),
            ~given_back.exists(),
        )
        .order_by(Donation.id)
    )
    return [Late(donation_id, monthly_gift_id) for donation_id, monthly_gift_id in found]


def give_back(session: Session, late: Late) -> Refund | None:
    """Write the refund down, and the letter; a worker submits it. None when there is nothing to do."""
    gift = changes.find(session, late.monthly_gift_id)
    refund = refund_requests.give_back(
        session, late.donation_id, note=f"taken after {gift.id} had ended: given back by itself"
    )
    if refund is None:
        return None
    donation = session.get_one(Donation, late.donation_id)
    letters.refunded_after_end(
        session,
        gift,
        stripe_invoice_id=donation.stripe_invoice_id or donation.id,
        amount=Money(refund.amount, refund.currency),
    )
    return refund
