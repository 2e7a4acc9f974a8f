"""Gifts in the book: gross to their funds, the fee as an expense, to the cent."""

from payments.database import transaction
from payments.ledger.accounts import Account
from payments.ledger.balances import balances
from tests.money_moves.conftest import Charity


def test_a_gift_is_booked_gross_with_stripes_fee_as_an_expense(charity: Charity) -> None:
    charity.paid_gift(("general", 2500), fee=103)

    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2397,
        "contributions:general": -2500,
        "processing_fees": 103,
    }


def test_a_covered_fee_is_income_of_its_own_whatever_the_fee_came_to(charity: Charity) -> None:
    charity.paid_gift(("general", 3333), ("rescue", 6667), fee_cover=329, fee=330)

    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 9999,
        "contributions:general": -3333,
        "contributions:rescue": -6667,
        "contributions_fee_cover": -329,
        "processing_fees": 330,
    }


def test_a_gift_counts_once_it_is_settled_not_when_the_donor_paid(charity: Charity) -> None:
    gift = charity.gift()
    charge = charity.stripe.charge(2500, gift=gift, is_settled=False)
    charity.hears()
    assert charity.balances() == {}

    charity.stripe.settle(charge, 103)
    charity.hears()

    assert charity.balances()["contributions:general"] == -2500


def test_money_for_a_named_beneficiary_is_owed_to_it_and_never_income(charity: Charity) -> None:
    _, charge = charity.paid_gift(("partner", 4000), ("general", 1000), fee=175)
    charity.hears()

    charity.stripe.refund(charge, 2500)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2325,
        "agency_obligations:partner": -2000,
        "contributions:general": -1000,
        "contribution_refunds:general": 500,
        "processing_fees": 175,
    }


def test_what_is_owed_to_two_beneficiaries_is_told_apart(charity: Charity) -> None:
    charity.paid_gift(("partner", 4000), fee=0)
    charity.hears()

    with transaction() as session:
        owed = [row for row in balances(session) if row.account is Account.AGENCY_OBLIGATIONS]

    assert [(row.fund_id, row.balance.minor) for row in owed] == [("partner", -4000)]


def test_what_the_donor_got_for_it_is_a_sale_taken_from_the_first_fund(charity: Charity) -> None:
    """A dinner worth $30.00 in a payment of $100.00: $70.00 is given."""
    _, charge = charity.paid_gift(
        ("general", 2000), ("rescue", 8000), fee=320, benefit_amount=3000, benefit_text="Dinner"
    )
    charity.hears()
    assert charity.balances() == {
        "stripe_balance": 9680,
        "contributions:rescue": -7000,
        "benefits_exchanged": -3000,
        "processing_fees": 320,
    }

    charity.stripe.refund(charge, 5000)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 4680,
        "contributions:rescue": -7000,
        "contribution_refunds:rescue": 3500,
        "benefits_exchanged": -1500,
        "processing_fees": 320,
    }


def test_a_gift_in_won_is_income_of_the_dollars_it_brought(charity: Charity) -> None:
    gift = charity.gift(("general", 20_000), ("rescue", 30_000), currency="krw")

    charity.stripe.charge(50_000, 173, gift=gift, currency="krw", settled=3655)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 3482,
        "contributions:general": -1462,
        "contributions:rescue": -2193,
        "processing_fees": 173,
    }


def test_a_balance_in_another_currency_is_a_book_of_its_own(charity: Charity) -> None:
    gift = charity.gift(("general", 50_000), currency="krw")

    charity.paid_gift()
    charity.stripe.charge(50_000, 1_850, gift=gift, currency="krw", settled_in="krw")
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2397,
        "contributions:general": -2500,
        "processing_fees": 103,
        "krw stripe_balance": 48_150,
        "krw contributions:general": -50_000,
        "krw processing_fees": 1_850,
    }


def test_a_gift_charged_otherwise_than_asked_waits_in_suspense_with_all_that_follows(
    charity: Charity,
) -> None:
    gift = charity.gift(("general", 2500))
    charge = charity.stripe.charge(2600, 105, gift=gift)
    charity.hears()
    assert charity.balances() == {"stripe_balance": 2495, "suspense_unclassified": -2495}

    charity.stripe.refund(charge, 2600)
    charity.hears()

    assert charity.balances() == {"stripe_balance": -105, "suspense_unclassified": 105}
    assert all("asked for USD 25.00" in reason for reason in charity.waiting())


def test_money_that_was_not_converted_and_yet_differs_waits_in_suspense(charity: Charity) -> None:
    gift = charity.gift(("general", 2500))

    charity.stripe.charge(2500, 103, gift=gift, settled=2499)
    charity.hears()

    assert charity.balances() == {"stripe_balance": 2396, "suspense_unclassified": -2396}


def test_a_debit_the_bank_takes_back_was_no_gift_even_after_its_payout(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 1000), ("rescue", 1500), fee=20)
    charity.stripe.payout(2480)
    charity.hears()

    charity.stripe.debit_returned(charge)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": -2500,
        "payouts_in_transit": 2480,
        "contributions:general": -1000,
        "contributions:rescue": -1500,
        "contribution_refunds:general": 1000,
        "contribution_refunds:rescue": 1500,
        "processing_fees": 20,
    }


def test_a_debit_taken_back_after_a_part_was_refunded_takes_only_the_rest_from_the_funds(
    charity: Charity,
) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    charity.stripe.refund(charge, 1000)

    charity.stripe.debit_returned(charge)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": -1000,
        "contributions:general": -2500,
        "contribution_refunds:general": 2500,
        "chargebacks": 1000,
    }
