from datetime import UTC, date, datetime

import pytest
from fastapi.testclient import TestClient

from payments.database import transaction
from payments.donations.models import DonationStatus
from payments.monthly.models import MonthlyGift, MonthlyStatus
from tests.factories import NOON, a_donation


def a_gift(status: DonationStatus, **given) -> str:
    with transaction() as session:
        return a_donation(session, status=status, amount=10_330, fund="rescue", **given).id


def test_a_paid_gift_is_thanked_for_with_what_our_row_says(donor: TestClient) -> None:
    gift = a_gift(DonationStatus.PAID, paid_at=NOON, gift_date=date(2026, 11, 24))

    page = donor.get(f"/thank-you/{gift}?lang=en").text

    for said in (
        "Thank you",
        "$103.30",
        "Rescue and resettlement",
        "November 24, 2026",
        "A receipt is on its way",
    ):
        assert said in page
    assert "refresh" not in page


def a_monthly_gift(payment: DonationStatus, **promise) -> str:
    with transaction() as session:
        instalment = a_donation(session, frequency="monthly", status=DonationStatus.PENDING)
        session.add(
            MonthlyGift(
                id="mon_of_ada",
                entity_id="us",
                donor_id=instalment.donor_id,
                donor_name="Ada Park",
                locale="en",
                currency="usd",
                source={},
                **promise,
            )
        )
        session.flush()
        instalment.monthly_gift_id = "mon_of_ada"
        instalment.status = payment
        return instalment.id


def test_who_begins_to_give_monthly_is_welcomed_and_told_the_next_day(donor: TestClient) -> None:
    gift = a_monthly_gift(
        DonationStatus.PAID,
        status=MonthlyStatus.ACTIVE,
        next_charge_at=datetime(2026, 12, 25, 3, tzinfo=UTC),
    )

    page = donor.get(f"/thank-you/{gift}?lang=en").text

    for said in (
        "Welcome to Liberty",
        "$25.00",
        "Your first gift",
        "December 24, 2026",
        "change, pause or stop",
    ):
        assert said in page


def test_a_monthly_gift_is_welcomed_only_when_its_first_instalment_is_paid(donor: TestClient) -> None:
    waiting = a_monthly_gift(DonationStatus.PENDING)

    page = donor.get(f"/thank-you/{waiting}?lang=en").text

    assert "Your gift is being confirmed" in page
    assert "Welcome" not in page
    assert "Next gift" not in page


def test_a_monthly_gift_whose_first_payment_was_refused_can_be_begun_again(donor: TestClient) -> None:
    refused = a_monthly_gift(DonationStatus.FAILED, status=MonthlyStatus.NEVER_STARTED)

    page = donor.get(f"/thank-you/{refused}?lang=en").text

    assert "The payment did not go through" in page
    assert "/donate?lang=en&amp;frequency=monthly" in page


def test_coming_back_proves_nothing_until_our_row_says_paid(donor: TestClient) -> None:
    gift = a_gift(DonationStatus.PENDING)

    page = donor.get(f"/thank-you/{gift}?lang=en&session_id=cs_paid&status=paid").text

    assert "Your gift is being confirmed" in page
    assert "receipt is on its way" not in page
    assert f'<meta http-equiv="refresh" content="2;url=/thank-you/{gift}?lang=en&amp;look=1">' in page


def test_after_many_looks_the_page_calms_down_and_in_the_end_rests(donor: TestClient) -> None:
    gift = a_gift(DonationStatus.PENDING)

    slow = donor.get(f"/thank-you/{gift}?look=20&lang=en").text
    resting = donor.get(f"/thank-you/{gift}?look=60&lang=en").text

    assert "longer than usual" in slow
    assert 'content="10;url=' in slow
    assert "http-equiv" not in resting
    assert "Look again now" in resting


@pytest.mark.parametrize(
    ("status", "heading"),
    [
        (DonationStatus.PROCESSING, "Your bank is at work"),
        (DonationStatus.FAILED, "The payment did not go through"),
        (DonationStatus.EXPIRED, "This gift was not finished"),
    ],
)
def test_money_that_has_not_arrived_is_not_thanked_for(
    donor: TestClient, status: DonationStatus, heading: str
) -> None:
    gift = a_gift(status)

    page = donor.get(f"/thank-you/{gift}?lang=en").text

    assert heading in page
    assert "Your gift of" not in page
    assert "Because of you" not in page
    assert "receipt is on its way" not in page


@pytest.mark.parametrize("status", list(DonationStatus))
def test_the_page_tells_nobody_who_gave(donor: TestClient, status: DonationStatus) -> None:
    gift = a_gift(
        status, name="Ada Park", email="ada@example.com", dedication_kind="in_memory", dedication_name="Ruth"
    )

    page = donor.get(f"/thank-you/{gift}").text

    for private in ("Ada", "ada@example.com", "Ruth"):
        assert private not in page


def test_the_page_speaks_the_language_the_gift_was_given_in(donor: TestClient) -> None:
    gift = a_gift(DonationStatus.PAID, locale="ko")

    assert "고맙습니다" in donor.get(f"/thank-you/{gift}").text


@pytest.mark.parametrize("strange", ["don_0123", "x", "don_%00"])
def test_an_unknown_gift_is_a_page_that_says_so(donor: TestClient, strange: str) -> None:
    answer = donor.get(f"/thank-you/{strange}", headers={"accept-language": "ko"})

    assert answer.status_code == 404
    assert "페이지를 찾을 수 없습니다" in answer.text


@pytest.mark.parametrize("look", ["-1", "99999", "²", "abc", ""])
def test_a_strange_count_of_looks_does_no_harm(donor: TestClient, look: str) -> None:
    gift = a_gift(DonationStatus.PENDING)

    assert donor.get(f"/thank-you/{gift}?look={look}").status_code == 200
