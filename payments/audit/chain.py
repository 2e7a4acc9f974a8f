"""One gift's whole way from the wish to the bank's line, with what proves each step of it.

What the console tells of a gift is here once more, and beside it what an auditor holds against it: the events
of Stripe's that are kept, by their hashes and never by their bodies; the receipt's own bytes; who asked, who
agreed, who matched.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import gift_story
from payments.database import among, text_with
from payments.donations import turns
from payments.donations.explain import EventFact
from payments.donations.models import Charge, Donation
from payments.donations.offline import DepositSlip, OfflineGift
from payments.donations.reversals import Dispute, OwedPayment, Refund
from payments.donations.turns import Booked
from payments.gift_story import GiftStory, PersonsDeed
from payments.reconciliation import payout_proof
from payments.reconciliation.models import BankLine, BankMatch, BankStatement, Payout
from payments.reconciliation.payout_proof import Proof
from payments.supporters.donors import Donor


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptEvent:
    """Something of Stripe's that is kept byte for byte."""

    stripe_event_id: str
    about: str
    """The id of Stripe's that it is about."""
    type: str
    source: str
    """`webhook`: signed and delivered; `fetch`: asked for."""
    created_at: datetime
    received_at: datetime
    sha256: str
    """Of the body as it is kept."""
    is_redacted: bool
    """Whether its donor was erased since: the body is then not what Stripe sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtBank:
    """A line of the bank's statement, and who said what it is."""

    line: BankLine
    match: BankMatch
    statement_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A payout that carried its money, whether it is proven, and where it arrived."""

    payout: Payout
    proof: Proof
    at_bank: AtBank | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageKept:
    """The page of a receipt: the hash that was noted, and that of the bytes there are."""

    noted: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Everything there is of one gift."""

    story: GiftStory
    booked: Sequence[Booked]
    """Each charge of it that succeeded, with all that Stripe moved of it."""
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]
    owed: Sequence[OwedPayment]
    events: Sequence[KeptEvent]
    waiting: Sequence[EventFact]
    """What is parked or put off and speaks of it."""
    pages: dict[str, PageKept]
    """By receipt."""
    legs: Sequence[Leg]
    paper: OfflineGift | None
    slip: DepositSlip | None
    paper_at_bank: AtBank | None
    """An offline gift's own line, or that of its deposit slip."""
    deeds: Sequence[PersonsDeed]
    personal: tuple[str, ...]
    """Names and addresses of whoever gave it, is thanked or is honoured; they leave in no file."""

    @property
    def gift(self) -> Donation:
        """The gift itself."""
        return self.story.gift


