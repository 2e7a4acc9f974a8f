"""The outbox: a mail is written with the deed it tells of and leaves later, with a fixed Message-ID.

Beside it what came back: a server that took a mail may still say, minutes or days later, that nobody was
there, and a reader may call it unwanted.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, Text, func, text
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
    BOUNCED = "bounced"
    """The mail server took it, and later a server on the way said that it could not be delivered: a person
    corrects the address."""
    LET_GO = "let_go"
    """A person said that it will not be sent: it went by post, or nobody is left to read it."""


UNDELIVERABLE = (MailStatus.REFUSED, MailStatus.GIVEN_UP, MailStatus.BOUNCED)
"""Those that wait for a person."""


class OutgoingMail(Base):
    """One mail to one person."""

    __tablename__ = "outgoing_mails"
    __table_args__ = (
        CheckConstraint(
            "status in ('queued', 'sent', 'refused', 'given_up', 'bounced', 'let_go')", name="status_known"
        ),
        CheckConstraint("status <> 'sent' or sent_at is not null", name="sent_has_its_time"),
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
    """Since when it is to leave: later than it was written where the letters of a year are spread."""
    sent_at: Mapped[datetime | None]


class MailReport(Base):
    """What came back about one mail. Of the report itself only this is kept: it is full of addresses."""

    __tablename__ = "mail_reports"
    __table_args__ = (
        CheckConstraint("kind in ('bounced', 'complained')", name="kind_known"),
        CheckConstraint("source in ('mailbox', 'postmark')", name="source_known"),
        Index("ix_mail_reports_outgoing_mail_id", "outgoing_mail_id"),
    )

    id: Mapped[StrPK]
    outgoing_mail_id: Mapped[str] = mapped_column(ForeignKey("outgoing_mails.id"))
    kind: Mapped[str]
    """`bounced`, or `complained`: its reader called it unwanted."""
    code: Mapped[str]
    """RFC 3463's status, such as `5.1.1`, or the provider's own word, such as `HardBounce`."""
    source: Mapped[str]
    """Where it came in: the `mailbox` of MAIL_REPORTS_URL, or a provider's webhook."""
    key: Mapped[str] = mapped_column(unique=True)
    """The same report twice is one."""
    reported_at: Mapped[datetime] = mapped_column(server_default=func.now())
