"""How often somebody may try to sign in: a few times freely, then ever more seldom.

Every try is counted before it is looked at, so that many at once gain nothing, and the count is gone with
success. Whoever only wants to lock a person out can make strangers wait: not a browser with which the person
has signed in before, which is counted by itself. And an invitation asks for no password.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.errors import AlmonerError
from payments.staff.models import SignInTries
from payments.staff.sealing import mark

FREE = 5
LONGEST_WAIT = timedelta(minutes=15)
STRANGERS_A_MINUTE = 60
"""In the whole house: somebody who tries one password with every address is held up by this."""
_FORGOTTEN_AFTER = timedelta(days=1)
_WINDOW = timedelta(minutes=1)


class TooManyTries(AlmonerError):
    """Nothing is looked at for a while."""

    def __init__(self, *, wait: timedelta) -> None:
        super().__init__("There were too many tries. Wait a little before the next one.")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Try:
    """One try that may be looked at."""

    whose: str
    earlier: int
    """How many were refused before it."""


def count(session: Session, email: str, *, browser: str) -> Try:
    """One more try with this address, by a browser that holds `browser`; or `TooManyTries`."""
    address = email.strip().lower()
    if knows(browser, address):
        return _counted(session, mark("tries of a browser", browser))
    _count_in_the_house(session)
    return _counted(session, mark("tries with an address", address))


def forget(session: Session, attempt: Try) -> None:
    """It succeeded."""
    session.execute(delete(SignInTries).where(SignInTries.whose == attempt.whose))


def remembered(email: str) -> str:
    """What a browser keeps by which it is known the next time. It opens nothing."""
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_signature(nonce, email)}"


def knows(browser: str, email: str) -> bool:
    """Whether somebody with this address has signed in with this browser before."""
    nonce, _, signature = browser.partition(".")
    return secrets.compare_digest(signature.encode(), _signature(nonce, email).encode())


def _signature(nonce: str, email: str) -> str:
    return mark("a known browser", f"{nonce} {email.strip().lower()}")


def _counted(session: Session, whose: str) -> Try:
    row = _held(session, whose)
    now = session.scalars(select(func.now())).one()
    if row.next_at > now:
        raise TooManyTries(wait=row.next_at - now)
    if row.last_at < now - _FORGOTTEN_AFTER:
        row.refused = 0
    earlier = row.refused
    row.refused, row.last_at = earlier + 1, now
    row.next_at = now + _wait_after(row.refused)
    session.flush()
    return Try(whose=whose, earlier=earlier)


def _wait_after(refused: int) -> timedelta:
    if refused < FREE:
        return timedelta(0)
    return min(LONGEST_WAIT, timedelta(seconds=2 ** min(refused - FREE + 2, 20)))


def _count_in_the_house(session: Session) -> None:
    row = _held(session, mark("tries in the house", ""))
    now = session.scalars(select(func.now())).one()
    if row.last_at <= now - _WINDOW:
        row.refused, row.last_at = 0, now
        session.execute(delete(SignInTries).where(SignInTries.last_at < now - _FORGOTTEN_AFTER))
    if row.refused >= STRANGERS_A_MINUTE:
        raise TooManyTries(wait=row.last_at + _WINDOW - now)
    row.refused += 1
    session.flush()


def _held(session: Session, whose: str) -> SignInTries:
    session.execute(insert(SignInTries).values(whose=whose).on_conflict_do_nothing())
    return session.scalars(select(SignInTries).where(SignInTries.whose == whose).with_for_update()).one()
