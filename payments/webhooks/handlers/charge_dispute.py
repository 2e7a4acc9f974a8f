"""Disputes: opened, answered, won or lost. Money follows its balance transactions; only a lost
dispute has none, so its outcome itself is booked."""

from payments.donations import disputes
from payments.donations.reversals import Dispute
from payments.donations.turns import standing_of
from payments.jobs import Bell
from payments.ledger import rules
from payments.stripe_gateway import shapes
from payments.webhooks import movements
from payments.webhooks.batch import Batch


def seen(batch: Batch, dispute: shapes.Dispute) -> None:
    """A dispute in whatever state; once it is lost, what it held is booked, and a monthly gift ends."""
    known = note(batch, dispute)
    book_loss(batch, known)
    if disputes.is_lost(known):
        batch.call(Bell.END_DISPUTED)


def note(batch: Batch, dispute: shapes.Dispute, *, is_fetched: bool = False) -> Dispute:
    """Take over the facts alone."""
    charge = batch.known_charge(dispute.charge)
    known = batch.dispute(dispute.id)
    if known is None:
        known = disputes.dispute_from(dispute, charge)
        batch.add_dispute(known)
    disputes.update_dispute(known, dispute, said_at=batch.said_at, is_fetched=is_fetched)
    return known


def book_loss(batch: Batch, dispute: Dispute) -> None:
    """Once a dispute is lost and its withdrawal is booked, what was held is a chargeback."""
    if not disputes.is_lost(dispute) or dispute.closed_at is None:
        return
    charge = batch.known_charge(dispute.stripe_charge_id)
    booked = batch.booked_of(charge)
    if booked.settled is None or booked.loss_of(dispute) is not None or not booked.withdrawn_by(dispute):
        return
    donation = batch.donation(charge.donation_id)
    gift = movements.gift_of(batch, charge, donation)
    before = standing_of(gift, booked)
    reference = batch.note_loss(booked.first_of(dispute))
    after = standing_of(gift, booked)
    batch.post(
        rules.dispute_lost(
            reference,
            gift,
            rules.MoneyBack(settled=booked.settled.amount, before=before, after=after),
            batch.books_of(donation),
            currency=booked.settled.currency,
            closed_at=dispute.closed_at,
        )
    )
