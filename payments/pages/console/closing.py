"""Closing a month, and opening it again: what stands against it, the button, and what pressing it has found.

Pressing it asks Stripe for its balance, goes a round of reconciliation and proves the laws of the book, as
the terminal does; that may take a minute. A very large book is closed at the terminal.
"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from payments import month_end
from payments.dependencies import DatabaseSession, signed_in
from payments.pages.console.asking import asked_by
from payments.pages.console.deeds import Complaint, Deed, deed_page, done
from payments.pages.console.paths import address
from payments.pages.console.sign_in import Form
from payments.reconciliation import close as closing
from payments.reconciliation.checklist import Item, Laws
from payments.reconciliation.close import MAY_CLOSE, MAY_REOPEN, MonthNotReady
from payments.reconciliation.month_report import month_report
from payments.reconciliation.months import month_named
from payments.staff import people
from payments.staff.models import StaffMember
from payments.verify.month import laws

router = APIRouter()

Closer = Annotated[StaffMember, signed_in(*MAY_CLOSE)]
Reopener = Annotated[StaffMember, signed_in(*MAY_REOPEN)]


@router.get("/months/{name}/close")
def before_closing(request: Request, session: DatabaseSession, by: Closer, name: str) -> Response:
    """The checklist as it is now, without what only pressing the button asks."""
    return _close_page(request, session, by, name)


@router.post("/months/{name}/close")
def close(request: Request, by: Closer, name: str, form: Form) -> Response:
    """Close it, or say what stands against it."""
    proved: list[Laws] = []
    troubles: list[str] = []
    found: list[Item] = []

    def look_anew() -> None:
        trouble = month_end.look_anew()
        if trouble is not None:
            troubles.append(trouble)
        proved.append(laws())

    def close_it(session: Session, person: StaffMember) -> str:
        of = month_named(session, name, _entity(request))
        try:
            return closing.close_month(session, of, laws=proved[0], by=person).id
        except MonthNotReady as lacking:
            found.extend(lacking.lacking)
            raise

    deed = Deed(
        name=f"console close of {name} {_entity(request) or ''}",
        do=close_it,
        then=lambda _: _path(request, name),
        asks_for_proof=True,
        beforehand=look_anew,
    )

    def again(session: Session, complaint: Complaint) -> Response:
        seen = found or None
        return _close_page(
            request, session, by, name, complaint=complaint, found=seen, trouble="".join(troubles)
        )

    return done(request, by, form, deed, again=again)


@router.get("/months/{name}/reopen")
def before_reopening(request: Request, session: DatabaseSession, by: Reopener, name: str) -> Response:
    """What opening it again means."""
    return _reopen_page(request, session, by, name)


@router.post("/months/{name}/reopen")
def reopen(request: Request, by: Reopener, name: str, form: Form) -> Response:
    """Open it again."""

    def open_it(session: Session, person: StaffMember) -> str:
        of = month_named(session, name, _entity(request))
        return closing.reopen(session, of, by=person, reason=form.get("reason", "")).id

    deed = Deed(
        name=f"console reopening of {name} {_entity(request) or ''}",
        do=open_it,
        then=lambda _: _path(request, name),
        asks_for_proof=True,
    )
    return done(
        request,
        by,
        form,
        deed,
        again=lambda session, complaint: _reopen_page(
            request, session, by, name, typed=form, complaint=complaint
        ),
    )


def _entity(request: Request) -> str | None:
    return asked_by(request).id("entity")


def _path(request: Request, name: str) -> str:
    return address(f"/console/months/{name}", entity=_entity(request))


def _close_page(
    request: Request,
    session: Session,
    by: StaffMember,
    name: str,
    *,
    complaint: Complaint | None = None,
    found: Sequence[Item] | None = None,
    trouble: str = "",
) -> Response:
    of = month_named(session, name, _entity(request))
    told = month_report(session, of)
    return deed_page(
        request,
        session,
        "month_close.html",
        person=by,
        here="months",
        complaint=complaint,
        asks_for_proof=True,
        month=of,
        back=_path(request, name),
        is_closed=told.status == "closed",
        lacking=found if found is not None else [item for item in told.checklist if not item.is_ok],
        looked_at=len(told.checklist),
        trouble=trouble,
    )


def _reopen_page(
    request: Request,
    session: Session,
    by: StaffMember,
    name: str,
    *,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    of = month_named(session, name, _entity(request))
    standing = closing.standing(session, of)
    return deed_page(
        request,
        session,
        "month_reopen.html",
        person=by,
        here="months",
        typed=typed,
        complaint=complaint,
        asks_for_proof=True,
        month=of,
        back=_path(request, name),
        standing=standing,
        names=people.names(session),
    )
