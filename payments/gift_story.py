"""Everything that is known of one gift, put together from all the rooms, for whichever door tells it.

A gift knows nothing of the receipt that tells of it, of the events that wait, of the payout that carries it
or of the bank's line. Each of those rooms lies above another, and only up here are all of them in sight.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from payments.database import among
from payments.donations import checkout
from payments.donations.explain import Beside, EventFact, PayoutFact, ReceiptFact
from payments.donations.models import Allocation, Charge, Donation, Fund, IssuingEntity
from payments.donations.reversals import FraudWarning, OwedPayment, Refund
from payments.ledger.models import BalanceTransaction, JournalEntry, JournalMove
from payments.mail.models import OutgoingMail
from payments.money import Money
from payments.receipts.models import DueReceipt, Receipt, ReceiptDocument
from payments.reconciliation import way_to_the_bank
from payments.staff.models import AuditEntry, StaffMember
from payments.webhooks.models import QueuedEvent, StripeEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A receipt of the gift, its page and its letter."""

    receipt: Receipt
    pdf_sha256: str | None
    """None while its page is still to be set."""
    mail: OutgoingMail | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftStory:
    """One gift from the wish to the bank's line, as it is stored."""

    gift: Donation
    entity: IssuingEntity
    allocations: Sequence[tuple[Fund, Money]]
    charges: Sequence[Charge]
    settled: Sequence[BalanceTransaction]
    """What its charges moved at Stripe."""
    payouts: Sequence[PayoutFact]
    journal: Sequence[tuple[JournalEntry, JournalMove]]
    receipts: Sequence[Issued]
    """In the order in which they were issued; at most one of them stands."""
    is_receipt_due: bool

    @property
    def standing_receipt(self) -> Issued | None:
        """The one that counts."""
        return next((each for each in self.receipts if each.receipt.status == "issued"), None)


def read(session: Session, donation_id: str) -> GiftStory:
    """The whole of it, or `DonationNotFound`."""
    gift = checkout.find(session, donation_id)
    allocations = session.execute(
        select(Fund, Allocation.amount)
        .join(Allocation, Allocation.fund_id == Fund.id)
        .where(Allocation.donation_id == gift.id)
        .order_by(Allocation.position)
    )
    charges = session.scalars(
        select(Charge).where(Charge.donation_id == gift.id).order_by(Charge.charged_at)
    ).all()
    named = [c.stripe_balance_transaction_id for c in charges if c.stripe_balance_transaction_id]
    moves = session.execute(
        select(JournalEntry, JournalMove)
        .join(JournalMove, JournalMove.reference == JournalEntry.reference)
        .where(JournalEntry.donation_id == gift.id)
        .order_by(JournalEntry.number, JournalMove.position)
    )
    return GiftStory(
        gift=gift,
        entity=session.get_one(IssuingEntity, gift.entity_id),
        allocations=[(fund, Money(amount, gift.currency)) for fund, amount in allocations],
        charges=charges,
        settled=session.scalars(
            select(BalanceTransaction)
            .where(among(BalanceTransaction.stripe_balance_transaction_id, named))
            .order_by(BalanceTransaction.created_at)
        ).all(),
        payouts=way_to_the_bank.legs(session, gift.id),
        journal=[(entry, move) for entry, move in moves],
        receipts=_issued(session, gift.id),
        is_receipt_due=session.get(DueReceipt, gift.id) is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonsDeed:
    """What somebody of the staff did about the gift."""

    entry: AuditEntry
    name: str
    """Who it was."""


def deeds(session: Session, donation_id: str) -> list[PersonsDeed]:
    """What people did about the gift, its refunds, its receipts, what is owed of it and its warnings of
    fraud, the first on top. Who has read it is left out."""
    about = union_all(
        select(literal(donation_id)),
        select(Refund.id).where(Refund.donation_id == donation_id),
        select(OwedPayment.id).where(OwedPayment.donation_id == donation_id),
        select(Receipt.id).where(_of_gift(donation_id)),
        select(FraudWarning.stripe_fraud_warning_id).where(FraudWarning.donation_id == donation_id),
    )
    rows = session.execute(
        select(AuditEntry, StaffMember.name)
        .join(StaffMember, StaffMember.id == AuditEntry.staff_id)
        .where(AuditEntry.subject.in_(about), AuditEntry.deed.not_in(_READINGS))
        .order_by(AuditEntry.at, AuditEntry.id)
    )
    return [PersonsDeed(entry=entry, name=name) for entry, name in rows]


_READINGS = ("gifts.read", "receipts.read")


def beside(session: Session, donation_id: str) -> Beside:
    """What other rooms know, for `donations.explain`: receipts with their mail, events that are not applied,
    and the way to the bank."""
    due = session.get(DueReceipt, donation_id)
    return Beside(
        receipts=[_receipt_fact(each) for each in _issued(session, donation_id)],
        is_receipt_due=due is not None,
        receipt_trouble=due.last_error if due is not None else None,
        events=events_about(session, donation_id),
        payouts=way_to_the_bank.legs(session, donation_id),
    )


def events_about(session: Session, donation_id: str) -> list[EventFact]:
    """What is parked or put off and names the gift, or a payment, charge or refund of it. The queue is
    short, so its bodies may be searched."""
    gift = checkout.find(session, donation_id)
    charges = session.scalars(select(Charge.stripe_charge_id).where(Charge.donation_id == gift.id)).all()
    names = [gift.id, gift.stripe_payment_intent_id, gift.stripe_checkout_session_id, *charges]
    body = func.encode(StripeEvent.body, "escape")
    about = or_(*(func.strpos(body, name) > 0 for name in names if name is not None))
    waiting = session.execute(
        select(StripeEvent, QueuedEvent)
        .join(QueuedEvent, QueuedEvent.stripe_event_id == StripeEvent.stripe_event_id)
        .where(or_(QueuedEvent.parked_reason.is_not(None), QueuedEvent.attempts > 0), about)
        .order_by(StripeEvent.created_at, StripeEvent.stripe_event_id)
    ).all()
    return [
        EventFact(
            stripe_event_id=event.stripe_event_id,
            type=event.type,
            why=queued.parked_reason or queued.last_error or "it failed",
            is_parked=queued.parked_reason is not None,
        )
        for event, queued in waiting
    ]


def _of_gift(donation_id: str) -> ColumnElement[bool]:
    """A gift's receipts, standing or void: there is an index for each of the two and none for both."""
    return or_(
        *(and_(Receipt.donation_id == donation_id, Receipt.status == each) for each in ("issued", "void"))
    )


def _issued(session: Session, donation_id: str) -> list[Issued]:
    rows = session.execute(
        select(Receipt, ReceiptDocument.pdf_sha256, OutgoingMail)
        .outerjoin(ReceiptDocument, ReceiptDocument.receipt_id == Receipt.id)
        .outerjoin(OutgoingMail, OutgoingMail.reference == func.concat("receipt:", Receipt.id))
        .where(_of_gift(donation_id))
        .order_by(Receipt.issued_at, Receipt.number)
    )
    return [Issued(receipt=receipt, pdf_sha256=sha256, mail=mail) for receipt, sha256, mail in rows]


def _receipt_fact(issued: Issued) -> ReceiptFact:
    receipt, mail = issued.receipt, issued.mail
    return ReceiptFact(
        number=receipt.number,
        amount=Money(receipt.amount, receipt.currency),
        issued_at=receipt.issued_at,
        void_reason=receipt.void_reason,
        voided_at=receipt.voided_at,
        mail=mail.status if mail is not None else None,
        mail_sent_at=mail.sent_at if mail is not None else None,
    )
