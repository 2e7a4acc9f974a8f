"""Events: a snapshot of a thing that changed, and the deliveries owed to each endpoint for it.

The snapshot is kept as the text it is sent as: a year of two thousand plans makes a quarter of a million, and
nobody looks into most of them.
"""

from __future__ import annotations

import json
import time
from typing import Any

from payments.sandbox import API_VERSION
from payments.sandbox.store import Thing
from payments.sandbox.world import World
from payments.sandbox.writing import written

THIRTY_DAYS = 30 * 24 * 3600


def emit(world: World, type_: str, subject: Thing, *, previous: dict[str, Any] | None = None) -> Thing:
    """Record that `subject` changed; `previous` holds the changed attributes as they were."""
    data: dict[str, Any] = {"object": subject}
    if previous is not None:
        data["previous_attributes"] = previous
    endpoints = [e for e in world.store.all("webhook_endpoint") if listens(e, type_)]
    event: Thing = {
        "id": world.new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": world.now(),
        "data": written(data),
        "livemode": False,
        "pending_webhooks": len(endpoints),
        "request": {"id": world.asking.request_id, "idempotency_key": world.asking.idempotency_key},
        "type": type_,
    }
    world.store.save("event", event)
    world.events_made += 1
    for endpoint in endpoints:
        owe(world, event, endpoint)
    return event


def shown(event: Thing) -> Thing:
    """The event as the API shows it."""
    return {**event, "data": json.loads(event["data"])}


def as_text(event: Thing, lies: dict[str, Any]) -> str:
    """The event as it is sent, with what the sender was told to say instead."""
    told = {**event, **lies}
    snapshot = told.pop("data")
    return f'{written(told)[:-1]},"data":{snapshot}}}'


def listens(endpoint: Thing, type_: str) -> bool:
    return endpoint["status"] == "enabled" and (
        "*" in endpoint["enabled_events"] or type_ in endpoint["enabled_events"]
    )


def owe(world: World, event: Thing, endpoint: Thing, *, extra: bool = False) -> Thing:
    """A delivery of one event to one endpoint; `extra` ones do not count as the event's own."""
    delivery: Thing = {
        "id": world.new_id("whd"),
        "event": event["id"],
        "type": event["type"],
        "endpoint": endpoint["id"],
        "status": "new",
        "extra": extra,
        "attempts": [],
        "next_at": time.time(),
    }
    world.store.save("delivery", delivery)
    return delivery


def was_delivered(world: World, event: Thing) -> bool:
    """Whether every endpoint that should have had it has answered with a 2xx."""
    owed = [d for d in world.store.where("delivery", "event", event["id"]) if not d["extra"]]
    return all(d["status"] == "delivered" for d in owed)


def is_listed(world: World, event: Thing) -> bool:
    """Stripe's list reaches thirty days back."""
    created: int = event["created"]
    return created >= world.now() - THIRTY_DAYS


def forget_old(world: World) -> None:
    """Events that Stripe's list no longer reaches, and their deliveries, once every one was tried."""
    horizon = world.now() - THIRTY_DAYS
    for event in world.store.each("event"):
        if event["created"] >= horizon:
            return
        owed = world.store.where("delivery", "event", event["id"])
        if any(delivery["status"] in ("new", "pending", "held") for delivery in owed):
            continue
        for delivery in owed:
            world.store.forget("delivery", delivery["id"])
        world.store.forget("event", event["id"])
