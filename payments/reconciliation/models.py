"""Bank accounts, the files their banks sent, and the lines in them.

What a bank said is a fact: files and lines are only ever added, and the database refuses to change
them. Which line is which payout stands elsewhere.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class BankAccount(Base):
    """One account of a legal body at a bank, in one currency."""

    __tablename__ = "bank_accounts"
    __table_args__ = (
        CheckConstraint("id ~ '^[a-z0-9][a-z0-9-]{0,39}$'", name="id_is_a_short_word"),
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency_written"),
    )

    id: Mapped[StrPK]
    """A short word of the charity's own, such as `operating`."""
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    name: Mapped[str]
    currency: Mapped[str]
    number: Mapped[str | None]
    """IBAN or account number: a file of another account is refused."""
    csv_profile: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """How this bank writes CSV (`formats/csv_profile.py`)."""
    added_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BankStatement(Base):
    """One file as it was imported, byte for byte, and the stretch of the account it tells."""

    __tablename__ = "bank_statements"
    __table_args__ = (
        UniqueConstraint("bank_account_id", "sha256"),
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        CheckConstraint("format in ('camt053', 'mt940', 'ofx', 'bai2', 'csv')", name="format_known"),
    )

    id: Mapped[StrPK]
    bank_account_id: Mapped[str] = mapped_column(ForeignKey("bank_accounts.id"))
    format: Mapped[str]
    file_name: Mapped[str]
    sha256: Mapped[str]
    file: Mapped[bytes] = mapped_column(LargeBinary)
    first_day: Mapped[date]
    last_day: Mapped[date]
    opening: Mapped[int | None] = mapped_column(BigInteger)
    closing: Mapped[int | None] = mapped_column(BigInteger)
    line_count: Mapped[int] = mapped_column(Integer)
    """All lines of the file; those that were known already are not stored again."""
    gap_reason: Mapped[str | None]
    """Why somebody took it although it does not follow from the statements before."""
    imported_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    imported_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BankLine(Base):
    """One booked line. Positive is money that came in."""

    __tablename__ = "bank_lines"
    __table_args__ = (
        UniqueConstraint("bank_account_id", "fingerprint", "occurrence"),
        CheckConstraint("occurrence > 0", name="occurrence_positive"),
        Index("ix_bank_lines_booked_on", "bank_account_id", "booked_on"),
        Index("ix_bank_lines_amount", "currency", "amount", "booked_on"),
    )

    id: Mapped[StrPK]
    bank_account_id: Mapped[str] = mapped_column(ForeignKey("bank_accounts.id"))
    bank_statement_id: Mapped[str] = mapped_column(ForeignKey("bank_statements.id"))
    """The file that told it first."""
    position: Mapped[int] = mapped_column(Integer)
    """Its place in that file, from 1."""
    booked_on: Mapped[date]
    value_on: Mapped[date | None]
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    bank_reference: Mapped[str | None]
    payment_reference: Mapped[str | None]
    counterparty: Mapped[str | None]
    text: Mapped[str]
    fingerprint: Mapped[str]
    """What makes it the same line in another file."""
    occurrence: Mapped[int] = mapped_column(Integer)
    """Which of several equal lines: two equal gifts on one day are both real."""
