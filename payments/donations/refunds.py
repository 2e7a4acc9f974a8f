"""Refunds as facts: what Stripe says of one, whoever asked for it."""

from payments.clock import from_stripe
from payments.database import new_id
from payments.donations.models import Charge
from payments.donations.reversals import Refund, RefundStatus
from payments.errors import UnreadableStripeObject
from payments.stripe_gateway import shapes


def refund_from(refund: shapes.Refund, charge: Charge) -> Refund:
    """A refund that was not asked for here: somebody made it in Stripe's dashboard."""
    return Refund(
        id=new_id("rfd"),
        stripe_refund_id=refund.id,
        donation_id=charge.donation_id,
        stripe_charge_id=charge.stripe_charge_id,
        amount=refund.amount,
        currency=refund.currency,
        status=_status_of(refund),
        origin="stripe",
        reason=refund.reason,
        failure_reason=refund.failure_reason,
        created_at=from_stripe(refund.created),
        is_booked=False,
    )


def update_refund(known: Refund, refund: shapes.Refund) -> None:
    """Take over what is newer; older news changes nothing, and news of another refund neither."""
    if known.stripe_refund_id is None:
        known.stripe_refund_id = refund.id
    if known.stripe_refund_id == refund.id and known.rise_to(_status_of(refund)):
        known.failure_reason = refund.failure_reason


def _status_of(refund: shapes.Refund) -> RefundStatus:
    try:
        return RefundStatus(refund.status or "succeeded")
    except ValueError:
        raise UnreadableStripeObject(f"refund {refund.id} has the unknown status {refund.status}") from None
