"""What no database holds is refused with a sentence wherever it is sent, and no error goes unlogged."""

import logging

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from payments.api import problems
from payments.database import transaction
from payments.errors import PersonMustLook
from payments.staff import people, tokens
from payments.staff.models import Role

_HUGE = "9" * 23

ASKED = (
    *("monthly-gifts?donor=%00", "refunds/%00", "refunds?donation=%00", "payouts?status=%00"),
    *("payouts?after=%00", "payouts/%00", "bank-lines?account=%00", "exceptions?kind=%00"),
    *("exceptions?owner=%00", "months?entity=%00", "months/9999-12", "months/9999-12/report"),
    *(f"exports/{_HUGE}", f"exports?after={_HUGE}", "months/2026-10/pack?version=99999999999999"),
)
_CHEQUE = {
    "channel": "cheque",
    "amount": 10000,
    "currency": "usd",
    "fund": "general",
    "payer": {"name": "Ada Park", "email": "ada@example.com"},
    "received_on": "2026-11-20",
}
SENT = (
    ("refunds/%00/approve", {}),
    ("fraud-warnings/%00/refund", {}),
    ("offline-gifts", _CHEQUE | {"amount": int(_HUGE)}),
    ("offline-gifts", _CHEQUE | {"number": "12\0"}),
    ("deposits", {"gifts": ["don_\0"], "deposited_on": "2026-11-20"}),
    ("bank-accounts", {"id": "new", "entity": "us\0", "currency": "usd"}),
    ("bank-accounts", {"id": "new", "entity": "us", "currency": "usd", "csv_profile": {"date": "\0"}}),
    ("bank-lines/%00/match", {"payouts": ["po_x"], "reason": "x"}),
    ("exceptions/exc_x/assign", {"to": "finn\0"}),
    ("months/2026-10/close?entity=%00", {}),
    ("exports", {"target": "csv", "month": "0000-12"}),
    ("exports", {"target": "csv", "month": "2026-10", "entity": "\0"}),
)


@pytest.fixture
def of_staff(client: TestClient) -> dict[str, str]:
    """The token of somebody who may do everything."""
    with transaction() as session:
        adam = people.add_first(session, email="adam@example.org", name="Adam", roles=[Role.ADMIN])
        roles = [role for role in Role if role is not Role.ADMIN]
        finn = people.add(session, email="finn@example.org", name="Finn", roles=roles, by=adam)
        token = tokens.make(session, finn, days=1, by=adam)
    return {"authorization": f"Bearer {token}"}


def test_a_value_that_the_database_does_not_hold_is_422_and_no_error_of_ours(
    client: TestClient, of_staff: dict[str, str]
):
    answers = {path: client.get(f"/api/v1/{path}", headers=of_staff) for path in ASKED}
    for place, (path, body) in enumerate(SENT):
        keyed = of_staff | {"idempotency-key": f"unfit-value-{place}"}
        answers[f"{path} {body}"] = client.post(f"/api/v1/{path}", json=body, headers=keyed)

    assert {what: answer.status_code for what, answer in answers.items() if answer.status_code != 422} == {}
    assert all(answer.json()["detail"] for answer in answers.values())


def test_a_nul_in_a_field_is_told_of_that_field(client: TestClient, of_staff: dict[str, str]):
    keyed = of_staff | {"idempotency-key": "nul-in-a-note"}

    refused = client.post("/api/v1/refunds", json={"donation": "don_x", "note": "a\0"}, headers=keyed)

    assert [error["pointer"] for error in refused.json()["errors"]] == ["#/note"]


def test_an_error_that_nobody_gave_a_row_is_500_and_in_the_log(caplog: pytest.LogCaptureFixture):
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def fails() -> None:
        raise PersonMustLook("a shape that nobody knows")

    with caplog.at_level(logging.ERROR):
        answer = TestClient(app).get("/")

    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/unexpected")
    assert "a shape that nobody knows" in caplog.text
    assert "shape" not in answer.text


def test_what_is_not_here_says_where_to_look(client: TestClient):
    nowhere = client.get("/api/v1/nothing-here").json()["detail"]
    not_so = client.delete("/api/v1/funds", headers={"content-type": "application/json"}).json()["detail"]

    assert "/api/v1/openapi.json" in nowhere
    assert "`Allow`" in not_so
