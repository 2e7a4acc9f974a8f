"""What is about no gift: payouts, Stripe's own fees, reserves, and what nobody can name yet."""

import pytest

from payments import checkup
from payments.database import transaction
from tests.money_moves.conftest import Charity


def test_a_payout_is_in_transit_until_the_bank_statement_has_it(charity: Charity) -> None:
    charity.stripe.payout(2397)

    charity.hears()

    assert charity.balances() == {"stripe_balance": -2397, "payouts_in_transit": 2397}


def test_a_payout_that_fails_after_it_was_paid_is_back_at_stripe(charity: Charity) -> None:
    payout = charity.stripe.payout(2397)
    charity.hears()

    charity.stripe.a_day_passes(4)
    charity.stripe.payout_fails(payout)
    charity.hears()

    assert charity.balances() == {}
    assert [moves for _, moves in charity.entries("payout_failed")] == [
        [("payouts_in_transit", "stripe_balance", 2397)]
    ]


def test_a_chain_of_failing_payouts_leaves_one_in_transit(charity: Charity) -> None:
    charity.paid_gift(("general", 2500), fee=103)
    for _try in range(3):
        charity.stripe.payout_fails(charity.stripe.payout(2397))
    charity.stripe.payout(2397)

    charity.hears()

    assert charity.balances() == {
        "payouts_in_transit": 2397,
        "contributions:general": -2500,
        "processing_fees": 103,
    }


def test_stripe_debiting_the_bank_is_a_payout_the_other_way(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=103)
    charity.stripe.payout(2397)
    charity.stripe.refund(charge, 2500)

    charity.stripe.payout(-2500)
    charity.hears()

    assert charity.balances() == {
        "payouts_in_transit": 2397 - 2500,
        "contributions:general": -2500,
        "contribution_refunds:general": 2500,
        "processing_fees": 103,
    }


def test_the_price_of_an_instant_payout_is_a_service_fee(charity: Charity) -> None:
    charity.stripe.moves("payout", -9900, 99, type="payout")

    charity.hears()

    assert charity.balances() == {
        "stripe_balance": -9999,
        "payouts_in_transit": 9900,
        "stripe_service_fees": 99,
    }


@pytest.mark.parametrize(
    ("category", "type_"), [("fee", "stripe_fee"), ("network_cost", "network_cost"), ("tax", "tax_fee")]
)
def test_what_stripe_bills_besides_is_a_service_fee(charity: Charity, category: str, type_: str) -> None:
    charity.stripe.moves(category, -742, type=type_, description="Billing (2026-11-01 - 2026-11-30)")

    charity.hears()

    assert charity.balances() == {"stripe_balance": -742, "stripe_service_fees": 742}


def test_a_service_fee_given_back_is_an_expense_less(charity: Charity) -> None:
    charity.stripe.moves("fee", -742, type="stripe_fee")
    charity.stripe.moves("fee", 42, type="stripe_fee")

    charity.hears()

    assert charity.balances() == {"stripe_balance": -700, "stripe_service_fees": 700}


def test_a_reserve_is_still_the_charitys_money_and_comes_back(charity: Charity) -> None:
    charity.stripe.moves("risk_reserved_funds", -5000, type="reserve_hold")
    charity.hears()
    assert charity.balances() == {"stripe_balance": -5000, "stripe_reserve": 5000}

    charity.stripe.moves("risk_reserved_funds", 5000, type="reserve_release")
    charity.hears()

    assert charity.balances() == {}


def test_a_topup_comes_from_the_bank(charity: Charity) -> None:
    charity.stripe.moves("topup", 10_000, type="topup")

    charity.hears()

    assert charity.balances() == {"stripe_balance": 10_000, "payouts_in_transit": -10_000}


@pytest.mark.parametrize("category", ["other_adjustment", "transfer", "obligation_inbound"])
def test_what_no_rule_knows_is_never_guessed(charity: Charity, category: str) -> None:
    charity.stripe.moves(category, -900, 10, type="adjustment")

    charity.hears()

    assert charity.balances() == {"stripe_balance": -910, "suspense_unclassified": 910}
    with transaction() as session:
        [suspense] = [check for check in checkup.books(session) if "suspense" in check.name]
    assert not suspense.is_well


def test_a_refund_of_something_without_a_charge_waits_in_suspense(charity: Charity) -> None:
    charity.stripe.moves("refund", -900, type="refund")

    charity.hears()

    assert charity.balances() == {"stripe_balance": -900, "suspense_unclassified": 900}
