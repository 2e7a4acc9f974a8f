"""Who works here, for an admin, and their invitations.

An invitation is the key to somebody's account, so it asks the admin for a password and a code once more; the
link is shown once, and is handed over by a way that is the person's own.
"""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from payments.database import transaction
from payments.dependencies import DatabaseSession, signed_in
from payments.pages.console.account import not_proven
from payments.pages.console.drawing import console_page, language_of
from payments.pages.console.proving import NotProven, proven
from payments.pages.console.sign_in import Form
from payments.staff import credentials, links, people
from payments.staff.models import Role, StaffMember
from payments.translations import N_

router = APIRouter(prefix="/console/people", include_in_schema=False, max_body_size=16 * 1024)

Admin = Annotated[StaffMember, signed_in(*people.MAY_MANAGE)]

ROLES = {
    Role.VIEWER: N_("reads"),
    Role.SUPPORT: N_("answers donors"),
    Role.FINANCE: N_("finance"),
    Role.APPROVER: N_("approves"),
    Role.ADMIN: N_("admin"),
}


@router.get("")
def everybody(request: Request, session: DatabaseSession, person: Admin) -> Response:
    """Everybody, with what they may do and whether they can sign in."""
    return console_page(
        request,
        session,
        "people.html",
        person=person,
        here="account",
        everybody=people.everybody(session),
        ready=credentials.whoever_may_sign_in(session),
        roles=ROLES,
    )


@router.get("/{staff_id}")
def somebody(request: Request, session: DatabaseSession, person: Admin, staff_id: str) -> Response:
    """One person, and where an invitation is made."""
    return _page(request, session, person, _found(session, staff_id))


@router.post("/{staff_id}")
def invite(request: Request, person: Admin, staff_id: str, form: Form) -> Response:
    """Makes an invitation, and shows its link."""

    def make(session: Session, admin: StaffMember, _way: str, _refused: int) -> Response:
        invited = _found(session, staff_id)
        address = links.invite(session, invited, by=admin)
        return _page(request, session, admin, invited, address=address)

    try:
        return proven(
            request,
            email=person.email,
            password=form.get("password", ""),
            code=form.get("code", ""),
            deed=make,
        )
    except NotProven as refusal:
        complaint = not_proven(refusal, language_of(request))
    with transaction() as session:
        return _page(request, session, person, _found(session, staff_id), complaint=complaint)


def _found(session: Session, staff_id: str) -> StaffMember:
    found = session.get(StaffMember, staff_id)
    if found is None:
        raise HTTPException(404)
    return found


def _page(
    request: Request,
    session: Session,
    person: StaffMember,
    shown: StaffMember,
    *,
    address: str = "",
    complaint: str = "",
) -> Response:
    return console_page(
        request,
        session,
        "somebody.html",
        person=person,
        here="account",
        status=422 if complaint else 200,
        shown=shown,
        is_ready=shown.id in credentials.whoever_may_sign_in(session),
        is_self=shown.id == person.id,
        roles=ROLES,
        invitation=address,
        complaint=complaint,
    )
