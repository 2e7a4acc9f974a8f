"""Giving monthly as a donor lives it: joining on the page, stopping from a mail, two plans by mistake."""

import re
from html import unescape

import pytest
import requests
from sqlalchemy import select, text

from payments.database import transaction
from payments.monthly import doubles
from payments.monthly.models import MonthlyGift
from tests.journeys.house import Gift, House
from workers.links import answer_link_requests
from workers.monthly import submit_changes


@pytest.fixture
def somebody_gives_monthly(house: House) -> Gift:
    """Ada joined on the page and paid."""
    return joins(house)


def joins(house: House, **changed: str) -> Gift:
    """The form is filled in for each month and sent, as a browser without scripts does; then it is paid."""
    form = house.opens_the_donate_page() | {"frequency": "monthly", "amount_usd_monthly": "1500"}
    page = house.presses_donate(form | changed)
    assert page.startswith(house.stripe.url)
    newest = house.gifts()[-1]
    gift = Gift(newest.id, page)
    house.pays(gift)
    house.the_workers_work()
    house.stripe_settles()
    house.the_workers_work()
    return gift


def months_pass(house: House, months: int) -> None:
    house.stripe.tell("advance", months=months)
    house.stripe.tell("advance", days=1)  # an invoice is collected an hour after it was made
    house.the_workers_work()
    house.stripe_settles()
    house.the_workers_work()


def the_link_in(mail: dict) -> str:
    """The link a donor clicks: the way to the gift itself."""
    found = re.search(r"https?://\S+/monthly/[\w-]{40,}", mail["Text"])
    assert found is not None, mail["Text"]
    return found[0]


def mail_about(house: House, subject: str) -> dict:
    found = [mail for mail in house.mails() if subject in mail["Subject"]]
    assert len(found) == 1, [mail["Subject"] for mail in house.mails()]
    return dict(found[0])


def page_at(link: str) -> str:
    answer = requests.get(f"{link}?lang=en", timeout=15)
    assert answer.status_code == 200
    return unescape(answer.text)


def presses(link: str, deed: str, **said: str) -> requests.Response:
    return requests.post(
        f"{link}/{deed}",
        data={"lang": "en"} | said,
        headers={"Sec-Fetch-Site": "same-origin"},
        allow_redirects=False,
        timeout=20,
    )


def charges(house: House) -> list[int]:
    """What Stripe really took, oldest first."""
    succeeded = [charge for charge in house.stripe.list("charges") if charge["status"] == "succeeded"]
    return [charge["amount"] for charge in reversed(succeeded)]


def plans() -> list[MonthlyGift]:
    with transaction() as session:
        return list(session.scalars(select(MonthlyGift).order_by(MonthlyGift.created_at)))


def test_somebody_joins_on_the_page_and_is_welcomed_by_what_our_rows_say(
    house: House, somebody_gives_monthly: Gift
) -> None:
    [plan] = plans()
    page = house.thank_you_page(somebody_gives_monthly)
    [subscription] = house.stripe.list("subscriptions")

    assert plan.status == "active"
    assert "Welcome to Liberty" in page
    assert "$15.00" in page
    assert subscription["metadata"] == {"monthly_gift": plan.id}
    assert "Ada" not in str(subscription)
    assert len(house.receipts()) == 1
    assert house.the_book_ties()


def test_somebody_stops_from_a_mail_without_a_login_and_is_never_charged_again(
    house: House, somebody_gives_monthly: Gift
) -> None:
    months_pass(house, 2)
    assert charges(house) == [1500, 1500, 1500]
    link = the_link_in(house.mails()[0])
    shown = page_at(link)
    assert shown.count("<li>") == 3

    presses(link, "stop")
    submit_changes()
    house.the_workers_work()
    months_pass(house, 3)

    assert charges(house) == [1500, 1500, 1500]
    assert "Your monthly gift has ended" in page_at(link)
    [subscription] = house.stripe.list("subscriptions?status=all")
    assert subscription["status"] == "canceled"
    assert mail_about(house, "has been stopped")["To"][0]["Address"] == "ada@example.com"
    assert house.the_book_ties()


def test_two_plans_by_mistake_are_flagged_told_and_one_is_stopped(
    house: House, somebody_gives_monthly: Gift
) -> None:
    again = joins(house)

    with transaction() as session:
        [double] = doubles.waiting(session)
    assert (double.donation_id, double.of_donation_id) == (again.id, somebody_gives_monthly.id)
    mail = mail_about(house, "two monthly gifts")
    presses(the_link_in(mail), "stop")
    submit_changes()
    months_pass(house, 1)

    assert [plan.status for plan in plans()] == ["active", "ended"]
    assert charges(house) == [1500, 1500, 1500]


def test_whoever_has_no_mail_at_hand_is_sent_the_link(house: House, somebody_gives_monthly: Gift) -> None:
    for email in ("ada@example.com", "stranger@example.com"):
        answer = requests.post(
            f"{house.url}/giving",
            data={"email": email},
            headers={"Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
            timeout=15,
        )
        assert answer.headers["location"] == "/giving/sent?lang=en"

    answer_link_requests()
    house.they_issue_and_send()

    mail = mail_about(house, "The link to your gifts")
    assert "Your monthly gift" in page_at(the_link_in(mail))
    with transaction() as session:
        assert session.scalar(text("select count(*) from monthly_link_requests")) == 0
    browser = requests.Session()
    [opens] = re.findall(r"https?://\S+/giving/open/\S+", mail["Text"])
    page = browser.post(opens, headers={"Sec-Fetch-Site": "same-origin"}, timeout=15)
    assert "What you give each month" in page.text
    [receipt] = re.findall(r"/giving/receipts/[\w-]+\.pdf", page.text)
    assert browser.get(f"{house.url}{receipt}", timeout=15).content.startswith(b"%PDF")


def test_another_card_is_given_on_stripes_page(house: House, somebody_gives_monthly: Gift) -> None:
    link = the_link_in(house.mails()[0])

    answer = presses(link, "card")

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(house.stripe.url)
    assert requests.get(answer.headers["location"], timeout=15).status_code == 200
