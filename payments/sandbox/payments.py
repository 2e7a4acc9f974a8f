"""What a donor does on the pay page, and what follows: PaymentIntents, Charges, Customers and their events.

A session is confirmed with a card or with the delayed bank method; the outcome is a plain word (`paid`,
`declined`, `needs_authentication`, `processing`) for the page and for the control endpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from payments.sandbox import methods, refunds, shapes
from payments.sandbox.cards import DECLINES, Card, Decline
from payments.sandbox.checkout import customer_details
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World

AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method and try "
    "again.",
)


@dataclass(frozen=True)
class Payer:
    email: str | None
    name: str | None


@dataclass(frozen=True)
class Outcome:
    word: str
    decline: Decline | None = None


def pay_by_card(world: World, session: Thing, card: Card, payer: Payer) -> Outcome:
    """Confirm with a card; a 3-D Secure card stops at `needs_authentication` until `authenticate`."""
    intent, method = _confirm(
        world, session, payer, type_="card", details=methods.card_of(card), country=None
    )
    if card.needs_authentication:
        return _ask_to_authenticate(world, session, intent, method, card)
    return _charge_card(world, session, intent, method, card.decline, at_once=card.available_at_once)


def decline(world: World, session: Thing, card: Card, code: str, payer: Payer) -> Outcome:
    """Confirm with a card that the issuer refuses with the given decline code."""
    if code not in DECLINES:
        raise Refusal(f"Unknown decline code: {code}. Known: {', '.join(DECLINES)}", param="code")
    intent, method = _confirm(
        world, session, payer, type_="card", details=methods.card_of(card), country=None
    )
    return _charge_card(world, session, intent, method, DECLINES[code], at_once=False)


def pay_by_bank(world: World, session: Thing, payer: Payer) -> Outcome:
    """Confirm with the delayed method: the session completes, the money is days away."""
    delayed = [type_ for type_ in session["payment_method_types"] if type_ != "card"]
    if not delayed:
        raise Refusal("This session does not take a bank transfer.", param="method")
    details = methods.bank_of(delayed[0], world.fingerprint(f"bank:{payer.email}"))
    intent, method = _confirm(world, session, payer, type_=delayed[0], details=details, country=None)
    _make_customer(world, session, intent, method)
    charge = shapes.charge(world, intent, method, descriptor=descriptor(world))
    charge.update(outcome=shapes.outcome(approved=False))
    world.store.save("charge", charge)
    intent.update(
        status="processing", latest_charge=charge["id"], payment_method=method["id"], last_payment_error=None
    )
    world.store.save("payment_intent", intent)
    emit(world, "payment_intent.processing", intent)
    emit(world, "charge.pending", charge)
    _complete(world, session, method, payment_status="unpaid")
    return Outcome("processing")


def authenticate(world: World, session: Thing, *, passes: bool) -> Outcome:
    """Answer the 3-D Secure challenge of the attempt under way."""
    order = world.find("order", session["id"])
    pending = order["pending"]
    if session["status"] != "open" or pending is None:
        raise Refusal("There is no authentication to complete for this session.", param="id")
    intent = world.find("payment_intent", session["payment_intent"])
    method = world.find("payment_method", pending["payment_method"])
    order["pending"] = None
    world.store.save("order", order)
    intent["next_action"] = None
    if not passes:
        return _refuse(world, session, intent, method, AUTHENTICATION_FAILED, charge=None)
    refusal = DECLINES[pending["decline"]] if pending["decline"] else None
    return _charge_card(world, session, intent, method, refusal, at_once=False, authenticated=True)


def bank_debit_succeeds(world: World, session: Thing) -> None:
    """Days later, the money of the delayed method has come."""
    intent, charge = _awaited(world, session)
    succeed(world, intent, charge, at_once=False)
    refunds.charge_decided(world, charge)
    session["payment_status"] = "paid"
    world.store.save("checkout.session", session)
    emit(world, "checkout.session.async_payment_succeeded", session)


def bank_debit_fails(world: World, session: Thing) -> None:
    """Days later, the bank of the delayed method has refused."""
    intent, charge = _awaited(world, session)
    message = "The bank account could not be debited: insufficient funds."
    charge.update(status="failed", failure_code="insufficient_funds", failure_message=message)
    charge["outcome"] = {
        **charge["outcome"],
        "network_status": "declined_by_network",
        "type": "issuer_declined",
    }
    charge["outcome"]["reason"] = "insufficient_funds"
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
    emit(world, "checkout.session.async_payment_failed", session)
    refunds.charge_decided(world, charge)


def _awaited(world: World, session: Thing) -> tuple[Thing, Thing]:
    intent_id = session["payment_intent"]
    intent = world.store.get("payment_intent", intent_id) if intent_id else None
    if intent is None or intent["status"] != "processing":
        raise Refusal("This session is not waiting for a bank transfer.", param="id")
    return intent, world.find("charge", intent["latest_charge"])


def _confirm(
    world: World, session: Thing, payer: Payer, *, type_: str, details: Thing, country: str | None
) -> tuple[Thing, Thing]:
    """The attempt begins: the PaymentIntent (made at the first attempt, kept for the next) and its method."""
    if session["status"] != "open":
        word = "has already been paid" if session["status"] == "complete" else "has expired"
        raise Refusal(
            f"This Checkout Session {word}.", code=f"checkout_session_{session['status']}", param="id"
        )
    if type_ not in session["payment_method_types"]:
        raise Refusal(f"This session does not take {type_}.", param="method")
    order = world.find("order", session["id"])
    if session["payment_intent"] is None:
        intent = shapes.payment_intent(world, session, order)
        session["payment_intent"] = intent["id"]
        world.store.save("payment_intent", intent)
        world.store.save("checkout.session", session)
        emit(world, "payment_intent.created", intent)
    else:
        intent = world.find("payment_intent", session["payment_intent"])
    order.update(said=None, pending=None)
    world.store.save("order", order)
    billing = shapes.billing_details(email=payer.email, name=payer.name, country=country)
    method = methods.payment_method(
        world, type_=type_, details=details, billing=billing, customer_id=session["customer"]
    )
    world.store.save("payment_method", method)
    return intent, method


def _ask_to_authenticate(world: World, session: Thing, intent: Thing, method: Thing, card: Card) -> Outcome:
    url = f"{world.options.base_url}/c/pay/{session['id']}/authenticate"
    intent.update(
        status="requires_action",
        payment_method=method["id"],
        last_payment_error=None,
        next_action={
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": session["url"], "url": url},
        },
    )
    world.store.save("payment_intent", intent)
    order = world.find("order", session["id"])
    order["pending"] = {"payment_method": method["id"], "decline": _code_of(card.decline)}
    world.store.save("order", order)
    emit(world, "payment_intent.requires_action", intent)
    return Outcome("needs_authentication")


def _code_of(decline: Decline | None) -> str | None:
    return next((code for code, known in DECLINES.items() if known == decline), None)


def _charge_card(
    world: World,
    session: Thing,
    intent: Thing,
    method: Thing,
    refusal: Decline | None,
    *,
    at_once: bool,
    authenticated: bool = False,
) -> Outcome:
    if refusal is None:
        _make_customer(world, session, intent, method)
    charge = shapes.charge(world, intent, method, descriptor=descriptor(world))
    card = charge["payment_method_details"]["card"]
    if authenticated:
        card["three_d_secure"] = _authentication()
    intent["latest_charge"] = charge["id"]
    if refusal is not None:
        charge.update(status="failed", failure_code=refusal.code, failure_message=refusal.message)
        charge["outcome"] = shapes.outcome(decline=refusal)
        if refusal.code == "incorrect_cvc":
            card["checks"] = {**card["checks"], "cvc_check": "fail"}
        world.store.save("charge", charge)
        return _refuse(world, session, intent, method, refusal, charge=charge)
    charge["outcome"] = shapes.outcome()
    card["authorization_code"] = f"{int(charge['id'][-4:].encode().hex(), 16) % 1_000_000:06d}"
    card["network_transaction_id"] = f"{int(charge['id'][-8:].encode().hex(), 16) % 10**15:015d}"
    intent["payment_method"] = method["id"]
    succeed(world, intent, charge, at_once=at_once)
    _complete(world, session, method, payment_status="paid")
    return Outcome("paid")


def _authentication() -> dict[str, Any]:
    return {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }


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
    world.store.save("charge_notes", {"id": charge["id"], "available_at_once": at_once})
    emit(world, "payment_intent.succeeded", intent)
    emit(world, "charge.succeeded", charge)
    if world.options.settle_after > 0:
        world.due("settle", charge["id"], world.moment() + world.options.settle_after)


def _refuse(
    world: World, session: Thing, intent: Thing, method: Thing, refusal: Decline, *, charge: Thing | None
) -> Outcome:
    """A declined attempt: the session stays open, and the donor is told and may try again."""
    slug = refusal.code.replace("_", "-")
    error: Thing = {
        "code": refusal.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{slug}",
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
    intent.update(
        status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=error
    )
    world.store.save("payment_intent", intent)
    order = world.find("order", session["id"])
    order["said"] = {
        "code": refusal.code,
        "decline_code": refusal.decline_code,
        "message": refusal.message,
    }
    world.store.save("order", order)
    if charge is not None:
        emit(world, "charge.failed", charge)
    emit(world, "payment_intent.payment_failed", intent)
    return Outcome("declined", refusal)


def _complete(world: World, session: Thing, method: Thing, *, payment_status: str) -> None:
    billing = method["billing_details"]
    country = (method.get("card") or {}).get("country")
    session.update(
        status="complete",
        payment_status=payment_status,
        url=None,
        customer_details=customer_details(email=billing["email"], name=billing["name"], country=country),
        collected_information={
            "business_name": None,
            "individual_name": billing["name"],
            "shipping_details": None,
        },
    )
    world.store.save("checkout.session", session)
    world.store.forget("due", f"expire:{session['id']}")
    emit(world, "checkout.session.completed", session)


def _make_customer(world: World, session: Thing, intent: Thing, method: Thing) -> None:
    """With `customer_creation: always` the donor becomes a Customer when the payment is accepted."""
    if session["customer"] is not None or session["customer_creation"] != "always":
        return
    billing = method["billing_details"]
    customer = shapes.customer(world, email=billing["email"], name=billing["name"])
    world.store.save("customer", customer)
    for kind, thing in (
        ("checkout.session", session),
        ("payment_intent", intent),
        ("payment_method", method),
    ):
        thing["customer"] = customer["id"]
        world.store.save(kind, thing)
    emit(world, "customer.created", customer)


def descriptor(world: World) -> str:
    return "".join(c for c in world.options.merchant.upper() if c.isalnum() or c == " ")[:22]
