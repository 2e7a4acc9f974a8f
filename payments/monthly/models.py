"""A gift that repeats: the promise, its terms over time, the invoices Stripe makes of it, and what
was asked of it.

The promise is ours and is written before the donor leaves for Stripe; Stripe's subscription carries
only its id. Each paid invoice becomes a `Donation` that takes fund, dedication and source from here.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments.database import Base, StrPK
from payments.donations.models import Donation


class MonthlyStatus(StrEnum):
    """Where a monthly gift stands. Derived from the facts beside it, so that the order in which they
    came does not matter."""

    PENDING = "pending"
    """Written before the donor is sent to Stripe; so it stays until the first instalment. Set by us."""
    NEVER_STARTED = "never_started"
    """The page was left, or the bank refused the first payment: `checkout.session.expired`,
    `checkout.session.async_payment_failed`. Set by us where Stripe never opened a page."""
    ACTIVE = "active"
    """Charged each month on its day: the first `invoice.paid`, `checkout.session.completed` or
    `customer.subscription.created`, whichever comes first."""
    BEHIND = "behind"
    """The newest instalment was refused and is being tried again: `invoice.payment_failed`. The next
    `invoice.paid` makes it active."""
    PAUSED = "paused"
    """Nothing is charged until `paused_until`: `customer.subscription.updated` with `pause_collection`."""
    LAPSED = "lapsed"
    """The tries for an instalment are used up and nothing more is charged. The donor may come back
    with one click and need not sign up again. Set by us when the last try was refused."""
    ENDED = "ended"
    """Stopped for good: `customer.subscription.deleted`, or our own stop, which counts from the moment
    it is asked for."""


class EndReason(StrEnum):
    """Who or what ended a monthly gift."""

    DONOR = "donor"
    STAFF = "staff"
    DISPUTE = "dispute"
    """A dispute of one of its instalments was lost."""
    FRAUD_WARNING = "fraud_warning"
    AT_STRIPE = "at_stripe"
    """In Stripe's dashboard or portal, or by Stripe's own rules."""


class MonthlyGift(Base):
    """One donor's promise: so much, each month, for these funds."""

    __tablename__ = "monthly_gifts"
    __table_args__ = (
        CheckConstraint(
            "status in ('pending', 'never_started', 'active', 'behind', 'paused', 'lapsed', 'ended')",
            name="status_known",
        ),
        CheckConstraint("(status = 'ended') = (ended_at is not null)", name="ended_has_its_time"),
        CheckConstraint("(ended_at is null) = (end_reason is null)", name="ended_has_its_reason"),
        CheckConstraint(
            "end_reason in ('donor', 'staff', 'dispute', 'fraud_warning', 'at_stripe')",
            name="end_reason_known",
        ),
        CheckConstraint(
            "dedication_kind in ('in_honour', 'in_memory') and dedication_name is not null"
            " or dedication_kind is null and dedication_name is null",
            name="dedication_whole",
        ),
        Index("ix_monthly_gifts_donor_id", "donor_id"),
        Index("ix_monthly_gifts_stripe_customer_id", "stripe_customer_id"),
    )

    id: Mapped[StrPK]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    donor_id: Mapped[str] = mapped_column(ForeignKey("donors.id"))
    donor_name: Mapped[str]
    """As typed when the gift was begun; the receipts print it."""
    locale: Mapped[str]
    currency: Mapped[str]
    """Never changes: Stripe keeps a subscription in the currency it began in."""
    dedication_kind: Mapped[str | None]
    dedication_name: Mapped[str | None]
    source: Mapped[dict[str, Any]]
    """Which page and campaign it came from; every instalment inherits it. No personal data."""

    status: Mapped[MonthlyStatus] = mapped_column(Text, server_default=MonthlyStatus.PENDING.value)
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    lapsed_at: Mapped[datetime | None]
    """When the last try for an instalment was refused; null again once an instalment is paid."""

    stripe_subscription_id: Mapped[str | None] = mapped_column(unique=True)
    stripe_customer_id: Mapped[str | None]
    stripe_status: Mapped[str | None]
    """The subscription's status in Stripe's word, as of `said_at`."""
    said_at: Mapped[datetime | None]
    """When Stripe said what stands in the fields below; older news does not change them."""
    is_paused: Mapped[bool] = mapped_column(server_default=text("false"))
    paused_until: Mapped[datetime | None]
    """When collection starts again; null while paused means: until somebody resumes it."""
    next_charge_at: Mapped[datetime | None]
    """The end of the period that is paid for, from the subscription's item."""

    card_brand: Mapped[str | None]
    card_last4: Mapped[str | None]
    card_expires: Mapped[str | None]
    """`2027-03`: the last month in which the card on file is good."""
    card_said_at: Mapped[datetime | None]
    """When Stripe said so, or the card was charged; an older card does not come back."""

    receipts_from: Mapped[datetime | None]
    """Of a gift that began on another platform: what was paid before this was receipted there."""

    terms: Mapped[list["MonthlyTerms"]] = relationship(
        order_by="MonthlyTerms.number", lazy="raise", cascade="all"
    )


