"""The refunds' hands: take an approved one, ask Stripe, note what it said.

No transaction is open while Stripe thinks. Whatever happens between the asking and the noting, the
row is still there with its key.
"""

import time

from payments.database import transaction
from payments.donations import refund_submission as submission
from payments.errors import StripeRefused, StripeUnavailable
from payments.jobs import Bell, celery, ring
from payments.stripe_gateway import shapes
from payments.stripe_gateway.client import gateway
from payments.stripe_gateway.speaking import KEY_REFUSED

_WORK_FOR_SECONDS = 30


@celery().task(name=Bell.SUBMIT_REFUNDS.value)
def submit_refunds() -> None:
    """Submit one after the other until nothing is due."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            taken = submission.take(session)
        if taken is None or not _submit(taken):
            return


def _submit(taken: submission.Taken) -> bool:
    """False when there is no use in asking Stripe anything more just now."""
    refund_id = taken.request.refund_id
    try:
        made = _ask_stripe(taken)
    except StripeUnavailable:
        with transaction() as session:
            submission.note_later(session, refund_id)
        return False
    except StripeRefused as refusal:
        with transaction() as session:
            if refusal.code == KEY_REFUSED:
                # The key is wrong, not the refund: it waits until somebody has mended the key.
                submission.note_later(session, refund_id)
                return False
            submission.note_refused(session, refund_id, refusal.code)
    else:
        with transaction() as session:
            submission.note_made(session, refund_id, made)
            ring(session, Bell.PULL_BALANCE_TRANSACTIONS)
    return True


def _ask_stripe(taken: submission.Taken) -> shapes.Refund:
    if not taken.is_key_safe:
        found = gateway().find_refund(taken.request)
        if found is not None:
            return found
    return gateway().refund(taken.request)
