"""The third side's hands: ask Stripe what payouts carry, and go the round over gifts, Stripe and the bank.

No transaction is open while Stripe thinks. What was read stands in the inbox; a lost answer is asked for
again within the hour. A round is one transaction: broken off, it has not been.
"""

import time
from datetime import timedelta

import structlog
from sqlalchemy.exc import OperationalError

from payments.clock import now
from payments.database import transaction
from payments.donations.organisation import OrganisationNotLoaded
from payments.errors import StripeRefused, StripeUnavailable
from payments.jobs import Bell, celery
from payments.ledger import sums
from payments.reconciliation import payouts, stripe_balance
from payments.reconciliation import reconcile as rounds
from payments.stripe_gateway.client import gateway
from payments.stripe_gateway.speaking import KEY_REFUSED
from payments.webhooks import fetch_payouts as fetching
from payments.webhooks import sweep
from workers.webhooks import with_their_invoices

log = structlog.stdlib.get_logger(__name__)

_WORK_FOR_SECONDS = 40
_ROUND_SECONDS = 310
"""A round over millions of movements takes its time, and so does the list of a payout, which counts only when
it was read to its end. The broker does not deliver the bell again before."""
_ROUND_ENDS = _ROUND_SECONDS + 20


@celery().task(name=Bell.FETCH_PAYOUTS.value, soft_time_limit=_ROUND_SECONDS, time_limit=_ROUND_ENDS)
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
                    sweep.store_page(session, page)
        except StripeUnavailable:
            _put_off(due[place:], timedelta(minutes=1))
            return
        except StripeRefused as refusal:
            if refusal.code == KEY_REFUSED:
                # The key is wrong, not the payouts: they wait until somebody has mended the key.
                _put_off(due[place:], timedelta(minutes=1))
                return
            _put_off([each], timedelta(days=1))


@celery().task(name=Bell.RECONCILE.value, soft_time_limit=_ROUND_SECONDS, time_limit=_ROUND_ENDS)
def reconcile() -> None:
    """Match what is certain and keep the queue of exceptions, unless somebody has just done so."""
    try:
        with transaction() as session:
            done = rounds.reconcile_if_due(session)
    except OrganisationNotLoaded:
        return
    if done is not None:
        log.info(
            "reconciled",
            matched=len(done.matched),
            opened=done.opened,
            gone=done.gone,
            open=len(done.open),
            blocks_close=done.blocks_close,
        )


@celery().task(name=Bell.SUM_UP.value, soft_time_limit=_ROUND_SECONDS, time_limit=_ROUND_ENDS)
def sum_up() -> None:
    """Sum up what was posted, so that no page adds up years; where people post without a pause, later."""
    try:
        with transaction() as session:
            through = sums.settled(session)
    except OperationalError:
        return
    reached = 0
    while through is not None and reached < through:
        with transaction() as session:
            reached = sums.sum_up(session, through)


@celery().task(name=Bell.ASK_FOR_BALANCE.value)
def ask_for_balance() -> None:
    """Ask Stripe what it holds. Nothing waits for it; the timetable asks again."""
    asked_at = now()
    try:
        said = gateway().balance()
    except (StripeUnavailable, StripeRefused):
        return
    with transaction() as session:
        stripe_balance.note(session, said, asked_at=asked_at)


def _put_off(due: list[payouts.Due], pause: timedelta) -> None:
    with transaction() as session:
        for each in due:
            payouts.ask_later(session, each.stripe_payout_id, pause=pause)
