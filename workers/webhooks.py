"""The inbox's hands: apply what is due, and read from Stripe what never came."""

import time
from datetime import datetime, timedelta
from functools import partial

from payments.clock import now
from payments.database import transaction
from payments.jobs import Bell, celery
from payments.stripe_gateway.client import gateway
from payments.webhooks import inbox, process, silence, sweep
from payments.webhooks.adopting import adopting

_EARLIER_AT_ONCE = 20
_WORK_FOR_SECONDS = 40
"""Below the task's time limit; what is left is there at the next bell."""


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
        answers = ask()
        with transaction() as session:
            silence.store(session, answers)


def _claim(name: str, at_most_every: timedelta) -> datetime | None:
    with transaction() as session:
        return sweep.claim(session, name, at_most_every=at_most_every)


def read_list(name: str, *, at_most_every: timedelta) -> bool:
    """Put what Stripe lists since the last reading into the inbox; whether it was this caller's turn."""
    created_from = _claim(name, at_most_every)
    if created_from is None:
        return False
    began = now()
    newest = 0
    for page in sweep.pages(gateway(), name, created_from=created_from):
        asked = with_their_invoices(page) if name == sweep.BALANCE_TRANSACTIONS else page
        found = sweep.deliveries(name, asked)
        with transaction() as session:
            sweep.store_page(session, found)
        newest = max(newest, *(delivery.created for delivery in found), 0)
    with transaction() as session:
        sweep.note_read(session, name, up_to=min(newest, int(began.timestamp())))
    return True


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
