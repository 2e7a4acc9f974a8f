"""Reports as they were taken in, row by row, and what in them is not as the book has it.

Of a row only what is compared is kept: the file itself also names donors with their addresses, and a copy
of it here would outlive every erasure. Its hash proves later which file it was.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import DateTime

from payments.database import Base, StrPK


class StripeReport(Base):
    """One file of Stripe's, and which stretch of the account it tells."""

    __tablename__ = "stripe_reports"
    __table_args__ = (
        CheckConstraint(
            "kind in ('payout_reconciliation', 'balance_change', 'ending_balance', 'balance_summary')",
            name="kind_known",
        ),
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        Index("ix_stripe_reports_sha256", "sha256"),
    )

    id: Mapped[StrPK]
    kind: Mapped[str]
    file_name: Mapped[str]
    sha256: Mapped[str]
    """Of the file as it came from Stripe; the file itself is not kept."""
    size: Mapped[int] = mapped_column(BigInteger)
    row_count: Mapped[int] = mapped_column(Integer)
    time_zone: Mapped[str]
    """In which the report was made: its days begin there."""
    first_day: Mapped[date]
    last_day: Mapped[date]
    currency: Mapped[str | None]
    """Of a report that was asked of one currency only."""
    stripe_payout_id: Mapped[str | None]
    """Of a report that was asked of one payout only."""
    totals: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """By category and currency, beside the book's, as they were found."""
    imported_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    imported_at: Mapped[datetime] = mapped_column(server_default=func.now())


class StripeReportRow(Base):
    """What a report says of one movement.

    No foreign key: the rows are written first, by one COPY in the transaction that writes their report, and
    a million checks would double its cost. Neither is ever deleted.
    """

    __tablename__ = "stripe_report_rows"
    __table_args__ = (
        Index("ix_stripe_report_rows_balance_transaction", "stripe_balance_transaction_id", "report_id"),
    )

    report_id: Mapped[StrPK]
    line: Mapped[int] = mapped_column(Integer, primary_key=True)
    """Its line in the file; the head is line 1."""
    stripe_balance_transaction_id: Mapped[str]
    currency: Mapped[str]
    gross: Mapped[int] = mapped_column(BigInteger)
    fee: Mapped[int] = mapped_column(BigInteger)
    net: Mapped[int] = mapped_column(BigInteger)
    reporting_category: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    """As written, on the wall clock of the report's time zone."""
    stripe_payout_id: Mapped[str | None]
    source_id: Mapped[str | None]


class StripeReportFigure(Base):
    """What a report says of a balance as a whole."""

    __tablename__ = "stripe_report_figures"

    report_id: Mapped[str] = mapped_column(ForeignKey("stripe_reports.id"), primary_key=True)
    currency: Mapped[StrPK]
    name: Mapped[StrPK]
    """Stripe's word: `starting_balance`, `activity`, `payouts`, `ending_balance`, …"""
    amount: Mapped[int] = mapped_column(BigInteger)


class StripeReportDifference(Base):
    """One movement, or one figure, in which a report and the book did not agree when it was taken in.

    Movements never change, so whatever agreed once agrees for ever and is not compared again.
    """

    __tablename__ = "stripe_report_differences"
    __table_args__ = (
        CheckConstraint("kind in ('missing', 'extra', 'differs', 'figure')", name="kind_known"),
    )

    report_id: Mapped[str] = mapped_column(ForeignKey("stripe_reports.id"), primary_key=True)
    kind: Mapped[StrPK]
    subject_id: Mapped[StrPK]
    """The balance transaction; of a figure, its currency and name."""
    amount: Mapped[int] = mapped_column(BigInteger)
    """By how much the net is off: the report's less the book's."""
    currency: Mapped[str]
    says: Mapped[str]
    stripe_payout_id: Mapped[str | None]
    """Where nothing differs but the payout: the one that the report names."""
