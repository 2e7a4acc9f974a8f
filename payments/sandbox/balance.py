"""The balance: every movement is a transaction with its fee and rate, which at Stripe may come after what
caused it. A charge's comes with `charge.updated`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from payments.sandbox import shapes
from payments.sandbox.currencies import round_half_up
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.rates import convert, exchange_rate
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_TWO_DAYS = 2 * 24 * 3600
_NEVER = 253_402_300_799.0
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
    currency = settlement_currency(world, charge["currency"])
    amount = convert(world, charge["amount"], charge["currency"], currency)
    at_once = bool(charge_notes(world, charge["id"]).get("available_at_once"))
    transaction = move(
        world,
        type_="charge" if charge["payment_method_details"]["type"] == "card" else "payment",
        category="charge",
        amount=amount,
        currency=currency,
        source=charge["id"],
        description=charge["description"],
        fees=_fees(world, charge, amount, currency),
        rate=rate_of(world, charge["currency"], currency),
        available_on=world.now() if at_once else world.now() + _TWO_DAYS,
    )
    charge["balance_transaction"] = transaction["id"]
    world.store.save("charge", charge)
    world.store.forget("due", f"settle:{charge['id']}")
    emit(world, "charge.updated", charge, previous={"balance_transaction": None})
    return transaction


def move(
    world: World,
    *,
    type_: str,
    category: str,
    amount: int,
    currency: str,
    source: str | None = None,
    description: str | None = None,
    fees: list[Thing] | None = None,
    rate: float | None = None,
    available_on: int | None = None,
) -> Thing:
    """One balance transaction; available at once unless it says when."""
    transaction = shapes.balance_transaction(
        world,
        type_=type_,
        category=category,
        amount=amount,
        currency=currency,
        source=source,
        description=description,
        fee_details=fees or [],
        rate=rate,
        available_on=available_on if available_on is not None else world.now(),
    )
    world.store.save("balance_transaction", transaction)
    if transaction["status"] == "pending":
        world.due("make_available", transaction["id"], float(transaction["available_on"]))
    return transaction


def books_at_once(world: World) -> bool:
    return world.money.book_after == 0


def book(world: World, deed: str, subject: str, act: Callable[[World, str], None]) -> None:
    """Do `act` now, later or when told, as the sandbox was told; `deed` is its name in the timetable."""
    after = world.money.book_after
    if after == 0:
        act(world, subject)
    else:
        world.due(deed, subject, _NEVER if after is None else world.moment() + after)


def charge_notes(world: World, charge_id: str) -> Thing:
    """What the sandbox knows about a charge and Stripe would not show."""
    return world.store.get("charge_notes", charge_id) or {"id": charge_id}


def settlement_currency(world: World, currency: str) -> str:
    """The currency whose balance an amount in `currency` goes into."""
    known = world.settlement_currencies
    return currency if currency in known else known[0]


def rate_of(world: World, source: str, target: str) -> float | None:
    """Today's rate as a transaction shows it; nothing where nothing is converted."""
    return float(exchange_rate(world, source, target)) if source != target else None


def _fees(world: World, charge: Thing, amount: int, currency: str) -> list[Thing]:
    details = charge["payment_method_details"]
    if details["type"] == "card":
        rate = _CARD_RATE + (_FOREIGN_CARD_RATE if details["card"]["country"] != "US" else 0)
        processing = round_half_up(amount * rate) + convert(world, _CARD_FIXED_CENTS, "usd", currency)
    else:
        most = convert(world, _BANK_MOST_CENTS, "usd", currency)
        processing = min(round_half_up(amount * _BANK_RATE), most)
    fees = [fee(processing, currency, "Stripe processing fees")]
    if currency != charge["currency"]:
        fees.append(fee(round_half_up(amount * _CONVERSION_RATE), currency, "Stripe currency conversion fee"))
    return fees


def fee(amount: int, currency: str, description: str) -> Thing:
    """One line of a transaction's `fee_details`."""
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


def available(world: World, currency: str) -> int:
    """What could be paid out or refunded now."""
    return sum(
        transaction["net"]
        for transaction in world.store.all("balance_transaction")
        if transaction["currency"] == currency and transaction["status"] == "available"
    )


def balance(world: World) -> Thing:
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for transaction in world.store.all("balance_transaction"):
        part = sums[transaction["status"]]
        part[transaction["currency"]] = part.get(transaction["currency"], 0) + transaction["net"]
    currencies = sorted({*world.settlement_currencies, *sums["available"], *sums["pending"]})
    return {
        "object": "balance",
        "available": [_part(sums["available"].get(code, 0), code) for code in currencies],
        "livemode": False,
        "pending": [_part(sums["pending"].get(code, 0), code) for code in currencies],
    }


def _part(amount: int, currency: str) -> Thing:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}
