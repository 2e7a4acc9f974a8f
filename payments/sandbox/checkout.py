"""Checkout Sessions: opened, looked at, expired. Paying them is `payments.py`.

Beside each session stands an `order`: what the API does not show of it (the PaymentIntent's data, the line
items, the last thing the pay page has to tell the donor).
"""

from __future__ import annotations

import re
from typing import Any

from payments.sandbox import checkout_modes, methods, shapes
from payments.sandbox.checkout_parameters import CREATE, METHOD_TYPES
from payments.sandbox.currencies import CURRENCIES, check_total
from payments.sandbox.errors import Refusal, missing_parameter
from payments.sandbox.events import emit
from payments.sandbox.forms import read, require
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_HALF_AN_HOUR = 30 * 60
_A_DAY = 24 * 3600
# A client computes half an hour from its own clock a moment before we read ours.
_GRACE = 60


def create(world: World, tree: dict[str, Any]) -> Thing:
    given = read(tree, CREATE)
    checkout_modes.check(given)
    _check_texts(given)
    lines = _check_lines(given)
    checkout_modes.check_recurring(given, lines)
    expires_at = _check_expiry(world, given)
    customer = _known_customer(world, given)
    currency = lines[0]["price_data"]["currency"].lower()
    total = sum(line["price_data"]["unit_amount"] * line["quantity"] for line in lines)
    check_total(total, currency)
    session = _new_session(world, given, currency=currency, total=total, expires_at=expires_at)
    session["customer"] = customer
    order = {
        "id": session["id"],
        "payment_intent_data": _intent_data(given),
        "subscription_data": given.get("subscription_data") or {},
        "intent": None,
        "lines": [_line(world, line, currency) for line in lines],
        "said": None,
        "pending": None,
    }
    world.store.save("checkout.session", session)
    world.store.save("order", order)
    world.due("expire", session["id"], float(expires_at))
    return session


def _intent_data(given: dict[str, Any]) -> Thing:
    """What the PaymentIntent will carry; a subscription's carries nothing of the caller's."""
    if given["mode"] == "subscription":
        return {"description": "Subscription creation", "setup_future_usage": "off_session"}
    data: Thing = given.get("payment_intent_data") or {}
    return data


def _check_texts(given: dict[str, Any]) -> None:
    if len(given.get("client_reference_id") or "") > 200:
        raise Refusal("`client_reference_id` can have at most 200 characters.", param="client_reference_id")
    intent_data = given.get("payment_intent_data") or {}
    emails = (("customer_email", given), ("receipt_email", intent_data))
    for name, holder in emails:
        email = holder.get(name)
        if email is not None and (len(email) > 512 or not _EMAIL.match(email)):
            raise Refusal(f"Invalid email address: {email}", code="email_invalid", param=name)
    if given.get("customer") and given.get("customer_email"):
        raise Refusal(
            "You may only specify one of these parameters: customer, customer_email.", param="customer"
        )
    if given.get("customer") and given.get("customer_creation"):
        raise Refusal(
            "`customer_creation` can not be used with an existing `customer`.", param="customer_creation"
        )
    suffix = intent_data.get("statement_descriptor_suffix") or ""
    if len(suffix) > 22 or re.search(r"[<>\\'\"*]", suffix):
        raise Refusal(
            "The statement descriptor suffix must be at most 22 characters without < > \\ ' \" *.",
            param="payment_intent_data[statement_descriptor_suffix]",
        )


def _check_lines(given: dict[str, Any]) -> list[Thing]:
    lines: list[Thing] = given.get("line_items") or []
    if not lines:
        raise missing_parameter("line_items")
    if len(lines) > 100:
        raise Refusal("A session in payment mode takes at most 100 line items.", param="line_items")
    for place, line in enumerate(lines):
        at = f"line_items[{place}]"
        data = require(line, "price_data", at=at)
        currency = require(data, "currency", at=f"{at}[price_data]").lower()
        if currency not in CURRENCIES:
            supported = ", ".join(CURRENCIES)
            raise Refusal(
                f"Invalid currency: {currency}. This sandbox supports: {supported}",
                param=f"{at}[price_data][currency]",
            )
        if currency != lines[0]["price_data"]["currency"].lower():
            raise Refusal("All line items must have the same currency.", param=f"{at}[price_data][currency]")
        amount = require(data, "unit_amount", at=f"{at}[price_data]")
        if amount < 0:
            raise Refusal(
                "This value must be greater than or equal to 0.",
                code="parameter_invalid_integer",
                param=f"{at}[price_data][unit_amount]",
            )
        require(
            require(data, "product_data", at=f"{at}[price_data]"),
            "name",
            at=f"{at}[price_data][product_data]",
        )
        quantity = require(line, "quantity", at=at)
        if quantity < 1:
            raise Refusal(
                "This value must be greater than or equal to 1.",
                code="parameter_invalid_integer",
                param=f"{at}[quantity]",
            )
    if given.get("currency") and given["currency"].lower() != lines[0]["price_data"]["currency"].lower():
        raise Refusal("`currency` does not match the line items.", param="currency")
    return lines


