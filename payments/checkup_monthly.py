"""What the house knows of monthly gifts that want a person: changes and cards that Stripe refused, and gifts
that may have been given twice."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.checkup import LATE_SECONDS, Check, seconds_since
from payments.clock import now
from payments.monthly.doubles import PossibleDouble
from payments.monthly.models import ChangeKind, ChangeStatus, MonthlyChange
from payments.monthly.tries import MonthlyNewMethod

_TWO_WEEKS = timedelta(days=14)


def monthly_changes(session: Session) -> Iterator[Check]:
    """What was asked of monthly gifts and Stripe does not do."""
    status, kind = MonthlyChange.status, MonthlyChange.kind
    refused, stuck = session.execute(
        select(
            func.count(MonthlyChange.monthly_gift_id.distinct()).filter(
                status == ChangeStatus.REFUSED, MonthlyChange.asked_at > now() - _TWO_WEEKS
            ),
            func.count().filter(
                status == ChangeStatus.REQUESTED,
                kind == ChangeKind.CANCEL,
                seconds_since(MonthlyChange.first_submitted_at) > LATE_SECONDS,
            ),
        ).where(status.in_([ChangeStatus.REFUSED, ChangeStatus.REQUESTED]))
    ).one()
    yield Check(
        name="monthly changes refused",
        is_well=not refused,
        finding=f"gifts with one that Stripe would not do, in two weeks: {refused}",
        remedy="`almoner monthly show ID` says why; ask for it again, or tell the donor.",
    )
    yield Check(
        name="monthly ends",
        is_well=not stuck,
        finding=f"{stuck} that Stripe has not done for a while" if stuck else "none waits",
        remedy="Look at the worker's log and at STRIPE_SECRET_KEY. What is charged meanwhile goes back.",
    )
    cards, doubles = session.execute(
        select(
            select(func.count())
            .where(MonthlyNewMethod.status == "refused", MonthlyNewMethod.given_at > now() - _TWO_WEEKS)
            .scalar_subquery(),
            select(func.count()).where(PossibleDouble.closed_at.is_(None)).scalar_subquery(),
        )
    ).one()
    yield Check(
        name="new cards refused",
        is_well=not cards,
        finding=f"new cards that Stripe would not put on a monthly gift, in two weeks: {cards}",
        remedy="The old card stays, and may fail. `almoner monthly show ID` tells more; write to the donor.",
    )
    yield Check(
        name="possible doubles",
        is_well=not doubles,
        finding=f"gifts that look like another one: {doubles}",
        remedy="`almoner gifts doubles` lists them; refund one, or say that both are meant.",
    )
