"""Refused attempts. The donor may try again on the same page, so a refusal ends nothing."""

from payments.stripe_gateway.shapes import PaymentIntent
from payments.webhooks.batch import Batch


def payment_failed(batch: Batch, payment: PaymentIntent) -> None:
    """Remember why; a decline code is a word of Stripe's, not of the donor's."""
    donation = batch.donation(payment.donation_id)
    if donation is None or payment.last_payment_error is None:
        return
    donation.decline_code = payment.last_payment_error.decline_code or payment.last_payment_error.code
