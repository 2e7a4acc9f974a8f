"""The hands of erasures: Stripe asked to forget a customer, what came late redacted, what was held let go."""

import logging
import time

from payments.database import transaction
from payments.errors import StripeRefused, StripeUnavailable
from payments.jobs import Bell, celery
from payments.privacy import customers, late, releasing
from payments.stripe_gateway.client import gateway

log = logging.getLogger(__name__)

_WORK_FOR_SECONDS = 30


@celery().task(name=Bell.DELETE_CUSTOMERS.value)
def delete_customers() -> None:
    """One after the other until none is due. No transaction is open while Stripe thinks."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            customer = customers.take(session)
        if customer is None or not _delete(customer):
            return


@celery().task(name=Bell.ERASE_LATE.value)
def erase_late() -> None:
    """Redact what Stripe said since of somebody who was erased."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            if late.erase_late(session):
                return


@celery().task(name=Bell.RELEASE_HOLDS.value)
def release_holds() -> None:
    """Erase what the law kept until yesterday."""
    until = time.monotonic() + _WORK_FOR_SECONDS
    while time.monotonic() < until:
        with transaction() as session:
            if releasing.release(session) < releasing.BATCH:
                return


def _delete(customer: str) -> bool:
    """False when there is no use in asking Stripe for another just now."""
    try:
        gateway().billing.delete_customer(customer)
    except (StripeUnavailable, StripeRefused) as trouble:
        log.warning("customer not deleted", extra={"trouble": type(trouble).__name__})
        with transaction() as session:
            customers.note_not_done(session, customer, str(trouble))
        return isinstance(trouble, StripeRefused)
    with transaction() as session:
        customers.note_done(session, customer)
    return True
