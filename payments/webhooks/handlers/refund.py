"""Refunds, from here or from Stripe's dashboard. The book follows their balance transactions."""

from payments.donations import refunds
from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch


def seen(batch: Batch, refund: shapes.Refund) -> None:
    """A refund in whatever state. One without a charge refunds nothing of ours."""
    if refund.charge is None:
        return
    charge = batch.known_charge(refund.charge)
    known = batch.refund(refund)
    if known is None:
        batch.add_refund(refunds.refund_from(refund, charge))
    else:
        refunds.update_refund(known, refund)
    batch.want_balance_transactions([refund.balance_transaction, refund.failure_balance_transaction])
