"""Every object as the pinned API version spells it: each declared key that is not optional, and no other.

Keys that Stripe leaves out unless they apply (line_items, presentment_details, ...) are left out here too;
every other nullable key is present as null. The judge is tests/sandbox/test_shapes.py.
"""

from __future__ import annotations

from typing import Any

from payments.sandbox import methods
from payments.sandbox.cards import Decline
from payments.sandbox.store import Thing
from payments.sandbox.world import World

EMPTY_ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def billing_details(*, email: str | None, name: str | None, country: str | None = None) -> Thing:
    return {
        "address": {**EMPTY_ADDRESS, "country": country},
        "email": email,
        "name": name,
        "phone": None,
        "tax_id": None,
    }


def customer(world: World, *, email: str | None, name: str | None) -> Thing:
    customer_id = world.new_id("cus", length=14)
    return {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "business_name": None,
        "created": world.now(),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": email,
        "individual_name": name,
        "invoice_prefix": customer_id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": name,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def price(world: World, *, currency: str, unit_amount: int) -> Thing:
    return {
        "id": world.new_id("price"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": world.now(),
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": world.new_id("prod", length=14),
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def line_item(
    world: World,
    *,
    currency: str,
    unit_amount: int,
    quantity: int,
    name: str,
    price_: Thing | None = None,
) -> Thing:
    total = unit_amount * quantity
    return {
        "id": world.new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": currency,
        "description": name,
        "metadata": {},
        "price": price_ or price(world, currency=currency, unit_amount=unit_amount),
        "quantity": quantity,
    }


def payment_intent(world: World, session: Thing, hidden: Thing) -> Thing:
    """As Checkout makes it when the donor confirms."""
    given = hidden["payment_intent_data"]
    intent_id = world.new_id("pi")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": session.get("allowed_payment_method_types"),
        "amount": session["amount_total"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{world.new_id('x')[2:]}",
        "confirmation_method": "automatic",
        "created": world.now(),
        "currency": session["currency"],
        "customer": session["customer"],
        "customer_account": None,
        "description": given.get("description"),
        "excluded_payment_method_types": session.get("excluded_payment_method_types"),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": given.get("metadata", {}),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": methods.intent_options(session["payment_method_types"]),
        "payment_method_types": session["payment_method_types"],
        "payment_record": None,
        "processing": None,
        "receipt_email": given.get("receipt_email"),
        "review": None,
        "setup_future_usage": given.get("setup_future_usage"),
        "shipping": None,
        "source": None,
        "statement_descriptor": given.get("statement_descriptor"),
        "statement_descriptor_suffix": given.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def charge(world: World, intent: Thing, method: Thing, *, descriptor: str) -> Thing:
    """A charge before its outcome: the caller says whether it succeeded, is pending or failed."""
    charge_id = world.new_id("ch" if method["type"] == "card" else "py")
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": descriptor,
        "captured": False,
        "created": world.now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": methods.method_details(world, method, amount=intent["amount"]),
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "pending",
        "transfer_data": None,
        "transfer_group": None,
    }


def outcome(*, decline: Decline | None = None, approved: bool = True) -> Thing:
    if decline is not None:
        return {
            "advice_code": decline.advice,
            "network_advice_code": None,
            "network_decline_code": None if decline.blocked else decline.network_code,
            "network_status": "not_sent_to_network" if decline.blocked else "declined_by_network",
            "reason": "highest_risk_level" if decline.blocked else (decline.decline_code or decline.code),
            "risk_level": "highest" if decline.blocked else "normal",
            "risk_score": 91 if decline.blocked else 24,
            "seller_message": (
                "Stripe blocked this payment as too risky."
                if decline.blocked
                else "The bank did not return any further details with this decline."
            ),
            "type": "blocked" if decline.blocked else "issuer_declined",
        }
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if approved else None,
        "reason": None,
        "risk_level": "normal" if approved else "not_assessed",
        "risk_score": 24 if approved else None,
        "seller_message": "Payment complete." if approved else "Payment pending.",
        "type": "authorized",
    }


def balance_transaction(
    world: World,
    *,
    type_: str,
    category: str,
    amount: int,
    currency: str,
    source: str | None,
    description: str | None,
    fee_details: list[Thing],
    rate: float | None,
    available_on: int,
) -> Thing:
    fee = sum(detail["amount"] for detail in fee_details)
    return {
        "id": world.new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": world.now(),
        "currency": currency,
        "description": description,
        "exchange_rate": rate,
        "fee": fee,
        "fee_details": fee_details,
        "net": amount - fee,
        "reporting_category": category,
        "source": source,
        "status": "available" if available_on <= world.now() else "pending",
        "type": type_,
    }


def webhook_endpoint(world: World, *, endpoint_id: str, url: str, api_version: str) -> Thing:
    return {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "api_version": api_version,
        "application": None,
        "created": world.now(),
        "description": None,
        "enabled_events": ["*"],
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
    }


def account(world: World) -> Thing:
    """The charity's own account, reduced to what a standard account tells about itself."""
    nothing_due: dict[str, Any] = {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }
    return {
        "id": world.account_id,
        "object": "account",
        "business_profile": {
            "mcc": "8398",
            "name": world.options.merchant,
            "product_description": None,
            "support_address": None,
            "support_email": None,
            "support_phone": None,
            "support_url": None,
            "url": None,
        },
        "business_type": "non_profit",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "US",
        "created": world.now(),
        "default_currency": world.settlement_currencies[0],
        "details_submitted": True,
        "email": None,
        "future_requirements": nothing_due,
        "metadata": {},
        "payouts_enabled": True,
        "requirements": nothing_due,
        "type": "standard",
    }
