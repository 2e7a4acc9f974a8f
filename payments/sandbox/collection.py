"""Asking for the money of an open invoice: at once, again on Stripe's schedule, and what the end of it is.

What a card does is known from the method's notes; what a test has ordered for a customer's next attempts
comes before that. A bank debit is asked for and answers days later.
"""

from __future__ import annotations

from dataclasses import dataclass

from payments.sandbox import charging, invoices, refunds, shapes, subscriptions
from payments.sandbox.cards import DECLINES, Decline
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World

_DAY = 24 * 3600
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    None,
    "1A",
)
OUTCOMES = ("succeed", "authentication_required", *DECLINES, *charging.BANK_REFUSALS)


@dataclass(frozen=True)
class Attempt:
    word: str
    """`paid`, `processing`, `needs_authentication`, `declined` or `no_method`."""
    decline: Decline | None = None


def method_for(world: World, invoice: Thing) -> Thing | None:
    """What the invoice is to be paid with: the subscription's own method, then the customer's."""
    subscription = invoices.subscription_of(world, invoice)
    customer = world.find("customer", invoice["customer"])
    method_id = (
        invoice["default_payment_method"]
        or subscription["default_payment_method"]
        or customer["invoice_settings"]["default_payment_method"]
    )
    return world.store.get("payment_method", method_id) if method_id else None


def attempt(
    world: World, invoice: Thing, *, method: Thing | None = None, by_hand: bool = False, present: bool = False
) -> Attempt:
    """Ask for the money once. `by_hand` leaves the schedule alone; `present` is a donor before a screen."""
    method = method or method_for(world, invoice)
    intent = invoices.intent_of(world, invoice)
    if intent is None:
        raise Refusal("There is nothing to pay on this invoice.", param="invoice")
    if intent["status"] == "processing":
        raise Refusal("A payment for this invoice is under way.", param="invoice")
    if method is None:
        return _failed(world, invoice, intent, by_hand=by_hand, attempt=Attempt("no_method"))
    outcome = _outcome(world, method, present=present)
    charge = shapes.charge(world, intent, method, descriptor=charging.descriptor(world))
    intent.update(latest_charge=charge["id"], payment_method=method["id"], next_action=None)
    if method["type"] != "card":
        return _debit(world, invoice, intent, charge, outcome)
    if outcome == "succeed":
        return _succeeded(world, invoice, intent, charge)
    decline = DECLINES.get(outcome, AUTHENTICATION_REQUIRED)
    charging.refuse(charge, decline)
    world.store.save("charge", charge)
    intent["last_payment_error"] = charging.error_of(decline, method, charge)
    asks = decline is AUTHENTICATION_REQUIRED
    if asks:
        intent.update(status="requires_action", next_action=_ask(world, invoice))
    else:
        intent.update(status="requires_payment_method", payment_method=None)
    world.store.save("payment_intent", intent)
    emit(world, "charge.failed", charge)
    emit(world, "payment_intent.requires_action" if asks else "payment_intent.payment_failed", intent)
    word = "needs_authentication" if asks else "declined"
    return _failed(world, invoice, intent, by_hand=by_hand, attempt=Attempt(word, decline))


def _outcome(world: World, method: Thing, *, present: bool) -> str:
    """What the bank will say, as one of OUTCOMES."""
    ordered = world.store.get("ordered_outcomes", method["customer"] or "")
    if ordered is not None and ordered["outcomes"]:
        said: str = ordered["outcomes"].pop(0)
        world.store.save("ordered_outcomes", ordered)
        if said != "authentication_required" or not present:
            return said
    notes = world.store.get("method_notes", method["id"]) or {"decline": None, "authenticates": False}
    card = method.get("card")
    today = world.date()
    if card is not None and (card["exp_year"], card["exp_month"]) < (today.year, today.month):
        return "expired_card"
    if notes["authenticates"] and not present:
        return "authentication_required"
    return notes["decline"] or "succeed"


def _ask(world: World, invoice: Thing) -> Thing:
    """Where the donor's bank asks its question."""
    page = invoice["hosted_invoice_url"]
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": page, "url": page}}


def _succeeded(
    world: World, invoice: Thing, intent: Thing, charge: Thing, *, authenticated: bool = False
) -> Attempt:
    charging.approve(charge)
    if authenticated:
        charge["payment_method_details"]["card"]["three_d_secure"] = charging.authentication()
    charging.succeed(world, intent, charge, at_once=False)
    invoice["attempt_count"] = max(invoice["attempt_count"], 1)
    invoices.paid(world, invoice)
    return Attempt("paid")


def _debit(world: World, invoice: Thing, intent: Thing, charge: Thing, outcome: str) -> Attempt:
    charge["outcome"] = shapes.outcome(approved=False)
    world.store.save("charge", charge)
    intent.update(status="processing", last_payment_error=None)
    world.store.save("payment_intent", intent)
    emit(world, "payment_intent.processing", intent)
    emit(world, "charge.pending", charge)
    invoices.change(world, invoice, {"attempted": True, "attempt_count": invoice["attempt_count"] + 1})
    expect_bank(world, intent, outcome)
    return Attempt("processing")


def expect_bank(world: World, intent: Thing, outcome: str = "succeed") -> None:
    """The bank answers some days from now, and how is decided already."""
    world.store.save("awaited_debit", {"id": intent["id"], "outcome": outcome})
    world.due("debit", intent["id"], world.moment() + world.billing.debit_days * _DAY)


