"""A book in order is found in order."""

import pytest

from payments.verify import guards
from payments.verify.checks import named
from payments.verify.run import breaches, snapshot
from tests.verify.conftest import Seeded, everything_found, told


def test_a_book_with_every_kind_of_movement_raises_no_alarm(seeded: Seeded) -> None:
    assert not seeded.book.waiting

    with snapshot(seeded.url) as connection:
        found = everything_found(connection)

    assert not found, told(found)


_BILLED_TWICE = "update monthly_invoices set period_start = '2026-02-01' where donation_id is not null;"
_NEVER_AGREED = "update monthly_terms set amount = amount + 500;"
_GIVEN_BACK = """
    insert into refunds (id, donation_id, stripe_charge_id, amount, currency, status, origin)
    select 'rfd_' || d.id, d.id, 'ch_' || d.id, d.amount, d.currency, '{status}', 'house'
    from donations d join monthly_invoices i on i.donation_id = d.id
"""


@pytest.mark.parametrize(
    ("kind", "wrong"), [("month_charged_twice", _BILLED_TWICE), ("instalment_not_as_agreed", _NEVER_AGREED)]
)
def test_an_instalment_that_went_back_whole_raises_no_alarm_for_ever(
    seeded: Seeded, kind: str, wrong: str
) -> None:
    [check] = named([kind])
    found = {}

    for status in ("succeeded", "requested", "failed"):
        back = _GIVEN_BACK.replace("{status}", status)
        with seeded.changed(wrong + back) as (owner, _):
            found[status] = list(breaches(owner, check))

    assert not found["succeeded"], told(found["succeeded"])
    assert found["requested"]
    assert found["failed"]


def test_no_guard_of_the_database_is_left_unwatched(seeded: Seeded) -> None:
    with snapshot(seeded.url) as connection:
        rows = connection.execute(
            "select tgrelid::regclass::text, tgname from pg_trigger where not tgisinternal"
        ).fetchall()

    assert set(guards.TRIGGERS) == set(rows)
