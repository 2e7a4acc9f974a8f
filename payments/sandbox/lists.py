"""Lists as Stripe answers them (newest first, pages of 1 to 100), and the expansion of ids into objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from payments.sandbox.checkout import line_items
from payments.sandbox.errors import Refusal, no_such
from payments.sandbox.store import Thing
from payments.sandbox.world import World

PAGING: dict[str, Any] = {
    "limit": "int",
    "starting_after": "str",
    "ending_before": "str",
    "expand": ["str"],
}
BOUNDS: dict[str, Any] = {"gt": "int", "gte": "int", "lt": "int", "lte": "int"}
CREATED: dict[str, Any] = {"created": BOUNDS}

_KINDS = {
    "pi": "payment_intent",
    "ch": "charge",
    "py": "charge",
    "txn": "balance_transaction",
    "cus": "customer",
    "pm": "payment_method",
    "re": "refund",
    "pyr": "refund",
    "dp": "dispute",
    "po": "payout",
    "tu": "topup",
    "sub": "subscription",
    "in": "invoice",
    "prod": "product",
    "price": "price",
}
_EXPANDABLE = {
    "checkout.session": (
        "payment_intent",
        "customer",
        "line_items",
        "invoice",
        "setup_intent",
        "subscription",
    ),
    "payment_intent": (
        "latest_charge",
        "customer",
        "payment_method",
        "review",
        "application",
        "on_behalf_of",
    ),
    "charge": ("balance_transaction", "customer", "payment_intent", "failure_balance_transaction", "refunds"),
    "balance_transaction": ("source",),
    "refund": (
        "balance_transaction",
        "charge",
        "failure_balance_transaction",
        "payment_intent",
        "source_transfer_reversal",
        "transfer_reversal",
    ),
    "dispute": ("charge", "payment_intent"),
    "radar.early_fraud_warning": ("charge", "payment_intent"),
    "payout": ("balance_transaction", "failure_balance_transaction", "original_payout", "reversed_by"),
    "topup": ("balance_transaction",),
    "customer": ("default_source", "test_clock", "subscriptions", "sources", "tax_ids"),
    "payment_method": ("customer",),
    "subscription": (
        "customer",
        "default_payment_method",
        "default_source",
        "latest_invoice",
        "pending_setup_intent",
        "schedule",
        "test_clock",
    ),
    "invoice": (
        "confirmation_secret",
        "customer",
        "default_payment_method",
        "default_source",
        "latest_revision",
        "payments",
        "test_clock",
    ),
    "invoice_payment": ("invoice",),
    "price": ("product",),
}
# What lies in a plain object inside another, which holds ids of its own.
_INSIDE = {
    "subscription": ("items",),
    "invoice": ("lines", "parent"),
    "invoice_payment": ("payment",),
    "line_item": ("pricing", "parent"),
    "subscription_item": ("price",),
}


def created_filter(given: dict[str, Any]) -> Callable[[Thing], bool]:
    bounds = given.get("created")
    return lambda thing: within(thing["created"], bounds)


def within(moment: int, bounds: dict[str, int] | None) -> bool:
    bounds = bounds or {}
    return (
        ("gt" not in bounds or moment > bounds["gt"])
        and ("gte" not in bounds or moment >= bounds["gte"])
        and ("lt" not in bounds or moment < bounds["lt"])
        and ("lte" not in bounds or moment <= bounds["lte"])
    )


def _earliest(bounds: dict[str, int] | None) -> int | None:
    """The first second that `created` allows, or None."""
    bounds = bounds or {}
    allowed = [bounds[name] for name in ("gt", "gte") if name in bounds]
    return max(allowed) if allowed else None


def page(
    world: World,
    kind: str,
    given: dict[str, Any],
    *,
    url: str,
    matches: Callable[[Thing], bool],
    among: list[Thing] | None = None,
) -> Thing:
    """One page; `among` narrows the search to what an index already found (oldest first)."""
    limit = given.get("limit", 10)
    if not 1 <= limit <= 100:
        raise Refusal(
            f"Invalid integer: limit must be between 1 and 100, not {limit}",
            code="parameter_invalid_integer",
            param="limit",
        )
    after, before = given.get("starting_after"), given.get("ending_before")
    if after and before:
        raise Refusal("You may only specify one of these parameters: starting_after, ending_before.")
    for param, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor is not None and world.store.get(kind, cursor) is None:
            raise no_such(kind, cursor, param=param)
    wanted = {thing["id"] for thing in among} if among is not None else None

    def fits(thing: Thing) -> bool:
        return (wanted is None or thing["id"] in wanted) and matches(thing)

    source: Iterable[Thing]
    if before:
        source = world.store.oldest_first(kind, after=before)
    elif among is not None and not after:
        source = reversed(among)
    else:
        source = world.store.newest_first(kind, after=after, since=_earliest(given.get("created")))
    found = list(islice((thing for thing in source if fits(thing)), limit + 1))
    shown = found[:limit]
    if before:
        shown.reverse()
    data = [expanded(world, thing, _within_data(given.get("expand") or [])) for thing in shown]
    return {"object": "list", "data": data, "has_more": len(found) > limit, "url": url}


def _within_data(paths: list[str]) -> list[str]:
    for path in paths:
        if not path.startswith("data."):
            raise Refusal(
                f"This property cannot be expanded ({path}). Did you mean data.{path}?", param="expand"
            )
    return [path.removeprefix("data.") for path in paths]


def expanded(world: World, thing: Thing, paths: list[str]) -> Thing:
    """The thing with the ids at `paths` replaced by what they name. To be shown and not to be changed: what
    is named is the living thing, and a page of a hundred of them is not copied for each asker."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > 4:
            raise Refusal("You can only expand four levels deep.", param="expand")
        thing = _expand(world, thing, steps, path)
    return thing


