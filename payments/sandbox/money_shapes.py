"""Refunds, disputes, fraud warnings, payouts and top-ups as the pinned API version spells them.

As in shapes.py: every declared key, except those that Stripe leaves out unless they apply.
"""

from __future__ import annotations

from payments.sandbox.store import Thing
from payments.sandbox.world import World


def refund(world: World, charge: Thing, *, amount: int, reason: str | None, metadata: Thing) -> Thing:
    """A refund before its fate is known; the caller says how it stands."""
    is_card = charge["payment_method_details"]["type"] == "card"
    return {
        "id": world.new_id("re" if is_card else "pyr"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "destination_details": _destination(charge),
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending",
        "transfer_reversal": None,
    }


_BANK_DESTINATIONS = {
    "us_bank_account": "us_bank_transfer",
    "sepa_debit": "eu_bank_transfer",
    "bacs_debit": "gb_bank_transfer",
    "customer_balance": "us_bank_transfer",
}


def _destination(charge: Thing) -> Thing:
    type_ = charge["payment_method_details"]["type"]
    if type_ == "card":
        details = {
            "reference_status": "pending",
            "reference_type": "acquirer_reference_number",
            "type": "refund",
        }
        return {"card": details, "type": "card"}
    bank = _BANK_DESTINATIONS[type_]
    return {bank: {"reference": None, "reference_status": "pending"}, "type": bank}


_NO_EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def dispute(
    world: World, charge: Thing, *, amount: int, reason: str, inquiry: bool, network_code: str | None
) -> Thing:
    billing = charge["billing_details"]
    evidence: Thing = dict.fromkeys(_NO_EVIDENCE)
    evidence.update(
        customer_email_address=billing["email"], customer_name=billing["name"], enhanced_evidence={}
    )
    return {
        "id": world.new_id("dp"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence,
        "evidence_details": {
            "due_by": _end_of_day(world.now() + 9 * _DAY),
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": network_code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": _disputed_method(charge, inquiry=inquiry, network_code=network_code),
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


_DAY = 24 * 3600


def _end_of_day(moment: int) -> int:
    return moment - moment % _DAY + _DAY - 1


def _disputed_method(charge: Thing, *, inquiry: bool, network_code: str | None) -> Thing:
    details = charge["payment_method_details"]
    if details["type"] != "card":
        return {"type": details["type"]}
    brand = details["card"]["brand"]
    card = {
        "brand": brand,
        "case_type": "inquiry" if inquiry else "chargeback",
        "network": brand,
        "network_reason_code": network_code,
    }
    return {"card": card, "type": "card"}


def early_fraud_warning(world: World, charge: Thing, *, fraud_type: str, actionable: bool) -> Thing:
    return {
        "id": world.new_id("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": actionable,
        "charge": charge["id"],
        "created": world.now(),
        "fraud_type": fraud_type,
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }


def payout(
    world: World,
    *,
    amount: int,
    currency: str,
    destination: str,
    arrival_date: int,
    automatic: bool,
    method: str = "standard",
) -> Thing:
    """A payout as it is made; an automatic one is on its way at once."""
    return {
        "id": world.new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival_date,
        "automatic": automatic,
        "balance_transaction": None,
        "created": world.now(),
        "currency": currency,
        "description": "STRIPE PAYOUT" if automatic else None,
        "destination": destination,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": method,
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "in_transit" if automatic else "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def topup(world: World, *, amount: int, currency: str, description: str | None) -> Thing:
    return {
        "id": world.new_id("tu"),
        "object": "topup",
        "amount": amount,
        "balance_transaction": None,
        "created": world.now(),
        "currency": currency,
        "description": description,
        "expected_availability_date": world.now(),
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "source": None,
        "statement_descriptor": None,
        "status": "succeeded",
        "transfer_group": None,
    }
