"""Balance transactions as we fetched them: each is mirrored in the book by one entry."""

from payments.donations import settlement
from payments.donations.models import Charge
from payments.errors import TryLater
from payments.ledger import rules
from payments.stripe_gateway import shapes
from payments.webhooks.batch import Batch
from payments.webhooks.handlers import charge as charges
from payments.webhooks.handlers import charge_dispute, movements, refund


class ChargeNotYetBooked(TryLater):
    """Money goes back that the book has not seen coming; it is on its way."""

    def __init__(self, stripe_charge_id: str) -> None:
        super().__init__(f"charge {stripe_charge_id} is not booked yet")


def fetched(batch: Batch, transaction: shapes.BalanceTransaction) -> None:
    """Book it by Stripe's reporting category; anything no rule knows goes into suspense.

    The source came along, so whatever webhook was lost, the charge, refund or dispute is known now.
    """
    is_as_agreed = _note_source(batch, transaction)
    if batch.is_booked(transaction.id):
        return
    batch.book(transaction, _entry(batch, transaction, is_as_agreed=is_as_agreed))
    if transaction.dispute is not None:
        known = batch.dispute(transaction.dispute.id)
        if known is not None:
            charge_dispute.book_loss(batch, known)


def _note_source(batch: Batch, transaction: shapes.BalanceTransaction) -> bool:
    """Take over the source's facts. False for a gift charged otherwise than asked: its event is
    parked and its money is in suspense."""
    if transaction.charge is not None:
        donation = batch.donation_paid_by(transaction.charge)
        if donation is not None and not settlement.is_as_agreed(donation, transaction.charge):
            return False
        charges.seen(batch, transaction.charge)
    elif transaction.refund is not None:
        refund.seen(batch, transaction.refund)
    elif transaction.dispute is not None:
        charge_dispute.seen(batch, transaction.dispute)
    return True


def _entry(batch: Batch, transaction: shapes.BalanceTransaction, *, is_as_agreed: bool) -> rules.Entry:
    movement = movements.of_shape(transaction)
    if not is_as_agreed:
        return rules.unclassified(movement, batch.books_of(None))
    if transaction.reporting_category not in _ABOUT_A_CHARGE or transaction.stripe_charge_id is None:
        return rules.without_gift(movement, batch.books_of(None))
    return _entry_of_a_charge(batch, transaction, movement)


_ABOUT_A_CHARGE = frozenset(
    {"charge", "refund", "refund_failure", "charge_failure", "dispute", "dispute_reversal"}
)


def _entry_of_a_charge(
    batch: Batch, transaction: shapes.BalanceTransaction, movement: rules.Movement
) -> rules.Entry:
    charge = batch.known_charge(transaction.stripe_charge_id)
    donation = batch.donation(charge.donation_id)
    gift = movements.gift_of(batch, charge, donation)
    books = batch.books_of(donation)
    match transaction.reporting_category:
        case "charge":
            return rules.settled(movement, gift, books)
        case "dispute" | "dispute_reversal":
            return rules.dispute_moved(movement, gift, books)
        case "refund_failure":
            return rules.refund_failed(movement, gift, books)
    settled = _settled_amount(batch, charge, movement.currency)
    if settled is None:
        # Stripe settles it in another currency than the charge: no rate of ours joins them.
        return rules.unclassified(movement, books)
    back = rules.MoneyBack(
        settled=settled,
        before=sum(row.amount for row in batch.refunds_of(charge) if row.is_booked),
        # A returned bank debit is the whole gift.
        now=transaction.refund.amount if transaction.refund is not None else gift.given,
        owed=batch.owed(donation, movement.currency),
    )
    _mark_booked(batch, transaction)
    if transaction.reporting_category == "charge_failure":
        return rules.bank_debit_returned(movement, gift, back, books)
    return rules.refunded(movement, gift, back, books)


def _settled_amount(batch: Batch, charge: Charge, currency: str) -> int | None:
    """What the charge brought in, as booked; None when it was settled in another currency."""
    booked = [
        row for row in batch.booked_about(charge.stripe_charge_id) if row.reporting_category == "charge"
    ]
    if not booked:
        raise ChargeNotYetBooked(charge.stripe_charge_id)
    return booked[0].amount if booked[0].currency == currency else None


def _mark_booked(batch: Batch, transaction: shapes.BalanceTransaction) -> None:
    if transaction.refund is not None:
        row = batch.refund(transaction.refund)
        if row is not None:
            row.is_booked = True
