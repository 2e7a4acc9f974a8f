"""Asking for a refund, agreeing to it, saying no. The money moves later, by a worker.

What may still go back is the gift less every refund that counts, read under the gift's lock, so of
two people who ask at once one is told what is left. Up to the charity's limit for one gift, asking is
enough; above it a second person must agree, and asking in several small parts does not help.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import new_id
from payments.donations.checkout import find as find_gift
from payments.donations.models import Charge, Donation, DonationStatus, GivingTerms
from payments.donations.offline import Channel
from payments.donations.refund_refusals import (
    FraudMustBeMeant,
    FraudWarningNotFound,
    GiftDisputed,
    MoreThanIsLeft,
    NotAnAmount,
    NothingLeft,
    NotPaidOnline,
    OwnRequest,
    RefundDecided,
    RefundNotFound,
    RefundRefused,
)
from payments.donations.reversals import (
    Dispute,
    FraudWarning,
    OwedPayment,
    OwedPaymentStatus,
    Refund,
    RefundStatus,
)
from payments.jobs import Bell, ring
from payments.money import Money, smallest_step
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_REQUEST = (Role.SUPPORT, Role.FINANCE)
MAY_APPROVE = (Role.APPROVER,)

Reason = Literal["duplicate", "requested_by_customer", "fraudulent"]

_COUNTING = [status.value for status in RefundStatus if status.counts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What somebody wishes to give back; `amount` None is all that is left."""

    donation_id: str
    amount: int | None
    reason: Reason | None
    note: str
    is_meant_as_fraud: bool = False


def request(session: Session, ask: Ask, *, by: StaffMember) -> Refund:
    """Write the refund down. Approved at once within the limit; a worker takes it from there."""
    people.require(by, *MAY_REQUEST)
    if ask.reason == "fraudulent" and not ask.is_meant_as_fraud:
        raise FraudMustBeMeant
    note = people.reason_given(ask.note)
    gift = find_gift(session, ask.donation_id, for_update=True)
    charge = _refundable_charge(session, gift)
    left = refundable(session, gift)
    if not left:
        raise NothingLeft
    amount = Money(ask.amount, gift.currency) if ask.amount is not None else left
    if amount.minor <= 0 or amount.minor % smallest_step(gift.currency):
        raise NotAnAmount(gift.currency)
    if left < amount:
        raise MoreThanIsLeft(left)
    asked_in_all = _asked_here(session, gift) + amount.minor
    needs_another = asked_in_all > _limit(session, gift.currency)
    refund = Refund(
        id=new_id("rfd"),
        donation_id=gift.id,
        stripe_charge_id=charge.stripe_charge_id,
        amount=amount.minor,
        currency=gift.currency,
        status=RefundStatus.REQUESTED if needs_another else RefundStatus.APPROVED,
        origin="staff",
        reason=ask.reason,
        note=note,
        requested_by=by.id,
        created_at=now(),
        is_booked=False,
    )
    session.add(refund)
    session.flush()
    audit.note(
        session,
        by,
        "refund.request",
        subject=refund.id,
        reason=note,
        donation=gift.id,
        amount=amount.minor,
        currency=gift.currency,
        stripe_reason=ask.reason,
        status=refund.status,
    )
    if not needs_another:
        ring(session, Bell.SUBMIT_REFUNDS)
    return refund


def give_back(session: Session, donation_id: str, *, note: str) -> Refund | None:
    """All that is left of a gift that must not be kept, by a rule of ours: once a gift, whatever becomes of
    it. None where nothing is left, where it went this way before, or where a bank decides."""
    gift = find_gift(session, donation_id, for_update=True)
    known = select(Refund.id).where(Refund.donation_id == gift.id, Refund.origin == "house")
    left = refundable(session, gift)
    if not left or session.scalar(known.limit(1)) is not None:
        return None
    try:
        charge = _refundable_charge(session, gift)
    except RefundRefused:
        return None
    refund = Refund(
        id=new_id("rfd"),
        donation_id=gift.id,
        stripe_charge_id=charge.stripe_charge_id,
        amount=left.minor,
        currency=gift.currency,
        status=RefundStatus.APPROVED,
        origin="house",
        reason="requested_by_customer",
        note=note,
        created_at=now(),
        is_booked=False,
    )
    session.add(refund)
    session.flush()
    ring(session, Bell.SUBMIT_REFUNDS)
    return refund


def approve(session: Session, refund_id: str, *, by: StaffMember) -> Refund:
    """The second person agrees."""
    people.require(by, *MAY_APPROVE)
    refund = find(session, refund_id, for_update=True)
    if refund.requested_by == by.id:
        raise OwnRequest
    if refund.status == RefundStatus.APPROVED and refund.approved_by == by.id:
        return refund
    if refund.status != RefundStatus.REQUESTED:
        raise RefundDecided(refund.status)
    refund.approved_by = by.id
    refund.rise_to(RefundStatus.APPROVED)
    refund.next_at = cast(Any, func.now())  # by the clock of whoever takes it
    audit.note(
        session, by, "refund.approve", subject=refund.id, reason="approved", requested_by=refund.requested_by
    )
    ring(session, Bell.SUBMIT_REFUNDS)
    return refund


def may_approve(refund: Refund, by: StaffMember) -> bool:
    """Whether this person's yes is what it waits for."""
    return refund.status == RefundStatus.REQUESTED and refund.requested_by != by.id and by.may(*MAY_APPROVE)


def decline(session: Session, refund_id: str, *, by: StaffMember, reason: str) -> Refund:
    """Say no, or take back one's own request, as long as Stripe has not been asked; or close one
    that Stripe would not take, after somebody has looked at it."""
    refund = find(session, refund_id, for_update=True)
    people.require(by, *_who_may_decline(refund, by))
    reason = people.reason_given(reason)
    if not _is_declinable(refund):
        raise RefundDecided(refund.status)
    before = refund.status
    refund.status = RefundStatus.DECLINED
    audit.note(session, by, "refund.decline", subject=refund.id, reason=reason, before=before)
    return refund


