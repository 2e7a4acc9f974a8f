"""Applying the inbox: whole batches, one transaction, and a bad event that harms only itself."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.models import Donation, Organisation
from payments.jobs import OutOfTime
from payments.receipts.models import DueReceipt
from payments.webhooks import inbox, process
from payments.webhooks.inbox import Delivery
from payments.webhooks.models import QueuedEvent, StripeEvent
from payments.webhooks.process import PARK_AFTER, Applied
from tests.factories import a_donation
from tests.interrupted import just_before, time_is_up
from tests.journeys.stripe_history import delivery_of, stripe_world
from tests.webhooks.conftest import an_event


@pytest.fixture
def paid(organisation: Organisation, session: Session) -> list[Delivery]:
    """What Stripe says of three gifts paid by card; nothing of it is stored yet."""
    with stripe_world() as stripe:
        for number in range(3):
            gift = a_donation(session, email=f"donor{number}@example.com")
            stripe.pays(stripe.opens(gift.id, gift.amount))
        stripe.settles()
        session.commit()
        return stripe.history()


def statuses(session: Session) -> list[str]:
    return sorted(session.scalars(select(Donation.status).execution_options(populate_existing=True)))


def a_poison() -> Delivery:
    return delivery_of(an_event("evt_poison", "checkout.session.completed"))


def test_a_batch_is_applied_and_taken_off_the_queue(paid: list[Delivery], session: Session):
    inbox.store(session, paid)

    applied = process.apply_due(session)

    assert applied == Applied(done=len(paid))
    assert statuses(session) == ["paid"] * 3
    assert session.scalars(select(QueuedEvent)).all() == []
    assert len(session.scalars(select(StripeEvent)).all()) == len(paid)


def test_no_more_than_a_batch_is_claimed_and_the_oldest_come_first(paid: list[Delivery], session: Session):
    for delivery in paid:
        inbox.store(session, [delivery])

    applied = process.apply_due(session, limit=4)

    left = session.scalars(select(QueuedEvent.stripe_event_id).order_by(QueuedEvent.place)).all()
    assert applied.claimed == 4
    assert left == [delivery.stripe_event_id for delivery in paid[4:]]


def test_with_nothing_due_nothing_happens(database: str, session: Session):
    assert process.apply_due(session) == Applied()


def test_an_unreadable_event_is_parked_with_the_field_and_the_others_are_applied(
    paid: list[Delivery], session: Session
):
    inbox.store(session, [*paid, a_poison()])

    applied = process.apply_due(session)

    [row] = session.scalars(select(QueuedEvent)).all()
    assert applied == Applied(done=len(paid), parked=1)
    assert str(row.parked_reason).startswith("Event[CheckoutSession]: data.object.")
    assert statuses(session) == ["paid"] * 3


def test_an_event_of_a_gift_we_do_not_have_is_parked_and_the_others_are_applied(
    paid: list[Delivery], session: Session
):
    with stripe_world() as elsewhere:
        elsewhere.expires(elsewhere.opens(f"don_{0:032x}", 2500))
        [stranger] = elsewhere.events()
    inbox.store(session, [*paid, stranger])

    applied = process.apply_due(session)

    [row] = session.scalars(select(QueuedEvent)).all()
    assert applied == Applied(done=len(paid), parked=1)
    assert row.parked_reason == (f"donation don_{0:032x} is named by Stripe but is not in the database")
    assert statuses(session) == ["paid"] * 3


@pytest.fixture
def one_gift_is_locked_out(paid: list[Delivery], owner: Any, session: Session) -> str:
    """A gift that the database refuses to change: what a bug looks like from outside."""
    gift_id = session.scalars(select(Donation.id).order_by(Donation.id)).first()
    assert gift_id is not None
    session.commit()
    owner.execute(
        text(
            "alter table donations add constraint a_bug check "
            f"(id <> '{gift_id}' or status = 'pending') not valid"
        )
    )
    owner.commit()
    return gift_id


@pytest.fixture
def mended(owner: Any):
    yield
    owner.rollback()
    owner.execute(text("alter table donations drop constraint if exists a_bug"))
    owner.commit()


def test_what_fails_for_no_known_reason_is_put_off_longer_and_longer_and_then_parked(
    mended: None, paid: list[Delivery], one_gift_is_locked_out: str, session: Session
):
    inbox.store(session, paid)
    first = process.apply_due(session)
    pauses = []
    for _ in range(PARK_AFTER):
        row = session.execute(
            text("select extract(epoch from max(next_at - now())) from stripe_event_queue")
        ).scalar_one()
        pauses.append(float(row))
        session.execute(update(QueuedEvent).values(next_at=text("now()")))
        process.apply_due(session)

    rows = session.scalars(select(QueuedEvent).execution_options(populate_existing=True)).all()
    assert first.delayed >= 1
    assert first.done + first.delayed == len(paid)
    assert pauses[:7] == sorted(pauses[:7])
    assert pauses[0] == 5
    assert {row.parked_reason for row in rows} == {f"failed {PARK_AFTER} times: IntegrityError"}
    assert statuses(session) == ["paid", "paid", "pending"]


def test_a_reason_never_repeats_what_a_donor_wrote(
    mended: None, paid: list[Delivery], one_gift_is_locked_out: str, session: Session
):
    inbox.store(session, paid)

    process.apply_due(session)

    assert set(session.scalars(select(QueuedEvent.last_error))) == {"IntegrityError"}


def test_a_charge_of_a_status_nobody_knows_is_parked_at_once_in_a_sentence(
    paid: list[Delivery], session: Session
):
    told = next(each for each in paid if each.type == "charge.succeeded")
    strange = json.loads(told.body)
    strange["data"]["object"]["status"] = "frozen"
    inbox.store(session, paid)
    process.apply_due(session)
    inbox.store(session, [replace(told, stripe_event_id="evt_known", body=json.dumps(strange).encode())])
    strange["data"]["object"] |= {"id": "ch_new", "payment_intent": None, "metadata": {}}
    inbox.store(session, [replace(told, stripe_event_id="evt_new", body=json.dumps(strange).encode())])

    applied = process.apply_due(session)

    reasons = set(session.scalars(select(QueuedEvent.parked_reason)))
    assert applied == Applied(parked=2)
    assert reasons == {f"charge {each} has the unknown status frozen" for each in (told.object_id, "ch_new")}


def test_a_worker_whose_time_is_up_blames_no_event_and_the_batch_is_applied_again(
    paid: list[Delivery], session: Session
):
    inbox.store(session, paid)
    session.commit()

    with (
        just_before("insert into journal_moves", time_is_up),
        pytest.raises(OutOfTime),
        transaction() as late,
    ):
        process.apply_due(late)

    rows = session.scalars(select(QueuedEvent)).all()
    assert {(row.attempts, row.last_error, row.parked_reason) for row in rows} == {(0, None, None)}
    assert process.apply_due(session) == Applied(done=len(paid))


def test_two_workers_never_take_the_same_event(paid: list[Delivery], session: Session):
    inbox.store(session, paid)
    session.commit()

    with transaction() as first, transaction() as second:
        one = process.apply_due(first)
        other = process.apply_due(second)

    assert one.done == len(paid)
    assert other == Applied()


def test_many_workers_at_once_end_where_one_would(paid: list[Delivery], session: Session):
    inbox.store(session, paid)
    session.commit()

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(lambda _: apply_everything(), range(6)))

    assert statuses(session) == ["paid"] * 3
    assert session.scalars(select(QueuedEvent)).all() == []
    assert len(session.scalars(select(DueReceipt)).all()) == 3


def apply_everything() -> None:
    while True:
        with transaction() as session:
            if not process.apply_due(session, limit=2).claimed:
                return


def test_a_batch_whose_transaction_is_lost_is_due_again_whole(paid: list[Delivery], session: Session):
    inbox.store(session, paid)
    session.commit()
    process.apply_due(session)
    session.rollback()

    applied = process.apply_due(session)

    assert applied == Applied(done=len(paid))
    assert statuses(session) == ["paid"] * 3


def test_what_was_stored_under_other_settings_is_asked_about_again(
    paid: list[Delivery], session: Session, with_settings: Callable[..., None]
):
    inbox.store(session, paid)
    with_settings(broker_url="memory://", stripe_account="acct_ours")
    foreign = delivery_of(an_event("evt_other", account="acct_ours"))
    inbox.store(session, [foreign])
    with_settings(broker_url="memory://", stripe_account="acct_new")

    process.apply_due(session)

    [row] = session.scalars(select(QueuedEvent)).all()
    assert row.parked_reason == "event of account acct_ours, which is not ours"


def test_a_body_nobody_could_read_stays_parked_when_replayed(database: str, session: Session):
    body = json.dumps({"no": "event"}).encode()
    unread = Delivery(
        stripe_event_id="unread:1",
        source="webhook",
        type=inbox.UNREADABLE,
        object_id=None,
        account=None,
        is_live=False,
        api_version=None,
        created=0,
        body=body,
        parked_reason="no event in it",
    )
    inbox.store(session, [unread])
    session.execute(update(QueuedEvent).values(parked_reason=None, parked_at=None))

    applied = process.apply_due(session)

    assert applied == Applied(parked=1)
    assert "no event was found" in str(session.scalars(select(QueuedEvent.parked_reason)).one())
