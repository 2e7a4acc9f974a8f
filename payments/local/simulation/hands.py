"""The worker of the simulated town: the very functions that Celery calls, in a thread of their own beside the
clock.

One small question says which queues have work, and only those are worked on: a town that sleeps costs
nothing. While the clock walks, full batches of events are applied as they come in; when the day is over, all
that is left of it.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text

from payments.clock import now
from payments.database import transaction
from payments.webhooks.process import BATCH

Deed = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a worker does: by the queue that has something to do, in this order, and once a day by the
    calendar."""

    by_queue: Mapping[str, Deed]
    by_day: tuple[Deed, ...]
    apply_events: Deed
    read_the_balance: Deed


@dataclass(slots=True)
class Hands:
    """At work from `begin` until `rest`; what went wrong in the thread is raised there."""

    work: Work
    _days_over: int = 0
    _days_done: int = 0
    _is_over: bool = False
    _trouble: BaseException | None = None
    _told: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start."""
        self._thread = threading.Thread(target=self._live, name="hands", daemon=True)
        self._thread.start()

    def end_of_day(self) -> None:
        """The day is over, and all that is left of it can be done; nobody waits for that."""
        with self._told:
            self._days_over += 1
            self._told.notify_all()

    def catch_up(self) -> None:
        """Wait until nothing is left to do of the days that are over."""
        with self._told:
            self._told.wait_for(lambda: self._days_done == self._days_over or self._trouble is not None)
        if self._trouble is not None:
            raise self._trouble

    def attend(self) -> None:
        """What was asked for just now is done before the clock moves on; only after `catch_up`."""
        left = left_to_do()
        for queue, deed in self.work.by_queue.items():
            if left[queue]:
                deed()

    def finish(self) -> None:
        """Wait until nothing is left at all, what waits for something else included."""
        while any(everything_left().values()):
            self.end_of_day()
            self.catch_up()

    def rest(self) -> None:
        """Stop after the deed in hand."""
        with self._told:
            self._is_over = True
            self._told.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._trouble is not None:
            raise self._trouble

    def _live(self) -> None:
        try:
            while not self._is_over:
                with self._told:
                    day = self._days_over
                    if day == self._days_done:
                        self._told.wait(_A_GLANCE)
                        day = self._days_over
                if day > self._days_done:
                    self._do_what_is_left()
                    self._is_done(day)
                elif how_many_events() >= BATCH:
                    self.work.apply_events()
        except BaseException as trouble:
            with self._told:
                self._trouble = trouble
                self._told.notify_all()

    def _is_done(self, day: int) -> None:
        with self._told:
            self._days_done = day
            self._told.notify_all()

    def _do_what_is_left(self) -> None:
        """The balance is read once, when the day's events are applied: so one call brings all it moved."""
        self.work.apply_events()
        self.work.read_the_balance()
        for deed in self.work.by_day:
            deed()
        before: dict[str, int] = {}
        while any((left := left_to_do()).values()) and left != before:
            for queue, deed in self.work.by_queue.items():
                if left[queue]:
                    deed()
            before = left


_A_GLANCE = 0.05
"""Seconds between two looks at the queue while the clock walks."""
_WAITING = text("""
    select count(*) from (select from stripe_event_queue where parked_reason is null limit :most) as waiting
""")
_LEFT = text("""
    select
        (select count(*) from stripe_event_queue where parked_reason is null and next_at <= now()) as events,
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


def how_many_events() -> int:
    """How many events wait, as far as one batch goes."""
    with transaction() as session:
        return int(session.execute(_WAITING, {"most": BATCH}).scalar_one())


def left_to_do() -> dict[str, int]:
    """What the worker could do now, by queue."""
    with transaction() as session:
        return dict(session.execute(_LEFT, {"today": now()}).one()._mapping)


def everything_left() -> dict[str, int]:
    """What is not done yet, though it may have to wait for something else."""
    with transaction() as session:
        return dict(session.execute(_EVERYTHING).one()._mapping)
