"""Taking in a gift that never passed through Stripe, and who is owed a receipt for it.

The legal payer gets it: a person, a company, an estate. A donor-advised fund and an employer's match
get thanks without tax language, and so does whoever is behind them. Things are receipted by their
description and never by a value, and a payment with a benefit by what is left of it. What the law of
the receiving body makes of a benefit, forbids or lacks is said to whoever records the gift, because that
person has the paper in hand; a document that waits is also shown by `receipts due`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select, union
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import now
from payments.donations import recording
from payments.donations.models import Charge, Donation, IssuingEntity
from payments.donations.offline import OfflineGift
from payments.donations.paper_refusals import (
    ItemsForbidden,
    ItemsNotIgnored,
    PaperRefused,
    PayerUnreachable,
    ThankedUnreachable,
)
from payments.donations.recording import Paper
from payments.donations.reversals import Dispute, OwedPayment, Refund
from payments.jobs import Bell, ring
from payments.ledger.models import BalanceTransaction
from payments.mail.address import fit
from payments.money import Money
from payments.receipts import countries
from payments.receipts.countries import ReceiptForbidden
from payments.receipts.drafting import Gifts
from payments.receipts.entitlement import NothingGiven
from payments.receipts.models import DueReceipt, Receipt
from payments.staff import audit, people
from payments.staff.models import StaffMember
from payments.supporters import donors
from payments.translations import N_, worded

_SWEPT = timedelta(days=7)


class ReceiptOutlook(StrEnum):
    """What becomes of the receipt of an offline gift."""

    DUE = "due"
    THANKS_DUE = "thanks_due"
    WAITS = "waits"
    """It is due, and the law or a missing fact holds it up: a person must look."""
    NOTHING_LEFT = "nothing_left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What becomes of a gift's document, and what the person who records it should know."""

    receipt: ReceiptOutlook
    said: tuple[str, ...]
    """Sentences of the catalogue; `facts` stand in them as `{name}`."""
    facts: Mapping[str, Money | str] = field(default_factory=dict)
    why: str = ""
    """What the law says against it, in English, as its country's pack does."""

    def words(self, locale: str) -> str:
        """Without the reason of the law."""
        return " ".join(worded(sentence, self.facts, locale) for sentence in self.said)

    @property
    def sentence(self) -> str:
        """All of it, in English."""
        return f"{self.words('en')} {self.why}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """An offline gift that is written down, and what becomes of its receipt."""

    donation: Donation
    outlook: Outlook


def take_in(
    session: Session,
    paper: Paper,
    *,
    payer_email: str,
    soft_credit: tuple[str, str] | None = None,
    by: StaffMember,
) -> TakenIn:
    """Write down an offline gift: its payer, whoever is thanked beside (name and address), the gift,
    the book, and the receipt if one is due."""
    people.require(by, *recording.MAY_RECORD)
    donor_id = donors.recognise(
        session, email=_address(payer_email, PayerUnreachable), name=paper.donor_name, locale=paper.locale
    )
    beside = None
    if soft_credit is not None:
        name, email = soft_credit
        beside = donors.recognise(
            session, email=_address(email, ThankedUnreachable), name=name, locale=paper.locale
        )
    donation = recording.record(session, paper, donor_id=donor_id, soft_credit_donor_id=beside, by=by)
    if paper.items_cost is not None:
        _note_items(session, donation, cost=paper.items_cost, by=by)
    return TakenIn(donation=donation, outlook=owe(session, donation))


def _note_items(session: Session, donation: Donation, *, cost: int, by: StaffMember) -> None:
    """Keep what the items cost, if they are as cheap as the law of the body wants; refuse them otherwise."""
    entity = session.get_one(IssuingEntity, donation.entity_id)
    try:
        ignored = donation.gift_date is not None and countries.are_low_cost_items(
            countries.of(entity.jurisdiction),
            cost=cost,
            paid=donation.amount,
            currency=donation.currency,
            day=donation.gift_date,
        )
    except ReceiptForbidden as reason:
        raise ItemsForbidden(reason=str(reason)) from reason
    if not ignored:
        raise ItemsNotIgnored
    audit.note(
        session, by, "gift.low_cost_items", subject=donation.id, reason="items with our name", cost=cost
    )


def outlook(session: Session, donation: Donation) -> Outlook:
    """What this gift's document is to be, as the law of its body decides it."""
    try:
        owed = Gifts(session, [donation.id]).owed(donation.id)
    except NothingGiven as reason:
        return Outlook(receipt=ReceiptOutlook.NOTHING_LEFT, said=(N_("No receipt."),), why=str(reason))
    except ReceiptForbidden as reason:
        return Outlook(receipt=ReceiptOutlook.WAITS, said=(N_("The receipt waits."),), why=str(reason))
    if owed.kind == "thanks":
        thanks = N_("A thank-you without tax language is on its way: this payer gets no receipt.")
        return Outlook(receipt=ReceiptOutlook.THANKS_DUE, said=(thanks,))
    said = [N_("The receipt is on its way to the payer.")]
    if owed.benefit:
        said.append(N_("It names what the donor got: {left} is the gift."))
    elif donation.benefit_amount or donation.benefit_text:
        said.append(N_("What the donor got is a token in the eyes of the law: all of it is the gift."))
    left = Money(donation.amount - owed.benefit, donation.currency)
    return Outlook(receipt=ReceiptOutlook.DUE, said=tuple(said), facts={"left": left})


