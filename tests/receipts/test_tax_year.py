"""The tax year of a gift is that of its day where the entity keeps its books: at every turn of a year, at
every change of the clocks, and as PostgreSQL itself would say."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.clock import day_in

ZONES = (
    *("America/Los_Angeles", "America/New_York", "America/St_Johns", "America/Sao_Paulo", "Pacific/Honolulu"),
    *("Europe/London", "Europe/Berlin", "Asia/Seoul", "Asia/Kolkata", "Australia/Lord_Howe"),
    *("Pacific/Auckland", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"),
)
SECOND = timedelta(seconds=1)
NEAR = st.sampled_from([-1, 0, 1]) | st.integers(-3 * 86400, 3 * 86400)
"""Seconds from a turn of the year."""
INSTANT = st.integers(946_684_800, 2_082_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(zone=st.sampled_from(ZONES), year=st.integers(2000, 2035), off=NEAR)
def test_a_gift_is_of_the_year_that_its_entitys_calendar_shows(zone: str, year: int, off: int) -> None:
    new_year = datetime(year, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    day = day_in(zone, new_year + timedelta(seconds=off))

    assert day.year == (year if off >= 0 else year - 1)


@given(zone=st.sampled_from(ZONES), at=INSTANT)
def test_the_day_never_goes_back_and_never_skips(zone: str, at: datetime) -> None:
    days = [day_in(zone, at + timedelta(hours=hour)) for hour in range(49)]

    assert days == sorted(days)
    assert all(later - earlier <= timedelta(days=1) for earlier, later in pairwise(days))


def changes_of_the_clocks(zone: str, year: int) -> list[datetime]:
    """The instants at which the zone's distance from UTC changes, to the second."""
    of, found = ZoneInfo(zone), []
    for day in range(366):
        early = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day)
        late = early + timedelta(days=1)
        if early.astimezone(of).utcoffset() == late.astimezone(of).utcoffset():
            continue
        while late - early > SECOND:
            middle = early + (late - early) // 2
            is_before = middle.astimezone(of).utcoffset() == early.astimezone(of).utcoffset()
            early, late = (middle, late) if is_before else (early, middle)
        found.append(late.replace(microsecond=0))
    return found


def test_postgresql_sees_the_same_day_at_every_boundary(session: Session) -> None:
    asked = []
    for zone in ZONES:
        boundaries = changes_of_the_clocks(zone, 2026)
        for year in range(2020, 2031):
            boundaries.append(datetime(year, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC))
        asked += [(zone, at + off) for at in boundaries for off in (-SECOND, 0 * SECOND, SECOND)]

    days = session.execute(
        text(
            "select (instant at time zone zone)::date from unnest(cast(:zones as text[]),"
            " cast(:instants as timestamptz[])) with ordinality asked (zone, instant, place) order by place"
        ),
        {"zones": [zone for zone, _ in asked], "instants": [at for _, at in asked]},
    ).scalars()

    assert list(days) == [day_in(zone, at) for zone, at in asked]
    assert len(asked) > 500
