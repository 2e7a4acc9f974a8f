"""The hands: thin tasks that find their work in the database, however often or seldom a bell rings."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from celery.schedules import crontab
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from payments.clock import from_stripe
from payments.database import engine, transaction
from payments.donations.models import Donation, Organisation
from payments.jobs import CELERY_SETTINGS, REDIS_OPTIONS, Bell, WorkerHeartbeat
from payments.receipts.models import Receipt
from payments.webhooks import inbox, process, sweep
from payments.webhooks.models import QueuedEvent, StripeCursor, StripeEvent
from tests.factories import a_donation
from tests.journeys import neighbours
from tests.journeys.neighbours import Stripe
from tests.journeys.stripe_history import stripe_world
from tests.receipts.test_issue import a_paid_gift
from workers import receipts, sweeps, webhooks
from workers.app import app
from workers.schedule import SCHEDULE


@pytest.fixture(autouse=True)
def _bells_that_cost_nothing(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="memory://")


@pytest.fixture(scope="module")
def _sandbox() -> Iterator[Stripe]:
    with neighbours.stripe() as sandbox:
        yield sandbox


@pytest.fixture
def stripe(_sandbox: Stripe, with_settings: Callable[..., None]) -> Stripe:
    _sandbox.forget_everything()
    with_settings(stripe_api_base=_sandbox.url, broker_url="memory://")
    return _sandbox


@pytest.mark.parametrize("bell", list(Bell))
def test_every_bell_has_a_task_that_hears_it_and_a_row_in_the_timetable(bell: Bell):
    app.loader.import_default_modules()

    assert bell.value in app.tasks
    assert bell.value in {row["task"] for row in SCHEDULE.values()}


def test_the_timetable_rings_only_tasks_that_exist_and_its_bells_die_before_the_next():
    app.loader.import_default_modules()

    for row in SCHEDULE.values():
        options = row["options"]
        assert row["task"] in app.tasks
        assert isinstance(options, dict)
        assert not isinstance(row["schedule"], crontab)
        assert options["expires"] <= row["schedule"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("task_acks_late", True),
        ("task_reject_on_worker_lost", True),
        ("worker_prefetch_multiplier", 1),
        ("result_backend", None),
        ("task_ignore_result", True),
        ("enable_utc", True),
    ],
)
def test_celery_is_set_so_that_a_killed_worker_loses_nothing(setting: str, value: object):
    assert CELERY_SETTINGS[setting] == value
    assert getattr(app.conf, setting) == value


@pytest.mark.parametrize("bell", [Bell.FETCH_PAYOUTS, Bell.RECONCILE])
def test_what_counts_only_as_a_whole_has_minutes_and_less_than_until_the_broker_delivers_again(bell: Bell):
    app.loader.import_default_modules()
    task = app.tasks[bell.value]

    assert 300 <= task.soft_time_limit < task.time_limit < REDIS_OPTIONS["visibility_timeout"]


def test_all_that_is_due_is_applied_in_as_many_batches_as_it_takes(organisation: Organisation):
    with stripe_world() as world, transaction() as session:
        gift = a_donation(session)
        world.pays(world.opens(gift.id, gift.amount))
        copies = [
            replace(event, stripe_event_id=f"{event.stripe_event_id}_{number}")
            for event in world.events()
            for number in range(process.BATCH)
        ]
        assert inbox.store(session, copies) == 2 * process.BATCH

    webhooks.apply_events()

    with transaction() as session:
        assert session.scalars(select(Donation.status)).all() == ["paid"]
        assert session.scalars(select(QueuedEvent)).all() == []


def test_hands_with_nothing_to_do_put_themselves_down(database: str):
    began = time.monotonic()

    webhooks.apply_events()
    receipts.issue_receipts()
    receipts.send_mail()

    assert time.monotonic() - began < 5


def test_a_gift_whose_next_news_is_being_applied_gets_its_receipt_a_moment_later(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
):
    with transaction() as session:
        a_paid_gift(session)
    with engine().connect() as elsewhere:
        elsewhere.execute(text("select from donations for update"))
        waited: list[float] = []

        def the_others_finish(moment: float) -> None:
            waited.append(moment)
            elsewhere.commit()

        monkeypatch.setattr(receipts.time, "sleep", the_others_finish)
        receipts.issue_receipts()

    with transaction() as session:
        assert session.scalars(select(Receipt.number)).all() == ["US-2026-000001"]
    assert len(waited) == 1


def test_a_gift_that_stays_held_is_left_to_the_timetable(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
):
    with transaction() as session:
        a_paid_gift(session)
    waited: list[float] = []
    monkeypatch.setattr(receipts.time, "sleep", waited.append)
    with engine().connect() as elsewhere:
        elsewhere.execute(text("select from donations for update"))

        receipts.issue_receipts()

    assert 0 < sum(waited) < 1


def test_a_bell_just_after_a_reading_reads_again_for_what_is_newer(
    organisation: Organisation, stripe: Stripe
):
    webhooks.pull_balance_transactions()
    with transaction() as session:
        first = session.scalars(select(StripeCursor.checked_at)).one()

    webhooks.pull_balance_transactions()

    with transaction() as session:
        second = session.scalars(select(StripeCursor.checked_at)).one()
    assert second - first >= timedelta(seconds=1)


def test_a_sweep_rung_twice_reads_once(database: str, stripe: Stripe):
    webhooks.sweep_events()
    with transaction() as session:
        first = session.scalars(select(StripeCursor.checked_at)).one()

    webhooks.sweep_events()

    with transaction() as session:
        assert session.scalars(select(StripeCursor.checked_at)).one() == first


def test_a_reading_that_stripe_broke_off_is_read_again_from_the_same_place(database: str, stripe: Stripe):
    webhooks.sweep_events()
    with transaction() as session:
        before = session.scalars(select(StripeCursor.read_to)).one()
        session.execute(text("update stripe_cursors set checked_at = checked_at - interval '1 hour'"))
    stripe.fails("429", path="/v1/events")

    with pytest.raises(Exception, match="RateLimitError"):
        webhooks.sweep_events()

    with transaction() as session:
        assert session.scalars(select(StripeCursor.read_to)).one() == before


def moves(stripe: Stripe, *, times: int = 1) -> str:
    """So many movements of the balance; the id of the last one, as it stands in the inbox."""
    for _ in range(times):
        moved = stripe.tell(
            "movements", type="adjustment", reporting_category="other_adjustment", amount=-1, currency="usd"
        )
    return inbox.fetched_id(moved["id"])


def an_hour_passes(stripe: Stripe) -> None:
    stripe.tell("advance", seconds=3600, deliver=False)


def stored() -> set[str]:
    with transaction() as session:
        return set(session.scalars(select(StripeEvent.stripe_event_id)))


@pytest.fixture
def breaks_off_at(database: str, owner: Connection) -> Iterator[Callable[[str], None]]:
    """The database goes away whenever this is to be stored, until `""` is."""
    owner.execute(
        text("create function gone() returns trigger language plpgsql as $$ begin raise 'gone'; end $$")
    )

    def at(stripe_event_id: str) -> None:
        owner.execute(text("drop trigger if exists gone on stripe_events"))
        owner.execute(
            text(
                "create trigger gone before insert on stripe_events for each row"
                f" when (new.stripe_event_id = '{stripe_event_id}') execute function gone()"
            )
        )
        owner.commit()

    yield at
    owner.execute(text("drop function gone cascade"))
    owner.commit()


def test_a_list_too_long_for_one_turn_is_read_from_its_oldest_and_each_turn_comes_nearer_to_its_end(
    stripe: Stripe, breaks_off_at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(webhooks, "_PAGES_AT_ONCE", 1)
    oldest = moves(stripe)
    an_hour_passes(stripe)
    middle = moves(stripe)
    an_hour_passes(stripe)
    newest = moves(stripe, times=100)

    breaks_off_at(middle)
    for _ in range(8):
        with pytest.raises(DBAPIError, match="gone"):
            webhooks.read_list(sweep.BALANCE_TRANSACTIONS, at_most_every=timedelta(0))

    assert {oldest, newest} <= stored()
    assert middle not in stored()
    breaks_off_at("")
    webhooks.read_list(sweep.BALANCE_TRANSACTIONS, at_most_every=timedelta(0))
    assert len(stored()) == 102


def test_a_list_read_up_to_an_instant_leaves_what_is_younger_for_the_next_time(stripe: Stripe, database: str):
    older = moves(stripe)
    until = from_stripe(stripe.tell("advance", seconds=60, deliver=False)["now"])
    an_hour_passes(stripe)
    younger = moves(stripe)

    webhooks.read_list(sweep.BALANCE_TRANSACTIONS, at_most_every=timedelta(0), until=until)
    assert stored() == {older}

    webhooks.read_list(sweep.BALANCE_TRANSACTIONS, at_most_every=timedelta(0))
    assert stored() == {older, younger}


def test_a_worker_shows_that_it_hears(database: str):
    sweeps.heartbeat()
    sweeps.heartbeat()

    with transaction() as session:
        [heart] = session.scalars(select(WorkerHeartbeat)).all()
        age = session.scalar(text("select extract(epoch from now() - beaten_at) from worker_heartbeats"))
    assert ":" in heart.name
    assert 0 <= float(age or 0) < 10
