"""Every screen of the console on one house full of money: what it shows, and who may see it."""

import re
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.donations import recording
from payments.ledger.accounts import Account
from payments.ledger.balances import balances
from payments.ledger.models import JournalEntry
from payments.money import Money
from payments.receipts.models import Receipt, ReceiptDocument
from payments.staff import people
from payments.staff.models import AuditEntry
from tests.offline.papers import RECEIVED, a_cheque, taken_in
from tests.pages.console.reading import links, table, tables, words
from tests.reconciliation.money_to_the_bank import Town, a_town
from tests.reconciliation.treasury import Treasury

Desk = Callable[[str], TestClient]


@pytest.fixture
def town(treasury: Treasury) -> Town:
    """Gifts, refunds, a dispute, and four payouts with their bank."""
    return a_town(treasury)


def read(client: TestClient, path: str, lang: str = "en") -> str:
    answer = client.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
    assert answer.status_code == 200, path
    return str(answer.text)


def every_page(client: TestClient, lang: str) -> Iterator[tuple[str, str]]:
    """Every page that can be reached by following links from the overview, each once."""
    asked, waiting = set[str](), [f"/console?lang={lang}"]
    while waiting:
        path = waiting.pop(0)
        # One page for each kind of thing and each of its lists: they differ in nothing but the thing.
        kind = re.sub(r"(don|po|dep|bln|mon|dnr|txn|rcp|rfd)_\w+|\d+", "·", path.partition("#")[0])
        if kind in asked:
            continue
        asked.add(kind)
        answer = client.get(path)
        assert answer.status_code == 200, path
        yield path, answer.text
        waiting += [link for link in links(answer.text) if _is_a_page(link)]


def _is_a_page(link: str) -> bool:
    is_a_file = re.search(r"\.pdf|\.csv|/pack|format=xlsx|/account|lang=", link)
    return link.startswith("/console") and not is_a_file


def a_slip_and_a_cheque_that_waits() -> str:
    """The id of the slip."""
    with transaction() as session:
        by = people.find(session, "finn@example.org")
    carried = taken_in(by, a_cheque()).donation.id
    taken_in(by, a_cheque())
    with transaction() as session:
        return recording.deposit(session, [carried], deposited_on=RECEIVED, by=by).id


def test_every_link_leads_to_a_page_and_none_has_a_person_in_it(town: Town, desk: Desk):
    finn, seen = desk("finn"), []
    a_slip_and_a_cheque_that_waits()

    for path, page in (*every_page(finn, "en"), *every_page(finn, "ko")):
        seen.append(path)
        assert not re.search(r"@|%40|Ada", " ".join(links(page))), path
        assert not sum(found.heads_without_scope for found in tables(page)), path
        assert all(found.caption for found in tables(page)), path
        assert "<script" not in page, path
        assert "style=" not in page, path

    kinds = {re.sub(r"\?.*", "", path) for path in seen}
    assert len(kinds) > 20
    for screen in ("gifts", "payouts", "bank", "exceptions", "money-back", "book", "months", "receipts"):
        assert f"/console/{screen}" in kinds
    assert any(path.startswith("/console/bank/lines/bln_") for path in seen)
    assert any(path.startswith("/console/deposits/dep_") for path in seen)
    assert "/console/offline/record" in kinds
    assert any(path.startswith("/console/book/entries/") for path in seen)


def test_what_the_console_says_is_what_the_book_says(town: Town, desk: Desk):
    with transaction() as session:
        rows = balances(session)
        whole = {Money(abs(row.balance.minor), "usd").format("en") for row in rows}
        entry = session.scalars(select(JournalEntry).where(JournalEntry.kind == "gift").limit(1)).one()
    book = {(row.account, row.balance.currency): row.balance for row in rows}
    finn = desk("finn")

    said = words(read(finn, "/console"))

    assert f"At Stripe, USD {book[Account.STRIPE_BALANCE, 'usd'].format('en')}" in said
    assert "Every movement of Stripe's is in the book." in said
    in_transit = book.get((Account.PAYOUTS_IN_TRANSIT, "usd"), Money(0, "usd"))
    assert f"On its way to the bank {in_transit.format('en') if in_transit else '–'}" in said
    # And the list behind the tile comes to the same.
    behind = table(read(finn, "/console/book/stripe_balance?currency=usd"), "Entries")[-1]
    assert behind[1] == f"Balance {book[Account.STRIPE_BALANCE, 'usd'].format('en')}"

    # The trial balance is the book, and comes to the same on both sides.
    *lines, total = table(read(finn, "/console/book"), "Lantern Path, Inc., USD")
    assert {cell for line in lines for cell in line[2:] if cell} == whole
    assert total[1] == total[2]

    # One entry is read back to its gift and its accounts.
    page = read(finn, f"/console/book/entries/{entry.number}")
    assert f"/console/gifts/{entry.donation_id}" in links(page)
    assert {"/console/book/contributions", "/console/book/stripe_balance"} <= set(links(page))