class Reader:
    """Reads chains, one after the other; what many gifts share, their payouts, is proven once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._legs: dict[str, Leg] = {}

    def chain(self, donation_id: str) -> Chain:
        """One gift's, or `DonationNotFound`."""
        session = self._session
        story = gift_story.read(session, donation_id)
        gift = story.gift
        refunds = session.scalars(
            select(Refund).where(Refund.donation_id == gift.id).order_by(Refund.created_at, Refund.id)
        ).all()
        disputes = session.scalars(
            select(Dispute)
            .where(Dispute.donation_id == gift.id)
            .order_by(Dispute.opened_at, Dispute.stripe_dispute_id)
        ).all()
        booked = [turns.load(session, charge) for charge in story.charges if charge.status == "succeeded"]
        paper = session.get(OfflineGift, gift.id)
        slip_id = paper.deposit_slip_id if paper is not None else None
        legs = [self._leg(fact.stripe_payout_id) for fact in story.payouts]
        return Chain(
            story=story,
            booked=booked,
            refunds=refunds,
            disputes=disputes,
            owed=session.scalars(
                select(OwedPayment)
                .where(OwedPayment.donation_id == gift.id)
                .order_by(OwedPayment.requested_at, OwedPayment.id)
            ).all(),
            events=self._events(
                _named(
                    gift, charges=story.charges, booked=booked, refunds=refunds, disputes=disputes, legs=legs
                )
            ),
            waiting=gift_story.events_about(session, gift.id),
            pages=self._pages([each.receipt.id for each in story.receipts]),
            legs=legs,
            paper=paper,
            slip=session.get(DepositSlip, slip_id) if slip_id is not None else None,
            paper_at_bank=self._at_bank(("transfer", gift.id), ("deposit", slip_id)),
            deeds=gift_story.deeds(session, gift.id),
            personal=self._personal(gift),
        )

    def _leg(self, stripe_payout_id: str) -> Leg:
        known = self._legs.get(stripe_payout_id)
        if known is None:
            payout = self._session.get_one(Payout, stripe_payout_id)
            [proven] = payout_proof.prove(self._session, [payout])
            at_bank = self._at_bank(("payout", stripe_payout_id))
            known = self._legs[stripe_payout_id] = Leg(payout=payout, proof=proven.proof, at_bank=at_bank)
        return known

    def _at_bank(self, *subjects: tuple[str, str | None]) -> AtBank | None:
        for kind, subject in subjects:
            found = self._session.execute(
                select(BankLine, BankMatch, BankStatement.sha256)
                .join(BankMatch, BankMatch.bank_line_id == BankLine.id)
                .join(BankStatement, BankStatement.id == BankLine.bank_statement_id)
                .where(BankMatch.kind == kind, BankMatch.subject_id == subject, BankMatch.undone_at.is_(None))
            ).one_or_none()
            if found is not None:
                line, match, sha256 = found
                return AtBank(line=line, match=match, statement_sha256=sha256)
        return None

    def _events(self, named: Iterable[str]) -> list[KeptEvent]:
        rows = self._session.execute(_EVENTS, {"named": sorted(named)})
        return [KeptEvent(**row._mapping) for row in rows]

    def _pages(self, receipt_ids: Sequence[str]) -> dict[str, PageKept]:
        rows = self._session.execute(_PAGES, {"receipts": list(receipt_ids)})
        return {row.receipt_id: PageKept(noted=row.noted, found=row.found) for row in rows}

    def _personal(self, gift: Donation) -> tuple[str, ...]:
        whose = [each for each in (gift.donor_id, gift.soft_credit_donor_id) if each is not None]
        donors = self._session.execute(select(Donor.name, Donor.email).where(among(Donor.id, whose)))
        said = [gift.donor_name, gift.dedication_name, *(each for donor in donors for each in donor)]
        return tuple(dict.fromkeys(each for each in said if each))


def _named(
    gift: Donation,
    *,
    charges: Sequence[Charge],
    booked: Sequence[Booked],
    refunds: Sequence[Refund],
    disputes: Sequence[Dispute],
    legs: Sequence[Leg],
) -> set[str]:
    """Every id of Stripe's that speaks of the gift."""
    ids = [
        gift.stripe_checkout_session_id,
        gift.stripe_payment_intent_id,
        gift.stripe_invoice_id,
        *(charge.stripe_charge_id for charge in charges),
        *(row.stripe_balance_transaction_id for each in booked for row in each.transactions),
        *(refund.stripe_refund_id for refund in refunds),
        *(dispute.stripe_dispute_id for dispute in disputes),
        *(leg.payout.stripe_payout_id for leg in legs),
    ]
    return {each for each in ids if each is not None}


_EVENTS = text_with(
    """
    select e.stripe_event_id, e.object_id as about, e.type, e.source, e.created_at, e.received_at,
        encode(sha256(e.body), 'hex') as sha256,
        exists (select from erased_rows r
            where r.table_name = 'stripe_events' and r.row_id = e.stripe_event_id) as is_redacted
    from stripe_events e where e.object_id = any (:named)
    order by e.created_at, e.stripe_event_id collate "C"
    """,
    "named",
)

_PAGES = text_with(
    """
    select receipt_id, pdf_sha256 as noted, encode(sha256(pdf), 'hex') as found
    from receipt_documents where receipt_id = any (:receipts)
    """,
    "receipts",
)
