"""Stripe's HTTP API as far as one-time gifts need it: one row a route, one small function a question."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payments.sandbox import balance, checkout, events, shapes
from payments.sandbox.errors import Refusal
from payments.sandbox.forms import read
from payments.sandbox.lists import CREATED, PAGING, created_filter, expanded, page
from payments.sandbox.store import Thing
from payments.sandbox.world import World

Answer = Callable[[World, dict[str, Any], str], Thing]


@dataclass(frozen=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    answer: Answer


def find_route(method: str, path: str) -> tuple[Route, str]:
    """The route and the id in its path; a Refusal like Stripe's for an address it does not know."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match is not None and route.method == method:
            return route, match[1] if route.pattern.groups else ""
    raise Refusal(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or this sandbox's "
        "routes: it answers what one-time gifts need.",
        status=404,
    )


def _retrieve(kind: str, *, param: str) -> Answer:
    def answer(world: World, tree: dict[str, Any], thing_id: str) -> Thing:
        given = read(tree, {"expand": ["str"]})
        return expanded(world, world.find(kind, thing_id, param=param), given.get("expand") or [])

    return answer


def _create_session(world: World, tree: dict[str, Any], _: str) -> Thing:
    session = checkout.create(world, tree)
    expand = tree.get("expand") or {}
    return expanded(world, session, list(expand.values()))


def _expire_session(world: World, tree: dict[str, Any], session_id: str) -> Thing:
    given = read(tree, {"expand": ["str"]})
    session = checkout.expire(
        world, world.find("checkout.session", session_id, param="session"), param="session"
    )
    return expanded(world, session, given.get("expand") or [])


def _session_lines(world: World, tree: dict[str, Any], session_id: str) -> Thing:
    given = read(tree, PAGING)
    lines = checkout.line_items(world, world.find("checkout.session", session_id, param="session"))
    limit = given.get("limit", 10)
    ids = [line["id"] for line in lines]
    start = ids.index(given["starting_after"]) + 1 if given.get("starting_after") in ids else 0
    return {
        "object": "list",
        "data": lines[start : start + limit],
        "has_more": len(lines) > start + limit,
        "url": f"/v1/checkout/sessions/{session_id}/line_items",
    }


def _list_sessions(world: World, tree: dict[str, Any], _: str) -> Thing:
    spec = {
        **PAGING,
        **CREATED,
        "payment_intent": "str",
        "customer": "str",
        "subscription": "str",
        "payment_link": "str",
        "status": ("complete", "expired", "open"),
        "customer_details": {"email": "str"},
    }
    given = read(tree, spec)
    in_time = created_filter(given)
    email = (given.get("customer_details") or {}).get("email")

    def matches(session: Thing) -> bool:
        return (
            in_time(session)
            and ("status" not in given or session["status"] == given["status"])
            and ("subscription" not in given)
            and ("payment_link" not in given)
            and ("customer" not in given or session["customer"] == given["customer"])
            and (email is None or (session["customer_details"] or {}).get("email") == email)
        )

    among = None
    if "payment_intent" in given:
        among = world.store.where("checkout.session", "payment_intent", given["payment_intent"])
    return page(world, "checkout.session", given, url="/v1/checkout/sessions", matches=matches, among=among)


def _list_of(kind: str, url: str, filters: tuple[str, ...], indexed: tuple[str, ...] = ()) -> Answer:
    """A list filtered by equality on `filters` and by `created`; `indexed` ones use the store's index."""
    spec = {**PAGING, **CREATED, **dict.fromkeys(filters, "str")}

    def answer(world: World, tree: dict[str, Any], _: str) -> Thing:
        given = read(tree, spec)
        in_time = created_filter(given)
        asked = [name for name in filters if name in given]

        def matches(thing: Thing) -> bool:
            return in_time(thing) and all(thing.get(name) == given[name] for name in asked)

        first = next((name for name in asked if name in indexed), None)
        among = world.store.where(kind, first, given[first]) if first is not None else None
        return page(world, kind, given, url=url, matches=matches, among=among)

    return answer


