"""The part of the `/_sandbox` door that is about giving every month; control.py says what each takes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from payments.sandbox import billing, collection, invoices, portal, walk
from payments.sandbox.errors import Refusal, unknown_parameter
from payments.sandbox.events import emit
from payments.sandbox.money_control import Deed, found, integer, only
from payments.sandbox.store import Thing
from payments.sandbox.world import Billing, World

if TYPE_CHECKING:
    from payments.sandbox.app import Sandbox

_ENDS = ("leave_past_due", "mark_uncollectible", "cancel")
_A_DAY = 24 * 3600


async def _advance(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "days", "months", "seconds", "to", "deliver")
    seconds = walk.distance(sandbox.world, given)
    return await walk.advance(sandbox, seconds, deliver=bool(given.get("deliver", True)))


async def _show_billing(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return asdict(sandbox.world.billing)


async def _set_billing(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """What is left out goes back to its default."""
    world = sandbox.world
    strange = sorted(set(given) - set(asdict(Billing())))
    if strange:
        raise unknown_parameter(strange[0])
    wanted = Billing(**given)
    for name in ("retry_days", "bank_retry_days"):
        days = getattr(wanted, name)
        if not isinstance(days, list) or not all(isinstance(day, int) and day > 0 for day in days):
            raise Refusal(f"`{name}` must be a list of whole days.", param=name)
    if wanted.then not in _ENDS:
        raise Refusal(f"Invalid then: must be one of {', '.join(_ENDS)}", param="then")
    if wanted.portal_cancels not in ("at_period_end", "immediately"):
        raise Refusal(
            "Invalid portal_cancels: must be one of at_period_end or immediately", param="portal_cancels"
        )
    for name in ("finalize_after", "debit_days"):
        value = integer(given, name)
        if value is not None and value < 0:
            raise Refusal(f"`{name}` must not be negative.", param=name)
    world.set_billing(wanted)
    _schedule_payouts(world)
    return asdict(wanted)


def _schedule_payouts(world: World) -> None:
    days = world.billing.payout_days
    for currency in world.settlement_currencies:
        world.store.forget("due", f"schedule_payouts:{currency}")
        if days is not None:
            if isinstance(days, bool) or days < 1:
                raise Refusal("`payout_days` must be a whole number of days, or null.", param="payout_days")
            world.due("schedule_payouts", currency, world.moment() + days * _A_DAY)


async def _card(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """As if the donor had given it everywhere: the customer's default, and every subscription's own."""
    only(given, "card", "exp_month", "exp_year")
    world = sandbox.world
    customer = found(sandbox, "customer", request)
    month, year = _expiry(given)
    card = portal.card_numbered(world, str(given.get("card", "")), month=month, year=year)
    method = portal.new_method(world, customer, card)
    billing.give_card(world, customer, method, everywhere=True)
    return method


def _expiry(given: dict[str, Any]) -> tuple[int, int]:
    month, year = integer(given, "exp_month") or 12, integer(given, "exp_year") or 2034
    if not (1 <= month <= 12 and 2000 <= year <= 2100):
        raise Refusal("Invalid expiry.", param="exp_month")
    return month, year


async def _next_attempts(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """What the bank says to the customer's next payments, one entry each; then the card speaks again."""
    only(given, "outcomes")
    outcomes = given.get("outcomes")
    if not isinstance(outcomes, list) or any(word not in collection.OUTCOMES for word in outcomes):
        raise Refusal(f"Give `outcomes`, each one of {', '.join(collection.OUTCOMES)}.", param="outcomes")
    customer = found(sandbox, "customer", request)
    ordered = {"id": customer["id"], "outcomes": outcomes}
    sandbox.world.store.save("ordered_outcomes", ordered)
    return {"customer": customer["id"], "outcomes": outcomes}


