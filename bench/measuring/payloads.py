"""The events the benchmarks send: the shape and size Stripe really sends, each with ids of its own.

Everything is serialised and signed before the clock starts, so that the load generator only writes
bytes: it shares the machine with the servers it measures.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WEBHOOK_SECRET = "whsec_benchbenchbenchbenchbenchbench"  # noqa: S105 - opens nothing: the servers live for one run
API_VERSION = "2026-10-28.endive"
_ID = "evt_1PlaceholderForTheEventId"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event, ready for the wire."""

    event_id: str
    request: bytes


def deliveries(event_ids: Sequence[str], *, path: str, port: int) -> list[Delivery]:
    """A paid checkout for each id, as an HTTP request signed now."""
    now = int(time.time())
    whole = event(_ID, "checkout.session.completed", checkout_session(now), now=now)
    before, after = whole.split(_ID.encode())
    head = request_head("POST", path, port=port, agent="Stripe/1.0 (+https://stripe.com/docs/webhooks)")
    return [
        Delivery(event_id, head + _signed_tail(before + event_id.encode() + after)) for event_id in event_ids
    ]


def event_ids(label: str, count: int) -> list[str]:
    """Ids that no other part of the run uses, in no sorted order (as Stripe's are)."""
    stem = f"{label}:{time.time_ns()}"
    return [f"evt_1{hashlib.sha256(f'{stem}:{n}'.encode()).hexdigest()[:23]}" for n in range(count)]


def request_head(method: str, path: str, *, port: int, agent: str) -> bytes:
    """The part of a request that is the same for all of them."""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: {agent}\r\n"
        "Accept: */*\r\nCache-Control: no-cache\r\nContent-Type: application/json; charset=utf-8\r\n"
    ).encode()


def _signed_tail(body: bytes) -> bytes:
    stamp = str(int(time.time())).encode()
    signature = hmac.digest(WEBHOOK_SECRET.encode(), stamp + b"." + body, "sha256").hex().encode()
    return b"Stripe-Signature: t=%b,v1=%b\r\nContent-Length: %d\r\n\r\n%b" % (
        stamp,
        signature,
        len(body),
        body,
    )


def event(event_id: str, event_type: str, subject: Mapping[str, Any], *, now: int) -> bytes:
    """An event around an object, indented as Stripe sends it."""
    return json.dumps(
        {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": now,
            "data": {"object": subject},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": event_type,
        },
        indent=2,
    ).encode()


def checkout_session(now: int) -> dict[str, Any]:
    """A paid checkout as Stripe's event carries it; the ids are for the caller to set."""
    return {
        "id": "cs_test_a1Zc0JX0m7mV3Hq2bJ5tN8Kq9rWmZyEw4Xv6Pd1Ls0Ug7Ht3Rf5Yk2Bn8",
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": 5000,
        "amount_total": 5000,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": "https://give.example.org/donate?back=1",
        "client_reference_id": "don_4f9d2c7a1b8e4c60a35d9e7f20b1c8d6",
        "client_secret": None,
        "collected_information": {"business_name": None, "individual_name": None, "shipping_details": None},
        "consent": None,
        "consent_collection": None,
        "created": now - 180,
        "currency": "usd",
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": "cus_TbenchDonor0001",
        "customer_account": None,
        "customer_creation": "always",
        "customer_details": {
            "address": {
                "city": None,
                "country": "US",
                "line1": None,
                "line2": None,
                "postal_code": "94107",
                "state": None,
            },
            "business_name": None,
            "email": "ada@example.com",
            "individual_name": None,
            "name": "Ada Lovelace",
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": [],
        },
        "customer_email": "ada@example.com",
        "discounts": [],
        "expires_at": now + 86_220,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": "en",
        "metadata": {"donation": "don_4f9d2c7a1b8e4c60a35d9e7f20b1c8d6"},
        "mode": "payment",
        "origin_context": None,
        "payment_intent": "pi_3TbenchPaymentIntent001",
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": {"id": "pmc_1TbenchConfiguration", "parent": None},
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card", "link", "us_bank_account"],
        "payment_status": "paid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "complete",
        "submit_type": "donate",
        "subscription": None,
        "success_url": "https://give.example.org/thanks?session_id={CHECKOUT_SESSION_ID}",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": None,
        "wallet_options": None,
    }
