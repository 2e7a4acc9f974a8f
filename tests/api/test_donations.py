"""Beginning a gift over the API: what comes back, and what is said when it cannot be taken."""

import json
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import text

from payments.database import transaction
from payments.donations.organisation import forget_offer
from tests.journeys.neighbours import Stripe


def a_body(**given: Any) -> dict[str, Any]:
    return {
        "amount": 2500,
        "currency": "usd",
        "fund": "general",
        "donor": {"name": "Ada Park", "email": "ada@example.com"},
    } | given


def post(client: TestClient, body: Any, *, key: str | None = "", **headers: str) -> Response:
    if key is not None:
        headers["Idempotency-Key"] = key or str(uuid4())
    return client.post("/api/v1/donations", json=body, headers=headers)


def assert_problem(answer: Response, status: int, name: str) -> dict[str, Any]:
    problem = answer.json()
    assert answer.status_code == problem["status"] == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"/problems/{name}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == f"urn:request:{answer.headers['x-request-id']}"
    return dict(problem)


def gifts() -> int:
    with transaction() as session:
        return int(session.scalar(text("select count(*) from donations")) or 0)


def test_a_gift_is_begun_and_its_page_named(client: TestClient, stripe: Stripe):
    answer = post(client, a_body())

    begun = answer.json()
    assert answer.status_code == 201
    assert begun["status"] == "pending"
    assert begun["checkout_url"].startswith(stripe.url)
    assert answer.headers["location"] == f"/api/v1/donations/{begun['id']}"


def test_a_gift_that_was_taken_stays_taken_when_the_terms_change(client: TestClient, stripe: Stripe):
    first = post(client, a_body(), key="a-key-of-mine").json()
    with transaction() as session:
        session.execute(text("update giving_terms set minimum = 5000"))
    forget_offer()

    again = post(client, a_body(), key="a-key-of-mine")
    fresh = post(client, a_body(), key="another-key-of-mine")

    assert (again.status_code, again.json()) == (201, first)
    assert_problem(fresh, 422, "amount-too-small")
    assert gifts() == 1


def test_the_gift_can_be_looked_at_and_says_nothing_of_its_donor(client: TestClient, stripe: Stripe):
    begun = post(client, a_body(cover_fees=True)).json()

    shown = client.get(f"/api/v1/donations/{begun['id']}")

    assert shown.json() == {
        "id": begun["id"],
        "status": "pending",
        "amount": 2606,
        "currency": "usd",
        "frequency": "once",
        "gift_date": None,
    }
    assert "Ada" not in shown.text
    assert "example.com" not in shown.text


def test_stripe_learns_of_the_gift_only_what_it_must(client: TestClient, stripe: Stripe):
    dedication = {"kind": "in_memory", "name": "Grandmother Kim"}
    begun = post(client, a_body(dedication=dedication, source={"page": "/stories"})).json()

    [session] = stripe.list("checkout/sessions")

    assert session["metadata"] == {"donation": begun["id"]}
    assert session["client_reference_id"] == begun["id"]
    assert session["submit_type"] == "donate"
    assert "Kim" not in str(session)
    assert "Ada Park" not in str(session)


def test_a_source_is_kept_and_only_what_was_given_of_it(client: TestClient, stripe: Stripe):
    post(client, a_body(source={"page": "/stories", "utm_campaign": "winter"}))

    with transaction() as session:
        source = session.scalar(text("select source from donations"))
    assert source == {"page": "/stories", "utm_campaign": "winter"}


@pytest.mark.parametrize(
    ("change", "name", "pointer", "sentence"),
    [
        ({"amount": 99}, "amount-too-small", "#/amount", "$1.00"),
        ({"amount": 5_000_001}, "amount-too-large", "#/amount", "$50,000.00"),
        ({"currency": "eur"}, "currency-not-offered", "#/currency", "USD, KRW"),
        ({"fund": "closed"}, "fund-not-open", "#/fund", "choose another"),
        (
            {"donor": {"name": "Ada", "email": "nowhere"}},
            "email-not-valid",
            "#/donor/email",
            "e-mail address",
        ),
        ({"donor": {"name": " ", "email": "a@example.com"}}, "name-missing", "#/donor/name", "your name"),
        (
            {"fund": None, "allocations": [{"fund": "general", "amount": 1}]},
            "shares-do-not-add-up",
            "#/allocations",
            "$25.00",
        ),
        (
            {"dedication": {"kind": "in_honour", "name": " "}},
            "dedication-incomplete",
            "#/dedication",
            "name of the person",
        ),
    ],
)
def test_a_gift_that_cannot_be_taken_is_422_with_a_sentence_for_the_donor(
    client: TestClient, change: dict[str, Any], name: str, pointer: str, sentence: str
):
    answer = post(client, a_body(**change))

    problem = assert_problem(answer, 422, name)
    assert sentence in problem["detail"]
    assert problem["errors"] == [{"pointer": pointer, "detail": problem["detail"]}]
    assert answer.headers["content-language"] == "en"
    assert gifts() == 0


def test_a_korean_donor_is_told_in_korean_with_korean_amounts(client: TestClient):
    donor = {"name": "김지우", "email": "jiwoo@example.com", "locale": "ko"}

    answer = post(client, a_body(amount=999, currency="krw", donor=donor))

    problem = assert_problem(answer, 422, "amount-too-small")
    assert "₩1,000" in problem["detail"]
    assert any("가" <= letter <= "힣" for letter in problem["detail"])
    assert answer.headers["content-language"] == "ko"


