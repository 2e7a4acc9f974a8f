"""What staff may do about a monthly gift: the same changes as its donor, each with a reason in the audit log.

The donor hears of every one of them, so a gift is never steered behind somebody's back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session, selectinload

from payments.donations.models import Charge, Donation
from payments.ledger.models import BalanceTransaction
from payments.money import Money
from payments.monthly import changes
from payments.monthly.changes import Asked
from payments.monthly.models import (
    EndReason,
    MonthlyChange,
    MonthlyGift,
    MonthlyInvoice,
    MonthlyStatus,
    MonthlyTerms,
)
from payments.staff import audit, people
from payments.staff.models import AuditEntry, Role, StaffMember
from payments.supporters import donors

MAY_STEER = (Role.SUPPORT, Role.FINANCE)
"""Answering donors is what support is for; finance stops what the bank complains about."""


def stop(session: Session, monthly_gift_id: str, *, by: StaffMember, reason: str) -> MonthlyGift:
    """End it now. One that has ended stays as it ended."""
    people.require(by, *MAY_STEER)
    reason = people.reason_given(reason)
    gift, was_running = changes.stop(
        session, monthly_gift_id, Asked(by=by.id, reason=reason), reason=EndReason.STAFF
    )
    if was_running:
        audit.note(session, by, "monthly.stop", subject=gift.id, reason=reason)
    return gift


def pause(
    session: Session, monthly_gift_id: str, *, months: int, by: StaffMember, reason: str
) -> MonthlyChange:
    """Leave out so many charges."""
    asked = _asked(by, reason)
    change = changes.pause(session, monthly_gift_id, asked, months=months)
    _noted(session, change, by=by, deed="monthly.pause", months=months)
    return change


def resume(session: Session, monthly_gift_id: str, *, by: StaffMember, reason: str) -> MonthlyChange:
    """End a pause."""
    asked = _asked(by, reason)
    change = changes.resume(session, monthly_gift_id, asked)
    _noted(session, change, by=by, deed="monthly.resume")
    return change


def change_amount(
    session: Session,
    monthly_gift_id: str,
    *,
    amount: Money,
    cover_fees: bool | None = None,
    by: StaffMember,
    reason: str,
) -> MonthlyChange:
    """Another amount for the funds from the next charge on, as the donor has asked."""
    asked = _asked(by, reason)
    change = changes.change_amount(session, monthly_gift_id, asked, amount=amount, cover_fees=cover_fees)
    terms = session.get_one(MonthlyTerms, (change.monthly_gift_id, change.terms_number))
    _noted(
        session,
        change,
        by=by,
        deed="monthly.amount",
        amount=terms.amount,
        fee_cover=terms.fee_cover_amount,
        currency=amount.currency,
    )
    return change


def change_day(
    session: Session, monthly_gift_id: str, *, day: int, by: StaffMember, reason: str
) -> MonthlyChange:
    """Another day of the month."""
    asked = _asked(by, reason)
    change = changes.change_day(session, monthly_gift_id, asked, day=day)
    _noted(session, change, by=by, deed="monthly.day", day=day)
    return change


def listed(
    session: Session,
    *,
    status: MonthlyStatus | None,
    donor_id: str | None,
    limit: int,
    after: str | None = None,
) -> Sequence[MonthlyGift]:
    """The newest first, each with its terms; `after` names the last one of the page before."""
    wanted = (
        select(MonthlyGift)
        .order_by(*(column.desc() for column in _ORDER))
        .limit(limit)
        .options(selectinload(MonthlyGift.terms).selectinload(MonthlyTerms.allocations))
    )
    if status is not None:
        wanted = wanted.where(MonthlyGift.status == status)
    if donor_id is not None:
        wanted = wanted.where(MonthlyGift.donor_id == donors.survivor_of(session, donor_id))
    if after is not None:
        last = changes.find(session, after)
        wanted = wanted.where(tuple_(*_ORDER) < (last.created_at, last.id))
    return session.scalars(wanted).all()


_ORDER = (MonthlyGift.created_at, MonthlyGift.id)


def shown(session: Session, monthly_gift_id: str) -> MonthlyGift:
    """One, with its terms."""
    changes.find(session, monthly_gift_id)
    return session.scalars(
        select(MonthlyGift)
        .where(MonthlyGift.id == monthly_gift_id)
        .options(selectinload(MonthlyGift.terms).selectinload(MonthlyTerms.allocations))
        .execution_options(populate_existing=True)
    ).one()


def history(session: Session, gift: MonthlyGift) -> Sequence[MonthlyChange]:
    """Everything that was ever asked of it, the newest first."""
    return session.scalars(
        select(MonthlyChange)
        .where(MonthlyChange.monthly_gift_id == gift.id)
        .order_by(MonthlyChange.asked_at.desc(), MonthlyChange.id)
    ).all()


def instalments(session: Session, gift: MonthlyGift) -> Sequence[Donation]:
    """What was given through it, the newest first."""
    return session.scalars(
        select(Donation)
        .where(Donation.monthly_gift_id == gift.id)
        .order_by(Donation.created_at.desc(), Donation.id)
    ).all()


@dataclass(frozen=True, slots=True)
class FailureFee:
    """What a bank debit that came back cost the charity, by the instalment that it was to pay."""

    stripe_invoice_id: str
    invoice_status: str
    donation_id: str | None
    """None where the instalment was never paid."""
    fee: Money
    """In the currency it was taken in, which need not be the gift's."""


def failure_fees(session: Session, gift: MonthlyGift) -> Sequence[FailureFee]:
    """The newest first. Read from Stripe's movements: a price list does not know what was really taken."""
    fee = func.sum(BalanceTransaction.fee)
    found = session.execute(
        select(
            MonthlyInvoice.stripe_invoice_id,
            MonthlyInvoice.status,
            MonthlyInvoice.donation_id,
            BalanceTransaction.currency,
            fee,
        )
        .join(Charge, Charge.stripe_payment_intent_id == MonthlyInvoice.stripe_payment_intent_id)
        .join(BalanceTransaction, BalanceTransaction.source_id == Charge.stripe_charge_id)
        .where(
            MonthlyInvoice.monthly_gift_id == gift.id,
            BalanceTransaction.reporting_category == "charge_failure",
        )
        .group_by(MonthlyInvoice.stripe_invoice_id, BalanceTransaction.currency)
        .having(fee != 0)
        .order_by(func.max(BalanceTransaction.created_at).desc(), MonthlyInvoice.stripe_invoice_id)
    )
    return [
        FailureFee(invoice_id, status, donation_id, Money(int(taken), currency))
        for invoice_id, status, donation_id, currency, taken in found
    ]


def _asked(by: StaffMember, reason: str) -> Asked:
    people.require(by, *MAY_STEER)
    return Asked(by=by.id, reason=people.reason_given(reason))


def _noted(session: Session, change: MonthlyChange, *, by: StaffMember, deed: str, **facts: object) -> None:
    """Its line in the log. A change that was asked for before has one, and asking again adds none."""
    known = select(AuditEntry.id).where(
        AuditEntry.subject == change.monthly_gift_id, AuditEntry.facts["change"].astext == change.id
    )
    if session.scalar(known.limit(1)) is None:
        audit.note(
            session,
            by,
            deed,
            subject=change.monthly_gift_id,
            reason=change.reason or "",
            change=change.id,
            **facts,
        )
