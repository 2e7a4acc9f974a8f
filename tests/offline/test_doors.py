"""Offline gifts and deposits as finance sends and types them."""

from typing import Any

import pytest

from tests.refunds.desk import PEOPLE, Desk, sentences

CHEQUE: dict[str, Any] = {
    "channel": "cheque",
    "amount": 10_000,
    "currency": "usd",
    "fund": "rescue",
    "payer": {"name": "Ada Park", "email": "ada@example.com"},
    "received_on": "2026-11-20",
    "postmarked_on": "2026-11-17",
    "number": "1234",
}
TYPED = [
    "offline", "record", "--channel", "cheque", "--amount", "100.00", "--currency", "usd", "--donor-name",
    "Ada Park", "--donor-email", "ada@example.com", "--received-on", "2026-11-20", "--as", "finn@lp.example",
]  # fmt: skip


@pytest.mark.parametrize("who", sorted(PEOPLE))
def test_only_finance_records_and_deposits(desk: Desk, who: str) -> None:
    recorded = desk.sends(who, "offline-gifts", CHEQUE)
    deposited = desk.sends(who, "deposits", {"gifts": ["don_x"], "deposited_on": "2026-11-20"})

    assert (recorded.status_code, deposited.status_code) == ((201, 409) if who == "finn" else (403, 403))


def test_a_cheque_sent_to_the_api_is_receipted_by_mail(desk: Desk) -> None:
    sent = desk.sends("finn", "offline-gifts", CHEQUE)
    desk.house.they_issue_and_send()

    (mail,) = desk.house.mails()
    assert sent.json()["receipt"] == "due"
    assert sent.json()["gift_date"] == "2026-11-17"
    assert mail["To"][0]["Address"] == "ada@example.com"
    receipt = desk.house.receipt_in(mail)
    assert "November 17, 2026" in receipt
    assert "Check" in receipt


def test_one_key_is_one_cheque(desk: Desk) -> None:
    answers = [desk.sends("finn", "offline-gifts", CHEQUE, key="cheque-1234") for _ in range(2)]
    other = desk.sends("finn", "offline-gifts", CHEQUE | {"amount": 1}, key="cheque-1234")

    assert answers[0].json() == answers[1].json()
    assert other.status_code == 409
    assert desk.house.balances()["undeposited_funds"] == 10_000


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"fund": "nowhere"}, "#/fund"),
        ({"items": {"cost": 100, "text": "A mug"}}, "#/items"),
        ({"postmarked_on": "2026-11-21"}, "#/postmarked_on"),
        ({"received_on": "2036-01-01", "postmarked_on": None}, "#/received_on"),
        ({"channel": "in_kind", "postmarked_on": None}, "#/description"),
        ({"payer": {"name": "Ada", "email": "nonsense"}}, "#/email"),
        ({"soft_credit": {"name": "Bo", "email": "nonsense"}}, "#/soft_credit"),
        ({"benefit": {"amount": 10_001, "text": "Dinner"}}, "#/benefit"),
    ],
)
def test_what_cannot_be_true_names_its_field(desk: Desk, change: dict[str, Any], pointer: str) -> None:
    answer = desk.sends("finn", "offline-gifts", CHEQUE | change)

    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert "Ada" not in answer.text


def test_a_slip_by_the_api_moves_what_was_counted(desk: Desk) -> None:
    gifts = [desk.sends("finn", "offline-gifts", CHEQUE).json()["id"] for _ in range(2)]
    body = {"gifts": gifts, "deposited_on": "2026-11-23", "currency": "usd"}

    miscounted = desk.sends("finn", "deposits", body | {"total": 19_000})
    counted = desk.sends("finn", "deposits", body | {"total": 20_000}, key="slip-0001")
    again = desk.sends("finn", "deposits", body | {"total": 20_000}, key="slip-0001")

    assert "come to USD 200.00, not USD 190.00" in sentences(miscounted)[0]
    assert counted.json() == again.json()
    assert desk.house.balances()["bank"] == 20_000


def test_a_bounced_cheque_names_the_receipt_to_void(desk: Desk) -> None:
    gift = desk.sends("finn", "offline-gifts", CHEQUE).json()["id"]
    desk.house.they_issue_and_send()

    back = desk.sends("finn", f"offline-gifts/{gift}/reverse", {"reason": "bounced"})

    assert back.json() == {"id": gift, "receipt_to_void": "US-2026-000001"}
    assert desk.sends("finn", f"offline-gifts/{gift}/reverse", {"reason": "again"}).status_code == 409


