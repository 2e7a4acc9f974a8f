"""A bank that takes an instalment back, or suspects fraud, ends the whole gift: the next would come back too.

Found among the facts and not told by whoever books them: a dispute may be heard of before the charge it is
about is known to be an instalment.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from payments.donations.disputes import LOST
from payments.donations.models import Charge, Donation
from payments.donations.reversals import Dispute, FraudWarning
from payments.monthly import changes
from payments.monthly.changes import Asked
from payments.monthly.models import EndReason, MonthlyGift, MonthlyStatus

_RUNNING = [
    status.value
    for status in MonthlyStatus
    if status not in {MonthlyStatus.ENDED, MonthlyStatus.NEVER_STARTED}
]


@dataclass(frozen=True, slots=True)
class Complaint:
    """A lost dispute or a fraud warning about an instalment of a gift that still runs."""

    monthly_gift_id: str
    reason: EndReason
    about: str
    """Stripe's id of the dispute or the warning."""


def unanswered(session: Session) -> list[Complaint]:
    """Every such complaint, one a gift; a lost dispute says more than the warning before it."""
    lost = (
        select(MonthlyGift.id, Dispute.stripe_dispute_id)
        .join(Donation, Donation.monthly_gift_id == MonthlyGift.id)
        .join(Charge, Charge.donation_id == Donation.id)
        .join(Dispute, Dispute.stripe_charge_id == Charge.stripe_charge_id)
        .where(MonthlyGift.status.in_(_RUNNING), Dispute.status.in_(LOST), _is_ours(Dispute.opened_at))
        .order_by(Dispute.opened_at, Dispute.stripe_dispute_id)
    )
    warned = (
        select(MonthlyGift.id, FraudWarning.stripe_fraud_warning_id)
        .join(Donation, Donation.monthly_gift_id == MonthlyGift.id)
        .join(Charge, Charge.donation_id == Donation.id)
        .join(FraudWarning, FraudWarning.stripe_charge_id == Charge.stripe_charge_id)
        .where(MonthlyGift.status.in_(_RUNNING), _is_ours(FraudWarning.warned_at))
        .order_by(FraudWarning.warned_at, FraudWarning.stripe_fraud_warning_id)
    )
    found: dict[str, Complaint] = {}
    for reason, complaints in ((EndReason.DISPUTE, lost), (EndReason.FRAUD_WARNING, warned)):
        for monthly_gift_id, about in session.execute(complaints):
            found.setdefault(monthly_gift_id, Complaint(monthly_gift_id, reason, about))
    return list(found.values())


def _is_ours(at: InstrumentedAttribute[datetime]) -> ColumnElement[bool]:
    """Whether it came to this house: another platform let the gift run on after one that came to it."""
    return or_(MonthlyGift.receipts_from.is_(None), at >= MonthlyGift.receipts_from)


def answer(session: Session, complaint: Complaint) -> bool:
    """End the gift; whether it was running until now."""
    asked = Asked(by=f"{complaint.reason}:{complaint.about}")
    _, was_running = changes.stop(session, complaint.monthly_gift_id, asked, reason=complaint.reason)
    return was_running
