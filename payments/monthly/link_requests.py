"""A donor without a mail at hand asks for the link of a monthly gift, by typing an address.

Whoever asks is answered the same, and as fast, whether the address is known or not: the door only
writes the question down, and a worker looks it up. The mail goes to the donor's own address, at most one
an hour for each gift, so asking often is no way to flood somebody. A question is gone once it is answered.
"""

from datetime import datetime

from sqlalchemy import Index, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.clock import now
from payments.database import Base, StrPK, new_id
from payments.jobs import Bell, ring
from payments.mail.address import fit
from payments.monthly import letters
from payments.monthly.models import MonthlyGift, MonthlyStatus
from payments.supporters.donors import Donor

BATCH = 50
_STEERABLE = (
    MonthlyStatus.ACTIVE.value,
    MonthlyStatus.BEHIND.value,
    MonthlyStatus.PAUSED.value,
    MonthlyStatus.LAPSED.value,
)


class MonthlyLinkRequest(Base):
    """An address that somebody typed, until it was looked up."""

    __tablename__ = "monthly_link_requests"
    __table_args__ = (Index("ix_monthly_link_requests_asked_at", "asked_at"),)

    id: Mapped[StrPK]
    email: Mapped[str]
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


def ask(session: Session, email: str) -> bool:
    """Write the question down; False for what is no address at all."""
    address = fit(email)
    if address is None:
        return False
    session.add(MonthlyLinkRequest(id=new_id("mlr"), email=address))
    ring(session, Bell.ANSWER_LINK_REQUESTS)
    return True


def answer(session: Session, *, limit: int = BATCH) -> int:
    """Mail the links of what is still going on to the addresses that are known; how many were asked."""
    asked = session.scalars(
        select(MonthlyLinkRequest)
        .order_by(MonthlyLinkRequest.asked_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    addresses = {request.email.lower() for request in asked}
    gifts = session.scalars(
        select(MonthlyGift)
        .join(Donor, Donor.id == MonthlyGift.donor_id)
        .where(func.lower(Donor.email).in_(addresses), MonthlyGift.status.in_(_STEERABLE))
        .order_by(MonthlyGift.created_at)
    )
    for gift in gifts:
        _mail(session, gift)
    for request in asked:
        session.delete(request)
    return len(asked)


def renew(session: Session, monthly_gift_id: str) -> None:
    """A new link for the gift of an old one, to its donor."""
    gift = session.get(MonthlyGift, monthly_gift_id)
    if gift is not None:
        _mail(session, gift)


def _mail(session: Session, gift: MonthlyGift) -> None:
    letters.new_link(session, gift, request_id=f"{now():%Y-%m-%dT%H}")
