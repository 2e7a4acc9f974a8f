"""Keys to the staff API: shown once when made, kept as a hash, ended by date or by hand.

A token is 256 random bits, so its plain hash cannot be guessed back, and finding it by that hash
tells nobody how close a wrong one came.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.errors import AlmonerError
from payments.staff import audit, people
from payments.staff.models import StaffMember, StaffToken

_BEGINS_WITH = "alm_"
_PREFIX_LETTERS = 12
LONGEST_DAYS = 366


class TokenRefused(AlmonerError):
    """No token, an unknown one, or one that has ended. Which of them is not told."""

    def __init__(self, *, prefix: str | None = None) -> None:
        super().__init__("Send a valid staff token: `Authorization: Bearer alm_…`.")
        self.prefix = prefix


class TokenUnknown(AlmonerError):
    """No token begins so."""

    def __init__(self) -> None:
        super().__init__("No token begins so. `almoner staff tokens EMAIL` lists them.")


class TokenTooLong(AlmonerError):
    """A token that would outlive its purpose."""

    def __init__(self) -> None:
        super().__init__(f"A token lasts from 1 to {LONGEST_DAYS} days.")


def make(session: Session, person: StaffMember, *, days: int, by: StaffMember) -> str:
    """A new token for this person. The answer is the only place where it can ever be read."""
    if person.id != by.id:
        people.require(by, *people.MAY_MANAGE)
    people.require(person, *people.MAY_READ)
    if not 1 <= days <= LONGEST_DAYS:
        raise TokenTooLong
    token = _BEGINS_WITH + secrets.token_urlsafe(32)
    prefix = token[:_PREFIX_LETTERS]
    session.add(
        StaffToken(
            token_sha256=_sha256(token),
            prefix=prefix,
            staff_id=person.id,
            expires_at=now() + timedelta(days=days),
        )
    )
    audit.note(
        session, by, "staff.token", subject=person.id, reason="a token", token_prefix=prefix, days=days
    )
    return token


def of(session: Session, person: StaffMember) -> Sequence[StaffToken]:
    """A person's tokens, the newest first."""
    return session.scalars(
        select(StaffToken).where(StaffToken.staff_id == person.id).order_by(StaffToken.created_at.desc())
    ).all()


def revoke(session: Session, prefix: str, *, by: StaffMember, reason: str) -> None:
    """End a token now; named by its first letters, as lists and logs show it."""
    token = session.scalars(select(StaffToken).where(StaffToken.prefix == prefix)).one_or_none()
    if token is None:
        raise TokenUnknown
    if token.staff_id != by.id:
        people.require(by, *people.MAY_MANAGE)
    reason = people.reason_given(reason)
    if token.revoked_at is None:
        token.revoked_at = now()
        audit.note(
            session, by, "staff.revoke_token", subject=token.staff_id, reason=reason, token_prefix=prefix
        )


def holder(session: Session, token: str) -> StaffMember:
    """Whose token this is, or `TokenRefused`. One query, by the hash."""
    prefix = token[:_PREFIX_LETTERS] if token.startswith(_BEGINS_WITH) else None
    found: Row[StaffMember, StaffToken] | None = session.execute(
        select(StaffMember, StaffToken)
        .join(StaffToken, StaffToken.staff_id == StaffMember.id)
        .where(
            StaffToken.token_sha256 == _sha256(token),
            StaffToken.revoked_at.is_(None),
            StaffToken.expires_at > func.now(),
            StaffMember.is_active,
        )
    ).one_or_none()
    if found is None:
        raise TokenRefused(prefix=prefix)
    return found[0]


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
