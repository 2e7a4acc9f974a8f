"""Taking a receipt back: it stays in the register with its reason, and its donor is told not to use it."""

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments.clock import now
from payments.donations.models import Donation
from payments.mail import outbox
from payments.receipts import notices
from payments.receipts.content import ReceiptContent
from payments.receipts.models import Receipt, VoidCause
from payments.supporters.donors import Donor


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A receipt as the register has it, as far as whoever voids or replaces it must know."""

    id: str
    number: str
    amount: int
    void_cause: str | None
    """None while it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Void:
    """One receipt that is not to count any more."""

    receipt: Known
    cause: VoidCause
    reason: str
    by: str | None = None
    """The person who said so; None where the facts did."""
    is_replaced: bool = False
    """Whether another follows at once: its own letter then tells the donor."""


def void(session: Session, deed: Void) -> None:
    """Mark it void, once and for all, and owe its donor the notice."""
    voided_at = now()
    donation_id, content = session.execute(
        update(Receipt)
        .where(Receipt.id == deed.receipt.id)
        .values(
            status="void",
            void_cause=deed.cause.value,
            void_reason=deed.reason,
            voided_by=deed.by,
            voided_at=voided_at,
        )
        .returning(Receipt.donation_id, Receipt.content)
        .execution_options(synchronize_session=False)
    ).one()
    if deed.is_replaced:
        return
    to_address = session.scalars(
        select(Donor.email).join(Donation, Donation.donor_id == Donor.id).where(Donation.id == donation_id)
    ).one()
    message_id = outbox.message_id(f"{deed.receipt.id}.void")
    message = notices.of_void(
        ReceiptContent.from_json(content),
        deed.cause,
        to_address=to_address,
        message_id=message_id,
        dated=voided_at,
    )
    outbox.put(
        session,
        reference=f"void:{deed.receipt.id}",
        to_address=to_address,
        message_id=message_id,
        message=message,
    )