def _expand(world: World, thing: Thing, steps: list[str], whole: str) -> Thing:
    name, rest = steps[0], steps[1:]
    kind = str(thing.get("object"))
    if name in _INSIDE.get(kind, ()) or (name == "data" and kind == "list") or _is_plain(thing, name):
        return _expand_inside(world, thing, name, rest, whole)
    if name not in _EXPANDABLE.get(kind, ()) and "object" in thing:
        raise Refusal(f"This property cannot be expanded ({whole}).", param="expand")
    named = _named(world, thing, name)
    if rest and isinstance(named, dict):
        named = _expand(world, named, rest, whole)
    return {**thing, name: named} if name in thing or name in _MADE_FOR_THE_ASKER else thing


def _named(world: World, thing: Thing, name: str) -> Any:
    """What the thing has at `name`, or names there; None where there is nothing."""
    if name in _MADE_FOR_THE_ASKER:
        return _MADE_FOR_THE_ASKER[name](world, thing)
    there = thing.get(name)
    return world.find(_KINDS[there.split("_", 1)[0]], there) if isinstance(there, str) else there


def _is_plain(thing: Thing, name: str) -> bool:
    return "object" not in thing and isinstance(thing.get(name), dict)


def _expand_inside(world: World, thing: Thing, name: str, rest: list[str], whole: str) -> Thing:
    if not rest:
        raise Refusal(f"This property cannot be expanded ({whole}).", param="expand")
    inner = thing.get(name)
    if isinstance(inner, dict):
        return {**thing, name: _expand(world, inner, rest, whole)}
    if isinstance(inner, list):
        return {**thing, name: [_expand(world, one, rest, whole) for one in inner]}
    return thing


def _lines(world: World, session: Thing) -> Thing:
    return inline_list(line_items(world, session), f"/v1/checkout/sessions/{session['id']}/line_items")


def _refunds(world: World, charge: Thing) -> Thing:
    newest_first = world.store.where("refund", "charge", charge["id"])[::-1]
    first_page = inline_list(newest_first[:10], f"/v1/charges/{charge['id']}/refunds")
    return {**first_page, "has_more": len(newest_first) > 10}


def _payments(world: World, invoice: Thing) -> Thing:
    made = world.store.where("invoice_payment", "invoice", invoice["id"])
    return inline_list(made, f"/v1/invoice_payments?invoice={invoice['id']}")


def _running(world: World, customer: Thing) -> Thing:
    theirs = world.store.where("subscription", "customer", customer["id"])
    running = [one for one in theirs if one["status"] != "canceled"]
    return inline_list(running, f"/v1/customers/{customer['id']}/subscriptions")


def _confirmation_secret(world: World, invoice: Thing) -> Thing | None:
    made = world.store.where("invoice_payment", "invoice", invoice["id"])
    if not made or invoice["status"] != "open":
        return None
    intent = world.find("payment_intent", made[0]["payment"]["payment_intent"])
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def inline_list(items: list[Thing], url: str) -> Thing:
    return {"object": "list", "data": items, "has_more": False, "url": url}


# What a thing has no room for until somebody asks to see it.
_MADE_FOR_THE_ASKER: dict[str, Callable[[World, Thing], Thing | None]] = {
    "line_items": _lines,
    "refunds": _refunds,
    "payments": _payments,
    "confirmation_secret": _confirmation_secret,
    "subscriptions": _running,
    "sources": lambda _, customer: inline_list([], f"/v1/customers/{customer['id']}/sources"),
    "tax_ids": lambda _, customer: inline_list([], f"/v1/customers/{customer['id']}/tax_ids"),
}
