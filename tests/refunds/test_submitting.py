"""Between our row and Stripe: everything that can go wrong there leaves one refund."""

import threading

import pytest

from payments.database import transaction
from payments.donations import refund_submission as submission
from payments.stripe_gateway.client import gateway
from tests.refunds.desk import Desk

REFUNDS = "/v1/refunds"


@pytest.mark.parametrize("kind", ["timeout_after", "reset_after"])
def test_an_answer_that_is_lost_after_the_deed_is_asked_for_again(
    desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift)
    quickly(monkeypatch)
    desk.house.stripe.fails(kind, times=1, path=REFUNDS)

    desk.the_refunds_go_out()
    left_open = desk.refund(refund).status
    desk.time_passes(hours=1)
    desk.the_refunds_go_out()

    assert left_open == "approved"
    assert desk.refund(refund).status == "succeeded"
    assert len(desk.refunds_at_stripe()) == 1


@pytest.mark.parametrize("kind", ["429", "reset_before"])
def test_a_stripe_that_is_away_is_asked_later(desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift)
    quickly(monkeypatch)
    desk.house.stripe.fails(kind, times=1, path=REFUNDS)

    desk.the_refunds_go_out()
    desk.the_refunds_go_out()
    waiting = desk.refund(refund)
    desk.time_passes(hours=1)
    desk.the_refunds_go_out()

    assert (waiting.status, waiting.attempts) == ("approved", 1)
    assert desk.refund(refund).status == "succeeded"


def test_an_error_that_stripe_repeats_for_a_day_does_not_hold_the_refund_for_ever(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift)
    quickly(monkeypatch)
    desk.house.stripe.fails("500", times=1, path=REFUNDS)

    desk.the_refunds_go_out()
    desk.time_passes(hours=1)
    desk.the_refunds_go_out()
    same_day = desk.refund(refund).status
    desk.time_passes(hours=24)
    desk.the_refunds_go_out()

    assert same_day == "approved"
    assert desk.refund(refund).status == "succeeded"
    assert len(desk.refunds_at_stripe()) == 1


def test_a_worker_that_dies_before_it_notes_leaves_one_refund(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift)
    with transaction() as session:
        taken = submission.take(session)
    assert taken is not None
    gateway().refund(taken.request)

    desk.time_passes(hours=1)
    desk.the_refunds_go_out()

    assert desk.refund(refund).status == "succeeded"
    assert desk.refund(refund).attempts == 2
    assert len(desk.refunds_at_stripe()) == 1


def test_a_refund_in_one_workers_hand_is_in_no_others(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    desk.a_refund(gift)

    with transaction() as session:
        taken = submission.take(session)
    with transaction() as session:
        second = submission.take(session)

    assert taken is not None
    assert second is None


def test_workers_side_by_side_submit_each_refund_once(desk: Desk) -> None:
    gifts = [desk.a_paid_gift(2500, email=f"donor{i}@example.com") for i in range(4)]
    refunds = [desk.a_refund(gift, 500) for gift in gifts for _ in range(2)]

    threads = [threading.Thread(target=desk.the_refunds_go_out) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {desk.refund(refund).status for refund in refunds} == {"succeeded"}
    assert len(desk.refunds_at_stripe()) == len(refunds)
    assert {desk.refund(refund).attempts for refund in refunds} == {1}


def test_after_a_day_stripe_is_searched_before_it_is_asked(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift, 1000)
    with transaction() as session:
        taken = submission.take(session)
    assert taken is not None
    # Under another key: as if Stripe had forgotten ours.
    desk.house.stripe.tell(
        f"charges/{taken.request.stripe_charge_id}/refund",
        amount=1000,
        metadata={"refund": refund, "donation": gift.id},
    )

    desk.time_passes(hours=25)
    desk.the_refunds_go_out()

    assert desk.refund(refund).status == "succeeded"
    assert len(desk.refunds_at_stripe()) == 1


def test_after_a_day_what_is_not_found_is_asked_for(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift, 1000)
    with transaction() as session:
        submission.take(session)

    desk.time_passes(hours=25)
    desk.the_refunds_go_out()

    assert desk.refund(refund).status == "succeeded"
    assert len(desk.refunds_at_stripe()) == 1


def test_what_stripe_refuses_waits_for_a_person_who_closes_it(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift, 2000)
    desk.house.stripe.tell(f"charges/{desk.charge_of(gift)}/refund", amount=2500)

    desk.the_refunds_go_out()
    refused = desk.refund(refund)
    closed = desk.sends("abe", f"refunds/{refund}/decline", {"reason": "refunded in the dashboard"})
    desk.house.the_workers_work()

    assert (refused.status, refused.failure_reason) == ("refused", "charge_already_refunded")
    assert closed.json()["status"] == "declined"
    assert desk.house.balances()["contribution_refunds:general"] == 2500
    assert desk.house.the_book_ties()


def test_a_wrong_key_of_ours_refuses_nobodys_refund(desk: Desk) -> None:
    from tests.conftest import forget_settings

    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STRIPE_SECRET_KEY", "sk_test_somebodyelses0123456789")
        forget_settings()
        desk.the_refunds_go_out()
    forget_settings()
    waiting = desk.refund(refund).status

    desk.time_passes(hours=1)
    desk.the_refunds_go_out()

    assert waiting == "approved"
    assert desk.refund(refund).status == "succeeded"


def test_what_stripe_has_been_asked_for_can_no_longer_be_declined(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    refund = desk.a_refund(gift)
    with transaction() as session:
        submission.take(session)

    answer = desk.sends("sue", f"refunds/{refund}/decline", {"reason": "too late"})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/refund-decided")


def test_a_refund_of_the_dashboard_takes_from_what_is_left(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    desk.house.stripe.tell(f"charges/{desk.charge_of(gift)}/refund", amount=2000)
    desk.house.the_workers_work()

    assert desk.asks_for_a_refund(gift).json()["amount"] == 500


def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No retries inside one call: what is tested is ours, not the library's."""
    client = gateway()._client
    monkeypatch.setattr(client._requestor._options, "max_network_retries", 0)
    monkeypatch.setattr(client._requestor._get_http_client(), "_timeout", (1, 1))
