"""Applying the inbox: claim a batch, act on it, take it off the queue, all in one transaction.

A batch is applied as a whole; when anything in it fails, it is applied again in halves, and a half
that fails in halves of its own, so that a single bad event is set aside and holds up nothing else.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from payments.database import among
from payments.errors import PersonMustLook, TryLater, UnreadableStripeObject
from payments.jobs import OutOfTime
from payments.stripe_gateway.shape import Shape
from payments.stripe_gateway.shapes import BalanceTransaction
from payments.webhooks import inbox
from payments.webhooks.batch import Batch
from payments.webhooks.events import FETCHED, Reading, object_of, reading_of
from payments.webhooks.inbox import UNREADABLE, why_not_for_us
from payments.webhooks.models import QueuedEvent, StripeEvent

log = logging.getLogger(__name__)

BATCH = 500
"""A transaction of about 0.15 s. Twice as many gain little more, and hold their gifts longer."""
PARK_AFTER = 8
"""Tries before an event that keeps failing is parked: about four hours of back-off."""


class NotForUs(PersonMustLook):
    """An event of the other mode, of another account or of another API version."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What one batch came to."""

    done: int = 0
    delayed: int = 0
    parked: int = 0

    @property
    def claimed(self) -> int:
        """How many events there were to look at."""
        return self.done + self.delayed + self.parked


_Event = Row[*tuple[Any, ...]]
"""What is read of a `StripeEvent`, and how often it was tried."""


@dataclass(frozen=True, slots=True)
class _Claim:
    stripe_event_id: str
    attempts: int
    reading: Reading | None
    """None for a type that nobody acts on, put into the queue by a replay."""
    object: Shape | None
    said_at: datetime
    """When Stripe said it; of a fetched object, which tells no time of its own, when we got it."""


def apply_due(session: Session, *, limit: int = BATCH) -> Applied:
    """Apply up to `limit` events that are due and that nobody else has in hand."""
    claims, unfit = _read(_claim(session, limit))
    for stripe_event_id, reason in unfit:
        _park(session, stripe_event_id, reason)
    try:
        with session.begin_nested():
            _apply(session, claims)
    except OutOfTime:
        raise
    except (
        Exception
    ) as trouble:  # whatever it was, the events that caused it are found and answer for themselves
        log.info("batch applied in parts", extra={"events": len(claims), "trouble": type(trouble).__name__})
        outcome = _apply_in_parts(session, claims)
        return Applied(
            done=outcome.count("done"),
            delayed=outcome.count("delayed"),
            parked=outcome.count("parked") + len(unfit),
        )
    return Applied(done=len(claims), parked=len(unfit))


def _claim(session: Session, limit: int) -> Sequence[_Event]:
    return session.execute(_DUE, {"most": limit}).all()


_DUE = (
    select(
        StripeEvent.stripe_event_id,
        StripeEvent.type,
        StripeEvent.account,
        StripeEvent.is_live,
        StripeEvent.api_version,
        StripeEvent.created_at,
        StripeEvent.received_at,
        StripeEvent.body,
        QueuedEvent.attempts,
    )
    .join(QueuedEvent, QueuedEvent.stripe_event_id == StripeEvent.stripe_event_id)
    .where(QueuedEvent.parked_reason.is_(None), QueuedEvent.next_at <= func.now())
    .order_by(QueuedEvent.next_at, QueuedEvent.place)
    .limit(bindparam("most"))
    .with_for_update(of=QueuedEvent, skip_locked=True)
)


def _read(rows: Sequence[_Event]) -> tuple[list[_Claim], list[tuple[str, str]]]:
    """The events with their objects, and those that are to be parked with the reason.

    The reasons are asked again although the intake asked them: a replay must not apply an event of
    the other mode either.
    """
    claims: list[_Claim] = []
    unfit: list[tuple[str, str]] = []
    for event in rows:
        try:
            claims.append(_claim_of(event))
        except PersonMustLook as reason:
            unfit.append((event.stripe_event_id, str(reason)))
    return claims, unfit


