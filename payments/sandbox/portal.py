"""The customer portal: a short-lived address for one customer, and what they may do behind it.

As at Stripe the card given there becomes the customer's default and nothing else: a subscription that has a
method of its own keeps it until the charity says otherwise.
"""

from __future__ import annotations

from typing import Any

from payments.sandbox import (
    billing,
    charging,
    collection,
    invoices,
    methods,
    shapes,
    subscription_changes,
    subscriptions,
)
from payments.sandbox.cards import Card, digits_only, look_up, with_expiry
from payments.sandbox.checkout_parameters import LOCALES
from payments.sandbox.errors import Refusal
from payments.sandbox.forms import NOT_SIMULATED, read, require
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_A_DAY = 24 * 3600
_FLOWS = (
    "customer_update",
    "payment_method_update",
    "subscription_cancel",
    "subscription_pause",
    "subscription_update",
    "subscription_update_confirm",
)
_SIMULATED = ("payment_method_update", "subscription_cancel")
CREATE: dict[str, Any] = {
    "customer": "str",
    "expand": ["str"],
    "flow_data": {
        "type": _FLOWS,
        "after_completion": {
            "type": ("hosted_confirmation", "portal_homepage", "redirect"),
            "redirect": {"return_url": "str"},
            "hosted_confirmation": {"custom_message": "str"},
        },
        "subscription_cancel": {"subscription": "str", "retention": NOT_SIMULATED},
        "subscription_pause": NOT_SIMULATED,
        "subscription_update": NOT_SIMULATED,
        "subscription_update_confirm": NOT_SIMULATED,
    },
    "locale": tuple(LOCALES),
    "return_url": "str",
    **dict.fromkeys(("after_expiration", "configuration", "customer_account", "on_behalf_of"), NOT_SIMULATED),
}


def create(world: World, tree: dict[str, Any]) -> Thing:
    """`POST /v1/billing_portal/sessions`."""
    given = read(tree, CREATE)
    customer_id = require(given, "customer")
    if world.store.get("customer", customer_id) is None:
        raise Refusal(f"No such customer: '{customer_id}'", code="resource_missing", param="customer")
    flow = given.get("flow_data")
    secret = world.new_id("test")
    session = {
        "id": world.new_id("bps"),
        "object": "billing_portal.session",
        "after_expiration": None,
        "configuration": _configuration(world),
        "created": world.now(),
        "customer": customer_id,
        "customer_account": None,
        "flow": _flow(world, customer_id, flow) if flow is not None else None,
        "livemode": False,
        "locale": given.get("locale"),
        "on_behalf_of": None,
        "return_url": given.get("return_url"),
        "url": f"{world.options.base_url}/p/session/{secret}",
    }
    world.store.save("billing_portal.session", session)
    world.store.save("portal_key", {"id": secret, "session": session["id"]})
    return session


def _configuration(world: World) -> str:
    known: str | None = world.store.fact("portal_configuration")
    if known is None:
        known = world.new_id("bpc")
        world.store.set_fact("portal_configuration", known)
    return known


def _flow(world: World, customer_id: str, flow: Thing) -> Thing:
    type_ = require(flow, "type", at="flow_data")
    if type_ not in _SIMULATED:
        raise Refusal(
            f"`flow_data[type]: {type_}` exists at Stripe but is not in this sandbox yet.",
            code="sandbox_not_simulated",
            param="flow_data[type]",
        )
    after = flow.get("after_completion") or {"type": "portal_homepage"}
    target = after.get("redirect")
    if after["type"] == "redirect":
        require(target or {}, "return_url", at="flow_data[after_completion][redirect]")
    cancel = None
    if type_ == "subscription_cancel":
        at = "flow_data[subscription_cancel]"
        subscription_id = require(flow.get("subscription_cancel") or {}, "subscription", at=at)
        subscription = world.store.get("subscription", subscription_id)
        if subscription is None or subscription["customer"] != customer_id:
            raise Refusal(
                f"No such subscription: '{subscription_id}'",
                code="resource_missing",
                param=f"{at}[subscription]",
            )
        cancel = {"retention": None, "subscription": subscription_id}
    return {
        "after_completion": {
            "hosted_confirmation": after.get("hosted_confirmation"),
            "redirect": target,
            "type": after["type"],
        },
        "customer_update": None,
        "subscription_cancel": cancel,
        "subscription_pause": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": type_,
    }


