"""One clock in UTC, and the day a gift counts for where the books are kept."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from payments.clock import day_in, follow, from_stripe, now

# From 2012 on: in the last days of 2011 Samoa skipped one altogether.
ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("posix"))
instants = st.datetimes(datetime(2012, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from(ZONES)


def test_now_carries_utc() -> None:
    with time_machine.travel(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), tick=False):
        assert now() == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
        assert now().utcoffset() == timedelta(0)


def test_beside_a_sandbox_the_house_lives_by_the_clock_of_the_sandbox(tmp_path: Path) -> None:
    distance = tmp_path / "sandbox.clock"
    with time_machine.travel(datetime(2026, 1, 31, tzinfo=UTC), tick=False):
        try:
            follow(str(distance))
            before = now()
            distance.write_text(str(28 * 24 * 3600))
            moved = now()
        finally:
            follow("")
        back = now()

    assert before == back == datetime(2026, 1, 31, tzinfo=UTC)
    assert moved == datetime(2026, 2, 28, tzinfo=UTC)


def test_stripe_counts_seconds_in_utc() -> None:
    assert from_stripe(1_798_761_599) == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        ("America/New_York", datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        ("America/New_York", datetime(2027, 1, 1, 5, 0, 0, tzinfo=UTC), date(2027, 1, 1)),
        ("Asia/Seoul", datetime(2026, 12, 31, 14, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
        ("Asia/Seoul", datetime(2026, 12, 31, 15, 0, 0, tzinfo=UTC), date(2027, 1, 1)),
        ("Pacific/Kiritimati", datetime(2026, 12, 31, 10, 0, 0, tzinfo=UTC), date(2027, 1, 1)),
        ("Asia/Kathmandu", datetime(2026, 12, 31, 18, 14, 59, tzinfo=UTC), date(2026, 12, 31)),
        ("UTC", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), date(2026, 12, 31)),
    ],
)
def test_a_gift_at_the_turn_of_the_year_counts_for_the_year_on_the_wall(
    zone: str, instant: datetime, day: date
) -> None:
    assert day_in(zone, instant) == day


@given(zones, st.integers(2012, 2044))
def test_one_second_separates_two_tax_years_in_every_zone(zone: str, year: int) -> None:
    last = datetime(year, 12, 31, 23, 59, 59, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    assert day_in(zone, last) == date(year, 12, 31)
    assert day_in(zone, last + timedelta(seconds=1)) == date(year + 1, 1, 1)


@given(zones, instants)
def test_the_day_is_the_one_on_the_wall_on_both_sides_of_a_clock_change(zone: str, instant: datetime) -> None:
    offset = ZoneInfo(zone).utcoffset(instant.astimezone(ZoneInfo(zone)))
    assert offset is not None

    assert day_in(zone, instant) == (instant + offset).date()


@given(zones, instants, st.integers(-14, 14))
def test_the_day_does_not_depend_on_how_the_instant_was_written(
    zone: str, instant: datetime, hours: int
) -> None:
    same = instant.astimezone(timezone(timedelta(hours=hours)))

    assert day_in(zone, same) == day_in(zone, instant)


@pytest.mark.parametrize(("hour", "day"), [(4, 7), (5, 8), (27, 8), (28, 9)])
def test_the_short_day_of_spring_has_twenty_three_hours(hour: int, day: int) -> None:
    """New York, 8 March 2026: midnight is at 05:00 UTC before the change and at 04:00 after it."""
    instant = datetime(2026, 3, 8, tzinfo=UTC) + timedelta(hours=hour)

    assert day_in("America/New_York", instant) == date(2026, 3, day)
