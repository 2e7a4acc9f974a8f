"""Which days are to leave: a whole month, or all that is new up to a day. They must be over."""

from calendar import monthrange
from datetime import date

from payments.errors import AlmonerError


class DaysUnclear(AlmonerError):
    """Neither a month nor a last day."""

    def __init__(self) -> None:
        super().__init__(
            "Say which days: `--month 2026-10`, or `--until 2026-10-31` for all that is new up to then."
        )


class DayToCome(AlmonerError):
    """A day on which more can still happen."""

    def __init__(self, today: date) -> None:
        super().__init__(f"The last day must be over where the books are kept: today is {today} there.")


def of(month: date | None, until: date | None, *, today: date) -> tuple[date | None, date]:
    """The first day, if there is one, and the last. A month is named by its first day."""
    if until is not None:
        last_day = until
    elif month is not None:
        last_day = month.replace(day=monthrange(month.year, month.month)[1])
    else:
        raise DaysUnclear
    if last_day >= today:
        raise DayToCome(today)
    return month, last_day
