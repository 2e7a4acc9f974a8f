"""The donor's way through Stripe's page: finished, finished but the bank decides, or left."""

from payments.donations import settlement
from payments.stripe_gateway.shapes import CheckoutSession
from payments.webhooks.batch import Batch
from payments.webhooks.handlers.charge import settle


def completed(batch: Batch, session: CheckoutSession) -> None:
    """The donor finished the page. Only `payment_status` says whether money was taken."""
    donation = batch.donation(session.donation_id)
    if donation is None:
        return
    settlement.checkout_completed(donation, session)
    settle(batch, donation)


def async_payment_succeeded(batch: Batch, session: CheckoutSession) -> None:
    """The bank said yes, days later."""
    completed(batch, session)


def async_payment_failed(batch: Batch, session: CheckoutSession) -> None:
    """The bank said no, days later."""
    donation = batch.donation(session.donation_id)
    if donation is not None:
        settlement.checkout_failed(donation, session)


def expired(batch: Batch, session: CheckoutSession) -> None:
    """The page was left without paying."""
    donation = batch.donation(session.donation_id)
    if donation is not None:
        settlement.checkout_expired(donation, session)
