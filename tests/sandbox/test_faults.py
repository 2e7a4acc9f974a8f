"""The network and Stripe's servers fail when told to, before or after the effect."""

from __future__ import annotations

import time

import pytest
import stripe

from tests.sandbox.conftest import API_KEY, Sandbox, Start, gift

SESSIONS = "/v1/checkout/sessions"


def count(sandbox: Sandbox) -> int:
    return sandbox.control("/state", method="GET")["checkout.session"]


def test_too_many_requests_pass_after_the_times_asked(sandbox: Sandbox):
    sandbox.control("/faults", {"path": SESSIONS, "times": 2, "kind": "429"})

    for _ in range(2):
        with pytest.raises(stripe.RateLimitError):
            sandbox.stripe.v1.checkout.sessions.create(gift())

    assert sandbox.stripe.v1.checkout.sessions.create(gift()).status == "open"


@pytest.mark.parametrize(
    ("kind", "happened"),
    [("timeout_before", 0), ("timeout_after", 1), ("reset_before", 0), ("reset_after", 1)],
)
def test_a_broken_answer_leaves_the_effect_it_is_said_to_leave(sandbox: Sandbox, kind: str, happened: int):
    sandbox.control("/faults", {"path": SESSIONS, "times": 1, "kind": kind})
    impatient = stripe.StripeClient(
        API_KEY,
        base_addresses={"api": sandbox.url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=0.5),
    )

    with pytest.raises(stripe.APIConnectionError):
        impatient.v1.checkout.sessions.create(gift(), {"idempotency_key": "gift-1"})
    assert count(sandbox) == happened

    impatient.v1.checkout.sessions.create(gift(), {"idempotency_key": "gift-1"})
    assert count(sandbox) == 1


def test_the_library_gets_through_a_broken_connection_by_itself(sandbox: Sandbox):
    sandbox.control("/faults", {"path": SESSIONS, "times": 1, "kind": "reset_after"})
    patient = stripe.StripeClient(API_KEY, base_addresses={"api": sandbox.url}, max_network_retries=2)

    patient.v1.checkout.sessions.create(gift())

    assert count(sandbox) == 1


def test_latency_is_added_to_every_answer(start: Start):
    sandbox = start("--latency-ms", "150")

    began = time.monotonic()
    sandbox.stripe.v1.balance.retrieve()

    assert time.monotonic() - began >= 0.15


def test_it_ends_cleanly_and_soon_though_a_connection_is_kept_open(start: Start):
    sandbox = start()
    sandbox.stripe.v1.balance.retrieve()

    began = time.monotonic()
    code = sandbox.stop()

    assert code == 0
    # A quarter of a second on a machine of its own; the rest is room for a busy one.
    assert time.monotonic() - began < 4.0


def test_a_restart_keeps_what_was_there(start: Start, tmp_path):
    data = str(tmp_path / "stripe.sqlite3")
    first = start("--data", data)
    session = first.stripe.v1.checkout.sessions.create(gift(), {"idempotency_key": "gift-1"})
    first.pay(session.id)
    first.control("/clock", {"advance_seconds": 3600})
    first.stop()

    second = start("--data", data)

    assert second.stripe.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert second.stripe.v1.checkout.sessions.create(gift(), {"idempotency_key": "gift-1"}).id == session.id
    assert second.control("/clock", method="GET")["offset_seconds"] == 3600
    assert len(second.control("/settle")["balance_transactions"]) == 1


def test_a_reset_forgets_everything_but_the_endpoints(start: Start):
    sandbox = start(webhook="http://127.0.0.1:9/nobody")
    sandbox.pay(sandbox.stripe.v1.checkout.sessions.create(gift()).id)

    sandbox.control("/reset")

    assert count(sandbox) == 0
    assert sandbox.stripe.v1.events.list().data == []
    assert len(sandbox.stripe.v1.webhook_endpoints.list().data) == 1
