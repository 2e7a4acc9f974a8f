"""Gifts that never pass through Stripe: cheques, cash, bank transfers, stock and things.

A `Donation` like any other, with what only paper knows beside it. This file holds the tables; the
deeds are in `donations/recording.py`.
"""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class Channel(StrEnum):
    """The way a gift came in."""

    ONLINE = "online"
    CHEQUE = "cheque"
    CASH = "cash"
    BANK_TRANSFER = "bank_transfer"
    STOCK = "stock"
    IN_KIND = "in_kind"
    ADOPTED = "adopted"
    """Online as well, but before this house: another platform has receipted it."""

    @property
    def is_at_stripe(self) -> bool:
        """Whether its money came through Stripe."""
        return self in {Channel.ONLINE, Channel.ADOPTED}


class PayerKind(StrEnum):
    """What the legal payer is: it gets the receipt, whoever is thanked beside it."""

    PERSON = "person"
    COMPANY = "company"
    EMPLOYER_MATCH = "employer_match"
    DONOR_ADVISED_FUND = "donor_advised_fund"
    ESTATE = "estate"


class DepositSlip(Base):
    """Cheques and cash carried to the bank together: one line on the bank statement."""

    __tablename__ = "deposit_slips"
    __table_args__ = (CheckConstraint("total > 0", name="total_positive"),)

    id: Mapped[StrPK]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    deposited_on: Mapped[date]
    currency: Mapped[str]
    total: Mapped[int] = mapped_column(BigInteger)
    recorded_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OfflineGift(Base):
    """What the paper says of one offline gift."""

    __tablename__ = "offline_gifts"
    __table_args__ = (
        Index("ix_offline_gifts_deposit_slip_id", "deposit_slip_id"),
        CheckConstraint(
            "postmarked_on is null or postmarked_on <= received_on", name="posted_before_received"
        ),
        CheckConstraint(
            "num_nulls(reversed_at, reversed_by, reversal_reason) in (0, 3)", name="reversal_whole"
        ),
    )

    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"), primary_key=True)
    received_on: Mapped[date]
    """The day it is recognised in the book."""
    postmarked_on: Mapped[date | None]
    """A mailed cheque is a gift of its postmark's day: that day stands on the receipt."""
    document_number: Mapped[str | None]
    document_date: Mapped[date | None]
    description: Mapped[str | None]
    """What was given, for stock and things: the receipt describes it and names no value."""
    deposit_slip_id: Mapped[str | None] = mapped_column(ForeignKey("deposit_slips.id"))
    recorded_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reversed_at: Mapped[datetime | None]
    """A bounced cheque or a mistake: taken back in the open, never deleted."""
    reversed_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))
    reversal_reason: Mapped[str | None]
