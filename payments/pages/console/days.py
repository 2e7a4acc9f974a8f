"""A day that was typed into a form of the console."""

from datetime import date

from payments.translations import N_, Told


class DayUnreadable(Told):
    """No day of the calendar."""

    sentence = N_("Write the day as 2026-12-31.")


class DayMissing(Told):
    """A deed of no day."""

    sentence = N_("Say on which day.")


def day_needed(typed: str) -> date:
    """The day; `DayMissing` where nothing was typed, `DayUnreadable` where it is none."""
    day = day_typed(typed)
    if day is None:
        raise DayMissing
    return day


def day_typed(typed: str) -> date | None:
    """None where nothing was typed; else the day, or `DayUnreadable`."""
    if not typed.strip():
        return None
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise DayUnreadable from None
