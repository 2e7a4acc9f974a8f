"""The payment page as a browser without JavaScript uses it: get the form, post it, follow the redirect."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Sandbox, Start, gift, paid

GOOD = {
    "method": "card",
    "email": "ann@example.org",
    "name": "Ann Ahn",
    "number": "4242 4242 4242 4242",
    "expiry": "12 / 34",
    "cvc": "123",
}


def opened(sandbox: Sandbox, **changes: Any) -> tuple[str, str]:
    session = sandbox.stripe.v1.checkout.sessions.create(gift(**changes))
    return session.id, str(session.url)


def post(url: str, form: dict[str, str]) -> requests.Response:
    return requests.post(url, data=form, allow_redirects=False, timeout=10)


def status_of(sandbox: Sandbox, session_id: str) -> tuple[str | None, str]:
    session = sandbox.stripe.v1.checkout.sessions.retrieve(session_id)
    return session.status, session.payment_status


def test_the_page_says_who_how_much_and_that_no_money_moves(sandbox: Sandbox):
    _, url = opened(sandbox)

    page = requests.get(url, timeout=10)

    assert page.status_code == 200
    for words in ("Sandbox Charity", "$25.00", "Where it is needed most", "Sandbox: no money moves"):
        assert words in page.text
    assert 'href="http://charity.example/give"' in page.text
    assert "<script" not in page.text


def test_every_field_has_a_label(sandbox: Sandbox):
    _, url = opened(sandbox)

    html = requests.get(url, timeout=10).text

    ids = re.findall(r'<input type="(?:text|email|radio)" id="([^"]+)"', html)
    assert set(ids) == {"email", "number", "expiry", "cvc", "name", "by-card", "by-bank"}
    for field in ids:
        assert f'for="{field}"' in html


def test_paying_leads_back_to_the_charity_with_the_session_in_the_address(sandbox: Sandbox):
    session_id, url = opened(sandbox)

    answer = post(url, GOOD)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"http://charity.example/thanks?session={session_id}"
    assert status_of(sandbox, session_id) == ("complete", "paid")


def test_a_declined_card_is_told_kindly_and_another_may_be_tried(sandbox: Sandbox):
    session_id, url = opened(sandbox)

    declined = post(url, {**GOOD, "number": "4000000000009995"})
    page = requests.get(url, timeout=10)

    assert declined.headers["location"] == f"/c/pay/{session_id}"
    assert 'role="alert"' in page.text
    assert "insufficient funds" in page.text
    assert 'value="ann@example.org"' in page.text
    assert "4000000000009995" not in re.sub(r"<details>.*</details>", "", page.text, flags=re.DOTALL)
    assert post(url, GOOD).headers["location"].startswith("http://charity.example/thanks")


@pytest.mark.parametrize(("answer", "status"), [("complete", "complete"), ("fail", "open")])
def test_3d_secure_asks_on_its_own_page(sandbox: Sandbox, answer: str, status: str):
    session_id, url = opened(sandbox)

    asked = post(url, {**GOOD, "number": "4000002760003184"})
    assert asked.headers["location"] == f"/c/pay/{session_id}/authenticate"
    assert "Complete authentication" in requests.get(f"{url}/authenticate", timeout=10).text

    post(f"{url}/authenticate", {"answer": answer})

    assert status_of(sandbox, session_id)[0] == status


def test_a_bank_transfer_completes_without_card_fields(sandbox: Sandbox):
    session_id, url = opened(sandbox)

    answer = post(url, {"method": "bank", "email": "ann@example.org", "name": "Ann"})

    assert answer.headers["location"].startswith("http://charity.example/thanks")
    assert status_of(sandbox, session_id) == ("complete", "unpaid")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"name": ""}, "name"),
        ({"number": ""}, "number"),
        ({"number": "4242 4242 4242 4241"}, "number"),
        ({"number": "4111 1111 1111 1111"}, "number"),
        ({"expiry": "13 / 34"}, "expiry"),
        ({"expiry": "01 / 20"}, "expiry"),
        ({"cvc": "12"}, "cvc"),
    ],
)
def test_a_wrong_field_is_pointed_at_and_nothing_is_charged(
    sandbox: Sandbox, changes: dict[str, str], field: str
):
    session_id, url = opened(sandbox)

    answer = post(url, {**GOOD, **changes})

    assert answer.status_code == 422
    assert f'aria-describedby="{field}-error"' in answer.text
    assert "4242 4242 4242 4241" not in answer.text
    assert status_of(sandbox, session_id) == ("open", "unpaid")


def test_paying_twice_says_so_and_charges_once(sandbox: Sandbox):
    session_id, url = opened(sandbox)
    post(url, GOOD)

    again = post(url, GOOD)

    assert "already been paid" in again.text
    session: Any = sandbox.stripe.v1.checkout.sessions.retrieve(session_id)
    charges = sandbox.stripe.v1.charges.list({"payment_intent": session.payment_intent})
    assert len(charges.data) == 1


def test_an_expired_page_says_so(sandbox: Sandbox):
    session_id, url = opened(sandbox)
    sandbox.stripe.v1.checkout.sessions.expire(session_id)

    page = requests.get(url, timeout=10)

    assert page.status_code == 410
    assert "has expired" in page.text
    assert 'href="http://charity.example/give"' in page.text


def test_the_page_speaks_korean_when_the_session_does(sandbox: Sandbox):
    _, url = opened(sandbox, locale="ko", currency="krw", amount=30_000)

    page = requests.get(url, timeout=10)

    assert '<html lang="ko">' in page.text
    assert "카드 번호" in page.text
    assert "₩30,000" in page.text


def test_what_a_donor_typed_is_shown_as_text(sandbox: Sandbox):
    _, url = opened(sandbox)

    answer = post(url, {**GOOD, "number": "1", "name": '"><script>alert(1)</script>'})

    assert "<script" not in answer.text


def test_card_numbers_are_kept_nowhere(start: Start, tmp_path: Path):
    data = tmp_path / "stripe.sqlite3"
    keeping = start("--data", str(data))
    session_id, url = opened(keeping)
    post(url, {**GOOD, "number": "5555555555554444", "cvc": "987"})
    assert status_of(keeping, session_id) == ("complete", "paid")
    keeping.stop()

    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"5555555555554444" not in kept
    assert b'"4444"' in kept


def test_the_list_of_sessions_has_buttons_that_work(sandbox: Sandbox):
    session_id, _ = opened(sandbox)
    assert session_id[:28] in requests.get(sandbox.url, timeout=10).text

    post(f"{sandbox.url}/sessions/{session_id}/pay", {})

    assert status_of(sandbox, session_id) == ("complete", "paid")
    assert "Settle now" in requests.get(sandbox.url, timeout=10).text


def press(sandbox: Sandbox, path: str, **typed: str) -> None:
    """A button that must stand on the page before it is pressed."""
    assert f'action="{path}"' in requests.get(sandbox.url, timeout=10).text
    assert post(f"{sandbox.url}{path}", typed).status_code == 303


def test_a_person_can_follow_the_money_with_buttons_alone(sandbox: Sandbox):
    first, second = paid(sandbox), paid(sandbox, amount=9000)

    press(sandbox, f"/charges/{first.id}/refund", amount="5.00")
    refund = sandbox.stripe.v1.refunds.list().data[0]
    press(sandbox, f"/refunds/{refund.id}/fail")
    press(sandbox, f"/charges/{second.id}/warn")
    press(sandbox, f"/charges/{second.id}/dispute")
    dispute = sandbox.stripe.v1.disputes.list().data[0]
    press(sandbox, f"/disputes/{dispute.id}/respond")
    press(sandbox, f"/disputes/{dispute.id}/win")
    press(sandbox, "/account/shop_sale")
    press(sandbox, "/clock/later")
    press(sandbox, "/account/pay_out", currency="usd")
    payout = sandbox.stripe.v1.payouts.list().data[0]
    press(sandbox, f"/payouts/{payout.id}/pay")
    press(sandbox, f"/payouts/{payout.id}/fail")
    press(sandbox, f"/payouts/{payout.id}/retry")

    assert refund.amount == 500
    assert sandbox.stripe.v1.disputes.retrieve(dispute.id).status == "won"
    assert payout.amount == (2500 - 103) + (9000 - 291) + (4200 - 152) - 1500
    assert len(sandbox.stripe.v1.payouts.list().data) == 2
    page = requests.get(sandbox.url, timeout=10).text
    for words in ("expired or canceled card", "moot", "Mug", "account closed", "reconciliation completed"):
        assert words in page


@pytest.mark.parametrize("amount", ["", "five", "0", "25.001", "26", "1e9", "nan"])
def test_an_amount_that_cannot_be_refunded_is_refused_on_the_page(sandbox: Sandbox, amount: str):
    charge = paid(sandbox)

    answer = post(f"{sandbox.url}/charges/{charge.id}/refund", {"amount": amount})

    assert answer.status_code == 400
    assert sandbox.stripe.v1.refunds.list().data == []


def test_a_button_that_does_not_exist_is_not_found(sandbox: Sandbox):
    for path in ("/charges/ch_1/steal", "/vaults/v_1/open", "/account/steal", "/payouts/po_1/pay"):
        assert post(f"{sandbox.url}{path}", {}).status_code == 404
