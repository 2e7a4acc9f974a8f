"""The part of Stripe's API that is about giving every month: subscriptions, invoices and their payments,
prices and products, and the customer portal."""

from __future__ import annotations

from typing import Any

from payments.sandbox import collection, invoices, portal, subscription_changes, subscriptions
from payments.sandbox.answers import Answer, Route, create, list_of, retrieve, route
from payments.sandbox.errors import Refusal, card_declined
from payments.sandbox.forms import NOT_SIMULATED, merged_metadata, read
from payments.sandbox.lists import BOUNDS, CREATED, PAGING, created_filter, expanded, page, within
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_STATUSES = (
    "active",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)
INVOICE_UPDATE: dict[str, Any] = {
    "auto_advance": "bool",
    "default_payment_method": "str",
    "description": "str",
    "expand": ["str"],
    "metadata": "map",
    **dict.fromkeys(
        (
            "account_tax_ids",
            "application_fee_amount",
            "automatic_tax",
            "automatically_finalizes_at",
            "collection_method",
            "custom_fields",
            "days_until_due",
            "default_source",
            "default_tax_rates",
            "discounts",
            "due_date",
            "effective_at",
            "footer",
            "issuer",
            "number",
            "on_behalf_of",
            "payment_settings",
            "rendering",
            "shipping_cost",
            "shipping_details",
            "statement_descriptor",
            "transfer_data",
        ),
        NOT_SIMULATED,
    ),
}
INVOICE_PAY: dict[str, Any] = {
    "expand": ["str"],
    "off_session": "bool",
    "payment_method": "str",
    **dict.fromkeys(("forgive", "mandate", "paid_out_of_band", "source"), NOT_SIMULATED),
}


def _paths(tree: dict[str, Any]) -> list[str]:
    return list((tree.get("expand") or {}).values())


def _list_subscriptions(world: World, tree: dict[str, Any], _: str) -> Thing:
    spec = {
        **PAGING,
        **CREATED,
        "customer": "str",
        "price": "str",
        "status": ("all", "ended", *_STATUSES),
        "collection_method": ("charge_automatically", "send_invoice"),
        "current_period_end": BOUNDS,
        "current_period_start": BOUNDS,
        **dict.fromkeys(("automatic_tax", "customer_account", "plan", "test_clock"), NOT_SIMULATED),
    }
    given = read(tree, spec)
    in_time = created_filter(given)

    def matches(subscription: Thing) -> bool:
        item = subscriptions.the_item(subscription)
        return (
            in_time(subscription)
            and _has_status(subscription, given.get("status"))
            and given.get("customer") in (None, subscription["customer"])
            and given.get("price") in (None, item["price"]["id"])
            and given.get("collection_method") != "send_invoice"
            and all(
                within(item[name], given.get(name)) for name in ("current_period_end", "current_period_start")
            )
        )

    among = world.store.where("subscription", "customer", given["customer"]) if "customer" in given else None
    return page(world, "subscription", given, url="/v1/subscriptions", matches=matches, among=among)


def _has_status(subscription: Thing, wanted: str | None) -> bool:
    """Without a status Stripe leaves out what was cancelled."""
    if wanted == "all":
        return True
    if wanted == "ended":
        return subscriptions.is_over(subscription)
    return bool(subscription["status"] != "canceled" if wanted is None else subscription["status"] == wanted)


def _update_subscription(world: World, tree: dict[str, Any], subscription_id: str) -> Thing:
    subscription = world.find("subscription", subscription_id)
    return expanded(world, subscription_changes.update(world, subscription, tree), _paths(tree))


def _cancel_subscription(world: World, tree: dict[str, Any], subscription_id: str) -> Thing:
    subscription = world.find("subscription", subscription_id)
    return expanded(world, subscription_changes.cancel(world, subscription, tree), _paths(tree))


def _not_simulated(what: str) -> Answer:
    def answer(world: World, tree: dict[str, Any], thing_id: str) -> Thing:
        raise Refusal(
            f"{what} exists at Stripe but is not in this sandbox: a gift pauses by `pause_collection`.",
            code="sandbox_not_simulated",
        )

    return answer


