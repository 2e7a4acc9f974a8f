"""Who may ask, who may agree, and that no more goes back than was given."""

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from payments.database import transaction
from payments.donations.models import Donation
from payments.donations.refund_requests import Ask, refundable, request
from payments.donations.reversals import Refund, RefundStatus
from payments.errors import AlmonerError
from payments.staff import people
from tests.refunds.desk import PEOPLE, Desk, sentences

EVERYBODY = sorted(PEOPLE)
ABOVE_THE_LIMIT = 60_000


@pytest.mark.parametrize("who", EVERYBODY)
def test_support_and_finance_ask(desk: Desk, who: str) -> None:
    gift = desk.a_paid_gift(2500)

    answer = desk.asks_for_a_refund(gift, who=who)

    assert answer.status_code == (201 if who in {"sue", "finn", "both"} else 403)


@pytest.mark.parametrize("who", EVERYBODY)
def test_only_an_approver_who_did_not_ask_agrees(desk: Desk, who: str) -> None:
    gift = desk.a_paid_gift(ABOVE_THE_LIMIT)
    refund = desk.a_refund(gift, who="both")

    answer = desk.sends(who, f"refunds/{refund}/approve")

    assert answer.status_code == (200 if who == "abe" else 403)
    assert desk.refund(refund).status == ("approved" if who == "abe" else "requested")


@pytest.mark.parametrize("who", EVERYBODY)
def test_an_approver_or_whoever_asked_says_no(desk: Desk, who: str) -> None:
    gift = desk.a_paid_gift(ABOVE_THE_LIMIT)
    refund = desk.a_refund(gift, who="sue")

    answer = desk.sends(who, f"refunds/{refund}/decline", {"reason": "the donor changed her mind"})

    assert answer.status_code == (200 if who in {"abe", "both", "sue"} else 403)


@pytest.mark.parametrize("who", EVERYBODY)
def test_everybody_reads(desk: Desk, who: str) -> None:
    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift, 100)

    one, many = desk.reads(who, f"refunds/{refund}"), desk.reads(who, f"refunds?donation={gift.id}")

    assert one.json()["amount"] == 100
    assert [row["id"] for row in many.json()["refunds"]] == [refund]


def test_the_database_itself_keeps_maker_and_checker_apart(desk: Desk) -> None:
    gift = desk.a_paid_gift(ABOVE_THE_LIMIT)
    refund = desk.a_refund(gift, who="both")

    with transaction() as session:
        with pytest.raises(IntegrityError, match="maker_is_not_checker"):
            session.execute(
                text("update refunds set approved_by = requested_by where id = :id"), {"id": refund}
            )
        session.rollback()


def test_above_the_limit_nothing_leaves_before_the_second_person_agrees(desk: Desk) -> None:
    gift = desk.a_paid_gift(ABOVE_THE_LIMIT)
    refund = desk.a_refund(gift, 50_001)

    desk.the_refunds_go_out()
    before = desk.refunds_at_stripe()
    desk.sends("abe", f"refunds/{refund}/approve")
    desk.the_refunds_go_out()

    assert before == []
    assert [back["amount"] for back in desk.refunds_at_stripe()] == [50_001]
    assert [line.deed for line in desk.audit(refund)] == ["refund.request", "refund.approve"]


def test_asking_in_small_parts_does_not_pass_under_the_limit(desk: Desk) -> None:
    gift = desk.a_paid_gift(ABOVE_THE_LIMIT)

    parts = [desk.asks_for_a_refund(gift, 20_000).json()["status"] for _ in range(3)]

    assert parts == ["approved", "approved", "requested"]


