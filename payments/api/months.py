"""`/api/v1/months`: how each month stands, its figures, closing it, opening it again, and its pack.

Reading needs any staff token; closing and reopening the roles that they need at the terminal.
"""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from payments import month_end
from payments.api.problems import documented
from payments.api.report_files import Form, Language, drawn
from payments.api.sent import Sent
from payments.database import transaction
from payments.dependencies import DatabaseSession, staff_apart, staff_with
from payments.reconciliation import close as closing
from payments.reconciliation.checklist import Item
from payments.reconciliation.close import MAY_CLOSE, MAY_REOPEN
from payments.reconciliation.closings import MonthClosing, closings_of
from payments.reconciliation.fees import (
    ByMethod,
    Covered,
    CoveredInAll,
    Estimate,
    Kept,
    fees_of_month,
)
from payments.reconciliation.month_report import Closed, MonthReport, month_report
from payments.reconciliation.month_tables import FundLine, LateEntry, PayoutOfMonth, TrialLine
from payments.reconciliation.months import entity_named, month_named, months_of
from payments.reconciliation.reports import fees_page, month_page
from payments.reconciliation.tie_out import TieOut
from payments.staff import people
from payments.staff.models import StaffMember
from payments.verify.month import laws

router = APIRouter(tags=["months"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]
Closer = Annotated[str, staff_apart(*MAY_CLOSE)]
Reopener = Annotated[StaffMember, staff_with(*MAY_REOPEN)]
Entity = Annotated[
    str | None, Query(max_length=40, description="The legal body; else the one whose Stripe account it is.")
]


class ReopenSent(Sent):
    """Why it is opened again."""

    reason: str = Field(examples=["A statement of the bank was missing."])


class MonthStanding(BaseModel):
    """One month of a book."""

    month: str = Field(examples=["2026-10"])
    entity: str
    status: str = Field(examples=["closed"], description="`open`, `closed`, or `reopened`.")
    version: int | None
    closed_at: datetime | None
    pack_sha256: str | None


class MonthsShown(BaseModel):
    """Every month of the book, the newest first."""

    months: list[MonthStanding]


class TieOutShown(BaseModel):
    """What Stripe held at the end, by the book and by Stripe; minor units."""

    currency: str
    proof: TieOut
    unexplained: int
    is_proven: bool


class MonthShown(BaseModel):
    """A month with its figures; of a closed one those of its pack. Minor units, debit positive."""

    month: str
    entity: str
    first_day: date
    last_day: date
    status: str
    is_ready: bool = Field(description="Whether every item of the checklist is so.")
    checklist: list[Item]
    closings: list[Closed]
    tie_outs: list[TieOutShown]
    trial_balance: list[TrialLine]
    funds: list[FundLine]
    payouts: list[PayoutOfMonth]
    late: list[LateEntry]

    @classmethod
    def of(cls, report: MonthReport) -> "MonthShown":
        """The month."""
        return cls(
            month=report.month.name,
            entity=report.month.entity_id,
            first_day=report.month.first_day,
            last_day=report.month.last_day,
            status=report.status,
            is_ready=all(item.is_ok for item in report.checklist),
            checklist=list(report.checklist),
            closings=list(report.closings),
            tie_outs=[
                TieOutShown(
                    currency=proof.currency,
                    proof=proof,
                    unexplained=proof.unexplained,
                    is_proven=proof.is_proven,
                )
                for proof in report.tie_outs
            ],
            trial_balance=list(report.trial_balance),
            funds=list(report.funds),
            payouts=list(report.payouts),
            late=list(report.late),
        )


class FeesShown(BaseModel):
    """What Stripe kept in a month, and what donors added to cover it. Minor units."""

    month: str = Field(examples=["2026-10"])
    entity: str
    kept: list[Kept]
    by_method: list[ByMethod]
    covers: list[CoveredInAll] = Field(description="Who covered the fee, together.")
    covered: list[Covered] = Field(description="The same, gift by gift.")
    estimates: list[Estimate] = Field(description="What the giving page asks for, held against a year.")


_PROBLEMS = documented(400, 401, 403, 404, 409, 422, 503)


@router.get("/months", responses=documented(401, 403, 404, 422, 503), summary="List them")
def list_months(session: DatabaseSession, by: Reader, entity: Entity = None) -> MonthsShown:
    """The newest first."""
    body = entity_named(session, entity)
    last = {row.month: row for row in closings_of(session, body.id)}
    return MonthsShown(
        months=[
            _standing(month.name, body.id, last.get(month.first_day))
            for month in reversed(list(months_of(session, body)))
        ]
    )


@router.get("/months/{month}", responses=documented(401, 403, 404, 422, 503), summary="See one")
def show(session: DatabaseSession, by: Reader, month: str, entity: Entity = None) -> MonthShown:
    """Its checklist and figures, as they are now or as they were when it was closed."""
    return MonthShown.of(month_report(session, month_named(session, month, entity)))


@router.get(
    "/months/{month}/report",
    responses=documented(401, 403, 404, 422, 503),
    response_class=Response,
    summary="Its report",
)
def report(
    *,
    session: DatabaseSession,
    by: Reader,
    month: str,
    entity: Entity = None,
    form: Form = "html",
    lang: Language = "en",
) -> Response:
    """A page to print, or a workbook; the same bytes as `almoner close page`."""
    of = month_named(session, month, entity)
    page = month_page.page_of(month_report(session, of), entity_named(session, of.entity_id), lang)
    return drawn(page, form, name=of.name)


@router.get("/months/{month}/fees", responses=documented(401, 403, 404, 422, 503), summary="See its fees")
def fees(session: DatabaseSession, by: Reader, month: str, entity: Entity = None) -> FeesShown:
    """By account, by method, and whether those who cover the fee cover it."""
    of = month_named(session, month, entity)
    found = fees_of_month(session, of)
    return FeesShown(
        month=of.name,
        entity=of.entity_id,
        kept=list(found.kept),
        by_method=list(found.by_method),
        covers=list(found.covers),
        covered=list(found.covered),
        estimates=list(found.estimates),
    )


@router.get(
    "/months/{month}/fees/report",
    responses=documented(401, 403, 404, 422, 503),
    response_class=Response,
    summary="Its fees as a report",
)
def fees_report(
    *,
    session: DatabaseSession,
    by: Reader,
    month: str,
    entity: Entity = None,
    form: Form = "html",
    lang: Language = "en",
) -> Response:
    """A page to print, or a workbook; the same bytes as `almoner close fees --out`."""
    of = month_named(session, month, entity)
    page = fees_page.page_of(fees_of_month(session, of), entity_named(session, of.entity_id), lang)
    return drawn(page, form, name=f"{of.name}-fees")


@router.post("/months/{month}/close", status_code=201, responses=_PROBLEMS, summary="Close one")
def close(by_id: Closer, month: str, entity: Entity = None) -> MonthStanding:
    """Stripe is asked for its balance, a round is gone, the laws of the book are proved; then it is closed,
    or a 409 says what is lacking. It may take a minute; a very large book is closed at the terminal."""
    month_end.look_anew()
    proved = laws()
    with transaction() as session:
        of = month_named(session, month, entity)
        by = session.get_one(StaffMember, by_id)
        return _standing(of.name, of.entity_id, closing.close_month(session, of, laws=proved, by=by))


@router.post("/months/{month}/reopen", responses=_PROBLEMS, summary="Open one again")
def reopen(
    session: DatabaseSession, by: Reopener, month: str, sent: ReopenSent, entity: Entity = None
) -> MonthStanding:
    """The last closed one, by an approver who did not close it. Its pack stays."""
    of = month_named(session, month, entity)
    return _standing(of.name, of.entity_id, closing.reopen(session, of, by=by, reason=sent.reason))


@router.get(
    "/months/{month}/pack",
    responses=documented(401, 403, 404, 409, 422, 503),
    response_class=Response,
    summary="Its pack",
)
def pack(
    session: DatabaseSession,
    by: Reader,
    month: str,
    entity: Entity = None,
    version: Annotated[int | None, Query(ge=1, description="An earlier one; else the latest.")] = None,
) -> Response:
    """The zip that was kept when it was closed, byte for byte."""
    of = month_named(session, month, entity)
    row = closing.with_pack(session, of, version)
    return Response(
        row.pack,
        media_type="application/zip",
        headers={
            "content-disposition": f'attachment; filename="{of.entity_id}-{of.name}-v{row.version}.zip"',
            "etag": f'"{row.pack_sha256}"',
        },
    )


def _standing(month: str, entity_id: str, last: MonthClosing | None) -> MonthStanding:
    is_closed = last is not None and last.reopened_at is None
    return MonthStanding(
        month=month,
        entity=entity_id,
        status="closed" if is_closed else "reopened" if last is not None else "open",
        version=last.version if last is not None else None,
        closed_at=last.closed_at if last is not None else None,
        pack_sha256=last.pack_sha256 if last is not None else None,
    )
