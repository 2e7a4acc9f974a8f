"""The time, asked in one place so that tests can travel and every instant carries UTC."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def from_stripe(seconds: int) -> datetime:
    """Stripe's time stamps are whole seconds since 1970, UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def day_in(zone: str, instant: datetime) -> date:
    """The calendar day of an instant where the issuing entity keeps its books.

    Decided once per gift and stored: deriving the day again on every read is how gifts of
    31 December end up in two tax years.
    """
    return instant.astimezone(ZoneInfo(zone)).date()
