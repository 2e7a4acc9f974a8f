"""A bank debit that had succeeded is taken back: the charge fails after all, and its money leaves again."""

from __future__ import annotations

from payments.sandbox import balance
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_MESSAGES = {
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "account_closed": "The customer's bank account has been closed.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
    "no_account": "The customer's bank account could not be located.",
}


def take_back(
    world: World,
    charge: Thing,
    *,
    reason: str = "insufficient_funds",
    fee: int = 0,
    tell_session: bool = False,
) -> Thing:
    if charge["payment_method_details"]["type"] == "card":
        raise Refusal("A card payment is disputed, not returned.", param="id")
    if charge["status"] != "succeeded":
        raise Refusal(f"The charge is {charge['status']}.", param="id")
    if charge["balance_transaction"] is None:
        balance.settle(world, charge)
    message = _MESSAGES.get(reason, "The bank has returned this payment.")
    previous = {"status": "succeeded", "paid": True, "failure_code": None, "failure_message": None}
    charge.update(status="failed", paid=False, failure_code=reason, failure_message=message)
    world.store.save("charge_notes", {**balance.charge_notes(world, charge["id"]), "return_fee": fee})
    if balance.books_at_once(world):
        previous["failure_balance_transaction"] = None
        _give_up(world, charge)
    world.store.save("charge", charge)
    emit(world, "charge.failed", charge, previous=previous)
    _tell_intent(world, charge, message)
    if tell_session:
        _tell_sessions(world, charge)
    if charge["failure_balance_transaction"] is None:
        balance.book(world, "book_return", charge["id"], book_return)
    return charge


def book_return(world: World, charge_id: str) -> None:
    """The transaction that comes after the charge was returned."""
    charge = world.find("charge", charge_id)
    _give_up(world, charge)
    world.store.save("charge", charge)
    emit(world, "charge.updated", charge, previous={"failure_balance_transaction": None})


def _give_up(world: World, charge: Thing) -> None:
    came = world.find("balance_transaction", charge["balance_transaction"])
    fee = balance.charge_notes(world, charge["id"]).get("return_fee", 0)
    about = f" ({charge['description']})" if charge["description"] else ""
    transaction = balance.move(
        world,
        type_="payment_failure_refund",
        category="charge_failure",
        amount=-came["amount"],
        currency=came["currency"],
        source=charge["id"],
        description=f"REFUND FOR FAILED PAYMENT{about}",
        fees=[balance.fee(fee, came["currency"], "Failed payment fee")] if fee else [],
        rate=came["exchange_rate"],
    )
    charge["failure_balance_transaction"] = transaction["id"]


def _tell_intent(world: World, charge: Thing, message: str) -> None:
    intent = world.store.get("payment_intent", charge["payment_intent"] or "")
    if intent is None:
        return
    intent.update(
        status="requires_payment_method",
        amount_received=0,
        payment_method=None,
        last_payment_error={
            "charge": charge["id"],
            "code": "payment_intent_payment_attempt_failed",
            "doc_url": "https://stripe.com/docs/error-codes/payment-intent-payment-attempt-failed",
            "message": message,
            "payment_method": world.find("payment_method", charge["payment_method"]),
            "type": "card_error",
        },
    )
    world.store.save("payment_intent", intent)
    emit(world, "payment_intent.payment_failed", intent)


def _tell_sessions(world: World, charge: Thing) -> None:
    for session in world.store.where("checkout.session", "payment_intent", charge["payment_intent"] or ""):
        session["payment_status"] = "unpaid"
        world.store.save("checkout.session", session)
        emit(world, "checkout.session.async_payment_failed", session)
