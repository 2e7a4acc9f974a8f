"""What a donor does on the pay page, and what follows: PaymentIntents, Charges, Customers and their events.

A session is confirmed with a card or with the delayed bank method; the outcome is a plain word (`paid`,
`declined`, `needs_authentication`, `processing`) for the page and for the control endpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

from payments.sandbox import billing, charging, collection, invoices, methods, shapes
from payments.sandbox.cards import DECLINES, Card, Decline
from payments.sandbox.checkout import customer_details
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World


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
    charging.note_method(
        world, method, decline=charging.code_of(card.decline), authenticates=card.asks_every_time
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
    charge = shapes.charge(world, intent, method, descriptor=charging.descriptor(world))
    charge.update(outcome=shapes.outcome(approved=False))
    world.store.save("charge", charge)
    intent.update(
        status="processing", latest_charge=charge["id"], payment_method=method["id"], last_payment_error=None
    )
    world.store.save("payment_intent", intent)
    emit(world, "payment_intent.processing", intent)
    emit(world, "charge.pending", charge)
    _complete(world, session, intent, method, payment_status="unpaid")
    return Outcome("processing")


def authenticate(world: World, session: Thing, *, passes: bool) -> Outcome:
    """Answer the 3-D Secure challenge of the attempt under way."""
    order = world.find("order", session["id"])
    pending = order["pending"]
    if session["status"] != "open" or pending is None:
        raise Refusal("There is no authentication to complete for this session.", param="id")
    intent = world.find("payment_intent", order["intent"])
    method = world.find("payment_method", pending["payment_method"])
    order["pending"] = None
    world.store.save("order", order)
    intent["next_action"] = None
    if not passes:
        return _refuse(world, session, intent, method, charging.AUTHENTICATION_FAILED, charge=None)
    refusal = DECLINES[pending["decline"]] if pending["decline"] else None
    return _charge_card(world, session, intent, method, refusal, at_once=False, authenticated=True)


def bank_debit_succeeds(world: World, session: Thing) -> None:
    """Days later, the money of the delayed method has come."""
    _answer(world, session, "succeed")
    session["payment_status"] = "paid"
    world.store.save("checkout.session", session)
    emit(world, "checkout.session.async_payment_succeeded", session)


def bank_debit_fails(world: World, session: Thing) -> None:
    """Days later, the bank of the delayed method has refused."""
    _answer(world, session, "insufficient_funds")
    emit(world, "checkout.session.async_payment_failed", session)


def _answer(world: World, session: Thing, outcome: str) -> None:
    intent = intent_of(world, session)
    if intent is None or intent["status"] != "processing":
        raise Refusal("This session is not waiting for a bank transfer.", param="id")
    collection.answer_debit(world, intent, outcome)


def bank_answers(world: World, intent_id: str) -> None:
    """The day of a debit's answer has come: the session it began with, if any, hears of it as well."""
    sessions = world.store.where("order", "intent", intent_id)
    intent = world.find("payment_intent", intent_id)
    if intent["status"] != "processing":
        return
    outcome = world.find("awaited_debit", intent_id)["outcome"]
    first = invoices.invoice_of(world, intent)
    if not sessions or first is None or first["attempt_count"] > 1:
        collection.answer_debit(world, intent, outcome)
        return
    session = world.find("checkout.session", sessions[0]["id"])
    if outcome == "succeed":
        bank_debit_succeeds(world, session)
    else:
        bank_debit_fails(world, session)


def intent_of(world: World, session: Thing) -> Thing | None:
    """The PaymentIntent behind a session; one in subscription mode does not show it."""
    intent_id = world.find("order", session["id"]).get("intent")
    return world.store.get("payment_intent", intent_id) if intent_id else None


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
    intent = intent_of(world, session)
    if intent is None:
        intent = shapes.payment_intent(world, session, order)
        order["intent"] = intent["id"]
        world.store.save("payment_intent", intent)
        if session["mode"] == "payment":
            session["payment_intent"] = intent["id"]
            world.store.save("checkout.session", session)
        emit(world, "payment_intent.created", intent)
    order.update(said=None, pending=None)
    world.store.save("order", order)
    details_ = shapes.billing_details(email=payer.email, name=payer.name, country=country)
    method = methods.payment_method(
        world, type_=type_, details=details, billing=details_, customer_id=session["customer"]
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
    order["pending"] = {"payment_method": method["id"], "decline": charging.code_of(card.decline)}
    world.store.save("order", order)
    emit(world, "payment_intent.requires_action", intent)
    return Outcome("needs_authentication")


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
    charge = shapes.charge(world, intent, method, descriptor=charging.descriptor(world))
    card = charge["payment_method_details"]["card"]
    if authenticated:
        card["three_d_secure"] = charging.authentication()
    intent["latest_charge"] = charge["id"]
    if refusal is not None:
        charging.refuse(charge, refusal)
        world.store.save("charge", charge)
        return _refuse(world, session, intent, method, refusal, charge=charge)
    charging.approve(charge)
    intent["payment_method"] = method["id"]
    charging.succeed(world, intent, charge, at_once=at_once)
    _complete(world, session, intent, method, payment_status="paid")
    return Outcome("paid")


def _refuse(
    world: World, session: Thing, intent: Thing, method: Thing, refusal: Decline, *, charge: Thing | None
) -> Outcome:
    """A declined attempt: the session stays open, and the donor is told and may try again."""
    error = charging.error_of(refusal, method, charge)
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


def _complete(world: World, session: Thing, intent: Thing, method: Thing, *, payment_status: str) -> None:
    payer = method["billing_details"]
    country = (method.get("card") or {}).get("country")
    session.update(
        status="complete",
        payment_status=payment_status,
        url=None,
        customer_details=customer_details(email=payer["email"], name=payer["name"], country=country),
        collected_information={
            "business_name": None,
            "individual_name": payer["name"],
            "shipping_details": None,
        },
    )
    world.store.save("checkout.session", session)
    world.store.forget("due", f"expire:{session['id']}")
    if session["mode"] == "subscription":
        billing.start(world, session, intent, method)
    emit(world, "checkout.session.completed", session)


def _make_customer(world: World, session: Thing, intent: Thing, method: Thing) -> None:
    """The donor becomes a Customer when the payment is accepted, if the session says so or needs one."""
    subscribes = session["mode"] == "subscription"
    if session["customer"] is None and (subscribes or session["customer_creation"] == "always"):
        payer = method["billing_details"]
        customer = billing.make_customer(world, email=payer["email"], name=payer["name"])
        session["customer"] = customer["id"]
        world.store.save("checkout.session", session)
    if session["customer"] is None:
        return
    for kind, thing in (("payment_intent", intent), ("payment_method", method)):
        thing["customer"] = session["customer"]
        world.store.save(kind, thing)
    if subscribes:
        billing.attach(world, method, session["customer"])
