"""The facts of one payout's report: what it carries line by line, and what each of its sides says.

Every line can be traced: to Stripe by its balance transaction, to the gift by its id, to the book by its
journal number. Nothing here depends on when it is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from payments.donations.models import Allocation, Donation, Fund, IssuingEntity
from payments.donations.organisation import receiving_entity
from payments.ledger.accounts import Account
from payments.ledger.models import BalanceTransaction, JournalEntry, JournalMove
from payments.money import Money
from payments.reconciliation import payout_proof, payouts
from payments.reconciliation.models import BankLine, BankMatch, Payout
from payments.reconciliation.payout_proof import Carried, Proof, Sums
from payments.staff import people

_PARTS = {
    "gifts": ("charge",),
    "refunds": ("refund", "refund_failure", "charge_failure", "partial_capture_reversal"),
    "disputes": ("dispute", "dispute_reversal"),
    "stripe_fees": ("fee", "network_cost", "tax"),
    "came_back": ("payout_reversal",),
}
_IDS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """One movement in a payout."""

    carried: Carried
    part: str
    """`gifts`, `refunds`, `disputes`, `stripe_fees`, `came_back` or `other`."""
    fund_ids: tuple[str, ...]
    given: Money | None
    """What the donor gave, where that was in another currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheBank:
    """A line of the bank that is this payout, or its way back."""

    kind: str
    bank_line_id: str
    account_id: str
    booked_on: date
    amount: Money
    """Of the whole line."""
    payouts_on_it: int
    payouts_amount: int
    """What the payouts that were said to be on it come to."""
    bank_reference: str | None
    matched_by: str | None
    """A name; None where it was matched by itself."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CameBack:
    """A failed payout whose money this one carries, with what it carried."""

    stripe_payout_id: str
    failure_code: str | None
    amount: Money
    lines: tuple[ReportLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceThen:
    """The balance right after a payout that Stripe tells no lines of."""

    at_stripe: Money
    in_the_book: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutReport:
    """One payout, with all of its sides."""

    entity: IssuingEntity
    payout: Payout
    proof: Proof
    sums: Sums
    own: int | None
    """What the book took from the balance for it."""
    lines: tuple[ReportLine, ...]
    came_back: tuple[CameBack, ...]
    carried_on_by: str | None
    on_the_bank: tuple[OnTheBank, ...]
    balance_then: BalanceThen | None
    fund_names: Mapping[str, Mapping[str, str]]
    """By fund, then by language."""

    @property
    def currency(self) -> str:
        """The one of all its figures."""
        return self.payout.currency


def payout_report(session: Session, stripe_payout_id: str) -> PayoutReport:
    """Everything about one payout, or `PayoutUnknown`."""
    payout = payouts.find(session, stripe_payout_id)
    sums = payout_proof.sums(session, [stripe_payout_id]).get(stripe_payout_id, Sums())
    own = payout_proof.own_movements(session, [payout]).get(stripe_payout_id)
    return PayoutReport(
        entity=receiving_entity(session),
        payout=payout,
        proof=payout_proof.proof_of(payout, sums, own),
        sums=sums,
        own=own,
        lines=_lines(session, payout),
        came_back=tuple(
            CameBack(
                stripe_payout_id=failed.stripe_payout_id,
                failure_code=failed.failure_code,
                amount=Money(failed.amount, failed.currency),
                lines=_lines(session, failed),
            )
            for failed in payout_proof.origins(session, payout)
        ),
        carried_on_by=payout_proof.carried_on_by(session, payout),
        on_the_bank=_on_the_bank(session, payout),
        balance_then=None if payout.is_automatic else _balance_then(session, payout),
        fund_names={fund.id: dict(fund.name) for fund in session.scalars(select(Fund))},
    )


def _lines(session: Session, payout: Payout) -> tuple[ReportLine, ...]:
    carried = [line for line in payout_proof.carried(session, payout) if not line.is_own]
    gifts = _gifts(session, [line.donation_id for line in carried if line.donation_id is not None])
    nothing: tuple[tuple[str, ...], Money | None] = ((), None)
    found = []
    for line in carried:
        fund_ids, given = gifts.get(line.donation_id or "", nothing)
        is_foreign = given is not None and given.currency != payout.currency
        found.append(
            ReportLine(
                carried=line,
                part=_part_of(line.reporting_category),
                fund_ids=fund_ids,
                given=given if is_foreign else None,
            )
        )
    return tuple(found)


def _part_of(reporting_category: str | None) -> str:
    return next((part for part, those in _PARTS.items() if reporting_category in those), "other")


def _gifts(session: Session, donation_ids: Sequence[str]) -> dict[str, tuple[tuple[str, ...], Money | None]]:
    """The funds of each gift in their order, and what was given."""
    found: dict[str, tuple[tuple[str, ...], Money | None]] = {}
    for start in range(0, len(donation_ids), _IDS_AT_ONCE):
        rows = session.execute(
            select(
                Donation.id,
                Donation.amount,
                Donation.currency,
                func.array_agg(Allocation.fund_id.distinct()),
            )
            .join(Allocation, Allocation.donation_id == Donation.id)
            .where(Donation.id.in_(donation_ids[start : start + _IDS_AT_ONCE]))
            .group_by(Donation.id)
        )
        found |= {
            donation_id: (tuple(sorted(fund_ids)), Money(amount, currency))
            for donation_id, amount, currency, fund_ids in rows
        }
    return found


def _on_the_bank(session: Session, payout: Payout) -> tuple[OnTheBank, ...]:
    stands = BankMatch.undone_at.is_(None)
    mine = (
        select(BankMatch, BankLine)
        .join(BankLine, BankLine.id == BankMatch.bank_line_id)
        .where(
            BankMatch.subject_id == payout.stripe_payout_id,
            BankMatch.kind.in_(("payout", "payout_return")),
            stands,
        )
        .order_by(BankLine.booked_on, BankLine.id)
    )
    names = people.names(session)
    found = []
    for match, line in session.execute(mine):
        count, amount = session.execute(
            select(
                func.count(),
                func.sum(case((BankMatch.kind == "payout", Payout.amount), else_=-Payout.amount)),
            )
            .select_from(BankMatch)
            .join(Payout, Payout.stripe_payout_id == BankMatch.subject_id)
            .where(BankMatch.bank_line_id == line.id, stands)
        ).one()
        found.append(
            OnTheBank(
                kind=match.kind,
                bank_line_id=line.id,
                account_id=line.bank_account_id,
                booked_on=line.booked_on,
                amount=Money(line.amount, line.currency),
                payouts_on_it=count,
                payouts_amount=int(amount),
                bank_reference=line.bank_reference or line.payment_reference,
                matched_by=names.get(match.matched_by or ""),
                reason=match.reason,
            )
        )
    return tuple(found)


def _balance_then(session: Session, payout: Payout) -> BalanceThen | None:
    """What Stripe held and what the book said, right after the payout's own movement."""
    made_at: datetime | None = session.scalar(
        select(BalanceTransaction.created_at).where(
            BalanceTransaction.stripe_balance_transaction_id == payout.stripe_balance_transaction_id
        )
    )
    if made_at is None:
        return None
    at_stripe = session.scalar(
        select(func.coalesce(func.sum(BalanceTransaction.net), 0)).where(
            BalanceTransaction.currency == payout.currency, BalanceTransaction.created_at <= made_at
        )
    )
    arrived = JournalMove.to_account == Account.STRIPE_BALANCE
    in_the_book = session.scalar(
        select(func.coalesce(func.sum(case((arrived, JournalMove.amount), else_=-JournalMove.amount)), 0))
        .join(JournalEntry, JournalEntry.reference == JournalMove.reference)
        .where(
            or_(arrived, JournalMove.from_account == Account.STRIPE_BALANCE),
            JournalMove.currency == payout.currency,
            JournalEntry.occurred_at <= made_at,
        )
    )
    return BalanceThen(
        at_stripe=Money(int(at_stripe or 0), payout.currency),
        in_the_book=Money(int(in_the_book or 0), payout.currency),
    )
