"""However a stretch of an account is cut into files, and in whatever order they come: the same lines."""

from collections.abc import Sequence
from datetime import date, timedelta
from secrets import token_hex

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.database import transaction
from payments.reconciliation import continuity
from payments.reconciliation.statements import Line, StatementRefused, numbered
from payments.staff.models import StaffMember
from tests.reconciliation.bank_files import mt940
from tests.reconciliation.conftest import open_account
from tests.reconciliation.treasury import Bank

FIRST_DAY = date(2026, 11, 2)

Day = list[tuple[int, str]]
a_line = st.tuples(st.sampled_from([2500, 5000, -700, 1]), st.sampled_from(["Ada", "Ben"]))
some_days = st.lists(st.lists(a_line, max_size=4), min_size=1, max_size=7)


@st.composite
def overlapping_pieces(draw: st.DrawFn) -> tuple[list[Day], list[tuple[int, int]]]:
    """Days, and stretches of them that together cover all and never leave a hole behind."""
    days = draw(some_days)
    pieces, covered = [], 0
    while covered < len(days):
        start = draw(st.integers(0, covered))
        end = draw(st.integers(covered + 1, len(days)))
        pieces.append((start, end))
        covered = end
    pieces += [pieces[place] for place in draw(st.lists(st.integers(0, len(pieces) - 1), max_size=2))]
    return days, pieces


def file_of(days: Sequence[Day], start: int, end: int) -> bytes:
    opening = sum(amount for day in days[:start] for amount, _ in day)
    return mt940(
        [(FIRST_DAY + timedelta(days=place), days[place]) for place in range(start, end)], opening=opening
    )


def a_new_account(finn: StaffMember) -> Bank:
    """Each example has an account of its own."""
    account = f"giro-{token_hex(8)}"
    open_account(finn, account)
    return Bank(finn, account)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(overlapping_pieces())
def test_overlapping_files_leave_every_line_once(finn: StaffMember, cut):
    days, pieces = cut
    bank = a_new_account(finn)

    for start, end in pieces:
        bank.takes_in(file_of(days, start, end))

    assert sorted(bank.amounts) == sorted(amount for day in days for amount, _ in day)
    with transaction() as session:
        assert continuity.untold(session, bank.account) == 0


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(some_days, st.data())
def test_a_file_with_a_line_left_out_is_never_taken(finn: StaffMember, days: list[Day], data):
    bank = a_new_account(finn)
    whole = [(FIRST_DAY + timedelta(days=place), day) for place, day in enumerate(days)]
    places = [(d, n) for d, day in enumerate(days) for n in range(len(day))]
    if not places:
        return
    d, n = data.draw(st.sampled_from(places))
    lines = mt940(whole, opening=0).decode().split(":61:")
    before = sum(len(day) for day in days[:d]) + n + 1
    tail = lines[before]
    kept = tail[tail.index(":62F:") :] if ":62F:" in tail else ""
    spoilt = ":61:".join(lines[:before]) + kept + "".join(f":61:{each}" for each in lines[before + 1 :])

    try:
        bank.takes_in(spoilt.encode())
    except StatementRefused:
        assert bank.lines == []
    else:
        raise AssertionError("a line was missing and the file was taken")


@given(st.lists(st.builds(Line, booked_on=st.just(FIRST_DAY), amount=st.integers(-3, 3), text=st.just("x"))))
def test_equal_lines_are_counted_and_never_merged(lines: list[Line]):
    counted = numbered(lines)

    assert [line for line, _ in counted] == lines
    assert len({(line.fingerprint, place) for line, place in counted}) == len(lines)
