"""Fees, conversion and availability: integers that add up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Sandbox, Start, gift


def settled(sandbox: Sandbox, *, card: str = "4242424242424242", **changes: Any) -> Any:
    session = sandbox.stripe.v1.checkout.sessions.create(gift(**changes))
    told = sandbox.pay(session.id, card=card)
    told = sandbox.control(f"/checkout/sessions/{session.id}/settle")
    return sandbox.stripe.v1.balance_transactions.retrieve(told["balance_transaction"])


@pytest.mark.parametrize(
    ("amount", "fee"),
    [(2500, 103), (50, 31), (5000, 175), (1017, 59), (99_999_999, 2_900_030)],
)
def test_a_domestic_card_costs_2_9_percent_and_30_cents_rounded_half_up(
    sandbox: Sandbox, amount: int, fee: int
):
    transaction = settled(sandbox, amount=amount)

    assert (transaction.amount, transaction.fee, transaction.net) == (amount, fee, amount - fee)
    assert sum(detail.amount for detail in transaction.fee_details) == transaction.fee
    assert transaction.exchange_rate is None


def test_a_foreign_card_costs_more(sandbox: Sandbox):
    assert settled(sandbox, card="4000004100000003", amount=10_000).fee == 440 + 30


def test_another_currency_is_converted_with_its_rate_and_its_fee_told_apart(sandbox: Sandbox):
    transaction = settled(sandbox, amount=50_000, currency="krw")

    assert (transaction.currency, transaction.exchange_rate) == ("usd", 0.069)
    assert transaction.amount == 3450
    assert [detail.amount for detail in transaction.fee_details] == [100 + 30, 35]
    assert transaction.net == 3450 - 165


def test_a_currency_with_its_own_balance_is_not_converted(start: Start):
    sandbox = start("--settlement-currencies", "usd,krw")

    transaction = settled(sandbox, amount=50_000, currency="krw")

    assert (transaction.currency, transaction.amount, transaction.exchange_rate) == ("krw", 50_000, None)
    assert transaction.fee == 1450 + 435


def test_money_is_pending_for_two_days_and_then_available(sandbox: Sandbox):
    transaction = settled(sandbox)
    assert transaction.available_on - transaction.created == 2 * 24 * 3600
    assert sandbox.stripe.v1.balance.retrieve().pending[0].amount == transaction.net

    sandbox.control("/clock", {"advance_seconds": 2 * 24 * 3600 + 1})

    balance = sandbox.stripe.v1.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (transaction.net, 0)
    assert sandbox.stripe.v1.balance_transactions.retrieve(transaction.id).status == "available"
