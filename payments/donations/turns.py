"""What happened to a gift after it was paid, as the ledger counts it: refunds, disputes, debts paid.

Read from rows that somebody has loaded, a batch of events for many gifts or `load` for one. Only what
is booked counts, so the standing always says what the book says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from payments.donations.models import Charge
from payments.donations.reversals import Dispute, OwedPayment, OwedPaymentStatus, Refund, RefundStatus
from payments.ledger.models import BalanceTransaction, JournalEntry
from payments.ledger.rules import Gift, in_proportion
from payments.ledger.standing import Standing, Turn, Went, standing


@dataclass(slots=True, kw_only=True)
class Booked:
    """Everything known of one charge. `transactions` may hold those of other charges too."""

    charge: Charge
    transactions: Sequence[BalanceTransaction]
    kinds: Mapping[str, str]
    """What each entry is, by reference: `bt:…` of the transactions, and the lost disputes."""
    refunds: Sequence[Refund] = ()
    disputes: Sequence[Dispute] = ()
    owed_payments: Sequence[OwedPayment] = ()
    settled: BalanceTransaction | None = field(init=False)
    """What the charge brought in; None while it is not booked, or waits in suspense."""

    def __post_init__(self) -> None:
        self.settled = next(
            (
                row
                for row in self.transactions
                if row.source_id == self.charge.stripe_charge_id
                and row.reporting_category == "charge"
                and not self._is_suspended(row)
            ),
            None,
        )

    def about(self, source_id: str | None) -> list[BalanceTransaction]:
        """What is booked of a charge, refund or dispute and is not in suspense. In another currency than
        the gift was settled in everything is: it cannot be told as a part of the gift."""
        return [
            row
            for row in self.transactions
            if source_id is not None
            and row.source_id == source_id
            and self.settled is not None
            and not self._is_suspended(row)
        ]

    def moved_by(self, dispute: Dispute) -> list[BalanceTransaction]:
        """What a dispute took and brought back; the fee for answering it is no part of that."""
        return [
            row
            for row in self.about(dispute.stripe_dispute_id)
            if row.reporting_category in {"dispute", "dispute_reversal"}
        ]

    @property
    def is_converted(self) -> bool:
        """Whether Stripe settled the gift in another currency than the donor's."""
        return self.settled is not None and self.settled.currency != self.charge.currency

    def withdrawn_by(self, dispute: Dispute) -> int:
        """What a dispute has taken and not brought back, in the settlement currency.

        Of a converted gift the return seldom equals what was taken: once most of it is back, the
        dispute has nothing, and the difference is FX.
        """
        amounts = [row.amount for row in self.moved_by(dispute)]
        away, taken = -sum(amounts), -sum(amount for amount in amounts if amount < 0)
        return 0 if self.is_converted and 2 * away < taken else away

    def first_of(self, dispute: Dispute) -> BalanceTransaction:
        """The withdrawal with which it began."""
        return min(self.moved_by(dispute), key=lambda row: row.created_at)

    def loss_of(self, dispute: Dispute) -> str | None:
        """The reference of the entry that made what a dispute held a chargeback."""
        references = (f"dispute_lost:{row.stripe_balance_transaction_id}" for row in self.moved_by(dispute))
        return next((reference for reference in references if reference in self.kinds), None)

    def _is_suspended(self, row: BalanceTransaction) -> bool:
        return self.kinds.get(f"bt:{row.stripe_balance_transaction_id}") == "unclassified"


