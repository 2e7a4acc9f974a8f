"""The time, asked in one place so that tests can travel and every instant carries UTC.

Beside a sandbox the house may live by the sandbox's clock, which can be moved months ahead: the
sandbox writes the distance into a file, and the processes of the demo read it there. When something
is tried *again* goes by PostgreSQL's clock, which nobody moves, and never by this one.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC) + (_ahead() if _sandbox_clock is not None else _NOT_AT_ALL)


def follow(sandbox_clock: str) -> None:
    """From now on live as many seconds ahead as this file says; not at all without a name or a file."""
    global _sandbox_clock, _read_at
    _sandbox_clock, _read_at = Path(sandbox_clock) if sandbox_clock else None, -1


_NOT_AT_ALL = timedelta(0)
_sandbox_clock: Path | None = None
_read_at = -1
_distance = _NOT_AT_ALL


def _ahead() -> timedelta:
    """How far the sandbox is ahead; the file is read again only when it was written again."""
    global _read_at, _distance
    assert _sandbox_clock is not None  # noqa: S101
    try:
        written_at = _sandbox_clock.stat().st_mtime_ns
        if written_at != _read_at:
            _distance, _read_at = timedelta(seconds=int(_sandbox_clock.read_text())), written_at
    except (FileNotFoundError, ValueError):
        return _NOT_AT_ALL
    return _distance


def from_stripe(seconds: int) -> datetime:
    """Stripe's time stamps are whole seconds since 1970, UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def day_in(zone: str, instant: datetime) -> date:
    """The calendar day of an instant where the issuing entity keeps its books.

    Decided once per gift and stored: deriving the day again on every read is how gifts of
    31 December end up in two tax years.
    """
    return instant.astimezone(ZoneInfo(zone)).date()
