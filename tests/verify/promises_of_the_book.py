"""The monthly gift in the book: begun, charged for three months, and asked to rest in between."""

from datetime import UTC, datetime, timedelta

from payments.database import transaction
from payments.monthly.models import ChangeKind, ChangeStatus, MonthlyChange
from tests.monthly.plan_at_stripe import Plan
from tests.monthly.telling import a_promise, everything, hears

RESTS_FROM = datetime(2026, 3, 10, tzinfo=UTC)


def give_monthly() -> None:
    """What Stripe knew of before it charged is no late money: whoever paid then did so by hand."""
    with transaction() as session:
        gift, first = a_promise(session, email="monthly@example.com")
    plan = Plan()
    plan.joins(first, gift)
    plan.days_pass(70)
    with transaction() as session:
        hears(session, plan, everything(plan))
        session.add(
            MonthlyChange(
                id="mch_rest",
                monthly_gift_id=gift.id,
                kind=ChangeKind.PAUSE,
                status=ChangeStatus.DONE,
                asked_at=RESTS_FROM,
                asked_by="donor",
                paused_until=RESTS_FROM + timedelta(days=60),
                done_at=RESTS_FROM + timedelta(seconds=2),
            )
        )
