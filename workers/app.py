"""`celery -A workers.app worker` and `celery -A workers.app beat`."""

import gc
from typing import Any

from celery import Celery
from celery.signals import setup_logging, task_postrun, task_prerun, worker_process_init, worker_ready

from payments import clock, logs
from payments import models as _every_table  # noqa: F401 - a foreign key may point into any room
from payments.database import forget_inherited_connections
from payments.jobs import Bell, celery, ring_now
from payments.settings import settings
from workers.schedule import SCHEDULE

clock.follow(settings().sandbox_clock)
app: Celery = celery()
app.set_current()
app.conf.beat_schedule = SCHEDULE
app.conf.imports = (
    "workers.webhooks",
    "workers.receipts",
    "workers.mail",
    "workers.refunds",
    "workers.monthly",
    "workers.privacy",
    "workers.links",
    "workers.newsletter",
    "workers.reconciliation",
    "workers.dunning",
    "workers.sweeps",
)


@setup_logging.connect
def _one_way_of_logging(**_: Any) -> None:
    logs.configure()


@worker_process_init.connect
def _fresh_connections(**_: Any) -> None:
    # A forked child that shares its parent's sockets mixes two conversations with the database.
    forget_inherited_connections()
    # What is imported stays. Not looked at by each collection, a batch of events costs a seventh less.
    gc.freeze()


@worker_ready.connect
def _say_so(**_: Any) -> None:
    # The timetable's first heartbeat is seconds away; `doctor` may be asked before.
    ring_now(Bell.HEARTBEAT)


@task_prerun.connect
def _name_the_lines(task_id: str, task: Any, **_: Any) -> None:
    logs.bind(task=task.name, task_id=task_id)


@task_postrun.connect
def _forget_the_names(**_: Any) -> None:
    logs.unbind_all()
