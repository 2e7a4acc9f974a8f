"""Everything there is to say of a month, for a page, a sheet and the pack alike.

Of a closed month it is what was said when it was closed, read back out of its pack, whatever has been
renamed, mended or paid since.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from io import BytesIO
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.reconciliation import bank_lineup, checklist_queries, closings, month_tables, tie_out
from payments.reconciliation.bank_lineup import AccountOfMonth, BankLineup
from payments.reconciliation.checklist import Item, Laws, checklist, exceptions_of, take_time
from payments.reconciliation.closings import MonthClosing
from payments.reconciliation.month_tables import (
    FundLine,
    LateEntry,
    PayoutOfMonth,
    ReceiptsOfMonth,
    TrialLine,
)
from payments.reconciliation.months import Month
from payments.reconciliation.tie_out import TieOut
from payments.staff import people

REPORT = "month.json"
"""Its place in a pack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One closing, and its reopening where there was one."""

    version: int
    closed_by: str
    closed_at: datetime
    pack_sha256: str
    reopened_by: str | None
    reopened_at: datetime | None
    reopen_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionOfMonth:
    """What did not fit, and who let it stand."""

    id: str
    kind: str
    subject_id: str
    amount: int | None
    currency: str | None
    sentence: str
    blocks_close: bool
    status: str
    day: date | None
    owner: str | None
    accepted_by: str | None
    note: str | None
    told: dict[str, Any] | None = None
    """The sentence and its facts, to be told in another language; none in an older pack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReport:
    """A month of a legal body. Amounts are minor units of the currency beside them."""

    month: Month
    status: str
    """`open`, `closed`, or `reopened`, which is open again."""
    closings: tuple[Closed, ...]
    checklist: tuple[Item, ...]
    tie_outs: tuple[TieOut, ...]
    trial_balance: tuple[TrialLine, ...]
    funds: tuple[FundLine, ...]
    payouts: tuple[PayoutOfMonth, ...]
    bank_accounts: tuple[AccountOfMonth, ...]
    bank: tuple[BankLineup, ...]
    exceptions: tuple[ExceptionOfMonth, ...]
    receipts: tuple[ReceiptsOfMonth, ...]
    late: tuple[LateEntry, ...]
    """Entries of closed months that stand in this one."""


def month_report(session: Session, month: Month, laws: Laws | None = None) -> MonthReport:
    """The month as it is; a closed one as it was when it was closed."""
    history = closings.closings_of(session, month.entity_id, month.first_day)
    told = _told(session, history)
    last = history[-1] if history else None
    if last is not None and last.reopened_at is None:
        return replace(_read_back(last.pack), status="closed", closings=told)
    return replace(
        looked_through(session, month, laws),
        status="reopened" if history else "open",
        closings=told,
    )


def looked_through(session: Session, month: Month, laws: Laws | None = None) -> MonthReport:
    """The figures and the checklist as they are at this moment, whether the month is closed or not."""
    take_time(session)
    tied = tie_out.tie_outs(session, month)
    return drawn_up(session, month, checklist(session, month, laws, tied=tied), tied=tied)


def drawn_up(
    session: Session, month: Month, items: tuple[Item, ...], *, tied: tuple[TieOut, ...] | None = None
) -> MonthReport:
    """The figures as they are at this moment, with a checklist that was gone through; `tied` are its
    tie-outs, where they are known already."""
    return MonthReport(
        month=month,
        status="open",
        closings=(),
        checklist=items,
        tie_outs=tie_out.tie_outs(session, month) if tied is None else tied,
        trial_balance=month_tables.trial_balance(session, month),
        funds=month_tables.funds(session, month),
        payouts=month_tables.payouts(session, month),
        bank_accounts=bank_lineup.accounts(session, month),
        bank=bank_lineup.lineups(session, month),
        exceptions=_exceptions(session, month),
        receipts=month_tables.receipts(session, month),
        late=month_tables.late_entries(session, month),
    )


def as_json(report: MonthReport) -> bytes:
    """The same, to be read back."""
    return _adapter().dump_json(report, indent=1)


def _read_back(pack: bytes) -> MonthReport:
    with zipfile.ZipFile(BytesIO(pack)) as files:
        return _adapter().validate_json(files.read(REPORT))


@cache
def _adapter() -> TypeAdapter[MonthReport]:
    return TypeAdapter(MonthReport)


def _told(session: Session, history: Sequence[MonthClosing]) -> tuple[Closed, ...]:
    names = people.names(session)
    return tuple(
        Closed(
            version=row.version,
            closed_by=names.get(row.closed_by, row.closed_by),
            closed_at=row.closed_at,
            pack_sha256=row.pack_sha256,
            reopened_by=names.get(row.reopened_by) if row.reopened_by is not None else None,
            reopened_at=row.reopened_at,
            reopen_reason=row.reopen_reason,
        )
        for row in history
    )


def _exceptions(session: Session, month: Month) -> tuple[ExceptionOfMonth, ...]:
    rows = session.execute(text(checklist_queries.EXCEPTIONS), exceptions_of(month))
    return tuple(
        ExceptionOfMonth(
            id=row.id,
            kind=row.kind,
            subject_id=row.subject_id,
            amount=row.amount,
            currency=row.currency,
            sentence=row.sentence,
            blocks_close=row.blocks_close,
            status=row.status,
            day=row.day,
            owner=row.owner,
            accepted_by=row.accepted_by,
            note=row.note,
            told=row.told,
        )
        for row in rows
    )
