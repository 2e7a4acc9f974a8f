"""Payouts: their money is in the balance transactions they name, their facts and lists stand beside it."""

from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch


def seen(batch: Batch, payout: shapes.Payout) -> None:
    """Note it and fetch what it names; a payout may fail after it was called paid."""
    batch.note_payout(payout)
    batch.want_balance_transactions([payout.balance_transaction, payout.failure_balance_transaction])


def listed(batch: Batch, found: shapes.PayoutList) -> None:
    """Tie every balance transaction to the payout that carries it."""
    seen(batch, found.payout)
    batch.note_payout_list(found)