def owe(session: Session, donation: Donation) -> Outlook:
    """Owe the document of an offline gift, where there is one."""
    found = outlook(session, donation)
    if found.receipt is not ReceiptOutlook.NOTHING_LEFT:
        due = insert(DueReceipt).values(donation_id=donation.id)
        session.execute(due.on_conflict_do_nothing())
        ring(session, Bell.ISSUE_RECEIPTS)
    return found


def _address(typed: str, refusal: type[PaperRefused]) -> str:
    address = fit(typed)
    if address is None:
        raise refusal
    return address


def look_again(session: Session, donation_id: str) -> str | None:
    """Something of the gift went back or came again: its receipt is settled by what stands of it now. The
    number of the receipt that counts until then. The caller holds the gift's lock."""
    due = insert(DueReceipt).values(donation_id=donation_id)
    session.execute(due.on_conflict_do_nothing())
    ring(session, Bell.ISSUE_RECEIPTS)
    return session.scalar(
        select(Receipt.number).where(Receipt.donation_id == donation_id, Receipt.status == "issued")
    )


def sweep(session: Session) -> int:
    """Look again at every gift of which something went back in the last days; how many that are.

    Whatever made it so has made it due by itself: this only finds what a mistake of ours would have lost.
    """
    since = now() - _SWEPT
    went_back = union(
        select(Refund.donation_id).where(Refund.is_booked, Refund.created_at > since),
        # What was asked for long ago may be booked only now, and a bank may take back what it once paid.
        select(Refund.donation_id)
        .join(BalanceTransaction, BalanceTransaction.source_id == Refund.stripe_refund_id)
        .where(BalanceTransaction.created_at > since),
        select(Charge.donation_id)
        .join(BalanceTransaction, BalanceTransaction.source_id == Charge.stripe_charge_id)
        .where(
            BalanceTransaction.created_at > since, BalanceTransaction.reporting_category == "charge_failure"
        ),
        select(Dispute.donation_id).where(Dispute.closed_at > since),
        select(OwedPayment.donation_id).where(OwedPayment.decided_at > since),
        select(OfflineGift.donation_id).where(OfflineGift.reversed_at > since),
    ).subquery()
    gifts = (
        select(Donation.id)
        .where(Donation.id.in_(select(went_back.c.donation_id)), Donation.paid_at.is_not(None))
        .order_by(Donation.id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    found = session.scalars(gifts).all()
    if found:
        session.execute(
            insert(DueReceipt).on_conflict_do_nothing(), [{"donation_id": gift} for gift in found]
        )
        ring(session, Bell.ISSUE_RECEIPTS)
    return len(found)
