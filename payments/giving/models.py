"""An address that somebody typed, and the session of a donor who opened the link that was mailed there."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class LinkRequest(Base):
    """An address that somebody typed, until it was looked up."""

    __tablename__ = "monthly_link_requests"
    """Named when monthly gifts alone were asked for; a rename would break the code that still runs."""
    __table_args__ = (Index("ix_monthly_link_requests_asked_at", "asked_at"),)

    id: Mapped[StrPK]
    email: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class DonorSession(Base):
    """A donor at one browser. The row outlives its end until the link it began with is too old to be used."""

    __tablename__ = "donor_sessions"
    __table_args__ = (
        Index("uq_donor_sessions_link_sha256", "link_sha256", unique=True),
        Index("ix_donor_sessions_donor_id", "donor_id"),
    )

    token_sha256: Mapped[StrPK]
    """What the browser holds, as a hash."""
    link_sha256: Mapped[str]
    """The mailed link, as a hash: one link begins one session."""
    donor_id: Mapped[str] = mapped_column(ForeignKey("donors.id"))
    address_mark: Mapped[str]
    """For which address the link was made; once the donor has another, the session is nobody's."""
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime | None]
    """Null until a page was opened with it: until then the link may still be pressed again."""
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """Signed out."""