def _check_expiry(world: World, given: dict[str, Any]) -> int:
    expires_at: int = given.get("expires_at") or world.now() + _A_DAY
    ahead = expires_at - world.now()
    if ahead < _HALF_AN_HOUR - _GRACE:
        raise Refusal(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            param="expires_at",
        )
    if ahead > _A_DAY + _GRACE:
        raise Refusal(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return expires_at


def _known_customer(world: World, given: dict[str, Any]) -> str | None:
    if given.get("customer") is None:
        return None
    if world.store.get("customer", given["customer"]) is None:
        raise Refusal(f"No such customer: '{given['customer']}'", code="resource_missing", param="customer")
    return str(given["customer"])


def method_types(given: dict[str, Any], currency: str) -> list[str]:
    """Cards, and the delayed method that fits the currency, as far as the filters allow."""
    delayed = checkout_modes.delayed_types(given["mode"], currency)
    offered = [type_ for type_ in METHOD_TYPES if type_ in ("card", *delayed)]
    allowed = given.get("allowed_payment_method_types")
    excluded = given.get("excluded_payment_method_types") or []
    types = [t for t in offered if (allowed is None or t in allowed) and t not in excluded]
    if not types:
        raise Refusal(
            f"No valid payment method types for this Checkout Session: none fits {currency} and the filters.",
            param="allowed_payment_method_types",
        )
    return types


def _line(world: World, line: Thing, currency: str) -> Thing:
    data = line["price_data"]
    item = shapes.line_item(
        world,
        currency=currency,
        unit_amount=data["unit_amount"],
        quantity=line["quantity"],
        name=data["product_data"]["name"],
        price_=checkout_modes.price_of(world, data, currency),
    )
    item["metadata"] = line.get("metadata", {})
    return {"item": item, "about": data["product_data"].get("description")}


def _new_session(world: World, given: dict[str, Any], *, currency: str, total: int, expires_at: int) -> Thing:
    session_id = world.new_id("cs_test", length=58)
    types = method_types(given, currency)
    texts = given.get("custom_text") or {}
    session: Thing = {
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": bool((given.get("adaptive_pricing") or {}).get("enabled", False))},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": given.get("allowed_payment_method_types"),
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": given.get("billing_address_collection"),
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": world.now(),
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            name: texts.get(name)
            for name in ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        },
        "customer": None,
        "customer_account": None,
        "customer_creation": None,
        "customer_details": None,
        "customer_email": given.get("customer_email"),
        "discounts": [],
        "expires_at": expires_at,
        "integration_identifier": given.get("integration_identifier"),
        "invoice": None,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        },
        "livemode": False,
        "locale": given.get("locale"),
        "managed_payments": {"enabled": False},
        "metadata": given.get("metadata", {}),
        "mode": given["mode"],
        "origin_context": given.get("origin_context"),
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": methods.session_options(types),
        "payment_method_types": types,
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": given.get("submit_type"),
        "subscription": None,
        "success_url": given["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{world.options.base_url}/c/pay/{session_id}",
        "wallet_options": None,
        **checkout_modes.session_fields(given),
    }
    if "excluded_payment_method_types" in given:
        session["excluded_payment_method_types"] = given["excluded_payment_method_types"]
    if given.get("customer_email"):
        session["customer_details"] = customer_details(email=given["customer_email"], name=None, country=None)
    return session


def customer_details(*, email: str | None, name: str | None, country: str | None) -> Thing:
    return {
        "address": {**shapes.EMPTY_ADDRESS, "country": country},
        "business_name": None,
        "email": email,
        "individual_name": name,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def expire(world: World, session: Thing, *, param: str = "id") -> Thing:
    """Close an open session, as its clock, the API or a test asks; an attempt under way is cancelled."""
    if session["status"] != "open":
        raise Refusal(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a '
            f"status of `{session['status']}`.",
            param=param,
        )
    intent_id = world.find("order", session["id"])["intent"]
    intent = world.store.get("payment_intent", intent_id) if intent_id else None
    if intent is not None:
        intent.update(
            status="canceled", canceled_at=world.now(), cancellation_reason="expired", next_action=None
        )
        world.store.save("payment_intent", intent)
        emit(world, "payment_intent.canceled", intent)
    session.update(status="expired", url=None)
    world.store.save("checkout.session", session)
    world.store.forget("due", f"expire:{session['id']}")
    emit(world, "checkout.session.expired", session)
    return session


def line_items(world: World, session: Thing) -> list[Thing]:
    return [line["item"] for line in world.find("order", session["id"])["lines"]]
