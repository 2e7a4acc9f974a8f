"""A day that was typed into a form of the console."""

from datetime import date

from payments.translations import N_, Told


class DayUnreadable(Told):
    """No day of the calendar."""

    sentence = N_("Write the day as 2026-12-31.")


def day_typed(typed: str) -> date | None:
    """None where nothing was typed; else the day, or `DayUnreadable`."""
    if not typed.strip():
        return None
    try:
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise DayUnreadable from None
