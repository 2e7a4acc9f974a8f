import html
import re
import tomllib
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from payments.database import transaction
from payments.donations.models import Allocation, Donation, DonationStatus, GivingTerms
from payments.donations.organisation import load
from tests.conftest import PROJECT
from tests.factories import a_donation
from tests.pages.form import FILLED_IN, complaints, hidden_fields


def press_donate(donor: TestClient, query: str = "", **changed: str):
    page = donor.get(f"/donate{query}")
    assert page.status_code == 200
    return donor.post("/donate", data=hidden_fields(page.text) | FILLED_IN | changed)


def the_only_gift() -> Donation:
    with transaction() as session:
        return session.scalars(select(Donation)).one()


def how_many_gifts() -> int:
    with transaction() as session:
        return session.scalar(select(func.count()).select_from(Donation)) or 0


def test_the_front_door_leads_to_the_form_and_keeps_the_campaign(donor: TestClient) -> None:
    answer = donor.get("/?utm_source=letter")

    assert (answer.status_code, answer.headers["location"]) == (303, "/donate?utm_source=letter")


@pytest.mark.parametrize("name", ["donate", "monthly", "verify"])
def test_a_slash_at_the_end_of_an_address_is_forgiven(donor: TestClient, name: str) -> None:
    answer = donor.get(f"/{name}/?lang=ko", headers={"host": "evil.example"})

    assert (answer.status_code, answer.headers["location"]) == (303, f"/{name}?lang=ko")


@pytest.mark.parametrize(
    "path", ["/monthly/a-link/", "/verify/US-2026-000001/A000/", "//evil.example/", "/x/"]
)
def test_no_address_is_sent_on_to_where_the_host_header_says(donor: TestClient, path: str) -> None:
    answer = donor.get(f"http://127.0.0.1:8000{path}", headers={"host": "evil.example"})

    assert answer.status_code == 404


def test_pressing_donate_leads_to_stripes_page_without_any_script(donor_near_stripe: TestClient) -> None:
    answer = press_donate(donor_near_stripe, "?utm_source=letter&utm_campaign=winter&lang=en")

    gift = the_only_gift()
    assert answer.status_code == 303
    assert answer.headers["location"] == gift.checkout_url
    assert (gift.amount, gift.currency, gift.fee_cover_amount) == (5000, "usd", 0)
    assert gift.source == {"page": "/donate", "utm_source": "letter", "utm_campaign": "winter"}


def test_a_charity_of_one_language_is_read_in_both(donor: TestClient, document: dict[str, Any]) -> None:
    for fund in document["funds"]:
        fund["name"], fund["description"] = fund["name"]["en"], fund["description"]["en"]
    del document["organisation"]["words"]["ko"]
    with transaction() as session:
        load(session, document)

    page = donor.get("/donate?lang=ko")

    assert page.status_code == 200
    assert document["funds"][0]["description"] in html.unescape(page.text)


@pytest.fixture
def document() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "payments/local/organisation.toml").read_text())


def test_a_double_click_gives_once(donor_near_stripe: TestClient) -> None:
    page = donor_near_stripe.get("/donate")
    form = hidden_fields(page.text) | FILLED_IN

    first = donor_near_stripe.post("/donate", data=form)
    second = donor_near_stripe.post("/donate", data=form)

    assert first.headers["location"] == second.headers["location"]
    assert how_many_gifts() == 1


def test_going_back_and_changing_the_amount_is_another_gift(donor_near_stripe: TestClient) -> None:
    page = donor_near_stripe.get("/donate")
    form = hidden_fields(page.text) | FILLED_IN

    first = donor_near_stripe.post("/donate", data=form)
    second = donor_near_stripe.post("/donate", data=form | {"amount_usd": "2500"})

    assert first.headers["location"] != second.headers["location"]
    assert how_many_gifts() == 2


def test_the_same_form_sent_again_after_it_was_paid_says_thank_you(donor_near_stripe: TestClient) -> None:
    page = donor_near_stripe.get("/donate")
    form = hidden_fields(page.text) | FILLED_IN
    donor_near_stripe.post("/donate", data=form)
    with transaction() as session:
        session.execute(update(Donation).values(status=DonationStatus.PAID))

    again = donor_near_stripe.post("/donate", data=form)

    assert again.headers["location"].startswith(f"/thank-you/{the_only_gift().id}")


def test_the_same_form_sent_again_after_its_page_expired_begins_anew(
    donor_near_stripe: TestClient, stripe_pages: str
) -> None:
    page = donor_near_stripe.get("/donate")
    form = hidden_fields(page.text) | FILLED_IN
    first = donor_near_stripe.post("/donate", data=form)
    with transaction() as session:
        session.execute(update(Donation).values(status=DonationStatus.EXPIRED))

    again = donor_near_stripe.post("/donate", data=form)

    assert how_many_gifts() == 2
    assert again.headers["location"].startswith(stripe_pages)
    assert again.headers["location"] != first.headers["location"]