def bank_answers(world: World, intent_id: str) -> None:
    """The day of a debit's answer has come."""
    intent = world.find("payment_intent", intent_id)
    if intent["status"] == "processing":
        answer_debit(world, intent, world.find("awaited_debit", intent_id)["outcome"])


def answer_debit(world: World, intent: Thing, outcome: str) -> None:
    world.store.forget("due", f"debit:{intent['id']}")
    world.store.forget("awaited_debit", intent["id"])
    charge = world.find("charge", intent["latest_charge"])
    invoice = invoices.invoice_of(world, intent)
    if outcome == "succeed":
        charging.succeed(world, intent, charge, at_once=False)
    else:
        charging.bank_refuses(world, intent, charge, reason=outcome)
    if invoice is not None and outcome == "succeed":
        invoices.paid(world, invoice)
    elif invoice is not None:
        _schedule(world, invoice, made=invoice["attempt_count"], days=world.billing.bank_retry_days)
        emit(world, "invoice.payment_failed", invoice)
        _fall_behind(world, invoice)
    refunds.charge_decided(world, charge)


def _failed(world: World, invoice: Thing, intent: Thing, *, by_hand: bool, attempt: Attempt) -> Attempt:
    if not (by_hand and invoice["attempted"]):
        _schedule(world, invoice, made=invoice["attempt_count"] + 1, days=world.billing.retry_days)
    if attempt.word == "needs_authentication":
        emit(world, "invoice.payment_action_required", invoice)
    emit(world, "invoice.payment_failed", invoice)
    _fall_behind(world, invoice)
    return attempt


def _schedule(world: World, invoice: Thing, *, made: int, days: list[int]) -> None:
    """The invoice after so many failed attempts: due again when the schedule says, if it still does."""
    again = world.now() + days[made - 1] * _DAY if invoice["auto_advance"] and made <= len(days) else None
    if again is not None:
        world.due("retry", invoice["id"], float(again))
    changes = {"attempted": True, "attempt_count": made, "next_payment_attempt": again}
    invoices.change(world, invoice, changes)


def _fall_behind(world: World, invoice: Thing) -> None:
    """The subscription after a failed attempt: past due; and the schedule's end, when it has come."""
    subscription = invoices.subscription_of(world, invoice)
    if subscription["latest_invoice"] == invoice["id"] and subscription["status"] in ("active", "trialing"):
        subscriptions.change(world, subscription, {"status": "past_due"})
    if invoice["next_payment_attempt"] is None and invoice["auto_advance"]:
        _give_up(world, invoice, subscription)


def _give_up(world: World, invoice: Thing, subscription: Thing) -> None:
    end = world.billing.then
    if end == "mark_uncollectible":
        invoices.forgive(world, invoice, reason="max_payment_attempts")
        return
    invoices.change(world, invoice, {"auto_advance": False})
    if end == "cancel" and not subscriptions.is_over(subscription):
        subscriptions.end(world, subscription, reason="payment_failed")


def retry(world: World, invoice_id: str) -> None:
    """A date of the schedule. After a final refusal the same card is not asked again, only counted."""
    invoice = world.find("invoice", invoice_id)
    if invoice["status"] != "open" or not invoice["auto_advance"]:
        return
    method = method_for(world, invoice)
    if method is not None and _was_final(world, invoice, method):
        _schedule(world, invoice, made=invoice["attempt_count"] + 1, days=world.billing.retry_days)
        _fall_behind(world, invoice)
        return
    attempt(world, invoice)


def _was_final(world: World, invoice: Thing, method: Thing) -> bool:
    intent = invoices.intent_of(world, invoice)
    error = (intent or {}).get("last_payment_error") or {}
    same = (error.get("payment_method") or {}).get("id") == method["id"]
    return bool(same and error.get("advice_code") == "do_not_try_again")


def finalize_and_collect(world: World, invoice_id: str) -> None:
    """About an hour after the draft."""
    invoice = world.find("invoice", invoice_id)
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    invoices.finalize(world, invoice)
    if invoice["status"] == "open":
        attempt(world, invoice)


def authenticate(world: World, invoice: Thing, *, passes: bool) -> Attempt:
    """The donor answers the bank's question on the invoice's page."""
    intent = invoices.intent_of(world, invoice)
    if invoice["status"] not in ("open", "uncollectible") or intent is None:
        raise Refusal("There is nothing to confirm on this invoice.", param="invoice")
    if intent["status"] != "requires_action":
        raise Refusal("The bank has asked nothing for this invoice.", param="invoice")
    method = world.find("payment_method", intent["payment_method"])
    if not passes:
        intent.update(
            status="requires_payment_method",
            payment_method=None,
            next_action=None,
            last_payment_error=charging.error_of(charging.AUTHENTICATION_FAILED, method, None),
        )
        world.store.save("payment_intent", intent)
        emit(world, "payment_intent.payment_failed", intent)
        emit(world, "invoice.payment_failed", invoice)
        return Attempt("declined", charging.AUTHENTICATION_FAILED)
    charge = shapes.charge(world, intent, method, descriptor=charging.descriptor(world))
    intent["latest_charge"] = charge["id"]
    return _succeeded(world, invoice, intent, charge, authenticated=True)
