"""The bell: it reaches a broker that is there, and never holds up anybody when it is not."""

import json
import time
from collections.abc import Callable

import redis
from celery.app.defaults import DEFAULTS
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import engine, transaction
from payments.jobs import CELERY_SETTINGS, Bell, WorkerHeartbeat, beat_heart, celery, ring, ring_now
from tests.conftest import Broker

QUEUE = "almoner:almoner"
"""Celery's queue of that name, behind the prefix that keeps us apart from others on the same broker."""


def messages(broker: Broker) -> list[dict[str, object]]:
    with redis.Redis.from_url(broker.url) as queue:
        found: list[bytes] = queue.lrange(QUEUE, 0, -1)
    return [json.loads(message) for message in found]


def test_celery_knows_every_setting_we_make() -> None:
    """It ignores a misspelt one without a word."""
    assert set(CELERY_SETTINGS) <= set(DEFAULTS)


def test_celery_works_by_our_settings(with_settings: Callable[..., None]) -> None:
    with_settings(broker_url="redis://127.0.0.1:1/0")

    for name, value in CELERY_SETTINGS.items():
        assert celery().conf[name] == value, name


def test_the_visibility_timeout_outlasts_the_longest_task() -> None:
    assert celery().conf.broker_transport_options["visibility_timeout"] > celery().conf.task_time_limit


def test_a_bell_reaches_the_broker_and_carries_nothing(broker: Broker) -> None:
    ring_now(Bell.APPLY_EVENTS)

    [message] = messages(broker)
    assert message["headers"]["task"] == "workers.webhooks.apply_events"  # type: ignore[index]
    assert message["headers"]["argsrepr"] == "()"  # type: ignore[index]


def test_a_bell_rings_after_the_commit_and_once(database: str, broker: Broker) -> None:
    with transaction() as session:
        ring(session, Bell.APPLY_EVENTS)
        ring(session, Bell.APPLY_EVENTS)
        ring(session, Bell.SEND_MAIL)
        assert messages(broker) == []

    assert len(messages(broker)) == 2


def test_a_deed_that_was_undone_rings_no_bell(database: str, broker: Broker) -> None:
    with Session(engine()) as session:
        ring(session, Bell.APPLY_EVENTS)
        session.rollback()

    assert messages(broker) == []


def test_without_a_broker_the_deed_stands_and_nobody_waits(
    database: str, with_settings: Callable[..., None]
) -> None:
    with_settings(broker_url="redis://127.0.0.1:1/0")
    began = time.monotonic()

    with transaction() as session:
        beat_heart(session, name="worker@here")
        ring(session, Bell.APPLY_EVENTS)

    assert time.monotonic() - began < 2
    with transaction() as session:
        assert session.get(WorkerHeartbeat, "worker@here") is not None


def test_a_broker_that_hangs_holds_nobody_up_for_long(broker: Broker) -> None:
    ring_now(Bell.APPLY_EVENTS)
    broker.freeze()
    began = time.monotonic()

    ring_now(Bell.APPLY_EVENTS)

    assert time.monotonic() - began < 5


def test_a_broker_that_hangs_from_the_first_moment_holds_nobody_up_for_long(broker: Broker) -> None:
    broker.freeze()
    began = time.monotonic()

    ring_now(Bell.APPLY_EVENTS)

    assert time.monotonic() - began < 5


def test_a_broker_that_comes_back_is_heard_again(broker: Broker) -> None:
    broker.freeze()
    ring_now(Bell.APPLY_EVENTS)
    broker.thaw()
    broker.flush()

    ring_now(Bell.SEND_MAIL)

    assert [message["headers"]["task"] for message in messages(broker)] == [  # type: ignore[index]
        "workers.receipts.send_mail"
    ]


def test_a_heart_that_beats_again_is_newer(database: str) -> None:
    beats = []
    for _ in range(2):
        with transaction() as session:
            beat_heart(session, name="worker@here")
        with transaction() as session:
            beats.append(session.scalars(select(WorkerHeartbeat.beaten_at)).one())

    assert beats[0] < beats[1]
