"""The workers of the simulated town: the very functions that Celery calls, in two processes beside the clock.

One applies events; the other reads the balance and does what follows from them. When a day is over both do
what is left of it, while the clock walks on through the next one; never further, so a worker that is slow
holds up the clock and not the other way round.
"""

import gc
import logging
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from sqlalchemy import text

from payments import clock
from payments import models as _every_table  # noqa: F401 - a foreign key may point into any room
from payments.clock import now
from payments.database import transaction
from payments.local.simulation import town
from payments.settings import settings
from payments.webhooks import sweep
from payments.webhooks.process import BATCH
from workers import dunning, monthly, receipts, refunds, webhooks

Deed = Callable[[], None]


class HandsFailed(Exception):
    """A worker of the town raised; its own traceback is the message."""


def _read_the_balance(until: datetime) -> None:
    """Once a day and without the pause that a real Stripe wants. The events of what is younger may not be
    applied yet; it is read the next time."""
    webhooks.read_list(sweep.BALANCE_TRANSACTIONS, at_most_every=timedelta(0), until=until)


def _apply_full_batches() -> None:
    if _how_many_events() >= BATCH:
        webhooks.apply_events()


def _after_day_applying(_day: int) -> None:
    webhooks.apply_events()


def _after_day_following(day: int) -> None:
    _read_the_balance(until=town.date_of(day - 1))
    for deed in _BY_DAY:
        deed()
    do_what_is_left(_BY_QUEUE)


def _wait() -> None:
    """What follows from events is not done before the day is over: then there is enough of it."""


_BY_DAY: tuple[Deed, ...] = (monthly.submit_changes, monthly.give_back_after_end, dunning.send_notices)
_BY_QUEUE: dict[str, Deed] = {
    "changes": monthly.submit_changes,
    "refusals": dunning.follow_refusals,
    "refunds": refunds.submit_refunds,
    "receipts": receipts.issue_receipts,
}
"""Pages are not set and no mail leaves: a year of them is minutes of CPU for the same again and again."""
_ASKED_FOR = ("changes", "refunds")
_JOBS: dict[str, tuple[Deed, Callable[[int], None]]] = {
    "applying": (_apply_full_batches, _after_day_applying),
    "following": (_wait, _after_day_following),
}
"""What each of the two does now and then, and what when a day is over."""


def do_what_was_asked_for() -> None:
    """What a person asked for just now is done before the clock moves on."""
    do_what_is_left(_ASKED_FOR)


def do_what_is_left(queues: Iterable[str]) -> None:
    """One small question says which queues have work, and only those are worked on: a town that sleeps costs
    nothing."""
    left = _left_to_do()
    for queue in queues:
        if left[queue]:
            _BY_QUEUE[queue]()


@dataclass(slots=True)
class Hands:
    """At work from `begin` until `rest`; what went wrong in a worker is raised by whoever waits for it."""

    _workers: list[tuple[SpawnProcess, Connection]] = field(default_factory=list)
    _days_over: int = 0
    _days_done: int = 0

    def begin(self) -> None:
        """Start."""
        spawning = get_context("spawn")
        for job in _JOBS:
            ours, theirs = spawning.Pipe()
            process = spawning.Process(target=_work, args=(job, theirs), name=job, daemon=True)
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def end_of_day(self) -> None:
        """Another day is over, and all that is left of it can be done. Returns when all of the day before it
        is done."""
        if self._days_over > self._days_done:
            self._hear_of(self._days_over)
        self._days_over += 1
        for _, pipe in self._workers:
            with suppress(ConnectionError):  # it has gone and said why, which is heard tomorrow
                pipe.send(self._days_over)

    def finish(self) -> None:
        """Wait until nothing is left at all, what waits for something else included."""
        self._hear_of(self._days_over)
        while any(_everything_left().values()):
            self.end_of_day()
            self._hear_of(self._days_over)

    def rest(self) -> None:
        """Stop after the deed in hand."""
        for process, pipe in self._workers:
            pipe.send(None)
            process.join()

    def _hear_of(self, day: int) -> None:
        for _, pipe in self._workers:
            heard = pipe.recv()
            if heard != day:
                raise HandsFailed(heard)
        self._days_done = day


def _work(job: str, pipe: Connection) -> None:
    """The life of one worker."""
    logging.disable(logging.WARNING)  # a declined card is no news in a town full of them
    clock.follow(settings().sandbox_clock)
    gc.freeze()  # as in any worker
    now_and_then, after_day = _JOBS[job]
    try:
        while True:
            if not pipe.poll(_A_GLANCE):
                now_and_then()
                continue
            day = pipe.recv()
            if day is None:
                return
            after_day(day)
            pipe.send(day)
    except EOFError:
        return  # the story ended before its time
    except Exception:
        pipe.send(traceback.format_exc())


_A_GLANCE = 0.05
"""Seconds between two looks at the queue while the clock walks."""
_WAITING = text("""
    select count(*) from (select from stripe_event_queue where parked_reason is null limit :most) as waiting
""")
_LEFT = text("""
    select
        (select count(*) from monthly_changes where status = 'requested'
         and (next_at <= now() or first_submitted_at is null and next_at <= :today)) as changes,
        (select count(*) from monthly_refusals where due_at <= :today and next_at <= now())
        + (select count(*) from monthly_new_methods where status = 'waiting' and next_at <= now())
            as refusals,
        (select count(*) from refunds where status = 'approved' and next_at <= now()) as refunds,
        (select count(*) from due_receipts where next_at <= now()) as receipts
""")
_EVERYTHING = text("""
    select
        (select count(*) from stripe_event_queue where parked_reason is null) as events,
        (select count(*) from charges left join balance_transactions on source_id = stripe_charge_id
         where status = 'succeeded' and source_id is null) as balance_transactions,
        (select count(*) from due_receipts) as receipts,
        (select count(*) from monthly_changes where status = 'requested' and next_at <= now()) as changes,
        (select count(*) from refunds where status = 'approved') as refunds
""")


def _how_many_events() -> int:
    """How many events wait, as far as one batch goes."""
    with transaction() as session:
        return int(session.execute(_WAITING, {"most": BATCH}).scalar_one())


def _left_to_do() -> dict[str, int]:
    """What could be done now, by queue."""
    with transaction() as session:
        return dict(session.execute(_LEFT, {"today": now()}).one()._mapping)


def _everything_left() -> dict[str, int]:
    """What is not done yet, though it may have to wait for something else."""
    with transaction() as session:
        return dict(session.execute(_EVERYTHING).one()._mapping)
