"""One gift, from the moment somebody pressed Donate to the line on the bank's statement.

Each step has its amount, its day and its id, and what has not happened yet says so. Whoever opens it reads a
donor's record, so that is noted; by name the donor is told to those only whose work it is to know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import gift_story
from payments.database import among
from payments.dependencies import DatabaseSession, signed_in
from payments.donations import explain as explaining
from payments.donations import recording, refund_requests
from payments.donations.models import Donation
from payments.donations.offline import DepositSlip, OfflineGift
from payments.donations.reversals import Dispute, FraudWarning, OwedPayment, Refund
from payments.gift_story import GiftStory
from payments.ledger.models import JournalEntry, JournalMove
from payments.money import Money
from payments.pages.console.drawing import console_page
from payments.privacy.searching import MAY_SEE_NAMES
from payments.reconciliation.models import BankAccount, BankLine, BankMatch, BankStatement
from payments.staff import audit, people
from payments.staff.models import StaffMember
from payments.supporters import donors

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnStatement:
    """A line of the bank, and the file in which the bank told it."""

    line: BankLine
    account: BankAccount
    statement: BankStatement

    @property
    def amount(self) -> Money:
        """Of the whole line."""
        return Money(self.line.amount, self.line.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """One entry of the journal with its moves."""

    entry: JournalEntry
    moves: Sequence[JournalMove]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPaper:
    """What is known of a gift that never was at Stripe."""

    offline: OfflineGift
    slip: DepositSlip | None
    line: OnStatement | None


@router.get("/gifts/{donation_id}")
def gift(request: Request, session: DatabaseSession, by: Reader, donation_id: str) -> Response:
    """The whole of it."""
    story = gift_story.read(session, donation_id)
    sees_donor = by.may(*MAY_SEE_NAMES)
    note_reading(session, story.gift, by, reason="opened in the console")
    on_paper = _on_paper(session, story.gift.id)
    lines = [leg.bank_line_id for leg in story.payouts if leg.bank_line_id is not None]
    return console_page(
        request,
        session,
        "gift.html",
        person=by,
        here="gifts",
        story=story,
        gift=story.gift,
        email=donors.email_of(session, story.gift.donor_id) if sees_donor else None,
        sees_donor=sees_donor,
        paid=next((charge for charge in story.charges if charge.status == "succeeded"), None),
        booked=_booked(story),
        on_statement=_on_statements(session, lines),
        on_paper=on_paper,
        refunds=session.scalars(
            select(Refund).where(Refund.donation_id == story.gift.id).order_by(Refund.created_at)
        ).all(),
        owed_payments=session.scalars(
            select(OwedPayment)
            .where(OwedPayment.donation_id == story.gift.id)
            .order_by(OwedPayment.requested_at)
        ).all(),
        disputes=session.scalars(
            select(Dispute).where(Dispute.donation_id == story.gift.id).order_by(Dispute.opened_at)
        ).all(),
        warnings=session.scalars(
            select(FraudWarning)
            .where(FraudWarning.donation_id == story.gift.id)
            .order_by(FraudWarning.warned_at)
        ).all(),
        deeds=gift_story.deeds(session, story.gift.id),
        may_refund=by.may(*refund_requests.MAY_REQUEST)
        and refund_requests.is_refundable(session, story.gift),
        may_take_back=on_paper is not None
        and on_paper.offline.reversed_at is None
        and by.may(*recording.MAY_RECORD),
        waiting=gift_story.events_about(session, story.gift.id),
        sentences=explaining.explain(session, story.gift.id, gift_story.beside(session, story.gift.id)),
        money_of=Money,
    )


def note_reading(session: Session, gift: Donation, by: StaffMember, *, reason: str) -> None:
    """Whoever opens a gift reads a donor's record."""
    audit.note(
        session,
        by,
        "gifts.read",
        subject=gift.id,
        reason=reason,
        donor=gift.donor_id,
        with_name=by.may(*MAY_SEE_NAMES),
    )


def _booked(story: GiftStory) -> list[Booked]:
    entries: dict[str, Booked] = {}
    moves: dict[str, list[JournalMove]] = {}
    for entry, move in story.journal:
        moves.setdefault(entry.reference, []).append(move)
        entries[entry.reference] = Booked(entry=entry, moves=moves[entry.reference])
    return list(entries.values())


def _on_statements(session: Session, line_ids: Sequence[str]) -> Mapping[str, OnStatement]:
    """By line."""
    rows = session.execute(
        select(BankLine, BankAccount, BankStatement)
        .join(BankAccount, BankAccount.id == BankLine.bank_account_id)
        .join(BankStatement, BankStatement.id == BankLine.bank_statement_id)
        .where(among(BankLine.id, line_ids))
    )
    return {
        line.id: OnStatement(line=line, account=account, statement=statement)
        for line, account, statement in rows
    }


def _on_paper(session: Session, donation_id: str) -> OnPaper | None:
    offline = session.get(OfflineGift, donation_id)
    if offline is None:
        return None
    slip = session.get(DepositSlip, offline.deposit_slip_id) if offline.deposit_slip_id else None
    line_id = session.scalar(
        select(BankMatch.bank_line_id).where(
            BankMatch.subject_id == (slip.id if slip is not None else donation_id),
            BankMatch.kind == ("deposit" if slip is not None else "transfer"),
            BankMatch.undone_at.is_(None),
        )
    )
    lines = _on_statements(session, [line_id] if line_id is not None else [])
    return OnPaper(offline=offline, slip=slip, line=lines.get(line_id or ""))
