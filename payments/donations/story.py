"""A gift with everything that is stored about it, and the words in which it is told.

Nobody's name or address is among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from payments.clock import day_in
from payments.donations import checkout, turns
from payments.donations.lines import gift_of
from payments.donations.models import Charge, Donation, Fund, IssuingEntity
from payments.donations.offline import OfflineGift
from payments.donations.turns import Booked
from payments.ledger.models import BalanceTransaction, JournalEntry, JournalMove
from payments.ledger.rules import Gift
from payments.ledger.standing import Standing
from payments.money import Money


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing that is so, and the amounts that make it so."""

    about: str
    says: str
    amounts: dict[str, Money] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything stored about the gift itself."""

    donation: Donation
    entity: IssuingEntity
    funds: dict[str, Fund]
    charges: Sequence[Charge]
    offline: OfflineGift | None
    gift: Gift
    booked: Booked | None
    moves: dict[str, list[JournalMove]]
    """By entry."""
    stands: Standing

    @property
    def settled(self) -> BalanceTransaction | None:
        return self.booked.settled if self.booked is not None else None

    def given(self, minor: int) -> Money:
        """In the donor's own currency."""
        return Money(minor, self.donation.currency)

    def day(self, instant: datetime) -> str:
        """The day where the books are kept."""
        return day(day_in(self.entity.time_zone, instant))


def read(session: Session, donation_id: str) -> Story:
    """The gift with everything stored about it, or `DonationNotFound`."""
    donation = checkout.find(session, donation_id)
    session.scalars(
        select(Donation).where(Donation.id == donation.id).options(selectinload(Donation.allocations))
    ).one()
    funds = {fund.id: fund for fund in session.scalars(select(Fund))}
    charges = session.scalars(
        select(Charge).where(Charge.donation_id == donation.id).order_by(Charge.charged_at)
    ).all()
    paid = next((charge for charge in charges if charge.status == "succeeded"), None)
    booked = turns.load(session, paid) if paid is not None else None
    gift = gift_of(donation, funds)
    moves: dict[str, list[JournalMove]] = {}
    for move in session.scalars(
        select(JournalMove)
        .join(JournalEntry, JournalEntry.reference == JournalMove.reference)
        .where(JournalEntry.donation_id == donation.id)
        .order_by(JournalEntry.number, JournalMove.position)
    ):
        moves.setdefault(move.reference, []).append(move)
    return Story(
        donation=donation,
        entity=session.get_one(IssuingEntity, donation.entity_id),
        funds=funds,
        charges=charges,
        offline=session.get(OfflineGift, donation.id),
        gift=gift,
        booked=booked,
        moves=moves,
        stands=turns.standing_of(gift, booked) if booked is not None else Standing(),
    )


def unsigned(amount: Money) -> Money:
    """Without its sign."""
    return Money(abs(amount.minor), amount.currency)


def said(amount: Money) -> str:
    """An amount as an English reader writes it."""
    return amount.format("en")


def day(of: date) -> str:
    """24 November 2026."""
    return f"{of.day} {of:%B %Y}"


def fund_name(story: Story, fund_id: str | None) -> str:
    """A fund by the name donors see."""
    fund = story.funds.get(fund_id or "")
    return f"“{fund.name_in('en')}”" if fund is not None else "no fund"


def method(charge: Charge) -> str:
    """With what it was paid: visa ending in 4242."""
    name = plain(charge.card_brand or charge.method)
    return f"{name} ending in {charge.last4}" if charge.last4 else name


def plain(word: str | None) -> str:
    """One of Stripe's words without its underscores."""
    return (word or "unknown").replace("_", " ")


def listed(parts: Sequence[str]) -> str:
    """One, two and three."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