def _claim_of(event: _Event) -> _Claim:
    if event.type == UNREADABLE:
        raise UnreadableStripeObject("no event was found in this body; see `almoner events show --body`")
    reason = why_not_for_us(is_live=event.is_live, account=event.account, api_version=event.api_version)
    if reason is not None:
        raise NotForUs(reason)
    reading = reading_of(event.type)
    if reading is None:
        return _Claim(event.stripe_event_id, event.attempts, None, None, event.created_at)
    tells_no_time = event.type in FETCHED and event.type not in inbox.FETCHED_SNAPSHOTS
    said_at = event.received_at if tells_no_time else event.created_at
    found = object_of(event.type, event.body)
    return _Claim(event.stripe_event_id, event.attempts, reading, found, said_at)


def _apply(session: Session, claims: Sequence[_Claim]) -> None:
    if not claims:
        return
    batch = Batch(session, [claim.object for claim in claims if claim.object is not None])
    with session.no_autoflush:
        for claim in sorted(claims, key=_in_what_order):
            if claim.reading is not None:
                batch.said_at = claim.said_at
                claim.reading.handler(batch, claim.object)
        batch.conclude()
    done = [claim.stripe_event_id for claim in claims]
    session.execute(delete(QueuedEvent).where(among(QueuedEvent.stripe_event_id, done)))


def _in_what_order(claim: _Claim) -> tuple[int, str]:
    """Events first, then movements from the oldest: a charge is booked before its refund.

    Only to spare waiting: a refund that comes before its charge is put off and meets it later.
    """
    if isinstance(claim.object, BalanceTransaction):
        return claim.object.created, claim.object.id
    return 0, ""


def _apply_in_parts(session: Session, claims: Sequence[_Claim]) -> list[str]:
    """What became of each. One that must wait costs the others a few statements and not one each."""
    if len(claims) < 2:
        return [_apply_alone(session, claim) for claim in claims]
    outcome: list[str] = []
    middle = len(claims) // 2
    for half in (claims[:middle], claims[middle:]):
        try:
            with session.begin_nested():
                _apply(session, half)
        except OutOfTime:
            raise
        except Exception:  # as above: the part that holds the cause is halved again
            outcome += _apply_in_parts(session, half)
        else:
            outcome += ["done"] * len(half)
    return outcome


def _apply_alone(session: Session, claim: _Claim) -> str:
    try:
        with session.begin_nested():
            _apply(session, [claim])
    except PersonMustLook as reason:
        _park(session, claim.stripe_event_id, str(reason))
        return "parked"
    except OutOfTime:
        raise
    except Exception as trouble:  # a bug or a busy database: later, and after some tries a person looks
        if claim.attempts + 1 >= PARK_AFTER and not isinstance(trouble, TryLater):
            _park(session, claim.stripe_event_id, f"failed {PARK_AFTER} times: {_name(trouble)}")
            return "parked"
        _delay(session, claim, _name(trouble))
        return "delayed"
    return "done"


def _park(session: Session, stripe_event_id: str, reason: str) -> None:
    log.warning("event parked", extra={"stripe_event_id": stripe_event_id})
    session.execute(
        update(QueuedEvent)
        .where(QueuedEvent.stripe_event_id == stripe_event_id)
        .values(parked_reason=reason, parked_at=func.now(), attempts=QueuedEvent.attempts + 1)
    )


def _delay(session: Session, claim: _Claim, trouble: str) -> None:
    log.warning("event delayed", extra={"stripe_event_id": claim.stripe_event_id, "trouble": trouble})
    pause = timedelta(seconds=min(5 * 4**claim.attempts, 3600))
    session.execute(
        update(QueuedEvent)
        .where(QueuedEvent.stripe_event_id == claim.stripe_event_id)
        .values(attempts=claim.attempts + 1, next_at=func.now() + pause, last_error=trouble)
    )


def _name(trouble: Exception) -> str:
    """The error without its values: a message of the database may quote a donor."""
    return str(trouble) if isinstance(trouble, TryLater) else type(trouble).__name__
