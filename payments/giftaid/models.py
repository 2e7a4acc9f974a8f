"""Declarations and claims. A declaration stays for as long as a claim relies on it, and so for good here;
a claim is what was handed to HMRC, byte for byte."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class Channel(StrEnum):
    """How a declaration was given."""

    ONLINE = "online"
    WRITTEN = "written"
    ORAL = "oral"
    """Counts once a written record of it went to the donor, who may cancel within thirty days of that."""


class GiftAidDeclaration(Base):
    """That a donor wants gifts to be Gift Aid donations, and was told what that means."""

    __tablename__ = "gift_aid_declarations"
    __table_args__ = (
        CheckConstraint("channel in ('online', 'written', 'oral')", name="channel_known"),
        CheckConstraint("covers_past or covers_future or donation_id is not null", name="covers_something"),
        CheckConstraint("record_sent_on is null or channel = 'oral'", name="record_of_the_spoken"),
        CheckConstraint(
            "(cancelled_on is null) = (cancelled_because is null)", name="cancelled_with_a_reason"
        ),
        Index("ix_gift_aid_declarations_donor_id", "donor_id"),
    )

    id: Mapped[StrPK]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    donor_id: Mapped[str] = mapped_column(ForeignKey("donors.id"))
    title: Mapped[str | None]
    first_name: Mapped[str]
    last_name: Mapped[str]
    house: Mapped[str]
    """The number or name of the home."""
    postcode: Mapped[str]
    """`X` for a home outside the United Kingdom."""
    wording_code: Mapped[str]
    wording_version: Mapped[int] = mapped_column(Integer)
    wording_shown: Mapped[str]
    """The very words the donor agreed to."""
    donation_id: Mapped[str | None] = mapped_column(ForeignKey("donations.id"))
    """The one gift it covers, where it covers one."""
    covers_past: Mapped[bool]
    """Also the gifts of the four years before."""
    covers_future: Mapped[bool]
    """From its day on, until it is cancelled."""
    channel: Mapped[str]
    given_on: Mapped[date]
    noted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    noted_by: Mapped[str | None] = mapped_column(ForeignKey("staff_members.id"))
    record_sent_on: Mapped[date | None]
    cancelled_on: Mapped[date | None]
    cancelled_because: Mapped[str | None]


class GiftAidClaim(Base):
    """One schedule as it was made for HMRC, with its files. Never changed."""

    __tablename__ = "gift_aid_claims"
    __table_args__ = (
        UniqueConstraint("entity_id", "number"),
        CheckConstraint("line_count between 1 and 1000", name="fits_a_schedule"),
    )

    id: Mapped[StrPK]
    entity_id: Mapped[str] = mapped_column(ForeignKey("issuing_entities.id"))
    number: Mapped[int] = mapped_column(Integer)
    until: Mapped[date]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    made_by: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    line_count: Mapped[int] = mapped_column(Integer)
    earliest: Mapped[date]
    total: Mapped[int] = mapped_column(BigInteger)
    """The gifts on its lines, in pence."""
    over_claimed: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The tax on what went back of gifts claimed earlier, in pence."""
    ods: Mapped[bytes] = mapped_column(LargeBinary)
    csv: Mapped[bytes] = mapped_column(LargeBinary)
    ods_sha256: Mapped[str]
    csv_sha256: Mapped[str]


class GiftAidLine(Base):
    """One gift on one schedule: no gift is ever claimed twice."""

    __tablename__ = "gift_aid_lines"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_gift_aid_lines_claim_id", "claim_id"),
    )

    donation_id: Mapped[str] = mapped_column(ForeignKey("donations.id"), primary_key=True)
    claim_id: Mapped[str] = mapped_column(ForeignKey("gift_aid_claims.id"))
    item: Mapped[int] = mapped_column(Integer)
    """Its line; small gifts may share one."""
    declaration_id: Mapped[str] = mapped_column(ForeignKey("gift_aid_declarations.id"))
    amount: Mapped[int] = mapped_column(BigInteger)


class GiftAidCorrection(Base):
    """What went back of a gift after it was claimed, as a later schedule said."""

    __tablename__ = "gift_aid_corrections"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    claim_id: Mapped[str] = mapped_column(ForeignKey("gift_aid_claims.id"), primary_key=True)
    donation_id: Mapped[str] = mapped_column(ForeignKey("gift_aid_lines.donation_id"), primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    """The part of the gift, in pence; the tax on it is in the claim."""
