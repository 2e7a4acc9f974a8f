"""A subscription's own state: what it says of itself, when it is charged next, and how it ends.

Only the row is moved here. Its invoices are invoices.py, their collection is collection.py, and what happens
on a billing day is billing.py.
"""

from __future__ import annotations

from typing import Any

from payments.sandbox import billing_shapes
from payments.sandbox.billing_calendar import next_boundary
from payments.sandbox.events import emit
from payments.sandbox.store import Thing, copied
from payments.sandbox.world import World

OVER = ("canceled", "incomplete_expired")
_THREE_DAYS = 3 * 24 * 3600
_FOREVER = 253_402_300_799


def change(world: World, subscription: Thing, changes: dict[str, Any], *, told_as: str = "updated") -> None:
    """Set what is different and say so; nothing is said when nothing is."""
    previous = {name: subscription[name] for name, value in changes.items() if subscription[name] != value}
    if not previous:
        return
    previous = copied(previous)
    subscription.update(changes)
    world.store.save("subscription", subscription)
    emit(world, f"customer.subscription.{told_as}", subscription, previous=previous)


def is_over(subscription: Thing) -> bool:
    return subscription["status"] in OVER


def the_item(subscription: Thing) -> Thing:
    """The plan of a monthly gift is one item."""
    item: Thing = subscription["items"]["data"][0]
    return item


def amount_of(subscription: Thing) -> int:
    return sum(item["price"]["unit_amount"] * item["quantity"] for item in subscription["items"]["data"])


def next_end(subscription: Thing, *, after: int) -> int:
    every = the_item(subscription)["price"]["recurring"]
    return next_boundary(
        subscription["billing_cycle_anchor"],
        after=after,
        interval=every["interval"],
        count=every["interval_count"],
    )


def with_period(subscription: Thing, *, start: int, end: int) -> Thing:
    """The items as they are with another current period."""
    items = copied(subscription["items"])
    for item in items["data"]:
        item.update(current_period_start=start, current_period_end=end)
    return items


def add_items(world: World, subscription: Thing, prices: list[tuple[Thing, int]], *, end: int) -> None:
    """The items of a new subscription; each entry is a price and how many of it."""
    start = world.now()
    items = [
        billing_shapes.subscription_item(
            world, subscription_id=subscription["id"], price=price, quantity=quantity, start=start, end=end
        )
        for price, quantity in prices
    ]
    subscription["items"].update(data=items, total_count=len(items))


def expect_renewal(world: World, subscription: Thing) -> None:
    """Leave word for the end of the current period, for a trial's last days, and for a date to stop at."""
    end = the_item(subscription)["current_period_end"]
    stop = subscription["cancel_at"] or _FOREVER
    world.due("renew", subscription["id"], float(min(end, stop)))
    world.store.forget("due", f"trial_will_end:{subscription['id']}")
    if subscription["status"] == "trialing":
        soon = max(subscription["trial_end"] - _THREE_DAYS, world.now())
        world.due("trial_will_end", subscription["id"], float(soon))


def trial_will_end(world: World, subscription_id: str) -> None:
    subscription = world.find("subscription", subscription_id)
    if subscription["status"] == "trialing":
        emit(world, "customer.subscription.trial_will_end", subscription)


def invoices_of(world: World, subscription: Thing) -> list[Thing]:
    return world.store.where("invoice", "parent.subscription_details.subscription", subscription["id"])


def end(world: World, subscription: Thing, *, reason: str, details: Thing | None = None) -> None:
    """Over at once. Finalized invoices are no longer collected by themselves; a draft goes its way, which is
    why whoever stops a gift must look for one."""
    previous_canceled = subscription["canceled_at"]
    told = {**subscription["cancellation_details"], **(details or {}), "reason": reason}
    subscription.update(
        status="canceled",
        canceled_at=previous_canceled or world.now(),
        ended_at=world.now(),
        cancellation_details=told,
        cancel_at_period_end=False,
        pause_collection=None,
    )
    world.store.save("subscription", subscription)
    for deed in ("renew", "resume", "trial_will_end"):
        world.store.forget("due", f"{deed}:{subscription['id']}")
    emit(world, "customer.subscription.deleted", subscription)
    for invoice in invoices_of(world, subscription):
        if invoice["status"] == "open" and invoice["auto_advance"]:
            _let_rest(world, invoice)


def _let_rest(world: World, invoice: Thing) -> None:
    world.store.forget("due", f"retry:{invoice['id']}")
    previous = {"auto_advance": True, "next_payment_attempt": invoice["next_payment_attempt"]}
    invoice.update(auto_advance=False, next_payment_attempt=None)
    world.store.save("invoice", invoice)
    emit(world, "invoice.updated", invoice, previous=previous)
