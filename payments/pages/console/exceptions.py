"""What does not fit: the queue as the last round left it, each with its sentence and a way to its subject."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import func, select

from payments.clock import now
from payments.dependencies import DatabaseSession, signed_in
from payments.money import Money
from payments.pages.console.asking import PAGE, asked_by
from payments.pages.console.drawing import console_page, language_of
from payments.pages.console.printed import Form, printed
from payments.reconciliation import reconcile as rounds
from payments.reconciliation import telling
from payments.reconciliation.models import Discrepancy, ReconciliationRound
from payments.reconciliation.reconcile import Chosen
from payments.reconciliation.reports import exceptions_page
from payments.reconciliation.reports.exceptions import exceptions_report
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]


@router.get("/exceptions")
def exceptions(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """What is due first on top."""
    asked, locale, at = asked_by(request), language_of(request), now()
    owner = asked.id("owner")
    chosen = Chosen(
        kind=asked.id("kind"),
        owner=session.get(StaffMember, owner) if owner is not None else None,
        is_blocking=asked.text("blocking") is not None,
    )
    found = rounds.queue(session, chosen, limit=PAGE + 1, after=asked.id("after"))
    shown = found[:PAGE]
    kinds = session.execute(
        select(Discrepancy.kind, func.count())
        .where(Discrepancy.status == "open")
        .group_by(Discrepancy.kind)
        .order_by(Discrepancy.kind)
    ).all()
    return console_page(
        request,
        session,
        "exceptions.html",
        person=by,
        here="exceptions",
        status=422 if asked.unreadable else 200,
        asked=asked,
        rows=shown,
        sentences={row.id: telling.sentence_in(locale, row.sentence, row.told) for row in shown},
        ages={row.id: rounds.age_in_days(row, at) for row in shown},
        today=at.date(),
        names=people.names(session),
        kinds=kinds,
        standing=rounds.standing(session),
        last_round=session.scalar(
            select(ReconciliationRound.ended_at).order_by(ReconciliationRound.id.desc()).limit(1)
        ),
        after=shown[-1].id if len(found) > PAGE else None,
        money_of=Money,
    )


@router.get("/exceptions/report")
def report(request: Request, session: DatabaseSession, by: Reader, form: Form = "html") -> Response:
    """To print, or as a workbook."""
    found = exceptions_report(session)
    return printed(exceptions_page.page_of(found, language_of(request)), form, name="exceptions")
