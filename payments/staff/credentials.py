"""What somebody proves themselves with: a password and a code, asked for together and judged as one.

Which of the two was wrong, and whether anybody works here under the address, is told to nobody.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.errors import AlmonerError
from payments.staff import audit, factors
from payments.staff.models import StaffCredential, StaffMember

log = structlog.stdlib.get_logger(__name__)


class SignInRefused(AlmonerError):
    """The address, the password or the code is wrong; which of them is not told."""

    def __init__(self) -> None:
        super().__init__("The address, the password or the code is not right.")


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says they are, and the password to compare theirs with."""

    staff_id: str | None
    password_hash: str | None


def claimed(session: Session, email: str) -> Claim:
    """What is known under an address: of an unknown one nothing, and that takes as long."""
    found = session.execute(
        select(StaffMember.id, StaffCredential.password_hash)
        .outerjoin(StaffCredential, StaffCredential.staff_id == StaffMember.id)
        .where(func.lower(StaffMember.email) == email.strip().lower(), StaffMember.is_active)
    ).one_or_none()
    return Claim(*found) if found else Claim(None, None)


def prove(session: Session, claim: Claim, *, is_password_right: bool, code: str) -> tuple[StaffMember, str]:
    """Who it is and by which way they proved it; the code is used up. Raises `SignInRefused`, and then the
    transaction is to be undone: a code is used up by nothing but success."""
    found = session.execute(
        select(StaffMember, StaffCredential)
        .join(StaffCredential, StaffCredential.staff_id == StaffMember.id)
        .where(
            StaffMember.id == claim.staff_id,
            StaffMember.is_active,
            # It may have been changed while the password was looked at.
            StaffCredential.password_hash == claim.password_hash,
        )
        .with_for_update(of=StaffCredential)
    ).one_or_none()
    way = factors.take(session, found[1], code) if found else None
    if not (found and way and is_password_right):
        log.warning("sign-in refused", about=claim.staff_id or "nobody", reason="password or code")
        raise SignInRefused
    return found[0], f"password and {way}"


def set_password(session: Session, person: StaffMember, password_hash: str) -> None:
    """This is the password from now on."""
    kept = {"password_hash": password_hash, "password_set_at": func.now()}
    session.execute(
        insert(StaffCredential)
        .values(staff_id=person.id, **kept)
        .on_conflict_do_update(index_elements=[StaffCredential.staff_id], set_=kept)
    )
    audit.note(session, person, "staff.password", subject=person.id, reason="a new password")


def whoever_may_sign_in(session: Session) -> set[str]:
    """The ids of all who have a password and an app."""
    return set(
        session.scalars(select(StaffCredential.staff_id).where(StaffCredential.totp_since.is_not(None)))
    )


def of(session: Session, person: StaffMember) -> StaffCredential | None:
    """What there is of it; None for whoever was never asked for any."""
    return session.get(StaffCredential, person.id)
