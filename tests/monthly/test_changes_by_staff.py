"""Staff look at monthly gifts and steer them, by the API and at the terminal; each step is in the log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.donations.models import Charge
from payments.ledger.models import BalanceTransaction
from payments.monthly import changes
from payments.monthly.models import MonthlyInvoice
from tests.factories import a_donation
from tests.monthly.promises import BEGUN, a_monthly_gift, an_invoice
from tests.refunds.desk import PEOPLE, Desk, sentences

WHY = {"reason": "The donor wrote on Monday."}
DEEDS: dict[str, dict[str, Any]] = {
    "stop": WHY,
    "pause": {"months": 3, **WHY},
    "amount": {"amount": 5000, "currency": "usd", **WHY},
    "day": {"day": 15, **WHY},
}


@pytest.fixture
def gift(desk: Desk) -> str:
    """Ada's $30.00 a month for rescue, active."""
    with transaction() as session:
        return a_monthly_gift(session, next_charge_at=datetime.now(UTC) + timedelta(days=10)).id


def facts_of_the_log(desk: Desk, subject: str) -> list[tuple[str, str]]:
    return [(line.deed, line.reason) for line in desk.audit(subject)]


@pytest.mark.parametrize("deed", DEEDS)
def test_support_and_finance_steer_and_nobody_else(desk: Desk, gift: str, deed: str) -> None:
    answers = {
        who: desk.sends(who, f"monthly-gifts/{gift}/{deed}", DEEDS[deed]).status_code
        for who in ("vera", "adam", "abe", "sue", "finn")
    }

    assert answers == {"vera": 403, "adam": 403, "abe": 403, "sue": 200, "finn": 200}
    assert len(desk.audit(gift)) == 1


def test_everybody_who_works_here_reads(desk: Desk, gift: str) -> None:
    assert {desk.reads(who, f"monthly-gifts/{gift}").status_code for who in PEOPLE} == {200}

    one, many = desk.reads("vera", f"monthly-gifts/{gift}"), desk.reads("vera", "monthly-gifts?status=active")
    assert [each["id"] for each in many.json()["monthly_gifts"]] == [gift]
    assert one.json()["allocations"] == [{"fund": "rescue", "amount": 3000}]
    assert "ada@example.com" not in one.text
    assert "Ada" not in one.text


def test_without_a_token_nothing_is_told(desk: Desk, gift: str) -> None:
    assert desk.reads("nobody", f"monthly-gifts/{gift}").status_code == 401
    assert desk.sends("nobody", f"monthly-gifts/{gift}/stop", WHY).status_code == 401


def test_a_gift_that_staff_stopped_shows_who_why_and_that_stripe_is_being_told(desk: Desk, gift: str) -> None:
    first = desk.sends("sue", f"monthly-gifts/{gift}/stop", WHY)
    again = desk.sends("finn", f"monthly-gifts/{gift}/stop", {"reason": "again"})

    shown = first.json()
    assert (shown["status"], shown["end_reason"], shown["next_charge_at"]) == ("ended", "staff", None)
    assert [(c["kind"], c["status"], c["reason"]) for c in shown["changes"]] == [
        ("cancel", "requested", WHY["reason"])
    ]
    assert again.json() == shown
    assert facts_of_the_log(desk, gift) == [("monthly.stop", WHY["reason"])]


def test_asking_twice_is_one_change_and_one_line(desk: Desk, gift: str) -> None:
    for _ in range(2):
        desk.sends("sue", f"monthly-gifts/{gift}/amount", DEEDS["amount"])

    shown = desk.reads("vera", f"monthly-gifts/{gift}").json()
    assert shown["amount"] == 5000
    assert len(shown["changes"]) == 1
    [line] = desk.audit(gift)
    assert (line.deed, line.facts["amount"], line.facts["currency"]) == ("monthly.amount", 5000, "usd")


def test_a_pause_and_its_end(desk: Desk, gift: str) -> None:
    paused = desk.sends("sue", f"monthly-gifts/{gift}/pause", DEEDS["pause"]).json()
    resumed = desk.sends("sue", f"monthly-gifts/{gift}/resume", WHY).json()

    assert paused["changes"][0]["paused_until"] is not None
    assert [(c["kind"], c["status"]) for c in resumed["changes"]] == [
        ("resume", "requested"),
        ("pause", "overtaken"),
    ]


@pytest.mark.parametrize(
    ("asked", "problem", "sentence"),
    [
        (("stop", {"reason": " "}), (422, "reason-missing"), "Say why"),
        (("pause", {"months": 13}), (422, "pause-not-possible"), "A pause lasts from 1 to 12 months."),
        (("resume", {}), (409, "not-paused"), "This monthly gift is not paused."),
        (("day", {"day": 32}), (422, "day-unknown"), "Choose a day of the month from 1 to 31."),
        (("amount", {"amount": 1, "currency": "usd"}), (422, "amount-too-small"), "The smallest gift"),
        (("amount", {"amount": 3000, "currency": "usd"}), (409, "amount-unchanged"), "That is what you"),
        (("amount", {"amount": 50000, "currency": "krw"}), (422, "currency-fixed"), "This monthly gift is"),
        (("amount", {"amount": 5000, "currency": "usd", "x": 1}), (422, "invalid-request"), "Correct"),
        (("pause", {"months": "3"}), (422, "invalid-request"), "Correct"),
    ],
)
def test_what_cannot_be_done_is_a_problem_with_its_sentence(
    desk: Desk, gift: str, asked: tuple[str, dict[str, Any]], problem: tuple[int, str], sentence: str
) -> None:
    deed, sent = asked
    answer = desk.sends("sue", f"monthly-gifts/{gift}/{deed}", WHY | sent)

    status, name = problem
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"/problems/{name}"
    assert sentences(answer)[0].startswith(sentence)
    assert desk.audit(gift) == []


