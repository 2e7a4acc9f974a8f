"""The stop button and its neighbours: whoever holds the link steers that one gift, without a login."""

import re
from datetime import timedelta
from html import unescape

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.donations.models import Donation
from payments.donations.reversals import Refund
from payments.monthly.models import ChangeKind, MonthlyGift
from payments.supporters.donors import Donor
from tests.factories import NOON, a_donation
from tests.monthly.promises import an_invoice
from tests.pages.steering import a_gift, changes_of, mails, token_of


def opened(donor: TestClient, gift_id: str, lang: str = "en") -> str:
    page = donor.get(f"/monthly/{token_of(gift_id)}?lang={lang}")
    assert page.status_code == 200
    return unescape(page.text)


def asked(donor: TestClient, gift_id: str, deed: str, **said: str) -> str:
    """The page after a form on it was sent."""
    token = token_of(gift_id)
    answer = donor.post(f"/monthly/{token}/{deed}", data={"lang": "en"} | said)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"/monthly/{token}?lang=en"
    return unescape(donor.get(answer.headers["location"]).text)


def test_opening_the_link_shows_the_gift_and_changes_nothing(donor: TestClient, gift_id: str) -> None:
    page = opened(donor, gift_id)

    for said in ("$30.00", "Rescue and resettlement", "December 15, 2026", "Visa •••• 4242", "December 2034"):
        assert said in page
    assert not changes_of(gift_id)
    assert not mails()


@pytest.mark.parametrize("deed", ["", "amount", "stop", "card"])
def test_a_link_that_went_to_a_wrong_address_ends_with_the_correction(
    donor: TestClient, gift_id: str, deed: str
) -> None:
    strayed = token_of(gift_id)
    with transaction() as session:
        gift = session.get_one(MonthlyGift, gift_id)
        session.get_one(Donor, gift.donor_id).email = "ada.park@example.com"

    if deed:
        answer = donor.post(f"/monthly/{strayed}/{deed}", data={"lang": "en", "amount": "5000"})
    else:
        answer = donor.get(f"/monthly/{strayed}?lang=en")

    assert answer.status_code in {200, 410}
    assert "This link has expired" in answer.text
    assert not changes_of(gift_id)
    assert donor.get(f"/monthly/{token_of(gift_id)}").status_code == 200


def test_the_page_says_nothing_of_the_person(donor: TestClient, gift_id: str) -> None:
    page = opened(donor, gift_id)

    assert "Ada" not in page
    assert "ada@" not in page


def test_the_page_is_not_kept_not_found_and_not_told_to_others(donor: TestClient, gift_id: str) -> None:
    answer = donor.get(f"/monthly/{token_of(gift_id)}")

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert '<meta name="robots" content="noindex, nofollow">' in answer.text


def test_each_instalment_stands_there_with_its_receipt_and_what_was_given_back(
    donor: TestClient, gift_id: str
) -> None:
    with transaction() as session:
        for status in ("paid", "processing", "pending"):
            a_donation(session, amount=3000, status=status, monthly_gift_id=gift_id, created_at=NOON)
        paid = session.scalars(select(Donation).where(Donation.status == "paid")).one()
        session.add(
            Refund(
                id="rfd_1",
                donation_id=paid.id,
                stripe_charge_id="ch_1",
                amount=1000,
                currency="usd",
                status="succeeded",
                origin="stripe",
            )
        )

    page = opened(donor, gift_id)

    given = re.findall(r"<li>\s*(.*?)\s*</li>", page, re.S)
    assert len(given) == 2
    assert "$10.00 given back" in page
    assert "under way at your bank" in page


def test_one_click_stops_it_at_once_and_a_mail_confirms(donor: TestClient, gift_id: str) -> None:
    page = asked(donor, gift_id, "stop")

    assert "Your monthly gift has ended" in page
    assert "Stop my monthly gift" not in page
    with transaction() as session:
        gift = session.get_one(MonthlyGift, gift_id)
        assert (gift.status, gift.end_reason) == ("ended", "donor")
    assert [change.kind for change in changes_of(gift_id)] == ["cancel"]
    assert mails() == [("monthly_cancelled", "ada@example.com")]


