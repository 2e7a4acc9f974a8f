"""The months that were closed: what was proven of each, by whom, and the pack that tells it.

A month is closed while its row stands without a reopening. The database then refuses whatever is dated
inside (`2026_11_25_0500_close_months`): entries, lines of the bank, receipts. Posting asks it for the first
open day, so what is heard of later stands there, and `occurred_at` still says when it happened.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.database import Base, StrPK


class MonthClosing(Base):
    """One closing of one month of one legal body. Only its reopening is ever written to it later."""

    __tablename__ = "month_closings"
    __table_args__ = (
        UniqueConstraint("entity_id", "month", "version"),
        CheckConstraint("extract(day from month) = 1", name="month_by_its_first_day"),
        CheckConstraint(
            "last_day = (month + interval '1 month' - interval '1 day')::date", name="last_day_of_the_month"
        ),
        CheckConstraint(
            "num_nulls(reopened_by, reopened_at, reopen_reason) in (0, 3)", name="reopened_whole"
        ),
        CheckConstraint("reopened_by <> closed_by", name="reopened_by_another_person"),
        CheckConstraint("pack_sha256 = encode(sha256(pack), 'hex')", name="pack_is_what_was_hashed"),
        Index(
            "uq_month_closings_closed",
            "entity_id",
            "month",
            unique=True,
            postgresql_where=text("reopened_at is null"),
        ),
    )

    id: Mapped[StrPK]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    month: Mapped[date]
    """Its first day."""
    last_day: Mapped[date]
    version: Mapped[int] = mapped_column(SmallInteger)
    """1, and one more each time it is closed again after a reopening."""
    closed_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    closed_at: Mapped[datetime]
    sealed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    """The same by the database's clock, taken when nobody was writing entries: a later entry of the month
    is one that should not be there."""
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Every item of the checklist with what it found."""
    entries: Mapped[int] = mapped_column(BigInteger)
    """How many entries the month held."""
    moved: Mapped[int] = mapped_column(BigInteger)
    """The sum of all their amounts, whatever the currency: no money, a check that they are the same."""
    pack: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    pack_sha256: Mapped[str]
    reopened_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))
    reopened_at: Mapped[datetime | None]
    reopen_reason: Mapped[str | None]


def closed_through(session: Session, entity_id: str) -> date | None:
    """The last day of the last closed month; None while none is closed."""
    return session.scalar(
        select(func.max(MonthClosing.last_day)).where(
            MonthClosing.entity_id == entity_id, MonthClosing.reopened_at.is_(None)
        )
    )


def closings_of(session: Session, entity_id: str, month: date | None = None) -> Sequence[MonthClosing]:
    """Every closing of a body, of one month or of all, the oldest first; their packs are left where
    they are."""
    wanted = select(MonthClosing).where(MonthClosing.entity_id == entity_id)
    if month is not None:
        wanted = wanted.where(MonthClosing.month == month)
    return session.scalars(wanted.order_by(MonthClosing.month, MonthClosing.version)).all()
