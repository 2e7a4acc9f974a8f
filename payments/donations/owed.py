"""What failed refunds still owe to donors, and the two ways in which that ends.

Either it is paid by other means, prepared by one person and agreed to by another; or the donor lets
the gift stand. The book says for which gifts something is owed; where the gift stands says how much
of the donor's own money that is.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session, selectinload

from payments.clock import now
from payments.database import new_id
from payments.donations import turns
from payments.donations.checkout import find as find_gift
from payments.donations.lines import gift_of
from payments.donations.models import Charge, Donation, Fund, IssuingEntity
from payments.donations.refund_refusals import OwnRequest
from payments.donations.refund_requests import MAY_APPROVE, refundable
from payments.donations.reversals import OwedPayment, OwedPaymentStatus
from payments.donations.turns import Booked, standing_of
from payments.errors import AlmonerError
from payments.ledger import posting, rules, rules_by_hand
from payments.ledger.accounts import Account
from payments.ledger.models import JournalEntry, JournalMove
from payments.ledger.rules import Books, Gift, MoneyBack
from payments.money import Money
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_PREPARE = (Role.FINANCE,)


class OwedPaymentNotFound(AlmonerError):
    """No payment has this id."""

    def __init__(self) -> None:
        super().__init__("There is no such payment. `almoner refunds owed` lists what is owed.")


class OwedPaymentRefused(AlmonerError):
    """It cannot be paid or left as it is."""


class NothingOwed(OwedPaymentRefused):
    """No refund of this gift failed, or what failed has been made good."""

    def __init__(self) -> None:
        super().__init__("Nothing is owed for this gift. `almoner refunds owed` lists what is.")


class PaymentUnderWay(OwedPaymentRefused):
    """Somebody has prepared it, or a new refund does the same through Stripe."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is under way for this gift: wait for it, or decline it first.")


class OwedChanged(OwedPaymentRefused):
    """Less is owed than when the payment was prepared."""

    def __init__(self) -> None:
        super().__init__(
            "What is owed has changed since this payment was prepared. Decline it and prepare another."
        )


class PaymentDecided(OwedPaymentRefused):
    """Somebody has said yes or no."""

    def __init__(self, status: str) -> None:
        super().__init__(f"This payment is {status}; there is nothing to decide about it any more.")


