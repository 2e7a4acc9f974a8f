"""Disputes and what comes before them: the money that goes, the money that comes back, and what is told."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Sandbox, paid
from tests.sandbox.test_refunds import events, moved, types_since


def test_a_dispute_takes_its_amount_and_a_fee_and_leaves_days_to_answer(sandbox: Sandbox):
    charge = paid(sandbox)
    before = len(events(sandbox))

    made = sandbox.control(f"/charges/{charge.id}/dispute", {"reason": "fraudulent"})

    dispute = sandbox.stripe.v1.disputes.retrieve(made["id"])
    assert (dispute.status, dispute.amount, dispute.charge) == ("needs_response", 2500, charge.id)
    assert dispute.payment_method_details is not None
    assert dispute.payment_method_details.card is not None
    assert dispute.payment_method_details.card.case_type == "chargeback"
    assert dispute.evidence_details.due_by is not None
    assert dispute.evidence_details.due_by - dispute.created > 8 * 24 * 3600
    assert moved(sandbox, dispute.id) == [("adjustment", "dispute", -2500, 1500)]
    assert [t.net for t in dispute.balance_transactions] == [-4000]
    assert types_since(sandbox, before) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    assert sandbox.stripe.v1.charges.retrieve(charge.id).disputed is True


def test_a_disputed_charge_is_neither_refunded_nor_disputed_again(sandbox: Sandbox):
    charge = paid(sandbox)
    sandbox.control(f"/charges/{charge.id}/dispute", {"amount": 1000})

    status, _ = sandbox.try_control(f"/charges/{charge.id}/dispute")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.refunds.create({"charge": charge.id})

    assert status == 400
    assert refused.value.code == "charge_disputed"


def test_a_won_dispute_brings_back_the_amount_and_the_fee_for_answering_only(sandbox: Sandbox):
    dispute = sandbox.control(f"/charges/{paid(sandbox).id}/dispute", {"fee": 2000})
    sandbox.control(f"/disputes/{dispute['id']}/respond", {"countered_fee": 1500})
    before = len(events(sandbox))

    won = sandbox.control(f"/disputes/{dispute['id']}/close", {"outcome": "won"})

    assert won["status"] == "won"
    assert won["evidence_details"]["submission_count"] == 1
    assert moved(sandbox, dispute["id"]) == [
        ("adjustment", "dispute", -2500, 2000),
        ("stripe_fee", "fee", -1500, 0),
        ("adjustment", "dispute_reversal", 2500, 0),
        ("stripe_fee", "fee", 1500, 0),
    ]
    assert types_since(sandbox, before) == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]


def test_a_lost_dispute_moves_nothing_more(sandbox: Sandbox):
    dispute = sandbox.control(f"/charges/{paid(sandbox).id}/dispute")
    before = len(events(sandbox))

    sandbox.control(f"/disputes/{dispute['id']}/close", {"outcome": "lost"})

    assert moved(sandbox, dispute["id"]) == [("adjustment", "dispute", -2500, 1500)]
    assert types_since(sandbox, before) == ["charge.dispute.closed"]
    assert sandbox.try_control(f"/disputes/{dispute['id']}/close", {"outcome": "won"})[0] == 400


def test_the_charity_can_accept_a_dispute(sandbox: Sandbox):
    dispute = sandbox.control(f"/charges/{paid(sandbox).id}/dispute")

    assert sandbox.stripe.v1.disputes.close(dispute["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.stripe.v1.disputes.close(dispute["id"])


def test_an_inquiry_moves_no_money_and_can_still_be_refunded(sandbox: Sandbox):
    charge = paid(sandbox)

    inquiry = sandbox.control(f"/charges/{charge.id}/dispute", {"inquiry": True})
    refund = sandbox.stripe.v1.refunds.create({"charge": charge.id})
    closed = sandbox.control(f"/disputes/{inquiry['id']}/close", {"outcome": "warning_closed"})

    assert inquiry["status"] == "warning_needs_response"
    assert refund.status == "succeeded"
    assert closed["status"] == "warning_closed"
    assert moved(sandbox, inquiry["id"]) == []


def test_an_inquiry_that_is_escalated_takes_the_money_then(sandbox: Sandbox):
    inquiry = sandbox.control(f"/charges/{paid(sandbox).id}/dispute", {"inquiry": True, "amount": 900})
    before = len(events(sandbox))

    sandbox.control(f"/disputes/{inquiry['id']}/escalate", {"fee": 0})

    assert moved(sandbox, inquiry["id"]) == [("adjustment", "dispute", -900, 0)]
    assert types_since(sandbox, before) == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    assert sandbox.try_control(f"/disputes/{inquiry['id']}/close", {"outcome": "warning_closed"})[0] == 400


def test_a_dispute_converts_at_the_rate_of_its_day(sandbox: Sandbox):
    charge = paid(sandbox, currency="krw", amount=50_000)
    sandbox.control("/rates", {"dollars": {"krw": "0.00070"}})
    dispute = sandbox.control(f"/charges/{charge.id}/dispute")
    sandbox.control("/rates", {"dollars": {"krw": "0.00071"}})

    sandbox.control(f"/disputes/{dispute['id']}/close", {"outcome": "won", "at_todays_rate": True})

    assert moved(sandbox, dispute["id"]) == [
        ("adjustment", "dispute", -3500, 1500),
        ("adjustment", "dispute_reversal", 3550, 0),
    ]


def test_the_money_of_a_dispute_can_come_after_its_events(sandbox: Sandbox):
    charge = paid(sandbox)
    sandbox.control("/money", {"book_after": None})
    before = len(events(sandbox))

    dispute = sandbox.control(f"/charges/{charge.id}/dispute")
    assert dispute["balance_transactions"] == []
    sandbox.control(f"/disputes/{dispute['id']}/close", {"outcome": "won"})
    sandbox.control("/settle")

    assert [amount for _, _, amount, _ in moved(sandbox, dispute["id"])] == [-2500, 2500]
    assert types_since(sandbox, before) == [
        "charge.dispute.created",
        "charge.dispute.closed",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
    ]


def test_a_dispute_takes_the_money_a_refund_was_waiting_for(sandbox: Sandbox):
    charge = paid(sandbox)
    sandbox.control("/money", {"refunds": "need_balance"})
    refund = sandbox.stripe.v1.refunds.create({"charge": charge.id, "amount": 100})

    sandbox.control(f"/charges/{charge.id}/dispute")

    failed = sandbox.stripe.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "charge_for_pending_refund_disputed")
    assert moved(sandbox, refund.id) == []


@pytest.mark.parametrize("deed", ["refund", "dispute"])
def test_a_fraud_warning_is_moot_once_the_money_is_back_or_disputed(sandbox: Sandbox, deed: str):
    charge = paid(sandbox)
    warning = sandbox.control(f"/charges/{charge.id}/fraud_warning", {"fraud_type": "misc"})
    assert sandbox.stripe.v1.radar.early_fraud_warnings.retrieve(warning["id"]).actionable is True

    sandbox.control(f"/charges/{charge.id}/{deed}")

    listed = sandbox.stripe.v1.radar.early_fraud_warnings.list({"charge": charge.id}).data
    assert [(w.id, w.actionable, w.fraud_type) for w in listed] == [(warning["id"], False, "misc")]
    assert [e.type for e in events(sandbox) if e.type.startswith("radar.")] == [
        "radar.early_fraud_warning.created",
        "radar.early_fraud_warning.updated",
    ]


def test_a_partial_refund_leaves_the_warning_as_it_is(sandbox: Sandbox):
    charge = paid(sandbox)
    warning = sandbox.control(f"/charges/{charge.id}/fraud_warning")

    sandbox.stripe.v1.refunds.create({"charge": charge.id, "amount": 1})

    assert sandbox.stripe.v1.radar.early_fraud_warnings.retrieve(warning["id"]).actionable is True


def test_a_bank_debit_is_taken_back_after_it_had_succeeded(sandbox: Sandbox):
    charge = paid(sandbox, method="bank_debit")
    before = len(events(sandbox))

    sandbox.control(f"/charges/{charge.id}/return", {"reason": "account_closed", "fee": 400})

    returned: Any = sandbox.stripe.v1.charges.retrieve(
        charge.id, {"expand": ["failure_balance_transaction", "payment_intent"]}
    )
    assert (returned.status, returned.paid, returned.failure_code) == ("failed", False, "account_closed")
    assert returned.failure_balance_transaction.source == charge.id
    assert returned.payment_intent.status == "requires_payment_method"
    assert moved(sandbox, charge.id)[1] == ("payment_failure_refund", "charge_failure", -2500, 400)
    assert types_since(sandbox, before) == ["charge.failed", "payment_intent.payment_failed"]
    assert sandbox.try_control(f"/charges/{paid(sandbox).id}/return")[0] == 400
