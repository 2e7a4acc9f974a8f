"""Deleting at Stripe who a donor was: a row, a commit, then the worker asks, again until it is done.

A customer whose monthly gift is still to be ended there waits for that: deleting ends it too, but its open
invoices would stay.
"""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from payments.monthly.models import ChangeKind, ChangeStatus, MonthlyChange, MonthlyGift
from payments.privacy.models import CustomerDeletion

_LEASE = timedelta(minutes=2)
_LONGEST_PAUSE = timedelta(hours=1)


def take(session: Session) -> str | None:
    """The next customer to delete, leased by the database's clock; the caller commits before it asks."""
    due = session.scalar(_NEXT_DUE)
    if due is None:
        return None
    due.attempts += 1
    due.next_at = cast(Any, func.now() + _LEASE)
    session.flush()
    return due.stripe_customer_id


def note_done(session: Session, stripe_customer_id: str) -> None:
    """Stripe has forgotten it."""
    row = session.get_one(CustomerDeletion, stripe_customer_id, with_for_update=True)
    if row.done_at is None:
        row.done_at = cast(Any, func.now())
        row.failure_reason = None


def note_not_done(session: Session, stripe_customer_id: str, why: str) -> None:
    """Stripe did not answer or would not: asked again, and `almoner doctor` tells of it after a day."""
    row = session.get_one(CustomerDeletion, stripe_customer_id, with_for_update=True)
    pause = min(timedelta(seconds=15) * 2 ** min(row.attempts, 10), _LONGEST_PAUSE)
    row.failure_reason = why
    row.next_at = cast(Any, func.now() + pause)


_NEXT_DUE = (
    select(CustomerDeletion)
    .where(
        CustomerDeletion.done_at.is_(None),
        CustomerDeletion.next_at <= func.now(),
        ~exists().where(
            MonthlyGift.stripe_customer_id == CustomerDeletion.stripe_customer_id,
            MonthlyChange.monthly_gift_id == MonthlyGift.id,
            MonthlyChange.kind == ChangeKind.CANCEL.value,
            MonthlyChange.status == ChangeStatus.REQUESTED.value,
        ),
    )
    .order_by(CustomerDeletion.next_at, CustomerDeletion.stripe_customer_id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
