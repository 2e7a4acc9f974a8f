"""Subscriptions: how Stripe keeps a promise, whether it collects, and that it has ended."""

from payments.monthly import following
from payments.monthly.models import MonthlyGift
from payments.stripe_gateway.billing_shapes import Subscription
from payments.webhooks.batch import Batch


def seen(batch: Batch, subscription: Subscription) -> None:
    """A subscription in whatever state; one that began elsewhere is not ours."""
    gift = batch.promises.gift(subscription.monthly_gift_id, stripe_subscription_id=subscription.id)
    if gift is None:
        return
    following.take_subscription(gift, subscription, said_at=batch.said_at)
    take_card_on_file(batch, gift)
    batch.promises.touch(gift)


def take_card_on_file(batch: Batch, gift: MonthlyGift) -> None:
    """The card of its customer may have been heard of before."""
    card = batch.promises.card(gift.stripe_customer_id)
    if card is not None:
        following.show_card(gift, card)