def test_a_payout_is_shown_with_its_chain_its_sums_and_its_bank_line(town: Town, desk: Desk):
    vera = desk("vera")
    failed, carries_it = (
        read(vera, f"/console/payouts/{town.failed}"),
        read(vera, f"/console/payouts/{town.carries_it}"),
    )

    assert f"/console/payouts/{town.carries_it}" in links(failed)
    assert "came back" in words(failed)
    assert f"/console/payouts/{town.failed}" in links(carries_it)
    parts = {row[0]: row[1] for row in table(carries_it, "What it is made of")}
    assert parts["Difference"] == "$0.00"
    assert parts["Amount of the payout"] == parts[next(name for name in parts if name.startswith("Its "))]
    assert "Stripe tells no lines of it." in words(read(vera, f"/console/payouts/{town.manual}"))
    assert [row[2] for row in table(read(vera, "/console/payouts?status=failed"), "Payouts")] == ["failed"]

    # A report to print keeps its style under a policy of its own.
    for path in (f"payouts/{town.carries_it}", "exceptions", "months/2026-11"):
        answer = vera.get(f"/console/{path}/report")
        assert answer.status_code == 200
        assert re.fullmatch(
            r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; base-uri 'none'; form-action 'none'; "
            r"frame-ancestors 'none'",
            answer.headers["content-security-policy"],
        )
        assert answer.headers["cache-control"] == "no-store"


def test_what_does_not_fit_and_what_was_receipted_is_told_with_a_way_to_it(
    town: Town, desk: Desk, treasury: Treasury
):
    open_ones = treasury.reconciles()["exceptions"]
    assert open_ones

    page = read(desk("vera"), "/console/exceptions")

    assert len(table(page, "Exceptions")) == len(open_ones)
    unsaid = next(each for each in open_ones if each["kind"] == "bank_line_unmatched")
    assert f"/console/bank/lines/{unsaid['subject']}" in links(page)
    only = table(read(desk("vera"), "/console/exceptions?kind=bank_line_unmatched"), "Exceptions")
    assert len(only) == [each["kind"] for each in open_ones].count("bank_line_unmatched")
    assert "=cmd|&#39; /C calc&#39;!A0" in read(desk("vera"), "/console/bank/lines?unsaid=1")

    # The register has every number, and hands out the very bytes to those who see names.
    with transaction() as session:
        numbers = set(session.scalars(select(Receipt.number)))
        receipt, document = session.execute(
            select(Receipt, ReceiptDocument).join(ReceiptDocument, ReceiptDocument.receipt_id == Receipt.id)
        ).first() or (None, None)
    assert receipt is not None
    assert document is not None

    page = read(desk("finn"), "/console/receipts")
    answer = desk("finn").get(f"/console/receipts/{receipt.id}.pdf")

    assert {row[0] for row in table(page, "Receipts")} == numbers
    assert answer.content == document.pdf
    with transaction() as session:
        noted = session.scalars(select(AuditEntry).where(AuditEntry.deed == "receipts.read")).one()
    assert (noted.subject, noted.facts) == (receipt.id, {"donation": receipt.donation_id})
    assert desk("vera").get(f"/console/receipts/{receipt.id}.pdf").status_code == 403
    assert f"{receipt.id}.pdf" not in read(desk("vera"), "/console/receipts")


@pytest.mark.parametrize("who", ["finn", "sue", "abe", "vera"])
def test_whoever_works_here_may_read_every_screen(desk: Desk, who: str):
    client = desk(who)

    for screen in (
        "",
        "/gifts",
        "/payouts",
        "/bank",
        "/bank/lines",
        "/exceptions",
        "/money-back",
        "/refunds",
        "/book",
    ):
        assert client.get(f"/console{screen}").status_code == 200, screen
    for screen in ("/months", "/receipts", "/monthly", "/refunds"):
        answer = client.get(f"/console{screen}")
        assert answer.status_code == 200, screen
        assert answer.headers["cache-control"] == "no-store"
        assert "'unsafe-inline'" not in answer.headers["content-security-policy"]
    for nothing in (
        "/book/entries/999999",
        "/book/petty_cash",
        "/payouts/po_0",
        "/bank/lines/bln_0",
        "/monthly/x",
    ):
        assert client.get(f"/console{nothing}").status_code == 404, nothing


def test_the_language_is_asked_for_once(desk: Desk):
    finn = desk("finn")

    finn.get("/console?lang=ko")

    assert "개요" in finn.get("/console").text
    finn.get("/console?lang=en")
    assert "Overview" in finn.get("/console", headers={"accept-language": "ko"}).text
