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


_OPEN_RANK = {
    "warning_needs_response": 0,
    "warning_under_review": 1,
    "needs_response": 2,
    "under_review": 3,
    "appeal_needs_response": 4,
    "appeal_under_review": 5,
}
"""How far an open dispute has come. A status Stripe invents later counts as under review."""

_APPEALS = frozenset({"appeal_needs_response", "appeal_under_review"})


def update_dispute(
    known: Dispute, dispute: shapes.Dispute, *, said_at: datetime, is_fetched: bool = False
) -> None:
    """Take over what Stripe says now; older news changes nothing, whatever order it comes in.

    Among open states the further one counts. An outcome gives way only to a later outcome, or to an
    appeal against it. One that was fetched does not say when it was closed: the day that is known stays.
    """
    if _is_older(known, dispute.status, said_at):
        return
    if is_fetched and known.closed_at is not None and known.status == dispute.status:
        return
    known.status = dispute.status
    known.amount, known.currency = dispute.amount, dispute.currency
    due_by = dispute.evidence_details.due_by
    known.evidence_due_by = from_stripe(due_by) if due_by is not None else None
    if dispute.status in CLOSED_DISPUTES:
        known.closed_at = said_at


LOST = _APPEALS | {"lost"}
"""The bank decided for the donor; an appeal against it does not bring the money back."""


def is_lost(dispute: Dispute) -> bool:
    """Whether the bank decided for the donor."""
    return dispute.status in LOST


def _is_older(known: Dispute, status: str, said_at: datetime) -> bool:
    if status in CLOSED_DISPUTES:
        return known.closed_at is not None and said_at <= known.closed_at
    if known.status in CLOSED_DISPUTES:
        return status not in _APPEALS or (known.closed_at is not None and said_at <= known.closed_at)
    return _OPEN_RANK.get(status, 3) < _OPEN_RANK.get(known.status, 3)


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
