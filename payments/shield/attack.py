"""Whether stolen cards are being tried out here, judged by what became of the gifts.

The database tells it: people pay what they open and are rarely declined; a program opens page after page
and is declined nearly always. Nothing is kept for it but a mark at the broker, which holds an attack on for
as long as tries go on to be turned away.
"""

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import transaction
from payments.donations.checkout import CHECKOUT_OPEN_FOR
from payments.once import once
from payments.shield import limits
from payments.shield.windows import windows

WINDOW = timedelta(minutes=10)
_TIME_TO_PAY = timedelta(minutes=2)
_EVENTS_LATE = timedelta(minutes=1)
_LOOKED_FOR_SECONDS = 5.0
_REMEMBERED_FOR_SECONDS = 60.0

_HARDLY = 12
"""One in so many is hardly one."""
_FEW_DECLINED = 10
_MANY_TURNED_AWAY = 20
_FLOOD = 100
_HELD_SECONDS = 60.0
"""A process that saw an attack holds back so long by itself, should the broker forget that there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """The last ten minutes of giving."""

    opened: int
    paid: int
    """Of those that were opened in these minutes; so are the next two."""
    had_time: int
    """Opened long enough ago to be paid by now."""
    had_time_and_paid: int
    declined: int
    """Cards that a bank refused, on whatever page that can still be open."""
    turned_away: int
    is_told_late: bool
    """What Stripe said of payments is not applied yet: nothing can be known of them."""
    was_attacked: bool
    is_held: bool = False

    @property
    def is_unpaid(self) -> bool:
        """Page after page is opened and hardly one is paid."""
        return (
            not self.is_told_late
            and self.had_time >= limits.a_few()
            and self.had_time_and_paid * _HARDLY < self.had_time
        )

    @property
    def is_declined(self) -> bool:
        """Far more cards are refused than gifts paid."""
        return self.declined >= _FEW_DECLINED and self.declined > 3 * self.paid

    @property
    def is_flood(self) -> bool:
        """Far more tries are turned away than gifts paid: too early to know of the rest."""
        return self.turned_away >= _FLOOD and self.turned_away > 3 * (self.paid + 1)

    @property
    def is_attack(self) -> bool:
        """Whether the house holds back."""
        goes_on = self.was_attacked and self.turned_away >= _MANY_TURNED_AWAY
        return self.is_unpaid or self.is_declined or self.is_flood or goes_on or self.is_held

    def __str__(self) -> str:
        return (
            f"{self.opened} pages opened in ten minutes, {self.paid} of them paid, "
            f"{self.declined} cards declined, {self.turned_away} tries turned away"
        )


def signals(session: Session) -> Signals:
    """Read them now; changes nothing."""
    at = now()
    row = session.execute(
        _SIGNALS,
        {
            "since": at - WINDOW,
            "before": at - _TIME_TO_PAY,
            "still_open": at - WINDOW - CHECKOUT_OPEN_FOR,
            "late": _EVENTS_LATE,
        },
    ).one()
    counters = windows()
    return Signals(
        opened=row.opened,
        paid=row.paid,
        had_time=row.had_time,
        had_time_and_paid=row.had_time_and_paid,
        declined=row.declined,
        is_told_late=row.is_told_late,
        turned_away=counters.count(limits.TURNED_AWAY),
        was_attacked=counters.count(limits.ALARM) > 0,
    )


_SIGNALS: TextClause = text("""
    with recent as (
        select id, created_at, status in ('paid', 'processing') as is_paid
        from donations
        where created_at > :still_open and channel = 'online' and stripe_checkout_session_id is not null
    )
    select
        count(*) filter (where created_at > :since) as opened,
        count(*) filter (where created_at > :since and is_paid) as paid,
        count(*) filter (where created_at > :since and created_at < :before) as had_time,
        count(*) filter (where created_at > :since and created_at < :before and is_paid) as had_time_and_paid,
        (
            select count(*) from charges
            where donation_id in (select id from recent) and status = 'failed' and charged_at > :since
        ) as declined,
        exists (
            select from stripe_event_queue
            join stripe_events using (stripe_event_id)
            where parked_reason is null and received_at < now() - :late
        ) as is_told_late
    from recent
""")


class _Watch:
    """What this process saw last; looked at again after some seconds, by one thread at a time."""

    def __init__(self) -> None:
        self._seen: Signals | None = None
        self._look_again_at = 0.0
        self._held_until = 0.0
        self._turned_away = 0
        self._turn = Lock()

    @property
    def last(self) -> Signals | None:
        """What was seen in the last minute, without looking: for who holds a connection already."""
        return self._seen if time.monotonic() < self._look_again_at + _REMEMBERED_FOR_SECONDS else None

    def turned_away(self) -> None:
        """One more was. As many as make a flood are looked at without waiting: a fast attack could be over,
        or the broker be emptied, before the next look."""
        windows().note(limits.TURNED_AWAY)
        self._turned_away += 1
        if self._turned_away >= _FLOOD:
            self._turned_away, self._look_again_at = 0, time.monotonic()

    def look(self) -> Signals:
        """The signals, at most a few seconds old. An attack that is seen is marked for all processes."""
        seen = self._seen
        if seen is not None and time.monotonic() < self._look_again_at:
            return seen
        if not self._turn.acquire(blocking=seen is None):
            assert seen is not None  # noqa: S101 - only then nobody waits for the turn
            return seen
        try:
            with transaction() as session:
                found = signals(session)
            if found.is_attack:
                windows().note(limits.ALARM)
                self._held_until = time.monotonic() + _HELD_SECONDS
            elif time.monotonic() < self._held_until:
                found = replace(found, is_held=True)
            self._seen, self._look_again_at = found, time.monotonic() + _LOOKED_FOR_SECONDS
            self._turned_away = 0
        finally:
            self._turn.release()
        return found


@once
def watch() -> _Watch:
    """The watch of this process."""
    return _Watch()
