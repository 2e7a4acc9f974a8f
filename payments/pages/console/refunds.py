"""Refunds in the console: asking for one, the second person's yes or no, and those that wait for somebody.

Who may ask, how much is left, and when a second person is needed says `donations.refund_requests` alone. The
amount that was shown is the amount that is sent, whatever another person gave back meanwhile.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from payments import gift_story
from payments.database import transaction
from payments.dependencies import DatabaseSession, signed_in
from payments.donations import checkout, refund_requests
from payments.donations.refund_requests import MAY_APPROVE, MAY_REQUEST, Ask, Reason
from payments.donations.reversals import Refund, RefundStatus
from payments.money import Money
from payments.pages.amounts import read_amount, write_amount
from payments.pages.console.deeds import (
    REFUSALS,
    Complaint,
    Deed,
    complaint_of,
    deed_page,
    done,
    foreseen,
)
from payments.pages.console.drawing import console_page
from payments.pages.console.gift import note_reading
from payments.pages.console.sign_in import Form
from payments.privacy.searching import MAY_SEE_NAMES
from payments.staff import people
from payments.staff.models import StaffMember
from payments.translations import N_

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]
Asker = Annotated[StaffMember, signed_in(*MAY_REQUEST)]
Decider = Annotated[StaffMember, signed_in(*MAY_REQUEST, *MAY_APPROVE)]

REASONS: dict[Reason, str] = {
    "requested_by_customer": N_("The donor asked for it"),
    "duplicate": N_("It was given twice"),
    "fraudulent": N_("Somebody else used the card"),
}
"""Stripe's word for it, and ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would come of asking."""

    amount: Money
    left: Money
    """Of the gift afterwards."""
    needs_another: bool


@router.get("/gifts/{donation_id}/refund")
def ask_page(request: Request, session: DatabaseSession, by: Asker, donation_id: str) -> Response:
    """How much, and why."""
    gift = checkout.find(session, donation_id)
    note_reading(session, gift, by, reason="opened to refund it")
    return _ask_page(request, session, by, donation_id)


@router.post("/gifts/{donation_id}/refund")
def ask(request: Request, by: Asker, donation_id: str, form: Form) -> Response:
    """First what would come of it, then, with the second click, the refund."""

    def look(session: Session, complaint: Complaint | None = None) -> Response:
        try:
            seen = foreseen(session, lambda same: _foreseen(same, donation_id, form, by))
        except REFUSALS as refusal:
            why = complaint or complaint_of(request, refusal)
            return _ask_page(request, session, by, donation_id, typed=form, complaint=why)
        return _sure_page(request, session, by, donation_id, form=form, seen=seen, complaint=complaint)

    if not form.get("sure"):
        with transaction() as session:
            return look(session)

    deed = Deed(
        name=f"console refund of {donation_id}",
        do=lambda session, person: _request(session, donation_id, form, person).id,
        then=lambda _: f"/console/gifts/{donation_id}#refunds",
        asks_for_proof=True,
    )
    return done(request, by, form, deed, again=look)


@router.get("/refunds")
def waiting(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """Those that wait for somebody, the longest first."""
    return console_page(
        request,
        session,
        "refunds.html",
        person=by,
        here="money-back",
        refunds=refund_requests.waiting(session),
        names=people.names(session),
        money_of=Money,
    )


@router.get("/refunds/{refund_id}")
def refund(request: Request, session: DatabaseSession, by: Reader, refund_id: str) -> Response:
    """One, and what may be said to it."""
    return _refund_page(request, session, by, refund_id)


@router.post("/refunds/{refund_id}")
def decide(request: Request, by: Decider, refund_id: str, form: Form) -> Response:
    """Yes, with which the money goes, or no."""
    is_yes = form.get("answer") == "approve"

    def say(session: Session, person: StaffMember) -> str:
        if is_yes:
            return refund_requests.approve(session, refund_id, by=person).id
        return refund_requests.decline(session, refund_id, by=person, reason=form.get("reason", "")).id

    deed = Deed(
        name=f"console answer to {refund_id}",
        do=say,
        then=lambda _: f"/console/refunds/{refund_id}",
        asks_for_proof=is_yes,
    )
    return done(
        request,
        by,
        form,
        deed,
        again=lambda session, complaint: _refund_page(
            request, session, by, refund_id, typed=form, complaint=complaint
        ),
    )


def _request(session: Session, donation_id: str, form: dict[str, str], by: StaffMember) -> Refund:
    """As the form says; no amount is all that is left."""
    typed = form.get("amount", "")
    amount = None
    if typed.strip():
        gift = checkout.find(session, donation_id)
        amount = read_amount(typed, gift.currency, example=Money(gift.amount, gift.currency))
    reason = form.get("reason", "")
    wanted = Ask(
        donation_id=donation_id,
        amount=amount,
        reason=reason if reason in REASONS else "requested_by_customer",
        note=form.get("note", ""),
        is_meant_as_fraud=bool(form.get("block_card")),
    )
    return refund_requests.request(session, wanted, by=by)


def _foreseen(session: Session, donation_id: str, form: dict[str, str], by: StaffMember) -> Foreseen:
    asked = _request(session, donation_id, form, by)
    return Foreseen(
        amount=Money(asked.amount, asked.currency),
        left=refund_requests.refundable(session, checkout.find(session, donation_id)),
        needs_another=asked.status == RefundStatus.REQUESTED,
    )


def _ask_page(
    request: Request,
    session: Session,
    by: StaffMember,
    donation_id: str,
    *,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    gift = checkout.find(session, donation_id)
    return deed_page(
        request,
        session,
        "refund.html",
        person=by,
        here="gifts",
        typed=typed,
        complaint=complaint,
        gift=gift,
        is_refundable=refund_requests.is_refundable(session, gift),
        left=refund_requests.refundable(session, gift),
        reasons=REASONS,
    )


def _sure_page(
    request: Request,
    session: Session,
    by: StaffMember,
    donation_id: str,
    *,
    form: dict[str, str],
    seen: Foreseen,
    complaint: Complaint | None = None,
) -> Response:
    story = gift_story.read(session, donation_id)
    standing = story.standing_receipt
    return deed_page(
        request,
        session,
        "refund_sure.html",
        person=by,
        here="gifts",
        typed={**form, "amount": write_amount(seen.amount.minor, seen.amount.currency)},
        complaint=complaint,
        asks_for_proof=True,
        gift=story.gift,
        seen=seen,
        sees_donor=by.may(*MAY_SEE_NAMES),
        charge=next((charge for charge in story.charges if charge.status == "succeeded"), None),
        fees=[Money(row.fee, row.currency) for row in story.settled if row.fee > 0],
        receipt=standing.receipt if standing is not None else None,
        reasons=REASONS,
    )


def _refund_page(
    request: Request,
    session: Session,
    by: StaffMember,
    refund_id: str,
    *,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    found = refund_requests.find(session, refund_id)
    return deed_page(
        request,
        session,
        "refund_request.html",
        person=by,
        here="money-back",
        typed=typed,
        complaint=complaint,
        asks_for_proof=True,
        refund=found,
        amount=Money(found.amount, found.currency),
        names=people.names(session),
        reasons=REASONS,
        may_approve=refund_requests.may_approve(found, by),
        may_decline=refund_requests.may_decline(found, by),
    )
