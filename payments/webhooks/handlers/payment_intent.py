"""Refused attempts. The donor may try again on the same page, so a refusal ends nothing."""

from payments.stripe_gateway.shapes import PaymentIntent
from payments.webhooks.batch import Batch


def payment_failed(batch: Batch, payment: PaymentIntent) -> None:
    """Remember a refusal that no bank ever saw, such as a failed 3-D Secure.

    One that a bank did see is told by its charge, which also says when: of two refusals the later
    one counts, in whatever order they are heard of. So any charge's word outranks this one.
    """
    donation = batch.donation(payment.donation_id)
    error = payment.last_payment_error
    if donation is None or error is None or error.charge is not None:
        return
    if batch.latest_refused_charge_of(donation) is None:
        donation.decline_code = error.decline_code or error.code
