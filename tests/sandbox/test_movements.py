"""Movements that no gift makes, rates that move, and money of others on the same account."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Sandbox, paid


@pytest.mark.parametrize(
    ("kind", "type_", "category", "amount"),
    [
        ("stripe_fee", "stripe_fee", "fee", -250),
        ("tax_fee", "tax_fee", "fee", -250),
        ("network_cost", "stripe_fee", "network_cost", -250),
        ("reserve_hold", "reserve_hold", "risk_reserved_funds", -250),
        ("reserve_release", "reserve_release", "risk_reserved_funds", 250),
        ("other_adjustment", "adjustment", "other_adjustment", 250),
        ("topup", "topup", "topup", 250),
    ],
)
def test_what_stripe_does_by_itself_is_a_movement_with_its_category(
    sandbox: Sandbox, kind: str, type_: str, category: str, amount: int
):
    made = sandbox.control("/movements", {"kind": kind, "amount": 250, "description": "for March"})

    told = sandbox.stripe.v1.balance_transactions.retrieve(made["id"])
    assert (told.type, told.reporting_category, told.amount, told.net) == (type_, category, amount, amount)
    assert told.description == "for March"
    assert sandbox.stripe.v1.balance.retrieve().available[0].amount == amount


def test_a_category_that_nobody_knows_can_be_made(sandbox: Sandbox):
    made = sandbox.control(
        "/movements", {"type": "levy", "reporting_category": "moon_tax", "amount": -700, "fee": 30}
    )

    listed = sandbox.stripe.v1.balance_transactions.list({"type": "levy"}).data
    assert [(t.id, t.reporting_category, t.net) for t in listed] == [(made["id"], "moon_tax", -730)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "stripe_fee"},
        {"kind": "gift", "amount": 1},
        {"kind": "topup", "amount": "1"},
        {"type": "levy", "amount": 1},
        {"kind": "topup", "amount": 1, "currency": "xyz"},
        {"kind": "topup", "amount": 1, "curency": "usd"},
    ],
)
def test_a_movement_that_makes_no_sense_is_refused(sandbox: Sandbox, body: dict[str, Any]):
    assert sandbox.try_control("/movements", body)[0] == 400
    assert sandbox.stripe.v1.balance_transactions.list().data == []


def test_rates_move_by_hand_and_by_the_day(sandbox: Sandbox):
    before = paid(sandbox, currency="eur", amount=10_000)
    sandbox.control("/rates", {"dollars": {"eur": "1.20"}, "percent_a_day": {"eur": "-1"}})
    sandbox.control("/clock", {"advance_seconds": 2 * 24 * 3600})
    after = paid(sandbox, currency="eur", amount=10_000)
    sandbox.control("/rates")
    again = paid(sandbox, currency="eur", amount=10_000)

    settled = [
        sandbox.stripe.v1.balance_transactions.retrieve(str(charge.balance_transaction))
        for charge in (before, after, again)
    ]
    assert [(t.amount, t.exchange_rate) for t in settled] == [(11_600, 1.16), (11_760, 1.176), (11_600, 1.16)]


@pytest.mark.parametrize(
    "body", [{"dollars": {"eur": "0"}}, {"dollars": {"xyz": "1"}}, {"dollars": {"eur": "x"}}]
)
def test_a_rate_that_makes_no_sense_is_refused(sandbox: Sandbox, body: dict[str, Any]):
    assert sandbox.try_control("/rates", body)[0] == 400
    assert sandbox.control("/rates", method="GET")["dollars"]["eur"] == "1.1600"


def test_a_shops_sale_is_a_charge_without_our_metadata(sandbox: Sandbox):
    sold = sandbox.control(
        "/foreign_charge", {"amount": 4200, "description": "Mug", "metadata": {"order": "7"}}
    )

    refund = sandbox.control(f"/charges/{sold['id']}/refund", {"amount": 200})
    dispute = sandbox.control(f"/charges/{sold['id']}/dispute")

    charge: Any = sandbox.stripe.v1.charges.retrieve(sold["id"], {"expand": ["payment_intent"]})
    assert charge.metadata.to_dict() == charge.payment_intent.metadata.to_dict() == {"order": "7"}
    assert (charge.status, charge.amount, charge.description) == ("succeeded", 4200, "Mug")
    assert sandbox.stripe.v1.checkout.sessions.list().data == []
    sources = [t.source for t in sandbox.stripe.v1.balance_transactions.list().data]
    assert sources == [dispute["id"], refund["id"], sold["id"]]
    assert dispute["amount"] == 4000


def test_forgetting_everything_forgets_how_money_behaves(sandbox: Sandbox):
    sandbox.control("/money", {"book_after": None, "settlement_currencies": ["krw"]})
    sandbox.control("/rates", {"dollars": {"krw": "1"}})

    sandbox.control("/reset")

    assert sandbox.control("/money", method="GET") == {
        "book_after": 0,
        "refunds": "always",
        "settlement_currencies": ["usd"],
    }
    assert sandbox.control("/rates", method="GET")["dollars"]["krw"] == "0.000690"
