"""An invoice's own life: draft, open, then paid, void or uncollectible; and the payment it is settled by.

Every invoice here is a subscription's. Asking the donor's bank for the money is collection.py.
"""

from __future__ import annotations

from typing import Any

from payments.sandbox import billing_shapes, methods, shapes, subscriptions
from payments.sandbox.errors import Refusal
from payments.sandbox.events import emit
from payments.sandbox.store import Thing, copied
from payments.sandbox.world import World

_FIRST = "subscription_create"


def draft(world: World, subscription: Thing, *, reason: str, since: int, free: bool = False) -> Thing:
    """The invoice for the subscription's current period; nothing is said of it yet."""
    customer = world.find("customer", subscription["customer"])
    invoice = billing_shapes.invoice(
        world, subscription=subscription, customer=customer, reason=reason, since=since
    )
    lines = [
        billing_shapes.invoice_line(
            world,
            invoice_id=invoice["id"],
            subscription=subscription,
            item=item,
            start=item["current_period_start"],
            end=item["current_period_end"],
            free=free,
        )
        for item in subscription["items"]["data"]
    ]
    total = sum(line["amount"] for line in lines)
    invoice["lines"].update(data=lines, total_count=len(lines), url=f"/v1/invoices/{invoice['id']}/lines")
    invoice.update(
        amount_due=total,
        amount_remaining=total,
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_excluding_tax=total,
    )
    world.store.save("invoice", invoice)
    return invoice


def subscription_of(world: World, invoice: Thing) -> Thing:
    return world.find("subscription", invoice["parent"]["subscription_details"]["subscription"])


def change(world: World, invoice: Thing, changes: dict[str, Any]) -> None:
    """Set what is different and say so with `invoice.updated`."""
    previous = {name: invoice[name] for name, value in changes.items() if invoice[name] != value}
    if not previous:
        return
    previous = copied(previous)
    invoice.update(changes)
    world.store.save("invoice", invoice)
    emit(world, "invoice.updated", invoice, previous=previous)


