"""A month closed in the console once, or not, with what stands against it; opened again by somebody else."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, func, select, text

from payments.database import transaction
from payments.reconciliation.closings import MonthClosing
from payments.staff.models import AuditEntry, StaffMember
from tests.pages.console.filling_in import sends
from tests.pages.console.reading import links, table, words
from tests.reconciliation.conftest import open_account
from tests.reconciliation.october import October
from tests.reconciliation.treasury import Bank

Desk = Callable[[str], TestClient]

MONTH = "/console/months/2026-10"


@pytest.fixture
def october(finn: StaffMember) -> October:
    """A month that is ready."""
    open_account(finn, "operating", currency="usd", csv="american")
    return October(Bank(finn, "operating"))


def closings() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(MonthClosing)) or 0


@pytest.mark.usefixtures("october")
def test_a_month_is_closed_once_and_opened_again_by_an_approver_who_did_not_close_it(desk: Desk):
    finn, abe, vera = desk("finn"), desk("abe"), desk("vera")
    assert f"{MONTH}/close" in links(finn.get(MONTH).text)
    assert f"{MONTH}/close" not in links(vera.get(MONTH).text)
    assert [who.post(f"{MONTH}/close").status_code for who in (vera, desk("sue"))] == [403, 403]
    page = finn.get(f"{MONTH}/close").text
    assert "Nothing on the checklist stands against it." in words(page)

    twice = [sends(finn, f"{MONTH}/close", page).headers["location"] for _ in range(2)]

    assert twice == [MONTH, MONTH]
    assert closings() == 1
    assert "It is closed." in words(finn.get(f"{MONTH}/close").text)
    assert f"{MONTH}/reopen" not in links(finn.get(MONTH).text)
    assert finn.get(f"{MONTH}/reopen").status_code == 403

    without = sends(abe, f"{MONTH}/reopen", reason="")
    opened = sends(abe, f"{MONTH}/reopen", reason="a statement was missing")

    assert "Say why" in words(without.text)
    assert opened.headers["location"] == MONTH
    sends(abe, f"{MONTH}/close")
    own = sends(abe, f"{MONTH}/reopen", reason="-")
    assert "Whoever closed a month does not reopen it." in words(own.text)
    with transaction() as session:
        deeds = session.scalars(
            select(AuditEntry.deed).where(AuditEntry.deed.startswith("month.")).order_by(AuditEntry.id)
        ).all()
    assert deeds == ["month.close", "month.reopen", "month.close"]


@pytest.mark.usefixtures("october")
def test_what_stands_against_it_is_told_and_nothing_is_closed(desk: Desk):
    finn = desk("finn")
    with transaction() as session:
        session.execute(text("update staff_sessions set second_factor_at = null"))
    unproven = sends(finn, "/console/months/2026-11/close")
    with transaction() as session:
        session.execute(text("update staff_sessions set second_factor_at = now()"))

    refused = sends(finn, "/console/months/2026-11/close")
    korean = finn.post("/console/months/2026-11/close?lang=ko", data={"key": "another"})

    assert "show who you are" in words(unproven.text)
    assert refused.status_code == 422
    assert "2026-11 is not closed: not everything on its checklist is so." in words(refused.text)
    assert table(refused.text, "What stands against it")
    assert "점검 목록에 맞지 않는 것이 있습니다" in words(korean.text)
    assert closings() == 0


@pytest.mark.usefixtures("october")
def test_a_law_that_is_broken_is_found_by_pressing_the_button(desk: Desk, owner: Connection):
    owner.execute(text("set session_replication_role = replica"))
    owner.execute(text("update journal_moves set amount = amount + 1 where reference like 'bt:%'"))
    owner.commit()

    refused = sends(desk("finn"), f"{MONTH}/close")

    assert "The laws of the book hold" in {row[0] for row in table(refused.text, "What stands against it")}
    assert closings() == 0
