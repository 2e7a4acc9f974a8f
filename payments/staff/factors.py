"""The second factor: codes of an authenticator app (RFC 6238), and ten codes on paper for when it is lost.

A secret is offered, and is in force once a code of it has come back. A code is taken once: whoever read it
over a shoulder comes too late. Time is PostgreSQL's, which nobody moves; a telephone may be half a minute
off.
"""

import base64
import re
import secrets
from dataclasses import dataclass
from urllib.parse import quote

import structlog
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from payments.errors import AlmonerError
from payments.staff import audit
from payments.staff.models import StaffCredential, StaffMember, StaffRecoveryCode
from payments.staff.sealing import SealBroken, mark, open_sealed, seal

log = structlog.stdlib.get_logger(__name__)

DIGITS, SECONDS = 6, 30
RECOVERY_CODES = 10
_SECRET_BYTES = 20
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""None that is taken for another on paper."""
_CODE_LETTERS = 10


class CodeWrong(AlmonerError):
    """Not the code of this half minute, or one that was taken already."""

    def __init__(self) -> None:
        super().__init__("This is not the code that the app shows now. Wait for the next one and type that.")


@dataclass(frozen=True, slots=True)
class Offer:
    """What an authenticator app is told, by a picture or by typing."""

    address: str
    secret: str
    """In groups of four."""


def offer(session: Session, person: StaffMember) -> None:
    """A new secret for this person's app; the one before stays in force until a code has come back."""
    credential = _held(session, person)
    credential.totp_offered = seal(secrets.token_bytes(_SECRET_BYTES), staff_id=person.id)
    session.flush()


def withdraw(session: Session, person: StaffMember) -> None:
    """What was offered is not in force and never will be."""
    _held(session, person).totp_offered = None
    session.flush()


def offered(session: Session, person: StaffMember, *, issuer: str) -> Offer | None:
    """What was offered and has not been answered."""
    credential = session.get(StaffCredential, person.id)
    secret = _opened(credential.totp_offered, person.id) if credential else None
    if secret is None:
        return None
    written = base64.b32encode(secret).decode()
    # Spelt out: an app knows the account by its label, and some read none of what is not in it.
    label = f"{quote(issuer)}:{quote(person.email)}"
    address = f"otpauth://totp/{label}?secret={written}&issuer={quote(issuer)}"
    return Offer(address=address, secret=" ".join(re.findall(".{4}", written)))


def confirm(session: Session, person: StaffMember, code: str) -> list[str]:
    """The offered secret is in force from now on, and the answer is its ten recovery codes: shown now and
    never again. Raises `CodeWrong`."""
    credential = _held(session, person)
    secret = _opened(credential.totp_offered, person.id)
    step = _step_of(session, secret, code, after=0) if secret else None
    if step is None:
        raise CodeWrong
    credential.totp_sealed, credential.totp_offered = credential.totp_offered, None
    credential.totp_since, credential.totp_last_step = func.now(), step
    audit.note(session, person, "staff.second_factor", subject=person.id, reason="a new authenticator app")
    return renew_recovery_codes(session, person)


def renew_recovery_codes(session: Session, person: StaffMember) -> list[str]:
    """Ten new codes; the earlier ones count no more."""
    session.execute(delete(StaffRecoveryCode).where(StaffRecoveryCode.staff_id == person.id))
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_CODE_LETTERS)) for _ in range(RECOVERY_CODES)]
    session.add_all(StaffRecoveryCode(staff_id=person.id, code_hmac=_mark(code)) for code in codes)
    audit.note(session, person, "staff.recovery_codes", subject=person.id, reason="new recovery codes")
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def recovery_codes_left(session: Session, person: StaffMember) -> int:
    """How many were not used."""
    asked = select(func.count()).where(StaffRecoveryCode.staff_id == person.id)
    return session.scalars(asked).one()


def take(session: Session, credential: StaffCredential, code: str) -> str | None:
    """By which way a code is right, and used up: `code` or `recovery code`. The credential is held."""
    secret = _opened(credential.totp_sealed, credential.staff_id)
    if secret is None:
        return None
    step = _step_of(session, secret, code, after=credential.totp_last_step)
    if step is not None:
        credential.totp_last_step = step
        return "code"
    written = re.sub(r"[\W_]", "", code).upper()
    used = session.scalar(
        delete(StaffRecoveryCode)
        .where(
            StaffRecoveryCode.staff_id == credential.staff_id, StaffRecoveryCode.code_hmac == _mark(written)
        )
        .returning(StaffRecoveryCode.code_hmac)
    )
    return "recovery code" if used else None


def _step_of(session: Session, secret: bytes, code: str, *, after: int) -> int | None:
    """The half minute of which this is the code, if it is about now and later than `after`."""
    typed = re.sub(r"\s", "", code).encode("utf-8", "surrogatepass")
    instant = session.scalars(select(func.now())).one()
    now = int(instant.timestamp()) // SECONDS
    codes = HOTP(secret, DIGITS, SHA1())  # noqa: S303 - what every authenticator app reckons with
    found = None
    for step in (now - 1, now, now + 1):
        if secrets.compare_digest(typed, codes.generate(step)) and step > after:
            found = step
    return found


def _held(session: Session, person: StaffMember) -> StaffCredential:
    return session.scalars(
        select(StaffCredential).where(StaffCredential.staff_id == person.id).with_for_update()
    ).one()


def _opened(sealed: bytes | None, staff_id: str) -> bytes | None:
    try:
        return open_sealed(sealed, staff_id=staff_id) if sealed else None
    except SealBroken:
        log.error("second factor unreadable", reason="SECRET_KEY is another one", about=staff_id)
        return None


def _mark(code: str) -> str:
    return mark("recovery code", code)
