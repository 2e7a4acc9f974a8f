"""Customers: a donor has given another card or account on Stripe's page."""

from payments.stripe_gateway.billing_shapes import Customer
from payments.webhooks.batch import Batch


def updated(batch: Batch, customer: Customer) -> None:
    """Whatever else was changed of a customer is of no account here."""
    method = customer.new_default
    if method is None:
        return
    for gift in batch.promises.of_customer(customer.id):
        batch.promises.note_method(gift, method, said_at=batch.said_at)
