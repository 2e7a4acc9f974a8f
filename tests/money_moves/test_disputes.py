"""Disputes: held while they are open, back when won, a chargeback when lost."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select

from payments.database import transaction
from payments.donations.reversals import Dispute
from payments.ledger.models import JournalEntry
from tests.money_moves.conftest import Charity


def test_an_open_dispute_is_held_and_its_fee_is_an_expense(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 1000), ("rescue", 1500), fee=103)

    charity.stripe.dispute(charge, fee=1500)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2397 - 2500 - 1500,
        "disputed_funds": 2500,
        "contributions:general": -1000,
        "contributions:rescue": -1500,
        "processing_fees": 103,
        "dispute_fees": 1500,
    }


def test_a_dispute_won_brings_the_money_back_and_not_the_fee(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=103)
    dispute = charity.stripe.dispute(charge)
    charity.hears()

    charity.stripe.closes(dispute, "won")
    charity.stripe.reinstated(dispute)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2397 - 1500,
        "contributions:general": -2500,
        "processing_fees": 103,
        "dispute_fees": 1500,
    }


def test_a_fee_that_does_come_back_with_a_won_dispute_is_no_expense_any_more(charity: Charity) -> None:
    """As it was before June 2025: the balance transaction says so, and so it is booked."""
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    dispute = charity.stripe.dispute(charge)

    charity.stripe.closes(dispute, "won")
    charity.stripe.reinstated(dispute, fee=-1500)
    charity.hears()

    assert charity.balances() == {"stripe_balance": 2500, "contributions:general": -2500}


def test_the_fee_for_countering_a_dispute_and_its_return_are_dispute_fees(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    dispute = charity.stripe.dispute(charge, fee=1500)
    charity.stripe.moves("fee", -1500, type="stripe_fee", source=dispute)
    charity.hears()
    assert charity.balances()["dispute_fees"] == 3000

    charity.stripe.closes(dispute, "won")
    charity.stripe.reinstated(dispute)
    charity.stripe.moves("fee", 1500, type="stripe_fee", source=dispute)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 1000,
        "contributions:general": -2500,
        "dispute_fees": 1500,
    }


def test_the_fee_for_countering_a_dispute_that_is_lost_is_no_part_of_the_chargeback(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    dispute = charity.stripe.dispute(charge, fee=1500)
    charity.stripe.moves("fee", -1500, type="stripe_fee", source=dispute)

    charity.stripe.closes(dispute, "lost")
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": -3000,
        "contributions:general": -2500,
        "chargebacks:general": 2500,
        "dispute_fees": 3000,
    }


def test_a_lost_dispute_is_a_chargeback_of_its_funds_on_the_day_stripe_said_so(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 1000), ("rescue", 1500), fee=0)
    dispute = charity.stripe.dispute(charge, fee=0)
    charity.hears()

    charity.stripe.a_day_passes(60)
    charity.stripe.closes(dispute, "lost")
    charity.hears()

    assert charity.balances() == {
        "contributions:general": -1000,
        "contributions:rescue": -1500,
        "chargebacks:general": 1000,
        "chargebacks:rescue": 1500,
    }
    with transaction() as session:
        [lost] = session.scalars(select(JournalEntry).where(JournalEntry.kind == "dispute_lost"))
    assert lost.occurred_at == datetime.fromtimestamp(charity.stripe.now, UTC)


def test_a_dispute_lost_before_its_withdrawal_is_booked_becomes_a_chargeback_with_it(
    charity: Charity,
) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    charity.hears()
    dispute = charity.stripe.dispute(charge, fee=1500)
    withdrawal = [news for news in charity.stripe.news() if news.source == "fetch"]
    charity.stripe.closes(dispute, "lost")
    charity.hears()
    assert charity.balances() == {"stripe_balance": 2500, "contributions:general": -2500}

    charity.says(withdrawal)

    assert charity.balances() == {
        "stripe_balance": -1500,
        "contributions:general": -2500,
        "chargebacks:general": 2500,
        "dispute_fees": 1500,
    }


def test_a_debit_that_is_lost_at_once_is_a_chargeback_of_that_day_whenever_its_money_is_fetched(
    charity: Charity,
) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    charity.hears()
    dispute = charity.stripe.dispute(charge, fee=1500)
    charity.stripe.closes(dispute, "lost")
    as_it_stands_now = [
        replace(news, body=news.body.replace(b'"status":"needs_response"', b'"status":"lost"'))
        if news.source == "fetch"
        else news
        for news in charity.stripe.news()
    ]

    charity.says([news for news in as_it_stands_now if news.source == "webhook"])
    charity.says([news for news in as_it_stands_now if news.source == "fetch"])

    assert charity.balances()["chargebacks:general"] == 2500
    with transaction() as session:
        [lost] = session.scalars(select(JournalEntry).where(JournalEntry.kind == "dispute_lost"))
    assert lost.occurred_at == datetime.fromtimestamp(charity.stripe.now, UTC)


def test_a_dispute_of_the_rest_after_a_partial_refund_leaves_the_funds_at_nothing(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 333), ("rescue", 334), ("education", 333), fee=0)
    charity.stripe.refund(charge, 500)

    dispute = charity.stripe.dispute(charge, 500, fee=0)
    charity.stripe.closes(dispute, "lost")
    charity.hears()

    book = charity.balances()
    for fund, given in (("general", 333), ("rescue", 334), ("education", 333)):
        assert book[f"contribution_refunds:{fund}"] + book[f"chargebacks:{fund}"] == given
    assert "stripe_balance" not in book


def test_what_a_bank_takes_beyond_the_gift_is_no_funds_loss(charity: Charity) -> None:
    """All of a gift disputed and lost of which a part had been refunded: the donor has it twice."""
    _, charge = charity.paid_gift(("general", 1000), ("rescue", 1500), fee=0)
    charity.stripe.refund(charge, 1000)

    dispute = charity.stripe.dispute(charge, 2500, fee=0)
    charity.stripe.closes(dispute, "lost")
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": -1000,
        "contributions:general": -1000,
        "contributions:rescue": -1500,
        "contribution_refunds:general": 400,
        "contribution_refunds:rescue": 600,
        "chargebacks:general": 600,
        "chargebacks:rescue": 900,
        "chargebacks": 1000,
    }


def test_the_rest_can_be_refunded_after_a_partial_dispute_was_lost(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 1000), ("rescue", 1500), fee=0)
    dispute = charity.stripe.dispute(charge, 999, fee=0)
    charity.stripe.closes(dispute, "lost")
    charity.hears()

    charity.stripe.refund(charge, 1501)
    charity.hears()

    book = charity.balances()
    assert book["contribution_refunds:general"] + book["chargebacks:general"] == 1000
    assert book["contribution_refunds:rescue"] + book["chargebacks:rescue"] == 1500
    assert "stripe_balance" not in book


def test_a_lost_dispute_pays_what_a_failed_refund_owed(charity: Charity) -> None:
    """The donor has the money, by their bank: nothing is owed any more, and nothing was lost twice."""
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    charity.stripe.refund_fails(charity.stripe.refund(charge, 1000))
    charity.hears()
    assert charity.balances()["refunds_payable"] == -1000

    dispute = charity.stripe.dispute(charge, 2500, fee=0)
    charity.stripe.closes(dispute, "lost")
    charity.hears()

    assert charity.balances() == {
        "contributions:general": -2500,
        "contribution_refunds:general": 1000,
        "chargebacks:general": 1500,
    }


def test_a_refund_that_fails_after_the_bank_took_it_all_owes_nothing(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    refund = charity.stripe.refund(charge, 1000)
    dispute = charity.stripe.dispute(charge, 2500, fee=0)
    charity.stripe.closes(dispute, "lost")
    charity.hears()
    assert charity.balances()["chargebacks"] == 1000

    charity.stripe.refund_fails(refund)
    charity.hears()

    assert charity.balances() == {
        "contributions:general": -2500,
        "contribution_refunds:general": 1000,
        "chargebacks:general": 1500,
    }


def test_an_inquiry_moves_nothing_whether_it_is_closed_or_not(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=103)
    inquiry = charity.stripe.inquiry(charge)
    charity.stripe.closes(inquiry, "warning_closed")

    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 2397,
        "contributions:general": -2500,
        "processing_fees": 103,
    }


def test_an_old_snapshot_does_not_reopen_a_dispute(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    dispute = charity.stripe.dispute(charge, fee=0)
    old = charity.stripe.news()
    charity.stripe.closes(dispute, "lost")
    charity.says([*old[:2], *charity.stripe.news()])

    charity.says(old)
    charity.says(old)

    assert status_of(dispute["id"]) == "lost"
    assert charity.balances() == {"contributions:general": -2500, "chargebacks:general": 2500}


def test_a_loss_that_an_appeal_overturns_is_a_contribution_again(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    dispute = charity.stripe.dispute(charge, fee=0)
    charity.stripe.closes(dispute, "lost")
    charity.hears()
    dispute["status"] = "appeal_under_review"
    charity.stripe.say("charge.dispute.updated", dispute)
    charity.hears()
    assert charity.balances()["chargebacks:general"] == 2500

    charity.stripe.closes(dispute, "won")
    charity.stripe.reinstated(dispute)
    charity.hears()

    assert status_of(dispute["id"]) == "won"
    assert charity.balances() == {"stripe_balance": 2500, "contributions:general": -2500}


def test_a_second_dispute_after_a_won_one_is_held_for_itself(charity: Charity) -> None:
    _, charge = charity.paid_gift(("general", 2500), fee=0)
    first = charity.stripe.dispute(charge, fee=0)
    charity.stripe.closes(first, "won")
    charity.stripe.reinstated(first)

    charity.stripe.dispute(charge, 1000, fee=0)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 1500,
        "disputed_funds": 1000,
        "contributions:general": -2500,
    }


# Converted gifts


def a_gift_in_won(charity: Charity) -> dict[str, object]:
    gift = charity.gift(("general", 20_000), ("rescue", 30_000), currency="krw")
    return charity.stripe.charge(50_000, 0, gift=gift, currency="krw", settled=3655)


def test_a_lost_dispute_of_a_converted_gift_takes_what_the_gift_brought_and_the_rest_is_fx(
    charity: Charity,
) -> None:
    charge = a_gift_in_won(charity)
    dispute = charity.stripe.dispute(charge, settled=-3700, fee=1500)
    charity.hears()
    assert charity.balances()["disputed_funds"] == 3700

    charity.stripe.closes(dispute, "lost")
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 3655 - 3700 - 1500,
        "contributions:general": -1462,
        "contributions:rescue": -2193,
        "chargebacks:general": 1462,
        "chargebacks:rescue": 2193,
        "fx_gain_loss": 45,
        "dispute_fees": 1500,
    }


def test_a_won_dispute_of_a_converted_gift_leaves_only_fx(charity: Charity) -> None:
    charge = a_gift_in_won(charity)
    dispute = charity.stripe.dispute(charge, settled=-3700, fee=0)
    charity.stripe.closes(dispute, "won")

    charity.stripe.reinstated(dispute, settled=3610)
    charity.hears()

    assert charity.balances() == {
        "stripe_balance": 3655 - 3700 + 3610,
        "contributions:general": -1462,
        "contributions:rescue": -2193,
        "fx_gain_loss": 90,
    }


def test_a_conversion_adjustment_of_a_dispute_belongs_to_its_loss(charity: Charity) -> None:
    """An international card: a second balance transaction of the same dispute corrects the rate."""
    charge = a_gift_in_won(charity)
    dispute = charity.stripe.dispute(charge, settled=-3700, fee=0)
    charity.stripe.moves("dispute", 12, type="adjustment", source=dispute)
    charity.hears()
    assert charity.balances()["disputed_funds"] == 3688

    charity.stripe.closes(dispute, "lost")
    charity.stripe.moves("dispute", -3, type="adjustment", source=dispute)
    charity.hears()

    book = charity.balances()
    assert (book["chargebacks:general"], book["chargebacks:rescue"]) == (1462, 2193)
    assert book["fx_gain_loss"] == 3700 - 12 + 3 - 3655
    assert "disputed_funds" not in book


def status_of(stripe_dispute_id: str) -> str:
    with transaction() as session:
        return session.get_one(Dispute, stripe_dispute_id).status