def test_a_day_at_the_desk(desk: Desk) -> None:
    cheque = desk.reads_json(*TYPED, "--fund", "rescue", "--number", "1234", "--postmarked-on", "2026-11-17")
    cash = desk.reads_json(*TYPED, "--fund", "rescue=60.00", "--fund", "general=40.00", "--channel", "cash")
    waiting = desk.reads_json("offline", "list")
    slip = desk.reads_json(
        "offline", "deposit", "--gift", cheque["id"], "--gift", cash["id"], "--on", "2026-11-23",
        "--total", "200.00", "--as", "finn@lp.example",
    )  # fmt: skip
    back = desk.reads_json(
        "offline", "reverse", cheque["id"], "--reason", "bounced", "--as", "finn@lp.example"
    )

    assert waiting["totals"] == [{"amount": 20_000, "currency": "usd"}]
    assert slip["total"] == {"amount": 20_000, "currency": "usd"}
    assert back["receipt_to_void"] is None
    balances = desk.house.balances()
    assert (balances["bank"], balances.get("undeposited_funds", 0)) == (10_000, 0)
    assert (balances["contributions:rescue"], balances["contributions:general"]) == (-6_000, -4_000)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--fund", "rescue", "--fund", "general"], "Say `--fund rescue` for all of it"),
        (["--fund", "rescue=60.00", "--fund", "general=30.00"], "The parts for the funds must each be more"),
        (["--fund", "rescue", "--amount", "100.001"], "Write the amount in USD like 12.50"),
        (["--fund", "rescue", "--soft-credit-name", "Bo"], "Give both `--soft-credit-name`"),
        (["--fund", "rescue", "--benefit", "20.00"], "Give both the value of what the donor got"),
        (["--fund", "rescue", "--as", "sue@lp.example"], "This needs the role finance."),
    ],
)
def test_a_slip_of_the_fingers_is_one_sentence(desk: Desk, words: list[str], sentence: str) -> None:
    assert desk.types_wrongly(*TYPED, *words).startswith(sentence)


def test_the_desk_says_what_goes_out(desk: Desk) -> None:
    fund = desk.types(*TYPED, "--fund", "rescue", "--payer-kind", "donor_advised_fund")
    coats = desk.types(*TYPED, "--fund", "rescue", "--channel", "in_kind", "--description", "coats")

    assert "A thank-you without tax language is on its way" in " ".join(fund.split())
    assert "The receipt is on its way" in " ".join(coats.split())


def test_whatever_people_did_the_book_is_proven(desk: Desk) -> None:
    """Every deed of a person once: none of them is an alarm."""
    bounced, good, wrong = (desk.sends("finn", "offline-gifts", CHEQUE).json()["id"] for _ in range(3))
    desk.sends("finn", "deposits", {"gifts": [bounced, good], "deposited_on": "2026-11-23"})
    desk.sends("finn", f"offline-gifts/{bounced}/reverse", {"reason": "bounced"})
    desk.sends("finn", f"offline-gifts/{wrong}/reverse", {"reason": "typed twice"})
    paid, kept = (desk.a_paid_gift(2500, email=f"{name}@example.com") for name in ("b", "c"))
    for gift in (paid, kept):
        refund = desk.a_refund(gift, 1000)
        desk.everything_is_done()
        desk.house.stripe.tell(f"refunds/{desk.refund(refund).stripe_refund_id}/fail")
    desk.house.the_workers_work()
    payment = desk.reads_json(
        "refunds", "pay-owed", paid.id, "--by-transfer", "WIRE 1", "--as", "finn@lp.example", "--reason", "x"
    )
    desk.types("refunds", "approve-owed", payment["id"], "--as", "abe@lp.example")
    desk.types("refunds", "keep-owed", kept.id, "--as", "finn@lp.example", "--reason", "she wishes so")
    large = desk.a_refund(desk.a_paid_gift(60_000, email="d@example.com"))
    desk.sends("abe", f"refunds/{large}/approve")
    desk.everything_is_done()
    desk.house.they_issue_and_send()

    found = desk.reads_json("ledger", "verify")

    assert found["findings"] == []