class TransferUnnamed(OwedPaymentRefused):
    """Without its reference nobody finds it on the bank statement."""

    def __init__(self) -> None:
        super().__init__("Give the reference of the bank transfer, as it will stand on the statement.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What one gift owes."""

    donation_id: str
    amount: Money
    """In the donor's own currency."""
    settled: Money
    """What stands in `refunds_payable` for it."""
    since: datetime
    payment: OwedPayment | None
    """Prepared, and waiting for the second person."""


def owed(session: Session) -> list[Owed]:
    """Everything that is owed, the oldest debt first."""
    payable = Account.REFUNDS_PAYABLE.value
    change = case((JournalMove.from_account == payable, JournalMove.amount), else_=-JournalMove.amount)
    gifts = session.execute(
        select(JournalEntry.donation_id, func.min(JournalEntry.occurred_at))
        .join(JournalMove, JournalMove.reference == JournalEntry.reference)
        .where(or_(JournalMove.from_account == payable, JournalMove.to_account == payable))
        .group_by(JournalEntry.donation_id, JournalMove.currency)
        .having(func.sum(change) > 0)
        .order_by(func.min(JournalEntry.occurred_at), JournalEntry.donation_id)
    ).all()
    rows = [
        _owed_of(session, find_gift(session, donation_id), since=since)
        for donation_id, since in gifts
        if donation_id is not None
    ]
    return [row for row in rows if row is not None]


def prepare(
    session: Session, donation_id: str, *, transfer_reference: str, by: StaffMember, reason: str
) -> OwedPayment:
    """Write down that what is owed for a gift is to be paid by this transfer; another person agrees."""
    people.require(by, *MAY_PREPARE)
    reason = people.reason_given(reason)
    if not transfer_reference.strip():
        raise TransferUnnamed
    gift = find_gift(session, donation_id, for_update=True)
    debt = _debt(session, gift)
    if refundable(session, gift) < debt.amount:
        raise PaymentUnderWay("A refund through Stripe")
    payment = OwedPayment(
        id=new_id("owp"),
        donation_id=gift.id,
        amount=debt.amount.minor,
        currency=debt.amount.currency,
        settled_amount=debt.settled.minor,
        settled_currency=debt.settled.currency,
        transfer_reference=transfer_reference.strip(),
        status=OwedPaymentStatus.REQUESTED,
        requested_by=by.id,
        requested_at=now(),
    )
    session.add(payment)
    _note(session, by, "owed.prepare", payment, reason)
    return payment


def approve(session: Session, payment_id: str, *, by: StaffMember) -> OwedPayment:
    """The second person agrees: it leaves the bank, and nothing is owed any more."""
    people.require(by, *MAY_APPROVE)
    payment, gift = _open_payment(session, payment_id)
    if payment.requested_by == by.id:
        raise OwnRequest
    debt = _owed_of(session, gift)
    if debt is None or (debt.amount.minor, debt.settled.minor) != (payment.amount, payment.settled_amount):
        raise OwedChanged
    payment.status = OwedPaymentStatus.PAID
    payment.approved_by = by.id
    payment.decided_at = _after_all_turns(session, gift)
    entry = rules_by_hand.owed_paid(
        payment.id, gift.id, debt.settled, _books(session, gift), paid_at=payment.decided_at
    )
    posting.post(session, [entry])
    _note(session, by, "owed.approve", payment, "approved")
    return payment


def decline(session: Session, payment_id: str, *, by: StaffMember, reason: str) -> OwedPayment:
    """Say no, or take back one's own; it is owed still."""
    payment, _ = _open_payment(session, payment_id)
    people.require(by, *(MAY_PREPARE if payment.requested_by == by.id else MAY_APPROVE))
    payment.status = OwedPaymentStatus.DECLINED
    payment.decided_at = now()
    _note(session, by, "owed.decline", payment, people.reason_given(reason))
    return payment


def keep(session: Session, donation_id: str, *, by: StaffMember, reason: str) -> OwedPayment:
    """The donor lets the gift stand: what its refund took from the funds goes back to them."""
    people.require(by, *MAY_PREPARE)
    reason = people.reason_given(reason)
    gift = find_gift(session, donation_id, for_update=True)
    debt = _debt(session, gift)
    kept = OwedPayment(
        id=new_id("owp"),
        donation_id=gift.id,
        amount=debt.amount.minor,
        currency=debt.amount.currency,
        settled_amount=debt.settled.minor,
        settled_currency=debt.settled.currency,
        transfer_reference=None,
        status=OwedPaymentStatus.KEPT,
        requested_by=by.id,
        requested_at=now(),
        decided_at=_after_all_turns(session, gift),
    )
    lines, before = _booked(session, gift)
    if before is None or before.settled is None:
        raise NothingOwed
    stood = standing_of(lines, before)
    before.owed_payments = [*before.owed_payments, kept]
    back = MoneyBack(settled=before.settled.amount, before=stood, after=standing_of(lines, before))
    session.add(kept)
    entry = rules.gift_kept(
        f"gift_kept:{kept.id}",
        lines,
        back,
        _books(session, gift),
        currency=debt.settled.currency,
        kept_at=kept.decided_at or now(),
    )
    posting.post(session, [entry])
    _note(session, by, "owed.keep", kept, reason)
    return kept


def _debt(session: Session, gift: Donation) -> Owed:
    """What is owed for a gift that nobody is paying yet."""
    debt = _owed_of(session, gift)
    if debt is None:
        raise NothingOwed
    if debt.payment is not None:
        raise PaymentUnderWay("A payment")
    return debt


def _owed_of(session: Session, gift: Donation, *, since: datetime | None = None) -> Owed | None:
    lines, booked = _booked(session, gift)
    if booked is None or booked.settled is None:
        return None
    stands = standing_of(lines, booked)
    if not stands.owed:
        return None
    gone = stands.refunded + stands.lost
    worth, worth_with_donor = (
        rules.in_proportion(amount, of=lines.given, to=booked.settled.amount)
        for amount in (gone, gone - stands.owed)
    )
    opened = [row for row in booked.owed_payments if row.status == OwedPaymentStatus.REQUESTED]
    return Owed(
        donation_id=gift.id,
        amount=Money(stands.owed, gift.currency),
        settled=Money(worth - worth_with_donor, booked.settled.currency),
        since=since or gift.created_at,
        payment=opened[0] if opened else None,
    )


def _open_payment(session: Session, payment_id: str) -> tuple[OwedPayment, Donation]:
    payment = session.get(OwedPayment, payment_id)
    if payment is None:
        raise OwedPaymentNotFound
    gift = find_gift(session, payment.donation_id, for_update=True)
    session.refresh(payment)
    if payment.status != OwedPaymentStatus.REQUESTED:
        raise PaymentDecided(payment.status)
    return payment, gift


def _booked(session: Session, gift: Donation) -> tuple[Gift, Booked | None]:
    """The gift's lines, and everything the book has of its charge."""
    session.scalars(
        select(Donation).where(Donation.id == gift.id).options(selectinload(Donation.allocations))
    ).one()
    lines = gift_of(gift, {fund.id: fund for fund in session.scalars(select(Fund))})
    charge = session.scalars(
        select(Charge).where(Charge.donation_id == gift.id, Charge.status == "succeeded").limit(1)
    ).one_or_none()
    return lines, turns.load(session, charge) if charge is not None else None


def _after_all_turns(session: Session, gift: Donation) -> datetime:
    """Now, but never before what it answers: the standing is read in the order of time."""
    latest = session.scalar(
        select(func.max(JournalEntry.occurred_at)).where(JournalEntry.donation_id == gift.id)
    )
    return max(now(), latest or now())


def _books(session: Session, gift: Donation) -> Books:
    entity = session.get_one(IssuingEntity, gift.entity_id)
    return Books(entity_id=entity.id, time_zone=entity.time_zone)


def _note(session: Session, by: StaffMember, deed: str, payment: OwedPayment, reason: str) -> None:
    session.flush()
    audit.note(
        session,
        by,
        deed,
        subject=payment.id,
        reason=reason,
        donation=payment.donation_id,
        amount=payment.amount,
        currency=payment.currency,
        settled_amount=payment.settled_amount,
        settled_currency=payment.settled_currency,
        transfer=payment.transfer_reference,
        status=payment.status,
    )
