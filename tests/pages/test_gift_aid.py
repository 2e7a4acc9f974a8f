"""Gift Aid on the donate page and in the API: an unticked box, and its words kept with the gift."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from payments.database import transaction
from payments.donations.models import Donation, GivingTerms, IssuingEntity
from payments.donations.organisation import forget_offer
from payments.giftaid.models import GiftAidDeclaration
from tests.pages.form import FILLED_IN, hidden_fields

HOME = {"first_name": "Ann", "last_name": "Lee", "house": "Rose Cottage", "postcode": "s19 2bd"}
IN_POUNDS = {**FILLED_IN, "currency": "gbp", "amount_gbp": "5000", "amount_gbp_monthly": "2500"}


@pytest.fixture
def british_donor(donor_near_stripe: TestClient) -> TestClient:
    """A donor before a charity in the United Kingdom."""
    with transaction() as session:
        session.get_one(IssuingEntity, "us").jurisdiction = "GB"
        usd = session.get_one(GivingTerms, "usd")
        copied = {column.key: getattr(usd, column.key) for column in GivingTerms.__table__.columns}
        session.add(GivingTerms(**copied | {"currency": "gbp", "position": 9}))
    forget_offer()
    return donor_near_stripe


def press(donor: TestClient, **typed: str) -> Any:
    page = donor.get("/donate?lang=en")
    return page, donor.post("/donate", data=hidden_fields(page.text) | IN_POUNDS | typed)


def declarations() -> list[GiftAidDeclaration]:
    with transaction() as session:
        return list(session.scalars(select(GiftAidDeclaration)))


def test_the_box_is_unticked_and_says_who_pays_a_difference(british_donor: TestClient) -> None:
    page = british_donor.get("/donate?lang=en").text

    (box,) = [line for line in page.splitlines() if 'id="gift-aid"' in line]
    assert "checked" not in box
    assert "it is my responsibility to pay any difference" in page


def test_a_charity_elsewhere_asks_for_no_home(donor: TestClient) -> None:
    assert "Gift Aid" not in donor.get("/donate?lang=en").text


def test_a_ticked_box_is_kept_with_the_words_beside_it(british_donor: TestClient) -> None:
    page, answer = press(british_donor, gift_aid="yes", **HOME)

    (kept,) = declarations()
    with transaction() as session:
        gift = session.scalars(select(Donation)).one()
    assert answer.headers["location"] == gift.checkout_url
    assert (kept.first_name, kept.last_name, kept.house, kept.postcode) == (
        "Ann",
        "Lee",
        "Rose Cottage",
        "S19 2BD",
    )
    assert (kept.donation_id, kept.donor_id, kept.channel) == (gift.id, gift.donor_id, "online")
    assert (kept.covers_past, kept.covers_future) == (False, False)
    assert kept.wording_shown in page.text


def test_of_a_monthly_gift_it_covers_all_gifts(british_donor: TestClient) -> None:
    page, _ = press(british_donor, frequency="monthly", gift_aid="yes", **HOME)

    (kept,) = declarations()
    assert (kept.donation_id, kept.covers_past, kept.covers_future) == (None, True, True)
    assert kept.wording_shown in page.text


def test_a_home_typed_without_the_tick_is_not_kept(british_donor: TestClient) -> None:
    _, answer = press(british_donor, **HOME)

    assert answer.status_code == 303
    assert declarations() == []
    with transaction() as session:
        stored = session.scalar(text("select string_agg(to_jsonb(d)::text, '') from donations d"))
    assert "Rose Cottage" not in str(stored)


def test_what_hmrc_would_not_read_is_asked_for_again_and_nothing_is_lost(british_donor: TestClient) -> None:
    _, answer = press(british_donor, gift_aid="yes", **HOME | {"postcode": "1234", "last_name": "이"})

    assert answer.status_code == 422
    assert "check the postcode of your home" in answer.text
    assert "in Latin letters" in answer.text
    assert 'value="Rose Cottage"' in answer.text
    assert declarations() == []


def test_dollars_have_no_gift_aid(british_donor: TestClient) -> None:
    _, answer = press(british_donor, currency="usd", gift_aid="yes", **HOME)

    assert answer.status_code == 422
    assert "for gifts in pounds" in answer.text


def test_the_api_takes_a_declaration_once(british_donor: TestClient) -> None:
    body = {
        "amount": 2500,
        "currency": "gbp",
        "fund": "general",
        "donor": {"name": "Ann Lee", "email": "ann@example.com"},
        "gift_aid": {"title": "Mrs", **HOME},
    }
    key = {"Idempotency-Key": str(uuid4()), "accept": "application/json"}

    first = british_donor.post("/api/v1/donations", json=body, headers=key)
    again = british_donor.post("/api/v1/donations", json=body, headers=key)
    other = british_donor.post(
        "/api/v1/donations", json=body | {"gift_aid": HOME | {"house": "5"}}, headers=key
    )

    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert other.status_code == 409
    assert [kept.title for kept in declarations()] == ["Mrs"]
