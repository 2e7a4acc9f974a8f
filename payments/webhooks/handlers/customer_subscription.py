"""Subscriptions: how Stripe keeps a promise, whether it collects, and that it has ended."""

from payments.monthly import following
from payments.monthly.models import MonthlyGift, MonthlyStatus
from payments.stripe_gateway.billing_shapes import Subscription
from payments.webhooks.batch import Batch

_NOT_BEGUN = {MonthlyStatus.PENDING, MonthlyStatus.NEVER_STARTED}


def seen(batch: Batch, subscription: Subscription) -> None:
    """A subscription in whatever state; one that began elsewhere is not ours."""
    gift = batch.promises.gift(subscription.monthly_gift_id, stripe_subscription_id=subscription.id)
    if gift is None:
        return
    was_running = gift.ended_at is None and gift.status not in _NOT_BEGUN
    batch.promises.meet(gift)
    following.take_subscription(gift, subscription, said_at=batch.said_at)
    if was_running and gift.ended_at is not None:
        batch.promises.note_ended(gift)
    take_card_on_file(batch, gift)
    batch.promises.touch(gift)


def take_card_on_file(batch: Batch, gift: MonthlyGift) -> None:
    """The card of its customer may have been heard of before."""
    card = batch.promises.card(gift.stripe_customer_id)
    if card is not None:
        following.show_card(gift, card)
