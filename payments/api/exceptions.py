"""`/api/v1/exceptions` and `/api/v1/reconciliations`: what does not fit, who sees to it, and looking anew.

Every route needs a staff token, and what each may do is the same as at the terminal.
"""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from payments.api.paging import After, Limit, page
from payments.api.problems import documented
from payments.api.report_files import Form, Language, drawn
from payments.api.sent import Sent
from payments.clock import now
from payments.dependencies import DatabaseSession, staff_with
from payments.reconciliation import reconcile as rounds
from payments.reconciliation.bank_accounts import MAY_RECONCILE
from payments.reconciliation.models import Discrepancy
from payments.reconciliation.reconcile import MAY_ACCEPT, Chosen
from payments.reconciliation.reports import exceptions_page
from payments.reconciliation.reports.exceptions import exceptions_report
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter(tags=["reconciliation"])

Reader = Annotated[StaffMember, staff_with(*people.MAY_READ)]
Reconciler = Annotated[StaffMember, staff_with(*MAY_RECONCILE, *MAY_ACCEPT)]
Accepter = Annotated[StaffMember, staff_with(*MAY_ACCEPT)]

Kind = Annotated[str | None, Query(max_length=60, examples=["bank_line_unmatched"])]
Owner = Annotated[str | None, Query(max_length=254, description="The id of somebody of the staff.")]
Blocking = Annotated[bool, Query(description="Only what keeps a month open.")]


class AssignSent(Sent):
    """Who sees to it from now on."""

    to: str = Field(max_length=254, examples=["finn@example.org"])
    due_on: date | None = None


class AcceptSent(Sent):
    """Why it may stand as it is."""

    reason: str = Field(examples=["The bank keeps a cent for itself; agreed with the auditor."])


class ExceptionShown(BaseModel):
    """One thing that does not fit."""

    id: str = Field(examples=["exc_5f2b…"])
    kind: str = Field(examples=["payout_differs"])
    subject: str = Field(examples=["po_1Q8v…"])
    amount: int | None
    currency: str | None
    sentence: str
    blocks_close: bool
    owner: str | None = Field(description="The id of somebody of the staff.")
    owner_name: str | None
    due_on: date
    status: str
    note: str | None
    opened_at: datetime
    age_days: int

    @classmethod
    def of(cls, row: Discrepancy, names: dict[str, str]) -> "ExceptionShown":
        """The row."""
        return cls(
            id=row.id,
            kind=row.kind,
            subject=row.subject_id,
            amount=row.amount,
            currency=row.currency,
            sentence=row.sentence,
            blocks_close=row.blocks_close,
            owner=row.owner_id,
            owner_name=names.get(row.owner_id or ""),
            due_on=row.due_on,
            status=row.status,
            note=row.note,
            opened_at=row.opened_at,
            age_days=rounds.age_in_days(row, now()),
        )


class ExceptionsShown(BaseModel):
    """A page of the queue, what is due first on top."""

    exceptions: list[ExceptionShown]
    next: str | None


class MatchedShown(BaseModel):
    """A line that was matched by itself."""

    line: str
    kind: str
    subject: str | None


class RoundShown(BaseModel):
    """What a round came to."""

    matched: list[MatchedShown]
    opened: int
    gone: int
    open: int
    blocks_close: int


@router.post("/reconciliations", status_code=201, responses=documented(401, 403, 503), summary="Go a round")
def reconcile(session: DatabaseSession, by: Reconciler) -> RoundShown:
    """Match what is certain and look for what does not fit. It may be done as often as you like; the worker
    does it every hour."""
    done = rounds.reconcile(session)
    return RoundShown(
        matched=[
            MatchedShown(line=match.bank_line_id, kind=match.kind, subject=match.subject_id)
            for match in done.matched
        ],
        opened=done.opened,
        gone=done.gone,
        open=len(done.open),
        blocks_close=done.blocks_close,
    )


@router.get("/exceptions", responses=documented(401, 403, 404, 422, 503), summary="List what is open")
def list_exceptions(
    *,
    session: DatabaseSession,
    by: Reader,
    kind: Kind = None,
    owner: Owner = None,
    blocking: Blocking = False,
    after: After = None,
    limit: Limit = 20,
) -> ExceptionsShown:
    """What is due first on top."""
    chosen = _chosen(session, kind, owner, blocking=blocking)
    rows, more = page(rounds.queue(session, chosen, limit=limit + 1, after=after), limit)
    names = people.names(session)
    return ExceptionsShown(
        exceptions=[ExceptionShown.of(row, names) for row in rows], next=rows[-1].id if more else None
    )


@router.get(
    "/exceptions/report",
    responses=documented(401, 403, 404, 422, 503),
    response_class=Response,
    summary="The queue's report",
)
def report(
    *,
    session: DatabaseSession,
    by: Reader,
    kind: Kind = None,
    owner: Owner = None,
    blocking: Blocking = False,
    form: Form = "html",
    lang: Language = "en",
) -> Response:
    """A page to print, or a workbook, of the queue as the last round left it."""
    found = exceptions_report(session, _chosen(session, kind, owner, blocking=blocking))
    return drawn(exceptions_page.page_of(found, lang), form, name="exceptions")


@router.post(
    "/exceptions/{exception_id}/assign",
    responses=documented(400, 401, 403, 404, 422, 503),
    summary="Give one to somebody",
)
def assign(session: DatabaseSession, by: Reconciler, exception_id: str, sent: AssignSent) -> ExceptionShown:
    """And a day by which it is to be done, if you like."""
    owner = people.find(session, sent.to)
    row = rounds.give_to(session, exception_id, owner, due_on=sent.due_on, by=by)
    return ExceptionShown.of(row, people.names(session))


@router.post(
    "/exceptions/{exception_id}/accept",
    responses=documented(400, 401, 403, 404, 422, 503),
    summary="Let one stand as it is",
)
def accept(session: DatabaseSession, by: Accepter, exception_id: str, sent: AcceptSent) -> ExceptionShown:
    """By an approver who does not own it."""
    row = rounds.accept(session, exception_id, by=by, reason=sent.reason)
    return ExceptionShown.of(row, people.names(session))


def _chosen(session: Session, kind: str | None, owner: str | None, *, blocking: bool) -> Chosen:
    member = session.get(StaffMember, owner) if owner is not None else None
    if owner is not None and member is None:
        raise people.StaffUnknown
    return Chosen(kind=kind, owner=member, is_blocking=blocking)
