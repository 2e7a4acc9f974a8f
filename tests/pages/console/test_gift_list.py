"""The list of gifts: what narrows it, what it comes to, and that nobody's address ends in an address."""

import csv
import io
from collections.abc import Callable
from datetime import date
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.donations.models import DonationStatus
from payments.money import Money
from payments.pages.console import gifts as gifts_page
from payments.receipts.models import Receipt
from payments.staff.models import AuditEntry
from tests.factories import NOON, a_donation
from tests.pages.console.reading import links, table, words
from tests.receipts.test_issue import a_paid_gift

Desk = Callable[[str], TestClient]

PAID = {"status": DonationStatus.PAID, "paid_at": NOON, "gift_date": date(2026, 11, 24)}


@pytest.fixture
def five(desk: Desk) -> dict[str, str]:
    """Five gifts by what they are."""
    with transaction() as session:
        return {
            "plain": a_donation(session, amount=2500, **PAID).id,
            "rescue": a_donation(session, amount=4000, fund="rescue", email="ben@example.com", **PAID).id,
            "won": a_donation(session, amount=25_000, currency="krw", fund="general", **PAID).id,
            "cheque": a_donation(session, amount=2500, channel="cheque", **PAID).id,
            "unpaid": a_donation(session, amount=700, frequency="monthly", created_at=NOON).id,
        }


def listed(client: TestClient, query: str = "") -> list[str]:
    page = client.get(f"/console/gifts?lang=en&{query}")
    return [link.rpartition("/")[2] for link in links(page.text) if link.startswith("/console/gifts/don_")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"plain", "rescue", "won", "cheque", "unpaid"}),
        ("status=paid", {"plain", "rescue", "won", "cheque"}),
        ("status=pending", {"unpaid"}),
        ("from=2026-11-24&to=2026-11-24", {"plain", "rescue", "won", "cheque", "unpaid"}),
        ("from=2026-11-25", set()),
        ("to=2026-11-23", set()),
        ("fund=rescue", {"rescue"}),
        ("currency=krw", {"won"}),
        ("channel=cheque", {"cheque"}),
        ("frequency=monthly", {"unpaid"}),
        ("amount=25", {"plain", "cheque"}),
        ("amount=25.00&channel=online", {"plain"}),
        ("amount=25%2C000", {"won"}),
        ("amount=25.001", set()),
        ("status=&from=&to=&fund=&currency=&amount=&id=", {"plain", "rescue", "won", "cheque", "unpaid"}),
    ],
)
def test_what_the_address_says_narrows_the_list(
    desk: Desk, five: dict[str, str], query: str, found: set[str]
):
    assert set(listed(desk("vera"), query)) == {five[name] for name in found}


@pytest.mark.parametrize("query", ["from=yesterday", "amount=twenty", "status=happy", "id=ada%40example.com"])
def test_what_cannot_be_read_is_named_and_narrows_nothing(desk: Desk, five: dict[str, str], query: str):
    page = desk("vera").get(f"/console/gifts?lang=en&{query}")

    assert page.status_code == 422
    assert f"narrows nothing: {query.partition('=')[0]}." in words(page.text)
    assert len(listed(desk("vera"), query)) == 5
    assert not [link for link in links(page.text) if "@" in link or "%40" in link]
    assert desk("vera").get(f"/console/gifts.csv?{query}").status_code == 422


def test_the_totals_are_the_sums_of_all_that_is_listed_on_every_page(
    desk: Desk, five: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gifts_page, "PAGE", 2)
    vera = desk("vera")
    page, seen = vera.get("/console/gifts?lang=en").text, []

    while True:
        rows = table(page, "Gifts")
        seen += [row for row in rows if len(row) == 8]
        totals = [row for row in rows if len(row) == 3]
        onward = [link for link in links(page) if "after=" in link and "lang=" not in link]
        if not onward:
            break
        page = vera.get(onward[-1]).text

    assert len(seen) == len(five)
    assert totals == [
        ["All that fit, KRW: 1", "of which received 1: ₩25,000", Money(25_000, "krw").format("en")],
        ["All that fit, USD: 4", "of which received 3: $90.00", Money(9700, "usd").format("en")],
    ]
    assert [row[-1] for row in seen].count("₩25,000") == 1


def test_the_csv_is_the_list_and_no_spreadsheet_computes_it(desk: Desk, five: dict[str, str]):
    with transaction() as session:
        from payments.donations.models import Fund

        session.get_one(Fund, "rescue").name = {"en": "=1+1", "ko": "구조"}

    answer = desk("finn").get("/console/gifts.csv?lang=en&status=paid&currency=usd")

    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert answer.headers["content-type"].startswith("text/csv")
    assert {row["gift"] for row in rows} == {five["plain"], five["rescue"], five["cheque"]}
    assert sum(round(float(row["amount"]) * 100) for row in rows) == 9000
    assert {row["funds"] for row in rows if row["gift"] == five["rescue"]} == {"'=1+1"}
    assert "Ada" not in answer.text
    assert "@" not in answer.text
    with transaction() as session:
        noted = session.scalars(select(AuditEntry).where(AuditEntry.deed == "gifts.csv")).one()
    assert noted.facts == {"asked": {"status": "paid", "currency": "usd"}}


@pytest.mark.parametrize(("who", "status"), [("finn", 200), ("abe", 200), ("vera", 200), ("sue", 403)])
def test_who_takes_no_exports_takes_no_csv(desk: Desk, five: dict[str, str], who: str, status: int):
    client = desk(who)

    assert client.get("/console/gifts.csv").status_code == status
    assert ("gifts.csv" in client.get("/console/gifts").text) is (status == 200)


def test_a_donor_is_found_by_a_form_and_only_an_id_stands_in_the_address(desk: Desk, five: dict[str, str]):
    sue = desk("sue")

    found = sue.post("/console/find", data={"text": " BEN@example.com "})

    where = found.headers["location"]
    assert found.status_code == 303
    assert where.startswith("/console/gifts?donor=dnr_")
    assert "@" not in where
    assert quote("@") not in where
    assert listed(sue, where.partition("?")[2]) == [five["rescue"]]


def test_whoever_sees_no_names_finds_nobody_by_an_address(desk: Desk, five: dict[str, str]):
    answer = desk("vera").post("/console/find?lang=en", data={"text": "ben@example.com"})

    assert answer.status_code == 404
    assert "needs a role that works with donors" in answer.text
    assert "ben@example.com" not in answer.text


def test_everything_with_an_id_is_found_by_it(desk: Desk, with_settings: Callable[..., None]):
    with_settings(broker_url="memory://")
    from payments.receipts import issue

    with transaction() as session:
        gift = a_paid_gift(session)
        issue.issue_due(session)
        receipt = session.scalars(select(Receipt)).one()
    vera = desk("vera")

    def lands(text: str) -> str:
        return str(vera.post("/console/find", data={"text": text}).headers.get("location"))

    assert lands(gift.id) == f"/console/gifts/{gift.id}"
    assert lands(receipt.number) == f"/console/gifts/{gift.id}"
    assert lands(receipt.number.lower()) == f"/console/gifts/{gift.id}"
    assert lands(receipt.id) == f"/console/gifts/{gift.id}"
    assert vera.post("/console/find", data={"text": "po_nothing"}).status_code == 404
    assert vera.post("/console/find", data={"text": "'; drop table donors"}).status_code == 404
    assert vera.post("/console/find", data={"text": ""}).status_code == 404
