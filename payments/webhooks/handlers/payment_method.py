"""Cards: the one a donor gave last, or that the bank renewed by itself."""

from payments.monthly import following
from payments.stripe_gateway.billing_shapes import PaymentMethod
from payments.webhooks.batch import Batch


def seen(batch: Batch, method: PaymentMethod) -> None:
    """Kept by customer: a card given on the checkout page may be heard of before its promise."""
    if method.customer is None:
        return
    card = batch.promises.card_or_new(method.customer)
    following.take_card(card, method.card, said_at=batch.said_at)
    for gift in batch.promises.of_customer(method.customer):
        following.show_card(gift, card)
