import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from payments.database import engine
from tests.pages.conftest import browser
from tests.pages.form import FILLED_IN, hidden_fields

OURS = "http://127.0.0.1:8000"


def policy_of(answer) -> dict[str, list[str]]:
    parts = (part.split() for part in answer.headers["content-security-policy"].split("; "))
    return {name: values for name, *values in parts}


def test_the_form_may_lead_to_stripe_and_nothing_else_is_let_in(
    donor: TestClient, with_settings: Callable[..., None]
) -> None:
    with_settings(stripe_api_base="")

    policy = policy_of(browser().get("/donate"))

    assert policy["form-action"] == [
        "'self'",
        "https://checkout.stripe.com",
        "https://billing.stripe.com",
        "https://invoice.stripe.com",
    ]
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]


def test_with_a_sandbox_the_form_may_lead_there_too(
    donor: TestClient, with_settings: Callable[..., None]
) -> None:
    with_settings(stripe_api_base="http://sandbox:12111")

    policy = policy_of(browser().get("/donate"))

    assert "http://sandbox:12111" in policy["form-action"]


@pytest.mark.parametrize(
    "path", ["/donate", "/nowhere", "/thank-you/don_x", "/static/giving.css", "/healthz"]
)
def test_every_answer_carries_the_guards(donor: TestClient, path: str) -> None:
    headers = donor.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "content-security-policy" in headers


def test_no_page_holds_a_style_or_a_script_of_its_own(donor: TestClient) -> None:
    page = donor.get("/donate").text

    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    assert page.count("<script") == page.count("<script src=")


def test_only_files_named_by_their_content_are_kept(donor: TestClient) -> None:
    named = re.search(r"/static/giving\.css\?v=\w+", donor.get("/donate").text)[0]

    assert "immutable" in donor.get(named).headers["cache-control"]
    assert donor.get("/static/giving.css").headers["cache-control"] == "no-cache"
    assert donor.get("/nowhere").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["giving.css?v=0123", "of-the-next-release.css?v=0123", "?v=0123"])
def test_what_another_release_would_call_so_is_not_kept(donor: TestClient, path: str) -> None:
    assert (
        "immutable"
        not in donor.get(f"/static/{path}", headers={"accept": "text/css"}).headers["cache-control"]
    )


@pytest.mark.parametrize(
    "origin",
    [
        {"sec-fetch-site": "cross-site", "origin": OURS},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://[evil"},
        {"referer": "http://[evil/"},
        {"origin": "http://127.0.0.1:8001"},
        {"referer": "https://evil.example/127.0.0.1:8000"},
        {},
    ],
)
def test_a_form_sent_from_elsewhere_is_refused(donor: TestClient, origin: dict[str, str]) -> None:
    del donor.headers["sec-fetch-site"]

    answer = donor.post("/donate", data=FILLED_IN, headers=origin | {"accept-language": "en"})

    assert answer.status_code == 403
    assert "This form came from somewhere else" in answer.text


@pytest.mark.parametrize(
    "origin",
    [
        {"sec-fetch-site": "same-origin"},
        {"origin": OURS},
        {"referer": f"{OURS}/donate?lang=ko"},
        {"origin": "https://give.example.org"},
    ],
)
def test_our_own_form_is_taken_from_old_browsers_too(
    donor: TestClient, origin: dict[str, str], with_settings: Callable[..., None]
) -> None:
    with_settings(public_base_url="https://give.example.org")
    del donor.headers["sec-fetch-site"]

    answer = donor.post("/donate", data={"currency": "usd"}, headers=origin)

    assert answer.status_code == 422


def test_the_json_api_is_taken_from_anywhere_but_its_forms_are_not(donor: TestClient) -> None:
    del donor.headers["sec-fetch-site"]

    as_json = donor.post("/api/v1/donations", content=b"{}", headers={"content-type": "application/json"})
    as_form = donor.post("/api/v1/donations", data={"amount": "1"})

    assert as_json.status_code != 403
    assert as_form.status_code == 403


def test_a_webhook_is_not_asked_where_it_comes_from(donor: TestClient) -> None:
    del donor.headers["sec-fetch-site"]

    assert donor.post("/webhooks/stripe", content=b"{}").status_code == 400


def test_a_person_meets_a_page_and_a_program_meets_a_problem(donor: TestClient) -> None:
    page = donor.get("/nowhere", headers={"accept-language": "ko"})
    problem = donor.get("/nowhere", headers={"accept": "application/json"})
    in_the_api = donor.get("/api/v1/nowhere")

    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "등불길" in page.text
    assert problem.headers["content-type"] == in_the_api.headers["content-type"] == "application/problem+json"


def test_a_method_that_is_not_offered_still_says_which_are(donor: TestClient) -> None:
    answer = donor.put("/donate")

    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert "<h1>" in answer.text


def test_an_oversized_form_is_refused_by_a_page(donor: TestClient) -> None:
    answer = donor.post("/donate", data={"name": "a" * 100_000})

    assert answer.status_code == 413
    assert "<h1>" in answer.text


def test_without_the_database_the_page_says_when_to_come_back(
    donor: TestClient, with_settings: Callable[..., None]
) -> None:
    with_settings(database_url="postgresql://nobody@127.0.0.1:1/away")
    engine().dispose()
    engine.forget()
    try:
        answer = donor.get("/donate", headers={"accept-language": "en"})
    finally:
        engine.forget()

    assert answer.status_code == 503
    assert "We are back in a moment" in answer.text
    assert int(answer.headers["retry-after"]) > 0


def test_a_form_filled_in_by_nobody_is_answered_kindly(donor: TestClient) -> None:
    page = donor.get("/donate")

    answer = donor.post("/donate", data=hidden_fields(page.text))

    assert answer.status_code == 422
