"""Every long list comes page by page, to its end, also where many rows are of one moment."""

from datetime import date

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.reversals import Refund, RefundStatus
from payments.reconciliation.stripe_reports.models import StripeReport
from payments.staff import people, tokens
from payments.staff.models import Role, StaffMember
from tests.monthly.promises import a_monthly_gift

FIVE = range(5)


@pytest.fixture
def adam(client: TestClient) -> StaffMember:
    with transaction() as session:
        return people.add_first(session, email="adam@example.org", name="Adam", roles=[Role.ADMIN])


def monthly_gifts(session: Session, adam: StaffMember) -> None:
    for number in FIVE:
        a_monthly_gift(session, email=f"{number}@example.com")


def refunds(session: Session, adam: StaffMember) -> None:
    session.add_all(
        Refund(
            id=f"rfd_{number}",
            stripe_refund_id=f"re_{number}",
            stripe_charge_id=f"ch_{number}",
            amount=100,
            currency="usd",
            status=RefundStatus.SUCCEEDED,
            origin="stripe",
        )
        for number in FIVE
    )


def stripe_reports(session: Session, adam: StaffMember) -> None:
    session.add_all(
        StripeReport(
            id=f"rep_{number}",
            kind="ending_balance",
            file_name=f"{number}.csv",
            sha256=str(number),
            size=1,
            row_count=0,
            time_zone="UTC",
            first_day=date(2026, 10, 1),
            last_day=date(2026, 10, 31),
            totals=[],
            imported_by=adam.id,
        )
        for number in FIVE
    )


@pytest.mark.parametrize("made", [monthly_gifts, refunds, stripe_reports])
def test_a_long_list_is_read_to_its_end(client: TestClient, adam: StaffMember, made) -> None:
    name = made.__name__
    with transaction() as session:
        made(session, adam)
        token = tokens.make(session, session.get_one(StaffMember, adam.id), days=1, by=adam)

    def read(after: str | None) -> dict:
        asked = {"limit": 2} | ({"after": after} if after else {})
        headers = {"authorization": f"Bearer {token}"}
        return client.get(f"/api/v1/{name.replace('_', '-')}", params=asked, headers=headers).json()

    pages = [read(None)]
    while pages[-1]["next"] is not None:
        pages.append(read(pages[-1]["next"]))

    found = [row["id"] for page in pages for row in page[name]]
    assert [len(page[name]) for page in pages] == [2, 2, 1]
    assert len(set(found)) == 5
    assert read("x_nobody")["status"] in {404, 422}
