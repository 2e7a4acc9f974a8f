"""What Stripe's news make of a promise and its invoices. Every deed may run twice, late, or in any order.

A snapshot says when it was taken; of two the later counts, and of two in the same second the greater, so
that whichever comes first the same one stays. Where a monthly gift stands is then read from the facts.
"""

from dataclasses import dataclass
from datetime import datetime

from payments.clock import from_stripe
from payments.donations.models import Charge, DonationStatus
from payments.errors import PersonMustLook
from payments.monthly.models import CardOnFile, EndReason, MonthlyGift, MonthlyInvoice, MonthlyStatus
from payments.stripe_gateway.billing_shapes import Card, Invoice, Subscription

_SUBSCRIPTION_RANK = {
    status: rank
    for rank, status in enumerate(
        ("incomplete", "trialing", "active", "past_due", "unpaid", "paused", "incomplete_expired", "canceled")
    )
}
"""Only between two snapshots of the same second, which say the same time of two states."""
_INVOICE_RANK = {
    status: rank for rank, status in enumerate(("stub", "draft", "open", "uncollectible", "void", "paid"))
}
_END_REASONS = {"payment_disputed": EndReason.DISPUTE}
_LONG_AGO = from_stripe(0)


class SecondSubscription(PersonMustLook):
    """Two subscriptions at Stripe name one promise: the donor would be charged twice a month."""

    def __init__(self, gift: MonthlyGift, stripe_subscription_id: str) -> None:
        super().__init__(
            f"monthly gift {gift.id} is subscription {gift.stripe_subscription_id}, "
            f"and {stripe_subscription_id} names it too"
        )


class UnknownStatus(PersonMustLook):
    """Stripe names a status that no rule knows."""


def bind(gift: MonthlyGift, *, stripe_subscription_id: str | None, stripe_customer_id: str | None) -> None:
    """The promise's counterparts at Stripe, from whatever names them first."""
    if stripe_subscription_id is not None:
        if gift.stripe_subscription_id not in {None, stripe_subscription_id}:
            raise SecondSubscription(gift, stripe_subscription_id)
        gift.stripe_subscription_id = stripe_subscription_id
    if stripe_customer_id is not None:
        gift.stripe_customer_id = stripe_customer_id


def take_subscription(gift: MonthlyGift, subscription: Subscription, *, said_at: datetime) -> None:
    """A subscription in whatever state. Its end is final, and ours counts from when it was asked for."""
    if subscription.status not in _SUBSCRIPTION_RANK:
        raise UnknownStatus(f"subscription status {subscription.status}")
    bind(gift, stripe_subscription_id=subscription.id, stripe_customer_id=subscription.customer)
    _take_snapshot(gift, subscription, said_at)
    if subscription.status == "canceled" and gift.ended_at is None:
        details = subscription.cancellation_details
        ended = subscription.ended_at or subscription.canceled_at
        gift.ended_at = from_stripe(ended) if ended is not None else said_at
        gift.end_reason = _END_REASONS.get((details and details.reason) or "", EndReason.AT_STRIPE)
        gift.status = MonthlyStatus.ENDED


def _take_snapshot(gift: MonthlyGift, subscription: Subscription, said_at: datetime) -> None:
    pause = subscription.pause_collection
    until = from_stripe(pause.resumes_at) if pause is not None and pause.resumes_at is not None else None
    next_at = from_stripe(subscription.period_end) if subscription.period_end is not None else None
    new = _weight(subscription.status, said_at, next_at, pause is not None, until)
    if gift.said_at is not None and gift.stripe_status is not None:
        old = _weight(
            gift.stripe_status, gift.said_at, gift.next_charge_at, gift.is_paused, gift.paused_until
        )
        if new <= old:
            return
    gift.said_at = said_at
    gift.stripe_status = subscription.status
    gift.is_paused, gift.paused_until = pause is not None, until
    gift.next_charge_at = next_at


def _weight(
    status: str, said_at: datetime, next_at: datetime | None, is_paused: bool, until: datetime | None
) -> tuple[object, ...]:
    is_over = status in {"canceled", "incomplete_expired"}
    return (
        is_over,
        said_at,
        next_at or _LONG_AGO,
        _SUBSCRIPTION_RANK[status],
        is_paused,
        until or _LONG_AGO,
    )


