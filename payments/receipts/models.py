"""The receipt book: gapless numbers per series and year, contents that never change."""

from datetime import date, datetime
from enum import StrEnum
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


class VoidCause(StrEnum):
    """Why a receipt does not count any more."""

    REFUNDED = "refunded"
    """All or part of the gift was given back."""
    DISPUTED = "disputed"
    """The donor's bank took it back for good."""
    DEBIT_RETURNED = "debit_returned"
    """A bank took a debit back after it had said yes."""
    TAKEN_BACK = "taken_back"
    """An offline gift that was reversed: a bounced cheque, a mistake."""
    RESTORED = "restored"
    """The gift stands for more than it said: what had been given back came back."""
    CORRECTED = "corrected"
    """A name or an address was wrong."""
    BY_HAND = "by_hand"
    """A person said so. No other is issued by itself."""

    @property
    def reason(self) -> str:
        """What the register says of it where no person said more."""
        return self.value.replace("_", " ")


class DueReceipt(Base):
    """A gift whose receipt is to be looked at: it was paid, or something has gone back of it since.

    Written with the fact, deleted once the register says what stands of the gift.
    """

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
        CheckConstraint(
            "(status = 'void') = (void_reason is not null and void_cause is not null"
            " and voided_at is not null)",
            name="void_has_reason",
        ),
        CheckConstraint(
            "status = 'void' or num_nonnulls(void_reason, void_cause, voided_at, voided_by) = 0",
            name="live_is_not_voided",
        ),
        CheckConstraint(
            f"void_cause in ({', '.join(repr(str(c)) for c in VoidCause)})", name="void_cause_known"
        ),
        CheckConstraint(
            "void_cause not in ('by_hand', 'corrected') or voided_by is not null", name="person_is_named"
        ),
        Index(
            "uq_receipts_live_donation_id",
            "donation_id",
            unique=True,
            postgresql_where=text("status = 'issued'"),
        ),
        Index("ix_receipts_void_donation_id", "donation_id", postgresql_where=text("status = 'void'")),
        Index(
            "uq_receipts_replaces_id",
            "replaces_id",
            unique=True,
            postgresql_where=text("replaces_id is not null"),
        ),
    )

    id: Mapped[StrPK]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"))
    replaces_id: Mapped[str | None] = mapped_column(ForeignKey("receipts.id"))
    """The void receipt in whose place it stands."""
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
    void_cause: Mapped[str | None]
    void_reason: Mapped[str | None]
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))
    """The person who said so; null where the facts did: a refund, a lost dispute."""


class StatementCause(StrEnum):
    """Why an annual statement does not count any more."""

    RECEIPT_VOID = "receipt_void"
    """A receipt that it lists is void."""
    GIFT_MISSING = "gift_missing"
    """A receipt of its year was issued after it: a cheque that was entered late."""
    MERGED = "merged"
    """Two records of its donor became one, and both had a statement of the year."""
    PARTED = "parted"
    """A merge was taken back, and it lists what is two donors' again."""


class GivingStatement(Base):
    """A donor's annual statement as issued: its number and everything its page says.

    It lists receipts, so it stands for as long as each of them does; then it is void and another takes its
    place. Nothing else of it ever changes.
    """

    __tablename__ = "giving_statements"
    __table_args__ = (
        UniqueConstraint("series", "tax_year", "sequence"),
        CheckConstraint("status in ('issued', 'void')", name="status_known"),
        CheckConstraint(
            "(status = 'void') = (void_reason is not null and void_cause is not null"
            " and voided_at is not null)",
            name="void_has_reason",
        ),
        CheckConstraint(
            "status = 'void' or num_nonnulls(void_reason, void_cause, voided_at) = 0",
            name="live_is_not_voided",
        ),
        CheckConstraint(
            f"void_cause in ({', '.join(repr(str(c)) for c in StatementCause)})", name="void_cause_known"
        ),
        Index(
            "uq_giving_statements_live_donor_id",
            *("donor_id", "entity_id", "tax_year"),
            unique=True,
            postgresql_where=text("status = 'issued'"),
        ),
        Index("ix_giving_statements_void_donor_id", "donor_id", postgresql_where=text("status = 'void'")),
        Index(
            "uq_giving_statements_replaces_id",
            "replaces_id",
            unique=True,
            postgresql_where=text("replaces_id is not null"),
        ),
    )

    id: Mapped[StrPK]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    donor_id: Mapped[str] = mapped_column(ForeignKey("donors.id"))
    replaces_id: Mapped[str | None] = mapped_column(ForeignKey("giving_statements.id"))
    """The void statement in whose place it stands."""
    series: Mapped[str]
    """The entity's receipt series with `-A`: statements never use up a receipt's number."""
    tax_year: Mapped[int] = mapped_column(SmallInteger)
    sequence: Mapped[int] = mapped_column(Integer)
    number: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(server_default="issued")
    issued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    content: Mapped[dict[str, Any]]
    void_cause: Mapped[str | None]
    void_reason: Mapped[str | None]
    voided_at: Mapped[datetime | None]


class DueStatement(Base):
    """A statement to look at: a void one wants another in its place or a notice to its donor, and the
    other one its page and its letter. Deleted when that is done."""

    __tablename__ = "due_statements"

    statement_id: Mapped[str] = mapped_column(ForeignKey("giving_statements.id"), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    last_error: Mapped[str | None]
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StatementLine(Base):
    """A gift whose only confirmation is a statement, for as long as the line stands."""

    __tablename__ = "statement_lines"
    __table_args__ = (
        Index(
            "uq_statement_lines_standing_donation_id",
            "donation_id",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
    )

    statement_id: Mapped[str] = mapped_column(ForeignKey("giving_statements.id"), primary_key=True)
    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"), primary_key=True)
    receipt_id: Mapped[str] = mapped_column(ForeignKey("receipts.id"))
    """The live receipt that confirms nothing by itself; it cannot be voided before the line has ended."""
    ended_at: Mapped[datetime | None]


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
