"""A bank statement is taken in, or only looked at.

The file is proven against itself, its account and what is known before a line of it is kept. A look at it is
the same deed, taken back; the file itself is not kept for that, but chosen a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.dependencies import DatabaseSession, signed_in
from payments.money import Money
from payments.pages.console.days import day_typed
from payments.pages.console.deeds import (
    REFUSALS,
    Complaint,
    Deed,
    complaint_of,
    deed_page,
    done,
    foreseen,
)
from payments.pages.forms import WithFile, posted_with_file
from payments.reconciliation import bank_accounts, bank_import
from payments.reconciliation.bank_accounts import MAY_RECONCILE
from payments.reconciliation.bank_import import LARGEST_STATEMENT, Imported
from payments.reconciliation.models import BankLine
from payments.staff.models import StaffMember
from payments.translations import N_, Told

router = APIRouter()

Reconciler = Annotated[StaffMember, signed_in(*MAY_RECONCILE)]

_SHOWN = 20
"""Lines of a file that is only looked at."""


class FileMissing(Told):
    """Nothing was chosen, or a file without a byte in it."""

    field = "file"
    sentence = N_("Choose the file that the bank gave you.")


class FileOther(Told):
    """Chosen for the second time, and another one."""

    field = "file"
    sentence = N_("This is not the file that you looked at. Choose that one, or look at this one first.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is in a file, and what would be new."""

    sha256: str
    format: str
    first_day: date
    last_day: date
    opening: Money | None
    closing: Money | None
    is_known_file: bool
    new: int
    known: int
    left_out: int
    came_in: Money
    """Of the new lines; and so is what went out, as a positive amount."""
    went_out: Money
    first: list[tuple[date, str, Money]]
    """The first of the new lines: day, the bank's words, amount."""


@router.get("/bank/import")
def before_importing(request: Request, session: DatabaseSession, by: Reconciler) -> Response:
    """Which account, and which file."""
    return _import_page(request, session, by)


@router.post("/bank/import", max_body_size=LARGEST_STATEMENT)
def import_statement(
    request: Request, by: Reconciler, sent: Annotated[WithFile, Depends(posted_with_file)]
) -> Response:
    """Take it in, whole or not at all, or only look what is in it: then it is proven, and nothing is kept.
    The very file once more is nothing new."""
    typed, digest = sent.fields, sha256(sent.file).hexdigest()
    if typed.get("look"):
        with transaction() as session:
            return _look_page(request, session, by, sent)

    def take_in(session: Session, person: StaffMember) -> str:
        if typed.get("looked_at", digest) != digest and sent.file:
            raise FileOther
        return _take_in(session, sent, person).statement.id

    deed = Deed(name="console import", do=take_in, then=lambda made: f"/console/bank#{made}")

    def again(session: Session, complaint: Complaint) -> Response:
        return _import_page(request, session, by, typed=typed, complaint=complaint)

    return done(request, by, typed | {"sha256": digest}, deed, again=again)


def _take_in(session: Session, sent: WithFile, by: StaffMember) -> Imported:
    """As the form says."""
    if not sent.file:
        raise FileMissing
    typed = sent.fields
    return bank_import.take_in(
        session,
        sent.file,
        file_name=sent.name,
        account_id=typed.get("account", ""),
        by=by,
        first_day=day_typed(typed.get("from", "")),
        last_day=day_typed(typed.get("to", "")),
        gap_reason=typed.get("gap", "").strip() or None,
    )


def _look_page(request: Request, session: Session, by: StaffMember, sent: WithFile) -> Response:
    """What is in the file, as the room has proven it; the form is there again, to take that very file in."""
    try:
        seen = foreseen(session, lambda same: _seen(same, _take_in(same, sent, by)))
    except REFUSALS as refusal:
        complaint = complaint_of(request, refusal)
        return _import_page(request, session, by, typed=sent.fields, complaint=complaint)
    return _import_page(request, session, by, typed=sent.fields, seen=seen)


def _seen(session: Session, imported: Imported) -> Seen:
    told = imported.statement
    currency = bank_accounts.find(session, told.bank_account_id).currency
    is_new = BankLine.bank_statement_id == told.id
    came_in, went_out = session.execute(
        select(
            func.coalesce(func.sum(func.greatest(BankLine.amount, 0)), 0),
            func.coalesce(func.sum(func.greatest(-BankLine.amount, 0)), 0),
        ).where(is_new)
    ).one()
    first = session.scalars(select(BankLine).where(is_new).order_by(BankLine.position).limit(_SHOWN))
    return Seen(
        sha256=told.sha256,
        format=told.format,
        first_day=told.first_day,
        last_day=told.last_day,
        opening=Money(told.opening, currency) if told.opening is not None else None,
        closing=Money(told.closing, currency) if told.closing is not None else None,
        is_known_file=imported.is_known_file,
        new=imported.new_lines,
        known=imported.known_lines,
        left_out=imported.left_out,
        came_in=Money(int(came_in), currency),
        went_out=Money(int(went_out), currency),
        first=[
            (line.booked_on, f"{line.text} {line.counterparty or ''}".strip(), Money(line.amount, currency))
            for line in first
        ],
    )


def _import_page(
    request: Request,
    session: Session,
    by: StaffMember,
    *,
    typed: Mapping[str, str] | None = None,
    complaint: Complaint | None = None,
    seen: Seen | None = None,
) -> Response:
    return deed_page(
        request,
        session,
        "bank_import.html",
        person=by,
        here="bank",
        typed=typed,
        complaint=complaint,
        accounts=bank_accounts.everything(session),
        most=LARGEST_STATEMENT // 1024 // 1024,
        seen=seen,
        looked_at=seen.sha256 if seen is not None else (typed or {}).get("looked_at", ""),
    )
