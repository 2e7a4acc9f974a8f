"""A refund that came back weeks later: owed, and made good by two people or left by the donor."""

import pytest

from payments.database import transaction
from payments.donations import owed
from payments.donations.owed import NothingOwed, PaymentDecided, PaymentUnderWay
from payments.donations.refund_refusals import OwnRequest
from payments.donations.reversals import RefundStatus
from payments.ledger.models import JournalEntry
from payments.money import Money
from payments.staff import people
from payments.staff.people import NotAllowed
from tests.journeys.house import Gift
from tests.refunds.desk import Desk


def failed(desk: Desk, gift: Gift, amount: int | None = None) -> str:
    """A refund that the donor's bank sent back, known and booked."""
    refund = desk.a_refund(gift, amount)
    desk.everything_is_done()
    desk.house.stripe.tell(f"refunds/{desk.refund(refund).stripe_refund_id}/fail")
    desk.house.the_workers_work()
    assert desk.refund(refund).status == RefundStatus.FAILED
    return refund


def prepared(desk: Desk, gift: Gift, who: str = "finn") -> str:
    with transaction() as session:
        by = people.find(session, f"{who}@lp.example")
        return owed.prepare(session, gift.id, transfer_reference="WIRE 4711", by=by, reason="closed card").id


def approved(payment: str, who: str) -> None:
    with transaction() as session:
        owed.approve(session, payment, by=people.find(session, f"{who}@lp.example"))


def kept(gift: Gift, who: str = "finn") -> None:
    with transaction() as session:
        owed.keep(session, gift.id, by=people.find(session, f"{who}@lp.example"), reason="please keep it")


def test_what_came_back_is_owed_to_the_donor(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)

    failed(desk, gift, 1000)

    with transaction() as session:
        (debt,) = owed.owed(session)
    assert (debt.donation_id, debt.amount, debt.settled) == (gift.id, Money(1000, "usd"), Money(1000, "usd"))
    assert desk.house.balances()["refunds_payable"] == -1000


def test_two_people_pay_it_from_the_bank(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    failed(desk, gift, 1000)

    payment = prepared(desk, gift)
    approved(payment, "abe")

    balances = desk.house.balances()
    assert balances["bank"] == -1000
    assert balances.get("refunds_payable", 0) == 0
    assert balances["contribution_refunds:general"] == 1000
    with transaction() as session:
        assert owed.owed(session) == []
        assert session.get_one(JournalEntry, f"owed_paid:{payment}").kind == "owed_paid"
    assert [line.deed for line in desk.audit(payment)] == ["owed.prepare", "owed.approve"]


def test_nobody_agrees_to_their_own_payment(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    failed(desk, gift)
    with transaction() as session:
        adam = people.find(session, "adam@lp.example")
        people.give_roles(session, people.find(session, "finn@lp.example"), ["finance", "approver"], by=adam)

    payment = prepared(desk, gift)

    with pytest.raises(OwnRequest):
        approved(payment, "finn")
    assert desk.house.balances()["refunds_payable"] == -2500


@pytest.mark.parametrize("who", ["sue", "vera", "abe", "adam"])
def test_only_finance_prepares(desk: Desk, who: str) -> None:
    gift = desk.a_paid_gift(2500)
    failed(desk, gift)

    with pytest.raises(NotAllowed):
        prepared(desk, gift, who)
    with pytest.raises(NotAllowed):
        kept(gift, who)


def test_it_is_paid_once(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    failed(desk, gift)
    payment = prepared(desk, gift)

    with pytest.raises(PaymentUnderWay):
        prepared(desk, gift)
    with pytest.raises(PaymentUnderWay):
        kept(gift)
    approved(payment, "abe")
    with pytest.raises(PaymentDecided):
        approved(payment, "abe")
    with pytest.raises(NothingOwed):
        prepared(desk, gift)

    assert desk.house.balances()["bank"] == -2500


def test_what_was_paid_cannot_be_refunded_again(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    failed(desk, gift, 1000)
    payment = prepared(desk, gift)

    while_prepared = desk.asks_for_a_refund(gift, 2000)
    approved(payment, "abe")
    afterwards = desk.asks_for_a_refund(gift, 2000)

    assert while_prepared.status_code == afterwards.status_code == 422
    assert desk.asks_for_a_refund(gift, 1500).status_code == 201


def test_a_second_refund_through_stripe_makes_it_good(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    failed(desk, gift)

    desk.a_refund(gift)
    with pytest.raises(PaymentUnderWay):
        prepared(desk, gift)
    desk.everything_is_done()

    with transaction() as session:
        assert owed.owed(session) == []
    assert desk.house.balances()["contribution_refunds:general"] == 2500
    assert desk.house.the_book_ties()


def test_a_donor_who_lets_it_stand_has_given_it(desk: Desk) -> None:
    gift = desk.a_paid_gift(
        3333,
        allocations=[
            {"fund": "general", "amount": 1111},
            {"fund": "rescue", "amount": 1111},
            {"fund": "education", "amount": 1111},
        ],
    )
    failed(desk, gift, 1000)

    kept(gift)

    balances = desk.house.balances()
    assert balances.get("refunds_payable", 0) == 0
    assert not any(
        balances.get(f"contribution_refunds:{fund}", 0) for fund in ("general", "rescue", "education")
    )
    assert desk.asks_for_a_refund(gift).json()["amount"] == 3333


def test_a_gift_that_was_kept_and_then_refunded_leaves_no_cent(desk: Desk) -> None:
    gift = desk.a_paid_gift(
        1000,
        allocations=[{"fund": "general", "amount": 333}, {"fund": "rescue", "amount": 667}],
    )
    failed(desk, gift, 101)
    kept(gift)

    desk.a_refund(gift)
    desk.everything_is_done()

    balances = desk.house.balances()
    assert balances["contribution_refunds:general"] == 333
    assert balances["contribution_refunds:rescue"] == 667
    assert desk.house.the_book_ties()


def test_won_settled_in_dollars_are_owed_in_won(desk: Desk) -> None:
    gift = desk.a_paid_gift(30_000, "krw")
    failed(desk, gift, 10_000)

    with transaction() as session:
        (debt,) = owed.owed(session)
    approved(prepared(desk, gift), "abe")

    assert debt.amount == Money(10_000, "krw")
    assert debt.settled.currency == "usd"
    assert desk.house.balances().get("refunds_payable", 0) == 0
    assert desk.house.balances()["bank"] == -debt.settled.minor


def test_the_terminal_tells_and_does_it(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    failed(desk, gift)

    listed = desk.exit_of("refunds", "owed", "--json")
    payment = desk.reads_json(
        "refunds", "pay-owed", gift.id, "--by-transfer", "WIRE 4711", "--as", "finn@lp.example",
        "--reason", "closed card",
    )  # fmt: skip
    paid = desk.reads_json("refunds", "approve-owed", payment["id"], "--as", "abe@lp.example")

    assert listed == 1
    assert payment["amount"] == {"amount": 2500, "currency": "usd"}
    assert paid["status"] == "paid"
    assert desk.reads_json("refunds", "owed") == []