def test_won_are_whole_and_the_own_amount_is_read_in_korean(donor_near_stripe: TestClient) -> None:
    press_donate(
        donor_near_stripe,
        "?lang=ko",
        currency="krw",
        amount_krw="own",
        own_amount_krw="5만 원",
        name="박에이다",
    )

    gift = the_only_gift()
    assert (gift.amount, gift.currency, gift.locale, gift.donor_name) == (50_000, "krw", "ko", "박에이다")


def test_a_covered_fee_is_added_to_the_gift_and_goes_to_no_fund(donor_near_stripe: TestClient) -> None:
    press_donate(donor_near_stripe, cover_fees="yes")

    gift = the_only_gift()
    with transaction() as session:
        part = session.scalars(select(Allocation)).one()
    assert (gift.amount, gift.fee_cover_amount, part.amount, part.fund_id) == (5181, 181, 5000, "rescue")


def test_a_dedication_is_kept_with_the_gift(donor_near_stripe: TestClient) -> None:
    press_donate(donor_near_stripe, dedication="in_memory", dedication_name="Ruth Han")

    gift = the_only_gift()
    assert (gift.dedication_kind, gift.dedication_name) == ("in_memory", "Ruth Han")


def test_everything_wrong_is_said_at_once_and_nothing_typed_is_lost(donor: TestClient) -> None:
    answer = press_donate(
        donor,
        amount_usd="own",
        own_amount_usd="0.50",
        name="",
        email="ada@",
        dedication="in_honour",
        dedication_name="",
        fund="moon",
    )

    assert answer.status_code == 422
    assert set(complaints(answer.text)) == {"amount", "fund", "name", "email", "dedication"}
    assert "5 things need another look" in answer.text
    for typed in ('value="0.50"', 'value="ada@"', 'value="in_honour" id="dedication-in_honour" checked'):
        assert typed in answer.text
    assert how_many_gifts() == 0


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_every_link_in_the_summary_of_errors_leads_to_a_field(donor: TestClient, lang: str) -> None:
    answer = press_donate(donor, f"?lang={lang}", amount_usd="", name="", email="", fund="")

    links = re.findall(r'<li><a href="#([^"]+)">', answer.text)
    assert len(links) == 4
    assert all(answer.text.count(f'id="{link}"') == 1 for link in links)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"own_amount_usd": "0.99"}, "The smallest gift we can take online is $1.00."),
        ({"own_amount_usd": "50,000.01"}, "The largest gift we can take online is $50,000.00. Please write"),
        ({"own_amount_usd": "1,00"}, "Please write the amount in figures, for example $25.00."),
        ({"own_amount_usd": ""}, "Please choose an amount, or write your own."),
        ({"own_amount_krw": "1000.5", "currency": "krw"}, "Gifts in KRW are whole multiples of ₩1."),
        ({"own_amount_krw": "999", "currency": "krw"}, "The smallest gift we can take online is ₩1,000."),
    ],
)
def test_a_wrong_amount_is_answered_in_words_a_donor_understands(
    donor: TestClient, changed: dict[str, str], sentence: str
) -> None:
    answer = press_donate(donor, amount_usd="own", amount_krw="own", **changed)

    assert answer.status_code == 422
    assert complaints(answer.text)["amount"].startswith(sentence)


def test_the_same_refusal_is_said_in_korean(donor: TestClient) -> None:
    answer = press_donate(
        donor, "?lang=ko", currency="krw", amount_krw="own", own_amount_krw="999", email="nobody"
    )

    assert complaints(answer.text) == {
        "amount": "온라인으로 받을 수 있는 가장 적은 금액은 ₩1,000입니다.",
        "email": "이메일 주소를 확인해 주세요. 그 주소로 영수증을 보내 드립니다.",
    }


def test_when_stripe_is_away_the_form_stays_filled_in(donor: TestClient) -> None:
    answer = press_donate(donor)

    assert answer.status_code == 503
    assert "Nothing was charged" in answer.text
    assert 'value="Ada Park"' in answer.text


def test_coming_back_unpaid_restores_the_gift_but_never_shows_who_gave(donor: TestClient) -> None:
    with transaction() as session:
        left = a_donation(session, amount=7181, fee_cover=181, fund="education", name="Ada Park")

    page = donor.get(f"/donate?cancelled={left.id}&lang=en").text

    assert "Nothing was charged" in page
    assert 'value="70"' in page
    assert 'value="education" id="fund-education" checked' in page
    assert "Ada" not in page
    assert "ada@example.com" not in page


