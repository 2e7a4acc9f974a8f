"""What the charity may change of a subscription: the amount, the date, the card, a pause, an end."""

from __future__ import annotations

from typing import Any

from payments.sandbox import billing, billing_shapes, checkout_modes, subscriptions
from payments.sandbox.currencies import CURRENCIES, check_total
from payments.sandbox.errors import Refusal, missing_parameter
from payments.sandbox.forms import NOT_SIMULATED, Unsettable, merged_metadata, read, require
from payments.sandbox.store import Thing, copied
from payments.sandbox.world import World

FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
_DETAILS = {
    "comment": Unsettable("str"),
    "feedback": Unsettable(FEEDBACK),
    "feedback_option": NOT_SIMULATED,
}
UPDATE: dict[str, Any] = {
    "cancel_at": Unsettable("str"),
    "cancel_at_period_end": "bool",
    "cancellation_details": _DETAILS,
    "default_payment_method": Unsettable("str"),
    "description": Unsettable("str"),
    "expand": ["str"],
    "items": [
        {
            "id": "str",
            "price": NOT_SIMULATED,
            "price_data": {
                "currency": "str",
                "product": "str",
                "recurring": {"interval": ("day", "month", "week", "year"), "interval_count": "int"},
                "tax_behavior": NOT_SIMULATED,
                "unit_amount": "int",
                "unit_amount_decimal": NOT_SIMULATED,
            },
            "quantity": "int",
            "metadata": NOT_SIMULATED,
            "billing_thresholds": NOT_SIMULATED,
            "clear_usage": NOT_SIMULATED,
            "current_trial": NOT_SIMULATED,
            "deleted": NOT_SIMULATED,
            "discounts": NOT_SIMULATED,
            "plan": NOT_SIMULATED,
            "tax_rates": NOT_SIMULATED,
        }
    ],
    "metadata": "map",
    "off_session": "bool",
    "pause_collection": {
        "behavior": ("keep_as_draft", "mark_uncollectible", "void"),
        "resumes_at": "int",
    },
    "payment_behavior": (
        "allow_incomplete",
        "default_incomplete",
        "error_if_incomplete",
        "pending_if_incomplete",
    ),
    "proration_behavior": ("always_invoice", "create_prorations", "none"),
    "trial_end": "str",
    **dict.fromkeys(
        (
            "add_invoice_items",
            "application_fee_percent",
            "automatic_tax",
            "billing_cycle_anchor",
            "billing_schedules",
            "billing_thresholds",
            "collection_method",
            "days_until_due",
            "default_source",
            "default_tax_rates",
            "discounts",
            "invoice_settings",
            "on_behalf_of",
            "payment_settings",
            "pending_invoice_item_interval",
            "proration_date",
            "transfer_data",
            "trial_from_plan",
            "trial_settings",
        ),
        NOT_SIMULATED,
    ),
}
CANCEL: dict[str, Any] = {
    "cancellation_details": _DETAILS,
    "expand": ["str"],
    "invoice_now": NOT_SIMULATED,
    "prorate": NOT_SIMULATED,
}
_TWO_YEARS = 2 * 366 * 24 * 3600
_MOVES_THE_DATE = {"cancel_at", "cancel_at_period_end", "trial_end"}
_WHEN_OVER = {"metadata", "cancellation_details", "expand"}


def update(world: World, subscription: Thing, tree: dict[str, Any]) -> Thing:
    given = read(tree, UPDATE)
    if subscriptions.is_over(subscription) and set(given) - _WHEN_OVER:
        raise Refusal(
            "A canceled subscription can only update its cancellation_details and metadata.",
            param=sorted(set(given) - _WHEN_OVER)[0],
        )
    changes: dict[str, Any] = {}
    for name in ("description",):
        if name in given:
            changes[name] = given[name]
    if "metadata" in given:
        changes["metadata"] = merged_metadata(subscription["metadata"], tree)
    if given.get("cancellation_details") is not None:
        changes["cancellation_details"] = {
            **subscription["cancellation_details"],
            **given["cancellation_details"],
        }
    _card(world, subscription, given, changes)
    _ending(world, subscription, given, changes)
    _pause(world, subscription, given, changes)
    if "items" in given:
        changes["items"] = _items(world, subscription, given)
    moved = "trial_end" in given
    if moved:
        _move_date(world, subscription, given, changes)
    subscriptions.change(world, subscription, changes)
    if moved and subscription["status"] == "trialing":
        billing.bill_trial(world, subscription)
    if _MOVES_THE_DATE & set(given):
        subscriptions.expect_renewal(world, subscription)
    return subscription


def _card(world: World, subscription: Thing, given: dict[str, Any], changes: dict[str, Any]) -> None:
    if "default_payment_method" not in given:
        return
    method_id = given["default_payment_method"]
    if method_id is not None:
        method = world.find("payment_method", method_id, param="default_payment_method")
        if method["customer"] != subscription["customer"]:
            raise Refusal(
                f"The customer does not have a payment method with the ID {method_id}. It must be "
                "attached to the customer.",
                code="resource_missing",
                param="default_payment_method",
            )
    changes["default_payment_method"] = method_id


