"""The months of each body's book: which are closed, and one with its checklist, its proofs and its figures.

A month is told by the very report that is printed of it; of a closed one it is what its pack tells, for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from payments.clock import now
from payments.dependencies import DatabaseSession, signed_in
from payments.donations.models import IssuingEntity
from payments.pages.console.asking import asked_by
from payments.pages.console.drawing import console_page, language_of
from payments.pages.console.printed import Form, printed
from payments.reconciliation import close as closing
from payments.reconciliation import months
from payments.reconciliation.closings import MonthClosing, closings_of
from payments.reconciliation.fees import fees_of_month
from payments.reconciliation.month_report import month_report
from payments.reconciliation.months import Month, entity_named, month_named
from payments.reconciliation.reports import fees_page, html, month_page
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one month stands."""

    month: Month
    is_over: bool
    last: MonthClosing | None

    @property
    def status(self) -> str:
        """`open`, `closed` or `reopened`."""
        if self.last is None:
            return "open"
        return "closed" if self.last.reopened_at is None else "reopened"


@router.get("/months")
def list_months(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """Of every body, the newest on top."""
    return console_page(
        request,
        session,
        "months.html",
        person=by,
        here="months",
        books=[(entity, _standings(session, entity)) for entity in months.entities(session)],
        names=people.names(session),
    )


@router.get("/months/{name}")
def month(request: Request, session: DatabaseSession, by: Reader, name: str) -> Response:
    """One, as it is or as it was when it was closed."""
    of = month_named(session, name, asked_by(request).id("entity"))
    told = month_report(session, of)
    page = month_page.page_of(told, entity_named(session, of.entity_id), language_of(request))
    return console_page(
        request,
        session,
        "month.html",
        person=by,
        here="months",
        month=of,
        may_close=by.may(*closing.MAY_CLOSE) and told.status != "closed" and of.is_over(now()),
        may_reopen=by.may(*closing.MAY_REOPEN) and told.status == "closed",
        has_pack=bool(told.closings),
        page=page,
        shown=lambda cell: html.shown(cell, page),
    )


@router.get("/months/{name}/report")
def report(
    request: Request, session: DatabaseSession, by: Reader, name: str, form: Form = "html"
) -> Response:
    """To print, or as a workbook."""
    of = month_named(session, name, asked_by(request).id("entity"))
    page = month_page.page_of(
        month_report(session, of), entity_named(session, of.entity_id), language_of(request)
    )
    return printed(page, form, name=of.name)


@router.get("/months/{name}/fees")
def fees(request: Request, session: DatabaseSession, by: Reader, name: str) -> Response:
    """What Stripe kept of it, and whether the fee is covered."""
    of = month_named(session, name, asked_by(request).id("entity"))
    entity = entity_named(session, of.entity_id)
    page = fees_page.page_of(fees_of_month(session, of), entity, language_of(request), each_gift=False)
    return console_page(
        request,
        session,
        "fees.html",
        person=by,
        here="months",
        month=of,
        page=page,
        shown=lambda cell: html.shown(cell, page),
    )


@router.get("/months/{name}/fees/report")
def fees_report(
    request: Request, session: DatabaseSession, by: Reader, name: str, form: Form = "html"
) -> Response:
    """To print, or as a workbook; with every gift whose fee was covered."""
    of = month_named(session, name, asked_by(request).id("entity"))
    entity = entity_named(session, of.entity_id)
    return printed(
        fees_page.page_of(fees_of_month(session, of), entity, language_of(request)),
        form,
        name=f"{of.name}-fees",
    )


@router.get("/months/{name}/pack")
def pack(request: Request, session: DatabaseSession, by: Reader, name: str) -> Response:
    """The zip that was kept when it was closed, byte for byte."""
    of = month_named(session, name, asked_by(request).id("entity"))
    row = closing.with_pack(session, of)
    return Response(
        row.pack,
        media_type="application/zip",
        headers={
            "content-disposition": f'attachment; filename="{of.entity_id}-{of.name}-v{row.version}.zip"'
        },
    )


def _standings(session: Session, entity: IssuingEntity) -> Sequence[Standing]:
    last = {row.month: row for row in closings_of(session, entity.id)}
    at = now()
    found = [
        Standing(month=month, is_over=month.is_over(at), last=last.get(month.first_day))
        for month in months.months_of(session, entity)
    ]
    return found[::-1]
