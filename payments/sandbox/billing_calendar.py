"""When a plan is charged next: whole months from its anchor, so that the 31st comes back after February."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def next_boundary(anchor: int, *, after: int, interval: str, count: int) -> int:
    """The end of the period that begins at `after`, counted from the anchor and not from the last end."""
    if interval in _DAYS:
        return after + int(timedelta(days=_DAYS[interval] * count).total_seconds())
    first, last = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(after, UTC)
    passed = (last.year - first.year) * 12 + last.month - first.month
    return months_later(anchor, passed + _MONTHS[interval] * count)


def months_later(moment: int, months: int) -> int:
    """The same day and time so many months on; the month's last day where it has no such day."""
    first = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    day = min(first.day, monthrange(year, month + 1)[1])
    return int(first.replace(year=year, month=month + 1, day=day).timestamp())