def test_coming_back_after_all_was_paid_leads_to_the_thanks(donor: TestClient) -> None:
    with transaction() as session:
        paid = a_donation(session, status=DonationStatus.PAID)

    answer = donor.get(f"/donate?cancelled={paid.id}")

    assert answer.headers["location"].startswith(f"/thank-you/{paid.id}")


@pytest.mark.parametrize("strange", ["don_nobody", "%00", "../../etc", "don_%00"])
def test_a_made_up_gift_in_the_address_changes_nothing(donor: TestClient, strange: str) -> None:
    assert donor.get(f"/donate?cancelled={strange}").status_code == 200


def test_once_is_chosen_until_the_donor_chooses_monthly(donor: TestClient) -> None:
    page = donor.get("/donate?lang=en").text

    assert 'value="once" id="frequency" checked' in page
    assert 'value="1500" id="amount-usd_monthly">' in page


def test_the_address_may_ask_for_a_monthly_gift(donor: TestClient) -> None:
    page = donor.get("/donate?lang=en&frequency=monthly&amount=50&currency=usd").text

    assert 'value="monthly" id="frequency-monthly" checked' in page
    assert 'value="5000" id="amount-usd_monthly-5000" checked' in page
    assert "Join Liberty and give monthly" in page


def test_a_charity_that_takes_single_gifts_only_asks_nothing_about_months(donor: TestClient) -> None:
    with transaction() as session:
        session.execute(update(GivingTerms).values(monthly_suggested=None))

    page = donor.get("/donate?lang=en&frequency=monthly").text

    assert "monthly" not in page
    assert "month" not in page.replace("this month", "").replace("first months", "")


def test_a_currency_that_is_not_taken_monthly_says_so_where_its_amounts_would_be(donor: TestClient) -> None:
    with transaction() as session:
        session.execute(
            update(GivingTerms).where(GivingTerms.currency == "krw").values(monthly_suggested=None)
        )

    page = donor.get("/donate?lang=en&frequency=monthly").text
    answer = press_donate(donor, frequency="monthly", currency="krw")

    assert "In South Korean won you can give once, but not each month." in page
    assert answer.status_code == 422
    assert complaints(answer.text) == {
        "frequency": "Monthly gifts in KRW are not possible here. A single gift is, or another currency."
    }


def test_the_amount_of_a_monthly_gift_is_read_from_its_own_fields(donor: TestClient) -> None:
    answer = press_donate(
        donor, frequency="monthly", amount_usd="5000", amount_usd_monthly="own", own_amount_usd_monthly="0.5"
    )

    assert complaints(answer.text) == {"amount": "The smallest gift we can take online is $1.00."}
    assert '<a href="#own-usd_monthly">' in answer.text


def test_a_monthly_gift_left_unpaid_is_offered_again_as_monthly(donor: TestClient) -> None:
    with transaction() as session:
        left = a_donation(session, frequency="monthly", amount=1500)

    page = donor.get(f"/donate?cancelled={left.id}&lang=en").text

    assert 'value="monthly" id="frequency-monthly" checked' in page
    assert 'value="1500" id="amount-usd_monthly" checked' in page


def test_the_address_may_ask_for_amount_fund_and_currency(donor: TestClient) -> None:
    page = donor.get("/donate?currency=krw&amount=70000&fund=education&lang=en").text

    assert 'value="krw" id="currency-krw" checked' in page
    assert 'name="own_amount_krw" id="own-krw" value="70000"' in page
    assert 'id="fund-education" checked' in page


def test_what_a_stranger_puts_in_the_address_cannot_become_part_of_the_page(donor: TestClient) -> None:
    page = donor.get('/donate?utm_source="><script>alert(1)</script>&amount=<b>&page=ada@example.com').text

    assert "<script>alert" not in page
    assert "<b>" not in page
    assert "ada@example.com" not in page


def test_control_characters_in_a_name_do_no_harm(donor_near_stripe: TestClient) -> None:
    press_donate(donor_near_stripe, name="Ada\x00\x1b[31m\u202e  Park\r\nBcc: x")

    assert the_only_gift().donor_name == "Ada[31m Park Bcc: x"


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_page_says_its_language_and_is_never_kept(donor: TestClient, lang: str) -> None:
    answer = donor.get("/donate", headers={"accept-language": lang})

    assert f'<html lang="{lang}"' in answer.text
    assert answer.headers["content-language"] == lang
    assert answer.headers["cache-control"] == "no-store"


def test_switching_the_language_keeps_where_the_donor_came_from(donor: TestClient) -> None:
    page = donor.get("/donate?utm_source=letter&lang=en").text

    assert "utm_source=letter&amp;lang=ko" in page


def test_covering_the_fee_is_never_ticked_for_the_donor(donor: TestClient) -> None:
    page = donor.get("/donate").text

    assert re.search(r'<input type="checkbox" name="cover_fees"[^>]*>', page)
    assert not re.search(r'<input type="checkbox"[^>]* checked', page)
