"""The outbox: a mail is written with the deed it tells of and leaves later, with a fixed Message-ID."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, LargeBinary, SmallInteger, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class MailStatus(StrEnum):
    """Where a mail stands; there is no other place for it to be."""

    QUEUED = "queued"
    """To be sent at `next_at`; also while a sender holds its lease."""
    SENT = "sent"
    """The mail server took it."""
    REFUSED = "refused"
    """The mail server said never (5xx): a person corrects the address."""
    GIVEN_UP = "given_up"
    """Days of temporary failures: a person looks."""


class OutgoingMail(Base):
    """One mail to one person."""

    __tablename__ = "outgoing_mails"
    __table_args__ = (
        CheckConstraint("status in ('queued', 'sent', 'refused', 'given_up')", name="status_known"),
        CheckConstraint("(status = 'sent') = (sent_at is not null)", name="sent_has_its_time"),
        Index("ix_outgoing_mails_due", "next_at", postgresql_where=text("status = 'queued'")),
    )

    id: Mapped[StrPK]
    reference: Mapped[str] = mapped_column(unique=True)
    """What it is about, such as `receipt:rcp_…`: the same news is never queued twice."""
    to_address: Mapped[str]
    message_id: Mapped[str] = mapped_column(unique=True)
    message: Mapped[bytes] = mapped_column(LargeBinary)
    """The whole message as it goes over the wire; every try sends the same bytes."""
    status: Mapped[MailStatus] = mapped_column(Text, server_default=MailStatus.QUEUED.value)
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lease: Mapped[str | None]
    """The sender that has it now. One whose lease was taken over may neither refuse nor delay the mail;
    that it was delivered after all is news from anybody."""
    last_answer: Mapped[str | None]
    queued_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]
