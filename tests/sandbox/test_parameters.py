"""What Stripe refuses is refused here, in Stripe's words for machines."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Sandbox, gift


def refusal(sandbox: Sandbox, **changes: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.checkout.sessions.create(gift(**changes))
    return refused.value


def test_a_removed_parameter_says_that_it_is_no_longer_supported(sandbox: Sandbox):
    error = refusal(sandbox, payment_method_types=["card"])

    assert error.code == "payment_method_types_no_longer_supported"
    assert error.param == "payment_method_types"
    assert error.http_status == 400


@pytest.mark.parametrize("old", ["hosted", "embedded", "custom"])
def test_the_old_names_of_the_ui_mode_are_refused(sandbox: Sandbox, old: str):
    assert refusal(sandbox, ui_mode=old).param == "ui_mode"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"donation": "yes"}, "parameter_unknown", "donation"),
        ({"metadata": {"k" * 41: "v"}}, None, f"metadata[{'k' * 41}]"),
        ({"metadata": {"k": "v" * 501}}, None, "metadata[k]"),
        ({"metadata": {str(n): "v" for n in range(51)}}, None, "metadata"),
        ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
        ({"customer_email": "nobody"}, "email_invalid", "customer_email"),
        ({"locale": "tlh"}, None, "locale"),
        ({"submit_type": "gift"}, None, "submit_type"),
        ({"mode": "setup"}, "sandbox_not_simulated", "mode"),
        ({"success_url": "charity"}, "url_invalid", "success_url"),
        ({"line_items": []}, "parameter_missing", "line_items"),
        ({"customer": "cus_unknown"}, "resource_missing", "customer"),
        ({"amount": 49}, "amount_too_small", None),
        ({"amount": 100_000_000}, "amount_too_large", None),
        ({"amount": 700, "currency": "krw"}, "amount_too_small", None),
        ({"amount": 1001, "currency": "kwd"}, "parameter_invalid_integer", None),
        ({"amount": "25.00"}, "parameter_invalid_integer", "line_items[0][price_data][unit_amount]"),
        ({"currency": "xxx"}, None, "line_items[0][price_data][currency]"),
        ({"tax_id_collection": {"enabled": True}}, "sandbox_not_simulated", "tax_id_collection"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(sandbox: Sandbox, changes: dict, code: str | None, param: str):
    error = refusal(sandbox, **changes)

    assert (error.code, error.param) == (code, param)


@pytest.mark.parametrize("seconds", [60, 25 * 3600])
def test_a_session_expires_between_half_an_hour_and_a_day(sandbox: Sandbox, seconds: int):
    assert refusal(sandbox, expires_at=int(time.time()) + seconds).param == "expires_at"


def test_a_nested_unknown_parameter_is_named_with_its_path(sandbox: Sandbox):
    error = refusal(sandbox, payment_intent_data={"invoice": "in_1"})

    assert error.param == "payment_intent_data[invoice]"


def test_another_api_version_is_refused(sandbox: Sandbox):
    status, _, body = sandbox.raw("GET", "/v1/balance", Stripe_Version="2024-04-10")

    assert status == 400
    assert "2024-04-10" in body["error"]["message"]


@pytest.mark.parametrize("key", ["", "Bearer sk_test_another", "Basic abc"])
def test_a_wrong_key_is_an_authentication_error(sandbox: Sandbox, key: str):
    status, _, body = sandbox.raw("GET", "/v1/balance", Authorization=key)

    assert (status, body["error"]["type"]) == (401, "invalid_request_error")


def test_an_unknown_id_is_a_missing_resource(sandbox: Sandbox):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.checkout.sessions.retrieve("cs_test_unknown")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_garbage_is_refused_and_never_a_server_error(sandbox: Sandbox):
    for path in ("/v1/checkout/sessions?limit=0", "/v1/events?limit=x", "/v1/charges?a[b=c", "/v1/nothing"):
        status, _, body = sandbox.raw("GET", path)
        assert status in (400, 404), path
        assert body["error"]["type"] == "invalid_request_error"
