"""The days of a monthly gift: what a pause leaves out, and how it comes to another day of the month."""

import calendar
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.monthly import days

SEOUL, NEW_YORK = "Asia/Seoul", "America/New_York"


def at(*ymdh: int) -> datetime:
    return datetime(*ymdh, tzinfo=UTC)  # type: ignore[misc,arg-type]


def moved(
    day: int, *, anchor: datetime, next_charge_at: datetime, now: datetime, zone: str = NEW_YORK
) -> days.Move:
    return days.move(day=day, anchor=anchor, next_charge_at=next_charge_at, time_zone=zone, at=now)


@pytest.mark.parametrize(
    ("instant", "months", "later"),
    [
        (at(2027, 1, 31, 9), 1, at(2027, 2, 28, 9)),
        (at(2028, 1, 31, 9), 1, at(2028, 2, 29, 9)),
        (at(2026, 12, 15, 9), 1, at(2027, 1, 15, 9)),
        (at(2026, 11, 30, 9), 15, at(2028, 2, 29, 9)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last(instant: datetime, months: int, later: datetime) -> None:
    assert days.months_later(instant, months) == later


@given(
    anchor=st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    instalments=st.integers(1, 12),
)
def test_a_pause_leaves_out_just_so_many_charges(anchor: datetime, instalments: int) -> None:
    """Stripe counts its months from the anchor, and we only know the next charge."""
    charges = [days.months_later(anchor, n) for n in range(1, 20)]

    until = days.pause_end(charges[0], instalments=instalments)

    assert sum(charge < until for charge in charges) == instalments
    shown = days.first_charge_after(until, next_charge_at=charges[0])
    assert abs(shown - charges[instalments]) <= timedelta(days=3)


def test_the_next_charge_moves_within_its_month() -> None:
    move = moved(
        25, anchor=at(2026, 11, 10, 15), next_charge_at=at(2026, 12, 10, 15), now=at(2026, 11, 20, 0)
    )

    assert move == days.Move(at(2026, 12, 25, 10), is_whole=True)


def test_a_day_that_is_over_waits_for_the_charge_as_it_stands() -> None:
    move = moved(3, anchor=at(2026, 11, 10, 15), next_charge_at=at(2026, 12, 10, 15), now=at(2026, 12, 5, 0))

    assert move == days.Move(None, is_whole=False)


def test_a_month_too_short_takes_its_last_day_and_the_next_is_looked_at_again() -> None:
    move = moved(31, anchor=at(2027, 1, 10, 15), next_charge_at=at(2027, 2, 10, 15), now=at(2027, 1, 20, 0))

    assert move == days.Move(at(2027, 2, 28, 10), is_whole=False)


def test_the_day_it_has_already_needs_nothing() -> None:
    move = moved(31, anchor=at(2027, 1, 31, 15), next_charge_at=at(2027, 2, 28, 15), now=at(2027, 2, 1, 0))

    assert move == days.Move(None, is_whole=True)


def test_the_day_is_one_of_the_charitys_calendar_and_not_of_utc() -> None:
    """In Seoul it is the 1st of February already."""
    move = moved(
        15,
        anchor=at(2026, 12, 31, 20),
        next_charge_at=at(2027, 1, 31, 20),
        now=at(2027, 1, 5, 0),
        zone=SEOUL,
    )

    assert move == days.Move(at(2027, 2, 15, 10), is_whole=True)


@given(
    anchor=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    day=st.integers(1, 31),
    zone=st.sampled_from([SEOUL, NEW_YORK, "Europe/Berlin", "Pacific/Honolulu", "Pacific/Auckland"]),
    asked_after=st.floats(0, 31),
)
def test_every_calendar_month_keeps_exactly_one_charge(
    anchor: datetime, day: int, zone: str, asked_after: float
) -> None:
    """A small Stripe charges at the anchor's months; the worker looks again after a charge it waits for."""
    there = ZoneInfo(zone)
    # Stripe's months are those of UTC: begun at another hour, a gift may change months by itself.
    anchor = anchor.replace(hour=10)
    charges, look_at = [anchor], anchor + timedelta(days=asked_after)
    next_at = days.months_later(anchor, 1)
    is_done = False
    while len(charges) < 15:
        if not is_done and look_at < next_at:
            move = days.move(
                day=day, anchor=anchor, next_charge_at=next_at, time_zone=zone, at=max(look_at, charges[-1])
            )
            is_done = move.is_whole
            if move.charge_at is not None:
                anchor = next_at = move.charge_at
            look_at = next_at + timedelta(hours=2)
        charges.append(next_at)
        next_at = days.months_later(anchor, _months_from(anchor, charges[-1]) + 1)

    by_month = Counter((c.astimezone(there).year, c.astimezone(there).month) for c in charges)
    assert set(by_month.values()) == {1}
    assert len(by_month) == len(charges)
    first, last = min(by_month), max(by_month)
    assert (last[0] - first[0]) * 12 + last[1] - first[1] + 1 == len(charges)
    for charge in charges[4:]:
        here = charge.astimezone(there)
        assert here.day == min(day, calendar.monthrange(here.year, here.month)[1])


def _months_from(anchor: datetime, charge: datetime) -> int:
    return (charge.year - anchor.year) * 12 + charge.month - anchor.month
