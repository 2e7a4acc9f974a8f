"""Who is signed in at which browser: begun, looked up with every page, ended.

The browser holds 256 random bits and we their hash, as with the tokens of the API. A session ends after half
an hour without a page, and twelve hours after it began whatever happens. All of it goes by PostgreSQL's
clock: the demo's own can be moved months ahead, and nobody should be thrown out by that.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from payments.database import new_id
from payments.errors import AlmonerError
from payments.settings import settings
from payments.staff import audit
from payments.staff.models import StaffMember, StaffSession

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
LONGEST_WELCOME = timedelta(hours=1)
_CONSOLE, _WELCOME = "console", "welcome"
_NOTED_EVERY = timedelta(minutes=1)
"""When somebody was last seen is written so often and no oftener: most pages then write nothing."""


class SignInNeeded(AlmonerError):
    """Nobody is signed in at this browser, or not any more."""

    def __init__(self) -> None:
        super().__init__("Please sign in.")


def begin(
    session: Session,
    person: StaffMember,
    *,
    way: str,
    browser: str,
    has_second_factor: bool = False,
    **facts: int,
) -> str:
    """Somebody is in from now on. The answer is what the browser keeps, new with every sign-in."""
    audit.note(session, person, "staff.sign_in", subject=person.id, reason="signed in", way=way, **facts)
    return _begin(
        session,
        person,
        opens=_CONSOLE,
        browser=browser,
        ends_at=func.now() + LONGEST,
        second_factor_at=func.now() if has_second_factor else None,
    )


def begin_welcome(session: Session, person: StaffMember, *, browser: str) -> str:
    """Somebody who was invited sets a password and a second factor; nothing else opens with this."""
    return _begin(session, person, opens=_WELCOME, browser=browser, ends_at=func.now() + LONGEST_WELCOME)


def _begin(session: Session, person: StaffMember, **facts: Any) -> str:
    session.execute(delete(StaffSession).where(StaffSession.staff_id == person.id, ~_stands()))
    token = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            id=new_id("ses"),
            token_sha256=_sha256(token),
            staff_id=person.id,
            **facts,
        )
    )
    session.flush()
    return token


def holder(session: Session, token: str) -> StaffMember:
    """Who is signed in with this, or `SignInNeeded`. One query by the hash, and once a minute a note."""
    return _holder(session, token, opens=_CONSOLE)


def welcomed(session: Session, token: str) -> StaffMember:
    """Who was invited and is on the way in with this, or `SignInNeeded`."""
    return _holder(session, token, opens=_WELCOME)


def _holder(session: Session, token: str, *, opens: str) -> StaffMember:
    found = session.execute(
        select(StaffMember, StaffSession.id, StaffSession.last_seen_at < func.now() - _NOTED_EVERY)
        .join(StaffSession, StaffSession.staff_id == StaffMember.id)
        .where(
            StaffSession.token_sha256 == _sha256(token),
            StaffSession.opens == opens,
            _stands(),
            StaffMember.is_active,
        )
    ).one_or_none()
    if found is None:
        raise SignInNeeded
    person, session_id, is_due = found
    if is_due:
        session.execute(
            update(StaffSession).where(StaffSession.id == session_id).values(last_seen_at=func.now())
        )
    return person


def of(session: Session, person: StaffMember) -> Sequence[StaffSession]:
    """Where somebody is signed in now, the newest first."""
    return session.scalars(
        select(StaffSession)
        .where(StaffSession.staff_id == person.id, StaffSession.opens == _CONSOLE, _stands())
        .order_by(StaffSession.made_at.desc())
    ).all()


def end(session: Session, token: str) -> None:
    """Sign out here. What has ended already stays so."""
    found = session.execute(
        select(StaffMember, StaffSession)
        .join(StaffSession, StaffSession.staff_id == StaffMember.id)
        .where(StaffSession.token_sha256 == _sha256(token))
    ).one_or_none()
    if found is None:
        return
    person, ended = found
    session.delete(ended)
    if ended.opens == _CONSOLE:
        audit.note(session, person, "staff.sign_out", subject=person.id, reason="signed out")


def is_at(kept: StaffSession, token: str) -> bool:
    """Whether it is the session of this browser."""
    return kept.token_sha256 == _sha256(token)


def proven_here(session: Session, token: str) -> None:
    """The person has shown a password and a code at this browser once more, just now."""
    session.execute(
        update(StaffSession)
        .where(StaffSession.token_sha256 == _sha256(token))
        .values(second_factor_at=func.now())
    )


def is_proven(session: Session, token: str, *, within: timedelta) -> bool:
    """Whether a code was shown at this browser so lately. Whoever came in by a link of the demo has none to
    show, and counts."""
    found = session.execute(
        select(StaffSession.second_factor_at, StaffSession.second_factor_at > func.now() - within).where(
            StaffSession.token_sha256 == _sha256(token), StaffSession.opens == _CONSOLE, _stands()
        )
    ).one_or_none()
    if found is None:
        return False
    shown_at, is_fresh = found
    return bool(is_fresh) or (shown_at is None and settings().app_env == "demo")


def end_all(session: Session, person: StaffMember, *, but: str = "") -> None:
    """Sign somebody out everywhere, `but` where the browser holds this. Whoever does it notes why."""
    session.execute(
        delete(StaffSession).where(
            StaffSession.staff_id == person.id, StaffSession.token_sha256 != _sha256(but)
        )
    )


def _stands() -> ColumnElement[bool]:
    return (StaffSession.ends_at > func.now()) & (StaffSession.last_seen_at > func.now() - IDLE)


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
