"""The donor's way through Stripe's page: finished, finished but the bank decides, or left."""

from payments.donations import settlement
from payments.monthly import following
from payments.monthly.models import MonthlyGift
from payments.stripe_gateway.shapes import CheckoutSession
from payments.webhooks.batch import Batch
from payments.webhooks.handlers import customer_subscription
from payments.webhooks.settling import settle


def completed(batch: Batch, session: CheckoutSession) -> None:
    """The donor finished the page. Only `payment_status` says whether money was taken."""
    donation = batch.donation(session.donation_id)
    if donation is None:
        return
    settlement.checkout_completed(donation, session)
    settle(batch, donation)
    gift = _promise(batch, session)
    if gift is not None:
        batch.promises.meet(gift)
        following.bind(gift, stripe_subscription_id=session.subscription, stripe_customer_id=session.customer)
        customer_subscription.take_card_on_file(batch, gift)


def async_payment_succeeded(batch: Batch, session: CheckoutSession) -> None:
    """The bank said yes, days later."""
    completed(batch, session)


def async_payment_failed(batch: Batch, session: CheckoutSession) -> None:
    """The bank said no, days later."""
    donation = batch.donation(session.donation_id)
    if donation is not None:
        settlement.checkout_failed(donation, session)
        _promise(batch, session)


def expired(batch: Batch, session: CheckoutSession) -> None:
    """The page was left without paying."""
    donation = batch.donation(session.donation_id)
    if donation is not None:
        settlement.checkout_expired(donation, session)
        _promise(batch, session)


def _promise(batch: Batch, session: CheckoutSession) -> MonthlyGift | None:
    """The promise it began, which from now on may stand elsewhere."""
    gift = batch.promises.gift(session.monthly_gift_id)
    if gift is not None:
        batch.promises.touch(gift)
    return gift
