"""Batches of exported entries, what was in them byte for byte, and how a target names our accounts.

All four tables are only ever added to. That an entry is exported once a target is a primary key, not a
promise of the program.
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


class ExportMap(Base):
    """How one target calls our accounts and funds, for one legal body. Each change is a new version."""

    __tablename__ = "export_maps"
    __table_args__ = (UniqueConstraint("target", "entity_id", "version"),)

    id: Mapped[StrPK]
    target: Mapped[str]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    version: Mapped[int] = mapped_column(Integer)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """`accounts`, `funds` and `options`, as `maps.py` read them."""
    set_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ExportBatch(Base):
    """One file that was made, with everything that was decided about it."""

    __tablename__ = "export_batches"
    __table_args__ = (
        CheckConstraint("granularity in ('transaction', 'payout', 'month')", name="granularity_known"),
        CheckConstraint("first_day is null or first_day <= last_day", name="days_in_order"),
        CheckConstraint("entry_count > 0", name="has_entries"),
        Index("ix_export_batches_target", "target", "entity_id"),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Counted up without a gap over all targets."""
    target: Mapped[str]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    first_day: Mapped[date | None]
    """None: everything up to the last day that had not been exported."""
    last_day: Mapped[date]
    granularity: Mapped[str]
    currency: Mapped[str | None]
    """Where only the entries of one currency were wanted."""
    entry_count: Mapped[int] = mapped_column(BigInteger)
    totals: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """By currency: what the entries debit, which is what they credit, in minor units."""
    control: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What the file itself must come to where it is imported: rows and sums."""
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The map and the names as they were when the file was made."""
    file_name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    made_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    made_at: Mapped[datetime]


class ExportedEntry(Base):
    """That an entry left for a target, in which batch. The key is why it cannot leave twice.

    Written for a million entries in one statement out of `journal_entries`, which nobody deletes from; a
    foreign key looked up row by row would take longer than the export, so `ledger verify` proves both ends.
    """

    __tablename__ = "exported_entries"
    __table_args__ = (Index("ix_exported_entries_batch_number", "batch_number", postgresql_using="brin"),)

    target: Mapped[StrPK]
    entry_number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    batch_number: Mapped[int] = mapped_column(BigInteger)


class ExportChunk(Base):
    """A mebibyte of a batch's file, deflated."""

    __tablename__ = "export_chunks"

    batch_number: Mapped[int] = mapped_column(ForeignKey("export_batches.number"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    deflated: Mapped[bytes] = mapped_column(LargeBinary)
