"""A donor asks to see all gifts by typing an address.

Whoever asks is answered the same, and as fast, whether the address is known or not: the door only
writes the question down, and a worker looks it up. The mail goes to the donor's own address, at most one
in ten minutes, so asking often is no way to flood somebody. A question is gone once it is answered.
"""

from collections.abc import Collection

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import among, new_id
from payments.donations import organisation as charity
from payments.donations.models import Donation, DonationStatus
from payments.giving import letters
from payments.giving.models import LinkRequest
from payments.jobs import Bell, ring
from payments.mail.address import fit
from payments.monthly import letters as letters_about_one
from payments.monthly.models import MonthlyGift, MonthlyStatus
from payments.supporters.donors import Donor

BATCH = 50
_GIVEN = (DonationStatus.PAID.value, DonationStatus.PROCESSING.value, DonationStatus.FAILED.value)
"""What there is to see of a gift; who only opened a payment page gave nothing."""
_STEERABLE = (
    MonthlyStatus.ACTIVE.value,
    MonthlyStatus.BEHIND.value,
    MonthlyStatus.PAUSED.value,
    MonthlyStatus.LAPSED.value,
)


def ask(session: Session, email: str) -> bool:
    """Write the question down; False for what is no address at all."""
    address = fit(email)
    if address is None:
        return False
    session.add(LinkRequest(id=new_id("mlr"), email=address))
    ring(session, Bell.ANSWER_LINK_REQUESTS)
    return True


def answer(session: Session, *, limit: int = BATCH) -> int:
    """Mail a link to each address from which something was given; how many were asked about."""
    asked = session.scalars(
        select(LinkRequest).order_by(LinkRequest.asked_at).limit(limit).with_for_update(skip_locked=True)
    ).all()
    donors = session.scalars(
        select(Donor)
        .where(
            Donor.id.in_(_led_to({request.email.lower() for request in asked})),
            Donor.erased_at.is_(None),
            or_(
                Donor.id.in_(select(Donation.donor_id).where(Donation.status.in_(_GIVEN))),
                Donor.id.in_(select(Donation.soft_credit_donor_id).where(Donation.status.in_(_GIVEN))),
                Donor.id.in_(select(MonthlyGift.donor_id).where(MonthlyGift.status.in_(_STEERABLE))),
            ),
        )
        .order_by(Donor.id)
    ).all()
    going_on = session.scalars(
        select(MonthlyGift)
        .where(
            among(MonthlyGift.donor_id, [donor.id for donor in donors]), MonthlyGift.status.in_(_STEERABLE)
        )
        .order_by(MonthlyGift.created_at)
    ).all()
    for donor in donors:
        letters.link(
            session,
            charity.letterhead(session),
            donor,
            monthly=[gift for gift in going_on if gift.donor_id == donor.id],
        )
    for request in asked:
        session.delete(request)
    return len(asked)


def _led_to(addresses: Collection[str]) -> Select[str]:
    """The donors of these addresses; of one that was merged, the donor it leads to."""
    return select(func.coalesce(Donor.merged_into_id, Donor.id)).where(func.lower(Donor.email).in_(addresses))


def renew(session: Session, monthly_gift_id: str) -> None:
    """A new link for the one monthly gift of an old one, to its donor."""
    gift = session.get(MonthlyGift, monthly_gift_id)
    if gift is not None:
        letters_about_one.new_link(session, gift, request_id=f"{now():%Y-%m-%dT%H}")
