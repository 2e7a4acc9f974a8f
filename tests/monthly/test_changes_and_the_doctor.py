"""What the doctor says about changes of monthly gifts that Stripe does not do."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from payments.checkup_monthly import monthly_changes
from payments.donations.models import Organisation
from payments.monthly import changes, submission
from payments.monthly.doubles import DoubleKind, PossibleDouble
from payments.monthly.models import MonthlyChange, MonthlyGift
from payments.monthly.tries import MonthlyNewMethod
from tests.factories import a_donation
from tests.monthly.promises import a_monthly_gift


@pytest.fixture
def gift(organisation: Organisation, session: Session) -> MonthlyGift:
    return a_monthly_gift(session, next_charge_at=datetime.now(UTC) + timedelta(days=10))


def not_well(session: Session) -> dict[str, str]:
    return {check.name: check.finding for check in monthly_changes(session) if not check.is_well}


def test_a_change_that_stripe_refused_is_a_finding_for_two_weeks(session: Session, gift: MonthlyGift) -> None:
    change = changes.pause(session, gift.id, months=1)
    before = not_well(session)
    submission.note_refused(session, change.id, "resource_missing")
    refused = not_well(session)
    session.execute(update(MonthlyChange).values(asked_at=datetime.now(UTC) - timedelta(days=15)))

    assert before == {}
    assert refused == {"monthly changes refused": "gifts with one that Stripe would not do, in two weeks: 1"}
    assert not_well(session) == {}


def test_an_end_that_stripe_does_not_do_is_a_finding(session: Session, gift: MonthlyGift) -> None:
    changes.cancel(session, gift.id)
    submission.take(session)
    at_first = not_well(session)
    session.execute(update(MonthlyChange).values(first_submitted_at=datetime.now(UTC) - timedelta(hours=1)))

    assert at_first == {}
    assert not_well(session) == {"monthly ends": "1 that Stripe has not done for a while"}


def test_a_new_card_that_stripe_refused_is_a_finding(session: Session, gift: MonthlyGift) -> None:
    session.add(
        MonthlyNewMethod(
            monthly_gift_id=gift.id,
            stripe_payment_method_id="pm_new",
            given_at=datetime.now(UTC),
            status="refused",
        )
    )
    session.flush()

    assert list(not_well(session)) == ["new cards refused"]


def test_gifts_that_look_like_each_other_are_a_finding_until_somebody_looked(
    session: Session, gift: MonthlyGift
) -> None:
    one, other = a_donation(session), a_donation(session)
    session.add(PossibleDouble(donation_id=one.id, of_donation_id=other.id, kind=DoubleKind.SAME_GIFT))
    session.flush()

    assert not_well(session) == {"possible doubles": "gifts that look like another one: 1"}
