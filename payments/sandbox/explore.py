"""What whoever explores sees: every gift and what became of its money, with a button for whatever the donor,
the bank, the network or Stripe may do next.

Plain forms, no JavaScript. A button is a kind of thing, its id and a deed; `_DEEDS` says what each does.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from payments.sandbox import (
    balance,
    bank_returns,
    billing,
    checkout,
    disputes,
    foreign,
    fraud_warnings,
    invoices,
    movements,
    payments,
    payouts,
    portal,
    refunds,
    subscriptions,
    walk,
)
from payments.sandbox.cards import look_up, with_expiry
from payments.sandbox.cheat_sheet import TEST_CARDS
from payments.sandbox.currencies import CURRENCIES
from payments.sandbox.errors import Refusal
from payments.sandbox.pages import HEADERS, door, form, render
from payments.sandbox.payments import Payer
from payments.sandbox.store import Thing
from payments.sandbox.world import World

if TYPE_CHECKING:
    from payments.sandbox.app import Sandbox

_MOST_ROWS = 50
_WARNING = "radar.early_fraud_warning"
Buttons = list[tuple[str, str]]
Act = Callable[[World, Thing], Any]


def routes(sandbox: Sandbox) -> list[Route]:
    return [
        Route("/", door(sandbox, _index), methods=["GET"]),
        Route("/clock/{step}", door(sandbox, _later), methods=["POST"]),
        Route("/account/{deed}", door(sandbox, _act_on_account), methods=["POST"]),
        Route("/{kind}/{id}/{deed}", door(sandbox, _act), methods=["POST"]),
    ]


async def _index(sandbox: Sandbox, request: Request) -> Response:
    world = sandbox.world
    deliveries = world.store.all("delivery")
    return render(
        "index.html",
        lang="en",
        merchant=world.options.merchant,
        rows=[_session_row(world, session) for session in _newest(world, "checkout.session")],
        sales=[
            _charge_row(world, charge) for charge in _newest(world, "charge") if _is_foreign(world, charge)
        ],
        plans=[_plan_row(world, plan) for plan in _newest(world, "subscription")],
        payouts=[{"payout": p, "buttons": _payout_buttons(world, p)} for p in _newest(world, "payout")],
        balance=_balance_lines(world),
        state=world.state(),
        total=world.store.count("checkout.session"),
        endpoints=[e for e in world.store.all("webhook_endpoint") if e["status"] == "enabled"],
        undelivered=sum(1 for delivery in deliveries if delivery["status"] != "delivered"),
        mode=sandbox.sender.manners.mode,
        now=world.date(),
        test_cards=TEST_CARDS,
    )


def _newest(world: World, kind: str) -> list[Thing]:
    found: list[Thing] = []
    for thing in world.store.newest_first(kind):
        if len(found) == _MOST_ROWS:
            break
        found.append(thing)
    return found


def _balance_lines(world: World) -> list[dict[str, Any]]:
    told = balance.balance(world)
    pending = {part["currency"]: part["amount"] for part in told["pending"]}
    return [
        {"currency": part["currency"], "available": part["amount"], "pending": pending[part["currency"]]}
        for part in told["available"]
    ]


def _is_foreign(world: World, charge: Thing) -> bool:
    intent_id = charge["payment_intent"] or ""
    return not (
        world.store.where("order", "intent", intent_id)
        or world.store.where("invoice_payment", "payment.payment_intent", intent_id)
    )


def _session_row(world: World, session: Thing) -> dict[str, Any]:
    intent = payments.intent_of(world, session)
    latest = intent["latest_charge"] if intent else None
    charge = world.store.get("charge", latest) if latest else None
    buttons: Buttons = []
    if session["status"] == "open":
        buttons = [("pay", "Pay with 4242"), ("decline", "Decline"), ("expire", "Expire")]
    elif intent is not None and intent["status"] == "processing":
        buttons = [("bank_succeeds", "Bank transfer arrives"), ("bank_fails", "Bank transfer fails")]
    return {
        "session": session,
        "path": urlsplit(session["url"]).path if session["url"] else None,
        "buttons": buttons,
        **_charge_row(world, charge),
    }


def _plan_row(world: World, plan: Thing) -> dict[str, Any]:
    """A plan, its newest invoice, and what may become of it."""
    over = subscriptions.is_over(plan)
    invoice = world.store.get("invoice", plan["latest_invoice"])
    unpaid = invoice is not None and invoice["status"] in ("open", "uncollectible")
    renewed = invoice is not None and invoice["billing_reason"] != "subscription_create"
    intent = invoices.intent_of(world, invoice) if invoice and renewed else None
    latest = intent["latest_charge"] if intent else None
    return {
        **_charge_row(world, world.store.get("charge", latest) if latest else None),
        "plan": plan,
        "amount": subscriptions.amount_of(plan),
        "next": None if over else walk.day_of(subscriptions.the_item(plan)["current_period_end"]),
        "invoice": invoice,
        "path": urlsplit(invoice["hosted_invoice_url"]).path if invoice and unpaid else None,
        "buttons": [] if over else [("refuse", "Card refuses from now on"), ("stop", "Cancel")],
    }


def _refuse_from_now_on(world: World, plan: Thing) -> None:
    card = portal.card_numbered(world, "4000000000000341")
    method = portal.new_method(world, world.find("customer", plan["customer"]), card)
    billing.give_card(world, world.find("customer", plan["customer"]), method, everywhere=True)


def _charge_row(world: World, charge: Thing | None) -> dict[str, Any]:
    """A charge, how much of it can go back, and everything that already did."""
    if charge is None:
        return {"charge": None, "left": None, "charge_buttons": [], "parts": []}
    there = [
        *(("refunds", r, _refund_buttons(r)) for r in world.store.where("refund", "charge", charge["id"])),
        *(("disputes", d, _dispute_buttons(d)) for d in world.store.where("dispute", "charge", charge["id"])),
        *((None, w, []) for w in world.store.where(_WARNING, "charge", charge["id"])),
    ]
    left = charge["amount"] - charge["amount_refunded"]
    blocked = any(kind == "disputes" and not d["is_charge_refundable"] for kind, d, _ in there)
    return {
        "charge": charge,
        "left": _typed(left, charge["currency"]) if _is_paid(charge) and left and not blocked else None,
        "charge_buttons": _charge_buttons(world, charge),
        "parts": [{"kind": kind, "thing": thing, "buttons": buttons} for kind, thing, buttons in there],
    }


def _is_paid(charge: Thing) -> bool:
    return bool(charge["status"] == "succeeded")


def _charge_buttons(world: World, charge: Thing) -> Buttons:
    buttons: Buttons = []
    if not _is_paid(charge):
        return buttons
    if charge["balance_transaction"] is None:
        buttons.append(("settle", "Settle now"))
    if charge["refunded"]:
        return buttons
    if not charge["disputed"]:
        buttons += [("dispute", "Dispute"), ("inquiry", "Inquiry")]
    if charge["payment_method_details"]["type"] != "card":
        buttons.append(("return", "Bank takes it back"))
    elif not world.store.where(_WARNING, "charge", charge["id"]):
        buttons.append(("warn", "Fraud warning"))
    return buttons


def _refund_buttons(made: Thing) -> Buttons:
    if made["status"] in ("pending", "requires_action"):
        return [("succeed", "Arrives"), ("fail", "Fails"), ("cancel", "Cancel")]
    return [("fail", "Fails after all")] if made["status"] == "succeeded" else []


def _dispute_buttons(dispute: Thing) -> Buttons:
    if dispute["status"] in ("warning_needs_response", "warning_under_review"):
        return [("escalate", "Becomes a dispute"), ("close", "Nothing comes of it")]
    if dispute["status"] == "needs_response":
        return [("respond", "Answer"), ("win", "Won"), ("lose", "Lost")]
    return [("win", "Won"), ("lose", "Lost")] if dispute["status"] == "under_review" else []


def _payout_buttons(world: World, payout: Thing) -> Buttons:
    buttons: Buttons = []
    if payout["reconciliation_status"] == "in_progress":
        buttons.append(("reconcile", "Reconcile"))
    if payout["status"] in ("pending", "in_transit"):
        buttons += [("pay", "Arrives"), ("fail", "Fails")]
    if payout["status"] == "pending":
        buttons.append(("cancel", "Cancel"))
    if payout["status"] == "paid":
        buttons.append(("fail", "Fails after all"))
    returned = payout["failure_balance_transaction"]
    if payout["status"] == "failed" and world.store.get("paid_out", returned) is None:
        buttons.append(("retry", "Send again"))
    return buttons


def _typed(amount: int, code: str) -> str:
    """`2500 usd` as a person types it: `25.00`."""
    decimals = CURRENCIES[code].decimals
    return f"{Decimal(amount).scaleb(-decimals):.{decimals}f}"


def _read_amount(text: str, code: str) -> int:
    try:
        minor = Decimal(text.replace(",", "")).scaleb(CURRENCIES[code].decimals)
    except InvalidOperation as error:
        raise Refusal("Give an amount as a number.", param="amount") from error
    if not minor.is_finite() or minor != minor.to_integral_value():
        raise Refusal("Give an amount as a number.", param="amount")
    return int(minor)


def _pay(world: World, session: Thing) -> None:
    number = "4242424242424242"
    card = look_up(number)
    if card is None:
        raise Refusal("4242 4242 4242 4242 is missing from the test cards.", status=500)
    card = with_expiry(card, month=12, year=2034, fingerprint=world.fingerprint(number))
    payments.pay_by_card(world, session, card, _payer(session))


def _decline(world: World, session: Thing) -> None:
    number = "4000000000000002"
    card = look_up(number)
    if card is None:
        raise Refusal("4000 0000 0000 0002 is missing from the test cards.", status=500)
    card = with_expiry(card, month=12, year=2034, fingerprint=world.fingerprint(number))
    payments.decline(world, session, card, "generic_decline", _payer(session))


def _payer(session: Thing) -> Payer:
    return Payer(email=session["customer_email"] or "donor@example.org", name="Test Donor")


def _open_dispute(world: World, charge: Thing, *, inquiry: bool) -> None:
    disputes.open_dispute(world, charge, amount=None, reason="fraudulent", inquiry=inquiry, fee=None)


_KINDS = {
    "sessions": "checkout.session",
    "charges": "charge",
    "refunds": "refund",
    "disputes": "dispute",
    "payouts": "payout",
    "plans": "subscription",
}
_DEEDS: dict[tuple[str, str], Act] = {
    ("sessions", "pay"): _pay,
    ("sessions", "decline"): _decline,
    ("sessions", "expire"): checkout.expire,
    ("sessions", "bank_succeeds"): payments.bank_debit_succeeds,
    ("sessions", "bank_fails"): payments.bank_debit_fails,
    ("charges", "settle"): balance.settle,
    ("charges", "dispute"): lambda world, charge: _open_dispute(world, charge, inquiry=False),
    ("charges", "inquiry"): lambda world, charge: _open_dispute(world, charge, inquiry=True),
    ("charges", "warn"): lambda world, charge: fraud_warnings.warn(
        world, charge, fraud_type="made_with_stolen_card"
    ),
    ("charges", "return"): bank_returns.take_back,
    ("refunds", "succeed"): refunds.succeed,
    ("refunds", "fail"): refunds.fail,
    ("refunds", "cancel"): refunds.call_off,
    ("disputes", "respond"): lambda world, dispute: disputes.respond(world, dispute, countered_fee=1500),
    ("disputes", "escalate"): lambda world, dispute: disputes.escalate(world, dispute, fee=None),
    ("disputes", "win"): lambda world, dispute: disputes.close(world, dispute, outcome="won"),
    ("disputes", "lose"): lambda world, dispute: disputes.close(world, dispute, outcome="lost"),
    ("disputes", "close"): lambda world, dispute: disputes.close(world, dispute, outcome="warning_closed"),
    ("payouts", "reconcile"): payouts.reconcile,
    ("payouts", "pay"): payouts.arrive,
    ("payouts", "fail"): payouts.fail,
    ("payouts", "cancel"): payouts.cancel,
    ("payouts", "retry"): payouts.retry,
    ("plans", "refuse"): _refuse_from_now_on,
    ("plans", "stop"): lambda world, plan: subscriptions.end(world, plan, reason="cancellation_requested"),
}


async def _act(sandbox: Sandbox, request: Request) -> Response:
    """A button beside a thing."""
    world = sandbox.world
    kind, deed = request.path_params["kind"], request.path_params["deed"]
    act = _DEEDS.get((kind, deed))
    if act is None and (kind, deed) != ("charges", "refund"):
        raise Refusal("No such button.", status=404)
    thing = world.find(_KINDS[kind], request.path_params["id"])
    if act is None:
        typed = await form(request)
        refunds.refund(world, thing, amount=_read_amount(typed.get("amount", ""), thing["currency"]))
    else:
        act(world, thing)
    return _back()


async def _act_on_account(sandbox: Sandbox, request: Request) -> Response:
    """A button of the account itself: payouts, Stripe's own movements, a shop's sale."""
    world = sandbox.world
    currency = (await form(request)).get("currency") or world.settlement_currencies[0]
    deed = request.path_params["deed"]
    if deed in ("pay_out", "pay_out_all"):
        payouts.pay_out(world, currency=currency, everything=deed == "pay_out_all")
    elif deed == "shop_sale":
        foreign.charge(
            world,
            amount=4200,
            currency="usd",
            card_number="4242424242424242",
            description="Mug",
            metadata={},
            settle=True,
        )
    elif deed in movements.KINDS:
        movements.make(world, kind=deed, amount=2000, currency=currency, description=None)
    else:
        raise Refusal("No such button.", status=404)
    return _back()


async def _later(sandbox: Sandbox, request: Request) -> Response:
    """Time passes: what was pending becomes available, payouts arrive, plans renew."""
    how = {"later": {"days": 2}, "month": {"months": 1}}.get(request.path_params["step"])
    if how is None:
        raise Refusal("No such button.", status=404)
    await walk.advance(sandbox, walk.distance(sandbox.world, how), deliver=False)
    return _back()


def _back() -> Response:
    return RedirectResponse("/", status_code=303, headers=HEADERS)
