"""What becomes of a charge, whoever asked for it: the money is promised, or the bank refuses and says why."""

from __future__ import annotations

from typing import Any

from payments.sandbox import shapes
from payments.sandbox.cards import DECLINES, Decline
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World

AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try "
    "again.",
)
BANK_REFUSALS = {
    "insufficient_funds": "The bank account could not be debited: insufficient funds.",
    "account_closed": "The customer's bank account has been closed.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
    "no_account": "The customer's bank account could not be located.",
}


def descriptor(world: World) -> str:
    return "".join(c for c in world.options.merchant.upper() if c.isalnum() or c == " ")[:22]


def note_method(world: World, method: Thing, *, decline: str | None, authenticates: bool) -> None:
    """What a method does when it is charged again without the donor; its number is known to nobody."""
    world.store.save("method_notes", {"id": method["id"], "decline": decline, "authenticates": authenticates})


def code_of(decline: Decline | None) -> str | None:
    return next((code for code, known in DECLINES.items() if known == decline), None)


def authentication() -> dict[str, Any]:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }


def approve(charge: Thing) -> None:
    """The marks that a network leaves on a card charge it let through."""
    card = charge["payment_method_details"].get("card")
    if card is not None:
        card["authorization_code"] = f"{int(charge['id'][-4:].encode().hex(), 16) % 1_000_000:06d}"
        card["network_transaction_id"] = f"{int(charge['id'][-8:].encode().hex(), 16) % 10**15:015d}"


def succeed(world: World, intent: Thing, charge: Thing, *, at_once: bool) -> None:
    """The money is promised; its balance transaction is made a moment later, as at Stripe."""
    charge.update(
        amount_captured=charge["amount"],
        captured=True,
        paid=True,
        status="succeeded",
        receipt_url=f"{world.options.base_url}/receipts/{charge['id']}",
        outcome=shapes.outcome(),
    )
    intent.update(
        status="succeeded", amount_received=intent["amount"], last_payment_error=None, next_action=None
    )
    world.store.save("charge", charge)
    world.store.save("payment_intent", intent)
    if at_once:
        world.store.save("charge_notes", {"id": charge["id"], "available_at_once": at_once})
    emit(world, "payment_intent.succeeded", intent)
    emit(world, "charge.succeeded", charge)
    if world.options.settle_after > 0:
        world.due("settle", charge["id"], world.moment() + world.options.settle_after)


def refuse(charge: Thing, refusal: Decline) -> None:
    """The charge as a declined attempt leaves it; the caller saves it."""
    charge.update(status="failed", failure_code=refusal.code, failure_message=refusal.message)
    charge["outcome"] = shapes.outcome(decline=refusal)
    if refusal.code == "incorrect_cvc":
        card = charge["payment_method_details"]["card"]
        card["checks"] = {**card["checks"], "cvc_check": "fail"}


def error_of(refusal: Decline, method: Thing, charge: Thing | None) -> Thing:
    """The `last_payment_error` of a declined attempt."""
    error: Thing = {
        "code": refusal.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{refusal.code.replace('_', '-')}",
        "message": refusal.message,
        "payment_method": method,
        "type": "card_error" if charge is not None else "invalid_request_error",
    }
    if charge is not None:
        error["charge"] = charge["id"]
        error["network_decline_code"] = refusal.network_code
        if refusal.advice is not None:
            error["advice_code"] = refusal.advice
        if refusal.decline_code is not None:
            error["decline_code"] = refusal.decline_code
    return error


def bank_refuses(world: World, intent: Thing, charge: Thing, *, reason: str = "insufficient_funds") -> None:
    """Days later, the bank of a delayed method says no."""
    message = BANK_REFUSALS.get(reason, "The bank has refused this payment.")
    charge.update(status="failed", failure_code=reason, failure_message=message)
    charge["outcome"] = {
        **charge["outcome"],
        "network_status": "declined_by_network",
        "type": "issuer_declined",
        "reason": reason,
    }
    world.store.save("charge", charge)
    method = world.find("payment_method", intent["payment_method"])
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        last_payment_error={
            "charge": charge["id"],
            "code": "payment_intent_payment_attempt_failed",
            "doc_url": "https://stripe.com/docs/error-codes/payment-intent-payment-attempt-failed",
            "message": message,
            "payment_method": method,
            "type": "card_error",
        },
    )
    world.store.save("payment_intent", intent)
    emit(world, "charge.failed", charge)
    emit(world, "payment_intent.payment_failed", intent)
