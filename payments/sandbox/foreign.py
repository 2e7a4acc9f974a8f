"""Money of others on the same Stripe account: a shop's sale, which carries none of the charity's metadata."""

from __future__ import annotations

from payments.sandbox import balance, charging, methods, shapes
from payments.sandbox.cards import digits_only, look_up, with_expiry
from payments.sandbox.currencies import CURRENCIES, check_total
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World


def charge(
    world: World,
    *,
    amount: int,
    currency: str,
    card_number: str,
    description: str | None,
    metadata: Thing,
    settle: bool,
) -> Thing:
    """A card payment made elsewhere; it can be refunded and disputed like any other."""
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
        billing=shapes.billing_details(email="buyer@example.org", name="Test Buyer"),
        customer_id=None,
    )
    intent = shapes.payment_intent(
        world,
        {"amount_total": amount, "currency": currency, "customer": None, "payment_method_types": ["card"]},
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
