"""`python -m bench.rivals.reconcile_loop PAYOUTS`: the obvious way to match, movement by movement.

A loop over the ORM: each payout, its bank line by amount and day, and for each of its lines the balance
transaction, its charge and its gift, compared and added up in Python, and a row written for what was
matched. It asks fewer questions than `almoner reconcile`.
"""

import json
import sys
import time
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

import payments.models  # noqa: F401 - every table, so that each finds the ones it names
from payments.database import engine, new_id
from payments.donations.models import Charge, Donation
from payments.ledger.models import BalanceTransaction
from payments.reconciliation.models import BankLine, BankMatch, Payout, PayoutLine


def main(count: int) -> None:
    """Match the first payouts and put it all back; print how long it took and what came of it."""
    with Session(engine()) as session:
        ids = session.scalars(select(Payout.stripe_payout_id).order_by(Payout.made_at).limit(count)).all()
        began = time.perf_counter()
        movements = wrong = 0
        for payout_id in ids:
            carried, is_right = _match(session, payout_id)
            movements += carried
            wrong += not is_right
            session.flush()
            session.expunge_all()
        seconds = time.perf_counter() - began
        session.rollback()
    print(json.dumps({"payouts": len(ids), "movements": movements, "seconds": seconds, "wrong": wrong}))


def _match(session: Session, payout_id: str) -> tuple[int, bool]:
    payout = session.get_one(Payout, payout_id)
    lines = session.scalars(select(PayoutLine).where(PayoutLine.stripe_payout_id == payout_id)).all()
    total = 0
    is_right = True
    for line in lines:
        movement = session.get_one(BalanceTransaction, line.stripe_balance_transaction_id)
        is_right = is_right and movement.net == line.net and movement.currency == payout.currency
        if movement.reporting_category == "payout":
            continue
        total += movement.net
        if movement.reporting_category == "charge":
            charge = session.get_one(Charge, movement.source_id)
            gift = session.get_one(Donation, charge.donation_id)
            is_right = is_right and gift.status == "paid" and gift.amount == charge.amount
    told = session.scalars(
        select(BankLine).where(
            BankLine.amount == payout.amount,
            BankLine.currency == payout.currency,
            BankLine.booked_on.between(payout.arrives_on, payout.arrives_on + timedelta(days=5)),
        )
    ).one()
    session.add(
        BankMatch(
            id=new_id("bmt"), bank_line_id=told.id, kind="payout", subject_id=payout_id, reason="the amount"
        )
    )
    return len(lines), is_right and total == payout.amount


if __name__ == "__main__":
    main(int(sys.argv[1]))