def take_invoice(row: MonthlyInvoice, invoice: Invoice, *, said_at: datetime) -> None:
    """An invoice in whatever state: the furthest it has come counts, and of equals the latest."""
    status = invoice.status or "draft"
    if status not in _INVOICE_RANK:
        raise UnknownStatus(f"invoice status {status}")
    new = (_INVOICE_RANK[status], invoice.attempt_count, said_at, invoice.amount_due)
    if row.said_at is not None and new <= (
        _INVOICE_RANK[row.status],
        row.attempts,
        row.said_at,
        row.amount_due or 0,
    ):
        return
    period, paid_at = invoice.period, invoice.status_transitions.paid_at
    next_at = invoice.next_payment_attempt
    row.status = status
    row.said_at = said_at
    row.billing_reason = invoice.billing_reason
    row.currency = invoice.currency
    row.amount_due, row.amount_paid = invoice.amount_due, invoice.amount_paid
    row.attempts = invoice.attempt_count
    row.next_attempt_at = from_stripe(next_at) if next_at is not None else None
    row.period_start = from_stripe(period.start) if period is not None else None
    row.period_end = from_stripe(period.end) if period is not None else None
    row.made_at = from_stripe(invoice.created)
    row.paid_at = from_stripe(paid_at) if paid_at is not None else None


def is_refused(row: MonthlyInvoice) -> bool:
    """Whether a bank has said no to it and the money has not come since."""
    return row.status in {"open", "uncollectible"} and row.refused_attempts > 0


def take_card(card: CardOnFile, given: Card | None, *, said_at: datetime) -> None:
    """A card that a donor gave, or that the bank renewed; without one it is an account at a bank."""
    brand, last4, expires = (given.brand, given.last4, given.expires) if given is not None else (None,) * 3
    if _is_newer((said_at, brand, last4, expires), (card.said_at, card.brand, card.last4, card.expires)):
        card.said_at, card.brand, card.last4, card.expires = said_at, brand, last4, expires


def show_card(gift: MonthlyGift, card: CardOnFile) -> None:
    """The gift is charged to the card its donor gave last."""
    _show(gift, card.brand, card.last4, card.expires, card.said_at)


def show_charged_card(gift: MonthlyGift, charge: Charge) -> None:
    """The card that paid an instalment, unless the donor gave another one since."""
    if charge.status == "succeeded":
        _show(gift, charge.card_brand, charge.last4, charge.card_expires, charge.charged_at)


_Said = tuple[datetime, str | None, str | None, str | None]


def _show(gift: MonthlyGift, brand: str | None, last4: str | None, expires: str | None, at: datetime) -> None:
    shown = (gift.card_said_at, gift.card_brand, gift.card_last4, gift.card_expires)
    if _is_newer((at, brand, last4, expires), shown):
        gift.card_said_at, gift.card_brand, gift.card_last4, gift.card_expires = at, brand, last4, expires


def _is_newer(said: _Said, known: tuple[datetime | None, str | None, str | None, str | None]) -> bool:
    at, *words = said
    before, *known_words = known
    if before is None:
        return True
    return (at, [word or "" for word in words]) > (before, [word or "" for word in known_words])


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalments:
    """What the invoices of a promise say of it, all taken together."""

    has_paid: bool = False
    is_newest_paid: bool = False
    is_newest_refused: bool = False


def standing(gift: MonthlyGift, instalments: Instalments, *, first: DonationStatus | None) -> MonthlyStatus:
    """Where a monthly gift stands, from nothing but the facts. `first` is its first instalment, which the
    donor went to Stripe to pay."""
    if gift.ended_at is not None:
        return MonthlyStatus.ENDED
    if not instalments.has_paid and first in {DonationStatus.EXPIRED, DonationStatus.FAILED}:
        return MonthlyStatus.NEVER_STARTED
    if gift.stripe_subscription_id is None:
        return MonthlyStatus.PENDING
    return _standing_of_begun(gift, instalments)


def _standing_of_begun(gift: MonthlyGift, instalments: Instalments) -> MonthlyStatus:
    if gift.lapsed_at is not None:
        return MonthlyStatus.LAPSED
    if gift.is_paused:
        return MonthlyStatus.PAUSED
    is_overdue = gift.stripe_status in {"past_due", "unpaid"} and not instalments.is_newest_paid
    return MonthlyStatus.BEHIND if instalments.is_newest_refused or is_overdue else MonthlyStatus.ACTIVE
