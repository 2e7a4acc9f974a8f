"""How a donor pays, as objects: the card or bank account of a PaymentMethod, of a charge, of the options."""

from __future__ import annotations

from payments.sandbox.cards import Card
from payments.sandbox.store import Thing
from payments.sandbox.world import World

# The bank debits that may be repeated every month; a bank transfer may not.
DEBITS = {"usd": ("us_bank_account",), "eur": ("sepa_debit",), "gbp": ("bacs_debit",)}


def card_of(card: Card) -> Thing:
    """The `card` of a PaymentMethod."""
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def bank_of(type_: str, fingerprint: str) -> Thing:
    """The part of a PaymentMethod that tells about a delayed method."""
    if type_ == "us_bank_account":
        return {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": None,
            "fingerprint": fingerprint,
            "last4": "6789",
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": {},
        }
    if type_ == "sepa_debit":
        return {
            "bank_code": "37040044",
            "branch_code": "",
            "country": "DE",
            "fingerprint": fingerprint,
            "generated_from": {"charge": None, "setup_attempt": None},
            "last4": "3000",
        }
    if type_ == "bacs_debit":
        return {"fingerprint": fingerprint, "last4": "2345", "sort_code": "108800"}
    return {}


def payment_method(
    world: World, *, type_: str, details: Thing, billing: Thing, customer_id: str | None
) -> Thing:
    return {
        "id": world.new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing,
        type_: details,
        "created": world.now(),
        "customer": customer_id,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": type_,
    }


def intent_options(types: list[str]) -> Thing:
    known: Thing = {
        "card": {
            "installments": None,
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": "automatic",
        },
        "us_bank_account": {"verification_method": "automatic"},
        "sepa_debit": {},
        "bacs_debit": {},
        "customer_balance": {"funding_type": "bank_transfer", "setup_future_usage": "none"},
    }
    return {type_: known[type_] for type_ in types}


def session_options(types: list[str]) -> Thing:
    known: Thing = {
        "card": {"request_three_d_secure": "automatic"},
        "us_bank_account": {"verification_method": "automatic"},
        "sepa_debit": {},
        "bacs_debit": {},
        "customer_balance": {"funding_type": "bank_transfer", "setup_future_usage": "none"},
    }
    return {type_: known[type_] for type_ in types}


def method_details(world: World, method: Thing, *, amount: int) -> Thing:
    type_ = method["type"]
    if type_ == "card":
        return {"type": "card", "card": _charged_card(method["card"], amount=amount)}
    if type_ == "customer_balance":
        return {"type": type_, type_: {}}
    told = {name: method[type_][name] for name in _TOLD_OF_A_BANK[type_]}
    told["mandate"] = world.new_id("mandate")
    if type_ == "us_bank_account":
        told["payment_reference"] = None
    return {"type": type_, type_: told}


_TOLD_OF_A_BANK = {
    "us_bank_account": (
        "account_holder_type",
        "account_type",
        "bank_name",
        "fingerprint",
        "last4",
        "routing_number",
    ),
    "sepa_debit": ("bank_code", "branch_code", "country", "fingerprint", "last4"),
    "bacs_debit": ("fingerprint", "last4", "sort_code"),
}


def _charged_card(card: Thing, *, amount: int) -> Thing:
    return {
        "amount_authorized": amount,
        "authorization_code": None,
        "brand": card["brand"],
        "checks": card["checks"],
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": card["regulated_status"],
        "three_d_secure": None,
        "wallet": None,
    }