# A gift names its promise by id; that the promise exists is said here, where both are known.
cast(Table, Donation.__table__).append_constraint(
    ForeignKeyConstraint([Donation.__table__.c.monthly_gift_id], [MonthlyGift.__table__.c.id])
)


class MonthlyTerms(Base):
    """What is given each month from some instant on. A change adds a row; none is ever changed, so an
    invoice that comes late is still divided as it was agreed then."""

    __tablename__ = "monthly_terms"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(
            "fee_cover_amount >= 0 and fee_cover_amount < amount", name="fee_cover_within_amount"
        ),
    )

    monthly_gift_id: Mapped[str] = mapped_column(ForeignKey("monthly_gifts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    """1, 2, 3 …"""
    valid_from: Mapped[datetime] = mapped_column(server_default=func.now())
    amount: Mapped[int] = mapped_column(BigInteger)
    """Minor units of the gift's currency, fee cover included."""
    fee_cover_amount: Mapped[int] = mapped_column(BigInteger)

    allocations: Mapped[list["MonthlyAllocation"]] = relationship(
        order_by="MonthlyAllocation.position", lazy="raise", cascade="all"
    )


class MonthlyAllocation(Base):
    """The part of a month's gift that is for one fund."""

    __tablename__ = "monthly_allocations"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        ForeignKeyConstraint(
            ["monthly_gift_id", "terms_number"],
            ["monthly_terms.monthly_gift_id", "monthly_terms.number"],
            name="fk_monthly_allocations_monthly_terms",
        ),
    )

    monthly_gift_id: Mapped[StrPK]
    terms_number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    fund_id: Mapped[str] = mapped_column(ForeignKey("funds.id"))
    amount: Mapped[int] = mapped_column(BigInteger)


class MonthlyInvoice(Base):
    """One instalment as Stripe bills it. A stub until its event comes; `payment_intent` ties it to its
    charge, which has no field for its invoice."""

    __tablename__ = "monthly_invoices"
    __table_args__ = (
        CheckConstraint(
            "status in ('stub', 'draft', 'open', 'uncollectible', 'void', 'paid')", name="status_known"
        ),
        Index("ix_monthly_invoices_monthly_gift_id", "monthly_gift_id"),
        Index("ix_monthly_invoices_stripe_payment_intent_id", "stripe_payment_intent_id"),
    )

    stripe_invoice_id: Mapped[StrPK]
    monthly_gift_id: Mapped[str | None] = mapped_column(ForeignKey("monthly_gifts.id"))
    """Null while only its payment is known, and for an invoice that is not about a gift of ours."""
    stripe_payment_intent_id: Mapped[str | None]
    donation_id: Mapped[str | None] = mapped_column(ForeignKey("donations.id"), unique=True)
    """The gift it became when it was paid."""
    status: Mapped[str] = mapped_column(server_default="stub")
    billing_reason: Mapped[str | None]
    currency: Mapped[str | None]
    amount_due: Mapped[int | None] = mapped_column(BigInteger)
    amount_paid: Mapped[int | None] = mapped_column(BigInteger)
    said_at: Mapped[datetime | None]
    """When Stripe said what stands here. Of two snapshots in one status the later counts."""
    period_start: Mapped[datetime | None]
    period_end: Mapped[datetime | None]
    made_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """How often Stripe has tried it, in all."""
    refused_attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    """Up to which of them a bank has said no; a debit that is under way was tried and not refused."""
    next_attempt_at: Mapped[datetime | None]
    """When Stripe tries again by itself."""
    decline_code: Mapped[str | None]
    """Why the last try was refused, in Stripe's word."""


class CardOnFile(Base):
    """The card that one of Stripe's customers gave last. Kept by customer, because it may be heard of
    before we know whose customer that is; a monthly gift takes it over from here."""

    __tablename__ = "cards_on_file"

    stripe_customer_id: Mapped[StrPK]
    brand: Mapped[str | None]
    last4: Mapped[str | None]
    expires: Mapped[str | None]
    said_at: Mapped[datetime]


class ChangeKind(StrEnum):
    """What may be asked of a monthly gift."""

    CANCEL = "cancel"
    PAUSE = "pause"
    """Also a skipped month: a pause of one instalment."""
    RESUME = "resume"
    CHANGE_AMOUNT = "change_amount"
    CHANGE_DAY = "change_day"


class ChangeStatus(StrEnum):
    """How far a change has come."""

    REQUESTED = "requested"
    """To be sent to Stripe by a worker."""
    DONE = "done"
    """Stripe did it."""
    REFUSED = "refused"
    """Stripe would not; the reason stands beside it. A person looks."""
    OVERTAKEN = "overtaken"
    """A later change of the same kind, or the end of the gift, made it void before it was sent."""


class MonthlyChange(Base):
    """One thing asked of a monthly gift: a row, a commit, then Stripe under the row's id as key."""

    __tablename__ = "monthly_changes"
    __table_args__ = (
        CheckConstraint(
            "kind in ('cancel', 'pause', 'resume', 'change_amount', 'change_day')", name="kind_known"
        ),
        CheckConstraint("status in ('requested', 'done', 'refused', 'overtaken')", name="status_known"),
        CheckConstraint("(kind = 'pause') = (paused_until is not null)", name="pause_has_its_end"),
        CheckConstraint(
            "(kind = 'change_amount') = (terms_number is not null)", name="change_amount_has_its_terms"
        ),
        CheckConstraint("(kind = 'change_day') = (day is not null)", name="change_day_has_its_day"),
        CheckConstraint("day between 1 and 31", name="day_of_a_month"),
        ForeignKeyConstraint(
            ["monthly_gift_id", "terms_number"],
            ["monthly_terms.monthly_gift_id", "monthly_terms.number"],
            name="fk_monthly_changes_monthly_terms",
        ),
        Index("ix_monthly_changes_monthly_gift_id", "monthly_gift_id"),
        Index("ix_monthly_changes_due", "next_at", postgresql_where=text("status = 'requested'")),
    )

    id: Mapped[StrPK]
    monthly_gift_id: Mapped[str] = mapped_column(ForeignKey("monthly_gifts.id"))
    kind: Mapped[ChangeKind] = mapped_column(Text)
    status: Mapped[ChangeStatus] = mapped_column(Text, server_default=ChangeStatus.REQUESTED.value)
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())
    asked_by: Mapped[str]
    """`donor`, a staff member's id, `dispute:…` or `fraud_warning:…`."""
    reason: Mapped[str | None]
    paused_until: Mapped[datetime | None]
    terms_number: Mapped[int | None] = mapped_column(SmallInteger)
    day: Mapped[int | None] = mapped_column(SmallInteger)
    """The day of the month on which to charge from now on; in a shorter month its last day."""
    first_submitted_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    done_at: Mapped[datetime | None]
    failure_reason: Mapped[str | None]
