"""Refunds: asked for through the API or in the dashboard, waiting, arriving, and failing weeks later.

A card refund succeeds at once; a bank refund is pending until the bank has it; a refund to a bank account
that nobody knows asks the donor first. Its money leaves the balance at today's rate when it is made, or when
the balance can bear it; it comes back in full when it fails.
"""

from __future__ import annotations

from typing import Any

from payments.sandbox import balance, fraud_warnings, money_shapes
from payments.sandbox.currencies import spoken
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.forms import NOT_SIMULATED, merged_metadata, read
from payments.sandbox.rates import convert
from payments.sandbox.store import Thing
from payments.sandbox.world import World

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
FAILURE_REASONS = (
    "charge_for_pending_refund_disputed",
    "declined",
    "expired_or_canceled_card",
    "insufficient_funds",
    "lost_or_stolen_card",
    "merchant_request",
    "unknown",
)
CREATE: dict[str, Any] = {
    "amount": "int",
    "charge": "str",
    "currency": NOT_SIMULATED,
    "customer": NOT_SIMULATED,
    "expand": ["str"],
    "instructions_email": "str",
    "metadata": "map",
    "origin": NOT_SIMULATED,
    "payment_intent": "str",
    "reason": REASONS,
    "refund_application_fee": NOT_SIMULATED,
    "reverse_transfer": NOT_SIMULATED,
}
_THIRTY_DAYS = 30 * 24 * 3600


def create(world: World, tree: dict[str, Any]) -> Thing:
    """`POST /v1/refunds`."""
    given = read(tree, CREATE)
    return refund(
        world,
        _charge_of(world, given),
        amount=given.get("amount"),
        reason=given.get("reason"),
        metadata=given.get("metadata") or {},
        instructions_email=given.get("instructions_email"),
    )


def _charge_of(world: World, given: dict[str, Any]) -> Thing:
    if "charge" in given and "payment_intent" in given:
        raise Refusal("You may only specify one of these parameters: charge, payment_intent.")
    if "charge" in given:
        return world.find("charge", given["charge"], param="charge")
    if "payment_intent" not in given:
        raise Refusal(
            "One of the following params should be provided for this request: payment_intent or charge."
        )
    intent = world.find("payment_intent", given["payment_intent"], param="payment_intent")
    if intent["latest_charge"] is None:
        raise _nothing_to_refund(intent)
    charge = world.find("charge", intent["latest_charge"])
    if charge["status"] == "failed":
        raise _nothing_to_refund(intent)
    return charge


def _nothing_to_refund(intent: Thing) -> Refusal:
    return Refusal(
        f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
        code="payment_intent_unexpected_state",
        param="payment_intent",
    )


def refund(
    world: World,
    charge: Thing,
    *,
    amount: int | None = None,
    reason: str | None = None,
    metadata: Thing | None = None,
    instructions_email: str | None = None,
) -> Thing:
    """Refund a charge, in full if no amount is given."""
    amount = _allowed(world, charge, amount)
    made = money_shapes.refund(world, charge, amount=amount, reason=reason, metadata=metadata or {})
    _set_out(world, made, charge, email=instructions_email or charge["billing_details"]["email"])
    if reason == "fraudulent":
        charge["fraud_details"] = {"user_report": "fraudulent"}
    if _moves_money(made) and balance.books_at_once(world):
        _take(world, made)
    world.store.save("refund", made)
    previous = _recount(world, charge)
    emit(world, "refund.created", made)
    emit(world, "charge.refunded", charge, previous=previous)
    if _moves_money(made) and made["balance_transaction"] is None:
        balance.book(world, "book_refund", made["id"], book)
    fraud_warnings.note(world, charge)
    return made


