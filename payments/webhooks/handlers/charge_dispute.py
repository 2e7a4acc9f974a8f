"""Disputes: opened, answered, won or lost. Money follows its balance transactions; only a lost
dispute has none, so its outcome itself is booked."""

from payments.clock import now
from payments.donations import disputes
from payments.donations.reversals import Dispute
from payments.ledger import rules
from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch
from payments.webhooks.handlers import movements


def seen(batch: Batch, dispute: shapes.Dispute) -> None:
    """A dispute in whatever state."""
    charge = batch.known_charge(dispute.charge)
    known = batch.dispute(dispute.id)
    if known is None:
        known = disputes.dispute_from(dispute, charge)
        batch.add_dispute(known)
    disputes.update_dispute(known, dispute, said_at=now())
    book_loss(batch, known)


def book_loss(batch: Batch, dispute: Dispute) -> None:
    """Once a dispute is lost and its withdrawal is booked, what was held is a chargeback."""
    if dispute.status != "lost" or dispute.closed_at is None:
        return
    charge = batch.known_charge(dispute.stripe_charge_id)
    donation = batch.donation(charge.donation_id)
    for withdrawn in batch.booked_about(dispute.stripe_dispute_id):
        batch.post(
            rules.dispute_lost(
                movements.of_row(withdrawn),
                movements.gift_of(batch, charge, donation),
                batch.books_of(donation),
                closed_at=dispute.closed_at,
            )
        )
