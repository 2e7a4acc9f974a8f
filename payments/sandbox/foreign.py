"""Money of others on the same Stripe account, which carries none of the charity's metadata: a shop's sale, or
gifts and plans that another platform took before."""

from __future__ import annotations

from payments.sandbox import balance, charging, checkout, methods, payments, shapes
from payments.sandbox.cards import digits_only, look_up, with_expiry
from payments.sandbox.currencies import CURRENCIES, check_total
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.payments import Payer
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_BUYER = Payer(email="buyer@example.org", name="Test Buyer")


def charge(
    world: World,
    *,
    amount: int,
    currency: str,
    card_number: str,
    description: str | None,
    metadata: Thing,
    settle: bool,
    payer: Payer = _BUYER,
    customer_id: str | None = None,
) -> Thing:
    """A card payment made elsewhere; it can be refunded and disputed like any other."""
    if customer_id is not None:
        world.find("customer", customer_id, param="customer")
    if currency not in CURRENCIES:
        raise Refusal(f"Invalid currency: {currency}", param="currency")
    check_total(amount, currency)
    number = digits_only(card_number)
    card = look_up(number)
    if card is None or card.decline is not None:
        raise Refusal("Not one of Stripe's test cards that pay.", code="incorrect_number", param="card")
    card = with_expiry(card, month=12, year=2034, fingerprint=world.fingerprint(number))
    method = methods.payment_method(
        world,
        type_="card",
        details=methods.card_of(card),
        billing=shapes.billing_details(email=payer.email, name=payer.name),
        customer_id=customer_id,
    )
    intent = shapes.payment_intent(
        world,
        {
            "amount_total": amount,
            "currency": currency,
            "customer": customer_id,
            "payment_method_types": ["card"],
        },
        {"payment_intent_data": {"description": description, "metadata": metadata}},
    )
    world.store.save("payment_method", method)
    world.store.save("payment_intent", intent)
    emit(world, "payment_intent.created", intent)
    made = shapes.charge(world, intent, method, descriptor=charging.descriptor(world))
    intent.update(latest_charge=made["id"], payment_method=method["id"])
    charging.succeed(world, intent, made, at_once=card.available_at_once)
    if settle:
        balance.settle(world, made)
    return made


def plan(world: World, given: Thing, *, payer: Payer, card_number: str) -> Thing:
    """A subscription that another platform began, with its customer, and paid the first time. `given` is its
    amount, currency, interval, product and metadata."""
    price = {
        "currency": given["currency"],
        "unit_amount": str(given["amount"]),
        "recurring": {"interval": given["interval"]},
        "product_data": {"name": given["product"]},
    }
    session = checkout.create(
        world,
        {
            "mode": "subscription",
            "success_url": "https://platform.example/thanks",
            "line_items": {"0": {"quantity": "1", "price_data": price}},
            "subscription_data": {"metadata": given["metadata"]},
        },
    )
    number = digits_only(card_number)
    card = look_up(number)
    if card is None:
        raise Refusal("Not one of Stripe's test cards.", code="incorrect_number", param="card")
    card = with_expiry(card, month=12, year=2034, fingerprint=world.fingerprint(number))
    payments.pay_by_card(world, session, card, payer)
    if session["subscription"] is None:
        raise Refusal("The card was not charged, so no plan began.", param="card")
    return world.find("subscription", session["subscription"])
