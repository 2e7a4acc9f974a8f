"""What still stands of a gift: the amount its receipt may say, and why it is less than was given.

Asked of the facts and never of the events, so whatever came late or twice, the answer is the same. Only
gifts that the book knows something more of than their coming are looked at one by one; there are few.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from payments.database import among
from payments.donations import turns
from payments.donations.lines import gift_of
from payments.donations.models import Charge, Donation, Fund
from payments.donations.offline import OfflineGift
from payments.ledger.models import JournalEntry
from payments.receipts.models import VoidCause


@dataclass(frozen=True, slots=True)
class Stands:
    """What is left of a gift, in its own currency, and what took the rest."""

    amount: int
    cause: VoidCause
    lost: int = 0
    """Of what is gone: to a bank that decided for the donor."""
    owed: int = 0
    """Of what is gone: not with the donor yet, because it could not be paid back."""


_ITS_COMING = ("gift", "offline_gift")


def changed(session: Session, donation_ids: Sequence[str]) -> dict[str, Stands]:
    """Where those of these gifts stand of which more is booked than that they came."""
    touched = session.scalars(
        select(JournalEntry.donation_id)
        .where(among(JournalEntry.donation_id, donation_ids), JournalEntry.kind.not_in(_ITS_COMING))
        .distinct()
    ).all()
    if not touched:
        return {}
    funds = {fund.id: fund for fund in session.scalars(select(Fund))}
    gifts = session.scalars(
        select(Donation)
        .where(Donation.id.in_(touched))
        .options(selectinload(Donation.allocations))
        .execution_options(populate_existing=True)
    )
    return {gift.id: _stands(session, gift, funds) for gift in gifts}


def _stands(session: Session, gift: Donation, funds: dict[str, Fund]) -> Stands:
    paper = session.get(OfflineGift, gift.id, populate_existing=True)
    if paper is not None and paper.reversed_at is not None:
        return Stands(0, VoidCause.TAKEN_BACK)
    charge = session.scalars(
        select(Charge).where(Charge.donation_id == gift.id, Charge.status == "succeeded").limit(1)
    ).one_or_none()
    if charge is None:
        return Stands(gift.amount, VoidCause.RESTORED)
    booked = turns.load(session, charge)
    stood = turns.standing_of(gift_of(gift, funds), booked)
    if stood.lost:
        cause = VoidCause.DISPUTED
    elif any(row.reporting_category == "charge_failure" for row in booked.about(charge.stripe_charge_id)):
        cause = VoidCause.DEBIT_RETURNED
    else:
        cause = VoidCause.REFUNDED
    return Stands(gift.amount - stood.refunded - stood.lost, cause, lost=stood.lost, owed=stood.owed)
