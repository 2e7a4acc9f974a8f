"""Whoever answers donors finds the person behind whatever is in hand, and leaves a trace."""

import pytest
from sqlalchemy import select

from payments.database import transaction
from payments.donations.models import Donation
from payments.receipts.models import Receipt
from payments.staff.models import AuditEntry
from tests.journeys.house import Gift
from tests.newsletter.conftest import a_question, reader, somebody_types
from tests.refunds.desk import Desk


def row_of(gift: Gift) -> Donation:
    with transaction() as session:
        return session.get_one(Donation, gift.id)


def receipt_of(gift: Gift) -> Receipt:
    with transaction() as session:
        return session.scalars(select(Receipt).where(Receipt.donation_id == gift.id)).one()


def found_by(desk: Desk, wanted: str, who: str = "sue") -> list[str]:
    found = desk.reads_json("donors", "find", wanted, "--as", f"{who}@lp.example")
    return [donor["donor_id"] for donor in found]


def test_any_id_receipt_number_address_or_part_of_a_name_finds_the_donor(desk: Desk) -> None:
    gift = desk.a_paid_gift(name="Mary Grace O'Hara", email="Grace@Example.com")
    desk.a_paid_gift(name="Ben Yoo", email="ben@example.com")
    row, receipt = row_of(gift), receipt_of(gift)
    in_hand = [
        *(row.id, row.donor_id, row.stripe_payment_intent_id, row.stripe_checkout_session_id),
        *(desk.charge_of(gift), receipt.id, receipt.number),
        *("grace@example.COM", "o'hara", "Grace"),
    ]

    found = {str(wanted): found_by(desk, str(wanted)) for wanted in in_hand}

    assert found == {str(wanted): [row.donor_id] for wanted in in_hand}
    assert found_by(desk, "nobody@example.com") == found_by(desk, "don_0123") == []


def test_a_sign_of_a_pattern_is_a_letter_like_any_other(desk: Desk) -> None:
    desk.a_paid_gift(name="Ada Park")

    assert found_by(desk, "%d%") == found_by(desk, "Ada Par_ ") == []


def test_what_there_is_of_a_donor_stands_on_one_page(desk: Desk) -> None:
    first, second = desk.a_paid_gift(2500), desk.a_paid_gift(4000)
    donor = row_of(first).donor_id

    page = desk.reads_json("donors", "show", donor, "--as", "sue@lp.example")
    told = desk.types("donors", "show", donor, "--as", "sue@lp.example")

    assert (page["name"], page["email"]) == ("Ada Park", "ada@example.com")
    assert {gift["id"] for gift in page["gifts"]} == {first.id, second.id}
    assert {gift["receipt"] for gift in page["gifts"]} == {
        receipt_of(each).number for each in (first, second)
    }
    assert [letter["status"] for letter in page["letters"]] == ["sent", "sent"]
    assert receipt_of(second).number in told


def test_the_page_of_a_donor_leads_to_what_was_said_of_the_newsletter(desk: Desk) -> None:
    donor = row_of(desk.a_paid_gift(email="ada@example.com")).donor_id
    before = desk.reads_json("donors", "show", donor, "--as", "sue@lp.example")
    a_question("ada@example.com")
    somebody_types("bea@example.com")

    page = desk.reads_json("donors", "show", donor, "--as", "sue@lp.example")

    assert before["newsletter"] == []
    assert page["newsletter"] == [reader("ada@example.com").id]
    assert reader("ada@example.com").id in desk.types("donors", "show", donor, "--as", "sue@lp.example")


def test_each_read_of_a_donor_is_noted_with_the_reader_and_never_with_what_was_typed(desk: Desk) -> None:
    gift = desk.a_paid_gift(name="Ada Park")
    donor = row_of(gift).donor_id

    found_by(desk, "Ada")
    desk.reads("finn", f"donors/{donor}")
    found_by(desk, "nobody@example.com")

    assert [(line.deed, line.reason) for line in desk.audit(donor)] == [
        ("donors.find", "a search by name"),
        ("donors.show", "read"),
    ]
    with transaction() as session:
        said = [f"{line.subject} {line.reason} {line.facts}" for line in session.scalars(select(AuditEntry))]
    assert not [line for line in said if "Ada" in line or "nobody@" in line]


def test_a_search_through_the_api_says_nothing_in_its_address(desk: Desk) -> None:
    gift = desk.a_paid_gift()
    donor = row_of(gift).donor_id

    answer = desk.sends("sue", "donors/search", {"wanted": "ada@example.com"})
    page = desk.reads("sue", f"donors/{donor}")

    assert answer.url.endswith("/api/v1/donors/search")
    assert [(each["id"], each["name"]) for each in answer.json()["donors"]] == [(donor, "Ada Park")]
    assert page.json()["email"] == "ada@example.com"
    assert page.json()["gifts"][0]["total"] == {"amount": 2500, "currency": "usd"}
    assert desk.reads("sue", "donors/dnr_unknown").status_code == 404
    assert desk.sends("sue", "donors/search", {"wanted": "A"}).status_code == 422
    assert desk.sends("nobody", "donors/search", {"wanted": "Ada"}).status_code == 401


@pytest.mark.parametrize("who", ["vera", "adam"])
def test_whoever_sees_no_names_finds_by_id_and_sees_ids(desk: Desk, who: str) -> None:
    gift = desk.a_paid_gift()

    listed = desk.sends(who, "donors/search", {"wanted": gift.id}).json()["donors"]
    page = desk.reads(who, f"donors/{listed[0]['id']}").json()

    assert [(each["name"], each["email"]) for each in listed] == [(None, None)]
    assert (page["name"], page["email"], page["postal_address"]) == (None, None, None)
    assert [each["id"] for each in page["gifts"]] == [gift.id]
    assert "Ada" not in str(page)


@pytest.mark.parametrize("wanted", ["Ada", "ada@example.com"])
def test_a_search_by_name_is_refused_to_whoever_sees_no_names(desk: Desk, wanted: str) -> None:
    desk.a_paid_gift()

    assert desk.sends("vera", "donors/search", {"wanted": wanted}).status_code == 403
    assert "role" in desk.types_wrongly("donors", "find", wanted, "--as", "vera@lp.example")
