"""One exception: what it is, whose it is, and two deeds: giving it to somebody, and letting it stand.

It goes by itself once it is no longer found; who may accept one that stays says `reconciliation.reconcile`.
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from payments.dependencies import DatabaseSession, signed_in
from payments.ledger import classifying
from payments.money import Money
from payments.pages.console.days import day_typed
from payments.pages.console.deeds import Complaint, Deed, deed_page, done
from payments.pages.console.drawing import language_of
from payments.pages.console.sign_in import Form
from payments.reconciliation import reconcile as rounds
from payments.reconciliation import telling
from payments.reconciliation.models import Discrepancy
from payments.reconciliation.reconcile import MAY_ACCEPT, MAY_GIVE
from payments.staff import people
from payments.staff.models import StaffMember
from payments.translations import N_, Told

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]
Doer = Annotated[StaffMember, signed_in(*MAY_GIVE, *MAY_ACCEPT)]


class OwnerMissing(Told):
    """Nobody was chosen."""

    field = "owner"
    sentence = N_("Choose who sees to it.")


@router.get("/exceptions/{exception_id}")
def exception(request: Request, session: DatabaseSession, by: Reader, exception_id: str) -> Response:
    """One, open or closed."""
    return _page(request, session, by, exception_id)


@router.post("/exceptions/{exception_id}")
def do(request: Request, by: Doer, exception_id: str, form: Form) -> Response:
    """Give it to somebody, or accept it."""

    def act(session: Session, person: StaffMember) -> str:
        if form.get("answer") == "accept":
            reason = form.get("reason", "")
            return rounds.accept(session, exception_id, by=person, reason=reason).id
        owner = session.get(StaffMember, form.get("owner", ""))
        if owner is None:
            raise OwnerMissing
        return rounds.give_to(
            session, exception_id, owner, due_on=day_typed(form.get("due_on", "")), by=person
        ).id

    deed = Deed(
        name=f"console exception {exception_id}",
        do=act,
        then=lambda made: f"/console/exceptions/{made}",
    )
    return done(
        request,
        by,
        form,
        deed,
        again=lambda session, complaint: _page(
            request, session, by, exception_id, typed=form, complaint=complaint
        ),
    )


def _page(
    request: Request,
    session: Session,
    by: StaffMember,
    exception_id: str,
    *,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    row = session.get(Discrepancy, exception_id)
    if row is None:
        raise HTTPException(404)
    is_open = row.status == "open"
    return deed_page(
        request,
        session,
        "exception.html",
        person=by,
        here="exceptions",
        typed=typed,
        complaint=complaint,
        row=row,
        amount=Money(row.amount, row.currency) if row.amount is not None and row.currency else None,
        sentence=telling.sentence_in(language_of(request), row.sentence, row.told),
        names=people.names(session),
        staff=[person for person in people.everybody(session) if person.is_active and person.roles],
        may_classify=by.may(*classifying.MAY_CLASSIFY),
        may_give=is_open and by.may(*MAY_GIVE),
        may_accept=is_open and rounds.may_accept(row, by),
    )
