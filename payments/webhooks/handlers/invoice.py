"""Invoices: each paid one that is about a promise of ours is a gift."""

from payments.monthly import following
from payments.monthly.models import MonthlyInvoice
from payments.stripe_gateway.billing_shapes import Invoice
from payments.webhooks import instalments
from payments.webhooks.batch import Batch


def seen(batch: Batch, invoice: Invoice) -> None:
    """An invoice in whatever state. A shop's or another program's is left alone."""
    row = _note(batch, invoice)
    if row is not None:
        instalments.join(batch, row)


def payment_failed(batch: Batch, invoice: Invoice) -> None:
    """A bank refused it. Nothing in the invoice itself tells this from a debit that is under way."""
    row = _note(batch, invoice)
    if row is not None:
        row.refused_attempts = max(row.refused_attempts, invoice.attempt_count)
        instalments.join(batch, row)
        batch.promises.note_refused(row, said_at=batch.said_at)


def _note(batch: Batch, invoice: Invoice) -> MonthlyInvoice | None:
    gift = batch.promises.gift(invoice.monthly_gift_id, stripe_subscription_id=invoice.stripe_subscription_id)
    if gift is None:
        return None
    following.bind(gift, stripe_subscription_id=invoice.stripe_subscription_id, stripe_customer_id=None)
    row = batch.promises.invoice_or_stub(invoice.id)
    row.monthly_gift_id = gift.id
    following.take_invoice(row, invoice, said_at=batch.said_at)
    for payment in invoice.payments.data if invoice.payments is not None else ():
        instalments.tie(batch, payment)
    return row
