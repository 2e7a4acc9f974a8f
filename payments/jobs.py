"""The bell: how a door tells the workers that there is work.

The work itself is rows in PostgreSQL; a message carries only which kind of row to look for. A lost
bell is a delay of seconds, never a loss: the timetable in `workers/schedule.py` rings every bell
again and again. So ringing never fails its caller and never waits long for a broker that is away.
"""

import logging
from datetime import datetime
from enum import StrEnum
from functools import partial

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session

from payments.database import Base, StrPK, after_commit
from payments.once import once
from payments.settings import settings

log = logging.getLogger(__name__)


OutOfTime = SoftTimeLimitExceeded
"""The worker's time is up, in the middle of whatever it was doing. An `Exception` like any other, and no
fault of the row in hand: whoever sets rows aside that fail lets it pass, so that all are tried again."""


class Bell(StrEnum):
    """What there may be to do; the value is the name of the task that looks."""

    APPLY_EVENTS = "workers.webhooks.apply_events"
    PULL_BALANCE_TRANSACTIONS = "workers.webhooks.pull_balance_transactions"
    ASK_ABOUT_SILENCE = "workers.webhooks.ask_about_silence"
    SWEEP_EVENTS = "workers.webhooks.sweep_events"
    FETCH_PAYOUTS = "workers.reconciliation.fetch_payouts"
    RECONCILE = "workers.reconciliation.reconcile"
    ASK_FOR_BALANCE = "workers.reconciliation.ask_for_balance"
    SUM_UP = "workers.reconciliation.sum_up"
    ISSUE_RECEIPTS = "workers.receipts.issue_receipts"
    SWEEP_RECEIPTS = "workers.receipts.sweep_receipts"
    WRITE_DOCUMENTS = "workers.receipts.write_documents"
    RESTATE = "workers.receipts.restate"
    SUBMIT_REFUNDS = "workers.refunds.submit_refunds"
    SUBMIT_MONTHLY_CHANGES = "workers.monthly.submit_changes"
    END_DISPUTED = "workers.monthly.end_disputed"
    GIVE_BACK_AFTER_END = "workers.monthly.give_back_after_end"
    FOLLOW_REFUSALS = "workers.dunning.follow_refusals"
    SEND_NOTICES = "workers.dunning.send_notices"
    SEND_MAIL = "workers.receipts.send_mail"
    READ_MAIL_REPORTS = "workers.mail.read_mail_reports"
    ANSWER_LINK_REQUESTS = "workers.links.answer_link_requests"
    ANSWER_NEWSLETTER = "workers.newsletter.answer_newsletter"
    TEND_READERS = "workers.newsletter.tend_readers"
    DELETE_CUSTOMERS = "workers.privacy.delete_customers"
    ERASE_LATE = "workers.privacy.erase_late"
    RELEASE_HOLDS = "workers.privacy.release_holds"
    FORGET_NUMBERS = "workers.sweeps.forget_numbers"
    HEARTBEAT = "workers.sweeps.heartbeat"


class WorkerHeartbeat(Base):
    """When each worker was last seen alive; `/readyz` and `almoner doctor` read it.

    `celery inspect ping` costs seconds of CPU and calls a busy worker dead; a row does neither.
    """

    __tablename__ = "worker_heartbeats"

    name: Mapped[StrPK]
    beaten_at: Mapped[datetime]


def beat_heart(session: Session, *, name: str) -> None:
    """Note that this worker is alive, by the database's clock."""
    beat = insert(WorkerHeartbeat).values(name=name, beaten_at=func.now())
    session.execute(beat.on_conflict_do_update(index_elements=["name"], set_={"beaten_at": func.now()}))


@once
def celery() -> Celery:
    """The Celery application with which a worker listens."""
    return _application(REDIS_OPTIONS)


@once
def bell_rope() -> Celery:
    """The one with which any process rings. A listener rightly waits seconds for the next message;
    a ring that waited as long for a frozen broker would hold up a donor."""
    return _application({**REDIS_OPTIONS, "socket_timeout": 1, "socket_connect_timeout": 1})


def _application(redis_options: dict[str, object]) -> Celery:
    app = Celery("almoner", broker=settings().broker_url, set_as_current=False)
    app.conf.update(CELERY_SETTINGS)
    if settings().broker_url.startswith(("redis://", "rediss://", "valkey://")):
        app.conf.broker_transport_options = redis_options
    return app


# Why each of these: the defaults lose tasks when a worker is killed, wait for ever on a frozen
# broker, and redeliver after an hour (measured; docs/decisions/0002-the-database-is-the-truth.md).
CELERY_SETTINGS: dict[str, object] = {
    "result_backend": None,
    "task_ignore_result": True,
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_default_queue": "almoner",
    "task_acks_late": True,
    "task_acks_on_failure": True,
    "task_acks_on_timeout": True,
    "task_reject_on_worker_lost": True,
    "task_retry_on_worker_lost": True,
    "task_soft_time_limit": 60,
    "task_time_limit": 90,
    "worker_prefetch_multiplier": 1,
    "worker_max_tasks_per_child": 1000,
    "worker_soft_shutdown_timeout": 10.0,
    "worker_hijack_root_logger": False,
    "worker_send_task_events": False,
    # What runs when the broker goes away is done by rows that know their state: let it finish.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "timezone": "UTC",
    "enable_utc": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": 2,
    "task_publish_retry_policy": {
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.2,
        "interval_max": 0.2,
    },
}
REDIS_OPTIONS: dict[str, object] = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 15,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "global_keyprefix": "almoner:",
}


def broker_answers() -> bool:
    """Whether the bell's wire holds, whichever broker it is."""
    try:
        with bell_rope().connection_for_write() as wire:
            # Opening a channel is the first thing that really speaks to a Redis.
            wire.channel()
    except Exception as trouble:  # any broker library's own error
        log.warning("broker away", extra={"trouble": type(trouble).__name__})
        return False
    return True


def ring(session: Session, bell: Bell) -> None:
    """Ring once the surrounding transaction has committed, and only then."""
    say = _after_commit_bells.setdefault(bell, partial(ring_now, bell))
    after_commit(session, say)


_after_commit_bells: dict[Bell, partial[None]] = {}


def ring_now(bell: Bell) -> None:
    """Ring at once. A broker that is away costs at most a few seconds and a log line."""
    try:
        # `expires`: a bell nobody heard for a minute says nothing the timetable has not said since.
        bell_rope().send_task(bell.value, expires=60)
    except Exception as trouble:  # any broker library's own error: the timetable rings again
        log.warning("bell not heard", extra={"bell": bell.value, "trouble": type(trouble).__name__})
