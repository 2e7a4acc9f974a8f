"""`python -m bench.rivals.verify_loop COUNT`: the obvious way to check the books, gift by gift.

A loop over the ORM: for each gift its parts, charge, balance transaction, entry, moves, receipt and
document, compared in Python. It asks fewer questions than `almoner ledger verify`.
"""

import hashlib
import json
import sys
import time

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from payments.clock import day_in
from payments.database import engine
from payments.donations.models import Charge, Donation, Fund, IssuingEntity
from payments.ledger.models import BalanceTransaction, JournalEntry, JournalMove
from payments.mail.models import OutgoingMail
from payments.money import split
from payments.receipts.models import Receipt, ReceiptDocument


def main(count: int) -> None:
    """Check the first gifts; print how long it took and how many were wrong."""
    with Session(engine()) as session:
        session.scalars(select(Fund)).all()
        entity = session.scalars(select(IssuingEntity).where(IssuingEntity.receives_online)).one()
        ids = session.scalars(select(Donation.id).order_by(Donation.created_at).limit(count)).all()
        began = time.perf_counter()
        wrong = 0
        for place, donation_id in enumerate(ids):
            wrong += not _is_right(session, donation_id, entity)
            if place % 100 == 99:
                session.expunge_all()
                session.add(entity)
        seconds = time.perf_counter() - began
    print(json.dumps({"gifts": len(ids), "seconds": seconds, "wrong": wrong}))


def _is_right(session: Session, donation_id: str, entity: IssuingEntity) -> bool:
    gift = session.scalars(
        select(Donation).where(Donation.id == donation_id).options(selectinload(Donation.allocations))
    ).one()
    parts = [allocation.amount for allocation in gift.allocations]
    if gift.fee_cover_amount:
        parts.append(gift.fee_cover_amount)
    charge = session.scalars(
        select(Charge).where(Charge.donation_id == gift.id, Charge.status == "succeeded")
    ).one()
    movement = session.scalars(
        select(BalanceTransaction).where(
            BalanceTransaction.source_id == charge.stripe_charge_id,
            BalanceTransaction.reporting_category == "charge",
        )
    ).one()
    entry = session.get_one(JournalEntry, f"bt:{movement.stripe_balance_transaction_id}")
    moves = session.scalars(
        select(JournalMove).where(JournalMove.reference == entry.reference).order_by(JournalMove.position)
    ).all()
    receipt = _first_receipt(session, gift.id)
    document = session.get_one(ReceiptDocument, receipt.id)
    mail = session.scalars(
        select(OutgoingMail).where(OutgoingMail.reference == f"receipt:{receipt.id}")
    ).one_or_none()
    net = sum(
        move.amount if move.to_account == "stripe_balance" else -move.amount
        for move in moves
        if "stripe_balance" in {move.from_account, move.to_account}
    )
    credited = [move.amount for move in moves if move.to_account == "stripe_balance"]
    return (
        sum(parts) == gift.amount == charge.amount == receipt.amount
        and gift.currency == charge.currency == receipt.currency
        and movement.net == movement.amount - movement.fee == net
        and credited == split(movement.amount, parts)
        and {move.currency for move in moves} == {movement.currency}
        and gift.gift_date == receipt.gift_date == day_in(entity.time_zone, charge.charged_at)
        and entry.effective_on == day_in(entity.time_zone, movement.created_at)
        and hashlib.sha256(document.pdf).hexdigest() == document.pdf_sha256
        and mail is not None
    )


def _first_receipt(session: Session, donation_id: str) -> Receipt:
    """It was written for the whole gift; what voided it since is not looked at. Void and live ones have an
    index each."""
    of_gift = select(Receipt).where(Receipt.donation_id == donation_id).order_by(Receipt.sequence).limit(1)
    void = session.scalars(of_gift.where(Receipt.status == "void")).first()
    return void or session.scalars(of_gift.where(Receipt.status == "issued")).one()


if __name__ == "__main__":
    main(int(sys.argv[1]))
