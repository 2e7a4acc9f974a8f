"""Money that was taken after a monthly gift had ended, or was to rest, goes back by itself, once, and is
told."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text

from payments.database import transaction
from payments.donations.explain import Beside, explain
from payments.donations.models import Charge
from payments.donations.reversals import Refund
from payments.mail.models import OutgoingMail
from payments.monthly import changes
from payments.monthly.changes import Asked
from payments.monthly.models import EndReason
from tests.monthly.running import Running
from workers.refunds import submit_refunds


def charged(running: Running, *, at: datetime) -> None:
    """Stripe took the instalment then, and we have heard of it."""
    [charge] = [c for c in running.house.stripe.list("charges") if c["customer"] == running.customer_id]
    with transaction() as session:
        session.execute(
            text("update donations set status = 'paid', paid_at = :at, gift_date = :at where id = :id"),
            {"at": at, "id": running.first.id},
        )
        session.add(
            Charge(
                stripe_charge_id=charge["id"],
                donation_id=running.first.id,
                amount=charge["amount"],
                currency=charge["currency"],
                status="succeeded",
                charged_at=at.replace(microsecond=0),
                method="card",
            )
        )


def ended(running: Running, reason: EndReason = EndReason.DONOR) -> datetime:
    with transaction() as session:
        gift, _ = changes.stop(session, running.id, Asked(), reason=reason)
    assert gift.ended_at is not None
    return gift.ended_at


def refunds() -> list[Refund]:
    with transaction() as session:
        return list(session.scalars(select(Refund).execution_options(populate_existing=True)))


def letters() -> list[str]:
    with transaction() as session:
        rows = session.scalars(select(OutgoingMail.reference).order_by(OutgoingMail.queued_at))
        return [reference.partition(":")[0] for reference in rows]


@pytest.mark.parametrize("reason", [reason for reason in EndReason if reason != "at_stripe"])
@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=3), timedelta(days=30)])
def test_what_was_taken_after_the_end_goes_back_once_and_is_told(
    running: Running, reason: EndReason, later: timedelta
) -> None:
    charged(running, at=ended(running, reason) + later)

    for _ in range(2):
        running.late_money_goes_back()
        submit_refunds()

    [refund] = refunds()
    assert (refund.amount, refund.origin, refund.status, refund.requested_by) == (
        3000,
        "house",
        "succeeded",
        None,
    )
    assert [back["amount"] for back in running.house.stripe.list("refunds")] == [3000]
    assert letters()[1:] == ["monthly_refunded_after_end"]


def test_what_was_taken_before_the_end_is_kept(running: Running) -> None:
    charged(running, at=ended(running) - timedelta(seconds=2))

    running.late_money_goes_back()

    assert refunds() == []


def test_what_is_paid_on_purpose_after_an_end_at_stripe_is_kept(running: Running) -> None:
    """Somebody ended it in the dashboard, and the donor paid the invoice that was left open there."""
    charged(running, at=ended(running, EndReason.AT_STRIPE) + timedelta(hours=3))

    running.late_money_goes_back()

    assert refunds() == []


def test_what_went_back_already_does_not_go_back_twice(running: Running) -> None:
    at = ended(running)
    charged(running, at=at + timedelta(hours=3))
    with transaction() as session:
        session.add(
            Refund(
                id="rfd_by_hand",
                donation_id=running.first.id,
                stripe_charge_id="ch_by_hand",
                amount=3000,
                currency="usd",
                status="succeeded",
                origin="stripe",
                created_at=at,
            )
        )

    running.late_money_goes_back()

    assert [refund.id for refund in refunds()] == ["rfd_by_hand"]
    assert "monthly_refunded_after_end" not in letters()


def test_a_refund_that_stripe_refused_is_left_to_a_person(running: Running) -> None:
    charged(running, at=ended(running) + timedelta(hours=3))
    running.late_money_goes_back()
    with transaction() as session:
        session.execute(text("update refunds set status = 'refused'"))

    running.late_money_goes_back()

    assert [refund.status for refund in refunds()] == ["refused"]


def paused(running: Running) -> datetime:
    """The donor asks for it; Stripe has not heard of it yet."""
    with transaction() as session:
        return changes.pause(session, running.id, months=2).asked_at


@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=3)])
def test_what_was_taken_before_stripe_knew_of_a_pause_goes_back_once_and_is_told(
    running: Running, later: timedelta
) -> None:
    charged(running, at=paused(running) + later)

    for _ in range(2):
        running.late_money_goes_back()
        submit_refunds()

    assert [(refund.amount, refund.status) for refund in refunds()] == [(3000, "succeeded")]
    assert letters() == ["monthly_refunded_in_pause"]
    with transaction() as session:
        told = [sentence.says for sentence in explain(session, running.first.id, Beside())]
    assert any("because its monthly gift had ended or was to rest" in sentence for sentence in told)


def test_what_was_taken_before_the_pause_is_kept(running: Running) -> None:
    charged(running, at=paused(running) - timedelta(seconds=2))

    running.late_money_goes_back()

    assert refunds() == []


def test_what_is_taken_after_the_donor_took_it_up_again_is_kept(running: Running) -> None:
    paused(running)
    with transaction() as session:
        resumed = changes.resume(session, running.id)
    charged(running, at=resumed.asked_at + timedelta(hours=3))

    running.late_money_goes_back()

    assert refunds() == []


def test_what_is_paid_by_hand_once_stripe_collects_nothing_is_kept(running: Running) -> None:
    asked_at = paused(running)
    running.the_changes_go_out()
    charged(running, at=asked_at + timedelta(hours=3))

    running.late_money_goes_back()

    assert refunds() == []