def test_a_charity_that_set_no_limit_has_two_people_for_every_refund(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    with transaction() as session:
        session.execute(text("update giving_terms set refund_limit = default"))

    assert desk.asks_for_a_refund(gift, 100).json()["status"] == "requested"


def test_a_declined_refund_never_reaches_stripe_and_frees_its_amount(desk: Desk) -> None:
    gift = desk.a_paid_gift(ABOVE_THE_LIMIT)
    refund = desk.a_refund(gift)
    desk.sends("abe", f"refunds/{refund}/decline", {"reason": "not agreed with the donor"})

    desk.the_refunds_go_out()
    late = desk.sends("abe", f"refunds/{refund}/approve")
    again = desk.asks_for_a_refund(gift)

    assert desk.refunds_at_stripe() == []
    assert late.status_code == 409
    assert again.json()["amount"] == ABOVE_THE_LIMIT


@pytest.mark.parametrize(
    ("wish", "status", "says"),
    [
        ({"amount": 2501}, 422, "At most USD 25.00 of this gift can still be refunded."),
        ({"amount": 0}, 422, "A refund in USD is at least USD 0.01 and a whole multiple of it."),
        ({"amount": -100}, 422, "A refund in USD is at least USD 0.01 and a whole multiple of it."),
        ({"amount": "12.50"}, 422, "Correct the fields named in `errors`."),
        ({"amount": 12.5}, 422, "Correct the fields named in `errors`."),
        ({"note": "   "}, 422, "Say why: the reason stands in the audit log."),
        ({"reason": "fraudulent"}, 422, "say so expressly"),
        ({"reason": "because"}, 422, "Correct the fields named in `errors`."),
        ({"amont": 100}, 422, "Correct the fields named in `errors`."),
        ({"donation": "don_nobody"}, 404, "There is no donation with this id."),
    ],
)
def test_a_wrong_wish_is_told_what_to_do(desk: Desk, wish: dict[str, Any], status: int, says: str) -> None:
    gift = desk.a_paid_gift(2500)

    answer = desk.asks_for_a_refund(gift, **wish)

    assert answer.status_code == status, answer.text
    assert any(says in sentence for sentence in sentences(answer))
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_gift_that_is_not_paid_is_not_refunded(desk: Desk) -> None:
    gift = desk.house.gives(2500)

    answer = desk.asks_for_a_refund(gift)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-paid-online")


def test_a_disputed_gift_is_not_given_back_twice(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    desk.house.stripe.tell(f"charges/{desk.charge_of(gift)}/dispute")
    desk.house.the_workers_work()

    answer = desk.asks_for_a_refund(gift)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/gift-disputed")


def test_an_inquiry_is_best_answered_with_a_refund(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    desk.house.stripe.tell(f"charges/{desk.charge_of(gift)}/dispute", inquiry=True)
    desk.house.the_workers_work()

    assert desk.asks_for_a_refund(gift).status_code == 201


def test_a_fully_refunded_gift_says_so(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    desk.a_refund(gift)

    assert desk.asks_for_a_refund(gift).json()["type"] == "/problems/nothing-left"


def test_one_key_is_one_refund(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)

    answers = [desk.asks_for_a_refund(gift, 100, key="refund-key-1") for _ in range(3)]
    other = desk.asks_for_a_refund(gift, 200, key="refund-key-1")
    of_finn = desk.asks_for_a_refund(gift, 200, key="refund-key-1", who="finn")

    assert len({answer.json()["id"] for answer in answers}) == 1
    assert other.status_code == 409
    assert of_finn.status_code == 201


def test_many_who_ask_at_once_never_get_more_than_the_gift(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    answers: list[int] = []

    def ask() -> None:
        answers.append(desk.asks_for_a_refund(gift, 1000).status_code)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.everything_is_done()

    assert sorted(answers) == [201, 201] + [422] * 10
    assert sum(back["amount"] for back in desk.refunds_at_stripe()) == 2000


def test_one_key_sent_by_many_at_once_is_one_refund(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    ids: set[str] = set()

    def ask() -> None:
        ids.add(desk.asks_for_a_refund(gift, 100, key="one-for-all").json()["id"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids) == 1


def test_the_database_refuses_what_the_program_should_never_ask(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    desk.a_refund(gift, 2000)
    more = {
        "id": "rfd_x", "donation_id": gift.id, "stripe_charge_id": "ch_x", "amount": 501, "currency": "usd",
        "status": RefundStatus.APPROVED, "origin": "staff", "is_booked": False,
    }  # fmt: skip

    for wrong in (more, more | {"amount": 100, "currency": "krw"}):
        with transaction() as session:
            session.add(Refund(**wrong))
            with pytest.raises(IntegrityError, match="more than the gift"):
                session.flush()
            session.rollback()


def test_the_amount_of_a_refund_is_never_changed(desk: Desk) -> None:
    refund = desk.a_refund(desk.a_paid_gift(2500), 100)

    with transaction() as session:
        with pytest.raises(IntegrityError, match="never changed"):
            session.execute(text("update refunds set amount = 2500 where id = :id"), {"id": refund})
        session.rollback()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(1, 3000), st.sampled_from(["ask", "fail", "decline"])), max_size=8))
def test_whatever_is_asked_what_counts_is_never_more_than_the_gift(
    desk_with_a_gift: tuple[Desk, str], wishes: list[tuple[int, str]]
) -> None:
    """Each example in a transaction that is undone."""
    _, donation_id = desk_with_a_gift
    with transaction() as session:
        sue = people.find(session, "sue@lp.example")
        for amount, then in wishes:
            ask = Ask(donation_id=donation_id, amount=amount, reason="duplicate", note="a note")
            try:
                refund = request(session, ask, by=sue)
            except AlmonerError:
                continue
            if then != "ask":
                refund.status = RefundStatus.FAILED if then == "fail" else RefundStatus.DECLINED
                session.flush()
        gift = session.get_one(Donation, donation_id)
        counting = session.scalar(
            select(func.coalesce(func.sum(Refund.amount), 0)).where(
                Refund.donation_id == donation_id,
                Refund.status.in_([status.value for status in RefundStatus if status.counts]),
            )
        )
        left = refundable(session, gift)
        session.rollback()

    assert 0 <= int(counting or 0) <= 2500
    assert int(counting or 0) + left.minor == 2500


@pytest.fixture
def desk_with_a_gift(desk: Desk) -> tuple[Desk, str]:
    """$25.00, paid."""
    return desk, desk.a_paid_gift(2500).id
