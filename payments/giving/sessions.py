"""Which donor looks at which browser: begun with a mailed link, looked up with every page, ended.

The browser holds 256 random bits and we their hash, as with those of staff. A session ends after half an hour
without a page, four hours after it began whatever happens, and at once when the donor is erased or has
another address. All of it goes by PostgreSQL's clock. Looking at one's own gifts is noted nowhere.
"""

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.errors import AlmonerError
from payments.giving import links
from payments.giving.links import GivingLinkOver
from payments.giving.models import DonorSession
from payments.supporters.donors import Donor

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=4)
"""Longer than a link is good for: until then the row remembers that the link was used."""
_NOTED_EVERY = timedelta(minutes=1)


class LookIsOver(AlmonerError):
    """No donor is known at this browser, or not any more."""

    def __init__(self) -> None:
        super().__init__("Please ask for a link.")


def opens_for(session: Session, link: str) -> Donor:
    """Whose gifts this link would open now; changes nothing. Raises `GivingLinkNotGenuine` or
    `GivingLinkOver`."""
    donor_id, marked = links.read(link)
    donor = session.get(Donor, donor_id)
    if donor is None or not _stands_for_somebody(donor) or not links.is_marked(marked, donor.email):
        raise GivingLinkOver
    used = select(DonorSession.token_sha256).where(
        DonorSession.link_sha256 == _sha256(link), DonorSession.last_seen_at.is_not(None)
    )
    if session.scalar(used) is not None:
        raise GivingLinkOver
    return donor


def _stands_for_somebody(donor: Donor) -> bool:
    """Neither erased nor merged into another record, whose gifts a link for this one was not made for."""
    return donor.erased_at is None and donor.merged_into_id is None


def begin(session: Session, link: str) -> str:
    """Somebody pressed the button behind a link. The answer is what the browser keeps.

    Pressed twice before the first page was drawn, the second press counts: a browser drops the answer to the
    first. Raises what `opens_for` raises.
    """
    donor = opens_for(session, link)
    token = secrets.token_urlsafe(32)
    fresh = insert(DonorSession).values(
        token_sha256=_sha256(token),
        link_sha256=_sha256(link),
        donor_id=donor.id,
        address_mark=links.mark(donor.email),
        ends_at=func.now() + LONGEST,
    )
    begun = session.scalar(
        fresh.on_conflict_do_update(
            index_elements=["link_sha256"],
            set_={"token_sha256": fresh.excluded.token_sha256},
            where=DonorSession.last_seen_at.is_(None) & DonorSession.ended_at.is_(None),
        ).returning(DonorSession.token_sha256)
    )
    if begun is None:
        raise GivingLinkOver
    return token


def donor_at(session: Session, token: str) -> Donor:
    """Who looks at this browser, or `LookIsOver`."""
    found = session.execute(
        select(Donor, DonorSession.address_mark)
        .join(DonorSession, DonorSession.donor_id == Donor.id)
        .where(DonorSession.token_sha256 == _sha256(token), _stands())
    ).one_or_none()
    if found is None:
        raise LookIsOver
    donor, marked = found
    if not _stands_for_somebody(donor) or not links.is_marked(marked, donor.email):
        raise LookIsOver
    session.execute(
        update(DonorSession)
        .where(
            DonorSession.token_sha256 == _sha256(token),
            or_(
                DonorSession.last_seen_at.is_(None),
                DonorSession.last_seen_at < func.now() - _NOTED_EVERY,
            ),
        )
        .values(last_seen_at=func.now())
    )
    return donor


def end(session: Session, token: str) -> None:
    """Sign out here. What has ended already stays so."""
    session.execute(
        update(DonorSession)
        .where(DonorSession.token_sha256 == _sha256(token), DonorSession.ended_at.is_(None))
        # Used, even if no page was opened with it: the link begins no other.
        .values(ended_at=func.now(), last_seen_at=func.coalesce(DonorSession.last_seen_at, func.now()))
    )


def forget_old(session: Session) -> None:
    """Keep nothing of a session that is over, once its link is too old to begin another."""
    session.execute(delete(DonorSession).where(DonorSession.ends_at < func.now()))


def _stands() -> ColumnElement[bool]:
    seen_at = func.coalesce(DonorSession.last_seen_at, DonorSession.made_at)
    return (
        DonorSession.ended_at.is_(None) & (DonorSession.ends_at > func.now()) & (seen_at > func.now() - IDLE)
    )


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