def session_behind(world: World, key: str) -> Thing:
    """The portal session that an address names, while it is fresh."""
    session = world.find("billing_portal.session", world.find("portal_key", key)["session"])
    if session["created"] < world.now() - _A_DAY:
        raise Refusal("This link has expired. Ask for a new one where you found it.", status=410)
    return session


def card_numbered(world: World, number: str, *, month: int = 12, year: int = 2034) -> Card:
    """One of Stripe's test cards by its number."""
    digits = digits_only(number)
    card = look_up(digits)
    if card is None:
        raise Refusal("Not one of Stripe's test cards.", code="incorrect_number", param="card")
    return with_expiry(card, month=month, year=year, fingerprint=world.fingerprint(digits))


def new_method(world: World, customer: Thing, card: Card) -> Thing:
    """A method made of a card; one that refuses later is taken all the same."""
    method = methods.payment_method(
        world,
        type_="card",
        details=methods.card_of(card),
        billing=shapes.billing_details(email=customer["email"], name=customer["name"]),
        customer_id=None,
    )
    charging.note_method(
        world, method, decline=charging.code_of(card.decline), authenticates=card.asks_every_time
    )
    world.store.save("payment_method", method)
    return method


def change_card(world: World, session: Thing, card: Card) -> Thing:
    """The donor gives another card; one that its bank refuses at once is refused here, too."""
    if card.decline is not None and not card.can_be_kept:
        raise Refusal(card.decline.message, status=402, kind="card_error", code=card.decline.code)
    customer = world.find("customer", session["customer"])
    method = new_method(world, customer, card)
    billing.give_card(world, customer, method, everywhere=False)
    return method


def cancel(
    world: World, session: Thing, subscription_id: str, *, feedback: str | None, comment: str | None
) -> Thing:
    """The donor stops: at the period's end or at once, as the account's portal is set."""
    subscription = world.find("subscription", subscription_id)
    if subscription["customer"] != session["customer"]:
        raise Refusal(f"No such subscription: '{subscription_id}'", status=404, code="resource_missing")
    if feedback is not None and feedback not in subscription_changes.FEEDBACK:
        raise Refusal(
            f"Unknown: {feedback}. Known: {', '.join(subscription_changes.FEEDBACK)}", param="feedback"
        )
    if subscriptions.is_over(subscription):
        raise Refusal("This has been cancelled already.", param="id")
    said = {"comment": comment, "feedback": feedback}
    if world.billing.portal_cancels == "immediately":
        subscriptions.end(world, subscription, reason="cancellation_requested", details=said)
        return subscription
    details = {**subscription["cancellation_details"], **said, "reason": "cancellation_requested"}
    subscriptions.change(
        world,
        subscription,
        {
            "cancel_at_period_end": True,
            "cancel_at": subscriptions.the_item(subscription)["current_period_end"],
            "canceled_at": subscription["canceled_at"] or world.now(),
            "cancellation_details": details,
        },
    )
    return subscription


def pay_invoice(world: World, invoice: Thing, *, card: Card | None) -> collection.Attempt:
    """On the invoice's own page: with the method on file, or with another card that is kept for the next."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise Refusal(f"This invoice is {invoice['status']}.", param="invoice")
    method = None
    if card is not None:
        customer = world.find("customer", invoice["customer"])
        method = billing.attach(world, new_method(world, customer, card), customer["id"])
    made = collection.attempt(world, invoice, method=method, by_hand=True, present=True)
    if made.word == "paid" and method is not None:
        subscription = invoices.subscription_of(world, invoice)
        if not subscriptions.is_over(subscription):
            subscriptions.change(world, subscription, {"default_payment_method": method["id"]})
    return made
