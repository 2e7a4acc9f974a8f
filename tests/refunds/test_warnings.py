"""Early fraud warnings and disputes: tasks with a way out of each."""

from datetime import UTC, datetime

from payments.checkup import money_back
from payments.database import transaction
from payments.donations.reversals import FraudWarning
from tests.journeys.house import Gift
from tests.refunds.desk import Desk


def warned(desk: Desk, gift: Gift) -> str:
    """The donor's bank suspects fraud, and we have heard of it."""
    warning = desk.house.stripe.tell(f"charges/{desk.charge_of(gift)}/fraud_warning")
    desk.house.the_workers_work()
    return str(warning["id"])


def not_well(desk: Desk) -> dict[str, str]:
    with transaction() as session:
        return {check.name: check.finding for check in money_back(session) if not check.is_well}


def test_one_click_refunds_a_warned_gift_and_handles_the_warning(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    warning = warned(desk, gift)
    before = not_well(desk)

    answer = desk.sends("sue", f"fraud-warnings/{warning}/refund", {})
    desk.everything_is_done()

    assert before == {"fraud warnings": "1 to look at"}
    assert answer.status_code == 201, answer.text
    assert desk.refund(answer.json()["id"]).status == "succeeded"
    assert desk.refunds_at_stripe()[0]["reason"] is None
    assert not_well(desk) == {}
    with transaction() as session:
        handled = session.get_one(FraudWarning, warning)
    assert handled.handled_by == desk.audit(warning)[0].staff_id


def test_the_card_is_blocked_only_when_it_is_meant(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    warning = warned(desk, gift)

    desk.types("disputes", "refund-warned", warning, "--block-card", "--as", "sue@lp.example")
    desk.everything_is_done()

    assert desk.refunds_at_stripe()[0]["reason"] == "fraudulent"


def test_a_warning_may_be_left_with_a_reason(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    warning = warned(desk, gift)

    desk.types("disputes", "dismiss", warning, "--as", "sue@lp.example", "--reason", "she says it was her")

    assert desk.reads_json("disputes", "warnings") == []
    assert [row["id"] for row in desk.reads_json("disputes", "warnings", "--all")] == [warning]
    assert desk.refunds_at_stripe() == []


def test_a_click_twice_refunds_once(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    warning = warned(desk, gift)

    first, second = (desk.sends("sue", f"fraud-warnings/{warning}/refund", {}) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 409)


def test_a_dispute_shows_until_when_it_must_be_answered(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    dispute = desk.house.stripe.tell(f"charges/{desk.charge_of(gift)}/dispute")
    desk.house.the_workers_work()

    (listed,) = desk.reads_json("disputes", "list")
    due = datetime.fromtimestamp(dispute["evidence_details"]["due_by"], UTC)

    assert listed["id"] == dispute["id"]
    assert datetime.fromisoformat(listed["evidence_due_by"]) == due
    assert not_well(desk)["dispute"] == f"{dispute['id']} must be answered by {due:%Y-%m-%d %H:%M} UTC"
    assert dispute["id"] in desk.types("disputes", "list")


def test_a_dispute_that_is_answered_is_no_task_any_more(desk: Desk) -> None:
    gift = desk.a_paid_gift(2500)
    dispute = desk.house.stripe.tell(f"charges/{desk.charge_of(gift)}/dispute")
    desk.house.stripe.tell(f"disputes/{dispute['id']}/respond")
    desk.house.the_workers_work()

    assert not_well(desk) == {}
    assert [row["status"] for row in desk.reads_json("disputes", "list")] == ["under_review"]


def test_refunds_that_wait_for_somebody_are_shown_to_the_doctor(desk: Desk) -> None:
    waiting = desk.a_paid_gift(60_000)
    refused = desk.a_paid_gift(2500, email="b@example.com")
    desk.a_refund(waiting)
    desk.a_refund(refused, 2000)
    desk.house.stripe.tell(f"charges/{desk.charge_of(refused)}/refund", amount=2500)
    desk.the_refunds_go_out()

    found = not_well(desk)

    assert found["refunds to approve"] == "1 wait for a second person"
    assert found["refunds refused"] == "1 that Stripe would not take"


def test_a_refund_stripe_does_not_answer_is_shown_to_the_doctor(desk: Desk) -> None:
    desk.a_refund(desk.a_paid_gift(2500))
    with transaction() as session:
        from payments.donations import refund_submission

        refund_submission.take(session)
    before = not_well(desk)
    desk.time_passes(hours=1)

    assert before == {}
    assert "refunds to submit" in not_well(desk)
