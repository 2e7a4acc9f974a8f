"""A payout is late after two working days of the banks that carry it, and on none before."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reconciliation import bank_days, findings
from payments.reconciliation.models import BankAccount, BankStatement, Payout
from payments.staff.models import StaffMember

DAY = timedelta(days=1)
NOTHING_SPECIAL = ("US", "usd")


def expected(session: Session, finn: StaffMember, on: date, *, country: str, currency: str) -> None:
    """A payout that never comes."""
    session.execute(
        text("update issuing_entities set jurisdiction = :country where id = 'us'"), {"country": country}
    )
    session.add(
        BankAccount(id="giro", entity_id="us", name="Giro", currency=currency, number=None, added_by=finn.id)
    )
    session.flush()
    session.add(
        Payout(
            stripe_payout_id="po_1",
            amount=2500,
            currency=currency,
            status="paid",
            made_at=datetime.combine(on, datetime.min.time(), UTC),
            arrives_on=on,
            is_automatic=True,
            method="standard",
            reconciliation_status="completed",
            said_at=datetime.combine(on, datetime.min.time(), UTC),
        )
    )
    session.flush()


def told(session: Session, finn: StaffMember, first_day: date, last_day: date) -> None:
    """A statement of these days, without a line."""
    session.add(
        BankStatement(
            id=f"bst_{last_day}",
            bank_account_id="giro",
            format="mt940",
            file_name="giro.sta",
            sha256=f"{last_day}",
            file=b"",
            first_day=first_day,
            last_day=last_day,
            line_count=0,
            imported_by=finn.id,
        )
    )
    session.flush()


def found(session: Session, kind: str, today: date) -> list[str]:
    at = datetime.combine(today, datetime.min.time(), UTC)
    return [each.subject_id for each in findings.everything(session, at=at, today=today) if each.kind == kind]


@pytest.mark.parametrize(
    ("where", "arrives", "late_on"),
    [
        pytest.param(NOTHING_SPECIAL, date(2026, 11, 10), date(2026, 11, 14), id="over Veterans Day"),
        pytest.param(NOTHING_SPECIAL, date(2026, 11, 17), date(2026, 11, 20), id="within a week"),
        pytest.param(NOTHING_SPECIAL, date(2026, 11, 20), date(2026, 11, 25), id="over a weekend"),
        pytest.param(NOTHING_SPECIAL, date(2026, 11, 21), date(2026, 11, 25), id="on a Saturday"),
        pytest.param(NOTHING_SPECIAL, date(2026, 11, 25), date(2026, 12, 1), id="before Thanksgiving"),
        pytest.param(("KR", "krw"), date(2026, 9, 23), date(2026, 9, 30), id="before Chuseok"),
        pytest.param(("GB", "gbp"), date(2026, 12, 24), date(2026, 12, 31), id="before Christmas"),
        pytest.param(("US", "eur"), date(2026, 4, 2), date(2026, 4, 9), id="in euros, before Easter"),
        pytest.param(("QQ", "usd"), date(2026, 11, 25), date(2026, 12, 1), id="in an unknown country"),
        pytest.param(("QQ", "kwd"), date(2026, 11, 25), date(2026, 11, 28), id="and an unknown currency"),
    ],
)
def test_a_payout_is_overdue_after_two_working_days_and_not_before(
    session: Session, finn: StaffMember, where: tuple[str, str], arrives: date, late_on: date
) -> None:
    country, currency = where
    expected(session, finn, arrives, country=country, currency=currency)
    told(session, finn, arrives - DAY, arrives + 30 * DAY)

    first = next(
        arrives + days * DAY for days in range(30) if found(session, "payout_overdue", arrives + days * DAY)
    )

    assert first == late_on


def test_a_statement_that_ends_before_those_days_is_what_is_missing(
    session: Session, finn: StaffMember
) -> None:
    wednesday, friday, monday = date(2026, 11, 25), date(2026, 11, 27), date(2026, 11, 30)
    kinds = ("bank_not_imported", "payout_overdue")
    expected(session, finn, wednesday, country="US", currency="usd")

    told(session, finn, wednesday, friday)
    at_first = [kind for kind in kinds if found(session, kind, monday + 4 * DAY)]
    told(session, finn, friday + DAY, monday)
    then = [kind for kind in kinds if found(session, kind, monday + 4 * DAY)]

    assert (at_first, then) == (["bank_not_imported"], ["payout_overdue"])


def test_no_country_of_ours_is_without_its_days() -> None:
    places = ["US", "KR", "GB", "CA", "AU", "DE", "JP", "CH", "ECB"]

    assert {place: len(bank_days.closed_in(place, 2026)) > 5 for place in places} == dict.fromkeys(
        places, True
    )
