"""A lost dispute or a fraud warning about one instalment ends the whole gift, by itself, and says why."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.donations.models import Charge, Donation, Organisation
from payments.donations.reversals import Dispute, FraudWarning
from payments.mail.models import OutgoingMail
from payments.monthly import changes, complaints
from payments.monthly.models import MonthlyChange, MonthlyGift
from tests.factories import a_donation
from tests.monthly.promises import a_monthly_gift

AT = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def gift(organisation: Organisation, session: Session) -> MonthlyGift:
    return a_monthly_gift(session)


def an_instalment(session: Session, gift: MonthlyGift, charge: str) -> Donation:
    donation = a_donation(session, frequency="monthly", monthly_gift_id=gift.id, donor_id=gift.donor_id)
    session.add(
        Charge(
            stripe_charge_id=charge,
            donation_id=donation.id,
            amount=2500,
            currency="usd",
            status="succeeded",
            charged_at=AT,
            method="card",
        )
    )
    session.flush()
    return donation


def a_dispute(session: Session, charge: str, *, status: str = "lost", id_: str = "dp_1") -> None:
    session.add(
        Dispute(
            stripe_dispute_id=id_,
            stripe_charge_id=charge,
            amount=2500,
            currency="usd",
            reason="fraudulent",
            status=status,
            opened_at=AT,
        )
    )
    session.flush()


def a_warning(session: Session, charge: str) -> None:
    session.add(
        FraudWarning(
            stripe_fraud_warning_id="issfr_1",
            stripe_charge_id=charge,
            fraud_type="made_with_stolen_card",
            is_actionable=True,
            warned_at=AT,
        )
    )
    session.flush()


def answered(session: Session) -> list[bool]:
    return [complaints.answer(session, complaint) for complaint in complaints.unanswered(session)]


def test_a_lost_dispute_ends_the_gift_whenever_it_was_heard_of(session: Session, gift: MonthlyGift) -> None:
    """Its row was written before the charge was known to be an instalment, and names no gift."""
    a_dispute(session, "ch_1")
    an_instalment(session, gift, "ch_1")

    assert answered(session) == [True]

    change = session.scalars(select(MonthlyChange)).one()
    assert (gift.status, gift.end_reason, change.asked_by) == ("ended", "dispute", "dispute:dp_1")
    assert [m.reference.partition(":")[0] for m in session.scalars(select(OutgoingMail))] == ["monthly_ended"]
    assert complaints.unanswered(session) == []


def test_a_fraud_warning_ends_it_too(session: Session, gift: MonthlyGift) -> None:
    an_instalment(session, gift, "ch_1")
    a_warning(session, "ch_1")

    assert answered(session) == [True]
    assert gift.end_reason == "fraud_warning"


def test_of_a_warning_and_the_dispute_after_it_the_dispute_is_named(
    session: Session, gift: MonthlyGift
) -> None:
    an_instalment(session, gift, "ch_1")
    a_warning(session, "ch_1")
    a_dispute(session, "ch_1")

    assert answered(session) == [True]
    assert gift.end_reason == "dispute"


@pytest.mark.parametrize("status", ["needs_response", "under_review", "won", "warning_closed", "prevented"])
def test_a_dispute_that_is_not_lost_ends_nothing(session: Session, gift: MonthlyGift, status: str) -> None:
    an_instalment(session, gift, "ch_1")
    a_dispute(session, "ch_1", status=status)

    assert complaints.unanswered(session) == []


def test_a_single_gift_and_another_promise_are_left_alone(session: Session, gift: MonthlyGift) -> None:
    other = a_monthly_gift(session, email="ben@example.com")
    an_instalment(session, gift, "ch_1")
    session.add(
        Charge(
            stripe_charge_id="ch_single",
            donation_id=a_donation(session).id,
            amount=2500,
            currency="usd",
            status="succeeded",
            charged_at=AT,
            method="card",
        )
    )
    a_dispute(session, "ch_1")
    a_dispute(session, "ch_single", id_="dp_2")

    assert answered(session) == [True]
    assert other.status == "active"


def test_what_has_ended_keeps_its_own_reason(session: Session, gift: MonthlyGift) -> None:
    an_instalment(session, gift, "ch_1")
    changes.cancel(session, gift.id)
    a_dispute(session, "ch_1")

    assert complaints.unanswered(session) == []
    assert gift.end_reason == "donor"
