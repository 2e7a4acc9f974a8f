"""Promises of which we should have heard: asked about at Stripe, and the answers go into the inbox.

Each month of a running promise has one invoice, and the subscription's own period moves on with it. Where
the period we know of is long over, or a paid invoice has no payment, some news never came.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from payments.clock import now
from payments.jobs import Bell, ring
from payments.monthly.models import MonthlyGift, MonthlyInvoice
from payments.stripe_gateway.billing import Billing
from payments.webhooks import inbox
from payments.webhooks.inbox import Delivery
from payments.webhooks.models import StripeEvent

_GRACE = timedelta(hours=6)
"""Stripe makes a renewal's invoice at the hour, and collects it one later; news are late at times."""
_AT_ONCE = 100
"""The latest to fall silent first: an answer lets them speak again, while some stay silent for good, such as
a subscription paused at Stripe, and would stand before all others."""


def silent_subscriptions(session: Session) -> list[str]:
    """Subscriptions whose period is over, and nothing was heard of the next one."""
    found = session.scalars(
        select(MonthlyGift.stripe_subscription_id)
        .where(
            MonthlyGift.stripe_subscription_id.is_not(None),
            MonthlyGift.stripe_status.not_in(("canceled", "incomplete_expired")),
            MonthlyGift.next_charge_at < now() - _GRACE,
        )
        .order_by(MonthlyGift.next_charge_at.desc())
        .limit(_AT_ONCE)
    )
    return [subscription for subscription in found if subscription is not None]


def untied_invoices(session: Session) -> list[str]:
    """Invoices that were paid, and nobody has said with what: their gifts wait for their receipts."""
    return list(
        session.scalars(
            select(MonthlyInvoice.stripe_invoice_id)
            .where(
                MonthlyInvoice.monthly_gift_id.is_not(None),
                MonthlyInvoice.status == "paid",
                MonthlyInvoice.amount_paid > 0,
                MonthlyInvoice.stripe_payment_intent_id.is_(None),
                MonthlyInvoice.paid_at < now() - _GRACE,
            )
            .order_by(MonthlyInvoice.paid_at.desc())
            .limit(_AT_ONCE)
        )
    )


def of_subscription(billing: Billing, stripe_subscription_id: str) -> list[Delivery]:
    """How it stands, with its invoices of the last months. No transaction is open meanwhile."""
    asked_at = now()
    subscription = billing.subscription_as_sent(stripe_subscription_id)
    invoices = billing.invoices_as_sent(stripe_subscription_id)
    return [
        inbox.of_snapshot("subscription", subscription, asked_at=asked_at),
        *(inbox.of_snapshot("invoice", invoice, asked_at=asked_at) for invoice in invoices),
    ]


def of_invoice(billing: Billing, stripe_invoice_id: str) -> list[Delivery]:
    """How it stands, with its payments."""
    asked_at = now()
    return [inbox.of_snapshot("invoice", billing.invoice_as_sent(stripe_invoice_id), asked_at=asked_at)]


def store(session: Session, answers: Sequence[Delivery]) -> None:
    """Put them into the inbox. What is asked each hour, and stays as it is, is stored once."""
    known = _last_words(session, [answer.object_id for answer in answers])
    if inbox.store(session, [answer for answer in answers if answer.body != known.get(answer.object_id)]):
        ring(session, Bell.APPLY_EVENTS)


def _last_words(session: Session, object_ids: Sequence[str | None]) -> dict[str | None, bytes]:
    """What was last said of each, where that was such an answer."""
    rows = session.execute(
        select(StripeEvent.object_id, StripeEvent.body)
        .where(StripeEvent.object_id.in_([each for each in object_ids if each is not None]))
        .order_by(StripeEvent.object_id, StripeEvent.created_at.desc(), StripeEvent.stripe_event_id)
        .ext(distinct_on(StripeEvent.object_id))
    )
    return {row.object_id: row.body for row in rows}
