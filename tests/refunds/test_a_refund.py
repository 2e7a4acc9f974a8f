"""A refund from the asking to the book."""

from payments.database import transaction
from payments.donations.models import GivingTerms
from payments.donations.organisation import forget_offer
from tests.monthly.instalments import library
from tests.refunds.desk import Desk


def test_a_refund_within_the_limit_reaches_stripe_and_the_book(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500, fund="rescue")

    refund = desk.a_refund(gift, 1000)
    desk.everything_is_done()

    assert desk.refund(refund).status == "succeeded"
    assert [back["amount"] for back in desk.refunds_at_stripe()] == [1000]
    assert desk.house.balances()["contribution_refunds:rescue"] == 1000
    assert desk.house.the_book_ties()


def test_what_stripe_is_told_names_our_rows_and_nobody(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500, name="Ada Park", email="ada@example.com")

    refund = desk.a_refund(gift, note="Ada Park asked for it")
    desk.the_refunds_go_out()

    (told,) = desk.refunds_at_stripe()
    assert told["metadata"] == {"refund": refund, "donation": gift.id}
    assert told["reason"] == "requested_by_customer"
    assert "Ada" not in str(told)


def test_without_an_amount_all_that_is_left_goes_back(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    desk.a_refund(gift, 700)

    rest = desk.asks_for_a_refund(gift)
    desk.everything_is_done()

    assert rest.json()["amount"] == 1800
    assert desk.house.balances()["contribution_refunds:general"] == 2500
    assert desk.house.the_book_ties()


def test_won_are_refunded_whole(desk: Desk) -> None:
    gift = desk.a_paid_gift(30_000, "krw")

    refund = desk.a_refund(gift, 10_000)
    desk.everything_is_done()

    assert desk.refund(refund).status == "succeeded"
    assert desk.house.the_book_ties()


def test_yen_go_all_the_way_and_come_back_without_decimals(desk: Desk) -> None:
    yen = GivingTerms(
        currency="jpy",
        minimum=100,
        maximum=9_999_999,
        suggested=[3000],
        fee_basis_points=360,
        fee_fixed=0,
        position=9,
        refund_limit=100_000,
    )
    with transaction() as session:
        session.add(yen)
    forget_offer()

    gift = desk.a_paid_gift(5_000, "jpy")
    refund = desk.a_refund(gift, 1_999)
    desk.everything_is_done()

    assert "¥5,000" in desk.house.receipt_in(desk.house.mails()[0])
    assert [back["amount"] for back in desk.refunds_at_stripe()] == [1_999]
    assert desk.refund(refund).status == "succeeded"
    assert desk.house.the_book_ties()


def test_a_second_refund_that_names_the_row_of_the_first_is_one_of_its_own(desk: Desk) -> None:
    gift = desk.a_paid_gift(5000)
    refund = desk.a_refund(gift, 1000)
    desk.everything_is_done()

    library(desk.house.stripe).v1.refunds.create(
        {"charge": desk.charge_of(gift), "amount": 500, "metadata": {"refund": refund, "donation": gift.id}}
    )
    desk.everything_is_done()

    assert desk.refund(refund).amount == 1000
    assert desk.house.balances()["contribution_refunds:general"] == 1500
    assert desk.house.balances().get("fx_gain_loss", 0) == 0
    assert desk.asks_for_a_refund(gift).json()["amount"] == 3500
    assert desk.house.the_book_ties()


def test_an_answer_that_comes_after_its_webhook_takes_nothing_back(desk: Desk) -> None:
    from payments.donations import refund_submission
    from payments.stripe_gateway.client import gateway

    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift)
    with transaction() as session:
        taken = refund_submission.take(session)
    made = gateway().refund(taken.request)

    desk.house.stripe.tell(f"refunds/{made.id}/fail")
    desk.house.the_workers_work()
    with transaction() as session:
        refund_submission.note_made(session, refund, made)

    assert desk.refund(refund).status == "failed"
