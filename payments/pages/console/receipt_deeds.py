"""One receipt in the console, and what a person does about it: a copy, the right name, or none any more.

An issued receipt never changes; `receipts.corrections` says what may be done instead, and by whom.
"""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from payments.dependencies import DatabaseSession, signed_in
from payments.donations.models import Donation
from payments.money import Money
from payments.pages.console.deeds import Complaint, Deed, deed_page, done
from payments.pages.console.drawing import console_page
from payments.pages.console.gift import note_reading
from payments.pages.console.sign_in import Form
from payments.privacy.searching import MAY_SEE_NAMES
from payments.receipts import corrections, register
from payments.receipts.corrections import MAY_CORRECT, MAY_VOID
from payments.receipts.models import Receipt, ReceiptDocument
from payments.staff import people
from payments.staff.models import StaffMember
from payments.supporters import donors

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]
Corrector = Annotated[StaffMember, signed_in(*MAY_CORRECT)]
What = Literal["copy", "replace", "void"]

_MAY = {"copy": MAY_CORRECT, "replace": MAY_CORRECT, "void": MAY_VOID}


@router.get("/receipts/{receipt_id}")
def receipt(request: Request, session: DatabaseSession, by: Reader, receipt_id: str) -> Response:
    """Whether it stands, its letters, and what may be done."""
    found = _found(session, receipt_id)
    may = {what for what, roles in _MAY.items() if by.may(*roles) and found.status == "issued"}
    if by.may(*MAY_CORRECT) and corrections.is_replaceable(session, found):
        may.add("replace")
    return console_page(
        request,
        session,
        "receipt.html",
        person=by,
        here="receipts",
        receipt=found,
        amount=Money(found.amount, found.currency),
        replaces=session.get(Receipt, found.replaces_id) if found.replaces_id else None,
        replaced_by=corrections.replaced_by(session, found),
        has_page=session.get(ReceiptDocument, found.id) is not None,
        letters=register.letters(session, found),
        sees_donor=by.may(*MAY_SEE_NAMES),
        may=may,
    )


@router.get("/receipts/{receipt_id}/{what}")
def before(
    request: Request, session: DatabaseSession, by: Corrector, receipt_id: str, what: What
) -> Response:
    """What would happen."""
    people.require(by, *_MAY[what])
    found = _found(session, receipt_id)
    gift = session.get_one(Donation, found.donation_id)
    note_reading(session, gift, by, reason="opened to see to its receipt")
    return _page(request, session, by, found, what=what)


@router.post("/receipts/{receipt_id}/{what}")
def do(request: Request, by: Corrector, receipt_id: str, what: What, form: Form) -> Response:
    """Do it. To an address that is not the donor's it goes only by whoever has just shown who they are."""
    deed = Deed(
        name=f"console {what} of {receipt_id}",
        do=lambda session, person: _DEEDS[what](session, _found(session, receipt_id), form, person),
        then=lambda made: f"/console/receipts/{made}",
        asks_for_proof=_goes_elsewhere(what, form),
    )

    def again(session: Session, complaint: Complaint) -> Response:
        found = _found(session, receipt_id)
        return _page(request, session, by, found, what=what, typed=form, complaint=complaint)

    return done(request, by, form, deed, again=again)


def _copy(session: Session, found: Receipt, form: dict[str, str], by: StaffMember) -> str:
    corrections.resend(session, found.number, to=form.get("to", "").strip() or None, by=by)
    return found.id


def _replace(session: Session, found: Receipt, form: dict[str, str], by: StaffMember) -> str:
    reason = form.get("reason", "")
    return corrections.replace(session, found.number, name=form.get("name", ""), by=by, reason=reason).id


def _void(session: Session, found: Receipt, form: dict[str, str], by: StaffMember) -> str:
    return corrections.void(session, found.number, by=by, reason=form.get("reason", "")).id


_DEEDS: dict[What, Callable[[Session, Receipt, dict[str, str], StaffMember], str]] = {
    "copy": _copy,
    "replace": _replace,
    "void": _void,
}


def _goes_elsewhere(what: What, form: dict[str, str]) -> bool:
    return what == "copy" and bool(form.get("to", "").strip())


def _found(session: Session, receipt_id: str) -> Receipt:
    found = session.get(Receipt, receipt_id)
    if found is None:
        raise HTTPException(404)
    return found


def _page(
    request: Request,
    session: Session,
    by: StaffMember,
    found: Receipt,
    *,
    what: What,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    gift = session.get_one(Donation, found.donation_id)
    return deed_page(
        request,
        session,
        "receipt_deed.html",
        person=by,
        here="receipts",
        typed=typed,
        complaint=complaint,
        asks_for_proof=_goes_elsewhere(what, typed or {}),
        what=what,
        receipt=found,
        gift=gift,
        amount=Money(found.amount, found.currency),
        email=donors.email_of(session, gift.donor_id),
    )
