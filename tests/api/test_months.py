"""A month over the API: shown, closed, handed out, opened again, and exported."""

import zipfile
from hashlib import sha256
from io import BytesIO

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.staff import people, tokens
from payments.staff.models import AuditEntry, Role, StaffMember
from tests.api.test_reconciliation import Desk, problem
from tests.reconciliation.conftest import finn, open_account
from tests.reconciliation.october import October
from tests.reconciliation.treasury import Bank

__all__ = ["finn"]


@pytest.fixture
def desk(client: TestClient, finn: StaffMember) -> Desk:
    with transaction() as session:
        adam = people.find(session, "adam@example.org")
        olga = people.add(session, email="olga@example.org", name="Olga", roles=[Role.APPROVER], by=adam)
        staff = {"finn": finn, "olga": olga, "vera": people.find(session, "vera@example.org"), "adam": adam}
        held = {name: tokens.make(session, person, days=1, by=adam) for name, person in staff.items()}
    open_account(finn, "operating", currency="usd", csv="american")
    October(Bank(finn, "operating"))
    return Desk(client, held)


def test_a_month_is_closed_handed_out_and_opened_again_by_somebody_else(desk: Desk):
    before = desk.reads("vera", "months/2026-10").json()
    refused = [desk.sends(who, "months/2026-10/close") for who in ("vera", "adam", "nobody")]

    closed = desk.sends("finn", "months/2026-10/close")
    again = desk.sends("finn", "months/2026-10/close")
    pack = desk.reads("vera", "months/2026-10/pack")
    pages = [desk.reads("vera", "months/2026-10/report", format=form) for form in ("html", "xlsx")]
    not_his = desk.sends("finn", "months/2026-10/reopen", {"reason": "x"})
    silent = desk.sends("olga", "months/2026-10/reopen", {"reason": ""})
    opened = desk.sends("olga", "months/2026-10/reopen", {"reason": "a statement was missing"})

    fees = desk.reads("vera", "months/2026-10/fees").json()

    assert sum(line["amount"] for line in fees["kept"]) == sum(line["fee"] for line in fees["by_method"])
    assert desk.reads("vera", "months/2026-10/fees/report", format="xlsx").content[:2] == b"PK"
    assert (before["status"], before["is_ready"]) == ("open", True)
    [usd] = [proof for proof in before["tie_outs"] if proof["currency"] == "usd"]
    assert (usd["unexplained"], usd["is_proven"]) == (0, True)
    assert sum(line["debit"] - line["credit"] for line in before["trial_balance"]) == 0
    assert [answer.status_code for answer in refused] == [403, 403, 401]
    assert (closed.status_code, closed.json()["status"]) == (201, "closed")
    assert problem(again)[0] == 409
    assert sha256(pack.content).hexdigest() == closed.json()["pack_sha256"]
    assert "month.json" in zipfile.ZipFile(BytesIO(pack.content)).namelist()
    assert "✓ Closed" in pages[0].text
    assert pages[1].content[:2] == b"PK"
    assert problem(not_his) == (403, "role-missing")
    assert problem(silent) == (422, "reason-missing")
    assert opened.json()["status"] == "reopened"
    assert desk.reads("vera", "months").json()["months"][-1]["status"] == "reopened"
    with transaction() as session:
        deeds = session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)).all()
    assert list(deeds)[-2:] == ["month.close", "month.reopen"]


def test_a_month_that_is_not_ready_says_what_is_lacking(desk: Desk):
    missing = desk.sends("finn", "months/2026-11/close")
    unreadable = desk.reads("vera", "months/november")
    nobody = desk.reads("vera", "months/2026-10", entity="nowhere")
    no_pack = desk.reads("vera", "months/2026-10/pack")

    assert problem(missing) == (409, "month-not-ready")
    assert "November 2026 cannot be closed" in missing.json()["detail"]
    assert problem(unreadable) == (422, "month-unreadable")
    assert problem(nobody) == (404, "entity-not-found")
    assert problem(no_pack) == (409, "month-not-closed")


def test_an_export_leaves_once_and_is_fetched_as_often_as_one_likes(desk: Desk):
    wanted = {"target": "csv", "month": "2026-10"}

    def make(who: str, key: str, **change: str):
        headers = desk.headers(who) | {"Idempotency-Key": key}
        return desk.client.post("/api/v1/exports", headers=headers, json=wanted | change)

    made = make("finn", "october-csv")
    same, second = make("finn", "october-csv"), make("finn", "october-csv-2")
    files = [desk.reads(who, f"exports/{made.json()['number']}/file") for who in ("finn", "vera")]
    listed = desk.reads("vera", "exports").json()

    assert made.status_code == 201, made.text
    assert same.json() == made.json()
    assert problem(second) == (409, "nothing-to-export")
    assert problem(make("finn", "to-nowhere", target="nowhere")) == (422, "target-unknown")
    assert problem(make("finn", "to-come-0", until="2099-01-01")) == (422, "day-to-come")
    assert problem(make("vera", "october-csv")) == (403, "role-missing")
    assert {sha256(file.content).hexdigest() for file in files} == {made.json()["sha256"]}
    assert problem(desk.reads("adam", "exports/1/file")) == (403, "role-missing")
    assert problem(desk.reads("vera", "exports/99")) == (404, "export-not-found")
    assert (listed["exports"], listed["next"]) == ([made.json()], None)
    with transaction() as session:
        fetched = session.scalars(select(AuditEntry).where(AuditEntry.deed == "export.download")).all()
    assert len(fetched) == 2


def test_exports_come_page_by_page_the_newest_first(desk: Desk):
    for number, target in enumerate(["csv", "jsonl", "beancount"]):
        headers = desk.headers("finn") | {"Idempotency-Key": f"export-{number}"}
        wanted = {"target": target, "month": "2026-10"}
        assert desk.client.post("/api/v1/exports", headers=headers, json=wanted).status_code == 201

    first = desk.reads("vera", "exports", limit=2).json()
    second = desk.reads("vera", "exports", limit=2, after=first["next"]).json()
    of_csv = desk.reads("vera", "exports", limit=1, target="csv").json()

    assert [each["target"] for each in first["exports"]] == ["beancount", "jsonl"]
    assert ([each["target"] for each in second["exports"]], second["next"]) == (["csv"], None)
    assert (of_csv["exports"], of_csv["next"]) == (second["exports"], None)
