"""A donor's page of everything that was given: who may open it, and that nobody else's gift is there."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from payments.database import transaction
from payments.giving import asking
from payments.giving.models import DonorSession
from payments.monthly.models import MonthlyGift
from payments.receipts import annual, corrections
from payments.receipts.models import GivingStatement, Receipt
from payments.shield import limits
from tests.giving.links import ADA, a_link
from tests.pages.conftest import browser
from tests.pages.steering import a_gift
from tests.receipts.register import letters, settle_the_register, words_in
from tests.receipts.test_annual import us
from tests.receipts.test_issue import a_paid_gift

BEA = "bea@example.com"
MARCH = datetime(2026, 3, 3, 20, tzinfo=UTC)


@pytest.fixture
def given(organisation: object) -> None:
    """Ada gave $25.00 in 2026 and $12.34 in 2025; Bea gave too."""
    with transaction() as session:
        a_paid_gift(session, paid_at=MARCH)
        a_paid_gift(session, amount=1234, paid_at=datetime(2025, 6, 1, tzinfo=UTC))
        a_paid_gift(session, amount=7777, email=BEA, name="Bea Cho", paid_at=MARCH)
    settle_the_register()


def comes_in(donor: TestClient, email: str = ADA) -> None:
    answer = donor.post(f"/giving/open/{a_link(email)}", data={"lang": "en"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/giving/gifts?lang=en")


def shown(donor: TestClient, path: str = "/giving/gifts?lang=en") -> str:
    answer = donor.get(path)
    assert answer.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def number_of(amount: int) -> str:
    with transaction() as session:
        return session.scalars(select(Receipt.number).where(Receipt.amount == amount)).one()


def test_opening_the_link_shows_a_button_and_uses_nothing_up(donor: TestClient, given: None) -> None:
    link = a_link()
    for _ in range(2):
        page = donor.get(f"/giving/open/{link}?lang=en")
        assert page.status_code == 200
        assert "set-cookie" not in page.headers
        assert "$25" not in page.text
    with transaction() as session:
        assert not session.scalars(select(DonorSession)).all()

    answer = donor.post(f"/giving/open/{link}", data={"lang": "en"})

    [cookie] = [answer.headers["set-cookie"].lower()]
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "max-age" not in cookie
    assert "Bea" not in shown(donor)


def test_a_used_an_old_and_a_spoilt_link_open_nothing(donor: TestClient, given: None) -> None:
    link = a_link()
    donor.post(f"/giving/open/{link}")
    donor.get("/giving/gifts")

    for token, status in ((link, 410), (a_link(good_for=timedelta(seconds=-1)), 410), (f"{link}A", 404)):
        stranger = browser()
        for answer in (stranger.get(f"/giving/open/{token}"), stranger.post(f"/giving/open/{token}")):
            assert answer.status_code == status
            assert "set-cookie" not in answer.headers
        assert stranger.get("/giving/gifts").status_code == 303


def test_the_years_stand_there_with_their_sums_and_receipts(donor: TestClient, given: None) -> None:
    comes_in(donor)

    latest, earlier = shown(donor), shown(donor, "/giving/gifts?year=2025&lang=en")

    assert f"March 3, 2026 Where it is needed most $25.00 Receipt {number_of(2500)} (PDF)" in latest
    assert "In all in 2026, less what went back $25.00" in latest
    assert f"Receipt {number_of(1234)}" in earlier
    assert "In all in 2025, less what went back $12.34" in earlier
    assert "77.77" not in latest + earlier
    assert "2026년의 후원" in shown(donor, "/giving/gifts?lang=ko")
    assert "2026년 3월 3일" in shown(donor, "/giving/gifts?lang=ko")


def test_a_receipt_comes_as_the_bytes_that_were_kept_and_is_not_kept_on_the_way(
    donor: TestClient, given: None
) -> None:
    comes_in(donor)

    # Told to save whatever comes, a browser would save the form too once the session is over.
    assert " download" not in donor.get("/giving/gifts").text

    answer = donor.get(f"/giving/receipts/{number_of(2500)}.pdf")

    with transaction() as session:
        assert answer.content == corrections.page(session, corrections.find(session, number_of(2500)))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="receipt-{number_of(2500)}.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"


def test_nobody_elses_paper_or_gift_is_there_whatever_is_typed(donor: TestClient, given: None) -> None:
    comes_in(donor)
    of_bea = a_gift(email=BEA)

    asked = [
        *(f"/giving/receipts/{number}.pdf" for number in (number_of(7777), "US-2026-999999", "%00")),
        *(f"/giving/statements/{number}.pdf" for number in (number_of(7777), "%00")),
        *(f"/giving/monthly/{each}" for each in (of_bea, "mon_of_nobody", "%00")),
        "/giving/summary?from=2026-01-01&until=2026-12-31&body=kr",
    ]
    answers = [donor.get(path) for path in asked]

    assert [answer.status_code for answer in answers] == [404] * len(asked)
    assert len({answer.text for answer in answers}) == 1


def test_without_a_session_nothing_opens_and_everything_leads_to_the_form(
    donor: TestClient, given: None
) -> None:
    gift = a_gift()
    paths = (
        *(
            "/giving/gifts",
            f"/giving/receipts/{number_of(2500)}.pdf",
            "/giving/statements/US-A-2026-000001.pdf",
        ),
        *("/giving/summary?from=2026-01-01&until=2026-12-31&body=us", f"/giving/monthly/{gift}"),
    )
    for path in paths:
        answer = donor.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/giving?lang=en")

    donor.cookies.set("almoner-donor", "x" * 43)
    assert donor.get("/giving/gifts").headers["location"] == "/giving?lang=en&ended=yes"
    assert "You were signed out" in shown(donor, "/giving?lang=en&ended=yes")


def test_signing_out_ends_it_at_once(donor: TestClient, given: None) -> None:
    comes_in(donor)
    assert donor.get("/giving").headers["location"] == "/giving/gifts"
    held = donor.cookies["almoner-donor"]

    answer = donor.post("/giving/sign-out", data={"lang": "en"})

    assert answer.headers["location"] == "/giving?lang=en"
    donor.cookies.set("almoner-donor", held)
    assert donor.get("/giving/gifts").status_code == 303


def test_another_site_can_neither_sign_in_nor_out(donor: TestClient, given: None) -> None:
    for path in (f"/giving/open/{a_link()}", "/giving/sign-out", "/giving"):
        assert donor.post(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_a_summary_is_drawn_for_any_days_and_what_is_wrong_with_them_is_said(
    donor: TestClient, given: None
) -> None:
    comes_in(donor)

    def summary(first: str, last: str):
        return donor.get(f"/giving/summary?lang=en&year=2025&body=us&from={first}&until={last}")

    drawn = summary("2025-01-01", "2026-12-31")
    assert drawn.content.startswith(b"%PDF")
    assert drawn.headers["content-disposition"] == 'attachment; filename="gifts-2025-01-01-2026-12-31.pdf"'
    for first, last in (("2026-12-31", "2026-01-01"), ("", "2026-01-01"), ("2026-02-30", "2026-03-01")):
        refused = summary(first, last)
        assert refused.status_code == 422
        assert "Please give both days, the first one before the last." in refused.text
        assert 'aria-invalid="true"' in refused.text
    nothing = summary("2026-04-01", "2026-05-01")
    assert (nothing.status_code, "No receipt that counts falls into this time." in nothing.text) == (
        422,
        True,
    )
    assert "What you gave in 2025" in nothing.text


def test_a_years_statement_can_be_fetched_again(donor: TestClient, given: None) -> None:
    with transaction() as session:
        while annual.number_next(session, us(session), 2026):
            pass
        while annual.draw_next(session, us(session), 2026):
            pass
        numbers = dict(session.execute(select(GivingStatement.donor_id, GivingStatement.number)).all())
    comes_in(donor)
    [mine] = re.findall(r"Statement of 2026, (\S+)", shown(donor))

    assert donor.get(f"/giving/statements/{mine}.pdf").content.startswith(b"%PDF")
    [of_bea] = set(numbers.values()) - {mine}
    assert donor.get(f"/giving/statements/{of_bea}.pdf").status_code == 404


def test_each_monthly_gift_leads_to_its_own_page(donor: TestClient, given: None) -> None:
    gift = a_gift()
    comes_in(donor)
    page = shown(donor)
    assert "Rescue and resettlement next gift on December 15, 2026 Change, pause or stop it $30.00" in page

    onward = donor.get(f"/giving/monthly/{gift}?lang=en").headers["location"]

    assert onward.startswith("/monthly/")
    assert "Stop my monthly gift" in shown(donor, onward)


def test_typing_an_address_is_answered_the_same_whether_it_is_known(donor: TestClient, given: None) -> None:
    known, unknown = (
        donor.post("/giving", data={"lang": "en", "email": email})
        for email in ("ADA@example.com", "x@example.com")
    )

    assert (known.status_code, known.headers["location"]) == (303, "/giving/sent?lang=en")
    assert known.text == unknown.text
    assert {**known.headers, "x-request-id": ""} == {**unknown.headers, "x-request-id": ""}
    assert not letters("giving_link")


def test_the_letter_opens_all_gifts_and_steers_what_runs(donor: TestClient, given: None) -> None:
    a_gift(status="ended", ended_at=MARCH, end_reason="donor")
    running = a_gift()
    # An open page of the older form still asks.
    moved = donor.post("/monthly", data={"lang": "en", "email": ADA})
    assert (moved.status_code, moved.headers["location"]) == (307, "/giving")
    for _ in range(2):
        donor.post("/giving", data={"lang": "en", "email": ADA})
    with transaction() as session:
        asking.answer(session)

    [letter] = letters("giving_link")

    said = words_in(letter)
    assert letter.to_address == ADA
    assert "Ada" not in said
    [opens] = re.findall(r"http://127.0.0.1:8000(/giving/open/\S+)", said)
    [steers] = re.findall(r"http://127.0.0.1:8000(/monthly/\S+)", said)
    assert "$30.00 each month for Rescue and resettlement" in said
    assert "Stop my monthly gift" in shown(donor, f"{steers}?lang=en")
    assert donor.post(opens).headers["location"].startswith("/giving/gifts")
    assert "What you give each month" in shown(donor)
    with transaction() as session:
        assert session.get_one(MonthlyGift, running).status == "active"


def test_asking_and_drawing_too_often_is_put_off(donor: TestClient, given: None) -> None:
    said = [
        donor.post("/giving", data={"lang": "en", "email": ADA}).status_code
        for _ in range(limits.LINKS_FOR_EMAIL.at_most + 1)
    ]
    assert said[-1] == 429

    comes_in(donor)
    answers = [
        donor.get("/giving/summary?body=us&from=2019-01-01&until=2019-01-02").status_code
        for _ in range(limits.SUMMARIES.at_most + 1)
    ]
    assert {*answers[: limits.SUMMARIES.at_most // 2]} == {422}
    assert answers[-1] == 429


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_ways_in_are_drawn_in_both_languages_and_found_by_nobody(
    donor: TestClient, given: None, lang: str
) -> None:
    for path in ("/giving", "/giving/sent", f"/giving/open/{a_link()}"):
        answer = donor.get(f"{path}?lang={lang}")
        assert answer.status_code == 200
        assert f'<html lang="{lang}"' in answer.text
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["cache-control"] == "no-store"
    assert donor.get("/giving/").headers["location"] == "/giving"
    assert donor.get("/monthly?lang=ko").headers["location"] == "/giving?lang=ko"


@pytest.mark.parametrize("typed", ["", "ada", "ada@", "ada@exa mple.com"])
def test_what_is_no_address_is_asked_for_again(donor: TestClient, given: None, typed: str) -> None:
    answer = donor.post("/giving", data={"lang": "en", "email": typed})

    assert answer.status_code == 422
    assert "Please check the e-mail address." in answer.text
