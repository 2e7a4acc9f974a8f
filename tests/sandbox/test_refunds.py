"""Refunds: how far one gets by itself, what it does to the balance, and how it comes back."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import Receiver, Sandbox, Start, gift, paid, wait_until


def moved(sandbox: Sandbox, source: str) -> list[tuple[str, str, int, int]]:
    """What a refund moved, oldest first."""
    found = sandbox.stripe.v1.balance_transactions.list({"source": source}).data
    return [(t.type, t.reporting_category, t.amount, t.fee) for t in reversed(found)]


def events(sandbox: Sandbox) -> list[Any]:
    """Oldest first."""
    return sandbox.stripe.v1.events.list({"limit": 100}).data[::-1]


def types_since(sandbox: Sandbox, count: int) -> list[str]:
    return [event.type for event in events(sandbox)[count:]]


def test_a_partial_refund_leaves_the_balance_without_a_fee_and_is_told(sandbox: Sandbox):
    charge = paid(sandbox)
    before = len(events(sandbox))

    refund = sandbox.stripe.v1.refunds.create(
        {"charge": charge.id, "amount": 500, "reason": "requested_by_customer", "metadata": {"refund": "r1"}}
    )

    assert (refund.status, refund.amount, refund.payment_intent) == ("succeeded", 500, charge.payment_intent)
    assert moved(sandbox, refund.id) == [("refund", "refund", -500, 0)]
    assert types_since(sandbox, before) == ["refund.created", "charge.refunded"]
    told = events(sandbox)[-1].to_dict()["data"]
    assert (told["object"]["amount_refunded"], told["object"]["refunded"]) == (500, False)
    assert told["previous_attributes"] == {"amount_refunded": 0, "refunded": False}


def test_refunds_never_exceed_the_charge(sandbox: Sandbox):
    charge = paid(sandbox)
    sandbox.stripe.v1.refunds.create({"charge": charge.id, "amount": 2000})

    with pytest.raises(stripe.InvalidRequestError) as too_much:
        sandbox.stripe.v1.refunds.create({"charge": charge.id, "amount": 501})
    rest = sandbox.stripe.v1.refunds.create({"payment_intent": str(charge.payment_intent)})
    with pytest.raises(stripe.InvalidRequestError) as nothing_left:
        sandbox.stripe.v1.refunds.create({"charge": charge.id, "amount": 1})

    assert too_much.value.param == "amount"
    assert "($5.01) is greater than unrefunded amount on charge ($5.00)" in str(too_much.value)
    assert rest.amount == 500
    assert nothing_left.value.code == "charge_already_refunded"
    assert sandbox.stripe.v1.charges.retrieve(charge.id).refunded is True


def test_the_same_key_refunds_once(sandbox: Sandbox):
    charge = paid(sandbox)
    asked: Any = {"charge": charge.id, "amount": 700}

    first = sandbox.stripe.v1.refunds.create(asked, {"idempotency_key": "rfd_1"})
    again = sandbox.stripe.v1.refunds.create(asked, {"idempotency_key": "rfd_1"})

    assert again.id == first.id
    assert sandbox.stripe.v1.charges.retrieve(charge.id).amount_refunded == 700
    with pytest.raises(stripe.IdempotencyError):
        sandbox.stripe.v1.refunds.create({**asked, "amount": 701}, {"idempotency_key": "rfd_1"})


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, None),
        ({"charge": "ch_nobody"}, "resource_missing"),
        ({"charge": "CHARGE", "payment_intent": "pi_x"}, None),
        ({"charge": "CHARGE", "amount": 0}, "parameter_invalid_integer"),
        ({"charge": "CHARGE", "reason": "because"}, None),
        ({"charge": "CHARGE", "colour": "red"}, "parameter_unknown"),
    ],
)
def test_a_refund_that_makes_no_sense_is_refused(sandbox: Sandbox, params: dict, code: str | None):
    charge = paid(sandbox)
    asked: Any = {name: charge.id if value == "CHARGE" else value for name, value in params.items()}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.refunds.create(asked)

    assert refused.value.code == code
    assert sandbox.stripe.v1.refunds.list().data == []


def test_a_declined_payment_cannot_be_refunded(sandbox: Sandbox):
    told = sandbox.pay(new_session(sandbox), card="4000000000000002")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        sandbox.stripe.v1.refunds.create({"payment_intent": told["payment_intent"]})

    assert refused.value.code == "payment_intent_unexpected_state"


def new_session(sandbox: Sandbox) -> str:
    return sandbox.stripe.v1.checkout.sessions.create(gift()).id


def test_a_refund_that_fails_weeks_later_brings_its_money_back(sandbox: Sandbox):
    charge = paid(sandbox)
    refund = sandbox.stripe.v1.refunds.create({"charge": charge.id})
    sandbox.control("/clock", {"advance_seconds": 21 * 24 * 3600})
    before = len(events(sandbox))

    sandbox.control(f"/refunds/{refund.id}/fail", {"reason": "lost_or_stolen_card"})

    failed: Any = sandbox.stripe.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert failed.failure_balance_transaction.created - failed.created >= 21 * 24 * 3600
    assert moved(sandbox, refund.id)[1] == ("refund_failure", "refund_failure", 2500, 0)
    assert types_since(sandbox, before) == [
        "refund.failed",
        "refund.updated",
        "charge.refund.updated",
        "charge.updated",
    ]
    assert sandbox.stripe.v1.charges.retrieve(charge.id).amount_refunded == 0
    assert sandbox.stripe.v1.refunds.create({"charge": charge.id}).status == "succeeded"


def test_a_bank_refund_is_pending_until_the_bank_has_it(sandbox: Sandbox):
    charge = paid(sandbox, method="bank_debit")

    refund = sandbox.stripe.v1.refunds.create({"charge": charge.id})
    arrived = sandbox.control(f"/refunds/{refund.id}/succeed")

    assert refund.id.startswith("pyr_")
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    assert moved(sandbox, refund.id) == [("payment_refund", "refund", -2500, 0)]
    assert arrived["status"] == "succeeded"
    assert arrived["destination_details"]["us_bank_transfer"]["reference_status"] == "available"
    assert "pending_reason" not in arrived
    assert sandbox.try_control(f"/refunds/{refund.id}/succeed")[0] == 400


def test_a_refund_waits_for_the_balance_where_it_must(sandbox: Sandbox):
    charge = paid(sandbox)
    sandbox.control("/money", {"refunds": "need_balance"})

    refund = sandbox.stripe.v1.refunds.create({"charge": charge.id})
    assert (refund.status, refund.pending_reason) == ("pending", "insufficient_funds")
    assert moved(sandbox, refund.id) == []
    sandbox.control("/clock", {"advance_seconds": 2 * 24 * 3600 + 1})
    still_waiting = sandbox.stripe.v1.refunds.retrieve(refund.id)
    sandbox.control("/movements", {"kind": "topup", "amount": 103})

    # The fee is missing from the balance, so the gift's own money does not suffice.
    assert still_waiting.status == "pending"
    assert sandbox.stripe.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert moved(sandbox, refund.id) == [("refund", "refund", -2500, 0)]
    assert sandbox.stripe.v1.balance.retrieve().available[0].amount == 0


def test_a_refund_of_a_payment_under_way_follows_the_bank(sandbox: Sandbox):
    refunds = []
    for ending in ("succeed", "fail"):
        session_id = new_session(sandbox)
        told = sandbox.pay(session_id, method="bank_debit")
        refunds.append(sandbox.stripe.v1.refunds.create({"charge": told["charge"]}))
        sandbox.control(f"/checkout/sessions/{session_id}/bank_debit/{ending}")

    now = [sandbox.stripe.v1.refunds.retrieve(refund.id) for refund in refunds]

    assert [refund.pending_reason for refund in refunds] == ["charge_pending", "charge_pending"]
    assert [refund.status for refund in now] == ["pending", "canceled"]
    assert now[0].pending_reason == "processing"
    assert [len(moved(sandbox, refund.id)) for refund in refunds] == [1, 0]


def test_only_a_refund_that_asks_the_donor_can_be_cancelled_by_the_api(sandbox: Sandbox):
    card = sandbox.stripe.v1.refunds.create({"charge": paid(sandbox).id})
    transfer = transferred(sandbox)

    asking = sandbox.stripe.v1.refunds.create({"charge": transfer, "instructions_email": "a@example.org"})
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.stripe.v1.refunds.cancel(card.id)
    cancelled = sandbox.stripe.v1.refunds.cancel(asking.id)

    assert asking.status == "requires_action"
    assert asking.next_action is not None
    assert asking.next_action.display_details.email_sent.email_sent_to == "a@example.org"
    assert cancelled.status == "canceled"
    assert "next_action" not in cancelled
    assert [amount for _, _, amount, _ in moved(sandbox, asking.id)] == [-13_000, 13_000]
    assert sandbox.stripe.v1.charges.retrieve(transfer).amount_refunded == 0


def transferred(sandbox: Sandbox) -> str:
    """The charge of a gift that came by bank transfer in a currency without a debit."""
    return paid(sandbox, method="bank_debit", currency="jpy", amount=20_000).id


def test_a_dashboard_refund_carries_nothing_of_ours(sandbox: Sandbox):
    charge = paid(sandbox)

    made = sandbox.control(f"/charges/{charge.id}/refund", {"amount": 300, "reason": "fraudulent"})

    assert (made["metadata"], made["reason"], made["amount"]) == ({}, "fraudulent", 300)
    assert events(sandbox)[-2].request.id is None
    assert sandbox.stripe.v1.charges.retrieve(charge.id).fraud_details.user_report == "fraudulent"


def test_metadata_of_a_refund_is_merged(sandbox: Sandbox):
    refund = sandbox.stripe.v1.refunds.create({"charge": paid(sandbox).id, "metadata": {"a": "1", "b": "2"}})

    changed = sandbox.stripe.v1.refunds.update(refund.id, {"metadata": {"b": "", "c": "3"}})

    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "1", "c": "3"}
    assert events(sandbox)[-2].type == "refund.updated"


def test_a_refund_converts_at_todays_rate(sandbox: Sandbox):
    charge = paid(sandbox, currency="krw", amount=50_000)
    sandbox.control("/rates", {"percent_a_day": {"krw": "2"}})
    sandbox.control("/clock", {"advance_seconds": 3 * 24 * 3600})

    refund: Any = sandbox.stripe.v1.refunds.create(
        {"charge": charge.id, "amount": 25_000, "expand": ["balance_transaction"]}
    )

    # 50,000 won came at 0.069 cents each; three days of two percent make it 0.07314.
    assert sandbox.stripe.v1.balance_transactions.retrieve(str(charge.balance_transaction)).amount == 3450
    assert (refund.currency, refund.balance_transaction.currency) == ("krw", "usd")
    assert refund.balance_transaction.exchange_rate == 0.07314
    assert refund.balance_transaction.amount == -1829


def test_refunds_are_listed_by_charge_payment_and_time(sandbox: Sandbox):
    one, other = paid(sandbox), paid(sandbox)
    first = sandbox.stripe.v1.refunds.create({"charge": one.id, "amount": 100})
    sandbox.control("/clock", {"advance_seconds": 100})
    second = sandbox.stripe.v1.refunds.create({"charge": one.id, "amount": 200})
    third = sandbox.stripe.v1.refunds.create({"charge": other.id, "amount": 300})

    def ids(**asked: Any) -> list[str]:
        return [refund.id for refund in sandbox.stripe.v1.refunds.list(asked).data]  # type: ignore[arg-type]

    assert ids() == [third.id, second.id, first.id]
    assert ids(charge=one.id) == [second.id, first.id]
    assert ids(payment_intent=str(other.payment_intent)) == [third.id]
    assert ids(created={"lt": second.created}) == [first.id]
    expanded: Any = sandbox.stripe.v1.charges.retrieve(one.id, {"expand": ["refunds"]})
    assert [refund.amount for refund in expanded.refunds.data] == [200, 100]


def test_the_money_of_a_refund_can_come_after_its_events(sandbox: Sandbox):
    charge = paid(sandbox)
    sandbox.control("/money", {"book_after": None})

    refund = sandbox.stripe.v1.refunds.create({"charge": charge.id})
    before = len(events(sandbox))
    settled = sandbox.control("/settle")["balance_transactions"]

    assert refund.balance_transaction is None
    assert sandbox.stripe.v1.refunds.retrieve(refund.id).balance_transaction == settled[0]
    assert types_since(sandbox, before) == ["refund.updated", "charge.refund.updated"]


def test_a_refund_that_ends_before_its_money_moved_moves_none(sandbox: Sandbox):
    charge = paid(sandbox)
    sandbox.control("/money", {"book_after": None})
    failed = sandbox.stripe.v1.refunds.create({"charge": charge.id})
    sandbox.control(f"/refunds/{failed.id}/fail")
    arrived = sandbox.stripe.v1.refunds.create({"charge": charge.id})
    sandbox.control(f"/refunds/{arrived.id}/succeed")

    sandbox.control("/settle")

    assert moved(sandbox, failed.id) == []
    assert moved(sandbox, arrived.id) == [("refund", "refund", -2500, 0)]


def test_a_sandbox_can_be_started_to_book_later(start: Start):
    sandbox = start("--book-after", "0.1")
    refund = sandbox.stripe.v1.refunds.create({"charge": paid(sandbox).id})

    assert refund.balance_transaction is None
    assert wait_until(lambda: sandbox.stripe.v1.refunds.retrieve(refund.id).balance_transaction)
    assert sandbox.control("/reset")
    assert sandbox.control("/money", method="GET")["book_after"] == 0.1


def test_it_comes_by_itself_where_a_time_is_set_and_survives_a_restart(
    start: Start, receiver: Receiver, tmp_path
):
    data = ("--data", str(tmp_path / "sandbox.db"))
    sandbox = start(*data, webhook=receiver.url)
    charge = paid(sandbox)
    sandbox.control("/money", {"book_after": 0.2})
    refund = sandbox.stripe.v1.refunds.create({"charge": charge.id})
    sandbox.stop()

    again = start(*data, webhook=receiver.url)

    told = wait_until(lambda: again.stripe.v1.refunds.retrieve(refund.id).balance_transaction)
    assert receiver.first("refund.updated").event["data"]["object"]["balance_transaction"] == told
    assert again.control("/money", method="GET")["book_after"] == 0.2
