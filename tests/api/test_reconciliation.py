"""Payouts, the bank and the queue over the API: what the terminal does, for whoever may do it there."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select

from payments.api import bank as bank_api
from payments.database import transaction
from payments.ledger.models import BalanceTransaction
from payments.reconciliation.models import BankStatement, Payout, PayoutLine
from payments.staff import people, tokens
from payments.staff.models import AuditEntry, Role
from tests.reconciliation.bank_files import mt940

DAY = date(2026, 11, 2)
ROLES = {"finn": Role.FINANCE, "abe": Role.APPROVER, "vera": Role.VIEWER, "sue": Role.SUPPORT}


class Desk:
    """Staff with their tokens before the API."""

    def __init__(self, client: TestClient, held: Mapping[str, str]) -> None:
        self.client, self._held = client, held

    def sends(self, who: str, path: str, body: Any = None, **query: Any) -> Response:
        """A POST; a file where the body is bytes."""
        what: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body or {}}
        answer: Response = self.client.post(
            f"/api/v1/{path}", headers=self.headers(who), params=query, **what
        )
        return answer

    def reads(self, who: str, path: str, **query: Any) -> Response:
        """A GET."""
        answer: Response = self.client.get(f"/api/v1/{path}", headers=self.headers(who), params=query)
        return answer

    def takes_in(self, *lines: tuple[int, str], who: str = "finn", **query: Any) -> Response:
        """A statement of one day."""
        file = mt940([(DAY, list(lines))], opening=0, currency="USD")
        return self.sends(who, "bank-accounts/operating/statements", file, file_name="nov.sta", **query)

    def lines(self, **query: Any) -> list[dict[str, Any]]:
        """The bank's, as everybody reads them."""
        found: list[dict[str, Any]] = self.reads("vera", "bank-lines", **query).json()["bank_lines"]
        return found

    def headers(self, who: str) -> dict[str, str]:
        """With somebody's token."""
        return {"Authorization": f"Bearer {self._held.get(who, who)}"}


@pytest.fixture
def desk(client: TestClient) -> Desk:
    held = {}
    with transaction() as session:
        adam = people.add_first(session, email="adam@example.org", name="Adam", roles=[Role.ADMIN])
        for name, role in ROLES.items():
            person = people.add(
                session, email=f"{name}@example.org", name=name.title(), roles=[role], by=adam
            )
            held[name] = tokens.make(session, person, days=1, by=adam)
    desk = Desk(client, held)
    added = desk.sends("finn", "bank-accounts", {"id": "operating", "entity": "us", "currency": "usd"})
    assert added.status_code == 201, added.text
    return desk


@pytest.fixture
def pays() -> Callable[..., str]:
    """Stripe tells of a payout."""

    def pay(name: str, amount: int, day: date = DAY, **how: Any) -> str:
        made_at = datetime.combine(day - timedelta(days=2), datetime.min.time(), UTC)
        with transaction() as session:
            session.add(
                Payout(
                    stripe_payout_id=name,
                    amount=amount,
                    currency="usd",
                    made_at=made_at,
                    arrives_on=day,
                    said_at=made_at,
                    **{
                        "status": "paid",
                        "is_automatic": True,
                        "method": "standard",
                        "reconciliation_status": "completed",
                    }
                    | how,
                )
            )
        return name

    return pay


def moved(name: str, amount: int, at: datetime, category: str = "charge") -> BalanceTransaction:
    """Of Stripe's balance, without a fee."""
    return BalanceTransaction(
        stripe_balance_transaction_id=name,
        reporting_category=category,
        type=category,
        source_id=None,
        amount=amount,
        fee=0,
        net=amount,
        currency="usd",
        created_at=at,
        available_on=at,
    )


def problem(answer: Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def deeds() -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)))


def test_who_may_do_what_at_the_terminal_may_do_it_here_and_nobody_else(desk: Desk):
    may = {
        "reads": {"finn", "abe", "vera", "sue"},
        "imports": {"finn"},
        "ignores": {"finn"},
        "goes a round": {"finn", "abe"},
        "assigns": {"finn", "abe"},
        "accepts": {"abe"},
    }
    tried = {
        "reads": lambda who: desk.reads(who, "payouts"),
        "imports": lambda who: desk.takes_in((100, "INTEREST"), who=who),
        "ignores": lambda who: desk.sends(who, "bank-lines/bln_x/ignore", {"reason": "x"}),
        "goes a round": lambda who: desk.sends(who, "reconciliations"),
        "assigns": lambda who: desk.sends(who, "exceptions/exc_x/assign", {"to": "finn@example.org"}),
        "accepts": lambda who: desk.sends(who, "exceptions/exc_x/accept", {"reason": "x"}),
    }

    allowed = {
        deed: {who for who in ROLES if attempt(who).status_code not in {401, 403}}
        for deed, attempt in tried.items()
    }

    assert allowed == may
    assert {attempt("nobody").status_code for attempt in tried.values()} == {401}


