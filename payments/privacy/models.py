"""What was erased, what the law keeps until when, and what is still to be asked of Stripe.

None of it holds personal data: the donor is an id that leads nowhere any more. All but the last table are
only ever added to; `erased_rows` is written by the database's own function and by nothing else.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK
from payments.ledger.models import TransactionId


class Erasure(Base):
    """One donor who was erased, and the proof of it."""

    __tablename__ = "erasures"

    id: Mapped[StrPK]
    donor_id: Mapped[str] = mapped_column(ForeignKey("donors.id"), unique=True)
    erased_at: Mapped[datetime] = mapped_column(server_default=func.now())
    erased_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    reason: Mapped[str]
    proof: Mapped[dict[str, Any]]
    """As it was printed; written with the deed, and then it stands."""


class ErasureHold(Base):
    """A row that the law wants kept as it is, until when, and by which rule."""

    __tablename__ = "erasure_holds"
    __table_args__ = (
        Index("ix_erasure_holds_row_id", "row_id"),
        Index("ix_erasure_holds_open", "until", postgresql_where=text("released_at is null")),
    )

    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasures.id"), primary_key=True)
    table_name: Mapped[StrPK]
    row_id: Mapped[StrPK]
    until: Mapped[date]
    """The last day; the day after, a worker erases it."""
    rule: Mapped[str]
    """Its code in `retention.toml`."""
    released_at: Mapped[datetime | None]


class ErasedRow(Base):
    """A row of an append-only table of which something was erased."""

    __tablename__ = "erased_rows"
    __table_args__ = (
        # Each has a trigger that lets only what may be erased of such a row change.
        CheckConstraint(
            "table_name in ('audit_log', 'balance_transactions', 'bank_lines', 'bank_statements', "
            "'export_chunks', 'gift_aid_claims', 'gift_aid_declarations', 'giving_statements', "
            "'receipt_documents', 'receipts', 'statement_documents', 'stripe_events')",
            name="table_listed",
        ),
        Index("ix_erased_rows_erased_in", "erased_in"),
    )

    table_name: Mapped[StrPK]
    row_id: Mapped[StrPK]
    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasures.id"), primary_key=True)
    erased_at: Mapped[datetime] = mapped_column(server_default=func.now())
    erased_in: Mapped[str] = mapped_column(TransactionId(), server_default=text("pg_current_xact_id()"))
    """The transaction that did it; in no other one may the row change."""


class ErasedStripeId(Base):
    """An id of Stripe's that speaks of an erased donor: an event that names it is stored redacted."""

    __tablename__ = "erased_stripe_ids"

    stripe_id: Mapped[StrPK]
    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasures.id"))


class CustomerDeletion(Base):
    """A customer of Stripe's that is to be deleted there: the row, a commit, then the worker asks."""

    __tablename__ = "customer_deletions"
    __table_args__ = (
        Index("ix_customer_deletions_due", "next_at", postgresql_where=text("done_at is null")),
    )

    stripe_customer_id: Mapped[StrPK]
    erasure_id: Mapped[str] = mapped_column(ForeignKey("erasures.id"))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    failure_reason: Mapped[str | None]
    done_at: Mapped[datetime | None]
