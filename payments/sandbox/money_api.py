"""The part of Stripe's API that is about money after a gift: refunds, disputes, fraud warnings, payouts and
the balance's transactions."""

from __future__ import annotations

from typing import Any

from payments.sandbox import disputes, payouts, refunds
from payments.sandbox.answers import change, create, list_of, retrieve, route
from payments.sandbox.forms import read
from payments.sandbox.lists import BOUNDS, CREATED, PAGING, created_filter, expanded, page, within
from payments.sandbox.store import Thing
from payments.sandbox.world import World


def _update_refund(world: World, tree: dict[str, Any], refund_id: str) -> Thing:
    made = refunds.update(world, world.find("refund", refund_id, param="refund"), tree)
    return expanded(world, made, list((tree.get("expand") or {}).values()))


def _list_payouts(world: World, tree: dict[str, Any], _: str) -> Thing:
    spec = {**PAGING, **CREATED, "arrival_date": BOUNDS, "destination": "str", "status": "str"}
    given = read(tree, spec)
    in_time = created_filter(given)

    def matches(payout: Thing) -> bool:
        return (
            in_time(payout)
            and within(payout["arrival_date"], given.get("arrival_date"))
            and all(payout[name] == given[name] for name in ("destination", "status") if name in given)
        )

    return page(world, "payout", given, url="/v1/payouts", matches=matches)


def _list_transactions(world: World, tree: dict[str, Any], _: str) -> Thing:
    filters = ("currency", "source", "type")
    given = read(tree, {**PAGING, **CREATED, "payout": "str", **dict.fromkeys(filters, "str")})
    in_time = created_filter(given)

    def matches(transaction: Thing) -> bool:
        return in_time(transaction) and all(
            transaction[name] == given[name] for name in filters if name in given
        )

    among = None
    if "payout" in given:
        among = payouts.carried_by(world, given["payout"])
    elif "source" in given:
        among = world.store.where("balance_transaction", "source", given["source"])
    url = "/v1/balance_transactions"
    return page(world, "balance_transaction", given, url=url, matches=matches, among=among)


_ABOUT_A_CHARGE = ("charge", "payment_intent")
_WARNING = "radar.early_fraud_warning"

ROUTES = (
    route("POST", "/v1/refunds", create(refunds.create)),
    route("GET", "/v1/refunds", list_of("refund", "/v1/refunds", _ABOUT_A_CHARGE, _ABOUT_A_CHARGE)),
    route("GET", "/v1/refunds/{id}", retrieve("refund", param="refund")),
    route("POST", "/v1/refunds/{id}", _update_refund),
    route("POST", "/v1/refunds/{id}/cancel", change("refund", refunds.cancel, param="refund")),
    route("GET", "/v1/disputes", list_of("dispute", "/v1/disputes", _ABOUT_A_CHARGE, _ABOUT_A_CHARGE)),
    route("GET", "/v1/disputes/{id}", retrieve("dispute", param="dispute")),
    route("POST", "/v1/disputes/{id}/close", change("dispute", disputes.accept, param="dispute")),
    route(
        "GET",
        "/v1/radar/early_fraud_warnings",
        list_of(_WARNING, "/v1/radar/early_fraud_warnings", _ABOUT_A_CHARGE, _ABOUT_A_CHARGE),
    ),
    route("GET", "/v1/radar/early_fraud_warnings/{id}", retrieve(_WARNING, param="early_fraud_warning")),
    route("POST", "/v1/payouts", create(payouts.create)),
    route("GET", "/v1/payouts", _list_payouts),
    route("GET", "/v1/payouts/{id}", retrieve("payout", param="payout")),
    route("POST", "/v1/payouts/{id}/cancel", change("payout", payouts.cancel, param="payout")),
    route("POST", "/v1/payouts/{id}/reverse", change("payout", payouts.reverse, param="payout")),
    route("GET", "/v1/topups/{id}", retrieve("topup", param="topup")),
    route("GET", "/v1/balance_transactions", _list_transactions),
    route("GET", "/v1/balance_transactions/{id}", retrieve("balance_transaction", param="id")),
)
