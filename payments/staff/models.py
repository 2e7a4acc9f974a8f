"""Staff, what opens doors for them, and the audit log in which every deed of theirs stands."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, StrPK


class Role(StrEnum):
    """What a person may do. Nobody grants a role to themselves."""

    VIEWER = "viewer"
    """Reads gifts and the book; an auditor has this alone."""
    SUPPORT = "support"
    """Answers donors; asks for refunds up to the limit."""
    FINANCE = "finance"
    """Records offline gifts and deposits, classifies what is in suspense."""
    APPROVER = "approver"
    """The second person: agrees to refunds above the limit and to paying what is owed."""
    ADMIN = "admin"
    """Adds people and roles; posts nothing."""


class StaffMember(Base):
    """One person, or a program that acts for the charity."""

    __tablename__ = "staff_members"
    __table_args__ = (
        Index("uq_staff_members_lower_email", text("lower(email)"), unique=True),
        CheckConstraint(
            "roles <@ array['viewer', 'support', 'finance', 'approver', 'admin']", name="roles_known"
        ),
    )

    id: Mapped[StrPK]
    email: Mapped[str]
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    def may(self, *roles: Role) -> bool:
        """Whether an active person has one of these roles."""
        return self.is_active and any(role in self.roles for role in roles)


class StaffToken(Base):
    """A key to the staff API: shown once, kept as a hash, ended by date or by hand."""

    __tablename__ = "staff_tokens"

    token_sha256: Mapped[StrPK]
    prefix: Mapped[str]
    """The first letters, for the log and the list; they open nothing."""
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class StaffSession(Base):
    """One browser at which somebody is signed in. The row is gone when it has ended."""

    __tablename__ = "staff_sessions"
    __table_args__ = (
        Index("uq_staff_sessions_token_sha256", "token_sha256", unique=True),
        Index("ix_staff_sessions_staff_id", "staff_id"),
        CheckConstraint("opens in ('console', 'welcome')", name="opens_known"),
    )

    id: Mapped[StrPK]
    token_sha256: Mapped[str]
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    browser: Mapped[str]
    """Such as `Firefox, Linux`, by which the person knows it again."""
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """To the minute."""
    ends_at: Mapped[datetime]
    second_factor_at: Mapped[datetime | None]
    """When a code was asked for and was right; never with a link of the demo."""
    opens: Mapped[str] = mapped_column(server_default=text("'console'"))
    """`console`, or `welcome`: nothing but the pages on which a password and a second factor are set."""


class StaffLink(Base):
    """A link that lets somebody in once. The row is gone when it was used."""

    __tablename__ = "staff_links"
    __table_args__ = (
        CheckConstraint("purpose in ('welcome', 'demo')", name="purpose_known"),
        Index("ix_staff_links_staff_id", "staff_id"),
    )

    token_sha256: Mapped[StrPK]
    purpose: Mapped[str]
    """`welcome` leads to a password and a second factor, `demo` straight in."""
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ends_at: Mapped[datetime]


class StaffCredential(Base):
    """With what somebody proves who they are. Gone when they are invited anew."""

    __tablename__ = "staff_credentials"

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff_members.id"), primary_key=True)
    password_hash: Mapped[str]
    password_set_at: Mapped[datetime] = mapped_column(server_default=func.now())
    totp_sealed: Mapped[bytes | None]
    """The secret that the authenticator app shares; without one nobody is let in."""
    totp_since: Mapped[datetime | None]
    totp_last_step: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """The half minute of the newest code that was taken: none is taken twice."""
    totp_offered: Mapped[bytes | None]
    """A secret that was shown, and is in force once a code of it has come back."""


class StaffRecoveryCode(Base):
    """A code on paper that stands for the authenticator app once. The row is gone when it was used."""

    __tablename__ = "staff_recovery_codes"

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff_members.id"), primary_key=True)
    code_hmac: Mapped[StrPK]


class SignInTries(Base):
    """How often somebody was refused of late; gone with success, or a day after the last try."""

    __tablename__ = "staff_sign_in_tries"
    __table_args__ = (Index("ix_staff_sign_in_tries_last_at", "last_at"),)

    whose: Mapped[StrPK]
    """An address, a browser or the whole house, as a keyed hash: it does not tell who was tried."""
    refused: Mapped[int] = mapped_column(server_default=text("0"))
    last_at: Mapped[datetime] = mapped_column(server_default=func.now())
    next_at: Mapped[datetime] = mapped_column(server_default=func.now())
    """Before this nothing is looked at."""


class StaffRequest(Base):
    """Which deed a caller's idempotency key did, so that sending it twice does it once."""

    __tablename__ = "staff_requests"

    staff_id: Mapped[str] = mapped_column(ForeignKey("staff_members.id"), primary_key=True)
    idempotency_key: Mapped[StrPK]
    request_sha256: Mapped[str]
    answer_id: Mapped[str]
    """The id of what was made."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditEntry(Base):
    """Who did what to what, when and why. Only ever added to."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_subject", "subject"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    staff_id: Mapped[str] = mapped_column(ForeignKey("staff_members.id"))
    deed: Mapped[str]
    subject: Mapped[str]
    """The id of what it was done to: `don_…`, `rfd_…`, `txn_…`."""
    reason: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Before and after, in ids, amounts and words of ours; never a donor's name or address."""
    request_id: Mapped[str | None]
