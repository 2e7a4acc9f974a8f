"""Money that goes back: over the same funds it came for, without a residue, whatever the rate."""

import pytest
from sqlalchemy import select

from payments.database import transaction
from payments.donations.reversals import Refund
from tests.money_moves.conftest import Charity


def test_a_full_refund_leaves_the_funds_at_nothing_and_the_fee_with_stripe(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 1000), ("rescue", 1500), fee=103)
    charity.hears()

    charity.stripe.refund(charge, 2500)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": -103,
        "contributions:general": -1000,
        "contributions:rescue": -1500,
        "contribution_refunds:general": 1000,
        "contribution_refunds:rescue": 1500,
        "processing_fees": 103,
    }


def test_a_partial_refund_takes_from_every_fund_its_part(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 3333), ("rescue", 6667), fee_cover=329, fee=330)

    charity.stripe.refund(charge, 2000)
    charity.hears()

    # 2000/10329 of each: 645.37, 1290.93, 63.70
    assert charity.entries("refund") == [
        (
            "refund refund",
            [
                ("stripe_balance", "contribution_refunds", 645),
                ("stripe_balance", "contribution_refunds", 1291),
                ("stripe_balance", "contribution_refunds", 64),
            ],
        )
    ]


def test_three_refunds_of_a_third_leave_no_cent_behind(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 333), ("rescue", 334), ("education", 333), fee=59)
    for part in (333, 333, 334):
        charity.stripe.refund(charge, part)
        charity.hears()

    assert charity.balances() == {
        "stripe_balance": -59,
        "contributions:general": -333,
        "contributions:rescue": -334,
        "contributions:education": -333,
        "contribution_refunds:general": 333,
        "contribution_refunds:rescue": 334,
        "contribution_refunds:education": 333,
        "processing_fees": 59,
    }


def test_a_refund_that_fails_weeks_later_is_owed_and_not_income_again(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=103)
    refund = charity.stripe.refund(charge, 1000)
    charity.hears()

    charity.stripe.a_day_passes(21)
    charity.stripe.refund_fails(refund)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2397,
        "contributions:general": -2500,
        "contribution_refunds:general": 1000,
        "refunds_payable": -1000,
        "processing_fees": 103,
    }


def test_refunding_again_pays_what_is_owed_before_it_takes_from_the_gift(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=103)
    charity.stripe.refund_fails(charity.stripe.refund(charge, 1000))
    charity.hears()

    charity.stripe.refund(charge, 1500)
    charity.hears()

    assert charity.entries("refund")[1][1] == [
        ("stripe_balance", "refunds_payable", 1000),
        ("stripe_balance", "contribution_refunds", 500),
    ]
    assert charity.balances() == {
        "stripe_balance": 897,
        "contributions:general": -2500,
        "contribution_refunds:general": 1500,
        "processing_fees": 103,
    }


def test_a_refund_again_in_parts_pays_the_debt_in_parts(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    charity.stripe.refund_fails(charity.stripe.refund(charge, 1000))
    charity.stripe.refund(charge, 400)
    charity.hears()
    assert charity.balances()["refunds_payable"] == -600

    charity.stripe.refund(charge, 600)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 1500,
        "contributions:general": -2500,
        "contribution_refunds:general": 1000,
    }


def test_a_refund_again_that_fails_too_is_owed_once(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    for _attempt in range(3):
        charity.stripe.refund_fails(charity.stripe.refund(charge, 1000))
        charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2500,
        "contributions:general": -2500,
        "contribution_refunds:general": 1000,
        "refunds_payable": -1000,
    }


def test_the_failure_of_one_refund_after_another_succeeded_is_owed_all_the_same(charity: Charity) -> None:
    """Two refunds were meant; that the first came back late does not make the second its second try."""
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    first = charity.stripe.refund(charge, 1000)
    charity.stripe.refund(charge, 1000)
    charity.stripe.refund_fails(first)

    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 1500,
        "contributions:general": -2500,
        "contribution_refunds:general": 2000,
        "refunds_payable": -1000,
    }


def test_a_refund_cancelled_before_it_left_is_as_if_it_had_never_been(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 1000), ("rescue", 1500), fee=0)
    refund = charity.stripe.refund(charge, 1000)
    charity.hears()

    charity.stripe.refund_fails(refund, status="canceled")
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2500,
        "contributions:general": -1000,
        "contributions:rescue": -1500,
    }


def test_a_fee_on_a_refund_is_an_expense_like_the_fee_on_the_gift(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=103)
    refund = charity.stripe.refund(charge, 2500, fee=35)

    charity.stripe.refund_fails(refund, fee=-35)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2397,
        "contributions:general": -2500,
        "contribution_refunds:general": 2500,
        "refunds_payable": -2500,
        "processing_fees": 103,
    }


def test_a_refund_that_stripe_still_holds_moves_nothing(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    refund = charity.stripe.refund(charge, 1000)
    pending = {**refund, "id": "re_pending", "status": "pending", "balance_transaction": None}
    charity.stripe.say("refund.created", pending)
    charity.stripe.say("refund.updated", {**pending, "status": "canceled"})

    charity.hears()

    assert charity.balances()["contribution_refunds:general"] == 1000


# Converted gifts: settled at one rate, refunded at another


def a_gift_in_won(charity: Charity) -> dict[str, object]:
    """₩50,000, for two funds, settled at $36.55."""
    gift = charity.gift(("general", 20_000), ("rescue", 30_000), currency="krw")
    return charity.stripe.charge(50_000, 173, gift=gift, currency="krw", settled=3655)


def test_a_refund_relieves_the_funds_at_what_the_gift_brought_and_the_rest_is_fx(charity: Charity) -> None:
    charge = a_gift_in_won(charity)

    charity.stripe.refund(charge, 50_000, settled=-3721)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 3482 - 3721,
        "contributions:general": -1462,
        "contributions:rescue": -2193,
        "contribution_refunds:general": 1462,
        "contribution_refunds:rescue": 2193,
        "fx_gain_loss": 66,
        "processing_fees": 173,
    }