def load(session: Session, charge: Charge) -> Booked:
    """Everything known of one charge, read now."""
    mine = charge.stripe_charge_id
    refunds = session.scalars(
        select(Refund).where(Refund.stripe_charge_id == mine).order_by(Refund.created_at, Refund.id)
    ).all()
    disputes = session.scalars(
        select(Dispute).where(Dispute.stripe_charge_id == mine).order_by(Dispute.opened_at)
    ).all()
    sources = [mine, *(row.stripe_refund_id for row in refunds), *(row.stripe_dispute_id for row in disputes)]
    transactions = session.scalars(
        select(BalanceTransaction)
        .where(
            or_(
                BalanceTransaction.source_id.in_([source for source in sources if source is not None]),
                BalanceTransaction.stripe_balance_transaction_id == charge.stripe_balance_transaction_id,
            )
        )
        .order_by(BalanceTransaction.created_at, BalanceTransaction.stripe_balance_transaction_id)
    ).all()
    references = [
        f"{about}:{row.stripe_balance_transaction_id}"
        for row in transactions
        for about in ("bt", "dispute_lost")
    ]
    kinds = session.execute(
        select(JournalEntry.reference, JournalEntry.kind).where(JournalEntry.reference.in_(references))
    )
    return Booked(
        charge=charge,
        transactions=transactions,
        kinds={row.reference: row.kind for row in kinds},
        refunds=refunds,
        disputes=disputes,
        owed_payments=session.scalars(
            select(OwedPayment)
            .where(OwedPayment.donation_id == charge.donation_id)
            .order_by(OwedPayment.requested_at)
        ).all(),
    )


def standing_of(gift: Gift, booked: Booked) -> Standing:
    """Where a gift stands by everything that is booked of it."""
    turns = [*_refunds(gift, booked), *_owed_payments(booked), *_returned(gift, booked)]
    held = 0
    for dispute in booked.disputes:
        withdrawn = booked.withdrawn_by(dispute)
        if withdrawn and booked.loss_of(dispute) is not None:
            turns.append(_lost(gift, booked, dispute, withdrawn))
        else:
            held += withdrawn
    return standing(gift.given, turns, held=held)


def _refunds(gift: Gift, booked: Booked) -> Iterator[Turn]:
    for refund in booked.refunds:
        rows = {row.reporting_category: row for row in booked.about(refund.stripe_refund_id)}
        paid, failure = rows.get("refund"), rows.get("refund_failure")
        if paid is None or (failure is not None and _is_undone(refund, gift)):
            continue
        yield Turn(went=Went.REFUNDED, amount=refund.amount, at=paid.created_at, failed=failure is not None)
        if failure is not None:
            yield Turn(went=Went.REFUND_FAILED, amount=refund.amount, at=failure.created_at)


def _is_undone(refund: Refund, gift: Gift) -> bool:
    """Cancelled before it left, so the gift stands; or foreign money, of which we only keep the total."""
    return refund.status == RefundStatus.CANCELED or not gift.is_ours


_ENDS_A_DEBT = {OwedPaymentStatus.PAID: Went.PAID_ANOTHER_WAY, OwedPaymentStatus.KEPT: Went.KEPT}


def _owed_payments(booked: Booked) -> Iterator[Turn]:
    for payment in booked.owed_payments:
        went = _ENDS_A_DEBT.get(OwedPaymentStatus(payment.status))
        if went is not None:
            yield Turn(went=went, amount=payment.amount, at=payment.decided_at or payment.requested_at)


def _returned(gift: Gift, booked: Booked) -> Iterator[Turn]:
    for row in booked.about(booked.charge.stripe_charge_id):
        if row.reporting_category == "charge_failure":
            yield Turn(went=Went.DEBIT_RETURNED, amount=gift.given, at=row.created_at)


def _lost(gift: Gift, booked: Booked, dispute: Dispute, withdrawn: int) -> Turn:
    at = booked.first_of(dispute).created_at
    if not booked.is_converted:
        amount = withdrawn
    elif dispute.currency == booked.charge.currency:
        amount = dispute.amount
    else:
        # Disputed in a third currency: by what the money was worth when the gift was settled.
        settled = booked.settled.amount if booked.settled is not None else withdrawn
        amount = min(gift.given, in_proportion(withdrawn, of=settled, to=gift.given))
    return Turn(went=Went.DISPUTE_LOST, amount=amount, at=at)
