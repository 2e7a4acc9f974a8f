"""The field that finds anything: an id of ours or of Stripe's, a receipt's number, a donor's name or address.

It is posted and never asked for in an address: whatever was typed into it may be somebody's name or address,
and an address of a page stands in the history of a browser. The answer leads to what was found, by its id.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.dependencies import DatabaseSession, signed_in
from payments.gift_search import LONGEST, gifts_about
from payments.ledger import reading
from payments.ledger.models import JournalEntry
from payments.monthly.models import MonthlyGift
from payments.pages.console.drawing import console_page
from payments.pages.console.paths import address
from payments.pages.forms import posted
from payments.privacy import searching
from payments.privacy.searching import MAY_SEE_NAMES
from payments.reconciliation.models import BankLine, Discrepancy, Payout
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]
Form = Annotated[dict[str, str], Depends(posted)]


@router.post("/find")
def find(request: Request, session: DatabaseSession, by: Reader, form: Form) -> Response:
    """Straight to what it is, to a list where it is several, or a page that says that nothing was found."""
    text = " ".join(form.get("text", "").replace("\0", "").split())[:254]
    path = _path_of(session, text) if text and "@" not in text else None
    if path is not None:
        return RedirectResponse(path, status_code=303)
    found = searching.find(session, text, by=by) if _may_be_a_person(text, by) else ()
    if len(found) == 1:
        return RedirectResponse(address("/console/gifts", donor=found[0].donor_id), status_code=303)
    return console_page(
        request,
        session,
        "found.html",
        person=by,
        status=200 if found else 404,
        donors=found,
        is_cut=len(found) == searching.MOST,
        sees_names=by.may(*MAY_SEE_NAMES),
    )


def _may_be_a_person(text: str, by: StaffMember) -> bool:
    """By name or e-mail address those look only who see names; two letters find too many already."""
    return len(text) > 2 and by.may(*MAY_SEE_NAMES)


def _path_of(session: Session, text: str) -> str | None:
    """Where a thing with a page of its own is shown; else the gifts that it is about."""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        number = session.scalar(select(JournalEntry.number).where(JournalEntry.number == int(text)))
        return f"/console/book/entries/{number}" if number is not None else None
    for kind, path in (
        (Payout, "/console/payouts/{}"),
        (BankLine, "/console/bank/lines/{}"),
        (MonthlyGift, "/console/monthly/{}"),
        (Discrepancy, "/console/exceptions#{}"),
    ):
        if session.get(kind, text) is not None:
            return path.format(text)
    about = [each for each in session.scalars(gifts_about(text).distinct().limit(2)) if each is not None]
    if len(about) == 1:
        return f"/console/gifts/{about[0]}"
    if about:
        return address("/console/gifts", id=text[:LONGEST])
    number = reading.numbered(session, f"bt:{text}")
    return f"/console/book/entries/{number}" if number is not None else None
