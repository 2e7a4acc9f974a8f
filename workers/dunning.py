"""The hands that look after refused instalments: take a step, ask Stripe, note what it said.

No transaction is open while Stripe thinks. Whatever happens between the asking and the noting, the row is
still there with its key.
"""

import logging
import time

from payments.database import transaction
from payments.errors import StripeRefused, StripeUnavailable
from payments.jobs import Bell, celery
from payments.monthly import dunning, notices, tries
from payments.monthly.dunning import Refused
from payments.monthly.tries import NewMethod, RefusalStatus, Step
from payments.stripe_gateway.billing import Billing, InvoiceAnswer, TryOutcome
from payments.stripe_gateway.client import gateway
from payments.stripe_gateway.speaking import KEY_REFUSED

log = logging.getLogger(__name__)

_WORK_FOR_SECONDS = 30


@celery().task(name=Bell.FOLLOW_REFUSALS.value)
def follow_refusals() -> None:
    """New cards first, then one step after the other until nothing is due."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    step = None
    while time.monotonic() < until:
        with transaction() as session:
            method = tries.take_new_method(session)
            if method is None:
                step = tries.take(session)
        if method is None:
            break
        if not _use(method):
            return
    while step is not None and _follow(step) and time.monotonic() < until:
        with transaction() as session:
            step = tries.take(session)


@celery().task(name=Bell.SEND_NOTICES.value)
def send_notices() -> None:
    """Tell donors beforehand what is coming, a page of them at a time."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            if notices.tell_due(session) < notices.PAGE:
                return


def _use(method: NewMethod) -> bool:
    """False when there is no use in asking Stripe anything more just now."""
    try:
        gateway().billing.charge_the_new_card(method.stripe_subscription_id, key=method.key)
    except StripeUnavailable:
        with transaction() as session:
            tries.put_off_new_method(session, method)
        return False
    except StripeRefused as refusal:
        with transaction() as session:
            if refusal.code == KEY_REFUSED:
                tries.put_off_new_method(session, method)
                return False
            log.warning("new method refused", extra={"monthly_gift_id": method.monthly_gift_id})
            dunning.note_method_in_use(session, method, is_refused=True)
        return True
    with transaction() as session:
        dunning.note_method_in_use(session, method)
    return True


def _follow(step: Step) -> bool:
    """False when there is no use in asking Stripe anything more just now."""
    try:
        _ask_stripe(gateway().billing, step)
    except StripeUnavailable:
        with transaction() as session:
            tries.put_off(session, step)
        return False
    except StripeRefused as refusal:
        # Our key is wrong, or Stripe would not: either way a person looks, and it is asked again.
        log.warning("step refused", extra={"stripe_invoice_id": step.stripe_invoice_id, "code": refusal.code})
        with transaction() as session:
            tries.put_off(session, step)
        return refusal.code != KEY_REFUSED
    return True


def _ask_stripe(billing: Billing, step: Step) -> None:
    match step.status:
        case RefusalStatus.HEARD:
            _read_reason(billing, step)
        case RefusalStatus.TO_TRY:
            _try_again(billing, step)
        case RefusalStatus.WITH_DONOR:
            with transaction() as session:
                dunning.note_waited_in_vain(session, step)
        case RefusalStatus.TO_VOID:
            _void(billing, step)
            _over(step)
        case RefusalStatus.LAPSING:
            _void(billing, step)
            billing.pause(step.stripe_subscription_id, until=None, key=step.key)
            _over(step)
        case RefusalStatus.RETURNING:
            billing.resume(step.stripe_subscription_id, key=step.key)
            _over(step)
        case RefusalStatus.UNDER_WAY | RefusalStatus.OVER:
            return


def _read_reason(billing: Billing, step: Step) -> None:
    """Leave the tries to us before anything is promised to the donor."""
    invoice = billing.invoice(step.stripe_invoice_id)
    if invoice.status != "open":
        _over(step)
        return
    if invoice.auto_advance:
        billing.leave_to_us(step.stripe_invoice_id, key=f"{step.key}:leave")
    why = _why(billing, invoice)
    with transaction() as session:
        dunning.note_reason(session, step, why, confirm_url=invoice.hosted_invoice_url)


def _try_again(billing: Billing, step: Step) -> None:
    try:
        made = billing.pay_again(step.stripe_invoice_id, key=step.key)
    except StripeRefused as refusal:
        if refusal.code == KEY_REFUSED:
            raise
        invoice = billing.invoice(step.stripe_invoice_id)
        if invoice.status != "open":
            _over(step)
            return
        # Nothing to charge, such as a card that was taken away: for the donor to mend.
        with transaction() as session:
            why = Refused(code="payment_method_not_available")
            dunning.note_refused_again(session, step, why, confirm_url=invoice.hosted_invoice_url)
        return
    if made.outcome is TryOutcome.PAID:
        _over(step)
        return
    if made.outcome is TryOutcome.UNDER_WAY:
        with transaction() as session:
            dunning.note_under_way(session, step)
        return
    invoice = billing.invoice(step.stripe_invoice_id)
    why = _why(billing, invoice)
    why = Refused(code=made.decline_code, advice=made.advice_code, method=why.method)
    with transaction() as session:
        dunning.note_refused_again(session, step, why, confirm_url=invoice.hosted_invoice_url)


def _why(billing: Billing, invoice: InvoiceAnswer) -> Refused:
    if invoice.stripe_payment_intent_id is None:
        return Refused(code=None)
    said = billing.why_refused(invoice.stripe_payment_intent_id)
    return Refused(code=said.decline_code, advice=said.advice_code, method=said.method)


def _void(billing: Billing, step: Step) -> None:
    """Take the instalment back, unless a payment of it is under way or has just arrived."""
    try:
        billing.void(step.stripe_invoice_id, key=f"{step.key}:void")
    except StripeRefused as refusal:
        if refusal.code == KEY_REFUSED:
            raise
        log.warning(
            "invoice not voided", extra={"stripe_invoice_id": step.stripe_invoice_id, "code": refusal.code}
        )


def _over(step: Step) -> None:
    with transaction() as session:
        dunning.note_over(session, step)
