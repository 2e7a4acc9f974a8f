"""Stripe's HTTP API as far as gifts need it: one row a route, one small function a question."""

from __future__ import annotations

from typing import Any

from payments.sandbox import balance, billing_api, checkout, customers_api, events, money_api, shapes
from payments.sandbox.answers import Route, list_of, retrieve, route
from payments.sandbox.errors import Refusal
from payments.sandbox.forms import NOT_SIMULATED, read
from payments.sandbox.lists import CREATED, PAGING, created_filter, expanded, page
from payments.sandbox.store import Thing
from payments.sandbox.world import World


def find_route(method: str, path: str) -> tuple[Route, str]:
    """The route and the id in its path; a Refusal like Stripe's for an address it does not know."""
    for known in ROUTES:
        match = known.pattern.fullmatch(path)
        if match is not None and known.method == method:
            return known, match[1] if known.pattern.groups else ""
    raise Refusal(
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or this sandbox's "
        "routes: it answers what gifts need.",
        status=404,
    )


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
            and ("subscription" not in given or session["subscription"] == given["subscription"])
            and ("payment_link" not in given)
            and ("customer" not in given or session["customer"] == given["customer"])
            and (email is None or (session["customer_details"] or {}).get("email") == email)
        )

    among = None
    if "payment_intent" in given:
        among = world.store.where("checkout.session", "payment_intent", given["payment_intent"])
    return page(world, "checkout.session", given, url="/v1/checkout/sessions", matches=matches, among=among)


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

    listed = page(world, "event", given, url="/v1/events", matches=matches)
    return {**listed, "data": [events.shown(event) for event in listed["data"]]}


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
    return events.shown(event)


def _balance(world: World, tree: dict[str, Any], _: str) -> Thing:
    read(tree, {"expand": ["str"]})
    return balance.balance(world)


def _account(world: World, tree: dict[str, Any], _: str) -> Thing:
    read(tree, {"expand": ["str"]})
    return shapes.account(world)


def _update_endpoint(world: World, tree: dict[str, Any], endpoint_id: str) -> Thing:
    """Which events are sent: what nobody listens to costs nothing."""
    spec = {
        "enabled_events": ["str"],
        "expand": ["str"],
        **dict.fromkeys(("description", "disabled", "metadata", "url"), NOT_SIMULATED),
    }
    given = read(tree, spec)
    endpoint = world.find("webhook_endpoint", endpoint_id, param="webhook_endpoint")
    if given.get("enabled_events"):
        endpoint["enabled_events"] = given["enabled_events"]
        world.store.save("webhook_endpoint", endpoint)
    return endpoint


ROUTES = (
    route("POST", "/v1/checkout/sessions", _create_session),
    route("GET", "/v1/checkout/sessions", _list_sessions),
    route("GET", "/v1/checkout/sessions/{id}", retrieve("checkout.session", param="session")),
    route("POST", "/v1/checkout/sessions/{id}/expire", _expire_session),
    route("GET", "/v1/checkout/sessions/{id}/line_items", _session_lines),
    route(
        "GET",
        "/v1/payment_intents",
        list_of("payment_intent", "/v1/payment_intents", ("customer", "customer_account"), ("customer",)),
    ),
    route("GET", "/v1/payment_intents/{id}", retrieve("payment_intent", param="intent")),
    route(
        "GET",
        "/v1/charges",
        list_of(
            "charge",
            "/v1/charges",
            ("payment_intent", "customer", "transfer_group"),
            ("payment_intent", "customer"),
        ),
    ),
    route("GET", "/v1/charges/{id}", retrieve("charge", param="id")),
    route("GET", "/v1/balance", _balance),
    route("GET", "/v1/account", _account),
    route("GET", "/v1/events", _list_events),
    route("GET", "/v1/events/{id}", _event),
    route("GET", "/v1/webhook_endpoints", list_of("webhook_endpoint", "/v1/webhook_endpoints", ())),
    route("POST", "/v1/webhook_endpoints/{id}", _update_endpoint),
    route("GET", "/v1/webhook_endpoints/{id}", retrieve("webhook_endpoint", param="webhook_endpoint")),
    *money_api.ROUTES,
    *customers_api.ROUTES,
    *billing_api.ROUTES,
)
