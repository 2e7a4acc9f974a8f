"""Money that goes back: disputes that are open, what failed refunds owe, and refunds that are not through."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select

from payments.dependencies import DatabaseSession, signed_in
from payments.donations import owed
from payments.donations.reversals import CLOSED_DISPUTES, Dispute, Refund, RefundStatus
from payments.money import Money
from payments.pages.console.asking import PAGE, asked_by
from payments.pages.console.drawing import console_page
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]


@router.get("/money-back")
def money_back(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """What is due first on top; the latest refunds under it, or those of one state."""
    asked = asked_by(request)
    status = asked.one_of("status", list(RefundStatus))
    refunds = select(Refund).order_by(Refund.created_at.desc(), Refund.id.desc()).limit(PAGE)
    if status is not None:
        refunds = refunds.where(Refund.status == status)
    return console_page(
        request,
        session,
        "money_back.html",
        person=by,
        here="money-back",
        status=422 if asked.unreadable else 200,
        asked=asked,
        disputes=session.scalars(
            select(Dispute)
            .where(Dispute.status.not_in(CLOSED_DISPUTES))
            .order_by(Dispute.evidence_due_by.asc().nulls_last(), Dispute.opened_at)
        ).all(),
        debts=owed.owed(session),
        refunds=session.scalars(refunds).all(),
        statuses=list(RefundStatus),
        most=PAGE,
        money_of=Money,
    )
