"""From rows and shapes to what the ledger's rules read: movements and gifts."""

from payments.clock import from_stripe
from payments.donations import lines
from payments.donations.models import Charge, Donation
from payments.ledger.rules import Gift, Movement, foreign
from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch


def of_shape(transaction: shapes.BalanceTransaction) -> Movement:
    """A balance transaction as just fetched."""
    return Movement(
        stripe_balance_transaction_id=transaction.id,
        reporting_category=transaction.reporting_category,
        type=transaction.type,
        amount=transaction.amount,
        fee=transaction.fee,
        net=transaction.net,
        currency=transaction.currency,
        created_at=from_stripe(transaction.created),
        is_about_dispute=(transaction.source_id or "").startswith(("dp_", "du_")),
    )


def gift_of(batch: Batch, charge: Charge, donation: Donation | None) -> Gift:
    """The lines of a gift of ours, or the one line of foreign money."""
    return foreign(charge.amount) if donation is None else lines.gift_of(donation, batch.funds)
