"""`/_sandbox`: the door for tests and scripts, where the donor, the bank and the network are told what to do.

JSON in, JSON out. Nothing here exists at Stripe. Money that moves after a gift (money_control.py), all POST,
every body optional unless it says otherwise; each answers with the object it made or changed, as the API
would show it:

    money                       {"book_after": 0, "refunds": "always", "settlement_currencies": ["usd"]}
                                book_after: seconds until a refund or dispute has its balance transaction,
                                null for by control only; refunds: "always", or "need_balance" to let them
                                wait as pending while the available balance is too small. GET shows it
    rates                       {"dollars": {"krw": "0.00072"}, "percent_a_day": {"krw": "0.5"}}
                                what one major unit is worth, and how it drifts with every day of the clock;
                                {} puts the fixed rates back. GET shows today's
    settle                      every balance transaction that is still owed, of charges, refunds and disputes
    charges/{id}/settle         the balance transaction of one charge

    charges/{id}/refund         {"amount": 500, "reason": "requested_by_customer", "metadata": {}}
                                as somebody does it in Stripe's dashboard
    refunds/{id}/succeed        a pending refund arrives
    refunds/{id}/fail           {"reason": "expired_or_canceled_card"}, also weeks after it succeeded
    refunds/{id}/cancel         in the dashboard, while it is pending

    charges/{id}/dispute        {"amount": 2500, "reason": "fraudulent", "inquiry": false, "fee": 1500}
    disputes/{id}/respond       {"countered_fee": 1500}: evidence goes in
    disputes/{id}/escalate      {"fee": 1500}: an inquiry becomes a dispute and money moves
    disputes/{id}/close         {"outcome": "won" | "lost" | "warning_closed", "countered_fee": 1500,
                                "at_todays_rate": false}; a countered fee charged before comes back when won
    charges/{id}/fraud_warning  {"fraud_type": "made_with_stolen_card"}
    charges/{id}/return         {"reason": "insufficient_funds", "fee": 0, "tell_session": false}: a bank
                                debit is taken back after it had succeeded

    payouts                     {"currency": "usd", "automatic": true, "all": false, "reconciled": true,
                                "paid": false, "statement_descriptor": "CHARITY"}
                                takes what is available (all: pending, too) and in no payout yet; a negative
                                sum becomes a debit of the bank. {"automatic": false, "amount": 5000,
                                "method": "standard" | "instant", "fee": 50} is a manual one
    payouts/{id}/reconcile      after {"reconciled": false}: its list is complete from now on
    payouts/{id}/pay            it arrives (by itself once the clock passes `arrival_date`)
    payouts/{id}/fail           {"code": "account_closed"}, also after it was paid
    payouts/{id}/retry          a new payout that takes nothing but the money of the failed one
    payouts/{id}/reverse        a new negative payout that takes a paid one back
    payouts/{id}/cancel         a manual one that is pending

    movements                   {"kind": "stripe_fee", "amount": 250, "currency": "usd", "description": "x"}
                                kinds: stripe_fee, tax_fee, network_cost, reserve_hold, reserve_release,
                                other_adjustment, topup; or anything, signed and in Stripe's own words:
                                {"type": "x", "reporting_category": "y", "amount": -250, "fee": 0}

Giving every month (billing_control.py):

    advance                     {"days": 3}, {"months": 1}, {"seconds": 60} or {"to": 1830000000}: walks the
                                clock there; renewals, retries, debits, payouts happen at their own time, and
                                webhooks are waited for day by day ({"deliver": false} does not wait)
    billing                     {"retry_days": [3, 5, 7], "bank_retry_days": [5], "then": "leave_past_due",
                                "finalize_after": 3600, "debit_days": 4, "portal_cancels": "at_period_end",
                                "payout_days": null}; then: or "mark_uncollectible", "cancel"; portal_cancels:
                                or "immediately"; payout_days: an automatic payout so often. GET shows it
    customers/{id}/card         {"card": "4000000000000341", "exp_month": 12, "exp_year": 2034}: a card that
                                every later payment is asked of
    customers/{id}/next_attempts {"outcomes": ["insufficient_funds", "succeed"]}: what the bank says to
                                the next payments: authentication_required, a decline code, ...
    payment_methods/{id}/reissue {"exp_month": 12, "exp_year": 2040, "last4": "4444"}: the bank sent another
    invoices/{id}/pay           {"card": "4242...", "authenticate": true}: the donor pays on its page
    invoices/{id}/authenticate  {"passes": true}: the donor answers the bank's question there
    invoices/{id}/bank_debit    {"outcome": "succeed"}: the bank answers a renewal's debit now
    portal/{id}/card            {"card": "5555..."} as the donor gives it in the portal session with this id
    portal/{id}/cancel          {"subscription": "sub_...", "feedback": "other", "comment": "x"}

Others:

    start_at                    {"at": 1704067200}: the history of an account that is still empty begins there
    foreign_plan                {"email": "a@example.org", "name": "A", "amount": 1500, "currency": "usd",
                                "interval": "month", "product": "Friends", "metadata": {}, "card": "4242..."}:
                                a customer and a subscription of another platform's, paid the first time
    reports/{type}              GET, with interval_start, interval_end, payout, timezone, currency, columns
                                and decimal_separator as Stripe names them: the report's CSV (reports.py)
    bank_statement              GET, with currency, from and to as YYYY-MM-DD: what of the payouts stands on
                                the bank's statement, as CAMT.053 (bank_statement.py)
    foreign_charge              {"amount": 4200, "currency": "usd", "card": "4242...", "description": "Mug",
                                "metadata": {}, "settle": true, "email": "b@example.org", "name": "B",
                                "customer": "cus_..."}: a payment on another platform of the same account
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from payments.sandbox import (
    balance,
    bank_statement,
    billing_control,
    checkout,
    money_control,
    payments,
    reports,
    walk,
)
from payments.sandbox.cards import digits_only, look_up, with_expiry
from payments.sandbox.errors import Refusal, no_such
from payments.sandbox.faults import Fault
from payments.sandbox.payments import Outcome, Payer
from payments.sandbox.store import Thing
from payments.sandbox.timetable import book_all
from payments.sandbox.webhooks import told
from payments.sandbox.world import Billing

if TYPE_CHECKING:
    from payments.sandbox.app import Sandbox
    from payments.sandbox.money_control import Deed


def routes(sandbox: Sandbox) -> list[Route]:
    table: tuple[tuple[str, str, Deed], ...] = (
        ("POST", "/_sandbox/checkout/sessions/{id}/pay", _pay),
        ("POST", "/_sandbox/checkout/sessions/{id}/decline", _decline),
        ("POST", "/_sandbox/checkout/sessions/{id}/expire", _expire),
        ("POST", "/_sandbox/checkout/sessions/{id}/abandon", _abandon),
        ("POST", "/_sandbox/checkout/sessions/{id}/settle", _settle),
        ("POST", "/_sandbox/checkout/sessions/{id}/bank_debit/{ending}", _bank_debit),
        ("POST", "/_sandbox/settle", _settle_all),
        ("GET", "/_sandbox/webhooks", _show_manners),
        ("POST", "/_sandbox/webhooks", _set_manners),
        ("POST", "/_sandbox/webhooks/flush", _flush),
        ("POST", "/_sandbox/webhooks/resend", _resend),
        ("POST", "/_sandbox/webhooks/secrets", _secrets),
        ("GET", "/_sandbox/webhooks/deliveries", _deliveries),
        ("GET", "/_sandbox/faults", _show_faults),
        ("POST", "/_sandbox/faults", _add_fault),
        ("DELETE", "/_sandbox/faults", _clear_faults),
        ("GET", "/_sandbox/state", _state),
        ("POST", "/_sandbox/reset", _reset),
        ("GET", "/_sandbox/reports/{type}", _report),
        ("GET", "/_sandbox/bank_statement", _bank_statement),
        ("GET", "/_sandbox/clock", _show_clock),
        ("POST", "/_sandbox/clock", _move_clock),
        *money_control.TABLE,
        *billing_control.TABLE,
    )
    return [Route(path, _door(sandbox, deed), methods=[method]) for method, path, deed in table]


def _door(sandbox: Sandbox, deed: Deed) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            given = await _body(request)
            result = await deed(sandbox, given, request)
            sandbox.world.commit()
        except Refusal as refusal:
            sandbox.world.store.roll_back()
            return JSONResponse(refusal.body(), status_code=refusal.status)
        except BaseException:
            sandbox.world.store.roll_back()
            raise
        return Response(result, media_type="text/csv") if isinstance(result, str) else JSONResponse(result)

    return answer


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        given = json.loads(raw)
    except ValueError as error:
        raise Refusal("The body must be a JSON object.") from error
    if not isinstance(given, dict):
        raise Refusal("The body must be a JSON object.")
    return given


def _session(sandbox: Sandbox, request: Request) -> Thing:
    return sandbox.world.find("checkout.session", request.path_params["id"])


def _payer(session: Thing, given: dict[str, Any]) -> Payer:
    email = given.get("email") or session["customer_email"] or "donor@example.org"
    return Payer(email=str(email), name=str(given.get("name") or "Test Donor"))


def summary(sandbox: Sandbox, session: Thing, outcome: Outcome | None = None) -> dict[str, Any]:
    """Where a session and its payment stand now, with the outcome of what was just done."""
    store = sandbox.world.store
    intent = payments.intent_of(sandbox.world, session)
    charge = store.get("charge", intent["latest_charge"]) if intent and intent["latest_charge"] else None
    told_: dict[str, Any] = {
        "session": session["id"],
        "status": session["status"],
        "payment_status": session["payment_status"],
        "payment_intent": intent["id"] if intent else None,
        "payment_intent_status": intent["status"] if intent else None,
        "charge": charge["id"] if charge else None,
        "charge_status": charge["status"] if charge else None,
        "balance_transaction": charge["balance_transaction"] if charge else None,
        "customer": session["customer"],
        "subscription": session["subscription"],
        "invoice": session["invoice"],
    }
    if outcome is not None:
        told_["outcome"] = outcome.word
        if outcome.decline is not None:
            told_["decline"] = {
                "code": outcome.decline.code,
                "decline_code": outcome.decline.decline_code,
                "message": outcome.decline.message,
            }
    return told_


async def _pay(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    session = _session(sandbox, request)
    payer = _payer(session, given)
    if given.get("method") == "bank_debit":
        return summary(sandbox, session, payments.pay_by_bank(sandbox.world, session, payer))
    number = digits_only(str(given.get("card", "4242424242424242")))
    card = look_up(number)
    if card is None:
        raise Refusal("Not one of Stripe's test cards.", code="incorrect_number", param="card")
    card = with_expiry(card, month=12, year=2034, fingerprint=sandbox.world.fingerprint(number))
    outcome = payments.pay_by_card(sandbox.world, session, card, payer)
    if outcome.word == "needs_authentication" and "authenticate" in given:
        outcome = payments.authenticate(sandbox.world, session, passes=bool(given["authenticate"]))
    return summary(sandbox, session, outcome)


async def _decline(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    session = _session(sandbox, request)
    card = look_up("4000000000000002")
    if card is None:
        raise no_such("card", "4000000000000002")
    card = with_expiry(card, month=12, year=2034, fingerprint=sandbox.world.fingerprint("4000000000000002"))
    code = str(given.get("code", "generic_decline"))
    outcome = payments.decline(sandbox.world, session, card, code, _payer(session, given))
    return summary(sandbox, session, outcome)


async def _expire(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return summary(sandbox, checkout.expire(sandbox.world, _session(sandbox, request)))


async def _abandon(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """The donor closes the page: nothing happens until the clock passes `expires_at`."""
    return summary(sandbox, _session(sandbox, request))


async def _settle(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    session = _session(sandbox, request)
    intent = payments.intent_of(sandbox.world, session)
    if intent is None or intent["latest_charge"] is None:
        raise Refusal("This session has no charge to settle.")
    balance.settle(sandbox.world, sandbox.world.find("charge", intent["latest_charge"]))
    return summary(sandbox, session)


async def _settle_all(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """Every balance transaction still owed; answers those that were made."""
    store = sandbox.world.store
    before = store.count("balance_transaction")
    balance.settle_all(sandbox.world)
    book_all(sandbox.world)
    return {"balance_transactions": [made["id"] for made in store.all("balance_transaction")[before:]]}


async def _bank_debit(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    session = _session(sandbox, request)
    ending = request.path_params["ending"]
    if ending == "succeed":
        payments.bank_debit_succeeds(sandbox.world, session)
    elif ending == "fail":
        payments.bank_debit_fails(sandbox.world, session)
    else:
        raise Refusal("A bank debit can `succeed` or `fail`.", status=404)
    return summary(sandbox, session)


async def _show_manners(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return vars(sandbox.sender.manners)


async def _set_manners(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return sandbox.sender.set_manners(given)


async def _flush(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    sent = await sandbox.sender.flush(
        shuffle=bool(given.get("shuffle")), order=given.get("order"), twice=bool(given.get("twice"))
    )
    return {"sent": sent}


async def _resend(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return {"sent": await sandbox.sender.resend(str(given.get("event")))}


async def _secrets(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """Roll the signing secrets: every one in the list signs, until the next call."""
    secrets = given.get("secrets")
    if not isinstance(secrets, list) or not secrets or not all(isinstance(s, str) and s for s in secrets):
        raise Refusal("Give a list of `secrets`, none of them empty.", param="secrets")
    chosen = given.get("endpoint")
    for endpoint in sandbox.world.store.all("webhook_endpoint"):
        if chosen in (None, endpoint["id"]):
            sandbox.world.store.set_fact(f"secrets:{endpoint['id']}", secrets)
    return {"secrets": len(secrets)}


async def _deliveries(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    wanted = request.query_params
    found = [
        told(delivery)
        for delivery in sandbox.world.store.all("delivery")
        if wanted.get("event") in (None, delivery["event"])
        and wanted.get("status") in (None, delivery["status"])
        and wanted.get("type") in (None, delivery["type"])
    ]
    return {"deliveries": found}


async def _show_faults(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return {"faults": [vars(fault) for fault in sandbox.faults if fault.times > 0]}


async def _add_fault(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    fault = Fault.of(given)
    sandbox.faults.append(fault)
    return vars(fault)


async def _clear_faults(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    sandbox.faults.clear()
    return {"faults": []}


async def _report(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """One of Stripe's reports as its CSV file."""
    wanted: dict[str, Any] = dict(request.query_params)
    if "columns" in wanted:
        wanted["columns"] = wanted["columns"].split(",")
    return reports.csv_of(sandbox.world, request.path_params["type"], wanted)