async def _reissue(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """The bank sends the donor a new card and tells Stripe, which renews the method by itself."""
    only(given, "exp_month", "exp_year", "last4")
    method = found(sandbox, "payment_method", request)
    if method["type"] != "card":
        raise Refusal("Only a card is reissued.", param="id")
    month, year = _expiry(given)
    names = ("exp_month", "exp_year", "last4")
    previous = {"card": {name: method["card"][name] for name in names}}
    method["card"] = {
        **method["card"],
        "exp_month": month,
        "exp_year": year,
        "last4": str(given.get("last4", method["card"]["last4"])),
    }
    sandbox.world.store.save("payment_method", method)
    emit(sandbox.world, "payment_method.automatically_updated", method, previous=previous)
    return method


async def _pay_invoice(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """The donor pays on the invoice's own page, with the card on file or another one."""
    only(given, "card", "authenticate")
    world = sandbox.world
    invoice = found(sandbox, "invoice", request)
    card = portal.card_numbered(world, str(given["card"])) if given.get("card") else None
    made = portal.pay_invoice(world, invoice, card=card)
    if made.word == "needs_authentication" and "authenticate" in given:
        made = collection.authenticate(world, invoice, passes=bool(given["authenticate"]))
    return _told(invoice, made)


async def _authenticate(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "passes")
    invoice = found(sandbox, "invoice", request)
    made = collection.authenticate(sandbox.world, invoice, passes=bool(given.get("passes", True)))
    return _told(invoice, made)


def _told(invoice: Thing, made: collection.Attempt) -> Thing:
    return {
        "invoice": invoice["id"],
        "status": invoice["status"],
        "outcome": made.word,
        "decline": made.decline.code if made.decline else None,
    }


async def _bank_answers(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """A renewal's bank debit is answered now instead of on its day."""
    only(given, "outcome")
    invoice = found(sandbox, "invoice", request)
    intent = invoices.intent_of(sandbox.world, invoice)
    outcome = str(given.get("outcome", "succeed"))
    if intent is None or intent["status"] != "processing":
        raise Refusal("No bank debit is under way for this invoice.", param="id")
    if outcome not in collection.OUTCOMES:
        raise Refusal(f"Unknown: {outcome}. Known: {', '.join(collection.OUTCOMES)}", param="outcome")
    collection.answer_debit(sandbox.world, intent, outcome)
    return invoice


async def _portal_card(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "card", "exp_month", "exp_year")
    session = found(sandbox, "billing_portal.session", request)
    month, year = _expiry(given)
    number = str(given.get("card", "4242424242424242"))
    card = portal.card_numbered(sandbox.world, number, month=month, year=year)
    return portal.change_card(sandbox.world, session, card)


async def _portal_cancel(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "subscription", "feedback", "comment")
    session = found(sandbox, "billing_portal.session", request)
    flow = (session["flow"] or {}).get("subscription_cancel") or {}
    chosen = given.get("subscription") or flow.get("subscription")
    if chosen is None:
        raise Refusal("Say which `subscription`.", param="subscription")
    return portal.cancel(
        sandbox.world,
        session,
        str(chosen),
        feedback=given.get("feedback"),
        comment=given.get("comment"),
    )


TABLE: tuple[tuple[str, str, Deed], ...] = (
    ("POST", "/_sandbox/advance", _advance),
    ("GET", "/_sandbox/billing", _show_billing),
    ("POST", "/_sandbox/billing", _set_billing),
    ("POST", "/_sandbox/customers/{id}/card", _card),
    ("POST", "/_sandbox/customers/{id}/next_attempts", _next_attempts),
    ("POST", "/_sandbox/payment_methods/{id}/reissue", _reissue),
    ("POST", "/_sandbox/invoices/{id}/pay", _pay_invoice),
    ("POST", "/_sandbox/invoices/{id}/authenticate", _authenticate),
    ("POST", "/_sandbox/invoices/{id}/bank_debit", _bank_answers),
    ("POST", "/_sandbox/portal/{id}/card", _portal_card),
    ("POST", "/_sandbox/portal/{id}/cancel", _portal_cancel),
)
