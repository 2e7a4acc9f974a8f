"""Balance transactions as we fetched them: each is mirrored in the book by one entry."""

from payments.clock import from_stripe
from payments.donations import settlement
from payments.donations.models import Charge
from payments.donations.turns import standing_of
from payments.errors import TryLater
from payments.ledger import rules
from payments.ledger.models import BalanceTransaction
from payments.ledger.rules import OPENING_BALANCE
from payments.stripe_gateway import shapes
from payments.webhooks import movements
from payments.webhooks.batch import Batch
from payments.webhooks.handlers import charge as charges
from payments.webhooks.handlers import charge_dispute, refund


class NotYetBooked(TryLater):
    """Money goes back that the book has not seen coming; it is on its way."""

    def __init__(self, stripe_id: str) -> None:
        super().__init__(f"the money of {stripe_id} is not booked yet")


class InstalmentNotYetKnown(TryLater):
    """A charge of a donor who gives monthly, whose invoice has not been heard of; it is on its way."""

    def __init__(self, stripe_charge_id: str) -> None:
        super().__init__(f"the instalment that charge {stripe_charge_id} paid is not known yet")


def fetched(batch: Batch, transaction: shapes.BalanceTransaction) -> None:
    """Book it by Stripe's reporting category; anything no rule knows goes into suspense.

    The source came along, so whatever webhook was lost, the charge, refund or dispute is known now.
    """
    if _is_before_books(batch, transaction):
        _know_by_name(batch, transaction)
        return
    _note_source(batch, transaction)
    if batch.is_booked(transaction.id):
        return
    batch.post(_entry(batch, transaction))
    if transaction.dispute is not None:
        known = batch.dispute(transaction.dispute.id)
        if known is not None:
            charge_dispute.book_loss(batch, known)


def _is_before_books(batch: Batch, transaction: shapes.BalanceTransaction) -> bool:
    """Whether it is part of the opening balance. Not so a payout that was still on its way to the bank: that
    is booked whole, because its line on the bank's statement comes within the book."""
    begin = batch.books_begin
    return (
        begin is not None
        and from_stripe(transaction.created) < begin
        and transaction.reporting_category not in {"payout", OPENING_BALANCE}
    )


def _know_by_name(batch: Batch, transaction: shapes.BalanceTransaction) -> None:
    batch.note_before_books(transaction)
    charge = transaction.charge
    if charge is not None and batch.charge(charge.id) is None:
        batch.add_charge(settlement.charge_from(charge, None))


def _note_source(batch: Batch, transaction: shapes.BalanceTransaction) -> None:
    """Take over the source's facts."""
    if transaction.charge is not None:
        if _is_as_agreed(batch, transaction.charge):
            charges.seen(batch, transaction.charge)
        elif batch.charge(transaction.charge.id) is None:
            # Its own event is parked; what follows from it must still find it.
            batch.add_charge(settlement.charge_from(transaction.charge, None))
    elif transaction.refund is not None:
        refund.seen(batch, transaction.refund)
    elif transaction.dispute is not None:
        charge_dispute.note(batch, transaction.dispute, is_fetched=True)


def _is_as_agreed(batch: Batch, charge: shapes.Charge) -> bool:
    """False for a gift charged otherwise than asked: its money waits in suspense."""
    donation = batch.donation_paid_by(charge)
    return donation is None or settlement.is_as_agreed(donation, charge)


def _entry(batch: Batch, transaction: shapes.BalanceTransaction) -> rules.Entry:
    """Keep the fact and say which moves it makes."""
    category, about = transaction.reporting_category, transaction.stripe_charge_id
    if category == "charge" and transaction.charge is not None:
        return _charged(batch, transaction, transaction.charge)
    if category in _MOVES_A_GIFT and about is not None:
        return _moved(batch, transaction, batch.known_charge(about))
    batch.mirror(transaction)
    return rules.without_gift(movements.of_shape(transaction), batch.books_of(None))


