"""The portal and the page of an unpaid invoice, as a browser without JavaScript uses them."""

from __future__ import annotations

import re

import pytest
import requests

from tests.sandbox.conftest import Sandbox
from tests.sandbox.monthly import Plan, advance, moment, monthly, started

CARD = {"number": "5555 5555 5555 4444", "expiry": "12 / 34", "cvc": "123"}
BACK = "https://charity.example/monthly"


def post(url: str, form: dict[str, str]) -> requests.Response:
    return requests.post(url, data=form, allow_redirects=False, timeout=10)


def portal_of(plan: Plan, flow: str | None = None, **more: object) -> str:
    params: dict[str, object] = {"customer": plan.customer, "return_url": BACK, **more}
    if flow is not None:
        params["flow_data"] = {
            "type": flow,
            "after_completion": {"type": "redirect", "redirect": {"return_url": f"{BACK}?done"}},
        }
    if flow == "subscription_cancel":
        params["flow_data"]["subscription_cancel"] = {"subscription": plan.id}  # type: ignore[index]
    return plan.sandbox.stripe.v1.billing_portal.sessions.create(params).url  # type: ignore[arg-type]


@pytest.fixture
def unpaid(sandbox: Sandbox) -> Plan:
    plan = started(sandbox, on="2027-03-01T09:00", card="4000002760003184", authenticate=True)
    advance(sandbox, to=moment("2027-04-02T00:00"))
    return plan


def test_the_portal_shows_the_gift_and_nothing_of_the_address(sandbox: Sandbox):
    plan = started(sandbox)

    url = portal_of(plan)
    page = requests.get(url, timeout=10)

    assert page.status_code == 200
    for words in ("Liberty", "$25.00", "a month", "Another card", "Stop giving"):
        assert words in page.text
    assert plan.customer not in url
    assert "ann@example.org" not in page.text
    assert "<script" not in page.text


def test_a_new_card_is_saved_and_leads_back(sandbox: Sandbox):
    plan = started(sandbox)
    url = portal_of(plan, "payment_method_update")
    assert "Stop giving" not in requests.get(url, timeout=10).text

    answer = post(f"{url}/card", CARD)

    assert (answer.status_code, answer.headers["location"]) == (303, f"{BACK}?done")
    methods = sandbox.stripe.v1.payment_methods.list({"customer": plan.customer}).data
    assert [method.card.last4 for method in methods if method.card] == ["4444", "4242"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"number": "4000000000009995"}, "The bank refused this card"),
        ({"number": "4242424242424241"}, 'aria-describedby="number-error"'),
        ({"expiry": "01 / 20"}, 'aria-describedby="expiry-error"'),
    ],
)
def test_a_card_that_will_not_do_is_said_so(sandbox: Sandbox, changes: dict[str, str], said: str):
    plan = started(sandbox)
    url = portal_of(plan, "payment_method_update")

    answer = post(f"{url}/card", CARD | changes)

    assert (answer.status_code, said in answer.text) == (422, True)
    assert len(sandbox.stripe.v1.payment_methods.list({"customer": plan.customer}).data) == 1


def test_a_donor_stops_with_one_button(sandbox: Sandbox):
    plan = started(sandbox)
    url = portal_of(plan, "subscription_cancel")
    assert "Stop this monthly gift?" in requests.get(url, timeout=10).text

    answer = post(f"{url}/cancel", {"subscription": plan.id, "feedback": "unused"})

    assert answer.headers["location"] == f"{BACK}?done"
    assert plan.now.cancel_at_period_end is True
    assert "Nothing is charged after that" in requests.get(portal_of(plan), timeout=10).text


def test_nobody_stops_the_gift_of_another(sandbox: Sandbox):
    plan, other = started(sandbox), started(sandbox, customer_email="bob@example.org")

    answer = post(f"{portal_of(plan)}/cancel", {"subscription": other.id})

    assert answer.status_code == 404
    assert other.now.cancel_at is None


def test_a_link_lasts_a_day(sandbox: Sandbox):
    url = portal_of(started(sandbox))

    advance(sandbox, days=2)

    assert requests.get(url, timeout=10).status_code == 410


def test_the_portal_speaks_korean_when_asked(sandbox: Sandbox):
    page = requests.get(portal_of(started(sandbox), locale="ko"), timeout=10)

    assert '<html lang="ko">' in page.text
    assert "기부 중단" in page.text


def test_the_bank_is_answered_on_the_invoice(unpaid: Plan):
    url = str(unpaid.latest.hosted_invoice_url)
    assert "Complete authentication" in requests.get(url, timeout=10).text

    post(f"{url}/authenticate", {"answer": "complete"})

    assert unpaid.latest.status == "paid"
    assert "Paid. Thank you." in requests.get(url, timeout=10).text


def test_an_unpaid_invoice_is_paid_with_another_card_that_is_kept(unpaid: Plan):
    url = str(unpaid.latest.hosted_invoice_url)

    declined = post(f"{url}/pay", CARD | {"number": "4000000000009995"})
    page = requests.get(url, timeout=10).text
    post(f"{url}/pay", CARD)

    assert declined.status_code == 303
    assert "insufficient funds" in page
    assert "4000000000009995" not in re.sub(r"<details>.*</details>", "", page, flags=re.DOTALL)
    assert (unpaid.latest.status, unpaid.now.status) == ("paid", "active")
    assert unpaid.now.default_payment_method == unpaid.charges()[0].payment_method


def test_the_payment_page_says_that_it_is_every_month(sandbox: Sandbox):
    session = sandbox.stripe.v1.checkout.sessions.create(monthly(submit_type="donate"))  # type: ignore[arg-type]

    page = requests.get(str(session.url), timeout=10)

    assert "a month" in page.text
    form = CARD | {"method": "card", "email": "ann@example.org", "name": "Ann"}
    assert post(str(session.url), form).status_code == 303
    assert sandbox.stripe.v1.checkout.sessions.retrieve(session.id).subscription is not None


def test_a_person_can_follow_a_plan_with_buttons_alone(sandbox: Sandbox):
    plan = started(sandbox)
    assert "Sales of others" not in requests.get(sandbox.url, timeout=10).text

    post(f"{sandbox.url}/clock/month", {})
    post(f"{sandbox.url}/clock/later", {})
    renewal = plan.charges()[0].id
    buttons = (f"/charges/{renewal}/refund", f"/plans/{plan.id}/refuse", "/clock/month", "/clock/later")
    for button in buttons:
        assert f'action="{button}"' in requests.get(sandbox.url, timeout=10).text
        assert post(f"{sandbox.url}{button}", {"amount": "5.00"}).status_code == 303
    assert sandbox.stripe.v1.refunds.list({"charge": renewal}).data[0].amount == 500
    shown = requests.get(sandbox.url, timeout=10).text
    assert "past due" in shown
    assert f'href="/i/{plan.latest.id}"' in shown
    post(f"{sandbox.url}/plans/{plan.id}/stop", {})

    assert plan.now.status == "canceled"
    assert post(f"{sandbox.url}/clock/never", {}).status_code == 404