def _allowed(world: World, charge: Thing, amount: int | None) -> int:
    """The amount to refund, or a refusal in Stripe's words."""
    if charge["status"] == "failed":
        raise Refusal(f"Charge {charge['id']} failed; there is nothing to refund.", param="charge")
    for dispute in world.store.where("dispute", "charge", charge["id"]):
        if not dispute["is_charge_refundable"]:
            raise Refusal(
                f"Charge {charge['id']} has been charged back; cannot issue a refund.",
                code="charge_disputed",
                param="charge",
            )
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise Refusal(
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
            param="charge",
        )
    amount = left if amount is None else amount
    if amount < 1:
        raise Refusal("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > left:
        asked, whole = spoken(amount, charge["currency"]), spoken(left, charge["currency"])
        raise Refusal(
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({whole})", param="amount"
        )
    return amount


def _set_out(world: World, made: Thing, charge: Thing, *, email: str | None) -> None:
    """How far the refund gets by itself: done, waiting for something, or asking the donor."""
    if charge["status"] == "pending":
        made.update(status="pending", pending_reason="charge_pending")
    elif world.money.refunds == "need_balance" and not _bearable(world, made):
        made.update(status="pending", pending_reason="insufficient_funds")
    else:
        _go(world, made, charge, email=email)


def _go(world: World, made: Thing, charge: Thing, *, email: str | None) -> None:
    type_ = charge["payment_method_details"]["type"]
    made.pop("pending_reason", None)
    if type_ == "card":
        made["status"] = "succeeded"
    elif type_ != "customer_balance":
        made.update(status="pending", pending_reason="processing")
    else:
        made["status"] = "requires_action"
        made["instructions_email"] = email
        made["next_action"] = {
            "display_details": {
                "email_sent": {"email_sent_at": world.now(), "email_sent_to": email or "donor@example.org"},
                "expires_at": world.now() + _THIRTY_DAYS,
            },
            "type": "display_details",
        }


def _moves_money(made: Thing) -> bool:
    return made.get("pending_reason") not in ("charge_pending", "insufficient_funds")


def _bearable(world: World, made: Thing) -> bool:
    currency = balance.settlement_currency(world, made["currency"])
    return balance.available(world, currency) >= convert(world, made["amount"], made["currency"], currency)


def _take(world: World, made: Thing) -> None:
    """The money leaves the balance, at today's rate."""
    charge = world.find("charge", made["charge"])
    is_card = charge["payment_method_details"]["type"] == "card"
    currency = balance.settlement_currency(world, made["currency"])
    about = f" ({charge['description']})" if charge["description"] else ""
    transaction = balance.move(
        world,
        type_="refund" if is_card else "payment_refund",
        category="refund",
        amount=-convert(world, made["amount"], made["currency"], currency),
        currency=currency,
        source=made["id"],
        description=f"REFUND FOR {'CHARGE' if is_card else 'PAYMENT'}{about}",
        rate=balance.rate_of(world, made["currency"], currency),
    )
    made["balance_transaction"] = transaction["id"]


def book(world: World, refund_id: str) -> None:
    """The balance transaction that comes after its refund."""
    made = world.find("refund", refund_id)
    _take(world, made)
    _changed(world, made, {"balance_transaction": None})


def book_return(world: World, refund_id: str) -> None:
    """The money of a failed refund is back in the balance."""
    made = world.find("refund", refund_id)
    _bring_back(world, made)
    _changed(world, made, {"failure_balance_transaction": None})


def _bring_back(world: World, made: Thing) -> None:
    taken = world.find("balance_transaction", made["balance_transaction"])
    transaction = balance.move(
        world,
        type_="refund_failure",
        category="refund_failure",
        amount=-taken["amount"],
        currency=taken["currency"],
        source=made["id"],
        description=taken["description"].replace("REFUND FOR", "REFUND FAILURE FOR", 1),
        rate=taken["exchange_rate"],
    )
    made["failure_balance_transaction"] = transaction["id"]


def succeed(world: World, made: Thing) -> Thing:
    """A pending refund arrives; one that had succeeded gets its bank reference."""
    details = made["destination_details"]
    arrived = details[details["type"]]
    if made["status"] not in ("pending", "requires_action", "succeeded") or (
        made["status"] == "succeeded" and arrived["reference_status"] == "available"
    ):
        raise Refusal(f"The refund {made['id']} is {made['status']}; nothing is under way.", param="id")
    previous = {"status": made["status"], "destination_details": {details["type"]: dict(arrived)}}
    if "pending_reason" in made:
        previous["pending_reason"] = made.pop("pending_reason")
    made.pop("next_action", None)
    made["status"] = "succeeded"
    arrived.update(reference=f"{int(made['id'][-8:].encode().hex(), 16) % 10**23:023d}")
    arrived["reference_status"] = "available"
    if made["balance_transaction"] is None:
        world.store.forget("due", f"book_refund:{made['id']}")
        previous["balance_transaction"] = None
        _take(world, made)
    _changed(world, made, previous)
    return made


def fail(world: World, made: Thing, *, reason: str = "expired_or_canceled_card") -> Thing:
    """The refund does not reach the donor, at once or weeks after it succeeded; its money comes back."""
    if reason not in FAILURE_REASONS:
        raise Refusal(f"Unknown: {reason}. Known: {', '.join(FAILURE_REASONS)}", param="reason")
    if made["status"] in ("failed", "canceled"):
        raise Refusal(f"The refund {made['id']} is {made['status']} already.", param="id")
    previous = _end(world, made, status="failed", reason=reason)
    emit(world, "refund.failed", made, previous=previous)
    _changed(world, made, previous)
    _tell_charge(world, made)
    return made


def cancel(world: World, made: Thing) -> Thing:
    """`POST /v1/refunds/{id}/cancel`: only while the donor is asked where the money should go."""
    if made["status"] != "requires_action":
        raise Refusal(
            f"You cannot cancel a refund with status {made['status']}. Only refunds with status "
            "requires_action can be canceled.",
            param="id",
        )
    return call_off(world, made)


def call_off(world: World, made: Thing) -> Thing:
    """Cancelled in the dashboard, where a refund that is pending can be, too."""
    if made["status"] not in ("pending", "requires_action"):
        raise Refusal(f"The refund {made['id']} is {made['status']} already.", param="id")
    previous = _end(world, made, status="canceled", reason="merchant_request")
    _changed(world, made, previous)
    _tell_charge(world, made)
    return made


def _end(world: World, made: Thing, *, status: str, reason: str) -> Thing:
    """Failed or cancelled: what had left the balance comes back. What was changed, as it was."""
    previous: Thing = {"status": made["status"]}
    made.update(status=status, failure_reason=reason)
    made.pop("next_action", None)
    if "pending_reason" in made:
        previous["pending_reason"] = made.pop("pending_reason")
    world.store.forget("due", f"book_refund:{made['id']}")
    if made["balance_transaction"] is not None:
        if balance.books_at_once(world):
            _bring_back(world, made)
        else:
            balance.book(world, "book_refund_return", made["id"], book_return)
    world.store.save("refund", made)
    return previous


def update(world: World, made: Thing, tree: dict[str, Any]) -> Thing:
    """`POST /v1/refunds/{id}`: metadata is merged, an empty value takes its key out."""
    read(tree, {"expand": ["str"], "metadata": "map"})
    kept = merged_metadata(made["metadata"], tree)
    if kept != made["metadata"]:
        previous = {"metadata": made["metadata"]}
        made["metadata"] = kept
        _changed(world, made, previous)
    return made


def charge_decided(world: World, charge: Thing) -> None:
    """A bank has decided about a charge that was refunded while it was still under way."""
    for made in _waiting(world, "charge_pending", charge):
        if charge["status"] == "succeeded":
            _release(world, made, charge)
        else:
            call_off(world, made)


def balance_grew(world: World) -> None:
    """Refunds that waited for the balance go out, oldest first, as far as it reaches."""
    for made in _waiting(world, "insufficient_funds"):
        if _bearable(world, made):
            _release(world, made, world.find("charge", made["charge"]))


def fail_waiting(world: World, charge: Thing) -> None:
    """A dispute takes the money that a refund was still waiting for."""
    for made in _waiting(world, "insufficient_funds", charge):
        fail(world, made, reason="charge_for_pending_refund_disputed")


def _waiting(world: World, pending_reason: str, charge: Thing | None = None) -> list[Thing]:
    among = (
        world.store.all("refund") if charge is None else world.store.where("refund", "charge", charge["id"])
    )
    return [made for made in among if made.get("pending_reason") == pending_reason]


def _release(world: World, made: Thing, charge: Thing) -> None:
    previous = {"status": made["status"], "pending_reason": made["pending_reason"]}
    _go(world, made, charge, email=made.get("instructions_email"))
    if balance.books_at_once(world):
        previous["balance_transaction"] = None
        _take(world, made)
    else:
        balance.book(world, "book_refund", made["id"], book)
    _changed(world, made, previous)


def _changed(world: World, made: Thing, previous: Thing) -> None:
    world.store.save("refund", made)
    emit(world, "refund.updated", made, previous=previous)
    emit(world, "charge.refund.updated", made, previous=previous)


def _recount(world: World, charge: Thing) -> Thing:
    """What the charge says of its refunds, counted anew; and what it said before."""
    previous = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    total = sum(
        made["amount"]
        for made in world.store.where("refund", "charge", charge["id"])
        if made["status"] not in ("failed", "canceled")
    )
    charge.update(amount_refunded=total, refunded=total == charge["amount"])
    world.store.save("charge", charge)
    return previous


def _tell_charge(world: World, made: Thing) -> None:
    charge = world.find("charge", made["charge"])
    emit(world, "charge.updated", charge, previous=_recount(world, charge))
