"""`python -m bench.measuring.gifts COUNT`: gifts that were begun, and all Stripe has to say of them.

Goes into the database of the environment through our own tables and our own way into the inbox: for
each gift the finished checkout, the succeeded charge, the charge with its balance transaction, and the
fetched balance transaction. The ids are the same in every run, so two databases can be compared.
"""

import json
import sys
import time
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from bench.measuring.ground import ROOT
from bench.measuring.payloads import checkout_session, event
from payments.clock import now
from payments.database import transaction
from payments.donations import organisation
from payments.donations.models import Allocation, Donation
from payments.stripe_gateway.shapes import Envelope, read
from payments.supporters.donors import Donor
from payments.webhooks import inbox

EVENTS_A_GIFT = 4


def write(count: int) -> None:
    """The charity, the donors, their gifts, and the inbox."""
    document = tomllib.loads((ROOT / "payments/local/organisation.toml").read_text())
    entity = next(entity["id"] for entity in document["entities"] if entity["receives_online"])
    fund = next(fund["id"] for fund in document["funds"] if fund["entity_id"] == entity)
    with transaction() as session:
        organisation.load(session, document)
        session.flush()
        if not count:
            return
        places = range(count)
        session.execute(
            insert(Donor),
            [
                {"id": f"dnr_{n}", "email": f"d{n}@example.com", "name": "Ada Park", "locale": "en"}
                for n in places
            ],
        )
        session.execute(insert(Donation), [_donation(n, entity) for n in places])
        session.execute(
            insert(Allocation),
            [
                {"donation_id": f"don_{n:032x}", "position": 0, "fund_id": fund, "amount": 5000}
                for n in places
            ],
        )
    for first in range(0, count, 250):
        with transaction() as session:
            for n in range(first, min(first + 250, count)):
                for delivery in said_of(n):
                    inbox.store(session, [delivery])


def _donation(n: int, entity: str) -> dict[str, Any]:
    return {
        "id": f"don_{n:032x}",
        "entity_id": entity,
        "donor_id": f"dnr_{n}",
        "donor_name": "Ada Park",
        "locale": "en",
        "frequency": "once",
        "currency": "usd",
        "amount": 5000,
        "fee_cover_amount": 0,
        "source": {"page": "give"},
        "checkout_expires_at": now() + timedelta(hours=2),
    }


def said_of(n: int) -> Iterator[inbox.Delivery]:
    """Everything Stripe says of the gift number `n`, in the order it says it."""
    at = int(time.time())
    session = checkout_session(at) | {
        "id": f"cs_test_{n}",
        "client_reference_id": f"don_{n:032x}",
        "metadata": {"donation": f"don_{n:032x}"},
        "payment_intent": f"pi_{n}",
    }
    settled = _charge(n) | {"balance_transaction": f"txn_{n}"}
    for name, kind, subject in (
        ("completed", "checkout.session.completed", session),
        ("succeeded", "charge.succeeded", _charge(n)),
        ("updated", "charge.updated", settled),
    ):
        body = event(f"evt_{name}_{n}", kind, subject, now=at)
        yield inbox.of_event(read(Envelope, body), body, source="webhook")
    yield inbox.of_balance_transaction(_balance_transaction(n, settled))


CHARGED_AT = 1_795_000_000


def _charge(n: int) -> dict[str, Any]:
    card = {
        "amount_authorized": 5000,
        "authorization_code": None,
        "brand": "visa",
        "checks": {"address_line1_check": None, "address_postal_code_check": "pass", "cvc_check": "pass"},
        "country": "US",
        "exp_month": 12,
        "exp_year": 2030,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": "benchFingerprint",
        "funding": "credit",
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": "4242",
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": "visa",
        "network_token": {"used": False},
        "network_transaction_id": "104204204204204",
        "overcapture": {"maximum_amount_capturable": 5000, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }
    return {
        "id": f"ch_{n}",
        "object": "charge",
        "amount": 5000,
        "amount_captured": 5000,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": {
            "address": {"city": None, "country": "US", "line1": None, "line2": None, "postal_code": "94107"},
            "email": f"d{n}@example.com",
            "name": "Ada Park",
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": "SANDBOX CHARITY",
        "captured": True,
        "created": CHARGED_AT + n,
        "currency": "usd",
        "customer": "cus_TbenchDonor0001",
        "description": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": {"donation": f"don_{n:032x}"},
        "on_behalf_of": None,
        "outcome": {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 24,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": f"pi_{n}",
        "payment_method": "pm_1TbenchMethod",
        "payment_method_details": {"type": "card", "card": card},
        "radar_options": {},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": "https://pay.example.com/receipts/payment/CAcaFwoVYWNjdF8x",
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def _balance_transaction(n: int, charge: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"txn_{n}",
        "object": "balance_transaction",
        "amount": 5000,
        "available_on": CHARGED_AT + 172_800,
        "balance_type": "payments",
        "created": CHARGED_AT + n,
        "currency": "usd",
        "description": None,
        "exchange_rate": None,
        "fee": 175,
        "fee_details": [
            {
                "amount": 175,
                "application": None,
                "currency": "usd",
                "description": "Stripe processing fees",
                "type": "stripe_fee",
            }
        ],
        "net": 4825,
        "reporting_category": "charge",
        "source": charge,
        "status": "pending",
        "type": "charge",
    }


if __name__ == "__main__":
    write(int(sys.argv[1]))
    print(json.dumps({"gifts": int(sys.argv[1])}))
