"""Links that let somebody in once: 256 random bits in the address, their hash here.

Opening one only shows a button: mail programs and virus scanners open links too. The button uses it up.
"""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from payments.errors import AlmonerError
from payments.settings import settings
from payments.staff import audit, people, sessions
from payments.staff.models import Role, StaffCredential, StaffLink, StaffMember, StaffRecoveryCode

GOOD_FOR = timedelta(hours=24)
DEMO_ADDRESS = "finn@example.org"
"""Whom a link of the demo lets in when nobody else is named."""
_WELCOME, _DEMO = "welcome", "demo"


class LinkUsed(AlmonerError):
    """Used before, too old, replaced by a later one, or none of ours. Which of them is not told."""

    def __init__(self) -> None:
        super().__init__("This link was used or has ended. Ask for a new one.")


class OnlyInTheDemo(AlmonerError):
    """Where there is real money nobody comes in by a link alone."""

    def __init__(self) -> None:
        super().__init__("A link that signs in by itself is for the demo only (APP_ENV=demo).")


def people_of_the_demo(session: Session) -> None:
    """An admin and somebody in finance, if the demo has nobody yet: as the walks through it name them."""
    _only_in_the_demo()
    if people.everybody(session):
        return
    adam = people.add_first(session, email="adam@example.org", name="Adam Admin", roles=[Role.ADMIN])
    finance = [Role.FINANCE, Role.VIEWER]
    people.add(session, email=DEMO_ADDRESS, name="Finn Finance", roles=finance, by=adam)


def invite(session: Session, person: StaffMember, *, by: StaffMember) -> str:
    """The address at which this person sets a password and a second factor. Whatever they proved themselves
    with before counts no more, and they are signed out everywhere: it is also the way back for whoever lost a
    telephone, or fears that somebody else has it."""
    if person.id != by.id:
        people.require(by, *people.MAY_MANAGE)
    sessions.end_all(session, person)
    for what in (StaffRecoveryCode, StaffCredential):
        session.execute(delete(what).where(what.staff_id == person.id))
    session.execute(delete(StaffLink).where(StaffLink.staff_id == person.id, StaffLink.purpose == _WELCOME))
    token = _make(session, person, _WELCOME)
    audit.note(session, by, "staff.invite", subject=person.id, reason="invited")
    return f"{settings().public_base_url}/console/welcome/{token}"


def invited(session: Session, token: str) -> StaffMember:
    """Whom this invitation is for; it is not used up. Raises `LinkUsed`."""
    return _whom(session, token, _WELCOME)


def into_the_demo(session: Session, email: str) -> str:
    """The address that signs this person in with one click."""
    _only_in_the_demo()
    person = people.find(session, email)
    token = _make(session, person, _DEMO)
    audit.note(session, person, "staff.demo_link", subject=person.id, reason="a link of the demo")
    return f"{settings().public_base_url}/console/sign-in/{token}"


def of_the_demo(session: Session, token: str) -> StaffMember:
    """Whom this link would sign in; it is not used up. Raises `LinkUsed`."""
    if settings().app_env != _DEMO:
        raise LinkUsed
    return _whom(session, token, _DEMO)


def use_up(session: Session, token: str) -> None:
    """It was good, and is never again. Of two who use a link at once one is let in; the other is told
    `LinkUsed`."""
    used = delete(StaffLink).where(StaffLink.token_sha256 == _sha256(token)).returning(StaffLink.staff_id)
    if session.scalar(used) is None:
        raise LinkUsed


def _whom(session: Session, token: str, purpose: str) -> StaffMember:
    found = session.scalars(
        select(StaffMember)
        .join(StaffLink, StaffLink.staff_id == StaffMember.id)
        .where(
            StaffLink.token_sha256 == _sha256(token),
            StaffLink.purpose == purpose,
            StaffLink.ends_at > func.now(),
            StaffMember.is_active,
        )
    ).one_or_none()
    if found is None:
        raise LinkUsed
    return found


def _make(session: Session, person: StaffMember, purpose: str) -> str:
    people.require(person, *people.MAY_READ)
    token = secrets.token_urlsafe(32)
    session.add(
        StaffLink(
            token_sha256=_sha256(token), purpose=purpose, staff_id=person.id, ends_at=func.now() + GOOD_FOR
        )
    )
    session.flush()
    return token


def _only_in_the_demo() -> None:
    if settings().app_env != _DEMO:
        raise OnlyInTheDemo


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