def test_a_statement_is_taken_in_once_and_proven_as_at_the_terminal(desk: Desk):
    taken = desk.takes_in((100, "INTEREST"), (2500, "BEN OH"))
    again = desk.takes_in((100, "INTEREST"), (2500, "BEN OH"))
    unreadable = desk.sends("finn", "bank-accounts/operating/statements", b"\x89PNG no statement")
    empty = desk.sends("finn", "bank-accounts/operating/statements", b"")
    nowhere = desk.sends("finn", "bank-accounts/nowhere/statements", b"x")

    assert (taken.status_code, taken.json()["new_lines"], taken.json()["format"]) == (201, 2, "mt940")
    assert (again.json()["is_known_file"], again.json()["id"]) == (True, taken.json()["id"])
    assert problem(unreadable) == (422, "statement-refused")
    assert problem(empty) == (422, "upload-empty")
    assert problem(nowhere) == (404, "bank-account-not-found")
    with transaction() as session:
        assert session.scalars(select(BankStatement.file_name)).all() == ["nov.sta"]
    assert deeds().count("bank.import") == 1


def test_a_file_may_be_larger_than_a_form_and_not_without_end(desk: Desk):
    large = b"0" * (1024 * 1024)
    too_large = b"0" * (bank_api.LARGEST_STATEMENT + 1)

    assert problem(desk.sends("finn", "bank-accounts/operating/statements", large))[0] == 422
    assert problem(desk.sends("finn", "bank-accounts/operating/statements", too_large)) == (413, "too-large")
    assert problem(desk.sends("vera", "bank-accounts/operating/statements", large)) == (403, "role-missing")
    assert desk.sends("finn", "bank-lines/bln_x/ignore", {"reason": "x" * 100_000}).status_code == 413


def test_a_line_is_said_what_it_is_and_that_is_undone(desk: Desk, pays: Callable[..., str]):
    one, other = pays("po_1", 2500), pays("po_2", 4000)
    desk.takes_in((6500, "STRIPE"), (100, "INTEREST"))
    batch, interest = sorted(desk.lines(), key=lambda line: -line["amount"])

    wrong = desk.sends("finn", f"bank-lines/{batch['id']}/match", {"payouts": [one], "reason": "x"})
    neither = desk.sends("finn", f"bank-lines/{batch['id']}/match", {"reason": "x"})
    silent = desk.sends("finn", f"bank-lines/{interest['id']}/ignore", {"reason": " "})
    said = desk.sends("finn", f"bank-lines/{batch['id']}/match", {"payouts": [one, other], "reason": "seen"})
    desk.sends("finn", f"bank-lines/{interest['id']}/ignore", {"reason": "interest"})
    unsaid = desk.lines(unsaid=True)
    undone = desk.sends("finn", f"bank-lines/{batch['id']}/unmatch", {"reason": "another's"})

    assert problem(wrong) == (409, "match-refused")
    assert problem(neither) == (422, "invalid-request")
    assert problem(silent) == (422, "reason-missing")
    assert [match["subject"] for match in said.json()["matches"]] == [one, other]
    assert unsaid == []
    assert all(match["is_undone"] for match in undone.json()["matches"])
    assert deeds()[-5:] == ["bank.match"] * 3 + ["bank.unmatch"] * 2


def test_a_top_up_is_said_to_be_a_line_and_that_is_undone(desk: Desk):
    with transaction() as session:
        session.add(moved("txn_topup", 5000, datetime(2026, 11, 2, 20, tzinfo=UTC), "topup"))
    desk.takes_in((-5000, "WIRE 4711"))
    [line] = desk.lines()
    path = f"bank-lines/{line['id']}"

    both = desk.sends("finn", f"{path}/match", {"topup": "txn_topup", "payouts": ["po_1"], "reason": "x"})
    said = desk.sends("finn", f"{path}/match", {"topup": "txn_topup", "reason": "seen"}).json()
    undone = desk.sends("finn", f"{path}/unmatch", {"reason": "another's"}).json()
    other = desk.sends("finn", f"{path}/match", {"topup": "txn_0", "reason": "x"})

    assert problem(both) == (422, "invalid-request")
    assert [(each["kind"], each["subject"]) for each in said["matches"]] == [("topup", "txn_topup")]
    assert [each["is_undone"] for each in undone["matches"]] == [True]
    assert problem(other) == (409, "match-refused")


