"""The bank statement of the book: payouts and a top-up on their lines, and one that was another line."""

from datetime import date
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.ledger.models import BalanceTransaction
from payments.reconciliation import matching
from payments.reconciliation.models import BankAccount, BankLine, BankStatement, Payout
from payments.staff.models import StaffMember


def at_the_bank(finance: StaffMember) -> None:
    """A debit by Stripe is among the payouts."""
    with transaction() as session:
        payouts = session.scalars(
            select(Payout)
            .where(Payout.currency == "usd", Payout.status == "paid", Payout.amount != 0)
            .order_by(Payout.made_at)
        ).all()
        topup = session.scalars(
            select(BalanceTransaction).where(BalanceTransaction.reporting_category == "topup")
        ).one()
        session.add(BankAccount(id="giro", entity_id="us", name="Giro", currency="usd", added_by=finance.id))
        session.flush()
        session.add(
            BankStatement(
                id="bst_giro",
                bank_account_id="giro",
                format="csv",
                file_name="giro.csv",
                sha256=sha256(b"giro").hexdigest(),
                file=b"giro",
                first_day=payouts[0].arrives_on,
                last_day=payouts[-1].arrives_on,
                line_count=len(payouts) + 1,
                imported_by=finance.id,
            )
        )
        session.flush()
        for position, payout in enumerate(payouts, start=1):
            line = _line(session, position, payout.amount, payout.arrives_on)
            matching.match_payout(
                session, line, payout.stripe_payout_id, by=finance, reason="the same amount"
            )
        matching.undo(session, "bln_1", by=finance, reason="the shop's")
        sent = _line(session, 0, -topup.amount, payouts[-1].arrives_on)
        matching.match_topup(
            session, sent, topup.stripe_balance_transaction_id, by=finance, reason="the same amount"
        )


def _line(session: Session, position: int, amount: int, day: date) -> str:
    line = BankLine(
        id=f"bln_{position}",
        bank_account_id="giro",
        bank_statement_id="bst_giro",
        position=position,
        booked_on=day,
        amount=amount,
        currency="usd",
        text="CREDIT",
        fingerprint=f"line {position}",
        occurrence=1,
    )
    session.add(line)
    session.flush()
    return line.id