def test_stopping_twice_is_stopping_once(donor: TestClient, gift_id: str) -> None:
    asked(donor, gift_id, "stop")
    asked(donor, gift_id, "stop")

    assert len(changes_of(gift_id)) == 1
    assert len(mails()) == 1


def test_a_link_steers_its_own_gift_and_no_other(donor: TestClient, gift_id: str) -> None:
    other = a_gift()

    asked(donor, gift_id, "stop")

    assert "Your monthly gift has ended" not in opened(donor, other)
    assert not changes_of(other)


def test_looking_is_no_asking(donor: TestClient, gift_id: str) -> None:
    for deed in ("stop", "skip", "pause", "resume", "amount", "day", "card", "pay", "new-link"):
        assert donor.get(f"/monthly/{token_of(gift_id)}/{deed}").status_code == 405

    assert not changes_of(gift_id)


def test_another_site_cannot_press_the_button(donor: TestClient, gift_id: str) -> None:
    answer = donor.post(f"/monthly/{token_of(gift_id)}/stop", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403
    assert not changes_of(gift_id)


@pytest.mark.parametrize(
    ("deed", "said", "shown"),
    [
        (ChangeKind.PAUSE, {"skip": ""}, "Nothing is charged until January 15, 2027."),
        (ChangeKind.PAUSE, {"months": "3"}, "Nothing is charged until March 15, 2027."),
        (ChangeKind.CHANGE_AMOUNT, {"amount": "$45"}, "From the next gift on it is $45.00."),
        (ChangeKind.CHANGE_DAY, {"day": "31"}, "on day 31 of the month"),
    ],
)
def test_what_is_asked_is_written_down_and_shown(
    donor: TestClient, gift_id: str, deed: ChangeKind, said: dict[str, str], shown: str
) -> None:
    [form] = said
    page = asked(donor, gift_id, {"months": "pause"}.get(form, form), **said)

    [change] = changes_of(gift_id)
    assert (change.kind, change.status, change.asked_by) == (deed, "requested", "donor")
    assert shown in page
    assert "We are passing it on to Stripe now" in page


def test_in_korean_too_the_day_after_a_pause_is_the_day_of_a_gift(donor: TestClient, gift_id: str) -> None:
    asked(donor, gift_id, "pause", months="1")

    page = opened(donor, gift_id, "ko")

    assert "2027년 1월 15일 전까지는 결제되지 않습니다." in page


@pytest.mark.parametrize(
    ("deed", "said"), [("amount", {"amount": "a lot"}), ("pause", {"months": "13"}), ("day", {"day": "32"})]
)
def test_a_refused_field_names_the_sentence_that_says_why(
    donor: TestClient, gift_id: str, deed: str, said: dict[str, str]
) -> None:
    page = donor.post(f"/monthly/{token_of(gift_id)}/{deed}", data={"lang": "en"} | said).text

    [field] = re.findall(r'<(?:input|select)[^>]*aria-invalid="true"[^>]*>', page)
    assert re.search(r'aria-describedby="complaint\b', field)
    assert '<p id="complaint">' in page
    assert "<title>Please check: " in page


def test_a_pause_can_be_taken_back_while_it_is_news(donor: TestClient, gift_id: str) -> None:
    assert "Go on as before" in asked(donor, gift_id, "pause", months="3")

    page = asked(donor, gift_id, "resume")

    assert "Noted: your gift goes on" in page
    assert "The next gift is on December 15, 2026." in page


def test_a_fee_can_be_covered_from_now_on(donor: TestClient, gift_id: str) -> None:
    page = asked(donor, gift_id, "amount", amount="50", cover_fees="yes")

    assert "$51.81" in page
    assert "$1.81 of it for the card fee" in page


@pytest.mark.parametrize(
    ("deed", "said", "sentence"),
    [
        ("amount", {"amount": "0.50"}, "The smallest gift we can take online is $1.00."),
        ("amount", {"amount": "plenty"}, "Please write the amount in figures, for example $30.00."),
        ("amount", {"amount": ""}, "Please choose an amount, or write your own."),
        ("amount", {"amount": "30"}, "That is what you give each month already: $30.00."),
        ("pause", {"months": "13"}, "A pause lasts from 1 to 12 months."),
        ("pause", {"months": "a"}, "A pause lasts from 1 to 12 months."),
        ("day", {"day": "32"}, "Choose a day of the month from 1 to 31."),
        ("day", {}, "Choose a day of the month from 1 to 31."),
        ("resume", {}, "This monthly gift is not paused."),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    donor: TestClient, gift_id: str, deed: str, said: dict[str, str], sentence: str
) -> None:
    answer = donor.post(f"/monthly/{token_of(gift_id)}/{deed}", data={"lang": "en"} | said)

    assert answer.status_code == 422
    assert sentence in unescape(answer.text)
    assert not changes_of(gift_id)


def test_the_same_refusal_is_said_in_korean(donor: TestClient, gift_id: str) -> None:
    answer = donor.post(f"/monthly/{token_of(gift_id)}/amount", data={"lang": "ko", "amount": "0.5"})

    assert "온라인으로 받을 수 있는 가장 적은 금액은 US$1.00입니다." in answer.text


@pytest.mark.parametrize(
    ("given", "heading", "offers"),
    [
        ({"status": "pending"}, "Your gift is being confirmed", ("", "Stop it")),
        ({"status": "never_started"}, "This gift was not finished", ("Begin a new monthly gift", "Stop it")),
        ({"status": "behind"}, "Your monthly gift needs you", ("Use another card", "Go on now")),
        (
            {"status": "paused", "is_paused": True, "paused_until": NOON + timedelta(days=60)},
            "Your monthly gift is resting",
            ("Go on now", "Leave out the next gift"),
        ),
        ({"status": "lapsed", "lapsed_at": NOON}, "has come to a stop", ("Use another card", "Change it")),
        (
            {"status": "ended", "ended_at": NOON, "end_reason": "dispute"},
            "Your monthly gift has ended",
            ("Begin a new monthly gift", "Stop it"),
        ),
    ],
)
def test_each_standing_offers_what_can_be_done_then(
    donor: TestClient, gift_id: str, given: dict[str, object], heading: str, offers: tuple[str, str]
) -> None:
    offered, not_offered = offers

    page = opened(donor, a_gift(**given))

    assert heading in page
    assert offered in page
    assert not_offered not in page


def test_a_refused_instalment_can_be_settled_at_once(donor: TestClient, gift_id: str) -> None:
    behind = a_gift(status="behind")
    with transaction() as session:
        an_invoice(session, session.get_one(MonthlyGift, behind), attempts=1, amount_due=3000)

    page = opened(donor, behind)

    assert "the last payment of $30.00" in page
    assert "Confirm or pay it now" in page


@pytest.mark.parametrize("deed", ["card", "pay"])
def test_when_stripe_is_away_nothing_has_changed_and_the_page_says_so(
    donor: TestClient, gift_id: str, deed: str
) -> None:
    behind = a_gift(status="behind")
    with transaction() as session:
        an_invoice(session, session.get_one(MonthlyGift, behind), attempts=1)

    answer = donor.post(f"/monthly/{token_of(behind)}/{deed}", data={"lang": "en"})

    assert answer.status_code == 503
    assert "Nothing has changed. Please press the button again in a moment." in answer.text


def test_paying_what_was_paid_meanwhile_leads_back_to_the_page(donor: TestClient, gift_id: str) -> None:
    asked(donor, gift_id, "pay")
