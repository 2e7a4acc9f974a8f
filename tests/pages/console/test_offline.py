"""Offline gifts in the console: recorded once it is told what comes of it, deposited, and taken back."""

from collections.abc import Callable
from html import unescape

from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.clock import day_in, now
from payments.database import new_id, transaction
from payments.donations.models import Allocation, Donation
from payments.donations.offline import DepositSlip
from payments.ledger.models import JournalEntry
from payments.receipts.issue import issue_due
from payments.receipts.models import Receipt
from payments.staff.models import AuditEntry
from tests.offline.papers import book
from tests.pages.console.filling_in import sends
from tests.pages.console.reading import links, table, words
from tests.pages.form import hidden_fields

Desk = Callable[[str], TestClient]

RECORD, LIST, DEPOSIT = "/console/offline/record", "/console/offline", "/console/offline/deposit"
CHEQUE = {
    "channel": "cheque",
    "amount": "100",
    "currency": "usd",
    "fund": "rescue",
    "received_on": "2026-11-20",
    "postmarked_on": "2026-11-17",
    "number": "1234",
    "name": "Ada Park",
    "donor_email": "ada@example.com",
    "payer_kind": "person",
    "locale": "en",
}


def recorded(finn: TestClient, **changes: str) -> str:
    """A gift with both clicks; its id."""
    page = finn.post(RECORD, data=CHEQUE | changes).text
    return sends(finn, RECORD, page).headers["location"].removeprefix("/console/gifts/")


def deeds() -> list[str]:
    with transaction() as session:
        rows = session.scalars(
            select(AuditEntry.deed).where(AuditEntry.deed.like("offline.%")).order_by(AuditEntry.id)
        )
        return list(rows)


def test_what_becomes_of_a_cheque_is_told_first_and_the_form_sent_twice_is_one_gift(desk: Desk):
    finn = desk("finn")
    assert LIST in links(finn.get("/console/gifts").text)
    assert RECORD in links(finn.get(LIST).text)

    sure = finn.post(RECORD, data=CHEQUE | {"fund_2": "general", "part_2": "40"})

    said = words(sure.text)
    assert "Lantern Path, Inc. has it as a gift of 17 Nov 2026." in said
    assert "It waits to be carried to the bank." in said
    assert "The receipt is on its way to the payer." in said
    assert "The payer's address is new here" in said
    assert deeds() == []
    assert book() == {}

    changing = finn.post(RECORD, data=hidden_fields(sure.text) | {"change": "1"}).text
    assert 'value="Ada Park"' in changing
    twice = [sends(finn, RECORD, sure.text).headers["location"] for _ in range(2)]
    again = finn.post(RECORD, data=CHEQUE | {"donor_email": "ADA@example.com"})

    assert twice[0] == twice[1]
    assert deeds() == ["offline.record"]
    assert book() == {
        "undeposited_funds": 10_000,
        "contributions:rescue": -6_000,
        "contributions:general": -4_000,
    }
    with transaction() as session:
        gift = session.get_one(Donation, twice[0].removeprefix("/console/gifts/"))
        parts = session.execute(select(Allocation.fund_id, Allocation.amount).order_by(Allocation.position))
        assert [tuple(part) for part in parts] == [("rescue", 6_000), ("general", 4_000)]
        assert str(gift.gift_date) == "2026-11-17"
    assert "recorded the gift" in words(finn.get(twice[0]).text)
    assert "The payer's address is known" in words(again.text)


REFUSED: tuple[tuple[dict[str, str], str, str], ...] = (
    ({"fund": ""}, "There is no such fund.", "fund"),
    ({"amount": "ten"}, "Please write the amount in figures", "amount"),
    ({"amount": "9" * 30}, "The amount is at most $100,000,000,000.00", "amount"),
    ({"part_2": "40", "fund_2": ""}, "There is no such fund.", "fund"),
    ({"part_2": "", "fund_2": "general"}, "must each be more than nothing", "allocations"),
    ({"part_2": "forty", "fund_2": "general"}, "“forty” cannot be read as an amount", ""),
    ({"received_on": ""}, "Say on which day.", ""),
    ({"received_on": "yesterday"}, "Write the day as 2026-12-31.", ""),
    ({"donor_email": "nowhere"}, "Give an e-mail address that mail can go to.", "email"),
    ({"soft_name": "Bo"}, "Give both the name and the address", "soft_credit"),
    (
        {"soft_name": "Bo", "soft_email": "x"},
        "Give an e-mail address that mail can go to.",
        "soft_credit",
    ),
    ({"benefit": "20"}, "Give both the value of what the donor got and what it was.", "benefit_text"),
    ({"channel": "in_kind", "postmarked_on": ""}, "Describe what was given", "description"),
    ({"channel": "online"}, "Say how it came in.", "channel"),
    ({"currency": "chf"}, "Choose the currency.", "currency"),
)
"""What is typed wrongly, the sentence, and the field that is marked."""


def test_what_cannot_be_is_refused_in_the_rooms_words_and_nothing_typed_is_lost(desk: Desk):
    finn = desk("finn")

    for changes, sentence, field in REFUSED:
        answer = finn.post(RECORD, data=CHEQUE | changes)
        assert answer.status_code == 422, changes
        assert sentence in words(answer.text)
        assert 'value="Ada Park"' in answer.text
        assert ('aria-invalid="true"' in answer.text) == bool(field), changes

    assert deeds() == []