@pytest.mark.parametrize("deed", [*DEEDS, "resume"])
def test_an_unknown_gift_is_404_and_one_that_ended_is_409(desk: Desk, gift: str, deed: str) -> None:
    sent = DEEDS.get(deed, WHY)
    with transaction() as session:
        changes.cancel(session, gift)

    unknown = desk.sends("sue", f"monthly-gifts/mon_unknown/{deed}", sent)
    ended = desk.sends("sue", f"monthly-gifts/{gift}/{deed}", sent)

    assert unknown.status_code == 404
    assert ended.status_code == (200 if deed == "stop" else 409)
    assert ended.json().get("end_reason", "donor") == "donor"


def test_at_the_terminal_the_same_is_done_and_found(desk: Desk, gift: str) -> None:
    sue = ("--reason", "she wrote", "--as", "sue@lp.example")

    raised = desk.reads_json("monthly", "amount", gift, "50.00", *sue)
    paused = desk.reads_json("monthly", "pause", gift, "--months", "2", *sue)
    told = desk.types("monthly", "day", gift, "15", *sue)
    desk.types("monthly", "resume", gift, *sue)
    listed = desk.types("monthly", "list", "--status", "active")
    stopped = desk.reads_json("monthly", "stop", gift, *sue)

    assert raised["amount"] == {"amount": 5000, "currency": "usd"}
    assert [change["kind"] for change in paused["changes"]] == ["pause", "change_amount"]
    for words in ("$50.00", "charge on day 15", "on its way to Stripe", "Sue", "she wrote"):
        assert words in told
    assert gift in listed
    assert (stopped["status"], stopped["end_reason"]) == ("ended", "staff")
    assert desk.reads_json("monthly", "list", "--status", "active") == []
    assert [deed for deed, _ in facts_of_the_log(desk, gift)] == [
        "monthly.amount",
        "monthly.pause",
        "monthly.day",
        "monthly.resume",
        "monthly.stop",
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["stop", "mon_unknown"], "There is no monthly gift with this id."),
        (["amount", "GIFT", "50,00"], "Write the amount in USD like"),
        (["day", "GIFT", "40"], "Choose a day of the month from 1 to 31."),
        (["resume", "GIFT"], "This monthly gift is not paused."),
    ],
)
def test_a_wrong_word_at_the_terminal_is_one_sentence(
    desk: Desk, gift: str, words: list[str], sentence: str
) -> None:
    typed = [gift if word == "GIFT" else word for word in words]

    said = desk.types_wrongly("monthly", *typed, "--reason", "why", "--as", "sue@lp.example")

    assert said.startswith(sentence)


def test_a_change_that_stripe_refused_is_shown_with_what_to_do(desk: Desk, gift: str) -> None:
    desk.sends("sue", f"monthly-gifts/{gift}/day", DEEDS["day"])
    with transaction() as session:
        session.execute(
            text("update monthly_changes set status = 'refused', failure_reason = 'resource_missing'")
        )

    told = desk.types("monthly", "show", gift)

    assert "refused by Stripe" in told
    assert "resource_missing" in told
    assert "look why, then ask for it again" in told


def a_debit_came_back(session: Session, invoice: MonthlyInvoice, *, fee: int) -> None:
    """The bank takes back what the invoice had been paid with, and Stripe asks a fee for it."""
    charge = Charge(
        stripe_charge_id=f"py_{invoice.stripe_invoice_id}",
        stripe_payment_intent_id=invoice.stripe_payment_intent_id,
        donation_id=invoice.donation_id,
        amount=3000,
        currency="usd",
        status="failed",
        charged_at=BEGUN,
        method="us_bank_account",
        failure_code="insufficient_funds",
    )
    came_back = BalanceTransaction(
        stripe_balance_transaction_id=f"txn_{invoice.stripe_invoice_id}",
        reporting_category="charge_failure",
        type="payment_failure_refund",
        source_id=charge.stripe_charge_id,
        amount=-3000,
        fee=fee,
        net=-3000 - fee,
        currency="usd",
        created_at=BEGUN,
        available_on=BEGUN,
    )
    session.add_all([charge, came_back])


def test_what_a_debit_that_came_back_cost_is_shown_beside_its_instalment(desk: Desk, gift: str) -> None:
    with transaction() as session:
        promise = changes.find(session, gift)
        first, second = (
            a_donation(session, amount=3000, donor_id=promise.donor_id, monthly_gift_id=gift)
            for _ in range(2)
        )
        december = an_invoice(session, promise, status="paid", amount_paid=3000, donation_id=first.id)
        an_invoice(session, promise, status="paid", amount_paid=3000, donation_id=second.id)
        never_paid = an_invoice(session, promise, status="open")
        a_debit_came_back(session, december, fee=400)
        a_debit_came_back(session, never_paid, fee=1500)

    shown, told = desk.reads_json("monthly", "show", gift), desk.types("monthly", "show", gift)

    assert {each["donation"]: each["failure_fees"] for each in shown["instalments"]} == {
        first.id: [{"amount": 400, "currency": "usd"}],
        second.id: [],
    }
    [failed] = shown["failed_instalments"]
    assert (failed["stripe_invoice_id"], failed["status"]) == (never_paid.stripe_invoice_id, "open")
    costs = {
        line.split()[0]: line.split()[-1] for line in told.splitlines() if "$4.00" in line or "$15" in line
    }
    assert costs == {first.id: "$4.00", never_paid.stripe_invoice_id: "$15.00"}
