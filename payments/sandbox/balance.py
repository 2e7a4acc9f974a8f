"""The balance: a charge's transaction with its fee and conversion, which at Stripe comes after the charge."""

from __future__ import annotations

from decimal import Decimal

from payments.sandbox import shapes
from payments.sandbox.currencies import convert, exchange_rate, round_half_up
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_TWO_DAYS = 2 * 24 * 3600
_CARD_RATE = Decimal("0.029")
_FOREIGN_CARD_RATE = Decimal("0.015")
_CONVERSION_RATE = Decimal("0.01")
_CARD_FIXED_CENTS = 30
_BANK_RATE = Decimal("0.008")
_BANK_MOST_CENTS = 500


def settle(world: World, charge: Thing) -> Thing:
    """Give a succeeded charge its balance transaction and say so with `charge.updated`."""
    if charge["status"] != "succeeded" or charge["balance_transaction"] is not None:
        raise Refusal(f"The charge {charge['id']} has nothing to settle.", param="id")
    currency = _settlement_currency(world, charge["currency"])
    amount = convert(charge["amount"], charge["currency"], currency)
    converted = currency != charge["currency"]
    at_once = bool(charge_notes(world, charge["id"]).get("available_at_once"))
    transaction = shapes.balance_transaction(
        world,
        source=charge,
        amount=amount,
        currency=currency,
        fee_details=_fees(charge, amount, currency),
        rate=float(exchange_rate(charge["currency"], currency)) if converted else None,
        available_on=world.now() if at_once else world.now() + _TWO_DAYS,
    )
    world.store.save("balance_transaction", transaction)
    charge["balance_transaction"] = transaction["id"]
    world.store.save("charge", charge)
    world.store.forget("due", f"settle:{charge['id']}")
    if transaction["status"] == "pending":
        world.due("make_available", transaction["id"], float(transaction["available_on"]))
    emit(world, "charge.updated", charge, previous={"balance_transaction": None})
    return transaction


def charge_notes(world: World, charge_id: str) -> Thing:
    """What the sandbox knows about a charge and Stripe would not show."""
    return world.store.get("charge_notes", charge_id) or {"id": charge_id}


def _settlement_currency(world: World, currency: str) -> str:
    known = world.options.settlement_currencies
    return currency if currency in known else known[0]


def _fees(charge: Thing, amount: int, currency: str) -> list[Thing]:
    details = charge["payment_method_details"]
    if details["type"] == "card":
        rate = _CARD_RATE + (_FOREIGN_CARD_RATE if details["card"]["country"] != "US" else 0)
        processing = round_half_up(amount * rate) + convert(_CARD_FIXED_CENTS, "usd", currency)
    else:
        processing = min(round_half_up(amount * _BANK_RATE), convert(_BANK_MOST_CENTS, "usd", currency))
    fees = [_fee(processing, currency, "Stripe processing fees")]
    if currency != charge["currency"]:
        fees.append(
            _fee(round_half_up(amount * _CONVERSION_RATE), currency, "Stripe currency conversion fee")
        )
    return fees


def _fee(amount: int, currency: str, description: str) -> Thing:
    return {
        "amount": amount,
        "application": None,
        "currency": currency,
        "description": description,
        "type": "stripe_fee",
    }


def settle_all(world: World) -> list[Thing]:
    waiting = [
        charge
        for charge in world.store.all("charge")
        if charge["status"] == "succeeded" and charge["balance_transaction"] is None
    ]
    return [settle(world, charge) for charge in waiting]


def make_available(world: World, transaction: Thing) -> None:
    transaction["status"] = "available"
    world.store.save("balance_transaction", transaction)


def balance(world: World) -> Thing:
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for transaction in world.store.all("balance_transaction"):
        part = sums[transaction["status"]]
        part[transaction["currency"]] = part.get(transaction["currency"], 0) + transaction["net"]
    currencies = sorted({*world.options.settlement_currencies, *sums["available"], *sums["pending"]})
    return {
        "object": "balance",
        "available": [_part(sums["available"].get(code, 0), code) for code in currencies],
        "livemode": False,
        "pending": [_part(sums["pending"].get(code, 0), code) for code in currencies],
    }


def _part(amount: int, currency: str) -> Thing:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}
