"""The way of one gift's money to the bank: the payout that carries it, the next one where that failed, and
the line of the bank's statement."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.donations.explain import PayoutFact
from payments.donations.models import Charge
from payments.money import Money
from payments.reconciliation.models import BankLine, BankMatch, Payout, PayoutLine


def legs(session: Session, donation_id: str) -> list[PayoutFact]:
    """Every payout that carried money of this gift, in the order in which they left; empty while it is still
    with Stripe, and for a gift that never was there."""
    carried = session.scalars(
        select(Charge.stripe_balance_transaction_id).where(
            Charge.donation_id == donation_id, Charge.stripe_balance_transaction_id.is_not(None)
        )
    ).all()
    return [
        leg for transaction in carried if transaction is not None for leg in _followed(session, transaction)
    ]


def _followed(session: Session, transaction_id: str | None) -> Iterator[PayoutFact]:
    """From the payout that carries it to the one that carries what the failed one gave back, and on."""
    seen = set[str]()
    while transaction_id is not None:
        payout = session.scalars(
            select(Payout)
            .join(PayoutLine, PayoutLine.stripe_payout_id == Payout.stripe_payout_id)
            .where(
                PayoutLine.stripe_balance_transaction_id == transaction_id,
                Payout.stripe_balance_transaction_id.is_distinct_from(transaction_id),
            )
        ).first()
        if payout is None or payout.stripe_payout_id in seen:
            return
        seen.add(payout.stripe_payout_id)
        line = session.scalars(
            select(BankLine)
            .join(BankMatch, BankMatch.bank_line_id == BankLine.id)
            .where(
                BankMatch.kind == "payout",
                BankMatch.subject_id == payout.stripe_payout_id,
                BankMatch.undone_at.is_(None),
            )
        ).one_or_none()
        yield PayoutFact(
            stripe_payout_id=payout.stripe_payout_id,
            status=payout.status,
            amount=Money(payout.amount, payout.currency),
            arrives_on=payout.arrives_on,
            bank_line_id=line.id if line is not None else None,
            bank_account_id=line.bank_account_id if line is not None else None,
            booked_on=line.booked_on if line is not None else None,
        )
        transaction_id = payout.failure_balance_transaction_id
