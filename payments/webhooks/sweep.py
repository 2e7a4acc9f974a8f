"""What Stripe has and we lack: read from Stripe by the clock, put into the same inbox.

A webhook may be lost for ever and an event may never be made, so the lists are read as well. Both
readings only insert into the inbox; there is one way to change the books.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import from_stripe
from payments.database import among
from payments.donations.models import Donation, DonationStatus
from payments.jobs import Bell, ring
from payments.monthly.models import MonthlyGift, MonthlyInvoice, MonthlyStatus
from payments.stripe_gateway.client import StripeGateway
from payments.stripe_gateway.shapes import DONATION, Envelope, as_bytes, read
from payments.webhooks import inbox
from payments.webhooks.events import TABLE
from payments.webhooks.inbox import Delivery
from payments.webhooks.models import StripeCursor

Fetched = Mapping[str, Any]

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


def pages(
    stripe: StripeGateway, name: str, *, created_from: datetime, created_before: datetime | None = None
) -> Iterator[list[Fetched]]:
    """The list as Stripe sent it, a page at a time, newest first."""
    if name == BALANCE_TRANSACTIONS:
        return stripe.balance_transactions(created_from=created_from, created_before=created_before)
    return stripe.events(created_from=created_from, created_before=created_before)


def deliveries(name: str, page: Iterable[Fetched]) -> list[Delivery]:
    """A page as it goes into the inbox; of the events only what is acted on."""
    if name == BALANCE_TRANSACTIONS:
        return [inbox.of_balance_transaction(fetched) for fetched in page]
    bodies = [as_bytes(event) for event in page if event["type"] in TABLE]
    return [inbox.of_event(read(Envelope, body), body, source="fetch") for body in bodies]


def payments_without_gift(session: Session, page: Iterable[Fetched]) -> list[str]:
    """The payments on a page of new balance transactions of which only Stripe can say whether they are
    instalments: a customer paid, and nothing names a gift or is known of their invoice."""
    payments = {
        str(fetched["id"]): str(fetched["source"]["payment_intent"])
        for fetched in page
        if _may_be_an_instalment(fetched.get("source"))
    }
    if not payments:
        return []
    stored = inbox.stored(session, [inbox.fetched_id(transaction) for transaction in payments])
    known = session.scalars(
        select(MonthlyInvoice.stripe_payment_intent_id).where(
            among(MonthlyInvoice.stripe_payment_intent_id, payments.values()),
            MonthlyInvoice.monthly_gift_id.is_not(None),
        )
    ).all()
    return sorted(
        {
            payment
            for transaction, payment in payments.items()
            if inbox.fetched_id(transaction) not in stored and payment not in known
        }
    )


def _may_be_an_instalment(source: Any) -> bool:
    return (
        isinstance(source, Mapping)
        and source.get("object") == "charge"
        and bool(source.get("customer"))
        and bool(source.get("payment_intent"))
        and DONATION not in (source.get("metadata") or {})
    )


def with_their_invoices(
    page: Iterable[Fetched], invoice_payments: Mapping[str, Sequence[Fetched]]
) -> list[Fetched]:
    """The page with what Stripe said of these payments put into their charges, where one looks for it. So
    a charge and what it pays come in together, and neither can be read without the other."""
    return [
        {**fetched, "source": {**fetched["source"], "invoice_payments": {"data": invoice_payments[payment]}}}
        if isinstance(fetched.get("source"), Mapping)
        and (payment := fetched["source"].get("payment_intent")) in invoice_payments
        else fetched
        for fetched in page
    ]


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
    """Gifts for which Stripe never opened a page, long after anybody could still be asking; and the promises
    they were to begin."""
    unopened = and_(
        Donation.status == DonationStatus.PENDING.value,
        Donation.stripe_checkout_session_id.is_(None),
        Donation.checkout_expires_at < func.now() - timedelta(hours=1),
    )
    # Promises before gifts, as everybody locks them.
    session.execute(
        update(MonthlyGift)
        .where(
            MonthlyGift.status == MonthlyStatus.PENDING.value,
            MonthlyGift.id.in_(select(Donation.monthly_gift_id).where(unopened)),
        )
        .values(status=MonthlyStatus.NEVER_STARTED.value)
    )
    left = session.scalars(
        update(Donation).where(unopened).values(status=DonationStatus.EXPIRED.value).returning(Donation.id)
    )
    return len(left.all())
