"""What the tests of a donor's own page do with its link and its session."""

from datetime import timedelta

from sqlalchemy import select

from payments.clock import now
from payments.database import transaction
from payments.giving import links, sessions
from payments.giving.sessions import LookIsOver
from payments.supporters.donors import Donor

ADA = "ada@example.com"


def a_link(email: str = ADA, *, good_for: timedelta = links.GOOD_FOR) -> str:
    """The signed part of the link that a donor with this address is sent."""
    with transaction() as session:
        donor = session.scalars(select(Donor).where(Donor.email == email)).one()
    return links.token(donor.id, donor.email, expires_at=now() + good_for)


def looked(email: str = ADA) -> str:
    """What the browser of a donor holds who pressed the button and saw a page."""
    with transaction() as session:
        token = sessions.begin(session, a_link(email))
    assert sees(token)
    return token


def sees(token: str) -> str | None:
    """Whose gifts a browser with this sees."""
    with transaction() as session:
        try:
            return sessions.donor_at(session, token).email
        except LookIsOver:
            return None
