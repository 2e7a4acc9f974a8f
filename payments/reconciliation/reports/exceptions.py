"""The facts of the queue's report: what is open and whose, what was accepted, and what was looked at.

That nothing is open is a result only beside what was looked at and when, so both are here. Ages count to
the last round, and the report of a round stays the same until the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from payments.donations.models import Donation, DonationStatus, IssuingEntity
from payments.donations.organisation import receiving_entity
from payments.ledger.models import BalanceTransaction
from payments.money import Money
from payments.reconciliation import reconcile as rounds
from payments.reconciliation.findings import RULES
from payments.reconciliation.models import (
    BankLine,
    BankMatch,
    Discrepancy,
    Payout,
    ReconciliationRound,
)
from payments.staff import people
from payments.staff.models import StaffMember

_BLOCKING = ("payout_differs", "payout_not_proven", "bank_gap", "bank_line_unmatched")
_KINDS = {rule.kind: rule.blocks_close for rule in RULES} | dict.fromkeys(_BLOCKING, True)
"""Every kind that can be found, and whether it keeps a month open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which of the open ones."""

    kind: str | None = None
    owner: StaffMember | None = None
    is_blocking: bool = False

    def takes(self, row: Discrepancy) -> bool:
        """Whether it is one of them."""
        return (
            (self.kind is None or row.kind == self.kind)
            and (self.owner is None or row.owner_id == self.owner.id)
            and (row.blocks_close or not self.is_blocking)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionLine:
    """One exception."""

    row: Discrepancy
    owner: str | None
    accepted_by: str | None
    age_days: int

    @property
    def amount(self) -> Money | None:
        """What it is about, where that is an amount."""
        row = self.row
        if row.amount is None or row.currency is None:
            return None
        return Money(row.amount, row.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """What a round goes through."""

    paid_gifts: int
    movements: int
    payouts: int
    bank_lines: int
    bank_lines_said: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionsReport:
    """The queue as the last round left it."""

    entity: IssuingEntity
    round: ReconciliationRound | None
    """None before the first."""
    chosen: Chosen
    open: tuple[ExceptionLine, ...]
    """What is due first on top."""
    accepted: tuple[ExceptionLine, ...]
    by_kind: tuple[tuple[str, int, bool], ...]
    """Every kind, how many are open whatever was chosen, and whether it keeps a month open."""
    looked_at: LookedAt
    standing: rounds.Standing
    """The queue as the database counts it."""


def exceptions_report(session: Session, chosen: Chosen | None = None) -> ExceptionsReport:
    """The queue, or what was chosen of it."""
    chosen = chosen or Chosen()
    last = session.scalars(
        select(ReconciliationRound).order_by(ReconciliationRound.id.desc()).limit(1)
    ).one_or_none()
    names = people.names(session)
    rows = session.scalars(
        select(Discrepancy)
        .where(Discrepancy.status.in_(("open", "accepted")))
        .order_by(Discrepancy.due_on, Discrepancy.opened_at, Discrepancy.kind, Discrepancy.subject_id)
    ).all()
    lines = [
        ExceptionLine(
            row=row,
            owner=names.get(row.owner_id or ""),
            accepted_by=names.get(row.accepted_by or ""),
            age_days=_age(row, last.ended_at if last is not None else row.found_at),
        )
        for row in rows
    ]
    return ExceptionsReport(
        entity=receiving_entity(session),
        round=last,
        chosen=chosen,
        open=tuple(line for line in lines if line.row.status == "open" and chosen.takes(line.row)),
        accepted=tuple(line for line in lines if line.row.status == "accepted"),
        by_kind=_by_kind([row for row in rows if row.status == "open"]),
        looked_at=_looked_at(session),
        standing=rounds.standing(session),
    )


def _age(row: Discrepancy, until: datetime) -> int:
    return max((until - row.opened_at).days, 0)


def _by_kind(rows: Sequence[Discrepancy]) -> tuple[tuple[str, int, bool], ...]:
    blocks = dict(_KINDS)
    for row in rows:
        blocks.setdefault(row.kind, row.blocks_close)
    return tuple(
        (kind, sum(row.kind == kind for row in rows), is_blocking)
        for kind, is_blocking in sorted(blocks.items(), key=lambda each: (not each[1], each[0]))
    )


def _looked_at(session: Session) -> LookedAt:
    return LookedAt(
        paid_gifts=_count(session, select(func.count()).where(Donation.status == DonationStatus.PAID.value)),
        movements=_count(session, select(func.count()).select_from(BalanceTransaction)),
        payouts=_count(session, select(func.count()).select_from(Payout)),
        bank_lines=_count(session, select(func.count()).select_from(BankLine)),
        bank_lines_said=_count(
            session,
            select(func.count(BankMatch.bank_line_id.distinct())).where(BankMatch.undone_at.is_(None)),
        ),
    )


def _count(session: Session, wanted: Select[int]) -> int:
    return session.scalar(wanted) or 0
