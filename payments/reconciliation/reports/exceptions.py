"""The facts of the queue's report: what is open and whose, what was accepted, and what was looked at.

That nothing is open is a result only beside what was looked at and when, so both are here. Ages count to
the last round, and the report of a round stays the same until the next.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from payments.donations.models import Donation, DonationStatus, IssuingEntity
from payments.donations.organisation import receiving_entity
from payments.ledger.models import BalanceTransaction
from payments.money import Money
from payments.reconciliation import reconcile as rounds
from payments.reconciliation.findings import COMPUTED, RULES
from payments.reconciliation.models import (
    BankLine,
    BankMatch,
    Discrepancy,
    Payout,
    ReconciliationRound,
)
from payments.staff import people

_KINDS = {rule.kind: rule.blocks_close for rule in RULES} | dict.fromkeys(COMPUTED, True)
"""Every kind that can be found, and whether it keeps a month open."""


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
    chosen: rounds.Chosen
    open: tuple[ExceptionLine, ...]
    """What is due first on top."""
    accepted: tuple[ExceptionLine, ...]
    by_kind: tuple[tuple[str, int, bool], ...]
    """Every kind, how many are open whatever was chosen, and whether it keeps a month open."""
    looked_at: LookedAt
    standing: rounds.Standing
    """The queue as the database counts it."""


def exceptions_report(session: Session, chosen: rounds.Chosen | None = None) -> ExceptionsReport:
    """The queue, or what was chosen of it."""
    chosen = chosen or rounds.Chosen()
    last = session.scalars(
        select(ReconciliationRound).order_by(ReconciliationRound.id.desc()).limit(1)
    ).one_or_none()
    names = people.names(session)

    def line(row: Discrepancy) -> ExceptionLine:
        return ExceptionLine(
            row=row,
            owner=names.get(row.owner_id or ""),
            accepted_by=names.get(row.accepted_by or ""),
            age_days=_age(row, last.ended_at if last is not None else row.found_at),
        )

    accepted = session.scalars(
        select(Discrepancy)
        .where(Discrepancy.status == "accepted")
        .order_by(Discrepancy.due_on, Discrepancy.opened_at, Discrepancy.kind, Discrepancy.subject_id)
    )
    return ExceptionsReport(
        entity=receiving_entity(session),
        round=last,
        chosen=chosen,
        open=tuple(line(row) for row in rounds.queue(session, chosen)),
        accepted=tuple(line(row) for row in accepted),
        by_kind=_by_kind(session),
        looked_at=_looked_at(session),
        standing=rounds.standing(session),
    )


def _age(row: Discrepancy, until: datetime) -> int:
    return max((until - row.opened_at).days, 0)


def _by_kind(session: Session) -> tuple[tuple[str, int, bool], ...]:
    open_ones = {
        kind: (count, is_blocking)
        for kind, count, is_blocking in session.execute(
            select(Discrepancy.kind, func.count(), func.bool_or(Discrepancy.blocks_close))
            .where(Discrepancy.status == "open")
            .group_by(Discrepancy.kind)
        )
    }
    blocks = {kind: is_blocking for kind, (_, is_blocking) in open_ones.items()} | _KINDS
    return tuple(
        (kind, open_ones.get(kind, (0, False))[0], is_blocking)
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