def test_partial_refunds_at_moving_rates_round_half_up_and_end_without_residue(charity: Charity) -> None:
    charge = a_gift_in_won(charity)
    for won, cents in ((10_000, -700), (15_001, -1130), (24_999, -1840)):
        charity.stripe.refund(charge, won, settled=cents)
        charity.hears()

    # 731 by the first, 1828 (1827.57…) by two, 3655 by all; so 731, 1097 and 1827.
    relieved = [
        sum(m for _, to, m in moves if to == "contribution_refunds") for _, moves in charity.entries("refund")
    ]
    assert relieved == [731, 1097, 1827]
    assert charity.balances() == {
        "stripe_balance": 3482 - 700 - 1130 - 1840,
        "contributions:general": -1462,
        "contributions:rescue": -2193,
        "contribution_refunds:general": 1462,
        "contribution_refunds:rescue": 2193,
        "fx_gain_loss": 700 + 1130 + 1840 - 3655,
        "processing_fees": 173,
    }


def test_what_a_failed_converted_refund_owes_is_worth_what_the_gift_brought(charity: Charity) -> None:
    charge = a_gift_in_won(charity)
    refund = charity.stripe.refund(charge, 10_000, settled=-745)
    charity.hears()

    charity.stripe.refund_fails(refund, settled=738)
    charity.hears()
    assert charity.balances()["refunds_payable"] == -731
    assert charity.balances()["fx_gain_loss"] == 7

    charity.stripe.refund(charge, 10_000, settled=-760)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 3482 - 745 + 738 - 760,
        "contributions:general": -1462,
        "contributions:rescue": -2193,
        "contribution_refunds:general": 292,
        "contribution_refunds:rescue": 439,
        "fx_gain_loss": 745 - 738 + 760 - 731,
        "processing_fees": 173,
    }


def test_what_is_owed_is_the_part_of_the_gift_that_is_not_with_the_donor(charity: Charity) -> None:
    """₩10,005 brought $7.31 and ₩20,010 brought $14.63: of two refunds the second is worth $7.32."""
    charge = a_gift_in_won(charity)
    charity.stripe.refund(charge, 10_005, settled=-731)
    second = charity.stripe.refund(charge, 10_005, settled=-731)

    charity.stripe.refund_fails(second, settled=731)
    charity.hears()

    assert charity.balances()["refunds_payable"] == -732
    assert "fx_gain_loss" not in charity.balances()


def test_a_refund_taken_from_the_balance_of_another_currency_waits_in_suspense(charity: Charity) -> None:
    charge = a_gift_in_won(charity)

    charity.stripe.refund(charge, 10_000, settled=-10_000, currency="krw")
    charity.hears()

    assert charity.balances()["krw suspense_unclassified"] == 10_000
    assert "contribution_refunds:general" not in charity.balances()


# Order


def test_a_refund_whose_charge_is_not_booked_waits_and_then_is_right(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=103)
    news = charity.stripe.news()
    charity.stripe.refund(charge, 1000)
    charity.hears()
    assert charity.balances() == {}
    assert charity.waiting()

    charity.says(news)

    assert charity.balances() == {
        "stripe_balance": 1397,
        "contributions:general": -2500,
        "contribution_refunds:general": 1000,
        "processing_fees": 103,
    }
    assert charity.waiting() == []


def test_a_failure_that_is_heard_before_its_refund_waits(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    charity.hears()
    refund = charity.stripe.refund(charge, 1000)
    earlier = charity.stripe.news()

    charity.stripe.refund_fails(refund)
    charity.hears()
    assert charity.balances() == {"stripe_balance": 2500, "contributions:general": -2500}

    charity.says(earlier)
    assert charity.balances()["refunds_payable"] == -1000


def test_refunds_heard_in_the_wrong_order_end_as_in_the_right_one(charity: Charity) -> None:
    """The second refund pays what the failed first one owed, although the failure is heard last."""
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    first = charity.stripe.refund(charge, 1000)
    charity.hears()
    charity.stripe.refund_fails(first)
    failure = charity.stripe.news()
    charity.stripe.refund(charge, 1000)
    charity.hears()
    assert charity.balances()["contribution_refunds:general"] == 2000

    charity.says(failure)

    assert charity.balances() == {
        "stripe_balance": 1500,
        "contributions:general": -2500,
        "contribution_refunds:general": 1000,
    }


@pytest.mark.parametrize("times", [1, 3])
def test_a_refund_told_again_and_again_is_one_refund(charity: Charity, times: int) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    refund = charity.stripe.refund(charge, 1000)
    for _ in range(times):
        charity.stripe.say("refund.updated", refund)

    charity.hears(twice=True)

    with transaction() as session:
        assert [row.amount for row in session.scalars(select(Refund))] == [1000]
    assert charity.balances()["contribution_refunds:general"] == 1000
