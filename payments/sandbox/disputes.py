"""Disputes: a donor's bank asks, or takes the money first and asks then; answered, won or lost.

An inquiry moves no money until it is escalated. A dispute takes its amount and a fee in one transaction; a
won one brings the amount back, not the fee; a lost one moves nothing more. The fee for answering is a
transaction of its own and comes back when the dispute is won.
"""

from __future__ import annotations

from payments.sandbox import balance, fraud_warnings, money_shapes, refunds
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.rates import convert
from payments.sandbox.store import Thing, copied
from payments.sandbox.world import World

_FEE_CENTS = 1500
_NETWORK_CODES = {
    "fraudulent": "10.4",
    "unrecognized": "10.4",
    "duplicate": "12.6.1",
    "product_not_received": "13.1",
    "subscription_canceled": "13.2",
    "product_unacceptable": "13.3",
    "credit_not_processed": "13.6",
}
REASONS = (
    "bank_cannot_process",
    "check_returned",
    "credit_not_processed",
    "customer_initiated",
    "debit_not_authorized",
    "duplicate",
    "fraudulent",
    "general",
    "incorrect_account_details",
    "insufficient_funds",
    "noncompliant",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)
_CLOSED = ("won", "lost", "warning_closed", "prevented")


def open_dispute(
    world: World, charge: Thing, *, amount: int | None, reason: str, inquiry: bool, fee: int | None
) -> Thing:
    if reason not in REASONS:
        raise Refusal(f"Unknown: {reason}. Known: {', '.join(REASONS)}", param="reason")
    if charge["status"] != "succeeded":
        raise Refusal("Only a payment that succeeded can be disputed.", param="id")
    if any(known["status"] not in _CLOSED for known in _disputes_of(world, charge)):
        raise Refusal(f"The charge {charge['id']} is in dispute already.", param="id")
    amount = charge["amount"] - charge["amount_refunded"] if amount is None else amount
    if not 0 < amount <= charge["amount"]:
        raise Refusal("The amount must be part of the charge, or what is left of it.", param="amount")
    network_code = _NETWORK_CODES.get(reason) if charge["payment_method_details"]["type"] == "card" else None
    dispute = money_shapes.dispute(
        world, charge, amount=amount, reason=reason, inquiry=inquiry, network_code=network_code
    )
    world.store.save("dispute_notes", {"id": dispute["id"], "fee": fee, "countered_fee": 0})
    charge["disputed"] = True
    world.store.save("charge", charge)
    if not inquiry and balance.books_at_once(world):
        _withdraw(world, dispute)
    world.store.save("dispute", dispute)
    emit(world, "charge.dispute.created", dispute)
    _after_opening(world, dispute, charge)
    fraud_warnings.note(world, charge)
    return dispute


def _after_opening(world: World, dispute: Thing, charge: Thing) -> None:
    if dispute["status"] == "warning_needs_response":
        return
    refunds.fail_waiting(world, charge)
    if dispute["balance_transactions"]:
        emit(world, "charge.dispute.funds_withdrawn", dispute, previous={"balance_transactions": []})
    else:
        balance.book(world, "book_withdrawal", dispute["id"], book_withdrawal)


def _disputes_of(world: World, charge: Thing) -> list[Thing]:
    return world.store.where("dispute", "charge", charge["id"])


def book_withdrawal(world: World, dispute_id: str) -> None:
    """The transaction that comes after its dispute."""
    dispute = world.find("dispute", dispute_id)
    before = copied(dispute)["balance_transactions"]
    _withdraw(world, dispute)
    world.store.save("dispute", dispute)
    emit(world, "charge.dispute.funds_withdrawn", dispute, previous={"balance_transactions": before})


def _withdraw(world: World, dispute: Thing) -> None:
    currency = balance.settlement_currency(world, dispute["currency"])
    fee = world.find("dispute_notes", dispute["id"])["fee"]
    if fee is None:
        fee = convert(world, _FEE_CENTS, "usd", currency)
    _add(
        dispute,
        balance.move(
            world,
            type_="adjustment",
            category="dispute",
            amount=-convert(world, dispute["amount"], dispute["currency"], currency),
            currency=currency,
            source=dispute["id"],
            description=f"Chargeback withdrawal for {dispute['charge']}",
            fees=[balance.fee(fee, currency, "Dispute fee")] if fee else [],
            rate=balance.rate_of(world, dispute["currency"], currency),
        ),
    )


def book_reversal(world: World, dispute_id: str) -> None:
    """What a won dispute gives back: as much as was taken, or at today's rate where the test says so."""
    dispute = world.find("dispute", dispute_id)
    withdrawn = dispute["balance_transactions"][0]
    amount, rate = -withdrawn["amount"], withdrawn["exchange_rate"]
    if world.find("dispute_notes", dispute_id).get("at_todays_rate"):
        amount = convert(world, dispute["amount"], dispute["currency"], withdrawn["currency"])
        rate = balance.rate_of(world, dispute["currency"], withdrawn["currency"])
    before = copied(dispute)["balance_transactions"]
    _add(
        dispute,
        balance.move(
            world,
            type_="adjustment",
            category="dispute_reversal",
            amount=amount,
            currency=withdrawn["currency"],
            source=dispute_id,
            description=f"Chargeback reversal for {dispute['charge']}",
            rate=rate,
        ),
    )
    world.store.save("dispute", dispute)
    emit(world, "charge.dispute.funds_reinstated", dispute, previous={"balance_transactions": before})