def test_long_lists_come_page_by_page_and_none_is_left_out(desk: Desk, pays: Callable[..., str]):
    for number in range(5):
        pays(f"po_{number}", 1000 + number, DAY + timedelta(days=number // 2))
    desk.takes_in(*((number, f"LINE {number}") for number in range(1, 6)))

    def walked(path: str, name: str, key: str = "id") -> list[str]:
        found: list[str] = []
        answer = desk.reads("vera", path, limit=2).json()
        while True:
            found += [each[key] for each in answer[name]]
            if answer["next"] is None:
                return found
            answer = desk.reads("vera", path, limit=2, after=answer["next"]).json()

    assert walked("payouts", "payouts") == ["po_4", "po_3", "po_2", "po_1", "po_0"]
    assert len(set(walked("bank-lines", "bank_lines"))) == 5
    assert (
        len(desk.reads("vera", "payouts", **{"from": "2026-11-03", "to": "2026-11-03"}).json()["payouts"])
        == 2
    )
    desk.sends("finn", "reconciliations")
    at_once = desk.reads("vera", "exceptions", limit=100).json()["exceptions"]
    assert walked("exceptions", "exceptions", "subject") == [each["subject"] for each in at_once]
    assert {f"po_{number}" for number in range(5)} <= {each["subject"] for each in at_once}
    assert problem(desk.reads("vera", "payouts", after="po_x")) == (404, "payout-not-found")


def test_a_payout_is_shown_with_its_lines_and_its_report(desk: Desk, pays: Callable[..., str]):
    pays("po_1", 2500)
    pays("po_2", 5000, is_automatic=False)
    with transaction() as session:
        session.add_all(
            PayoutLine(stripe_payout_id="po_1", stripe_balance_transaction_id=f"txn_{n}", net=500)
            for n in range(5)
        )

    one, by_hand = (desk.reads("vera", f"payouts/po_{n}").json() for n in (1, 2))
    lines = desk.reads("vera", "payouts/po_1/lines", limit=3).json()
    rest = desk.reads("vera", "payouts/po_1/lines", limit=3, after=lines["next"]).json()
    lost = desk.reads("vera", "payouts/po_1/lines", after="txn_x")
    page = desk.reads("vera", "payouts/po_1/report", lang="ko")
    book = desk.reads("vera", "payouts/po_1/report", format="xlsx")

    assert (one["amount"], one["currency"], one["proof"], one["line_count"]) == (2500, "usd", "waiting", 5)
    assert by_hand["is_automatic"] is False
    assert [line["balance_transaction"] for line in lines["lines"] + rest["lines"]] == [
        f"txn_{n}" for n in range(5)
    ]
    assert (len(lines["lines"]), rest["next"]) == (3, None)
    assert problem(lost) == (422, "cursor-unknown")
    assert '<html lang="ko">' in page.text
    assert book.content[:2] == b"PK"
    assert problem(desk.reads("vera", "payouts/po_x")) == (404, "payout-not-found")


def test_the_lines_of_a_payout_come_in_one_order_however_long_a_page_is(desk: Desk, pays: Callable[..., str]):
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    pays("po_1", 2500, stripe_balance_transaction_id="txn_a_own")
    booked = {"txn_z": -2, "txn_b": -1, "txn_c": -1, "txn_a_own": -3}
    every = ["txn_z", "txn_b", "txn_c", "txn_unbooked_1", "txn_unbooked_2", "txn_a_own"]
    with transaction() as session:
        session.add_all(moved(name, 500, noon + timedelta(hours=hours)) for name, hours in booked.items())
        session.add_all(
            PayoutLine(stripe_payout_id="po_1", stripe_balance_transaction_id=name, net=500) for name in every
        )

    def walked(limit: int) -> list[str]:
        answer = desk.reads("vera", "payouts/po_1/lines", limit=limit).json()
        found = [line["balance_transaction"] for line in answer["lines"]]
        while answer["next"] is not None:
            answer = desk.reads("vera", "payouts/po_1/lines", limit=limit, after=answer["next"]).json()
            assert len(answer["lines"]) <= limit
            found += [line["balance_transaction"] for line in answer["lines"]]
        return found

    assert {limit: walked(limit) for limit in (1, 2, 5, 6, 100)} == dict.fromkeys((1, 2, 5, 6, 100), every)


def test_an_exception_is_given_and_accepted_by_somebody_else(desk: Desk):
    desk.takes_in((100, "INTEREST"))
    went = desk.sends("finn", "reconciliations").json()
    [found] = desk.reads("vera", "exceptions", blocking=True).json()["exceptions"]
    path = f"exceptions/{found['id']}"

    stranger = desk.sends("finn", f"{path}/assign", {"to": "who@example.org"})
    given = desk.sends("finn", f"{path}/assign", {"to": "abe@example.org", "due_on": "2026-12-01"}).json()
    own = desk.sends("abe", f"{path}/accept", {"reason": "fine"})
    desk.sends("finn", f"{path}/assign", {"to": "finn@example.org"})
    accepted = desk.sends("abe", f"{path}/accept", {"reason": "agreed with the auditor"}).json()
    again = desk.sends("abe", f"{path}/accept", {"reason": "x"})

    assert (went["open"], went["blocks_close"], found["kind"]) == (1, 1, "bank_line_unmatched")
    assert problem(stranger) == (422, "staff-unknown")
    assert (given["owner_name"], given["due_on"]) == ("Abe", "2026-12-01")
    assert problem(own) == (403, "own-exception")
    assert (accepted["status"], accepted["note"]) == ("accepted", "agreed with the auditor")
    assert problem(again) == (404, "exception-not-found")
    assert desk.reads("vera", "exceptions").json() == {"exceptions": [], "next": None}
    assert "agreed with the auditor" in desk.reads("vera", "exceptions/report").text
    assert deeds()[-3:] == ["exception.give_to", "exception.give_to", "exception.accept"]


def test_a_page_of_the_queue_goes_on_after_an_exception_that_is_closed_by_now(desk: Desk):
    desk.takes_in(*((number, f"LINE {number}") for number in range(1, 6)))
    desk.sends("finn", "reconciliations")
    for each in desk.reads("vera", "exceptions").json()["exceptions"][3:]:
        desk.sends("abe", f"exceptions/{each['id']}/assign", {"to": "finn@example.org"})
    every = desk.reads("vera", "exceptions").json()["exceptions"]
    finn = every[4]["owner"]

    first = desk.reads("vera", "exceptions", limit=2).json()
    desk.sends("abe", f"exceptions/{first['next']}/accept", {"reason": "agreed"})
    second = desk.reads("vera", "exceptions", limit=2, after=first["next"]).json()
    of_finn = desk.reads("vera", "exceptions", limit=1, owner=finn, kind="bank_line_unmatched").json()

    assert first["exceptions"] + second["exceptions"] == every[:4]
    assert [each["subject"] for each in of_finn["exceptions"]] == [every[3]["subject"]]
    assert of_finn["next"] == every[3]["id"]
    assert desk.reads("vera", "exceptions", kind="payout_differs").json() == {"exceptions": [], "next": None}
    assert problem(desk.reads("vera", "exceptions", after="exc_x")) == (404, "exception-not-found")


def test_every_route_is_described_with_its_file_and_its_problems(client: TestClient):
    document = client.get("/api/v1/openapi.json").json()

    upload = document["paths"]["/api/v1/bank-accounts/{account_id}/statements"]["post"]
    assert list(upload["requestBody"]["content"]) == ["application/octet-stream"]
    assert {"401", "403", "404", "413", "422"} <= set(upload["responses"])
    asked = {parameter["name"] for parameter in upload["parameters"]}
    assert {"account_id", "file_name", "from", "to", "accept_gap"} <= asked
    assert upload["security"]


def test_a_character_that_no_text_may_have_is_no_fault_of_ours(desk: Desk):
    for path, asked in (
        ("exceptions", {"kind": "\0"}),
        ("exceptions", {"owner": "a\0"}),
        ("payouts", {"status": "\0"}),
    ):
        answer = desk.reads("vera", path, **asked)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request"), asked


def test_a_report_of_stripes_is_compared_for_finance_only(desk: Desk):
    sent = {
        who: desk.sends(who, "stripe-reports", b"balance_transaction_id,nonsense\n", file_name="x.csv")
        for who in ROLES
    }
    listed = desk.reads("vera", "stripe-reports")

    assert {who: problem(answer) for who, answer in sent.items()} == {
        "finn": (422, "report-refused"),
        **dict.fromkeys(["abe", "vera", "sue"], (403, "role-missing")),
    }
    assert listed.json() == {"stripe_reports": [], "next": None}
