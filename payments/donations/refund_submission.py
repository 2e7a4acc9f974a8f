"""From an approved refund to Stripe, once. What the worker takes, and what it notes afterwards.

A row is taken with a lease and the taking committed before Stripe is asked, so a worker that dies
leaves it to the next. Within a day the same key makes asking again safe; later the key may be
forgotten there, so Stripe is searched for the refund before it is asked under a new one.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.donations.refund_requests import find
from payments.donations.refunds import update_refund
from payments.donations.reversals import Refund, RefundStatus
from payments.stripe_gateway import shapes
from payments.stripe_gateway.client import RefundRequest

_LEASE = timedelta(minutes=2)
"""Longer than the slowest call with its retries."""
_KEY_IS_SAFE_FOR = timedelta(hours=23)
"""Stripe keeps a key for at least a day; an hour is left for the call itself and for clocks."""
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A refund in this worker's hand."""

    request: RefundRequest
    attempts: int

    @property
    def is_key_safe(self) -> bool:
        """False when Stripe may have forgotten the first key: look there before asking."""
        return self.request.day == 0


def take(session: Session) -> Taken | None:
    """The next refund to submit, leased by the database's clock; the caller commits before it asks."""
    row = session.execute(
        select(Refund, func.now())
        .where(Refund.status == RefundStatus.APPROVED, Refund.next_at <= func.now())
        .order_by(Refund.next_at, Refund.id)
        .limit(1)
        .with_for_update(of=Refund, skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    refund, at = row
    if refund.first_submitted_at is None:
        refund.first_submitted_at = at
    refund.next_at = at + _LEASE
    refund.attempts += 1
    return Taken(
        request=RefundRequest(
            refund_id=refund.id,
            donation_id=refund.donation_id or "",
            stripe_charge_id=refund.stripe_charge_id,
            amount=refund.amount,
            reason=refund.reason,
            day=(at - refund.first_submitted_at) // _KEY_IS_SAFE_FOR,
        ),
        attempts=refund.attempts,
    )


def note_made(session: Session, refund_id: str, made: shapes.Refund) -> None:
    """Stripe has it. Its webhook may have been faster and know more; nothing goes down."""
    update_refund(find(session, refund_id, for_update=True), made)


def note_refused(session: Session, refund_id: str, code: str | None) -> None:
    """Stripe would not take it: a person looks."""
    refund = find(session, refund_id, for_update=True)
    if refund.stripe_refund_id is None and refund.rise_to(RefundStatus.REFUSED):
        refund.failure_reason = code or "unknown"


def note_later(session: Session, refund_id: str) -> None:
    """Stripe did not answer, so nobody knows; the same key asks again in a while."""
    refund = find(session, refund_id, for_update=True)
    pause = min(timedelta(seconds=15) * 2 ** min(refund.attempts - 1, 10), _LONGEST_PAUSE)
    refund.next_at = cast(Any, func.now() + pause)  # by the same clock that `take` reads