def _list_events(world: World, tree: dict[str, Any], _: str) -> Thing:
    given = read(tree, {**PAGING, **CREATED, "type": "str", "types": ["str"], "delivery_success": "bool"})
    if "type" in given and "types" in given:
        raise Refusal("You may only specify one of these parameters: type, types.", param="types")
    types = given.get("types") or []
    if len(types) > 20:
        raise Refusal("You may filter by at most 20 event types.", param="types")
    in_time = created_filter(given)
    patterns = [given["type"]] if "type" in given else types

    def matches(event: Thing) -> bool:
        return (
            in_time(event)
            and events.is_listed(world, event)
            and (not patterns or any(_fits(event["type"], pattern) for pattern in patterns))
            and (
                "delivery_success" not in given
                or events.was_delivered(world, event) == given["delivery_success"]
            )
        )

    return page(world, "event", given, url="/v1/events", matches=matches)


def _fits(type_: str, pattern: str) -> bool:
    return type_.startswith(pattern[:-1]) if pattern.endswith(".*") else type_ == pattern


def _event(world: World, tree: dict[str, Any], event_id: str) -> Thing:
    read(tree, {"expand": ["str"]})
    event = world.find("event", event_id)
    if not events.is_listed(world, event):
        raise Refusal(
            f"No such event: '{event_id}'. Events are kept for 30 days.",
            status=404,
            code="resource_missing",
            param="id",
        )
    return event


def _balance(world: World, tree: dict[str, Any], _: str) -> Thing:
    read(tree, {"expand": ["str"]})
    return balance.balance(world)


def _account(world: World, tree: dict[str, Any], _: str) -> Thing:
    read(tree, {"expand": ["str"]})
    return shapes.account(world)


def _route(method: str, path: str, answer: Answer) -> Route:
    return Route(method, re.compile(path.replace("{id}", r"([A-Za-z0-9_]+)")), answer)


ROUTES = (
    _route("POST", "/v1/checkout/sessions", _create_session),
    _route("GET", "/v1/checkout/sessions", _list_sessions),
    _route("GET", "/v1/checkout/sessions/{id}", _retrieve("checkout.session", param="session")),
    _route("POST", "/v1/checkout/sessions/{id}/expire", _expire_session),
    _route("GET", "/v1/checkout/sessions/{id}/line_items", _session_lines),
    _route(
        "GET",
        "/v1/payment_intents",
        _list_of("payment_intent", "/v1/payment_intents", ("customer", "customer_account"), ("customer",)),
    ),
    _route("GET", "/v1/payment_intents/{id}", _retrieve("payment_intent", param="intent")),
    _route("GET", "/v1/payment_methods/{id}", _retrieve("payment_method", param="payment_method")),
    _route(
        "GET",
        "/v1/charges",
        _list_of(
            "charge",
            "/v1/charges",
            ("payment_intent", "customer", "transfer_group"),
            ("payment_intent", "customer"),
        ),
    ),
    _route("GET", "/v1/charges/{id}", _retrieve("charge", param="id")),
    _route(
        "GET",
        "/v1/customers",
        _list_of("customer", "/v1/customers", ("email", "test_clock"), ("email",)),
    ),
    _route("GET", "/v1/customers/{id}", _retrieve("customer", param="id")),
    _route(
        "GET",
        "/v1/balance_transactions",
        _list_of(
            "balance_transaction",
            "/v1/balance_transactions",
            ("currency", "payout", "source", "type"),
            ("source",),
        ),
    ),
    _route("GET", "/v1/balance_transactions/{id}", _retrieve("balance_transaction", param="id")),
    _route("GET", "/v1/balance", _balance),
    _route("GET", "/v1/account", _account),
    _route("GET", "/v1/events", _list_events),
    _route("GET", "/v1/events/{id}", _event),
    _route("GET", "/v1/webhook_endpoints", _list_of("webhook_endpoint", "/v1/webhook_endpoints", ())),
    _route("GET", "/v1/webhook_endpoints/{id}", _retrieve("webhook_endpoint", param="webhook_endpoint")),
)
