"""Faults with a name: each happened to somebody, and each has its test."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import OperationalError

from payments.app import create_app
from payments.clock import now
from payments.database import transaction
from payments.donations.checkout import find
from payments.mail import outbox
from payments.webhooks import inbox, process
from payments.webhooks.inbox import Delivery
from tests.conftest import as_owner
from tests.faults.stage import Stage
from tests.faults.test_crash_of_the_doors import a_delivery
from workers.receipts import issue_receipts
from workers.webhooks import apply_events, sweep_events

DatabaseAway = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def database_away(stage: Stage, postgres: str, _owner_of_own_database: Connection) -> DatabaseAway:
    """The database of this test ends all conversations and begins none, as at a crash or a failover;
    only those of the tests themselves are spared."""
    name = make_url(stage.database).database
    spared = [stage.count("select pg_backend_pid()")]
    spared.append(_owner_of_own_database.scalar(text("select pg_backend_pid()")))

    @contextmanager
    def away() -> Iterator[None]:
        with as_owner(postgres) as server:
            server.exec_driver_sql(f"alter database {name} allow_connections false")
            try:
                server.execute(
                    text(
                        "select pg_terminate_backend(pid) from pg_stat_activity "
                        "where datname = :name and pid <> all(:spared)"
                    ),
                    {"name": name, "spared": spared},
                )
                yield
            finally:
                server.exec_driver_sql(f"alter database {name} allow_connections true")

    return away


def deliver(door: TestClient, event: dict[str, object]) -> tuple[int, str | None]:
    """Send it once, as Stripe does."""
    request = a_delivery(event)
    answer = door.post(request["path"], content=request["body"], headers=request["headers"])
    return answer.status_code, answer.headers.get("retry-after")


def test_while_the_database_is_away_stripe_is_asked_to_come_again(stage: Stage, database_away: DatabaseAway):
    stage.give(key="first-gift")
    first, second, *_ = [e for e in stage.stripe.listed("events") if e["type"].startswith("charge.")]
    with TestClient(create_app()) as door:
        assert deliver(door, first)[0] == 200

        with database_away():
            answers = [deliver(door, second) for _ in range(2)]
        afterwards = deliver(door, second)

    assert answers == [(503, "5"), (503, "5")]
    assert afterwards == (200, None)
    assert stage.count("select count(*) from stripe_events") == 2


def test_workers_go_on_by_themselves_when_the_database_is_back(stage: Stage, database_away: DatabaseAway):
    stage.give(key="first-gift")
    sweep_events()
    with database_away(), pytest.raises(OperationalError):
        apply_events()

    stage.finish()

    assert stage.findings_at_rest() == []
    assert stage.count("select count(*) from receipts") == 1


def test_a_mail_sender_that_was_frozen_cannot_undo_what_its_successor_did(stage: Stage):
    with transaction() as session:
        outbox.put(session, reference="news:1", to_address="a@example.com", message_id="<1@x>", message=b"")
    with transaction() as session:
        frozen = outbox.take(session)
    stage.let_time_pass()
    with transaction() as session:
        successor = outbox.take(session)
    assert frozen is not None
    assert successor is not None

    with transaction() as session:
        outbox.note_refused(session, frozen, "550")
        outbox.note_delayed(session, frozen, "451")
    still_held = stage.count(
        "select count(*) from outgoing_mails where status = 'queued' and lease is not null"
    )
    with transaction() as session:
        outbox.note_sent(session, successor)
        outbox.note_delayed(session, frozen, "451")
        outbox.note_refused(session, frozen, "550")

    assert still_held == 1
    assert stage.count("select count(*) from outgoing_mails where status = 'sent' and lease is null") == 1


def test_a_mail_that_a_frozen_sender_delivered_after_all_is_not_sent_again(stage: Stage):
    with transaction() as session:
        outbox.put(session, reference="news:1", to_address="a@example.com", message_id="<1@x>", message=b"")
    with transaction() as session:
        frozen = outbox.take(session)
    stage.let_time_pass()
    with transaction() as session:
        successor = outbox.take(session)
    assert frozen is not None
    assert successor is not None

    with transaction() as session:
        outbox.note_sent(session, frozen)
        outbox.note_delayed(session, successor, "451")
    stage.let_time_pass()

    with transaction() as session:
        assert outbox.take(session) is None
    assert stage.count("select count(*) from outgoing_mails where status = 'sent'") == 1


def test_an_event_in_one_workers_hands_is_passed_over_by_the_next(stage: Stage):
    stage.give(key="first-gift")
    sweep_events()
    waiting = stage.count("select count(*) from stripe_event_queue")

    with transaction() as one:
        mine = process.apply_due(one)
        with transaction() as other:
            theirs = process.apply_due(other)

    assert (mine.done, theirs.claimed) == (waiting, 0)
    stage.finish()
    assert stage.findings_at_rest() == []


def test_workers_that_share_the_events_of_the_same_gifts_apply_each_once(stage: Stage):
    for number in range(4):
        stage.give(key=f"gift-of-{number}")
    sweep_events()
    waiting = stage.count("select count(*) from stripe_event_queue")

    def work() -> int:
        done = 0
        while True:
            with transaction() as session:
                applied = process.apply_due(session, limit=2)
            done += applied.done
            if not applied.claimed:
                return done

    with ThreadPoolExecutor(4) as workers:
        done = sum(worker.result(timeout=30) for worker in [workers.submit(work) for _ in range(4)])

    assert done == waiting
    stage.finish()
    assert stage.findings_at_rest() == []


def test_duplicate_batches_racing_in_opposite_order_neither_deadlock_nor_double(stage: Stage):
    def batch(round_: int) -> list[Delivery]:
        return [
            Delivery(
                stripe_event_id=f"evt_{round_}_{number}",
                source="webhook",
                type="charge.succeeded",
                object_id=f"ch_{number}",
                account=None,
                is_live=False,
                api_version="x",
                created=1_790_000_000,
                body=b"{}",
            )
            for number in range(60)
        ]

    def store(round_: int, backwards: bool, together: threading.Barrier) -> int:
        deliveries = batch(round_)
        together.wait(timeout=10)
        with transaction() as session:
            return inbox.store(session, deliveries[::-1] if backwards else deliveries)

    with ThreadPoolExecutor(4) as racers:
        for round_ in range(8):
            together = threading.Barrier(4)
            racing = [racers.submit(store, round_, bool(number % 2), together) for number in range(4)]
            assert sum(race.result(timeout=20) for race in racing) == 60

    assert stage.count("select count(*) from stripe_events") == 8 * 60
    assert stage.count("select count(*) from stripe_event_queue") == 8 * 60


def test_a_gift_locked_for_too_long_waits_and_holds_up_no_other(stage: Stage):
    locked, free = stage.give(key="locked-gift"), stage.give(key="other-gift")
    sweep_events()
    waiting = stage.count("select count(*) from stripe_event_queue")

    with transaction() as somebody:
        somebody.execute(text("select from donations where id = :id for update"), {"id": locked})
        with transaction() as session:
            session.execute(text("set local lock_timeout = '100ms'"))
            applied = process.apply_due(session)

    assert applied.done + applied.delayed == waiting
    assert applied.delayed >= 2
    assert applied.parked == 0
    with transaction() as session:
        assert find(session, free).status == "paid"
        assert find(session, locked).status == "pending"
    stage.finish()
    assert stage.findings_at_rest() == []


def test_a_receipt_that_waited_for_its_number_is_dated_after_the_one_before(stage: Stage):
    for key in ("gift-before", "gift-after"):
        stage.give(key=key)
    sweep_events()
    apply_events()

    with ThreadPoolExecutor(1) as second:
        with transaction() as first:
            first.execute(
                text(
                    "insert into receipt_counters (series, tax_year, last_number) select "
                    "receipt_series, extract(year from gift_date), 0 from donations "
                    "join issuing_entities on issuing_entities.id = entity_id limit 1"
                )
            )
            numbering = second.submit(issue_receipts)
            stage.wait_for(
                "select count(*) from pg_stat_activity "
                "where wait_event_type = 'Lock' and datname = current_database()"
            )
            released = now()
        numbering.result(timeout=20)

    with transaction() as session:
        earliest = session.scalar(text("select min(issued_at) from receipts"))
    assert earliest is not None
    assert earliest > released
    assert stage.findings_now() == []
