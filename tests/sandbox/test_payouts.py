"""Payouts: what each carries, and how it arrives, fails, is repeated or taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Sandbox, Start, paid
from tests.sandbox.test_refunds import events, types_since

DAY = 24 * 3600


def carried(sandbox: Sandbox, payout: Any) -> list[tuple[str, str, int]]:
    """What a payout lists, oldest first."""
    found = sandbox.stripe.v1.balance_transactions.list({"payout": payout["id"], "limit": 100}).data
    return [(t.type, t.reporting_category, t.net) for t in reversed(found)]


def test_a_payout_carries_what_is_available_and_its_list_sums_to_nothing(sandbox: Sandbox):
    first = paid(sandbox)
    sandbox.control("/clock", {"advance_seconds": 2 * DAY + 1})
    sandbox.stripe.v1.refunds.create({"charge": first.id, "amount": 500})
    paid(sandbox, amount=9000)
    before = len(events(sandbox))

    payout = sandbox.control("/payouts", {"currency": "usd", "automatic": True})

    assert payout["amount"] == 2397 - 500
    assert carried(sandbox, payout) == [
        ("charge", "charge", 2397),
        ("refund", "refund", -500),
        ("payout", "payout", -1897),
    ]
    assert types_since(sandbox, before) == [
        "payout.created",
        "payout.updated",
        "payout.reconciliation_completed",
    ]
    assert payout["reconciliation_status"] == "completed"
    assert sandbox.try_control("/payouts")[0] == 400
    second = sandbox.control("/payouts", {"all": True})
    assert second["amount"] == 9000 - 291
    assert sandbox.stripe.v1.balance.retrieve().available[0].amount == 0


def test_the_list_of_a_payout_pages_and_expands(sandbox: Sandbox):
    charges = [paid(sandbox, amount=amount) for amount in (100, 200, 300)]
    sandbox.stripe.v1.refunds.create({"charge": charges[2].id})
    dispute = sandbox.control(f"/charges/{charges[1].id}/dispute")
    sandbox.control("/movements", {"kind": "topup", "amount": 5000})
    payout = sandbox.control("/payouts", {"all": True})

    asked: Any = {"payout": payout["id"], "limit": 2, "expand": ["data.source"]}
    listed = list(sandbox.stripe.v1.balance_transactions.list(asked).auto_paging_iter())

    assert [t.source.object for t in listed] == [
        "payout",
        "topup",
        "dispute",
        "refund",
        "charge",
        "charge",
        "charge",
    ]
    assert listed[2].source.id == dispute["id"]
    assert sum(t.net for t in listed) == 0


def test_until_it_is_reconciled_a_payout_lists_only_itself(sandbox: Sandbox):
    paid(sandbox)
    payout = sandbox.control("/payouts", {"all": True, "reconciled": False})

    assert payout["reconciliation_status"] == "in_progress"
    assert carried(sandbox, payout) == [("payout", "payout", -2397)]
    sandbox.control(f"/payouts/{payout['id']}/reconcile")
    assert len(carried(sandbox, payout)) == 2


@pytest.mark.parametrize(
    ("made_on", "arrives_on"),
    [("Mon", "Wed"), ("Thu", "Mon"), ("Fri", "Tue"), ("Sat", "Tue"), ("Sun", "Tue")],
)
def test_a_payout_arrives_after_two_working_days(sandbox: Sandbox, made_on: str, arrives_on: str):
    today = datetime.fromtimestamp(sandbox.control("/clock", method="GET")["now"], UTC)
    days = next(n for n in range(7) if (today + timedelta(days=n)).strftime("%a") == made_on)
    sandbox.control("/clock", {"advance_seconds": days * DAY})
    sandbox.control("/movements", {"kind": "topup", "amount": 1000})

    payout = sandbox.control("/payouts")

    arrival = datetime.fromtimestamp(payout["arrival_date"], UTC)
    assert f"{arrival:%a %H:%M}" == f"{arrives_on} 00:00"


def test_a_payout_arrives_with_the_banks_reference(sandbox: Sandbox):
    paid(sandbox)
    payout = sandbox.control("/payouts", {"all": True, "statement_descriptor": "CHARITY"})
    before = len(events(sandbox))

    sandbox.control("/clock", {"advance_seconds": payout["arrival_date"] - payout["created"] + 1})

    arrived = sandbox.stripe.v1.payouts.retrieve(payout["id"])
    assert (payout["status"], payout["trace_id"]) == ("in_transit", {"status": "pending", "value": None})
    assert (arrived.status, arrived.statement_descriptor) == ("paid", "CHARITY")
    assert arrived.trace_id is not None
    assert arrived.trace_id.status == "supported"
    assert arrived.trace_id.value
    assert types_since(sandbox, before) == ["payout.paid", "payout.updated"]


def test_a_payout_fails_after_it_was_paid_and_the_next_one_carries_only_its_money(sandbox: Sandbox):
    paid(sandbox)
    payout = sandbox.control("/payouts", {"all": True, "paid": True})
    before = len(events(sandbox))

    failed = sandbox.control(f"/payouts/{payout['id']}/fail", {"code": "no_account"})
    retried = sandbox.control(f"/payouts/{payout['id']}/retry")

    assert (failed["status"], failed["failure_code"]) == ("failed", "no_account")
    returned = sandbox.stripe.v1.balance_transactions.retrieve(failed["failure_balance_transaction"])
    assert (returned.type, returned.reporting_category, returned.source) == (
        "payout_failure",
        "payout_reversal",
        payout["id"],
    )
    assert types_since(sandbox, before)[:2] == ["payout.failed", "payout.updated"]
    assert carried(sandbox, payout) == [("charge", "charge", 2397), ("payout", "payout", -2397)]
    assert carried(sandbox, retried) == [
        ("payout_failure", "payout_reversal", 2397),
        ("payout", "payout", -2397),
    ]
    assert sandbox.try_control(f"/payouts/{payout['id']}/retry")[0] == 400


def test_the_money_of_a_failed_payout_otherwise_joins_the_next_one(sandbox: Sandbox):
    paid(sandbox)
    payout = sandbox.control("/payouts", {"all": True})
    sandbox.control(f"/payouts/{payout['id']}/fail")
    paid(sandbox, amount=1000)

    together = sandbox.control("/payouts", {"all": True})

    assert [type_ for type_, _, _ in carried(sandbox, together)] == ["payout_failure", "charge", "payout"]
    assert together["amount"] == 2397 + 941


def test_below_nothing_the_bank_is_debited(sandbox: Sandbox):
    charge = paid(sandbox)
    sandbox.control("/payouts", {"all": True})
    sandbox.stripe.v1.refunds.create({"charge": charge.id})

    debit = sandbox.control("/payouts", {"paid": True})

    assert (debit["amount"], debit["status"]) == (-2500, "paid")
    assert carried(sandbox, debit) == [("refund", "refund", -2500), ("payout", "payout", 2500)]


def test_a_manual_payout_says_nothing_of_what_it_carries(sandbox: Sandbox):
    sandbox.control("/movements", {"kind": "topup", "amount": 10_000})

    manual = sandbox.stripe.v1.payouts.create(
        {"amount": 4000, "currency": "usd", "metadata": {"why": "rent"}}
    )
    instant = sandbox.control("/payouts", {"automatic": False, "amount": 5000, "method": "instant"})

    assert (manual.automatic, manual.status) == (False, "pending")
    assert manual.reconciliation_status == instant["reconciliation_status"] == "not_applicable"
    fee = sandbox.stripe.v1.balance_transactions.retrieve(instant["balance_transaction"])
    assert (fee.amount, fee.fee, fee.net) == (-5000, 50, -5050)
    with pytest.raises(stripe.InvalidRequestError, match="only be filtered on automatic"):
        sandbox.stripe.v1.balance_transactions.list({"payout": manual.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.payouts.create({"amount": 950, "currency": "usd", "method": "instant"})
    assert refused.value.code == "balance_insufficient"
    rest = sandbox.control("/payouts")
    assert rest["amount"] == 950
    assert sum(net for _, _, net in carried(sandbox, rest)) == 0


def test_only_a_pending_manual_payout_can_be_cancelled(sandbox: Sandbox):
    sandbox.control("/movements", {"kind": "topup", "amount": 10_000})
    manual = sandbox.stripe.v1.payouts.create({"amount": 4000, "currency": "usd"})

    cancelled = sandbox.stripe.v1.payouts.cancel(manual.id)

    assert cancelled.status == "canceled"
    assert events(sandbox)[-2].type == "payout.canceled"
    assert sandbox.stripe.v1.balance.retrieve().available[0].amount == 10_000
    automatic = sandbox.control("/payouts")
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.stripe.v1.payouts.cancel(automatic["id"])


def test_a_reversed_payout_and_its_reversal_name_each_other(sandbox: Sandbox):
    sandbox.control("/movements", {"kind": "topup", "amount": 10_000})
    payout = sandbox.control("/payouts", {"paid": True})

    back = sandbox.stripe.v1.payouts.reverse(payout["id"])

    assert (back.amount, back.original_payout) == (-10_000, payout["id"])
    assert sandbox.stripe.v1.payouts.retrieve(payout["id"]).reversed_by == back.id
    assert sandbox.stripe.v1.balance.retrieve().available[0].amount == 10_000


def test_every_settlement_currency_has_its_own_payout(sandbox: Sandbox):
    sandbox.control("/money", {"settlement_currencies": ["usd", "krw"]})
    paid(sandbox, currency="krw", amount=50_000)
    paid(sandbox)

    dollars = sandbox.control("/payouts", {"all": True})
    won = sandbox.control("/payouts", {"all": True, "currency": "krw"})

    assert (dollars["amount"], won["amount"]) == (2397, 50_000 - 1885)
    assert dollars["destination"] != won["destination"]
    assert [net for _, _, net in carried(sandbox, won)] == [48_115, -48_115]


def test_payouts_are_listed_by_status_and_arrival(sandbox: Sandbox):
    sandbox.control("/movements", {"kind": "topup", "amount": 1000})
    first = sandbox.control("/payouts", {"paid": True})
    sandbox.control("/clock", {"advance_seconds": 7 * DAY})
    sandbox.control("/movements", {"kind": "topup", "amount": 2000})
    second = sandbox.control("/payouts")

    def ids(**asked: Any) -> list[str]:
        return [payout.id for payout in sandbox.stripe.v1.payouts.list(asked).data]  # type: ignore[arg-type]

    assert ids() == [second["id"], first["id"]]
    assert ids(status="paid") == [first["id"]]
    assert ids(arrival_date={"gt": first["arrival_date"]}) == [second["id"]]
    assert ids(created={"lte": first["created"]}) == [first["id"]]


def test_payouts_survive_a_restart(start: Start, tmp_path: Any):
    data = ("--data", str(tmp_path / "sandbox.db"))
    sandbox = start(*data)
    paid(sandbox)
    payout = sandbox.control("/payouts", {"all": True})
    sandbox.stop()

    again = start(*data)

    assert carried(again, payout) == [("charge", "charge", 2397), ("payout", "payout", -2397)]
    assert again.control(f"/payouts/{payout['id']}/pay")["status"] == "paid"
