"""What Stripe's facts make of a gift: up the ranks and never down, its day fixed once."""

import itertools
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.donations import settlement
from payments.donations.models import Donation, DonationStatus
from payments.donations.settlement import AmountDiffers
from payments.errors import PersonMustLook
from payments.stripe_gateway import shapes

ALL = list(DonationStatus)


def a_gift(status: DonationStatus = DonationStatus.PENDING) -> Donation:
    return Donation(id="don_1", amount=2500, currency="usd", status=status)


def a_session(**given: Any) -> shapes.CheckoutSession:
    facts: dict[str, Any] = {
        "id": "cs_1",
        "status": "complete",
        "payment_status": "paid",
        "amount_total": 2500,
        "currency": "usd",
        "payment_intent": "pi_1",
        "client_reference_id": "don_1",
        "metadata": {"donation": "don_1"},
    }
    return shapes.CheckoutSession(**(facts | given))


def a_charge(**given: Any) -> shapes.Charge:
    facts: dict[str, Any] = {
        "object": "charge",
        "id": "ch_1",
        "amount": 2500,
        "currency": "usd",
        "status": "succeeded",
        "created": int(datetime(2026, 1, 1, 7, 59, 59, tzinfo=UTC).timestamp()),
        "payment_intent": "pi_1",
        "metadata": {"donation": "don_1"},
        "failure_code": None,
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242"}},
        "balance_transaction": None,
    }
    return shapes.Charge(**(facts | given))


@given(st.lists(st.sampled_from(ALL), min_size=1))
def test_a_status_is_the_highest_ever_claimed_in_whatever_order(claims: list[DonationStatus]):
    gift = a_gift()

    for claim in claims:
        gift.rise_to(claim)

    assert gift.status == max(claims, key=lambda claim: claim.rank)


@pytest.mark.parametrize(("low", "high"), list(itertools.combinations(ALL, 2)))
def test_ranks_are_strict_and_money_received_is_the_highest(low: DonationStatus, high: DonationStatus):
    assert low.rank < high.rank
    assert DonationStatus.PAID.rank == max(status.rank for status in ALL)


def test_rising_to_where_it_stands_is_no_move():
    assert a_gift(DonationStatus.PAID).rise_to(DonationStatus.PAID) is False


@pytest.mark.parametrize(
    ("payment_status", "status"), [("paid", DonationStatus.PAID), ("unpaid", DonationStatus.PROCESSING)]
)
def test_a_finished_page_is_paid_only_when_stripe_says_so(payment_status: str, status: DonationStatus):
    gift = a_gift()

    settlement.checkout_completed(gift, a_session(payment_status=payment_status))

    assert gift.status == status
    assert (gift.stripe_checkout_session_id, gift.stripe_payment_intent_id) == ("cs_1", "pi_1")


def test_a_payment_status_we_do_not_know_is_for_a_person():
    with pytest.raises(PersonMustLook, match="no_payment_required"):
        settlement.checkout_completed(a_gift(), a_session(payment_status="no_payment_required"))


def test_late_news_of_leaving_does_not_undo_a_payment():
    gift = a_gift(DonationStatus.PAID)

    settlement.checkout_expired(gift, a_session())
    settlement.checkout_failed(gift, a_session())
    settlement.checkout_completed(gift, a_session(payment_status="unpaid"))

    assert gift.status == DonationStatus.PAID


@pytest.mark.parametrize("difference", [{"amount_total": 2499}, {"currency": "krw"}, {"amount_total": None}])
def test_a_page_of_another_amount_is_for_a_person_and_changes_nothing(difference: dict[str, Any]):
    gift = a_gift()

    with pytest.raises(AmountDiffers, match=r"asked for USD 25\.00"):
        settlement.checkout_completed(gift, a_session(**difference))

    assert gift.status == DonationStatus.PENDING
    assert gift.stripe_checkout_session_id is None


@pytest.mark.parametrize("difference", [{"amount": 2600}, {"currency": "eur"}])
def test_a_charge_of_another_amount_is_for_a_person(difference: dict[str, Any]):
    gift = a_gift()

    with pytest.raises(AmountDiffers):
        settlement.check_charge(gift, a_charge(**difference))

    assert gift.status == DonationStatus.PENDING


@pytest.mark.parametrize(
    ("charge_status", "status"), [("succeeded", "paid"), ("pending", "pending"), ("failed", "pending")]
)
def test_only_a_succeeded_charge_pays_a_gift(charge_status: str, status: str):
    gift = a_gift()

    settlement.check_charge(gift, a_charge(status=charge_status))

    assert gift.status == status


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Los_Angeles", date(2025, 12, 31)),
        ("UTC", date(2026, 1, 1)),
        ("Asia/Seoul", date(2026, 1, 1)),
    ],
)
def test_the_day_of_a_gift_is_the_entitys_and_is_fixed_once(zone: str, day: date):
    gift = a_gift(DonationStatus.PAID)
    charge = settlement.charge_from(a_charge(), gift)

    first = settlement.settle(gift, charge, time_zone=zone)
    again = settlement.settle(gift, settlement.charge_from(a_charge(created=0), gift), time_zone="UTC")

    assert (first, again) == (True, False)
    assert gift.gift_date == day
    assert gift.paid_at == datetime(2026, 1, 1, 7, 59, 59, tzinfo=UTC)


def test_a_gift_that_is_not_paid_has_no_day():
    gift = a_gift(DonationStatus.PROCESSING)

    assert settlement.settle(gift, settlement.charge_from(a_charge(), gift), time_zone="UTC") is False
    assert gift.gift_date is None


@given(st.permutations(["pending", "failed", "succeeded"]), st.permutations([None, "txn_1", None]))
def test_old_snapshots_of_a_charge_take_nothing_back(statuses: list[str], settled: list[str | None]):
    snapshots = [
        a_charge(status=status, balance_transaction=txn)
        for status, txn in zip(statuses, settled, strict=True)
    ]
    known = settlement.charge_from(snapshots[0], None)

    for snapshot in snapshots[1:]:
        settlement.update_charge(known, snapshot)

    assert known.status == "succeeded"
    assert known.stripe_balance_transaction_id == "txn_1"


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"type": "card", "card": {"brand": "visa", "last4": "4242"}}, ("card", "visa", "4242")),
        (
            {"type": "us_bank_account", "us_bank_account": {"last4": "6789"}},
            ("us_bank_account", None, "6789"),
        ),
        ({"type": "kr_card", "kr_card": {"brand": "bc", "last4": None}}, ("kr_card", None, None)),
        ({"type": "paypal"}, ("paypal", None, None)),
        (None, ("unknown", None, None)),
    ],
)
def test_of_the_way_of_paying_only_its_kind_brand_and_last_digits_are_kept(
    details: dict[str, Any] | None, kept: tuple[str | None, ...]
):
    charge = settlement.charge_from(a_charge(payment_method_details=details), None)

    assert (charge.method, charge.card_brand, charge.last4) == kept