def _list_invoices(world: World, tree: dict[str, Any], _: str) -> Thing:
    spec = {
        **PAGING,
        **CREATED,
        "customer": "str",
        "subscription": "str",
        "status": ("draft", "open", "paid", "uncollectible", "void"),
        "collection_method": ("charge_automatically", "send_invoice"),
        **dict.fromkeys(("customer_account", "due_date"), NOT_SIMULATED),
    }
    given = read(tree, spec)
    in_time = created_filter(given)

    def matches(invoice: Thing) -> bool:
        return (
            in_time(invoice)
            and given.get("customer") in (None, invoice["customer"])
            and given.get("status") in (None, invoice["status"])
            and given.get("collection_method") in (None, invoice["collection_method"])
        )

    among = None
    if "subscription" in given:
        index = "parent.subscription_details.subscription"
        among = world.store.where("invoice", index, given["subscription"])
    elif "customer" in given:
        among = world.store.where("invoice", "customer", given["customer"])
    return page(world, "invoice", given, url="/v1/invoices", matches=matches, among=among)


def _invoice(world: World, invoice_id: str) -> Thing:
    return world.find("invoice", invoice_id, param="invoice")


def _update_invoice(world: World, tree: dict[str, Any], invoice_id: str) -> Thing:
    given = read(tree, INVOICE_UPDATE)
    invoice = _invoice(world, invoice_id)
    taken = ("description", "default_payment_method")
    changes: dict[str, Any] = {name: given[name] for name in taken if name in given}
    if "metadata" in given:
        changes["metadata"] = merged_metadata(invoice["metadata"], tree)
    if "auto_advance" in given:
        changes |= _advance(world, invoice, wanted=given["auto_advance"])
    invoices.change(world, invoice, changes)
    return expanded(world, invoice, _paths(tree))


def _advance(world: World, invoice: Thing, *, wanted: bool) -> dict[str, Any]:
    """Whether Stripe goes on with the invoice by itself; switched off, nothing is finalized or retried."""
    if invoice["status"] not in ("draft", "open"):
        raise Refusal(
            f"You can't change auto_advance on an invoice that is {invoice['status']}.", param="auto_advance"
        )
    if wanted == invoice["auto_advance"]:
        return {}
    deed = "finalize" if invoice["status"] == "draft" else "retry"
    if not wanted:
        world.store.forget("due", f"{deed}:{invoice['id']}")
        return {"auto_advance": False, "automatically_finalizes_at": None, "next_payment_attempt": None}
    soon = world.now() + world.billing.finalize_after
    world.due(deed, invoice["id"], float(soon))
    if invoice["status"] == "draft":
        return {"auto_advance": True, "automatically_finalizes_at": soon}
    return {"auto_advance": True, "next_payment_attempt": soon}


def _pay_invoice(world: World, tree: dict[str, Any], invoice_id: str) -> Thing:
    given = read(tree, INVOICE_PAY)
    invoice = _invoice(world, invoice_id)
    method = None
    if "payment_method" in given:
        method = world.find("payment_method", given["payment_method"], param="payment_method")
        if method["customer"] != invoice["customer"]:
            raise Refusal(
                "The payment method must be attached to the invoice's customer.", param="payment_method"
            )
    if invoice["status"] == "draft":
        invoices.finalize(world, invoice)
    if invoice["status"] in ("paid", "void"):
        raise Refusal(f"Invoice is already {invoice['status']}", code="invoice_not_editable", param="invoice")
    if method is None and collection.method_for(world, invoice) is None:
        raise Refusal(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set one first.",
            code="invoice_payment_intent_requires_action",
        )
    made = collection.attempt(world, invoice, method=method, by_hand=True)
    intent = invoices.intent_of(world, invoice)
    if made.decline is not None and intent is not None:
        raise card_declined(intent["last_payment_error"])
    return expanded(world, invoice, _paths(tree))


