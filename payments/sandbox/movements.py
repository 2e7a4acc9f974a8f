"""Movements of the balance that no gift makes: Stripe's own fees, reserves, corrections, top-ups, and what
Stripe may think of next year."""

from __future__ import annotations

from dataclasses import dataclass

from payments.sandbox import balance, money_shapes, refunds
from payments.sandbox.currencies import CURRENCIES
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World


@dataclass(frozen=True)
class Kind:
    type: str
    category: str
    sign: int
    description: str


KINDS = {
    "stripe_fee": Kind("stripe_fee", "fee", -1, "Radar for Fraud Teams"),
    "tax_fee": Kind("tax_fee", "fee", -1, "Sales tax on fees"),
    "network_cost": Kind("stripe_fee", "network_cost", -1, "Card payments: Transaction network costs"),
    "reserve_hold": Kind("reserve_hold", "risk_reserved_funds", -1, "Reserve hold"),
    "reserve_release": Kind("reserve_release", "risk_reserved_funds", 1, "Reserve release"),
    "other_adjustment": Kind("adjustment", "other_adjustment", 1, "Correction of a processing error"),
    "topup": Kind("topup", "topup", 1, "Top-up"),
}


def make(world: World, *, kind: str, amount: int, currency: str, description: str | None) -> Thing:
    """A movement of a known kind: a positive amount is a fee charged, a hold held, a top-up received."""
    known = KINDS.get(kind)
    if known is None:
        raise Refusal(f"Unknown: {kind}. Known: {', '.join(KINDS)}", param="kind")
    said = description or known.description
    if kind == "topup":
        return _top_up(world, amount=amount, currency=currency, description=said)
    return raw(
        world,
        type_=known.type,
        category=known.category,
        amount=known.sign * amount,
        currency=currency,
        description=said,
    )


def raw(
    world: World,
    *,
    type_: str,
    category: str,
    amount: int,
    currency: str,
    description: str | None,
    fee: int = 0,
    source: str | None = None,
) -> Thing:
    """Any movement at all, in Stripe's words or in words that Stripe has not said yet."""
    if currency not in CURRENCIES:
        raise Refusal(f"Invalid currency: {currency}", param="currency")
    return balance.move(
        world,
        type_=type_,
        category=category,
        amount=amount,
        currency=currency,
        source=source,
        description=description,
        fees=[balance.fee(fee, currency, description or type_)] if fee else [],
    )


def _top_up(world: World, *, amount: int, currency: str, description: str) -> Thing:
    topup = money_shapes.topup(world, amount=amount, currency=currency, description=description)
    transaction = raw(
        world,
        type_="topup",
        category="topup",
        amount=amount,
        currency=currency,
        description=description,
        source=topup["id"],
    )
    topup["balance_transaction"] = transaction["id"]
    world.store.save("topup", topup)
    emit(world, "topup.created", topup)
    emit(world, "topup.succeeded", topup)
    refunds.balance_grew(world)
    return transaction
