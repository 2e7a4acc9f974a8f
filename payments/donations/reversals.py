"""Money that goes back: refunds, disputes, and the warnings that come before a dispute.

A refund is a row before it is a call to Stripe: asked for, approved where the amount is large,
submitted with the row's id as key, and then followed through whatever Stripe makes of it. A refund
made in Stripe's dashboard becomes a row when Stripe tells us of it.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class RefundStatus(StrEnum):
    """Where a refund stands. The first four are ours, the rest is Stripe's word."""

    REQUESTED = "requested"
    """Asked for, and large enough that a second person must agree."""
    APPROVED = "approved"
    """To be submitted by a worker; whoever asked has the right, or somebody else agreed."""
    DECLINED = "declined"
    """The second person said no. Nothing was sent to Stripe."""
    REFUSED = "refused"
    """Stripe would not take it; the reason stands beside it. A person decides what to do."""
    PENDING = "pending"
    """Stripe has it; it waits for balance or for a bank."""
    REQUIRES_ACTION = "requires_action"
    """The donor must tell Stripe where to send it."""
    SUCCEEDED = "succeeded"
    """On its way to the donor. A bank may still send it back, weeks later."""
    FAILED = "failed"
    """It came back, or never left: what Stripe returned is owed to the donor."""
    CANCELED = "canceled"
    """Cancelled at Stripe before it left."""

    @property
    def rank(self) -> int:
        """A status only gives way to a higher one: news may come in any order."""
        return _RANKS[self]

    @property
    def counts(self) -> bool:
        """Whether its amount is taken from what may still be refunded."""
        return self not in {self.DECLINED, self.REFUSED, self.FAILED, self.CANCELED}


_RANKS = {
    RefundStatus.REQUESTED: 0,
    RefundStatus.APPROVED: 1,
    RefundStatus.DECLINED: 2,
    RefundStatus.REFUSED: 2,
    RefundStatus.PENDING: 3,
    RefundStatus.REQUIRES_ACTION: 3,
    RefundStatus.SUCCEEDED: 4,
    RefundStatus.CANCELED: 5,
    RefundStatus.FAILED: 5,
}


class Refund(Base):
    """Part or all of a gift going back to the donor. Amounts in the gift's own currency."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(f"status in ({', '.join(repr(str(s)) for s in RefundStatus)})", name="status_known"),
        CheckConstraint("approved_by <> requested_by", name="maker_is_not_checker"),
        CheckConstraint("origin in ('staff', 'house', 'stripe')", name="origin_known"),
        Index("ix_refunds_donation_id", "donation_id"),
        Index("ix_refunds_stripe_charge_id", "stripe_charge_id"),
        Index("ix_refunds_to_submit", "next_at", postgresql_where=text("status = 'approved'")),
    )

    id: Mapped[StrPK]
    stripe_refund_id: Mapped[str | None] = mapped_column(unique=True)
    donation_id: Mapped[str | None] = mapped_column(ForeignKey("donations.id"))
    """Null for a refund of foreign money on the same account, and until the gift of its charge is known."""
    stripe_charge_id: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    status: Mapped[RefundStatus] = mapped_column(Text)
    origin: Mapped[str]
    """`staff` when asked for here, `house` when a rule of ours gives it back without anybody asking,
    `stripe` when made in Stripe's dashboard or by Stripe itself."""
    reason: Mapped[str | None]
    """Stripe's word: duplicate, fraudulent or requested_by_customer."""
    note: Mapped[str | None]
    failure_reason: Mapped[str | None]
    requested_by: Mapped[str | None]
    approved_by: Mapped[str | None]
    """A person above the limit must be another than the one who asked."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    first_submitted_at: Mapped[datetime | None]
    """When Stripe was first asked: within a day the same key is safe, later we look first."""
    is_booked: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether its balance transaction stands in the book, so its amount has relieved the gift."""

    def rise_to(self, status: RefundStatus) -> bool:
        """Move up to `status`; a lower or equal claim changes nothing."""
        if status.rank <= RefundStatus(self.status).rank:
            return False
        self.status = status
        return True


class OwedPaymentStatus(StrEnum):
    """What becomes of money that a failed refund left owed to a donor."""

    REQUESTED = "requested"
    """To be paid by other means; another person must agree before the money leaves."""
    PAID = "paid"
    DECLINED = "declined"
    KEPT = "kept"
    """Not paid at all: the donor lets the gift stand."""


class OwedPayment(Base):
    """What failed refunds owe a donor, paid another way than through Stripe, or left to the charity."""

    __tablename__ = "owed_payments"
    __table_args__ = (
        CheckConstraint("amount > 0 and settled_amount > 0", name="amount_positive"),
        CheckConstraint("status in ('requested', 'paid', 'declined', 'kept')", name="status_known"),
        CheckConstraint("(status = 'kept') = (transfer_reference is null)", name="transfer_is_named"),
        CheckConstraint("approved_by <> requested_by", name="maker_is_not_checker"),
        CheckConstraint("(status = 'paid') = (approved_by is not null)", name="paid_was_approved"),
        Index("ix_owed_payments_donation_id", "donation_id"),
        Index(
            "uq_owed_payments_open",
            "donation_id",
            unique=True,
            postgresql_where=text("status = 'requested'"),
        ),
    )

    id: Mapped[StrPK]
    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    """In the gift's own currency, as the donor counts it."""
    currency: Mapped[str]
    settled_amount: Mapped[int] = mapped_column(BigInteger)
    """What it relieves `refunds_payable` of, in the currency in which Stripe settled the gift."""
    settled_currency: Mapped[str]
    transfer_reference: Mapped[str | None]
    """What finds it on the bank statement."""
    status: Mapped[OwedPaymentStatus] = mapped_column(Text, server_default=OwedPaymentStatus.REQUESTED.value)
    requested_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    approved_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))
    decided_at: Mapped[datetime | None]


class Dispute(Base):
    """A donor's bank asks for the money back. An inquiry (`warning_…`) moves none."""

    __tablename__ = "disputes"
    __table_args__ = (
        Index("ix_disputes_donation_id", "donation_id"),
        Index("ix_disputes_stripe_charge_id", "stripe_charge_id"),
    )

    stripe_dispute_id: Mapped[StrPK]
    stripe_charge_id: Mapped[str]
    donation_id: Mapped[str | None] = mapped_column(ForeignKey("donations.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    reason: Mapped[str]
    status: Mapped[str]
    """Stripe's word, an open list: needs_response, under_review, won, lost, warning_closed …"""
    evidence_due_by: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """When Stripe told us of the outcome; a lost dispute is booked on this day."""

    @property
    def is_inquiry(self) -> bool:
        """A question before a dispute: no money has moved."""
        return self.status.startswith("warning_")

    @property
    def is_closed(self) -> bool:
        """Whether the outcome is known."""
        return self.status in CLOSED_DISPUTES


CLOSED_DISPUTES = frozenset({"won", "lost", "warning_closed", "prevented"})


class FraudWarning(Base):
    """A card's bank suspects fraud before any dispute: refunding now avoids its fee."""

    __tablename__ = "fraud_warnings"
    __table_args__ = (Index("ix_fraud_warnings_donation_id", "donation_id"),)

    stripe_fraud_warning_id: Mapped[StrPK]
    stripe_charge_id: Mapped[str]
    donation_id: Mapped[str | None] = mapped_column(ForeignKey("donations.id"))
    fraud_type: Mapped[str]
    is_actionable: Mapped[bool]
    """False once a refund or dispute makes it moot; Stripe's word."""
    warned_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[str | None]
