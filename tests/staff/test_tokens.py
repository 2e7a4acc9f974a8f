"""Tokens: what opens the staff API, what does not, and what is seen of them."""

import pytest
from sqlalchemy import select, text
from starlette.testclient import TestClient

from payments.database import transaction
from payments.staff import people, tokens
from payments.staff.models import AuditEntry, Role, StaffMember, StaffToken
from payments.staff.people import NotAllowed
from payments.staff.tokens import TokenTooLong, TokenUnknown


@pytest.fixture
def adam(server: TestClient) -> StaffMember:
    """The first admin."""
    with transaction() as session:
        return people.add_first(session, email="adam@lp.example", name="Adam", roles=[Role.ADMIN])


@pytest.fixture
def vera(adam: StaffMember) -> StaffMember:
    """Reads."""
    with transaction() as session:
        return people.add(session, email="vera@lp.example", name="Vera", roles=[Role.VIEWER], by=adam)


def made(person: StaffMember, by: StaffMember, days: int = 90) -> str:
    with transaction() as session:
        return tokens.make(session, person, days=days, by=by)


def reads(server: TestClient, token: str | None, scheme: str = "Bearer") -> tuple[int, str]:
    headers = {"Authorization": f"{scheme} {token}"} if token is not None else {}
    answer = server.get("/api/v1/refunds", headers=headers)
    return answer.status_code, answer.json().get("type", "")


def test_a_token_opens_the_api_for_its_person(
    server: TestClient, adam: StaffMember, vera: StaffMember
) -> None:
    token = made(vera, adam)

    assert token.startswith("alm_")
    assert reads(server, token) == (200, "")


@pytest.mark.parametrize(
    "token", [None, "", "alm_wrong", "nonsense", "alm_" + "x" * 5000, "가나다".encode().hex()]
)
def test_what_is_no_token_is_refused_alike(server: TestClient, adam: StaffMember, token: str | None) -> None:
    assert reads(server, token) == (401, "/problems/staff-token-refused")


def test_a_refusal_says_how_to_knock(server: TestClient, adam: StaffMember) -> None:
    answer = server.get("/api/v1/refunds")

    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["detail"] == "Send a valid staff token: `Authorization: Bearer alm_…`."


def test_a_token_is_kept_only_as_its_hash(server: TestClient, adam: StaffMember, vera: StaffMember) -> None:
    token = made(vera, adam)

    with transaction() as session:
        kept = session.scalars(select(StaffToken)).one()
        logged = str([line.facts for line in session.scalars(select(AuditEntry))])
    assert token not in str(vars(kept))
    assert token not in logged
    assert kept.prefix == token[:12]


def test_an_ended_a_revoked_and_a_leavers_token_open_nothing(
    server: TestClient, adam: StaffMember, vera: StaffMember
) -> None:
    ended, revoked, leavers = (made(vera, adam) for _ in range(3))
    with transaction() as session:
        session.execute(
            text("update staff_tokens set expires_at = now() where prefix = :p"), {"p": ended[:12]}
        )
        tokens.revoke(session, revoked[:12], by=adam, reason="lost")

    assert reads(server, ended)[0] == reads(server, revoked)[0] == 401
    assert reads(server, leavers)[0] == 200
    with transaction() as session:
        people.deactivate(session, people.find(session, vera.email), by=adam, reason="left")
    assert reads(server, leavers)[0] == 401


def test_a_refused_token_is_logged_by_its_first_letters(
    server: TestClient, adam: StaffMember, caplog: pytest.LogCaptureFixture
) -> None:
    reads(server, "alm_abcdefgh-the-rest-is-secret")

    assert "alm_abcdefgh" in caplog.text
    assert "the-rest" not in caplog.text


def test_a_person_without_a_role_gets_no_token(adam: StaffMember) -> None:
    with transaction() as session:
        nobody = people.add(session, email="n@lp.example", name="N", roles=[], by=adam)

    with transaction() as session, pytest.raises(NotAllowed):
        tokens.make(session, nobody, days=1, by=adam)


def test_tokens_of_others_are_an_admins_business(adam: StaffMember, vera: StaffMember) -> None:
    of_adam = made(adam, adam)

    with transaction() as session:
        with pytest.raises(NotAllowed):
            tokens.make(session, adam, days=1, by=vera)
        with pytest.raises(NotAllowed):
            tokens.revoke(session, of_adam[:12], by=vera, reason="mine now")
        with pytest.raises(TokenUnknown):
            tokens.revoke(session, "alm_nothing", by=adam, reason="lost")
    assert made(vera, vera)


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_token_lasts_a_day_to_a_year(adam: StaffMember, days: int) -> None:
    with transaction() as session, pytest.raises(TokenTooLong):
        tokens.make(session, adam, days=days, by=adam)


def test_the_donors_doors_need_no_token(server: TestClient, adam: StaffMember) -> None:
    assert server.get("/api/v1/funds").status_code == 200
    assert server.get("/api/v1/donations/don_nobody").status_code == 404


def test_every_staff_route_refuses_a_stranger(server: TestClient, adam: StaffMember) -> None:
    routes = server.get("/api/v1/openapi.json").json()["paths"]
    staffs = [
        (method, path.replace("{refund_id}", "x").replace("{warning_id}", "x").replace("{donation_id}", "x"))
        for path, methods in routes.items()
        for method in methods
        if any(part in path for part in ("refund", "fraud", "offline", "deposit"))
    ]

    answers = {
        (method, path): server.request(
            method, path, json={}, headers={"Idempotency-Key": "12345678"}
        ).status_code
        for method, path in staffs
    }

    assert len(answers) == 9
    assert set(answers.values()) == {401}, answers
