"""Until when a gift can be claimed: four years after the end of the period in which it was received. Pure.

Source: gov.uk, "Claiming Gift Aid as a charity or CASC", "When you must claim": the period is the tax year of
a trust, and the accounting period of a company, a charitable incorporated organisation or a sports club.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

_YEARS = 4
_TAX_YEAR_ENDS = "04-05"


def last_day(gift_date: date, facts: Mapping[str, Any]) -> date:
    """The last day on which this gift can be claimed.

    The body's `receipt_facts` say in `accounting_year_end` when its accounting period ends, such as 12-31;
    without it the period is the tax year's.
    """
    month, day = map(int, str(facts.get("accounting_year_end") or _TAX_YEAR_ENDS).split("-"))
    ends_later = (gift_date.month, gift_date.day) > (month, day)
    return _end(gift_date.year + ends_later + _YEARS, month, day)


def _end(year: int, month: int, day: int) -> date:
    """The last day of a period; the last of February where there is no 29th."""
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, 28)
