"""THE TABLE: every event that is acted on, what is read of it, and the handler that acts.

It is also what we ask Stripe to send (`almoner stripe events` prints it). An event whose type is
not here is stored and ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payments.stripe_gateway import adopted_shapes, billing_shapes, shapes
from payments.stripe_gateway.shape import Shape
from payments.stripe_gateway.shapes import read, read_event_object
from payments.webhooks.batch import Batch
from payments.webhooks.handlers import (
    adopted,
    balance_transaction,
    charge,
    charge_dispute,
    checkout_session,
    customer,
    customer_subscription,
    invoice,
    invoice_payment,
    payment_intent,
    payment_method,
    payout,
    radar_early_fraud_warning,
    refund,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How one type is read, and who acts on it."""

    shape: type[Shape]
    handler: Callable[[Batch, Any], None]


TABLE: dict[str, Reading] = {
    "checkout.session.completed": Reading(shapes.CheckoutSession, checkout_session.completed),
    "checkout.session.async_payment_succeeded": Reading(
        shapes.CheckoutSession, checkout_session.async_payment_succeeded
    ),
    "checkout.session.async_payment_failed": Reading(
        shapes.CheckoutSession, checkout_session.async_payment_failed
    ),
    "checkout.session.expired": Reading(shapes.CheckoutSession, checkout_session.expired),
    "payment_intent.payment_failed": Reading(shapes.PaymentIntent, payment_intent.payment_failed),
    # The session does not say when and with which card it was paid; the charge does.
    "charge.succeeded": Reading(shapes.Charge, charge.seen),
    "charge.updated": Reading(shapes.Charge, charge.seen),
    "charge.failed": Reading(shapes.Charge, charge.seen),
    **{
        f"customer.subscription.{word}": Reading(billing_shapes.Subscription, customer_subscription.seen)
        for word in ("created", "updated", "deleted", "paused", "resumed")
    },
    # Not `invoice.created`: Stripe would wait for our answer before it collects.
    "invoice.finalized": Reading(billing_shapes.Invoice, invoice.seen),
    "invoice.updated": Reading(billing_shapes.Invoice, invoice.seen),
    "invoice.paid": Reading(billing_shapes.Invoice, invoice.seen),
    "invoice.payment_failed": Reading(billing_shapes.Invoice, invoice.payment_failed),
    "invoice.payment_action_required": Reading(billing_shapes.Invoice, invoice.seen),
    "invoice.marked_uncollectible": Reading(billing_shapes.Invoice, invoice.seen),
    "invoice.voided": Reading(billing_shapes.Invoice, invoice.seen),
    # A charge has no field for its invoice; this is the tie.
    "invoice_payment.paid": Reading(billing_shapes.InvoicePayment, invoice_payment.seen),
    "customer.updated": Reading(billing_shapes.Customer, customer.updated),
    "payment_method.attached": Reading(billing_shapes.PaymentMethod, payment_method.seen),
    "payment_method.updated": Reading(billing_shapes.PaymentMethod, payment_method.seen),
    "payment_method.automatically_updated": Reading(billing_shapes.PaymentMethod, payment_method.seen),
    "refund.created": Reading(shapes.Refund, refund.seen),
    "refund.updated": Reading(shapes.Refund, refund.seen),
    "refund.failed": Reading(shapes.Refund, refund.seen),
    "charge.dispute.created": Reading(shapes.Dispute, charge_dispute.seen),
    "charge.dispute.updated": Reading(shapes.Dispute, charge_dispute.seen),
    "charge.dispute.closed": Reading(shapes.Dispute, charge_dispute.seen),
    "charge.dispute.funds_withdrawn": Reading(shapes.Dispute, charge_dispute.seen),
    "charge.dispute.funds_reinstated": Reading(shapes.Dispute, charge_dispute.seen),
    "radar.early_fraud_warning.created": Reading(shapes.EarlyFraudWarning, radar_early_fraud_warning.seen),
    "radar.early_fraud_warning.updated": Reading(shapes.EarlyFraudWarning, radar_early_fraud_warning.seen),
    "payout.created": Reading(shapes.Payout, payout.seen),
    "payout.updated": Reading(shapes.Payout, payout.seen),
    "payout.paid": Reading(shapes.Payout, payout.seen),
    "payout.failed": Reading(shapes.Payout, payout.seen),
    "payout.canceled": Reading(shapes.Payout, payout.seen),
    # From here on Stripe's list of what it carries is whole.
    "payout.reconciliation_completed": Reading(shapes.Payout, payout.seen),
}
"""What Stripe sends and we act on."""

FETCHED: dict[str, Reading] = {
    "balance_transaction": Reading(shapes.BalanceTransaction, balance_transaction.fetched),
    "payout": Reading(shapes.Payout, payout.seen),
    "payout_list": Reading(shapes.PayoutList, payout.listed),
    "adopted_plan": Reading(adopted_shapes.AdoptedPlan, adopted.plan),
    "adopted_gift": Reading(adopted_shapes.AdoptedGift, adopted.gift),
    "subscription": Reading(billing_shapes.Subscription, customer_subscription.seen),
    "invoice": Reading(billing_shapes.Invoice, invoice.seen),
}
"""What we fetch and act on; its body is the object itself, without an event around it."""


def is_acted_on(event_type: str) -> bool:
    """Whether anything is to be done about this type."""
    return event_type in TABLE or event_type in FETCHED


def reading_of(event_type: str) -> Reading | None:
    """How to read and act on a type; None when nothing is to be done."""
    return TABLE.get(event_type) or FETCHED.get(event_type)


def object_of(event_type: str, body: bytes) -> Shape:
    """The object of a stored body, or `UnreadableStripeObject`."""
    if event_type in FETCHED:
        return read(FETCHED[event_type].shape, body)
    return read_event_object(TABLE[event_type].shape, body)
