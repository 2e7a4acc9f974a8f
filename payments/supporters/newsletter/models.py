"""The newsletter's tables: questions that wait, readers by address, and the log of what was said.

The log holds no address, only the reader's id. So it can stand for ever as proof, and an address can still be
forgotten: what is left then tells of somebody, and of nobody in particular.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class Standing(StrEnum):
    """Where a reader stands: what the holder of the address said last. Asking alone changes nothing."""

    ASKED = "asked"
    """Somebody typed the address; nobody has confirmed it. Forgotten after a week."""
    SUBSCRIBED = "subscribed"
    """Confirmed by the link in our mail."""
    DECLINED = "declined"
    """The holder of the address said that it was not them. Left in peace for a month, then forgotten."""
    WITHDRAWN = "withdrawn"
    """Was subscribed and said stop. Kept for a year, so that the mailing tool can be told."""


class Said(StrEnum):
    """One word in the log."""

    ASKED = "asked"
    """Somebody typed the address, and a mail went there."""
    YES = "yes"
    NO = "no"
    """Not me, or I do not want it: said before any yes."""
    WITHDRAWN = "withdrawn"
    REMINDED = "reminded"
    """We wrote that they had agreed, when, and how to stop: every two years."""


class Source(StrEnum):
    """Where a word was said."""

    BOX = "box"
    """Our own page `/newsletter`."""
    SITE = "site"
    """The box on the charity's own site."""
    API = "api"
    DONATE = "donate"
    """The box beside a gift, ticked by hand."""
    LETTER = "letter"
    """A page behind a link in a mail."""
    ONE_CLICK = "one_click"
    """The mail program's own button (RFC 8058)."""
    COMPLAINT = "complaint"
    """The mail program told us that a letter was called unwanted."""
    STAFF = "staff"
    CALENDAR = "calendar"


def _one_of(column: str, words: type[StrEnum]) -> str:
    return f"{column} in ({', '.join(repr(word.value) for word in words)})"


class NewsletterRequest(Base):
    """An address that somebody typed, until a worker looked it up."""

    __tablename__ = "newsletter_requests"
    __table_args__ = (Index("ix_newsletter_requests_asked_at", "asked_at"),)

    id: Mapped[StrPK]
    email: Mapped[str]
    locale: Mapped[str]
    source: Mapped[str]
    page: Mapped[str | None]
    wording_version: Mapped[int | None]
    wording: Mapped[str | None]
    asked_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Reader(Base):
    """One address and where it stands."""

    __tablename__ = "newsletter_readers"
    __table_args__ = (
        Index("uq_newsletter_readers_lower_email", text("lower(email)"), unique=True),
        Index("ix_newsletter_readers_standing", "standing", "since"),
        CheckConstraint(_one_of("standing", Standing), name="standing_known"),
        CheckConstraint(
            "standing not in ('subscribed', 'withdrawn') or subscribed_at is not null",
            name="subscribed_has_its_time",
        ),
    )

    id: Mapped[StrPK]
    email: Mapped[str]
    locale: Mapped[str]
    standing: Mapped[Standing] = mapped_column(Text, server_default=Standing.ASKED.value)
    since: Mapped[datetime]
    """Since when it stands so."""
    asked_at: Mapped[datetime | None]
    """When a mail last went there because somebody typed the address."""
    subscribed_at: Mapped[datetime | None]
    """The day of the consent, also after it was withdrawn."""
    reminded_at: Mapped[datetime | None]


class ConsentEntry(Base):
    """One word, when and where it was said, and what stood beside the button. Only ever added to."""

    __tablename__ = "consent_log"
    __table_args__ = (
        CheckConstraint(_one_of("said", Said), name="said_known"),
        CheckConstraint(_one_of("source", Source), name="source_known"),
        CheckConstraint(
            "said <> 'yes' or (answers is not null and wording is not null and wording_sha256 is not null)",
            name="yes_has_its_proof",
        ),
        UniqueConstraint("reader_id", "id"),
        ForeignKeyConstraint(["reader_id", "answers"], ["consent_log.reader_id", "consent_log.id"]),
        Index("uq_consent_log_answers", "answers", unique=True, postgresql_where=text("said = 'yes'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    reader_id: Mapped[str]
    """No foreign key: the address may be forgotten, the word stays."""
    said: Mapped[Said] = mapped_column(Text)
    source: Mapped[Source] = mapped_column(Text)
    page: Mapped[str | None]
    """Where the box stood: an origin and a path, nothing behind a question mark."""
    locale: Mapped[str]
    wording_version: Mapped[int | None]
    wording_sha256: Mapped[str | None]
    wording: Mapped[str | None]
    """The sentence beside the button, as it was shown; none where another site showed the box."""
    answers: Mapped[int | None] = mapped_column(BigInteger)
    """Which question a yes or a no answers, by the link that only its mail holds: the double opt-in."""
