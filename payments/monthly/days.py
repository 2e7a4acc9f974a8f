"""On which days a monthly gift is charged. Pure.

Stripe charges each month at the anchor's day and time, UTC, or on the last day of a shorter month. Days a
donor chooses are days where the charity keeps its books.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

LONGEST_PAUSE_MONTHS = 12

_RESUMES_BEFORE = timedelta(days=1)
"""Collection is on again a day before the charge: Stripe's clocks and ours need not agree to the second."""
_CHARGED_AT_HOUR = 10
"""UTC. The same calendar day everywhere from Hawaii to New Zealand, so no month moves the day."""
_NEEDED = timedelta(hours=1)
"""For the change itself to reach Stripe."""


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be done now so that a gift is charged on another day."""

    charge_at: datetime | None
    """When to charge next instead; None: leave the next charge where it is."""
    is_whole: bool
    """False when it must be taken up again after the next charge."""


def months_later(instant: datetime, months: int) -> datetime:
    """The same day and time so many months on, or the last day of a shorter month."""
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return instant.replace(year=year, month=month + 1, day=min(instant.day, last))


def pause_end(next_charge_at: datetime, *, instalments: int) -> datetime:
    """When to collect again so that exactly so many charges are left out, the next one first."""
    return months_later(next_charge_at, instalments) - _RESUMES_BEFORE


def first_charge_after(until: datetime, *, next_charge_at: datetime) -> datetime:
    """The first charge that is not left out by a pause until then."""
    months = 0
    while months_later(next_charge_at, months) < until:
        months += 1
    return months_later(next_charge_at, months)


def move(*, day: int, anchor: datetime, next_charge_at: datetime, time_zone: str, at: datetime) -> Move:
    """How to come to be charged on this day of the month, one charge in every calendar month.

    The next charge moves within its own calendar month, so no month has two and none has none. Where that
    day of the month is over already, the charge is made as it stands and the next one moves; where
    the month is too short for the day, its last day is taken and the next month looked at again.
    """
    zone = ZoneInfo(time_zone)
    if anchor.astimezone(zone).day == day:
        return Move(None, is_whole=True)
    planned = next_charge_at.astimezone(zone)
    last = calendar.monthrange(planned.year, planned.month)[1]
    wanted = datetime(planned.year, planned.month, min(day, last), _CHARGED_AT_HOUR, tzinfo=UTC)
    is_whole = day <= last
    if wanted < at + _NEEDED or (wanted.day == planned.day and not is_whole):
        return Move(None, is_whole=False)
    return Move(wanted, is_whole=is_whole)