def may_decline(refund: Refund, by: StaffMember) -> bool:
    """Whether this person may still say no to it, or close it."""
    return _is_declinable(refund) and by.may(*_who_may_decline(refund, by))


def refund_warned(
    session: Session, warning_id: str, *, by: StaffMember, note: str, is_meant_as_fraud: bool = False
) -> Refund:
    """Give back all that is left of a gift whose bank suspects fraud: cheaper than the dispute."""
    warning = find_warning(session, warning_id)
    ask = Ask(
        donation_id=_gift_of(warning),
        amount=None,
        reason="fraudulent" if is_meant_as_fraud else None,
        note=note,
        is_meant_as_fraud=is_meant_as_fraud,
    )
    refund = request(session, ask, by=by)
    _handled(session, warning, by=by, reason=refund.note or "", refund=refund.id)
    return refund


def dismiss_warning(session: Session, warning_id: str, *, by: StaffMember, reason: str) -> FraudWarning:
    """Somebody looked and leaves the gift as it is."""
    people.require(by, *MAY_REQUEST)
    warning = find_warning(session, warning_id)
    _handled(session, warning, by=by, reason=people.reason_given(reason), refund=None)
    return warning


def refundable(session: Session, gift: Donation) -> Money:
    """What may still go back: the gift less refunds that count and what is paid in place of failed
    ones. Sure only under the gift's lock."""
    refunds = select(func.coalesce(func.sum(Refund.amount), 0)).where(
        Refund.donation_id == gift.id, Refund.status.in_(_COUNTING)
    )
    payments = select(func.coalesce(func.sum(OwedPayment.amount), 0)).where(
        OwedPayment.donation_id == gift.id,
        OwedPayment.status.in_([OwedPaymentStatus.REQUESTED.value, OwedPaymentStatus.PAID.value]),
    )
    gone = int(session.scalar(refunds) or 0) + int(session.scalar(payments) or 0)
    return Money(max(gift.amount - gone, 0), gift.currency)


def is_refundable(session: Session, gift: Donation) -> bool:
    """Whether there is anything to ask for; who may ask, and how much, is said when somebody does."""
    try:
        _refundable_charge(session, gift)
    except RefundRefused:
        return False
    return bool(refundable(session, gift))


def waiting(session: Session) -> Sequence[Refund]:
    """What waits for a person, the longest first: for a second one to agree, or for somebody to look why
    Stripe refused."""
    statuses = (RefundStatus.REQUESTED.value, RefundStatus.REFUSED.value)
    return session.scalars(
        select(Refund).where(Refund.status.in_(statuses)).order_by(Refund.created_at, Refund.id)
    ).all()


def find(session: Session, refund_id: str, *, for_update: bool = False) -> Refund:
    """The refund with this id, or `RefundNotFound`. The gift is locked first, as everywhere."""
    found = session.get(Refund, refund_id)
    if found is None:
        raise RefundNotFound
    if for_update:
        if found.donation_id is not None:
            find_gift(session, found.donation_id, for_update=True)
        session.refresh(found, with_for_update=True)
    return found


def find_warning(session: Session, warning_id: str) -> FraudWarning:
    """The warning with this id, or `FraudWarningNotFound`."""
    found = session.get(FraudWarning, warning_id)
    if found is None:
        raise FraudWarningNotFound
    return found


def _who_may_decline(refund: Refund, by: StaffMember) -> tuple[Role, ...]:
    return (*MAY_REQUEST, *MAY_APPROVE) if refund.requested_by == by.id else MAY_APPROVE


def _is_declinable(refund: Refund) -> bool:
    is_unsent = refund.status == RefundStatus.APPROVED and refund.first_submitted_at is None
    return is_unsent or refund.status in {RefundStatus.REQUESTED, RefundStatus.REFUSED}


def _refundable_charge(session: Session, gift: Donation) -> Charge:
    charge = session.scalars(
        select(Charge)
        .where(Charge.donation_id == gift.id, Charge.status == "succeeded")
        .order_by(Charge.charged_at)
        .limit(1)
    ).one_or_none()
    if not Channel(gift.channel).is_at_stripe or gift.status != DonationStatus.PAID or charge is None:
        raise NotPaidOnline
    for dispute in session.scalars(select(Dispute).where(Dispute.donation_id == gift.id)):
        if not dispute.is_inquiry and dispute.status not in {"won", "prevented"}:
            raise GiftDisputed
    return charge


def _asked_here(session: Session, gift: Donation) -> int:
    """What staff have refunded of this gift so far: the limit is for all of it together."""
    asked = session.scalar(
        select(func.coalesce(func.sum(Refund.amount), 0)).where(
            Refund.donation_id == gift.id, Refund.origin == "staff", Refund.status.in_(_COUNTING)
        )
    )
    return int(asked or 0)


def _limit(session: Session, currency: str) -> int:
    terms = session.get(GivingTerms, currency)
    return terms.refund_limit if terms is not None else 0


def _gift_of(warning: FraudWarning) -> str:
    if warning.donation_id is None:
        raise NotPaidOnline
    return warning.donation_id


def _handled(
    session: Session, warning: FraudWarning, *, by: StaffMember, reason: str, refund: str | None
) -> None:
    warning.handled_at = now()
    warning.handled_by = by.id
    audit.note(
        session,
        by,
        "fraud_warning.handle",
        subject=warning.stripe_fraud_warning_id,
        reason=reason,
        donation=warning.donation_id,
        refund=refund,
    )
