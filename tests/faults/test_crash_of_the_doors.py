"""The API killed at every point of a request: who got no answer asks again, and it counts once."""

import hashlib
import hmac
import json
import time
from itertools import count
from typing import Any

import pytest

from tests.conftest import TEST_ENVIRONMENT
from tests.faults.stage import Deadly, Stage, told

pytestmark = pytest.mark.slow

A_GIFT = {
    "amount": 2500,
    "currency": "usd",
    "fund": "rescue",
    "cover_fees": True,
    "donor": {"name": "Kim Ji-woo", "email": "jiwoo@example.com", "locale": "ko"},
}


def a_post() -> dict[str, Any]:
    headers = {"content-type": "application/json", "idempotency-key": "one-click-of-jiwoo"}
    return {"path": "/api/v1/donations", "headers": headers, "body": json.dumps(A_GIFT)}


def a_delivery(event: dict[str, Any]) -> dict[str, Any]:
    """An event as Stripe sends it, signed anew at every attempt."""
    body = json.dumps(event)
    at = int(time.time())
    secret = TEST_ENVIRONMENT["STRIPE_WEBHOOK_SECRET"]
    signed = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "stripe-signature": f"t={at},v1={signed}"}
    return {"path": "/webhooks/stripe", "headers": headers, "body": body}


def test_a_gift_whose_api_died_is_asked_for_again_and_given_once(stage: Stage, mortal: Deadly):
    stage.keep()

    for crash_at in count(1):
        stage.put_back()
        stage.stripe.control("reset")
        first = mortal.run(request=a_post(), crash_at=crash_at)
        stage.bury()
        at_once = stage.findings_now()
        stage.let_time_pass()
        again = mortal.run(request=a_post())

        findings = at_once + stage.findings_at_rest()
        assert not findings, told(first, findings)
        assert again.answer is not None
        assert again.answer[0] == 201, again.answer
        assert stage.count("select count(*) from donations") == 1
        assert len(stage.stripe.listed("checkout/sessions")) == 1
        if first.answer is not None:
            assert json.loads(first.answer[1]) == json.loads(again.answer[1])
        if not first.was_killed:
            break
    assert crash_at > 12, "hardly any point was found"


def test_a_delivery_is_acknowledged_only_once_it_is_stored_and_stored_only_once(stage: Stage, mortal: Deadly):
    stage.give(key="first-gift")
    event = next(e for e in stage.stripe.listed("events") if e["type"] == "charge.succeeded")
    stage.keep()

    for crash_at in count(1):
        stage.put_back()
        first = mortal.run(request=a_delivery(event), crash_at=crash_at)
        stage.bury()
        kept = stage.count("select count(*) from stripe_events")
        if first.answer is not None:
            assert (first.answer[0], kept) == (200, 1), told(first, [])
        again = mortal.run(request=a_delivery(event))

        assert again.answer is not None
        assert again.answer[0] == 200
        assert stage.count("select count(*) from stripe_events") == 1
        assert stage.count("select count(*) from stripe_event_queue") == 1
        if not first.was_killed:
            break
    assert crash_at > 6, "hardly any point was found"
