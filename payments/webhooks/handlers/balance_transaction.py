"""Balance transactions as we fetched them: each is mirrored in the book by one entry."""

from payments.clock import from_stripe
from payments.donations import settlement
from payments.ledger import rules
from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch
from payments.webhooks.handlers import charge as charges


def fetched(batch: Batch, transaction: shapes.BalanceTransaction) -> None:
    """Book it: a gift's charge by its funds, anything no rule knows into suspense."""
    if transaction.charge is not None and _is_as_agreed(batch, transaction.charge):
        # The source came along: whatever webhook was lost, the charge and its gift are known now.
        charges.seen(batch, transaction.charge)
    if batch.is_booked(transaction.id):
        return
    movement = rules.Movement(
        stripe_balance_transaction_id=transaction.id,
        reporting_category=transaction.reporting_category,
        type=transaction.type,
        amount=transaction.amount,
        fee=transaction.fee,
        net=transaction.net,
        currency=transaction.currency,
        created_at=from_stripe(transaction.created),
    )
    batch.book(transaction, _entry_for(batch, transaction, movement))


def _is_as_agreed(batch: Batch, charge: shapes.Charge) -> bool:
    """False for a gift charged otherwise than asked: its event is parked, its money is in suspense."""
    donation = batch.donation_paid_by(charge)
    return donation is None or settlement.is_as_agreed(donation, charge)


def _entry_for(batch: Batch, transaction: shapes.BalanceTransaction, movement: rules.Movement) -> rules.Entry:
    charge = batch.charge(transaction.source_id) if transaction.source_id else None
    donation = batch.donation(charge.donation_id) if charge is not None else None
    if transaction.reporting_category != "charge" or donation is None:
        return rules.unclassified(movement, batch.receiving_books)
    gift = rules.GiftShares(
        donation_id=donation.id,
        funds=[(allocation.fund_id, allocation.amount) for allocation in donation.allocations],
        fee_cover=donation.fee_cover_amount,
    )
    entity = batch.entity(donation.entity_id)
    return rules.gift_settled(movement, gift, rules.Books(entity_id=entity.id, time_zone=entity.time_zone))
