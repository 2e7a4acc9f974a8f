"""Disputes and the warnings before them: taken over from Stripe, in whatever order it speaks."""

from datetime import datetime

from payments.clock import from_stripe
from payments.donations.models import Charge
from payments.donations.reversals import CLOSED_DISPUTES, Dispute, FraudWarning
from payments.stripe_gateway import shapes


def dispute_from(dispute: shapes.Dispute, charge: Charge) -> Dispute:
    """A dispute heard of for the first time."""
    due_by = dispute.evidence_details.due_by
    return Dispute(
        stripe_dispute_id=dispute.id,
        stripe_charge_id=charge.stripe_charge_id,
        donation_id=charge.donation_id,
        amount=dispute.amount,
        currency=dispute.currency,
        reason=dispute.reason,
        status=dispute.status,
        evidence_due_by=from_stripe(due_by) if due_by is not None else None,
        opened_at=from_stripe(dispute.created),
        closed_at=None,
    )


def update_dispute(known: Dispute, dispute: shapes.Dispute, *, said_at: datetime) -> None:
    """Take over what Stripe says now. A closed dispute stays closed: older news changes nothing."""
    if known.is_closed:
        return
    known.status = dispute.status
    due_by = dispute.evidence_details.due_by
    known.evidence_due_by = from_stripe(due_by) if due_by is not None else None
    if dispute.status in CLOSED_DISPUTES:
        known.closed_at = said_at


def warning_from(warning: shapes.EarlyFraudWarning, charge: Charge) -> FraudWarning:
    """A warning heard of for the first time."""
    return FraudWarning(
        stripe_fraud_warning_id=warning.id,
        stripe_charge_id=charge.stripe_charge_id,
        donation_id=charge.donation_id,
        fraud_type=warning.fraud_type,
        is_actionable=warning.actionable,
        warned_at=from_stripe(warning.created),
    )
