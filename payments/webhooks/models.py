"""The inbox: what Stripe said, byte for byte, and a narrow queue of what is still to do about it."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, LargeBinary, SmallInteger, func, text
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class StripeEvent(Base):
    """One event as it was delivered, or one object as it was fetched. Only ever inserted.

    The body is bytes because jsonb refuses or rewrites bodies that Stripe may sign (NUL, NaN, the
    same key twice). An event is done when no `QueuedEvent` stands beside it.
    """

    __tablename__ = "stripe_events"
    __table_args__ = (
        CheckConstraint("source in ('webhook', 'fetch')", name="source_known"),
        Index("ix_stripe_events_object_id", "object_id"),
        Index("ix_stripe_events_received_at", "received_at"),
    )

    stripe_event_id: Mapped[StrPK]
    """Stripe's `evt_…`; for a fetched object its own id with `fetched:` before it."""
    source: Mapped[str]
    type: Mapped[str]
    object_id: Mapped[str | None]
    account: Mapped[str | None]
    is_live: Mapped[bool]
    api_version: Mapped[str | None]
    created_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    body: Mapped[bytes] = mapped_column(LargeBinary)


class QueuedEvent(Base):
    """An event still to be applied, or parked for a person. Deleted when it is done.

    No foreign key: the row is born in the same statement as its event, which is never deleted, and
    the check would double the intake's writing.
    """

    __tablename__ = "stripe_event_queue"
    __table_args__ = (
        Index("ix_stripe_event_queue_due", "next_at", postgresql_where=text("parked_reason is null")),
    )

    stripe_event_id: Mapped[StrPK]
    place: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    """Order of arrival: only for fairness and for showing; no handler relies on it."""
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    last_error: Mapped[str | None]
    parked_reason: Mapped[str | None]
    parked_at: Mapped[datetime | None]


class StripeCursor(Base):
    """How far a list at Stripe has been read; of workers that want to read it at once, one does."""

    __tablename__ = "stripe_cursors"

    name: Mapped[StrPK]
    read_to: Mapped[datetime]
    """Everything created before this was seen; the next reading begins a little earlier."""
    checked_at: Mapped[datetime]
