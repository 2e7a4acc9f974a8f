"""A monthly gift is stopped, rests, or goes on, as its donor has asked by letter or on the telephone.

The same changes as on the donor's own page, with a reason; what stands in their way says `monthly.changes`.
The donor hears of each by mail, so a gift is never steered behind somebody's back.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from payments.dependencies import DatabaseSession, signed_in
from payments.money import Money
from payments.monthly import by_staff, days
from payments.monthly.by_staff import MAY_STEER
from payments.pages.console.deeds import Complaint, Deed, deed_page, done
from payments.pages.console.sign_in import Form
from payments.staff.models import StaffMember

router = APIRouter()

Steerer = Annotated[StaffMember, signed_in(*MAY_STEER)]
What = Literal["stop", "pause", "resume"]


@router.get("/monthly/{monthly_gift_id}/{what}")
def before(
    request: Request, session: DatabaseSession, by: Steerer, monthly_gift_id: str, what: What
) -> Response:
    """What would happen."""
    return _page(request, session, by, monthly_gift_id, what=what)


@router.post("/monthly/{monthly_gift_id}/{what}")
def do(request: Request, by: Steerer, monthly_gift_id: str, what: What, form: Form) -> Response:
    """Do it; Stripe hears of it within seconds, from a worker."""

    def steer(session: Session, person: StaffMember) -> str:
        reason = form.get("reason", "")
        if what == "stop":
            by_staff.stop(session, monthly_gift_id, by=person, reason=reason)
        elif what == "pause":
            months = _whole(form.get("months", ""))
            by_staff.pause(session, monthly_gift_id, months=months, by=person, reason=reason)
        else:
            by_staff.resume(session, monthly_gift_id, by=person, reason=reason)
        return monthly_gift_id

    deed = Deed(
        name=f"console {what} of {monthly_gift_id}",
        do=steer,
        then=lambda made: f"/console/monthly/{made}#changes",
    )

    def again(session: Session, complaint: Complaint) -> Response:
        return _page(request, session, by, monthly_gift_id, what=what, typed=form, complaint=complaint)

    return done(request, by, form, deed, again=again)


def _whole(text: str) -> int:
    """A number from the list of the page; 0 for anything else, which the room refuses."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _page(
    request: Request,
    session: Session,
    by: StaffMember,
    monthly_gift_id: str,
    *,
    what: What,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    gift = by_staff.shown(session, monthly_gift_id)
    return deed_page(
        request,
        session,
        "monthly_deed.html",
        person=by,
        here="monthly",
        typed=typed,
        complaint=complaint,
        what=what,
        gift=gift,
        amount=Money(gift.terms[-1].amount, gift.currency),
        longest=days.LONGEST_PAUSE_MONTHS,
    )
