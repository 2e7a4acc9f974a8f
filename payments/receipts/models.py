"""The receipt book: gapless numbers per series and year, contents that never change."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class DueReceipt(Base):
    """A paid gift that waits for its receipt; written with the payment, deleted with the issue."""

    __tablename__ = "due_receipts"

    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    last_error: Mapped[str | None]
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ReceiptCounter(Base):
    """The last number given in a series and tax year; its row lock is what makes numbers gapless."""

    __tablename__ = "receipt_counters"

    series: Mapped[StrPK]
    tax_year: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    last_number: Mapped[int] = mapped_column(Integer)


class DueDocument(Base):
    """A numbered receipt whose page is still to be set; written with the number, deleted with the page."""

    __tablename__ = "due_documents"

    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    last_error: Mapped[str | None]
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Receipt(Base):
    """A receipt as issued: its number and everything its page says, written in one transaction."""

    __tablename__ = "receipts"
    __table_args__ = (
        UniqueConstraint("series", "tax_year", "sequence"),
        CheckConstraint("status in ('issued', 'void')", name="status_known"),
        CheckConstraint("(status = 'void') = (void_reason is not null)", name="void_has_reason"),
        Index(
            "uq_receipts_live_donation_id",
            "donation_id",
            unique=True,
            postgresql_where=text("status = 'issued'"),
        ),
    )

    id: Mapped[StrPK]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"))
    series: Mapped[str]
    tax_year: Mapped[int] = mapped_column(SmallInteger)
    sequence: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="issued")
    issued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    gift_date: Mapped[date]
    currency: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)
    locale: Mapped[str]
    content: Mapped[dict[str, Any]]
    """Everything that was printed. Later edits to donor, fund or entity do not reach it."""
    template_id: Mapped[str]
    template_sha256: Mapped[str]
    """The layout it was issued under."""
    void_reason: Mapped[str | None]
    voided_at: Mapped[datetime | None]


class GivingStatement(Base):
    """A donor's annual statement as issued: its number and everything its page says. Never changed."""

    __tablename__ = "giving_statements"
    __table_args__ = (
        UniqueConstraint("series", "tax_year", "sequence"),
        UniqueConstraint("donor_id", "entity_id", "tax_year"),
    )

    id: Mapped[StrPK]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    donor_id: Mapped[str] = mapped_column(ForeignKey("donors.id"))
    series: Mapped[str]
    """The entity's receipt series with `-A`: statements never use up a receipt's number."""
    tax_year: Mapped[int] = mapped_column(SmallInteger)
    sequence: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(unique=True)
    issued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    content: Mapped[dict[str, Any]]


class StatementDocument(Base):
    """The page of a statement, set once."""

    __tablename__ = "statement_documents"

    statement_id: Mapped[str] = mapped_column(ForeignKey("giving_statements.id"), primary_key=True)
    pdf: Mapped[bytes] = mapped_column(LargeBinary)
    pdf_sha256: Mapped[str]
    is_plain_pdf: Mapped[bool]
    template_sha256: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ReceiptDocument(Base):
    """The page as it was set, once: a second copy is the same bytes, not a new page."""

    __tablename__ = "receipt_documents"

    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"), primary_key=True)
    pdf: Mapped[bytes] = mapped_column(LargeBinary)
    pdf_sha256: Mapped[str]
    is_plain_pdf: Mapped[bool]
    """True where a letter outside our fonts forced a page without the archival standard."""
    template_sha256: Mapped[str]
    """The layout it was set with: its receipt's own, unless a new one was put in between the two."""
    written_at: Mapped[datetime] = mapped_column(server_default=func.now())
