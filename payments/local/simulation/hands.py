"""The worker of the simulated town: the very functions that Celery calls, one after the other without a
pause, in a thread of their own beside the clock."""

import threading
from collections.abc import Callable, Collection, Sequence

from sqlalchemy import text

from payments.database import transaction


class Hands:
    """Work without a pause until `rest`; what went wrong in the thread is raised there."""

    def __init__(self, deeds: Sequence[Callable[[], None]]) -> None:
        self._deeds = deeds
        self._is_over = threading.Event()
        self._trouble: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="hands", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            while not self._is_over.is_set():
                for deed in self._deeds:
                    deed()
                self._is_over.wait(0.02)
        except BaseException as trouble:
            self._trouble = trouble

    def catch_up(self, *, on: Collection[str] = ("events", "changes")) -> None:
        """Wait until nothing of these is left to do."""
        while any(left for what, left in left_to_do().items() if what in on):
            self._is_over.wait(0.02)
            if self._trouble is not None:
                raise self._trouble

    def rest(self) -> None:
        """Stop after the deed in hand."""
        self._is_over.set()
        self._thread.join()
        if self._trouble is not None:
            raise self._trouble


_LEFT = text("""
    select
        (select count(*) from stripe_event_queue where parked_reason is null and next_at <= now()) as events,
        (select count(*) from stripe_event_queue where parked_reason is null and next_at > now()) as put_off,
        (select count(*) from charges left join balance_transactions on source_id = stripe_charge_id
         where status = 'succeeded' and source_id is null) as balance_transactions,
        (select count(*) from due_receipts) as receipts,
        (select count(*) from monthly_changes where status = 'requested' and next_at <= now()) as changes,
        (select count(*) from refunds where status = 'approved') as refunds
""")


EVERYTHING = ("events", "put_off", "balance_transactions", "receipts", "changes", "refunds")


def left_to_do() -> dict[str, int]:
    """What the worker has not done yet, by kind."""
    with transaction() as session:
        return dict(session.execute(_LEFT).one()._mapping)
