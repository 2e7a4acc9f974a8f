"""`/api/v1/stripe-reports`: does Stripe's own report say the same as the book, movement by movement?

Reading needs any staff token, sending a report somebody in finance. The file itself is not kept.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select, tuple_

from payments.api.paging import After, CursorUnknown, Limit, page
from payments.api.problems import documented
from payments.api.uploads import BODY, Upload, upload_from
from payments.dependencies import DatabaseSession, staff_with
from payments.reconciliation.bank_accounts import MAY_RECONCILE
from payments.reconciliation.stripe_reports import importing
from payments.reconciliation.stripe_reports.importing import Asked
from payments.reconciliation.stripe_reports.models import StripeReport, StripeReportDifference
from payments.reconciliation.stripe_reports.reading import Kind
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter(tags=["reconciliation"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]
Reconciler = Annotated[StaffMember, staff_with(*MAY_RECONCILE)]

LARGEST_REPORT = 64 * 1024 * 1024
"""Bytes; a larger one is compared at the terminal."""


class DifferenceShown(BaseModel):
    """One movement, or one figure, in which the report and the book do not agree."""

    kind: str = Field(examples=["differs"])
    subject: str = Field(examples=["txn_1Q8v…"])
    off_by: int = Field(description="The report's net less the book's, in minor units.")
    currency: str
    says: str

    @classmethod
    def of(cls, row: StripeReportDifference) -> "DifferenceShown":
        """The difference."""
        return cls(
            kind=row.kind, subject=row.subject_id, off_by=row.amount, currency=row.currency, says=row.says
        )


class StripeReportShown(BaseModel):
    """A report that was compared."""

    id: str
    kind: Kind
    file_name: str
    sha256: str
    rows: int
    time_zone: str
    first_day: date
    last_day: date
    currency: str | None
    payout: str | None
    imported_at: datetime
    totals: list[dict[str, Any]] = Field(description="By category and currency, beside the book's.")
    differences: list[DifferenceShown]
    is_known_file: bool = Field(default=False, description="This very file was compared before.")

    @classmethod
    def of(
        cls,
        report: StripeReport,
        differences: list[DifferenceShown],
        *,
        is_known_file: bool = False,
    ) -> "StripeReportShown":
        """The report and what was found."""
        return cls(
            id=report.id,
            kind=Kind(report.kind),
            file_name=report.file_name,
            sha256=report.sha256,
            rows=report.row_count,
            time_zone=report.time_zone,
            first_day=report.first_day,
            last_day=report.last_day,
            currency=report.currency,
            payout=report.stripe_payout_id,
            imported_at=report.imported_at,
            totals=report.totals,
            differences=differences,
            is_known_file=is_known_file,
        )


class StripeReportsShown(BaseModel):
    """Those that were taken in."""

    stripe_reports: list[StripeReportShown]
    next: str | None = Field(description="Send it as `after` for the next page; null on the last.")


@router.post(
    "/stripe-reports",
    status_code=201,
    responses=documented(400, 401, 403, 404, 413, 422, 503),
    max_body_size=LARGEST_REPORT,
    openapi_extra=BODY,
    summary="Compare a report of Stripe's",
)
def compare(
    *,
    upload: Annotated[Upload, upload_from(*MAY_RECONCILE)],
    session: DatabaseSession,
    by: Reconciler,
    kind: Annotated[
        Kind | None, Query(alias="type", description="Where the file's name does not tell.")
    ] = None,
    first_day: Annotated[date | None, Query(alias="from")] = None,
    last_day: Annotated[date | None, Query(alias="to")] = None,
    time_zone: Annotated[str | None, Query(max_length=60, examples=["America/Los_Angeles"])] = None,
    currency: Annotated[str | None, Query(pattern="^[a-z]{3}$")] = None,
    payout: Annotated[str | None, Query(max_length=100)] = None,
    decimal_separator: Annotated[Literal["point", "comma"], Query()] = "point",
) -> StripeReportShown:
    """Stripe's CSV as the body, at most 64 MiB. What differs is in the queue after the next round."""
    asked = Asked(
        kind=kind,
        first_day=first_day,
        last_day=last_day,
        time_zone=time_zone,
        currency=currency,
        stripe_payout_id=payout,
        decimal_separator="." if decimal_separator == "point" else ",",
    )
    done = importing.take_in(session, upload.file, file_name=upload.name, asked=asked, by=by)
    found = [DifferenceShown.of(each) for each in done.differences]
    return StripeReportShown.of(done.report, found, is_known_file=done.is_known_file)


@router.get("/stripe-reports", responses=documented(401, 403, 422, 503), summary="List those compared")
def list_reports(
    session: DatabaseSession, by: Reader, after: After = None, limit: Limit = 20
) -> StripeReportsShown:
    """The latest first."""
    wanted = select(StripeReport).order_by(*(column.desc() for column in _ORDER)).limit(limit + 1)
    if after is not None:
        last = session.get(StripeReport, after)
        if last is None:
            raise CursorUnknown
        wanted = wanted.where(tuple_(*_ORDER) < (last.imported_at, last.id))
    rows, more = page(session.scalars(wanted).all(), limit)
    return StripeReportsShown(
        stripe_reports=[
            StripeReportShown.of(row, [DifferenceShown.of(each) for each in importing.found_in(session, row)])
            for row in rows
        ],
        next=rows[-1].id if more else None,
    )


_ORDER = (StripeReport.imported_at, StripeReport.id)