def _add(dispute: Thing, transaction: Thing) -> None:
    dispute["balance_transactions"] = [*dispute["balance_transactions"], copied(transaction)]


def respond(world: World, dispute: Thing, *, countered_fee: int = 0) -> Thing:
    """Evidence goes in; Stripe may charge for it."""
    if dispute["status"] not in ("needs_response", "warning_needs_response"):
        raise Refusal(f"The dispute is {dispute['status']}.", param="id")
    inquiry = dispute["status"].startswith("warning_")
    previous = {"status": dispute["status"], "evidence_details": dict(dispute["evidence_details"])}
    dispute["status"] = "warning_under_review" if inquiry else "under_review"
    details = dispute["evidence_details"]
    dispute["evidence_details"] = {
        **details,
        "has_evidence": True,
        "submission_count": details["submission_count"] + 1,
        "submission_method": "manual",
    }
    _changed(world, dispute, previous)
    _charge_for_countering(world, dispute, countered_fee)
    return dispute


def _charge_for_countering(world: World, dispute: Thing, fee: int) -> None:
    notes = world.find("dispute_notes", dispute["id"])
    if fee == 0 or notes["countered_fee"]:
        return
    notes["countered_fee"] = fee
    world.store.save("dispute_notes", notes)
    _countered(world, dispute, -fee, "Dispute countered fee")


def _countered(world: World, dispute: Thing, amount: int, description: str) -> None:
    balance.move(
        world,
        type_="stripe_fee",
        category="fee",
        amount=amount,
        currency=balance.settlement_currency(world, dispute["currency"]),
        source=dispute["id"],
        description=f"{description} for {dispute['charge']}",
    )


def escalate(world: World, dispute: Thing, *, fee: int | None) -> Thing:
    """An inquiry becomes a dispute: now the money is taken."""
    if not dispute["status"].startswith("warning_") or dispute["status"] in _CLOSED:
        raise Refusal(f"The dispute is {dispute['status']}, not an open inquiry.", param="id")
    previous = {"status": dispute["status"], "is_charge_refundable": True}
    dispute.update(status="needs_response", is_charge_refundable=False)
    if "card" in dispute["payment_method_details"]:
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    notes = world.find("dispute_notes", dispute["id"])
    notes["fee"] = fee
    world.store.save("dispute_notes", notes)
    if balance.books_at_once(world):
        _withdraw(world, dispute)
    _changed(world, dispute, previous)
    _after_opening(world, dispute, world.find("charge", dispute["charge"]))
    return dispute


def close(
    world: World, dispute: Thing, *, outcome: str, countered_fee: int = 0, at_todays_rate: bool = False
) -> Thing:
    """The bank has decided, or nobody asked again."""
    inquiry = dispute["status"].startswith("warning_")
    if dispute["status"] in _CLOSED:
        raise Refusal(f"The dispute is {dispute['status']} already.", param="id")
    if outcome not in (("warning_closed",) if inquiry else ("won", "lost")):
        kind = "An inquiry ends as warning_closed" if inquiry else "A dispute ends as won or lost"
        raise Refusal(f"{kind}.", param="outcome")
    _charge_for_countering(world, dispute, countered_fee)
    previous = {"status": dispute["status"]}
    dispute["status"] = outcome
    if outcome == "won":
        previous["is_charge_refundable"] = False
        dispute["is_charge_refundable"] = True
    world.store.save("dispute", dispute)
    emit(world, "charge.dispute.closed", dispute, previous=previous)
    if outcome == "won":
        _give_back(world, dispute, at_todays_rate=at_todays_rate)
    return dispute


def _give_back(world: World, dispute: Thing, *, at_todays_rate: bool) -> None:
    if f"book_withdrawal:{dispute['id']}" in {due["id"] for due in world.store.all("due")}:
        world.store.forget("due", f"book_withdrawal:{dispute['id']}")
        book_withdrawal(world, dispute["id"])
    notes = world.find("dispute_notes", dispute["id"])
    notes["at_todays_rate"] = at_todays_rate
    world.store.save("dispute_notes", notes)
    balance.book(world, "book_reversal", dispute["id"], book_reversal)
    if notes["countered_fee"]:
        _countered(world, dispute, notes["countered_fee"], "Dispute countered fee returned")


def accept(world: World, dispute: Thing) -> Thing:
    """`POST /v1/disputes/{id}/close`: the charity does not contest it."""
    if dispute["status"] != "needs_response":
        raise Refusal("This dispute is already closed or cannot be closed.", param="dispute")
    return close(world, dispute, outcome="lost")


def _changed(world: World, dispute: Thing, previous: Thing) -> None:
    world.store.save("dispute", dispute)
    emit(world, "charge.dispute.updated", dispute, previous=previous)
