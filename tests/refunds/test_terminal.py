"""What staff type, and the sentences they read."""

import pytest

from payments.cli.acting import amount_of
from payments.errors import AlmonerError
from payments.money import Money
from tests.refunds.desk import Desk


def test_a_refund_is_asked_for_agreed_to_and_found(desk: Desk) -> None:
    gift = desk.a_paid_gift(60_000)

    asked = desk.reads_json(
        "refunds", "request", gift.id, "--amount", "550.00", "--note", "twice", "--as", "sue@lp.example"
    )
    told = desk.types("refunds", "show", asked["id"])
    agreed = desk.reads_json("refunds", "approve", asked["id"], "--as", "abe@lp.example")
    listed = desk.reads_json("refunds", "list", "--status", "approved")

    assert (asked["status"], asked["amount"]) == ("requested", {"amount": 55_000, "currency": "usd"})
    assert f"almoner refunds approve {asked['id']}" in told
    assert "asked by  Sue" in told
    assert agreed["status"] == "approved"
    assert [row["id"] for row in listed] == [asked["id"]]
    assert "$550.00" in desk.types("refunds", "list")


def test_no_is_said_with_a_reason(desk: Desk) -> None:
    refund = desk.a_refund(desk.a_paid_gift(60_000))

    said = desk.types_wrongly("refunds", "decline", refund, "--as", "abe@lp.example", "--reason", " ")
    desk.types("refunds", "decline", refund, "--as", "abe@lp.example", "--reason", "not agreed")

    assert said == "Say why: the reason stands in the audit log."
    assert [line.reason for line in desk.audit(refund)][-1] == "not agreed"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--amount", "25.01", "--as", "sue@lp.example"], "At most USD 25.00 of this gift"),
        (["--amount", "12,50", "--as", "sue@lp.example"], "Write the amount in USD like 12.50: digits"),
        (["--as", "vera@lp.example"], "This needs the role support or finance. Ask an admin."),
        (["--as", "eve@lp.example"], "Nobody works here under this address."),
        (["--reason", "fraudulent", "--as", "sue@lp.example"], "`fraudulent` puts the donor's card"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_one_sentence(desk: Desk, words: list[str], sentence: str) -> None:
    gift = desk.a_paid_gift(2500)

    said = desk.types_wrongly("refunds", "request", gift.id, "--note", "twice", *words)

    assert said.startswith(sentence)


@pytest.mark.parametrize(
    ("typed", "currency", "money"),
    [
        ("100", "usd", Money(10_000, "usd")),
        ("100.00", "USD", Money(10_000, "usd")),
        (" 0.01 ", "usd", Money(1, "usd")),
        ("30000", "krw", Money(30_000, "krw")),
        ("1.500", "kwd", Money(1_500, "kwd")),
    ],
)
def test_an_amount_is_read_as_it_stands_on_paper(typed: str, currency: str, money: Money) -> None:
    assert amount_of(typed, currency) == money


@pytest.mark.parametrize(
    ("typed", "currency"),
    [
        ("", "usd"),
        ("0", "usd"),
        ("-5", "usd"),
        ("1.005", "usd"),
        ("1,000.00", "usd"),
        ("12,50", "usd"),
        ("1e3000", "usd"),
        ("NaN", "usd"),
        ("Infinity", "usd"),
        ("$5", "usd"),
        ("100.5", "krw"),
        ("1.001", "kwd"),
        ("5", "dollars"),
        ("5", "원화!"),
    ],
)
def test_what_is_no_amount_is_refused_with_an_example(typed: str, currency: str) -> None:
    with pytest.raises(AlmonerError, match="Write the"):
        amount_of(typed, currency)


def test_people_are_managed_at_the_terminal(desk: Desk) -> None:
    as_adam = ("--as", "adam@lp.example")

    desk.types("staff", "add", "new@lp.example", "--name", "New", "--role", "viewer", *as_adam)
    changed = desk.reads_json("staff", "roles", "new@lp.example", "--role", "finance", *as_adam)
    token = desk.reads_json("staff", "token", "new@lp.example", "--days", "7", *as_adam)["token"]
    opened = desk.reads(token, "refunds").status_code
    (listed,) = desk.reads_json("staff", "tokens", "new@lp.example")
    desk.types("staff", "revoke", listed["prefix"], "--reason", "lost", *as_adam)
    refused = desk.reads(token, "refunds").status_code
    desk.types("staff", "deactivate", "new@lp.example", "--reason", "left", *as_adam)

    assert changed["roles"] == ["finance"]
    assert (opened, refused) == (200, 401)
    assert token not in str(listed)
    assert "deactivated" in desk.types("staff", "list")
    assert [row["is_active"] for row in desk.reads_json("staff", "list") if row["name"] == "New"] == [False]


def test_nobody_helps_themselves_at_the_terminal(desk: Desk) -> None:
    said = desk.types_wrongly(
        "staff", "roles", "adam@lp.example", "--role", "approver", "--as", "adam@lp.example"
    )
    second_first = desk.types_wrongly("staff", "add", "eve@lp.example", "--name", "Eve", "--role", "admin")

    assert said == "Nobody changes their own roles. Ask another admin."
    assert second_first == "This needs the role admin. Ask an admin."


def test_a_deed_through_the_api_names_its_request(desk: Desk) -> None:
    answer = desk.asks_for_a_refund(desk.a_paid_gift(2500))

    (line,) = desk.audit(answer.json()["id"])

    assert line.request_id == answer.headers["x-request-id"]
