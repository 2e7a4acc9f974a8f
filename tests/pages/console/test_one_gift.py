"""One gift in the console: from the moment somebody pressed Donate to the line of the bank."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.donations.models import Donation
from payments.staff.models import AuditEntry
from tests.pages.console.reading import links, words
from tests.reconciliation.test_payouts import charge_of
from tests.reconciliation.treasury import Treasury

Desk = Callable[[str], TestClient]


def page(of: TestClient, gift_id: str, lang: str = "en") -> str:
    answer = of.get(f"/console/gifts/{gift_id}?lang={lang}")
    assert answer.status_code == 200
    return str(answer.text)


def reading(gift_id: str) -> list[AuditEntry]:
    with transaction() as session:
        return list(
            session.scalars(
                select(AuditEntry).where(AuditEntry.subject == gift_id, AuditEntry.deed == "gifts.read")
            )
        )


def test_a_newcomer_follows_twenty_five_dollars_to_the_line_of_the_bank(
    treasury: Treasury, desk: Desk, tmp_path: Path
):
    """The bar of the project: each step with its amount and its id, and what is still to come says so."""
    finn = desk("finn")
    gift = treasury.a_paid_gift(2500, fund="rescue")
    read = words(page(finn, gift.id))
    assert "The donor pressed Donate $25.00" in read
    assert "The charge succeeded $25.00" in read
    assert "ending in 4242" in read
    assert "$25.00 − $1.03 fee = $23.97" in read
    assert "Not paid out yet" in read

    payout = treasury.almoner("sandbox", "payout", "--json").json["id"]
    treasury.everybody_works()
    due = treasury.arrives_on(payout)
    read = words(page(finn, gift.id))
    assert "Paid out, among other money $23.97" in read
    assert "Not on a statement yet" in read

    treasury.house.stripe.tell(f"payouts/{payout}/pay")
    treasury.everybody_works()
    statement = tmp_path / "bank.xml"
    days = ("--from", str(due - timedelta(days=3)), "--to", str(due))
    treasury.almoner("sandbox", "bank-statement", *days, "--out", str(statement))
    treasury.types("bank", "import", str(statement), "--account", treasury.bank.account)
    treasury.reconciles()

    drawn = page(finn, gift.id)
    [line] = treasury.bank.lines
    assert "On the bank's statement $23.97" in words(drawn)
    assert "Of it from this gift: $23.97" in words(drawn)
    assert "bank.xml" in words(drawn)
    assert "not-yet" not in drawn
    way = links(drawn)
    assert f"/console/payouts/{payout}" in way
    assert f"/console/bank/lines/{line.id}" in way

    # And back again, from what the bank says.
    at_the_bank = finn.get(f"/console/bank/lines/{line.id}").text
    assert f"/console/payouts/{payout}" in links(at_the_bank)
    carried = finn.get(f"/console/payouts/{payout}").text
    assert f"/console/gifts/{gift.id}" in links(carried)


def test_what_went_back_and_what_failed_is_told_too(treasury: Treasury, desk: Desk):
    gift = treasury.a_paid_gift(9000)
    treasury.house.stripe.tell(f"charges/{charge_of(gift.id)}/refund", amount=1500)
    first = treasury.stripe_pays_out(paid=True)
    treasury.house.stripe.tell(f"payouts/{first}/fail")
    treasury.house.stripe.tell(f"payouts/{first}/retry")
    treasury.everybody_works()

    read = words(page(desk("finn"), gift.id))

    assert "It came to nothing, and its money went back to Stripe." in read
    assert read.count("Paid out, among other money") == 2
    assert "given back" in read
    assert "$15.00" in read
    assert "What is left of the gift: $90.00 - $15.00 = $75.00." in read


def test_an_unpaid_gift_says_that_nothing_was_paid(treasury: Treasury, desk: Desk):
    gift = treasury.house.gives(2500)

    read = words(page(desk("finn"), gift.id))

    assert "The donor has not finished Stripe's page." in read
    assert "In the book" not in read


def test_it_reads_in_korean(treasury: Treasury, desk: Desk):
    gift = treasury.a_paid_gift(2500)

    read = words(page(desk("finn"), gift.id, lang="ko"))

    assert "후원금의 경로" in read
    assert "US$25.00 − US$1.03 수수료 = US$23.97" in read


@pytest.mark.parametrize(("who", "sees"), [("finn", True), ("sue", True), ("abe", True), ("vera", False)])
def test_who_the_donor_is_those_see_whose_work_it_is_and_every_reading_is_noted(
    treasury: Treasury, desk: Desk, who: str, sees: bool
):
    gift = treasury.a_paid_gift(2500, name="Margaret O’Sullivan", email="margaret@example.com")

    drawn = page(desk(who), gift.id)

    assert ("Margaret" in drawn, "margaret@example.com" in drawn) == (sees, sees)
    [noted] = reading(gift.id)
    with transaction() as session:
        donor = session.get_one(Donation, gift.id).donor_id
    assert noted.facts == {"donor": donor, "with_name": sees}


def test_a_gift_that_is_not_there_is_not_here(desk: Desk):
    answer = desk("finn").get("/console/gifts/don_nobody")

    assert answer.status_code == 404
    assert "This page is not here" in answer.text
