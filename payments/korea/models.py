"""What Korean law asks a designated body to keep, in two tables that nothing else reads."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Integer, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class RegistrationNumber(Base):
    """A donor's registration number, sealed, with the consent that lets us keep it.

    Kept for the issuance register alone, and deleted when nobody may ask for that any more.
    """

    __tablename__ = "korean_registration_numbers"

    donor_id: Mapped[str] = mapped_column(ForeignKey("donors.id"), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """Opened only with RRN_KEY, and only for this donor."""
    consent_version: Mapped[int] = mapped_column(Integer)
    consent_shown: Mapped[str]
    """What the donor consented to, word for word: the purpose, the time, the right to refuse."""
    consented_on: Mapped[date]
    noted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    noted_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    keep_until: Mapped[date]


class Form(StrEnum):
    """How the statutory receipt of a gift was issued: on one way, never on both."""

    PAPER = "paper"
    ELECTRONIC = "electronic"
    """Through Hometax."""


class StatutoryReceipt(Base):
    """That the statutory form was issued for a receipt of ours. One a receipt, so one a gift."""

    __tablename__ = "korean_statutory_receipts"
    __table_args__ = (CheckConstraint("form in ('paper', 'electronic')", name="form_known"),)

    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"), primary_key=True)
    form: Mapped[str]
    issued_on: Mapped[date]
    noted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    noted_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
