"""The hands of monthly gifts: take a change that was asked for, ask Stripe, note what it said.

No transaction is open while Stripe thinks. Whatever happens between the asking and the noting, the
row is still there with its key.
"""

import logging
import time

from payments.clock import from_stripe, now
from payments.database import transaction
from payments.errors import StripeRefused, StripeUnavailable
from payments.jobs import Bell, celery
from payments.monthly import complaints, days, late_money, submission
from payments.monthly.models import ChangeKind
from payments.monthly.submission import Taken
from payments.stripe_gateway.billing import Billing, InvoiceAnswer
from payments.stripe_gateway.client import gateway
from payments.stripe_gateway.speaking import KEY_REFUSED

log = logging.getLogger(__name__)

_WORK_FOR_SECONDS = 30


@celery().task(name=Bell.SUBMIT_MONTHLY_CHANGES.value)
def submit_changes() -> None:
    """Submit one after the other until nothing is due."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    with transaction() as session:
        submission.close_those_never_begun(session)
        taken = submission.take(session)
    while taken is not None and _submit(taken) and time.monotonic() < until:
        with transaction() as session:
            taken = submission.take(session)


@celery().task(name=Bell.GIVE_BACK_AFTER_END.value)
def give_back_after_end() -> None:
    """Ask for the refund of whatever was taken after a gift had ended, or while it was to rest."""
    with transaction() as session:
        found = late_money.taken_late(session)
    for late in found:
        with transaction() as session:
            late_money.give_back(session, late)


@celery().task(name=Bell.END_DISPUTED.value)
def end_disputed() -> None:
    """End the gifts whose banks have taken an instalment back, or suspect fraud."""
    with transaction() as session:
        found = complaints.unanswered(session)
    for complaint in found:
        with transaction() as session:
            complaints.answer(session, complaint)


def _submit(taken: Taken) -> bool:
    """False when there is no use in asking Stripe anything more just now."""
    try:
        _ask_stripe(taken)
    except StripeUnavailable:
        with transaction() as session:
            submission.note_later(session, taken.change_id)
        return False
    except StripeRefused as refusal:
        if refusal.code == KEY_REFUSED:
            # The key is wrong, not the change: it waits until somebody has mended the key.
            with transaction() as session:
                submission.note_later(session, taken.change_id)
            return False
        return _refused(taken, refusal)
    return True


def _ask_stripe(taken: Taken) -> None:
    billing = gateway().billing
    subscription_id = taken.stripe_subscription_id
    if taken.kind is ChangeKind.CHANGE_DAY:
        _move(billing, taken)
        return
    if taken.kind is ChangeKind.CANCEL:
        _end(billing, taken)
    elif taken.kind is ChangeKind.RESUME:
        billing.resume(subscription_id, key=taken.key)
    elif taken.paused_until is not None:
        billing.pause(subscription_id, until=taken.paused_until, key=taken.key)
    elif taken.monthly is not None:
        billing.change_amount(subscription_id, monthly=taken.monthly, key=taken.key)
    with transaction() as session:
        submission.note_done(session, taken.change_id)


def _end(billing: Billing, taken: Taken) -> None:
    """Stop it, and see to it that no invoice of before can be collected or paid any more."""
    by = "the donor" if taken.by_donor else "the charity"
    billing.cancel(taken.stripe_subscription_id, comment=f"ended by {by}, {taken.change_id}")
    for status in ("draft", "open"):
        for invoice in billing.invoices_of(taken.stripe_subscription_id, status=status):
            _void(billing, invoice, key=f"{taken.key}:{invoice.id}")


def _void(billing: Billing, invoice: InvoiceAnswer, *, key: str) -> None:
    try:
        if invoice.status == "draft":
            # A draft cannot be voided, and left alone Stripe would collect it within the hour.
            billing.finalize(invoice.id, key=f"{key}:finalize")
        billing.void(invoice.id, key=f"{key}:void")
    except StripeRefused as refusal:
        if refusal.code == KEY_REFUSED:
            raise
        # A payment is under way or has just arrived. If it was asked for after the end, it goes back.
        log.warning("invoice not voided", extra={"stripe_invoice_id": invoice.id, "code": refusal.code})


def _move(billing: Billing, taken: Taken) -> None:
    if taken.day is None:
        return
    subscription = billing.subscription(taken.stripe_subscription_id)
    move = days.move(
        day=taken.day,
        anchor=from_stripe(subscription.billing_cycle_anchor),
        next_charge_at=subscription.next_charge_at,
        time_zone=taken.time_zone,
        at=now(),
    )
    if move.charge_at is not None:
        # The instant is part of the key: taken up again next month, it is another deed.
        key = f"{taken.key}:{move.charge_at:%Y-%m-%d}"
        billing.charge_next_at(taken.stripe_subscription_id, instant=move.charge_at, key=key)
    next_charge_at = move.charge_at or subscription.next_charge_at
    with transaction() as session:
        if move.is_whole:
            submission.note_done(session, taken.change_id, next_charge_at=next_charge_at)
        else:
            submission.note_waits(session, taken.change_id, next_charge_at=next_charge_at)


def _refused(taken: Taken, refusal: StripeRefused) -> bool:
    """A subscription that is over takes no change, and that is nobody's mistake."""
    try:
        is_over = gateway().billing.subscription(taken.stripe_subscription_id).is_over
    except StripeUnavailable:
        with transaction() as session:
            submission.note_later(session, taken.change_id)
        return False
    except StripeRefused:
        is_over = False
    with transaction() as session:
        if is_over and taken.kind is not ChangeKind.CANCEL:
            submission.note_overtaken(session, taken.change_id)
        else:
            log.warning("change refused", extra={"change": taken.change_id, "code": refusal.code})
            submission.note_refused(session, taken.change_id, refusal.code)
    return True
