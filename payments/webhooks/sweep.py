"""What Stripe has and we lack: read from Stripe by the clock, put into the same inbox.

A webhook may be lost for ever and an event may never be made, so the lists are read as well. Both
readings only insert into the inbox; there is one way to change the books.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import from_stripe
from payments.donations.models import Donation, DonationStatus
from payments.jobs import Bell, ring
from payments.stripe_gateway.client import StripeGateway
from payments.stripe_gateway.shapes import Envelope, as_bytes, read
from payments.webhooks import inbox
from payments.webhooks.events import TABLE
from payments.webhooks.inbox import Delivery
from payments.webhooks.models import StripeCursor

BALANCE_TRANSACTIONS = "balance_transactions"
EVENTS = "events"

_OVERLAP = timedelta(minutes=10)
"""How far before the last reading the next one begins: lists at Stripe are not instant."""
_FIRST_LOOK_BACK = timedelta(days=2)


def claim(session: Session, name: str, *, at_most_every: timedelta) -> datetime | None:
    """From when to read a list, or None when it was read a moment ago.

    The caller commits before asking Stripe, so no transaction is open while Stripe thinks.
    """
    start = insert(StripeCursor).values(
        name=name, read_to=func.now() - _FIRST_LOOK_BACK, checked_at=func.now() - at_most_every
    )
    session.execute(start.on_conflict_do_nothing())
    read_to = session.scalar(
        update(StripeCursor)
        .where(StripeCursor.name == name, StripeCursor.checked_at <= func.now() - at_most_every)
        .values(checked_at=func.now())
        .returning(StripeCursor.read_to)
    )
    return None if read_to is None else read_to - _OVERLAP


def pages(stripe: StripeGateway, name: str, *, created_from: datetime) -> Iterator[list[Delivery]]:
    """The list as deliveries, a page at a time, newest first."""
    if name == BALANCE_TRANSACTIONS:
        for page in stripe.balance_transactions(created_from=created_from):
            yield [inbox.of_balance_transaction(fetched) for fetched in page]
        return
    for page in stripe.events(created_from=created_from):
        bodies = [as_bytes(event) for event in page if event["type"] in TABLE]
        yield [inbox.of_event(read(Envelope, body), body, source="fetch") for body in bodies]


def store_page(session: Session, page: list[Delivery]) -> int:
    """Put a page into the inbox; how many of it were new."""
    fresh = inbox.store(session, page)
    if fresh:
        ring(session, Bell.APPLY_EVENTS)
    return fresh


def note_read(session: Session, name: str, *, up_to: int) -> None:
    """The list was read whole up to an instant of Stripe's; the cursor only moves forward."""
    session.execute(
        update(StripeCursor)
        .where(StripeCursor.name == name)
        .values(read_to=func.greatest(StripeCursor.read_to, from_stripe(up_to)))
    )


def expire_unopened(session: Session) -> int:
    """Gifts for which Stripe never opened a page, long after anybody could still be asking."""
    left = session.scalars(
        update(Donation)
        .where(
            Donation.status == DonationStatus.PENDING.value,
            Donation.stripe_checkout_session_id.is_(None),
            Donation.checkout_expires_at < func.now() - timedelta(hours=1),
        )
        .values(status=DonationStatus.EXPIRED.value)
        .returning(Donation.id)
    )
    return len(left.all())