def _ending(world: World, subscription: Thing, given: dict[str, Any], changes: dict[str, Any]) -> None:
    """A date to stop at is a request: `canceled_at` is when it was made, and unsetting it takes that back."""
    if "cancel_at" in given and "cancel_at_period_end" in given:
        raise Refusal("You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
    if "cancel_at_period_end" in given:
        stops = given["cancel_at_period_end"]
        end = subscriptions.the_item(subscription)["current_period_end"]
        changes.update(cancel_at_period_end=stops, cancel_at=end if stops else None)
    elif "cancel_at" in given:
        changes.update(cancel_at_period_end=False, cancel_at=_moment(given["cancel_at"], "cancel_at"))
        if changes["cancel_at"] is not None and changes["cancel_at"] <= world.now():
            raise Refusal("`cancel_at` must be in the future.", param="cancel_at")
    else:
        return
    requested = changes["cancel_at"] is not None
    changes["canceled_at"] = (subscription["canceled_at"] or world.now()) if requested else None
    changes["cancellation_details"] = {
        **(changes.get("cancellation_details") or subscription["cancellation_details"]),
        "reason": "cancellation_requested" if requested else None,
    }


def _moment(value: str | None, param: str) -> int | None:
    if value is None:
        return None
    if not value.isdigit():
        raise Refusal(f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)
    return int(value)


def _pause(world: World, subscription: Thing, given: dict[str, Any], changes: dict[str, Any]) -> None:
    if "pause_collection" not in given:
        return
    pause = given["pause_collection"]
    world.store.forget("due", f"resume:{subscription['id']}")
    if pause is None:
        changes["pause_collection"] = None
        return
    behavior, resumes_at = require(pause, "behavior", at="pause_collection"), pause.get("resumes_at")
    if resumes_at is not None and resumes_at <= world.now():
        raise Refusal("`resumes_at` must be in the future.", param="pause_collection[resumes_at]")
    changes["pause_collection"] = {"behavior": behavior, "resumes_at": resumes_at}
    if resumes_at is not None:
        world.due("resume", subscription["id"], float(resumes_at))


def _items(world: World, subscription: Thing, given: dict[str, Any]) -> Thing:
    """The items with their new price. Only a change that prorates nothing is known here."""
    if given.get("proration_behavior", "create_prorations") != "none":
        raise Refusal(
            "This sandbox prorates nothing: a gift's change needs `proration_behavior: none`.",
            code="sandbox_not_simulated",
            param="proration_behavior",
        )
    items = copied(subscription["items"])
    known = {item["id"]: item for item in items["data"]}
    for place, wanted in enumerate(given["items"]):
        at = f"items[{place}]"
        item_id = wanted.get("id")
        if item_id is None:
            raise missing_parameter(f"{at}[id]")
        if item_id not in known:
            raise Refusal(
                f"No such subscription item: '{item_id}'", code="resource_missing", param=f"{at}[id]"
            )
        if "price_data" in wanted:
            price = _price(world, subscription, known[item_id], wanted["price_data"], f"{at}[price_data]")
            billing_shapes.set_price(known[item_id], price)
        if "quantity" in wanted:
            known[item_id]["quantity"] = wanted["quantity"]
    return items


def _price(world: World, subscription: Thing, item: Thing, data: Thing, at: str) -> Thing:
    currency = require(data, "currency", at=at).lower()
    for name in ("product", "recurring", "unit_amount"):
        require(data, name, at=at)
    if currency not in CURRENCIES:
        raise Refusal(f"Invalid currency: {currency}", param=f"{at}[currency]")
    if currency != subscription["currency"]:
        raise Refusal(
            "The price specified supports currencies of `" + currency + "`. This doesn't match the expected "
            f"currency: `{subscription['currency']}`.",
            param=f"{at}[currency]",
        )
    if world.store.get("product", data["product"]) is None:
        raise Refusal(
            f"No such product: '{data['product']}'", code="resource_missing", param=f"{at}[product]"
        )
    old = item["price"]["recurring"]
    if checkout_modes.rhythm(data["recurring"], at=f"{at}[recurring]") != (
        old["interval"],
        old["interval_count"],
    ):
        raise Refusal(
            "Another interval exists at Stripe but is not in this sandbox: it would begin a new period.",
            code="sandbox_not_simulated",
            param=f"{at}[recurring]",
        )
    check_total(data["unit_amount"], currency)
    return checkout_modes.new_price(world, data, currency, data["product"])


def _move_date(world: World, subscription: Thing, given: dict[str, Any], changes: dict[str, Any]) -> None:
    """`trial_end` moves the next charge and the anchor; until then the subscription is trialing."""
    end = world.now() if given["trial_end"] == "now" else _moment(given["trial_end"], "trial_end")
    if end is None or end < world.now() or end > world.now() + _TWO_YEARS:
        raise Refusal("`trial_end` must be in the future, and at most two years away.", param="trial_end")
    if given["trial_end"] == "now" and subscription["status"] != "trialing":
        raise Refusal("The subscription is not in a trial.", param="trial_end")
    if given.get("proration_behavior", "create_prorations") != "none":
        raise Refusal(
            "This sandbox prorates nothing: moving the date needs `proration_behavior: none`.",
            code="sandbox_not_simulated",
            param="proration_behavior",
        )
    base = {**subscription, "items": changes.get("items", subscription["items"])}
    changes.update(
        items=subscriptions.with_period(base, start=world.now(), end=end),
        billing_cycle_anchor=end,
        status="trialing",
        trial_start=subscription["trial_start"] or world.now(),
        trial_end=end,
    )


def cancel(world: World, subscription: Thing, tree: dict[str, Any]) -> Thing:
    """`DELETE /v1/subscriptions/{id}`: over at once."""
    given = read(tree, CANCEL)
    if subscriptions.is_over(subscription):
        raise Refusal(
            f"No such subscription: '{subscription['id']}'", status=404, code="resource_missing", param="id"
        )
    subscriptions.end(
        world,
        subscription,
        reason="cancellation_requested",
        details=given.get("cancellation_details"),
    )
    return subscription
