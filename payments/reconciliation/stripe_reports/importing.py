"""Taking in one of Stripe's report files: read as a stream, stored, compared, or else nothing at all.

A million rows pass through one COPY, so the memory does not grow with the file.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from io import TextIOWrapper
from typing import BinaryIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import copy_into, new_id
from payments.donations.organisation import receiving_entity
from payments.reconciliation.bank_accounts import MAY_RECONCILE
from payments.reconciliation.stripe_reports import comparing, figures
from payments.reconciliation.stripe_reports.comparing import Difference
from payments.reconciliation.stripe_reports.models import (
    StripeReport,
    StripeReportDifference,
    StripeReportFigure,
    StripeReportRow,
)
from payments.reconciliation.stripe_reports.reading import Kind, ReportRefused, Row, Sheet, kind_named
from payments.staff import audit, people
from payments.staff.models import StaffMember

MOST_DIFFERENCES = 1000
"""A report that differs more often is of another stretch, zone or account; no queue is filled with it."""
_ROW = (
    *("report_id", "line", "stripe_balance_transaction_id", "currency", "gross", "fee", "net"),
    *("reporting_category", "made_at", "stripe_payout_id", "source_id"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a file does not say of itself and the person who asked Stripe for it knows."""

    kind: Kind | None = None
    first_day: date | None = None
    last_day: date | None = None
    time_zone: str | None = None
    """The receiving body's where none is said."""
    currency: str | None = None
    stripe_payout_id: str | None = None
    decimal_separator: str = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a file."""

    report: StripeReport
    differences: Sequence[StripeReportDifference]
    is_known_file: bool = False


def take_in(session: Session, file: BinaryIO, *, file_name: str, asked: Asked, by: StaffMember) -> Imported:
    """Store what a file says of each movement, and find what is not as the book has it. The file must
    allow to be read twice: first for its hash."""
    people.require(by, *MAY_RECONCILE)
    digest, size = _print_of(file)
    file.seek(0)
    zone = _zone(asked.time_zone or receiving_entity(session).time_zone)
    asked = replace(asked, kind=asked.kind or kind_named(file_name))
    known = _known(session, digest, asked, zone)
    if known is not None:
        return Imported(report=known, differences=found_in(session, known), is_known_file=True)
    # A million rows are written and compared in one go.
    session.execute(text("set local statement_timeout = '10min'"))
    told_as = TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
    try:
        return _compared(session, told_as, file_name, (digest, size), asked=asked, zone=zone, by=by)
    finally:
        told_as.detach()  # it is the caller's to close


def _compared(
    session: Session,
    file: TextIOWrapper,
    file_name: str,
    print_of: tuple[str, int],
    *,
    asked: Asked,
    zone: str,
    by: StaffMember,
) -> Imported:
    digest, size = print_of
    sheet = Sheet(file, decimal_separator=asked.decimal_separator)
    kind = Kind.BALANCE_SUMMARY if sheet.is_summary else asked.kind
    if kind is None:
        raise ReportRefused(
            "The file's name does not tell which report it is. Say `--type payout-reconciliation`,"
            " `balance-change`, `ending-balance` or `balance-summary`."
        )
    report = StripeReport(
        id=new_id("srp"),
        kind=kind.value,
        file_name=file_name,
        sha256=digest,
        size=size,
        row_count=0,
        time_zone=zone,
        # For certain once its rows are in.
        first_day=asked.first_day or asked.last_day or date.min,
        last_day=asked.last_day or asked.first_day or date.max,
        currency=asked.currency,
        stripe_payout_id=asked.stripe_payout_id,
        totals=[],
        imported_by=by.id,
        imported_at=now(),
    )
    _check_stretch(kind, asked)
    told = _write(session, report, sheet, kind)
    _settle_stretch(session, report, asked)
    rows_in = "UTC" if sheet.is_in_utc else report.time_zone
    found = comparing.differences(session, report, rows_in=rows_in, at_most=MOST_DIFFERENCES + 1)
    found += figures.differences(session, report, told, found)
    _refuse_another_story(report, found)
    report.totals = comparing.totals(session, report)
    session.add(report)
    session.flush()
    session.add_all(told)
    _keep(session, report, found)
    audit.note(
        session,
        by,
        "stripe_report.import",
        subject=report.id,
        reason="a report of Stripe's",
        kind=report.kind,
        sha256=digest,
        rows=report.row_count,
        first_day=report.first_day.isoformat(),
        last_day=report.last_day.isoformat(),
        differences=len(found),
    )
    return Imported(report=report, differences=found_in(session, report))


def found_in(session: Session, report: StripeReport) -> Sequence[StripeReportDifference]:
    """What did not agree when it was taken in."""
    return session.scalars(
        select(StripeReportDifference)
        .where(StripeReportDifference.report_id == report.id)
        .order_by(StripeReportDifference.kind, StripeReportDifference.subject_id)
    ).all()


def _known(session: Session, digest: str, asked: Asked, time_zone: str) -> StripeReport | None:
    """This very file, taken in before under the same question. Asked otherwise it is compared again."""
    rows = session.scalars(
        select(StripeReport)
        .where(StripeReport.sha256 == digest, StripeReport.time_zone == time_zone)
        .order_by(StripeReport.imported_at.desc())
    )
    return next((row for row in rows if _is_answered_by(row, asked)), None)


def _is_answered_by(row: StripeReport, asked: Asked) -> bool:
    return (
        (row.currency, row.stripe_payout_id) == (asked.currency, asked.stripe_payout_id)
        and asked.kind in {None, Kind(row.kind)}
        and asked.first_day in {None, row.first_day}
        and asked.last_day in {None, row.last_day}
    )


def _print_of(file: BinaryIO) -> tuple[str, int]:
    """Its hash and its length, a megabyte at a time."""
    digest, size = hashlib.sha256(), 0
    while piece := file.read(1 << 20):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        raise ReportRefused(f"There is no time zone “{name}”; write it like America/New_York.") from None


def _check_stretch(kind: Kind, asked: Asked) -> None:
    if asked.first_day and asked.last_day and asked.first_day > asked.last_day:
        raise ReportRefused("`--from` is after `--to`.")
    if kind is Kind.BALANCE_SUMMARY and not (asked.first_day and asked.last_day):
        raise ReportRefused("A balance summary does not tell its days: say `--from` and `--to`.")
    if kind is Kind.ENDING_BALANCE and not asked.last_day:
        raise ReportRefused("The file does not tell of which day it is the ending balance: say `--to`.")


def _write(session: Session, report: StripeReport, sheet: Sheet, kind: Kind) -> list[StripeReportFigure]:
    """Store what the file says; the figures come back, the rows stay in the database."""
    if kind is Kind.BALANCE_SUMMARY:
        told = [
            StripeReportFigure(
                report_id=report.id, currency=each.currency, name=each.name, amount=each.amount
            )
            for each in sheet.figures()
        ]
        if len({(each.currency, each.name) for each in told}) != len(told):
            raise ReportRefused("A figure stands twice in the file. Download it again.")
        report.row_count = len(told)
        return told
    counted = _Counted(sheet.rows(with_payout=kind is Kind.PAYOUT_RECONCILIATION), report.id)
    copy_into(session, StripeReportRow, _ROW, counted)
    report.row_count = counted.count
    if kind is not Kind.ENDING_BALANCE:
        return []
    return [
        StripeReportFigure(report_id=report.id, currency=currency, name="ending_balance", amount=amount)
        for currency, amount in session.execute(
            text(
                "select currency, sum(net)::bigint from stripe_report_rows where report_id = :report"
                " group by currency"
            ),
            {"report": report.id},
        )
    ]


class _Counted:
    """The rows as COPY takes them, counted on the way."""

    def __init__(self, rows: Iterator[Row], report_id: str) -> None:
        self._rows, self._report_id = rows, report_id
        self.count = 0

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        for row in self._rows:
            self.count += 1
            yield (
                self._report_id,
                row.line,
                row.stripe_balance_transaction_id,
                row.currency,
                row.gross,
                row.fee,
                row.net,
                row.reporting_category,
                row.made_at,
                row.stripe_payout_id,
                row.source_id,
            )


def _settle_stretch(session: Session, report: StripeReport, asked: Asked) -> None:
    if asked.first_day and asked.last_day:
        return
    told = comparing.stretch(session, report.id, Kind(report.kind), time_zone=report.time_zone)
    if told is None and not asked.last_day:
        raise ReportRefused(
            "The book knows none of the movements in this file: is it of another account? If not, say the"
            " days of the report with `--from` and `--to`."
        )
    first, last = told or (report.last_day, report.last_day)
    report.last_day = asked.last_day or last
    report.first_day = asked.first_day or min(first, report.last_day)


def _refuse_another_story(report: StripeReport, found: Sequence[Difference]) -> None:
    if len(found) <= MOST_DIFFERENCES:
        return
    first = "; ".join(f"{each.subject_id}, {each.says}" for each in found[:3])
    raise ReportRefused(
        f"More than {MOST_DIFFERENCES} of {report.row_count} movements do not agree, such as: {first}."
        " That is no slip of the pen: was the report made in another time zone (`--time-zone`), for other"
        " days (`--from`, `--to`), for one currency (`--currency`), or of another account? Nothing was"
        " stored."
    )


def _keep(session: Session, report: StripeReport, found: Sequence[Difference]) -> None:
    if found:
        session.execute(
            insert(StripeReportDifference),
            [
                {
                    "report_id": report.id,
                    "kind": each.kind,
                    "subject_id": each.subject_id,
                    "amount": each.amount,
                    "currency": each.currency,
                    "says": each.says,
                    "stripe_payout_id": each.stripe_payout_id,
                }
                for each in found
            ],
        )