def _charged(batch: Batch, transaction: shapes.BalanceTransaction, charge: shapes.Charge) -> rules.Entry:
    _wait_for_its_instalment(batch, charge)
    movement = movements.of_shape(transaction)
    batch.mirror(transaction)
    is_converted = transaction.currency != charge.currency
    if not _is_as_agreed(batch, charge) or not (is_converted or transaction.amount == charge.amount):
        return rules.unclassified(movement, batch.books_of(None))
    known = batch.known_charge(charge.id)
    donation = batch.donation(known.donation_id)
    return rules.settled(movement, movements.gift_of(batch, known, donation), batch.books_of(donation))


def _wait_for_its_instalment(batch: Batch, charge: shapes.Charge) -> None:
    """Money of an instalment must never be booked as foreign, however early it is heard of."""
    if batch.known_charge(charge.id).donation_id is not None or charge.donation_id is not None:
        return
    invoice = batch.promises.paid_with(charge.payment_intent)
    is_promised = invoice is not None and invoice.monthly_gift_id is not None
    is_unasked = charge.invoice_payments is None and bool(batch.promises.of_customer(charge.customer))
    if is_promised or is_unasked:
        raise InstalmentNotYetKnown(charge.id)


_MOVES_A_GIFT = {
    "refund": rules.refunded,
    "refund_failure": rules.refund_failed,
    "charge_failure": rules.bank_debit_returned,
    "dispute": rules.dispute_moved,
    "dispute_reversal": rules.dispute_moved,
}
_COMES_AFTER = {"refund_failure": "refund", "dispute_reversal": "dispute"}
"""What brings money back was taken before, whatever order we hear of it."""


def _moved(batch: Batch, transaction: shapes.BalanceTransaction, charge: Charge) -> rules.Entry:
    movement = movements.of_shape(transaction)
    if not _has(batch.booked_about(charge.stripe_charge_id), "charge") and batch.is_before_books(charge):
        batch.mirror(transaction)
        _mark_booked(batch, transaction)
        return rules.of_earlier_gift(movement, batch.books_of(None))
    _wait_for_what_came_before(batch, transaction, charge)
    booked = batch.booked_of(charge)
    donation = batch.donation(charge.donation_id)
    books = batch.books_of(donation)
    if booked.settled is None or not _is_comparable(transaction, charge, booked.settled):
        batch.mirror(transaction)
        return rules.unclassified(movement, books)
    gift = movements.gift_of(batch, charge, donation)
    before = standing_of(gift, booked)
    batch.mirror(transaction)
    _mark_booked(batch, transaction)
    after = standing_of(gift, batch.booked_of(charge))
    back = rules.MoneyBack(settled=booked.settled.amount, before=before, after=after)
    return _MOVES_A_GIFT[transaction.reporting_category](movement, gift, back, books)


def _wait_for_what_came_before(batch: Batch, transaction: shapes.BalanceTransaction, charge: Charge) -> None:
    if not _has(batch.booked_about(charge.stripe_charge_id), "charge"):
        raise NotYetBooked(charge.stripe_charge_id)
    earlier = _COMES_AFTER.get(transaction.reporting_category)
    if earlier is not None and not _has(batch.booked_about(transaction.source_id or ""), earlier):
        raise NotYetBooked(transaction.source_id or transaction.id)


def _has(rows: list[BalanceTransaction], category: str) -> bool:
    return any(row.reporting_category == category for row in rows)


def _is_comparable(
    transaction: shapes.BalanceTransaction, charge: Charge, settled: BalanceTransaction
) -> bool:
    """Whether the book can say which part of the gift it moves. Stripe may take it from the balance
    of another currency, and no rate of ours joins the two; and what is not converted at all must be
    the refund's own amount to the cent."""
    if transaction.currency != settled.currency:
        return False
    if charge.currency != settled.currency:
        return True
    if transaction.refund is not None:
        return abs(transaction.amount) == transaction.refund.amount
    return transaction.reporting_category != "charge_failure" or -transaction.amount == charge.amount


def _mark_booked(batch: Batch, transaction: shapes.BalanceTransaction) -> None:
    if transaction.refund is not None:
        row = batch.refund(transaction.refund)
        if row is not None:
            row.is_booked = True
