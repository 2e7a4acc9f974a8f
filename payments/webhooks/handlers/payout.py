"""Payouts, as far as the book goes: whatever happened, it is in the balance transactions it names."""

from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch


def seen(batch: Batch, payout: shapes.Payout) -> None:
    """Fetch what it names; a payout may fail after it was called paid."""
    batch.want_balance_transactions([payout.balance_transaction, payout.failure_balance_transaction])
