"""The part of the `/_sandbox` door that moves money after a gift; control.py says what each takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from payments.sandbox import (
    balance,
    bank_returns,
    disputes,
    foreign,
    fraud_warnings,
    movements,
    payouts,
    refunds,
)
from payments.sandbox import rates as rates_
from payments.sandbox.currencies import CURRENCIES
from payments.sandbox.errors import Refusal, missing_parameter, unknown_parameter
from payments.sandbox.payments import Payer
from payments.sandbox.store import Thing
from payments.sandbox.world import Money

if TYPE_CHECKING:
    from payments.sandbox.app import Sandbox

Deed = Callable[["Sandbox", dict[str, Any], Request], Awaitable[Any]]


def only(given: dict[str, Any], *known: str) -> None:
    """A misspelt name must not look as if it had worked."""
    for name in given:
        if name not in known:
            raise unknown_parameter(name)


def integer(given: dict[str, Any], name: str) -> int | None:
    value = given.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise Refusal(f"`{name}` must be a whole number.", param=name)
    return value


def _required_integer(given: dict[str, Any], name: str) -> int:
    value = integer(given, name)
    if value is None:
        raise missing_parameter(name)
    return value


def _metadata(given: dict[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in (given.get("metadata") or {}).items()}


def found(sandbox: Sandbox, kind: str, request: Request) -> Thing:
    return sandbox.world.find(kind, request.path_params["id"])


async def _show_money(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    money = sandbox.world.money
    return {
        "book_after": money.book_after,
        "refunds": money.refunds,
        "settlement_currencies": list(sandbox.world.settlement_currencies),
    }


async def _set_money(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "book_after", "refunds", "settlement_currencies")
    old = sandbox.world.money
    money = Money(dollars=old.dollars, percent_a_day=old.percent_a_day, rates_set_at=old.rates_set_at)
    after = given.get("book_after", sandbox.world.options.book_after)
    if after is not None and (not isinstance(after, int | float) or after < 0):
        raise Refusal("`book_after` must be a number, not negative, or null.", param="book_after")
    money.book_after = after
    money.refunds = given.get("refunds", "always")
    if money.refunds not in ("always", "need_balance"):
        raise Refusal("Invalid refunds: must be one of always or need_balance", param="refunds")
    money.settlement_currencies = list(given.get("settlement_currencies") or [])
    strange = [code for code in money.settlement_currencies if code not in CURRENCIES]
    if strange:
        raise Refusal(f"Unknown: {', '.join(map(str, strange))}", param="settlement_currencies")
    sandbox.world.set_money(money)
    return await _show_money(sandbox, given, request)


async def _show_rates(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    world = sandbox.world
    return {"dollars": {code: str(rates_.dollars(world, code)) for code in CURRENCIES}}


async def _set_rates(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "dollars", "percent_a_day")
    money = sandbox.world.money
    money.dollars = rates_.decimals_by_currency(given.get("dollars") or {}, param="dollars")
    money.percent_a_day = rates_.decimals_by_currency(given.get("percent_a_day") or {}, param="percent_a_day")
    money.rates_set_at = sandbox.world.now()
    sandbox.world.set_money(money)
    return await _show_rates(sandbox, given, request)


async def _settle(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return balance.settle(sandbox.world, found(sandbox, "charge", request))


async def _refund(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "amount", "reason", "metadata")
    reason = given.get("reason")
    if reason not in (None, *refunds.REASONS):
        raise Refusal(f"Invalid reason: must be one of {', '.join(refunds.REASONS)}", param="reason")
    return refunds.refund(
        sandbox.world,
        found(sandbox, "charge", request),
        amount=integer(given, "amount"),
        reason=reason,
        metadata=_metadata(given),
    )


async def _refund_succeeds(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return refunds.succeed(sandbox.world, found(sandbox, "refund", request))


async def _refund_fails(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "reason")
    reason = str(given.get("reason", "expired_or_canceled_card"))
    return refunds.fail(sandbox.world, found(sandbox, "refund", request), reason=reason)


async def _refund_called_off(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    return refunds.call_off(sandbox.world, found(sandbox, "refund", request))


async def _dispute(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "amount", "reason", "inquiry", "fee")
    return disputes.open_dispute(
        sandbox.world,
        found(sandbox, "charge", request),
        amount=integer(given, "amount"),
        reason=str(given.get("reason", "fraudulent")),
        inquiry=bool(given.get("inquiry")),
        fee=integer(given, "fee"),
    )


async def _respond(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "countered_fee")
    fee = integer(given, "countered_fee") or 0
    return disputes.respond(sandbox.world, found(sandbox, "dispute", request), countered_fee=fee)


async def _escalate(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "fee")
    fee = integer(given, "fee")
    return disputes.escalate(sandbox.world, found(sandbox, "dispute", request), fee=fee)


async def _close(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "outcome", "countered_fee", "at_todays_rate")
    return disputes.close(
        sandbox.world,
        found(sandbox, "dispute", request),
        outcome=str(given.get("outcome")),
        countered_fee=integer(given, "countered_fee") or 0,
        at_todays_rate=bool(given.get("at_todays_rate")),
    )


async def _warn(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "fraud_type")
    fraud_type = str(given.get("fraud_type", "made_with_stolen_card"))
    return fraud_warnings.warn(sandbox.world, found(sandbox, "charge", request), fraud_type=fraud_type)


async def _return(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "reason", "fee", "tell_session")
    return bank_returns.take_back(
        sandbox.world,
        found(sandbox, "charge", request),
        reason=str(given.get("reason", "insufficient_funds")),
        fee=integer(given, "fee") or 0,
        tell_session=bool(given.get("tell_session")),
    )


async def _pay_out(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    world = sandbox.world
    currency = str(given.get("currency", world.settlement_currencies[0]))
    descriptor = given.get("statement_descriptor")
    if given.get("automatic", True):
        only(given, "currency", "automatic", "all", "reconciled", "paid", "statement_descriptor")
        payout = payouts.pay_out(
            world,
            currency=currency,
            everything=bool(given.get("all")),
            reconciled=bool(given.get("reconciled", True)),
            descriptor=descriptor,
        )
    else:
        only(given, "currency", "automatic", "amount", "method", "fee", "paid", "statement_descriptor")
        method = str(given.get("method", "standard"))
        if method not in ("standard", "instant"):
            raise Refusal("Invalid method: must be one of standard or instant", param="method")
        payout = payouts.pay_out_by_hand(
            world,
            currency=currency,
            amount=integer(given, "amount"),
            method=method,
            fee=integer(given, "fee"),
            descriptor=descriptor,
        )
    return payouts.arrive(world, payout) if given.get("paid") else payout


def _of_a_payout(act: Callable[..., Thing], *known: str) -> Deed:
    async def deed(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
        only(given, *known)
        return act(sandbox.world, found(sandbox, "payout", request), **given)

    return deed


async def _move(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    world = sandbox.world
    currency = str(given.get("currency", world.settlement_currencies[0]))
    amount = _required_integer(given, "amount")
    if "kind" in given:
        only(given, "kind", "amount", "currency", "description")
        return movements.make(
            world,
            kind=str(given["kind"]),
            amount=amount,
            currency=currency,
            description=given.get("description"),
        )
    only(given, "type", "reporting_category", "amount", "currency", "description", "fee", "source")
    for name in ("type", "reporting_category"):
        if not given.get(name):
            raise missing_parameter(name)
    return movements.raw(
        world,
        type_=str(given["type"]),
        category=str(given["reporting_category"]),
        amount=amount,
        currency=currency,
        description=given.get("description"),
        fee=integer(given, "fee") or 0,
        source=given.get("source"),
    )


async def _charge_elsewhere(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(
        given, "amount", "currency", "card", "description", "metadata", "settle", "email", "name", "customer"
    )
    return foreign.charge(
        sandbox.world,
        amount=_required_integer(given, "amount"),
        currency=str(given.get("currency", "usd")),
        card_number=str(given.get("card", "4242424242424242")),
        description=given.get("description"),
        metadata=_metadata(given),
        settle=bool(given.get("settle", sandbox.world.options.settle_after == 0)),
        payer=_payer(given),
        customer_id=given.get("customer"),
    )


def _payer(given: dict[str, Any]) -> Payer:
    email = given.get("email", "buyer@example.org")
    return Payer(email=str(email) if email is not None else None, name=str(given.get("name", "Test Buyer")))


async def _plan_elsewhere(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    only(given, "amount", "currency", "interval", "product", "metadata", "card", "email", "name")
    about = {
        "amount": _required_integer(given, "amount"),
        "currency": str(given.get("currency", "usd")),
        "interval": str(given.get("interval", "month")),
        "product": str(given.get("product", "Friends")),
        "metadata": _metadata(given),
    }
    return foreign.plan(
        sandbox.world,
        about,
        payer=_payer(given),
        card_number=str(given.get("card", "4242424242424242")),
    )


async def _start_at(sandbox: Sandbox, given: dict[str, Any], request: Request) -> Any:
    """Only while nothing has happened: a history goes one way."""
    only(given, "at")
    world = sandbox.world
    if world.store.count("charge") or world.store.count("customer"):
        raise Refusal("Something has happened here already, and the clock only moves forward.", param="at")
    world.advance(_required_integer(given, "at") - world.moment())
    return {"now": world.now(), "offset_seconds": world.offset}


TABLE: tuple[tuple[str, str, Deed], ...] = (
    ("GET", "/_sandbox/money", _show_money),
    ("POST", "/_sandbox/money", _set_money),
    ("GET", "/_sandbox/rates", _show_rates),
    ("POST", "/_sandbox/rates", _set_rates),
    ("POST", "/_sandbox/charges/{id}/settle", _settle),
    ("POST", "/_sandbox/charges/{id}/refund", _refund),
    ("POST", "/_sandbox/refunds/{id}/succeed", _refund_succeeds),
    ("POST", "/_sandbox/refunds/{id}/fail", _refund_fails),
    ("POST", "/_sandbox/refunds/{id}/cancel", _refund_called_off),
    ("POST", "/_sandbox/charges/{id}/dispute", _dispute),
    ("POST", "/_sandbox/disputes/{id}/respond", _respond),
    ("POST", "/_sandbox/disputes/{id}/escalate", _escalate),
    ("POST", "/_sandbox/disputes/{id}/close", _close),
    ("POST", "/_sandbox/charges/{id}/fraud_warning", _warn),
    ("POST", "/_sandbox/charges/{id}/return", _return),
    ("POST", "/_sandbox/payouts", _pay_out),
    ("POST", "/_sandbox/payouts/{id}/reconcile", _of_a_payout(payouts.reconcile)),
    ("POST", "/_sandbox/payouts/{id}/pay", _of_a_payout(payouts.arrive)),
    ("POST", "/_sandbox/payouts/{id}/fail", _of_a_payout(payouts.fail, "code")),
    ("POST", "/_sandbox/payouts/{id}/retry", _of_a_payout(payouts.retry)),
    ("POST", "/_sandbox/payouts/{id}/reverse", _of_a_payout(payouts.reverse)),
    ("POST", "/_sandbox/payouts/{id}/cancel", _of_a_payout(payouts.cancel)),
    ("POST", "/_sandbox/movements", _move),
    ("POST", "/_sandbox/foreign_charge", _charge_elsewhere),
    ("POST", "/_sandbox/foreign_plan", _plan_elsewhere),
    ("POST", "/_sandbox/start_at", _start_at),
)