async def _bank_statement(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """What the bank would say of the payouts, as its file."""
    asked = request.query_params
    try:
        first_day, last_day = (date.fromisoformat(asked[name]) for name in ("from", "to"))
    except (KeyError, ValueError):
        raise Refusal("Say from and to as YYYY-MM-DD.", param="from") from None
    currency = asked.get("currency", sandbox.world.settlement_currencies[0])
    return bank_statement.camt053(sandbox.world, currency=currency, first_day=first_day, last_day=last_day)


async def _state(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    store = sandbox.world.store
    by_status: dict[str, int] = {}
    for delivery in store.all("delivery"):
        by_status[delivery["status"]] = by_status.get(delivery["status"], 0) + 1
    told_ = {"deliveries": by_status, "now": sandbox.world.now(), "asked": sandbox.world.asked}
    return {**sandbox.world.state(), **told_}


async def _reset(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """Forget everything but the endpoints and their secrets; the clock goes back to now."""
    world = sandbox.world
    endpoints = world.store.all("webhook_endpoint")
    world.store.forget_everything()
    for endpoint in endpoints:
        world.store.save("webhook_endpoint", endpoint)
    world.advance(-world.offset)
    world.set_money(world.fresh_money())
    world.set_billing(Billing())
    world.asked.clear()
    sandbox.faults.clear()
    sandbox.sender.set_manners({})
    return world.state()


async def _show_clock(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return {"now": sandbox.world.now(), "offset_seconds": sandbox.world.offset}


async def _move_clock(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """Move the clock forward and do at once what came due on the way."""
    seconds = given.get("advance_seconds")
    if not isinstance(seconds, int | float) or seconds < 0:
        raise Refusal("`advance_seconds` must be a number, not negative.", param="advance_seconds")
    await walk.advance(sandbox, float(seconds), deliver=False)
    return {"now": sandbox.world.now(), "offset_seconds": sandbox.world.offset}