def _finalize_invoice(world: World, tree: dict[str, Any], invoice_id: str) -> Thing:
    given = read(tree, {"auto_advance": "bool", "expand": ["str"]})
    invoice = _invoice(world, invoice_id)
    if "auto_advance" in given:
        invoice["auto_advance"] = given["auto_advance"]
    invoices.finalize(world, invoice)
    if invoice["status"] == "open" and invoice["auto_advance"]:
        soon = world.now() + world.billing.finalize_after
        invoices.change(world, invoice, {"next_payment_attempt": soon})
        world.due("retry", invoice["id"], float(soon))
    return expanded(world, invoice, given.get("expand") or [])


def _void_invoice(world: World, tree: dict[str, Any], invoice_id: str) -> Thing:
    given = read(tree, {"expand": ["str"]})
    return expanded(world, invoices.void(world, _invoice(world, invoice_id)), given.get("expand") or [])


def _forgive_invoice(world: World, tree: dict[str, Any], invoice_id: str) -> Thing:
    given = read(tree, {"expand": ["str"]})
    invoice = _invoice(world, invoice_id)
    if invoice["status"] == "draft":
        raise Refusal("You can only mark open invoices as uncollectible.", param="invoice")
    invoices.forgive(world, invoice, reason="user_forgiven")
    return expanded(world, invoice, given.get("expand") or [])


def _list_payments(world: World, tree: dict[str, Any], _: str) -> Thing:
    spec = {
        **PAGING,
        **CREATED,
        "invoice": "str",
        "status": ("canceled", "open", "paid"),
        "payment": {
            "type": ("charge", "payment_intent", "payment_record"),
            "payment_intent": "str",
            "charge": NOT_SIMULATED,
            "payment_record": NOT_SIMULATED,
        },
    }
    given = read(tree, spec)
    payment = given.get("payment") or {}
    if payment and "type" not in payment:
        raise Refusal(
            "Missing required param: payment[type].", code="parameter_missing", param="payment[type]"
        )
    in_time = created_filter(given)

    def matches(thing: Thing) -> bool:
        return (
            in_time(thing)
            and given.get("invoice") in (None, thing["invoice"])
            and given.get("status") in (None, thing["status"])
            and payment.get("type") in (None, thing["payment"]["type"])
            and payment.get("payment_intent") in (None, thing["payment"]["payment_intent"])
        )

    among = None
    if "invoice" in given:
        among = world.store.where("invoice_payment", "invoice", given["invoice"])
    elif "payment_intent" in payment:
        among = world.store.where("invoice_payment", "payment.payment_intent", payment["payment_intent"])
    return page(world, "invoice_payment", given, url="/v1/invoice_payments", matches=matches, among=among)


ROUTES: tuple[Route, ...] = (
    route("GET", "/v1/subscriptions", _list_subscriptions),
    route("GET", "/v1/subscriptions/{id}", retrieve("subscription", param="id")),
    route("POST", "/v1/subscriptions/{id}", _update_subscription),
    route("DELETE", "/v1/subscriptions/{id}", _cancel_subscription),
    route("POST", "/v1/subscriptions/{id}/pause", _not_simulated("Pausing a subscription")),
    route("POST", "/v1/subscriptions/{id}/resume", _not_simulated("Resuming a subscription")),
    route("GET", "/v1/invoices", _list_invoices),
    route("GET", "/v1/invoices/{id}", retrieve("invoice", param="invoice")),
    route("POST", "/v1/invoices/{id}", _update_invoice),
    route("POST", "/v1/invoices/{id}/pay", _pay_invoice),
    route("POST", "/v1/invoices/{id}/finalize", _finalize_invoice),
    route("POST", "/v1/invoices/{id}/void", _void_invoice),
    route("POST", "/v1/invoices/{id}/mark_uncollectible", _forgive_invoice),
    route("GET", "/v1/invoice_payments", _list_payments),
    route("GET", "/v1/invoice_payments/{id}", retrieve("invoice_payment", param="invoice_payment")),
    route("GET", "/v1/products", list_of("product", "/v1/products", ("active",))),
    route("GET", "/v1/products/{id}", retrieve("product", param="id")),
    route("GET", "/v1/prices", list_of("price", "/v1/prices", ("product", "currency"))),
    route("GET", "/v1/prices/{id}", retrieve("price", param="price")),
    route("POST", "/v1/billing_portal/sessions", create(portal.create)),
)