def test_a_monthly_gift_in_a_currency_taken_only_once_is_refused_in_words(client: TestClient):
    with transaction() as session:
        session.execute(text("update giving_terms set monthly_suggested = null where currency = 'krw'"))
    forget_offer()

    answer = post(client, a_body(amount=30_000, currency="krw", frequency="monthly"))

    problem = assert_problem(answer, 422, "monthly-not-offered")
    assert "Monthly gifts in KRW are not possible here" in problem["detail"]
    assert problem["errors"][0]["pointer"] == "#/frequency"
    assert gifts() == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (a_body(amont=2500), "#/amont"),
        (a_body(amount="2500"), "#/amount"),
        (a_body(amount=25.5), "#/amount"),
        (a_body(amount=True), "#/amount"),
        (a_body(amount=None), "#/amount"),
        (a_body(currency="USD"), "#/currency"),
        (a_body(currency="dollars"), "#/currency"),
        (a_body(frequency="yearly"), "#/frequency"),
        (a_body(donor={"name": "Ada"}), "#/donor/email"),
        (a_body(donor={"name": "Ada", "email": "a@example.com", "phone": "1"}), "#/donor/phone"),
        (a_body(donor={"name": "Ada", "email": "a@example.com", "locale": "fr"}), "#/donor/locale"),
        (a_body(donor={"name": "x" * 501, "email": "a@example.com"}), "#/donor/name"),
        (a_body(allocations=[{"fund": "general", "amount": 2500}]), "#/"),
        (a_body(fund=None), "#/"),
        (a_body(fund=None, allocations=[]), "#/allocations"),
        (a_body(fund=None, allocations=[{"fund": "general", "amount": 0}]), "#/allocations/0/amount"),
        (a_body(source={"email": "ada@example.com"}), "#/source/email"),
        (a_body(donor={"name": "Ada\0", "email": "a@example.com"}), "#/donor/name"),
        (a_body(source={"page": "/a\0b"}), "#/source/page"),
        (a_body(dedication={"kind": "in_honour", "name": "\0"}), "#/dedication/name"),
        (a_body(fund="general\0"), "#/fund"),
        ([], "#/"),
        ("a gift", "#/"),
    ],
    ids=str,
)
def test_a_body_of_the_wrong_shape_is_422_and_points_at_the_field(
    client: TestClient, body: Any, pointer: str
):
    problem = assert_problem(post(client, body), 422, "invalid-request")

    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert gifts() == 0


def test_a_refusal_never_repeats_what_was_sent(client: TestClient):
    answer = post(client, a_body(amount="secret-amount", donor={"name": 7, "email": "ada@example.com"}))

    assert "secret-amount" not in answer.text
    assert "ada@example.com" not in answer.text


def test_half_a_character_in_a_name_is_refused_and_no_crash(client: TestClient):
    body = json.dumps(a_body(donor={"name": "Ada \ud83d", "email": "ada@example.com"}))

    answer = client.post(
        "/api/v1/donations",
        content=body,
        headers={"content-type": "application/json", "Idempotency-Key": "a-key-of-mine"},
    )

    assert_problem(answer, 422, "invalid-request")


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b"not json"])
def test_a_body_that_is_no_json_is_a_problem(client: TestClient, body: bytes):
    answer = client.post(
        "/api/v1/donations",
        content=body,
        headers={"content-type": "application/json", "Idempotency-Key": "a-key-of-mine"},
    )

    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("key", [None, "short", "x" * 201, "with space in it", "tab\tinside-it"])
def test_a_key_is_needed_and_must_be_a_plain_text(client: TestClient, key: str | None):
    problem = assert_problem(post(client, a_body(), key=key), 422, "invalid-request")

    assert [error["pointer"] for error in problem["errors"]] == ["#/Idempotency-Key"]


def test_the_same_key_and_body_are_answered_the_same(client: TestClient, stripe: Stripe):
    first, second = (post(client, a_body(), key="a-key-of-mine") for _ in range(2))

    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert gifts() == 1


def test_the_same_key_with_another_body_is_409(client: TestClient, stripe: Stripe):
    post(client, a_body(), key="a-key-of-mine")

    assert_problem(post(client, a_body(amount=9900), key="a-key-of-mine"), 409, "idempotency-key-reused")


def test_when_stripe_is_away_the_client_is_asked_to_come_again(client: TestClient, stripe: Stripe):
    stripe.fails("429")

    answer = post(client, a_body())

    problem = assert_problem(answer, 503, "stripe-unavailable")
    assert answer.headers["retry-after"] == "5"
    assert "ada@example.com" not in str(problem)


def test_when_stripe_refuses_our_key_it_is_our_trouble(client: TestClient, stripe: Stripe, with_settings):
    with_settings(
        stripe_secret_key="sk_test_wrong_key_0123",  # noqa: S106 - belongs to nobody
        stripe_api_base=stripe.url,
        broker_url="memory://",
    )

    problem = assert_problem(post(client, a_body()), 502, "stripe-refused")

    assert "sk_test" not in str(problem)


@pytest.mark.parametrize("gift_id", ["don_nobody", "nothing", "don_" + "0" * 32, "%27%20or%201=1", "don_%00"])
def test_an_unknown_gift_is_404(client: TestClient, gift_id: str):
    assert_problem(client.get(f"/api/v1/donations/{gift_id}"), 404, "donation-not-found")
