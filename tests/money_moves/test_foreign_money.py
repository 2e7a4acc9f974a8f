"""Money on the same Stripe account that is no gift: classified and totalled, never a contribution."""

from tests.money_moves.conftest import Charity


def test_a_shops_sale_its_refund_and_its_dispute_never_touch_a_contribution(charity: Charity) -> None:
    shirt = charity.stripe.charge(3000, 117)
    mug = charity.stripe.charge(1200, 65)
    charity.hears()
    assert charity.balances() == {
        "stripe_balance": 4200 - 182,
        "other_receipts": -4200,
        "processing_fees": 182,
    }

    charity.stripe.refund(shirt, 1000)
    dispute = charity.stripe.dispute(mug, fee=1500)
    charity.hears()
    assert charity.balances()["disputed_funds"] == 1200
    charity.stripe.closes(dispute, "lost")
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 4200 - 182 - 1000 - 1200 - 1500,
        "other_receipts": -4200 + 1000 + 1200,
        "processing_fees": 182,
        "dispute_fees": 1500,
    }


def test_a_foreign_refund_that_fails_is_the_shops_to_follow_and_owed_to_no_donor(charity: Charity) -> None:
    shirt = charity.stripe.charge(3000, 0)

    charity.stripe.refund_fails(charity.stripe.refund(shirt, 1000))
    charity.hears()

    assert charity.balances() == {"stripe_balance": 3000, "other_receipts": -3000}


def test_what_a_bank_takes_beyond_a_sale_is_foreign_too(charity: Charity) -> None:
    shirt = charity.stripe.charge(3000, 0)
    charity.stripe.refund(shirt, 1000)

    charity.stripe.closes(charity.stripe.dispute(shirt, 3000, fee=0), "lost")
    charity.hears()

    assert charity.balances() == {"stripe_balance": -1000, "other_receipts": 1000}


def test_a_converted_sale_is_totalled_in_what_it_brought(charity: Charity) -> None:
    shirt = charity.stripe.charge(40_000, 0, currency="krw", settled=2924)

    charity.stripe.refund(shirt, 40_000, settled=-2950)
    charity.hears()

    assert charity.balances() == {"stripe_balance": -26, "fx_gain_loss": 26}


def test_foreign_money_stands_beside_the_gifts_and_in_none_of_them(charity: Charity) -> None:
    charity.paid_gift(("general", 2500), fee=0)
    charity.stripe.charge(3000, 0)

    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 5500,
        "contributions:general": -2500,
        "other_receipts": -3000,
    }


def test_a_charge_that_names_another_platforms_donation_is_foreign(charity: Charity) -> None:
    """Other programs also write `donation` into their metadata."""
    charge = charity.stripe.charge(3000, 0, is_settled=False)
    charge["metadata"] = {"donation": "4711"}

    charity.stripe.settle(charge, 0)
    charity.hears()

    assert charity.balances() == {"stripe_balance": 3000, "other_receipts": -3000}
    assert charity.waiting() == []
