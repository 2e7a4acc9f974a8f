"""The inbox's hands: apply what is due, and read from Stripe what never came."""

import logging
import time
from datetime import datetime, timedelta
from functools import partial

from payments.clock import from_stripe, now
from payments.database import transaction
from payments.errors import StripeRefused
from payments.jobs import Bell, celery
from payments.stripe_gateway.client import gateway
from payments.stripe_gateway.speaking import KEY_REFUSED
from payments.webhooks import inbox, process, silence, sweep
from payments.webhooks.adopting import adopting

log = logging.getLogger(__name__)

_EARLIER_AT_ONCE = 20
_WORK_FOR_SECONDS = 40
"""Below the task's time limit; what is left is there at the next bell."""
_PAGES_AT_ONCE = 50
"""Of a list from its newest end. Of the older ones there may be any number."""
_SHORTEST_STRETCH = timedelta(minutes=1)
_SHORT_LIST = 10
"""Pages. After a stretch of fewer the next one is twice as long."""


@celery().task(name=Bell.APPLY_EVENTS.value)
def apply_events() -> None:
    """Apply batch after batch until nothing is due."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            applied = process.apply_due(session)
        if applied.claimed < process.BATCH:
            return


@celery().task(name=Bell.PULL_BALANCE_TRANSACTIONS.value)
def pull_balance_transactions() -> None:
    """Fetch the balance transactions since the last reading: one call for a hundred gifts."""
    pause = timedelta(seconds=1)
    if not read_list(sweep.BALANCE_TRANSACTIONS, at_most_every=pause):
        # Somebody read the list a moment before this bell; what the bell is about may be newer.
        time.sleep(pause.total_seconds())
        read_list(sweep.BALANCE_TRANSACTIONS, at_most_every=pause)
    ask_about_earlier_charges()


@celery().task(name=Bell.SWEEP_EVENTS.value)
def sweep_events() -> None:
    """Fetch the events since the last reading: most came as webhooks, the lost ones did not."""
    read_list(sweep.EVENTS, at_most_every=timedelta(seconds=60))
    with transaction() as session:
        sweep.expire_unopened(session)


@celery().task(name=Bell.ASK_ABOUT_SILENCE.value)
def ask_about_silence() -> None:
    """Ask Stripe about monthly gifts of which we should have heard."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    with transaction() as session:
        subscriptions = silence.silent_subscriptions(session)
        invoices = silence.untied_invoices(session)
    billing = gateway().billing
    questions = [
        *(partial(silence.of_subscription, billing, each) for each in subscriptions),
        *(partial(silence.of_invoice, billing, each) for each in invoices),
    ]
    for ask in questions:
        if time.monotonic() > until:
            return
        try:
            answers = ask()
        except StripeRefused as refusal:
            if refusal.code == KEY_REFUSED:
                raise
            # One that Stripe does not know must not stand before all others.
            log.warning("no answer about silence", extra={"about": ask.args[1], "code": refusal.code})
            continue
        with transaction() as session:
            silence.store(session, answers)


def _claim(name: str, at_most_every: timedelta) -> datetime | None:
    with transaction() as session:
        return sweep.claim(session, name, at_most_every=at_most_every)


def read_list(name: str, *, at_most_every: timedelta, until: datetime | None = None) -> bool:
    """Put what Stripe lists since the last reading into the inbox, or what of it was created before `until`;
    whether it was this caller's turn.

    Stripe begins with the newest. After a stoppage there may be more than there is time for, and whoever
    began at that end each time would never come to the oldest: what some pages leave over is read from the
    other end.
    """
    created_from = _claim(name, at_most_every)
    if created_from is None:
        return False
    half_time = time.monotonic() + _WORK_FOR_SECONDS / 2
    began = now()
    newest = 0
    pages = sweep.pages(gateway(), name, created_from=created_from, created_before=until)
    for number, page in enumerate(pages, start=1):
        _keep(name, page)
        newest = max(newest, int(page[0]["created"]))
        if number >= _PAGES_AT_ONCE or time.monotonic() > half_time:
            left_until = from_stripe(int(page[-1]["created"]) + 1)
            if not _read_from_oldest(name, created_from, left_until):
                return True
            break
    _note_read(name, min(newest, int(began.timestamp())))
    return True


def _read_from_oldest(name: str, begin: datetime, end: datetime) -> bool:
    """Stretch after stretch, the cursor with it; whether the time was enough for all of them."""
    until = time.monotonic() + _WORK_FOR_SECONDS / 2
    stretch = _SHORTEST_STRETCH
    while begin < end:
        stop = min(begin + stretch, end)
        read = 0
        for page in sweep.pages(gateway(), name, created_from=begin, created_before=stop):
            if time.monotonic() > until:
                return False
            _keep(name, page)
            read += 1
        _note_read(name, int(stop.timestamp()))
        begin, stretch = stop, stretch * 2 if read < _SHORT_LIST else _SHORTEST_STRETCH
    return True


def _keep(name: str, page: list[sweep.Fetched]) -> None:
    asked = with_their_invoices(page) if name == sweep.BALANCE_TRANSACTIONS else page
    with transaction() as session:
        sweep.store_page(session, sweep.deliveries(name, asked))


def _note_read(name: str, up_to: int) -> None:
    with transaction() as session:
        sweep.note_read(session, name, up_to=up_to)


def ask_about_earlier_charges() -> None:
    """In an adopted account something of a gift may go back that is older than the book: ask what it was."""
    with transaction() as session:
        charges = adopting.charges_not_known(session)
    for charge in charges[:_EARLIER_AT_ONCE]:
        for page in gateway().pages_of("balance_transactions", {"source": charge, "expand": ["data.source"]}):
            with transaction() as session:
                sweep.store_page(session, [inbox.of_balance_transaction(each) for each in page])


def with_their_invoices(page: list[sweep.Fetched]) -> list[sweep.Fetched]:
    """Ask Stripe about each payment that may be an instalment and is not known as one."""
    with transaction() as session:
        unknown = sweep.payments_without_gift(session, page)
    billing = gateway().billing
    return sweep.with_their_invoices(
        page, {payment: billing.payments_of_intent(payment) for payment in unknown}
    )
