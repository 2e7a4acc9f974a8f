"""The receipt book: every number that was ever given, whether it stands, and how far its letter came.

The page of a receipt names its donor, so it is handed out to those only whose work it is to know donors, the
very bytes that were issued, and who took it is noted.
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from payments.dependencies import DatabaseSession, signed_in
from payments.money import Money
from payments.pages.console.asking import PAGE, asked_by
from payments.pages.console.drawing import console_page, language_of
from payments.pages.console.printed import Form, printed
from payments.privacy.searching import MAY_SEE_NAMES
from payments.receipts import register
from payments.receipts.models import Receipt, ReceiptDocument
from payments.reconciliation.months import entity_named
from payments.reconciliation.receipts_and_book import year_of_receipts
from payments.reconciliation.reports import html, year_page
from payments.reconciliation.reports.page import Page
from payments.staff import audit, people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]
Year = Annotated[int, Path(ge=2000, le=2100)]
SeesDonors = Annotated[StaffMember, signed_in(*MAY_SEE_NAMES)]


@router.get("/receipts")
def receipts(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """By number, the latest on top."""
    asked = asked_by(request)
    state = asked.one_of("state", ("issued", "void", "unsent"))
    wanted = register.Wanted(
        series=asked.id("series"),
        tax_year=asked.number("year"),
        status=state if state != "unsent" else None,
        is_unsent=state == "unsent",
    )
    found = register.listed(session, wanted, limit=PAGE + 1, after=asked.id("after"))
    shown = found[:PAGE]
    return console_page(
        request,
        session,
        "receipts.html",
        person=by,
        here="receipts",
        status=422 if asked.unreadable else 200,
        asked=asked,
        rows=shown,
        series=register.series(session),
        unsent=register.unsent(session),
        due=register.due(session, limit=PAGE) if state == "unsent" else (),
        after=shown[-1].receipt.id if len(found) > PAGE else None,
        sees_donors=by.may(*MAY_SEE_NAMES),
        money_of=Money,
    )


@router.get("/receipts/years/{year}")
def year_tied_out(request: Request, session: DatabaseSession, by: Reader, year: Year) -> Response:
    """From the receipts of a year to the book."""
    page = _year(request, session, year)
    return console_page(
        request,
        session,
        "receipts_year.html",
        person=by,
        here="receipts",
        year=year,
        page=page,
        shown=lambda cell: html.shown(cell, page),
    )


@router.get("/receipts/years/{year}/report")
def year_report(
    request: Request, session: DatabaseSession, by: Reader, year: Year, form: Form = "html"
) -> Response:
    """To print, or as a workbook."""
    return printed(_year(request, session, year), form, name=f"{year}-receipts")


def _year(request: Request, session: Session, year: int) -> Page:
    entity = entity_named(session, asked_by(request).id("entity"))
    return year_page.page_of(year_of_receipts(session, entity, year), entity, language_of(request))


@router.get("/receipts/{receipt_id}.pdf")
def pdf(session: DatabaseSession, by: SeesDonors, receipt_id: str) -> Response:
    """The page as it was issued."""
    receipt = session.get(Receipt, receipt_id)
    document = session.get(ReceiptDocument, receipt_id)
    if receipt is None or document is None:
        raise HTTPException(404)
    audit.note(
        session,
        by,
        "receipts.read",
        subject=receipt.id,
        reason="taken from the console",
        donation=receipt.donation_id,
    )
    return Response(
        document.pdf,
        media_type="application/pdf",
        headers={
            "content-disposition": f'inline; filename="{receipt.number}.pdf"',
            "etag": f'"{document.pdf_sha256}"',
        },
    )
