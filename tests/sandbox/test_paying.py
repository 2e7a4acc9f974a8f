"""What each test card does, in what order the events come, and what the metadata is carried to."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Sandbox, Start, gift, wait_until


def opened(sandbox: Sandbox, **changes: Any) -> str:
    return sandbox.stripe.v1.checkout.sessions.create(gift(**changes)).id


def event_types(sandbox: Sandbox) -> list[str]:
    """Oldest first."""
    return [event.type for event in sandbox.stripe.v1.events.list({"limit": 100}).data][::-1]


@pytest.mark.parametrize(
    "card", ["4242424242424242", "5555555555554444", "4000004100000003", "378282246310005"]
)
def test_a_good_card_pays_and_the_money_detail_comes_later(sandbox: Sandbox, card: str):
    session_id = opened(sandbox)
    assert sandbox.stripe.v1.checkout.sessions.retrieve(session_id).payment_intent is None

    sandbox.pay(session_id, card=card, email="ann@example.org", name="Ann")

    expand = {"expand": ["payment_intent.latest_charge"]}
    session: Any = sandbox.stripe.v1.checkout.sessions.retrieve(session_id, expand)
    charge = session.payment_intent.latest_charge
    assert (session.status, session.payment_status, session.url) == ("complete", "paid", None)
    assert session.customer is None
    assert session.customer_details.email == "ann@example.org"
    assert (charge.status, charge.balance_transaction) == ("succeeded", None)
    assert charge.payment_method_details.card.last4 == card[-4:]
    assert event_types(sandbox) == [
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
        "checkout.session.completed",
    ]

    sandbox.control(f"/checkout/sessions/{session_id}/settle")

    updated = sandbox.stripe.v1.events.list({"type": "charge.updated"}).data[0].to_dict()
    assert updated["data"]["previous_attributes"] == {"balance_transaction": None}
    assert updated["data"]["object"]["balance_transaction"].startswith("txn_")


def test_a_charge_settles_by_itself_after_the_delay(start: Start):
    sandbox = start(settle_after="0.2")
    session_id = opened(sandbox)

    sandbox.pay(session_id)

    wait_until(lambda: "charge.updated" in event_types(sandbox))
    assert sandbox.stripe.v1.balance_transactions.list().data[0].net == 2500 - 103


def test_metadata_stays_in_its_own_place(sandbox: Sandbox):
    session_id = opened(sandbox)

    sandbox.pay(session_id)

    expand = {"expand": ["payment_intent.latest_charge"]}
    session: Any = sandbox.stripe.v1.checkout.sessions.retrieve(session_id, expand)
    assert session.metadata.to_dict() == {"gift": "on the session"}
    assert session.payment_intent.metadata.to_dict() == {"gift": "on the payment"}
    assert session.payment_intent.latest_charge.metadata.to_dict() == {"gift": "on the payment"}


def test_a_customer_is_made_only_when_asked_for(sandbox: Sandbox):
    session_id = opened(sandbox, customer_creation="always")

    sandbox.pay(session_id, email="ann@example.org")

    session: Any = sandbox.stripe.v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent"]})
    found = sandbox.stripe.v1.customers.list({"email": "ann@example.org"}).data
    assert [customer.id for customer in found] == [session.customer]
    assert session.payment_intent.customer == session.customer


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000009987", "card_declined", "lost_card"),
        ("4000000000009979", "card_declined", "stolen_card"),
        ("4000000000000069", "expired_card", None),
        ("4000000000000127", "incorrect_cvc", None),
        ("4000000000000119", "processing_error", None),
    ],
)
def test_a_declined_card_leaves_the_session_open_for_another(
    sandbox: Sandbox, card: str, code: str, decline_code: str | None
):
    session_id = opened(sandbox)

    told = sandbox.pay(session_id, card=card)

    assert told["outcome"] == "declined"
    assert (told["decline"]["code"], told["decline"]["decline_code"]) == (code, decline_code)
    assert event_types(sandbox) == [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
    ]
    intent: Any = sandbox.stripe.v1.payment_intents.retrieve(told["payment_intent"])
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == code

    again = sandbox.pay(session_id)

    assert again["outcome"] == "paid"
    assert again["payment_intent"] == told["payment_intent"]
    charges = sandbox.stripe.v1.charges.list({"payment_intent": told["payment_intent"]}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


@pytest.mark.parametrize("card", ["4000002760003184", "4000002500003155"])
def test_3d_secure_pays_when_it_passes_and_lets_try_again_when_it_fails(sandbox: Sandbox, card: str):
    session_id = opened(sandbox)

    asked = sandbox.pay(session_id, card=card)
    assert (asked["outcome"], asked["payment_intent_status"]) == ("needs_authentication", "requires_action")

    failed = sandbox.pay(session_id, card=card, authenticate=False)
    assert (failed["outcome"], failed["status"], failed["charge"]) == ("declined", "open", None)

    passed = sandbox.pay(session_id, card=card, authenticate=True)
    assert (passed["outcome"], passed["payment_status"]) == ("paid", "paid")
    charge: Any = sandbox.stripe.v1.charges.retrieve(passed["charge"])
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_a_bank_transfer_completes_unpaid_and_is_paid_when_it_arrives(sandbox: Sandbox):
    session_id = opened(sandbox)

    waiting = sandbox.pay(session_id, method="bank_debit")
    assert (waiting["status"], waiting["payment_status"]) == ("complete", "unpaid")
    assert (waiting["payment_intent_status"], waiting["charge_status"]) == ("processing", "pending")

    sandbox.control(f"/checkout/sessions/{session_id}/bank_debit/succeed")
    sandbox.control("/settle")

    assert sandbox.stripe.v1.checkout.sessions.retrieve(session_id).payment_status == "paid"
    assert event_types(sandbox)[-4:] == [
        "payment_intent.succeeded",
        "charge.succeeded",
        "checkout.session.async_payment_succeeded",
        "charge.updated",
    ]
    transaction = sandbox.stripe.v1.balance_transactions.list().data[0]
    assert (transaction.type, transaction.reporting_category) == ("payment", "charge")


def test_a_bank_transfer_that_fails_never_becomes_paid(sandbox: Sandbox):
    session_id = opened(sandbox)
    sandbox.pay(session_id, method="bank_debit")

    told = sandbox.control(f"/checkout/sessions/{session_id}/bank_debit/fail")

    assert (told["payment_status"], told["charge_status"]) == ("unpaid", "failed")
    assert event_types(sandbox)[-3:] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "checkout.session.async_payment_failed",
    ]
    assert sandbox.try_control(f"/checkout/sessions/{session_id}/bank_debit/succeed")[0] == 400


def test_a_session_can_be_paid_once(sandbox: Sandbox):
    session_id = opened(sandbox)
    sandbox.pay(session_id)

    status, body = sandbox.try_control(f"/checkout/sessions/{session_id}/pay", {})

    assert status == 400
    assert "already been paid" in body["error"]["message"]
    assert sandbox.control("/state", method="GET")["charge"] == 1


def test_a_session_expires_by_the_clock_and_by_the_api(sandbox: Sandbox):
    by_clock, by_api = opened(sandbox), opened(sandbox)

    sandbox.stripe.v1.checkout.sessions.expire(by_api)
    sandbox.control("/clock", {"advance_seconds": 24 * 3600 + 1})

    for session_id in (by_clock, by_api):
        session = sandbox.stripe.v1.checkout.sessions.retrieve(session_id)
        assert (session.status, session.url) == ("expired", None)
    assert event_types(sandbox) == ["checkout.session.expired"] * 2
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.stripe.v1.checkout.sessions.expire(by_api)