def test_the_law_is_told_and_in_the_readers_language(desk: Desk):
    finn = desk("finn")
    thing = CHEQUE | {"benefit": "100", "benefit_text": "Dinner"}

    nothing_left = finn.post(f"{RECORD}?lang=ko", data=thing)
    refused = finn.post(RECORD, data=CHEQUE | {"postmarked_on": "2026-11-21"})
    dear = finn.post(RECORD, data=CHEQUE | {"benefit": "30", "benefit_text": "Dinner"})

    assert "영수증이 없습니다. What the donor got is worth all that was paid" in words(nothing_left.text)
    assert "받은 날보다 늦게 부쳤을 수는 없습니다." in words(refused.text)
    assert "후원은 US$70.00입니다" in words(dear.text)


def test_cheques_are_counted_and_carried_to_the_bank_once(desk: Desk):
    finn, vera = desk("finn"), desk("vera")
    one, two, other = (
        recorded(finn),
        recorded(finn, number="1235", channel="cash", postmarked_on=""),
        recorded(finn),
    )
    assert len(table(vera.get(LIST).text, "To be carried to the bank")) == 4
    assert 'type="checkbox"' not in vera.get(LIST).text
    ticked = {"gift": [one, two], "deposited_on": "2026-11-23", "total": "200"}

    none = finn.post(DEPOSIT, data={"deposited_on": "2026-11-23"})
    miscounted = finn.post(DEPOSIT, data=ticked | {"total": "190"})
    early = finn.post(DEPOSIT, data=ticked | {"deposited_on": "2026-11-19"})
    sure = finn.post(DEPOSIT, data=ticked)

    assert "Choose cheques or cash" in words(none.text)
    assert "These gifts come to $200.00, not $190.00. Count again." in unescape(words(miscounted.text))
    assert miscounted.text.count(" checked") == 2
    assert "was received after the day of this deposit" in words(early.text)
    assert "Carry $200.00 to the bank?" in words(sure.text)
    assert book()["undeposited_funds"] == 30_000

    twice = [sends(finn, DEPOSIT, sure.text).headers["location"] for _ in range(2)]
    late = sends(finn, DEPOSIT, sure.text, key="another")

    assert twice[0] == twice[1]
    assert "is on the slip" in words(late.text)
    assert (book()["bank"], book()["undeposited_funds"]) == (20_000, 10_000)
    shown = vera.get(twice[0]).text
    assert {f"/console/gifts/{one}", f"/console/gifts/{two}"} <= set(links(shown))
    assert f"/console/gifts/{other}" not in links(shown)
    assert table(shown, "Gifts on the slip")[-1][-1] == "$200.00"
    assert twice[0] in links(vera.get(LIST).text)
    assert twice[0] in links(finn.get(f"/console/gifts/{one}").text)
    assert vera.get("/console/deposits/dep_0").status_code == 404
    with transaction() as session:
        assert session.scalars(select(DepositSlip.total)).all() == [20_000]


def test_a_long_pile_of_cheques_fits_one_slip(desk: Desk):
    finn = desk("finn")

    pile = [new_id("don") for _ in range(500)]
    answer = finn.post(DEPOSIT, data={"gift": pile, "deposited_on": "2026-11-23"})

    assert "Choose cheques or cash" in words(answer.text)


def test_a_bounced_cheque_is_taken_back_once_with_a_reason(desk: Desk):
    finn = desk("finn")
    gift = recorded(finn)
    with transaction() as session:
        issue_due(session)
    page, path = f"/console/gifts/{gift}", f"/console/gifts/{gift}/take-back"
    assert path in links(finn.get(page).text)
    assert path not in links(desk("vera").get(page).text)
    sure = finn.get(path).text
    assert "receipt US-2026-000001 is void" in words(sure)
    assert "It does not wait to be carried to the bank any more." in words(sure)
    assert deeds() == ["offline.record"]

    without = sends(finn, path, sure, reason=" ")
    twice = [sends(finn, path, sure, reason="the bank sent it back").headers["location"] for _ in range(2)]
    late = sends(finn, path, sure, key="another", reason="again")

    assert "Say why" in words(without.text)
    assert twice == [f"{page}#way"] * 2
    assert "This gift has been taken back already." in words(late.text)
    assert "This gift has been taken back already." in words(finn.get(path).text)
    assert book() == {}
    told = words(finn.get(page).text)
    assert "took the gift back" in told
    assert "the bank sent it back" in told
    assert path not in links(finn.get(page).text)
    with transaction() as session:
        issue_due(session)
        assert session.scalars(select(Receipt.status)).all() == ["void"]
        back = session.scalars(select(JournalEntry).where(JournalEntry.kind == "offline_gift_reversed")).one()
        assert back.effective_on == day_in("America/New_York", now())


def test_only_finance_does_any_of_it(desk: Desk):
    gift = recorded(desk("finn"))

    for who in ("vera", "sue", "abe"):
        client = desk(who)
        assert client.get(LIST).status_code == 200
        assert RECORD not in links(client.get(LIST).text)
        asked = [client.get(RECORD), client.get(f"/console/gifts/{gift}/take-back")]
        sent = [client.post(path, data={}) for path in (RECORD, DEPOSIT, f"/console/gifts/{gift}/take-back")]
        assert {answer.status_code for answer in (*asked, *sent)} == {403}, who
    assert deeds() == ["offline.record"]
