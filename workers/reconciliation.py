"""The third side's hands: ask Stripe what payouts carry.

No transaction is open while Stripe thinks. What was read stands in the inbox; a lost answer is asked for
again within the hour.
"""

import time
from datetime import timedelta

from payments.database import transaction
from payments.errors import StripeRefused, StripeUnavailable
from payments.jobs import Bell, celery
from payments.reconciliation import payouts
from payments.stripe_gateway.client import gateway
from payments.webhooks import fetch_payouts as fetching
from workers.webhooks import with_their_invoices

_WORK_FOR_SECONDS = 40


@celery().task(name=Bell.FETCH_PAYOUTS.value)
def fetch_payouts() -> None:
    """Ask about every payout that is due."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    with transaction() as session:
        due = payouts.take_due(session)
    for place, each in enumerate(due):
        if time.monotonic() > until:
            _put_off(due[place:], timedelta(0))
            return
        try:
            for page in fetching.answers(gateway(), each, completed=with_their_invoices):
                with transaction() as session:
                    fetching.store(session, page)
        except StripeUnavailable:
            _put_off(due[place:], timedelta(minutes=1))
            return
        except StripeRefused:
            _put_off([each], timedelta(days=1))


def _put_off(due: list[payouts.Due], pause: timedelta) -> None:
    with transaction() as session:
        for each in due:
            payouts.ask_later(session, each.stripe_payout_id, pause=pause)