def finalize(world: World, invoice: Thing, *, intent: Thing | None = None) -> None:
    """From draft to open: a number, a page of its own, and a PaymentIntent unless nothing is due.

    `intent` is the one that a Checkout Session had paid before there was an invoice.
    """
    if invoice["status"] != "draft":
        raise Refusal("This invoice is already finalized, you can't re-finalize it.", param="invoice")
    world.store.forget("due", f"finalize:{invoice['id']}")
    customer = world.find("customer", invoice["customer"])
    page = f"{world.options.base_url}/i/{invoice['id']}"
    invoice.update(
        status="open",
        number=f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}",
        automatically_finalizes_at=None,
        effective_at=world.now(),
        ending_balance=0,
        hosted_invoice_url=page,
        invoice_pdf=f"{page}/pdf",
        status_transitions={**invoice["status_transitions"], "finalized_at": world.now()},
    )
    customer["next_invoice_sequence"] += 1
    world.store.save("customer", customer)
    world.store.save("invoice", invoice)
    if invoice["amount_due"] > 0:
        _expect_payment(world, invoice, intent or _new_intent(world, invoice, customer))
    emit(world, "invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        paid(world, invoice)


def _new_intent(world: World, invoice: Thing, customer: Thing) -> Thing:
    types = ["card", *methods.DEBITS.get(invoice["currency"], ())]
    intent = shapes.payment_intent(
        world,
        {
            "amount_total": invoice["amount_due"],
            "currency": invoice["currency"],
            "customer": customer["id"],
            "payment_method_types": types,
        },
        {"payment_intent_data": {"description": said_of(invoice), "setup_future_usage": "off_session"}},
    )
    world.store.save("payment_intent", intent)
    emit(world, "payment_intent.created", intent)
    return intent


def said_of(invoice: Thing) -> str:
    """What Stripe writes on the payment of a subscription's invoice: nothing that names the gift."""
    return "Subscription creation" if invoice["billing_reason"] == _FIRST else "Subscription update"


def _expect_payment(world: World, invoice: Thing, intent: Thing) -> None:
    payment = billing_shapes.invoice_payment(world, invoice=invoice, intent_id=intent["id"])
    world.store.save("invoice_payment", payment)


def payments_of(world: World, invoice: Thing) -> list[Thing]:
    return world.store.where("invoice_payment", "invoice", invoice["id"])


def intent_of(world: World, invoice: Thing) -> Thing | None:
    payments = payments_of(world, invoice)
    return world.find("payment_intent", payments[0]["payment"]["payment_intent"]) if payments else None


def invoice_of(world: World, intent: Thing) -> Thing | None:
    """The invoice that a PaymentIntent pays, which neither it nor its charge says."""
    found = world.store.where("invoice_payment", "payment.payment_intent", intent["id"])
    return world.find("invoice", found[0]["invoice"]) if found else None


def paid(world: World, invoice: Thing) -> None:
    """The money is promised: the invoice, its payment and the subscription say so."""
    world.store.forget("due", f"retry:{invoice['id']}")
    invoice.update(
        status="paid",
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempted=True,
        attempt_count=max(invoice["attempt_count"], 1 if invoice["amount_due"] else 0),
        auto_advance=False,
        next_payment_attempt=None,
        status_details=None,
        status_transitions={**invoice["status_transitions"], "paid_at": world.now()},
    )
    world.store.save("invoice", invoice)
    payments = payments_of(world, invoice)
    for payment in payments:
        payment.update(
            amount_paid=payment["amount_requested"],
            status="paid",
            status_transitions={"canceled_at": None, "paid_at": world.now()},
        )
        world.store.save("invoice_payment", payment)
    emit(world, "invoice.paid", invoice)
    emit(world, "invoice.payment_succeeded", invoice)
    for payment in payments:
        emit(world, "invoice_payment.paid", payment)
    _heal(world, invoice)


def _heal(world: World, invoice: Thing) -> None:
    subscription = subscription_of(world, invoice)
    if subscription["status"] == "past_due" and subscription["latest_invoice"] == invoice["id"]:
        subscriptions.change(world, subscription, {"status": "active"})


def void(world: World, invoice: Thing) -> Thing:
    """`POST /v1/invoices/{id}/void`, and what a pause with `void` does."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise Refusal(
            f"You can only pass in open or uncollectible invoices. This invoice is {invoice['status']}.",
            code="invoice_not_editable",
            param="invoice",
        )
    _stop(world, invoice)
    _mark(world, invoice, status="void", moment="voided_at")
    emit(world, "invoice.voided", invoice)
    return invoice


def forgive(world: World, invoice: Thing, *, reason: str) -> Thing:
    """Marked uncollectible: nobody expects the money any more, though it may still come."""
    if invoice["status"] not in ("draft", "open"):
        raise Refusal(
            f"You can only mark open invoices as uncollectible. This invoice is {invoice['status']}.",
            code="invoice_not_editable",
            param="invoice",
        )
    if invoice["status"] == "draft":
        finalize(world, invoice)
    world.store.forget("due", f"retry:{invoice['id']}")
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    _mark(world, invoice, status="uncollectible", moment="marked_uncollectible_at")
    emit(world, "invoice.marked_uncollectible", invoice)
    return invoice


def _mark(world: World, invoice: Thing, *, status: str, moment: str) -> None:
    invoice.update(
        status=status,
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions={**invoice["status_transitions"], moment: world.now()},
    )
    world.store.save("invoice", invoice)


def _stop(world: World, invoice: Thing) -> None:
    """The payment that was expected is called off."""
    world.store.forget("due", f"retry:{invoice['id']}")
    for payment in payments_of(world, invoice):
        payment["status"] = "canceled"
        payment["status_transitions"] = {"canceled_at": world.now(), "paid_at": None}
        world.store.save("invoice_payment", payment)
        intent = world.find("payment_intent", payment["payment"]["payment_intent"])
        if intent["status"] == "processing":
            raise Refusal("A payment for this invoice is under way.", param="invoice")
        intent.update(
            status="canceled",
            canceled_at=world.now(),
            cancellation_reason="void_invoice",
            next_action=None,
        )
        world.store.save("payment_intent", intent)
        emit(world, "payment_intent.canceled", intent)
