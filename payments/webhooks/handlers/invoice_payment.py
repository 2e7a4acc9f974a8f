"""Invoice payments: what ties an invoice to its payment, and so a charge to its gift."""

from payments.stripe_gateway.billing_shapes import Invoice, InvoicePayment
from payments.webhooks import instalments
from payments.webhooks.batch import Batch
from payments.webhooks.handlers import invoice


def seen(batch: Batch, payment: InvoicePayment) -> None:
    """A tie, of an invoice that is known or not; where it came along, it is known now."""
    row = instalments.tie(batch, payment)
    if isinstance(payment.invoice, Invoice):
        invoice.seen(batch, payment.invoice)
    elif row is not None:
        instalments.join(batch, row)
