"""What a Checkout Session's mode allows: a gift given once, or one that is given again every month."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from payments.sandbox import billing_shapes, methods
from payments.sandbox.errors import Refusal, missing_parameter, not_in_this_sandbox
from payments.sandbox.forms import require
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_ONLY_ONCE = ("payment_intent_data", "customer_creation", "invoice_creation")
_ONLY_MONTHLY = ("subscription_data", "payment_method_collection")
_MOST_RECURRING = 20


def check(given: dict[str, Any]) -> None:
    """Refuse what Stripe refuses in the mode asked for, and what this sandbox does not act on."""
    mode = given.get("mode")
    if mode is None:
        raise missing_parameter("mode")
    if mode == "setup":
        raise Refusal(
            "`mode: setup` exists at Stripe but is not in this sandbox yet; it opens `mode: payment` and "
            "`mode: subscription`.",
            code="sandbox_not_simulated",
            param="mode",
        )
    for name in _ONLY_ONCE if mode == "subscription" else _ONLY_MONTHLY:
        if name in given:
            other = "payment" if mode == "subscription" else "subscription"
            raise Refusal(f"You can only use `{name}` in `{other}` mode.", param=name)
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_in_this_sandbox("ui_mode")
    _check_submit_type(given, mode)
    for switch in ("invoice_creation", "automatic_tax", "managed_payments", "phone_number_collection"):
        if (given.get(switch) or {}).get("enabled"):
            raise not_in_this_sandbox(f"{switch}[enabled]")
    for url in ("success_url", "cancel_url"):
        if url in given and (urlsplit(given[url]).scheme not in ("http", "https")):
            raise Refusal("Not a valid URL", code="url_invalid", param=url)
    require(given, "success_url")


def _check_submit_type(given: dict[str, Any], mode: str) -> None:
    if given.get("submit_type") == "subscribe" and mode != "subscription":
        raise Refusal("`submit_type: subscribe` is only for subscription mode.", param="submit_type")


def check_recurring(given: dict[str, Any], lines: list[Thing]) -> None:
    """In subscription mode every line here recurs, all at one rhythm; in payment mode none does."""
    rhythms: set[tuple[str, int]] = set()
    for place, line in enumerate(lines):
        at = f"line_items[{place}][price_data]"
        recurring = line["price_data"].get("recurring")
        if given["mode"] == "payment" and recurring is not None:
            raise Refusal(
                "You specified `payment` mode but passed a recurring price. Either switch to `subscription` "
                "mode or use only one-time prices.",
                param=f"{at}[recurring]",
            )
        if given["mode"] == "payment":
            continue
        if recurring is None:
            raise Refusal(
                "A line without `recurring` exists at Stripe beside a recurring one but is not in this "
                "sandbox: a plan here is one recurring price.",
                code="sandbox_not_simulated",
                param=at,
            )
        rhythms.add(rhythm(recurring, at=f"{at}[recurring]"))
    if len(rhythms) > 1:
        raise Refusal("All recurring prices of a session must have the same interval.", param="line_items")
    if given["mode"] == "subscription" and len(lines) > _MOST_RECURRING:
        raise Refusal("A session takes at most 20 recurring line items.", param="line_items")


def rhythm(recurring: Thing, *, at: str) -> tuple[str, int]:
    interval = require(recurring, "interval", at=at)
    count = recurring.get("interval_count", 1)
    most = {"day": 1095, "week": 156, "month": 36, "year": 3}[interval]
    if not 1 <= count <= most:
        raise Refusal(f"`interval_count` must be between 1 and {most}.", param=f"{at}[interval_count]")
    return interval, count


def price_of(world: World, data: Thing, currency: str) -> Thing | None:
    """The price of a recurring line, with the product that it is made of; both can be retrieved."""
    recurring = data.get("recurring")
    if recurring is None:
        return None
    about = data["product_data"]
    product = billing_shapes.product(
        world,
        name=about["name"],
        description=about.get("description"),
        metadata=about.get("metadata", {}),
    )
    world.store.save("product", product)
    return new_price(world, data, currency, product["id"])


def new_price(world: World, data: Thing, currency: str, product_id: str) -> Thing:
    interval, count = rhythm(data["recurring"], at="recurring")
    price = billing_shapes.recurring_price(
        world,
        currency=currency,
        unit_amount=data["unit_amount"],
        product_id=product_id,
        interval=interval,
        count=count,
    )
    world.store.save("price", price)
    return price


def delayed_types(mode: str, currency: str) -> tuple[str, ...]:
    """The method that the bank confirms days later: a transfer cannot be repeated, a debit can."""
    debits = methods.DEBITS.get(currency, ())
    return debits if debits or mode == "subscription" else ("customer_balance",)


def session_fields(given: dict[str, Any]) -> Thing:
    """What a session of this mode shows differently."""
    if given["mode"] == "payment":
        creation = None if given.get("customer") else given.get("customer_creation", "if_required")
        return {"customer_creation": creation}
    return {
        "customer_creation": None if given.get("customer") else "always",
        "invoice_creation": None,
        "payment_method_collection": given.get("payment_method_collection", "always"),
    }
