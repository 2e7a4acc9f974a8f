"""One key, one effect: replayed, refused for other parameters, refused while it is running."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tests.sandbox.conftest import Sandbox, Start, gift

FORM = {
    "mode": "payment",
    "success_url": "http://charity.example/thanks",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "2500",
    "line_items[0][price_data][product_data][name]": "Gift",
}


def test_the_same_key_and_parameters_give_the_first_answer_again(sandbox: Sandbox):
    first = sandbox.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="gift-1")
    second = sandbox.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="gift-1")

    assert second[0] == 200
    assert second[2] == first[2]
    assert "idempotent-replayed" not in first[1]
    assert second[1]["idempotent-replayed"] == "true"
    assert second[1]["original-request"] == first[1]["request-id"]
    assert sandbox.control("/state", method="GET")["checkout.session"] == 1


def test_other_parameters_under_the_same_key_are_an_idempotency_error(sandbox: Sandbox):
    options = {"idempotency_key": "gift-1"}
    sandbox.stripe.v1.checkout.sessions.create(gift(), options)

    with pytest.raises(stripe.IdempotencyError) as refused:
        sandbox.stripe.v1.checkout.sessions.create(gift(amount=9900), options)

    assert refused.value.http_status == 400
    assert sandbox.control("/state", method="GET")["checkout.session"] == 1


def test_two_at_once_with_one_key_make_one_session_and_one_conflict(start: Start):
    sandbox = start("--latency-ms", "400")

    def post(_: int) -> tuple[int, dict[str, str], dict]:
        return sandbox.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="gift-1")

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(post, range(5)))

    statuses = sorted(answer[0] for answer in answers)
    assert statuses.count(200) >= 1
    assert set(statuses) <= {200, 409}
    assert 409 in statuses
    conflict = next(answer for answer in answers if answer[0] == 409)
    assert conflict[2]["error"]["code"] == "idempotency_key_in_use"
    assert conflict[1]["stripe-should-retry"] == "true"
    assert sandbox.control("/state", method="GET")["checkout.session"] == 1


def test_a_refused_request_leaves_its_key_free(sandbox: Sandbox):
    refused = sandbox.raw("POST", "/v1/checkout/sessions", {**FORM, "mode": "gift"}, Idempotency_Key="gift-1")
    accepted = sandbox.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="gift-1")

    assert (refused[0], accepted[0]) == (400, 200)


def test_a_server_error_is_kept_and_replayed_as_the_first_answer(sandbox: Sandbox):
    sandbox.control("/faults", {"path": "/v1/checkout/sessions", "times": 1, "kind": "500"})

    first = sandbox.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="gift-1")
    second = sandbox.raw("POST", "/v1/checkout/sessions", FORM, Idempotency_Key="gift-1")

    assert (first[0], second[0]) == (500, 500)
    assert second[1]["idempotent-replayed"] == "true"
