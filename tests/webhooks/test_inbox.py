"""Storing: once, whole, and with a place in the queue only for what is fresh and to be acted on."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.webhooks import inbox
from payments.webhooks.inbox import Delivery
from payments.webhooks.models import QueuedEvent, StripeEvent
from tests.journeys.stripe_history import delivery_of, stripe_world
from tests.webhooks.conftest import an_event


def deliveries(*numbers: int) -> list[Delivery]:
    return [delivery_of(an_event(f"evt_{number:03}")) for number in numbers]


def queue(session: Session) -> list[str]:
    return list(session.scalars(select(QueuedEvent.stripe_event_id).order_by(QueuedEvent.stripe_event_id)))


def test_only_what_is_new_is_counted_and_queued(database: str, session: Session):
    first = inbox.store(session, deliveries(1, 2))
    session.execute(text("delete from stripe_event_queue"))

    again = inbox.store(session, deliveries(1, 2, 3))

    assert (first, again) == (2, 1)
    assert queue(session) == ["evt_003"]


def test_an_empty_page_is_nothing(database: str, session: Session):
    assert inbox.store(session, []) == 0


def test_the_same_event_twice_in_one_batch_is_one_row(database: str, session: Session):
    assert inbox.store(session, [*deliveries(1), *deliveries(1)]) == 1
    assert queue(session) == ["evt_001"]


def test_a_batch_is_written_in_the_order_of_its_ids():
    ids = inbox.parameters(deliveries(3, 1, 2))[0]

    assert ids == ["evt_001", "evt_002", "evt_003"]


def test_two_batches_that_race_in_opposite_orders_both_get_through(database: str):
    with transaction() as one:
        inbox.store(one, deliveries(1, 2, 3))
        with transaction() as other:
            other.execute(text("set local lock_timeout = '100ms'"))
            assert inbox.store(other, deliveries(9, 8)) == 2


def test_an_ignored_type_is_kept_without_a_place_in_the_queue(database: str, session: Session):
    inbox.store(session, [delivery_of(an_event("evt_1", "invoice.upcoming"))])

    assert session.scalars(select(StripeEvent.type)).all() == ["invoice.upcoming"]
    assert queue(session) == []


def test_a_fetched_balance_transaction_is_kept_under_its_own_id(database: str, session: Session):
    with stripe_world() as stripe:
        stripe.pays(stripe.opens("don_1", 2500))
        stripe.settles()
        [fetched] = stripe.balance_transactions()

    inbox.store(session, [fetched, replace(fetched, body=b"{}")])

    assert fetched.stripe_event_id == f"fetched:{fetched.object_id}"
    assert fetched.source == "fetch"
    assert queue(session) == [fetched.stripe_event_id]


@pytest.mark.parametrize(
    "rewrite", ["update stripe_events set type = 'x'", "delete from stripe_events", "truncate stripe_events"]
)
def test_what_stripe_said_can_never_be_rewritten(database: str, session: Session, rewrite: str):
    inbox.store(session, deliveries(1))

    with pytest.raises(ProgrammingError), session.begin_nested():
        session.execute(text(rewrite))
