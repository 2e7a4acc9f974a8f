"""A billing day: a subscription begins with its first payment, renews, pauses and goes on."""

from __future__ import annotations

from payments.sandbox import billing_shapes, collection, invoices, shapes, subscriptions
from payments.sandbox.events import emit
from payments.sandbox.store import Thing
from payments.sandbox.world import World


def attach(world: World, method: Thing, customer_id: str) -> Thing:
    """From now on the method is the customer's and may be charged again."""
    method.update(customer=customer_id, allow_redisplay="limited")
    world.store.save("payment_method", method)
    emit(world, "payment_method.attached", method)
    return method


def start(world: World, session: Thing, intent: Thing, method: Thing) -> None:
    """A Checkout Session in subscription mode was completed: only now is there a subscription at all.

    The charge succeeded already, or a bank debit is under way and the first invoice stays open.
    """
    order = world.find("order", session["id"])
    plan = order["subscription_data"]
    subscription = billing_shapes.subscription(
        world,
        currency=session["currency"],
        customer_id=session["customer"],
        description=plan.get("description"),
        metadata=dict(plan.get("metadata") or {}),
    )
    subscription["default_payment_method"] = method["id"]
    prices = [(line["item"]["price"], line["item"]["quantity"]) for line in order["lines"]]
    subscriptions.add_items(world, subscription, prices, end=world.now())
    until = subscriptions.next_end(subscription, after=world.now())
    subscription["items"] = subscriptions.with_period(subscription, start=world.now(), end=until)
    world.store.save("subscription", subscription)
    invoice = invoices.draft(world, subscription, reason="subscription_create", since=world.now())
    subscription["latest_invoice"] = invoice["id"]
    session.update(subscription=subscription["id"], invoice=invoice["id"])
    world.store.save("subscription", subscription)
    world.store.save("checkout.session", session)
    subscriptions.expect_renewal(world, subscription)
    emit(world, "customer.subscription.created", subscription)
    emit(world, "invoice.created", invoice)
    invoices.finalize(world, invoice, intent=intent)
    if intent["status"] == "succeeded":
        invoices.paid(world, invoice)
    else:
        invoices.change(world, invoice, {"attempted": True, "attempt_count": 1})
        collection.expect_bank(world, intent)


def renew(world: World, subscription_id: str) -> None:
    """The period is over: the next one begins with an invoice, unless this was the last."""
    subscription = world.find("subscription", subscription_id)
    if subscriptions.is_over(subscription):
        return
    stop = subscription["cancel_at"]
    if subscription["cancel_at_period_end"] or (stop is not None and stop <= world.now()):
        subscriptions.end(world, subscription, reason="cancellation_requested")
        return
    item = subscriptions.the_item(subscription)
    since, start = item["current_period_start"], item["current_period_end"]
    end = subscriptions.next_end(subscription, after=start)
    ended_trial = subscription["status"] == "trialing"
    items = subscriptions.with_period(subscription, start=start, end=end)
    before = {"items": subscription["items"], "latest_invoice": subscription["latest_invoice"]}
    subscription["items"] = items
    if ended_trial:
        before["status"] = subscription["status"]
        subscription["status"] = "active"
    invoice = invoices.draft(world, subscription, reason="subscription_cycle", since=since)
    subscription["latest_invoice"] = invoice["id"]
    world.store.save("subscription", subscription)
    subscriptions.expect_renewal(world, subscription)
    _send_on_its_way(world, subscription, invoice)
    emit(world, "customer.subscription.updated", subscription, previous=before)


def _send_on_its_way(world: World, subscription: Thing, invoice: Thing) -> None:
    """A draft is finalized in an hour; while collection is paused it meets the pause's end for it."""
    pause = subscription["pause_collection"]
    if pause is None:
        invoice["automatically_finalizes_at"] = world.now() + world.billing.finalize_after
        world.store.save("invoice", invoice)
        world.due("finalize", invoice["id"], float(invoice["automatically_finalizes_at"]))
        emit(world, "invoice.created", invoice)
        return
    invoice["auto_advance"] = False
    world.store.save("invoice", invoice)
    emit(world, "invoice.created", invoice)
    if pause["behavior"] == "void":
        invoices.finalize(world, invoice)
        invoices.void(world, invoice)
    elif pause["behavior"] == "mark_uncollectible":
        invoices.forgive(world, invoice, reason="subscription_paused")


def resume_collection(world: World, subscription_id: str) -> None:
    """The day in `pause_collection.resumes_at`: invoices are collected again from the next one on."""
    subscription = world.find("subscription", subscription_id)
    if not subscriptions.is_over(subscription):
        subscriptions.change(world, subscription, {"pause_collection": None})


def bill_trial(world: World, subscription: Thing) -> None:
    """A trial that moves the billing date leaves an invoice over nothing, paid at once."""
    invoice = invoices.draft(world, subscription, reason="subscription_update", since=world.now(), free=True)
    subscription["latest_invoice"] = invoice["id"]
    world.store.save("subscription", subscription)
    emit(world, "invoice.created", invoice)
    invoices.finalize(world, invoice)


def give_card(world: World, customer: Thing, method: Thing, *, everywhere: bool) -> None:
    """A new method for future invoices. The portal makes it the customer's default; `everywhere` also the
    subscriptions' own, which come before it."""
    attach(world, method, customer["id"])
    previous = {"invoice_settings": dict(customer["invoice_settings"])}
    customer["invoice_settings"] = {
        **customer["invoice_settings"],
        "default_payment_method": method["id"],
    }
    world.store.save("customer", customer)
    emit(world, "customer.updated", customer, previous=previous)
    if everywhere:
        for subscription in world.store.where("subscription", "customer", customer["id"]):
            if not subscriptions.is_over(subscription):
                subscriptions.change(world, subscription, {"default_payment_method": method["id"]})


def make_customer(world: World, *, email: str | None, name: str | None) -> Thing:
    customer = shapes.customer(world, email=email, name=name)
    world.store.save("customer", customer)
    emit(world, "customer.created", customer)
    return customer
