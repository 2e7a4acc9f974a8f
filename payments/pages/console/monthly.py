"""Gifts that repeat: the programme by month, the list of them, and one with all that was asked of it."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select

from payments.dependencies import DatabaseSession, signed_in
from payments.donations import organisation as charity
from payments.donations.models import Fund
from payments.money import Money
from payments.monthly import by_staff, programme
from payments.monthly.models import MonthlyStatus
from payments.pages.console.asking import PAGE, asked_by
from payments.pages.console.drawing import console_page
from payments.staff import audit, people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]


@router.get("/monthly")
def monthly(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """The programme, and under it the gifts, the newest on top."""
    asked = asked_by(request)
    status = asked.one_of("status", list(MonthlyStatus))
    found = by_staff.listed(
        session,
        status=MonthlyStatus(status) if status is not None else None,
        donor_id=asked.id("donor"),
        limit=PAGE + 1,
        after=asked.id("after"),
    )
    shown = found[:PAGE]
    return console_page(
        request,
        session,
        "monthly.html",
        person=by,
        here="monthly",
        status=422 if asked.unreadable else 200,
        asked=asked,
        rows=shown,
        months=programme.by_month(session, charity.receiving_entity(session).time_zone),
        each_month=programme.each_month(session),
        statuses=list(MonthlyStatus),
        after=shown[-1].id if len(found) > PAGE else None,
        money_of=Money,
    )


@router.get("/monthly/{monthly_gift_id}")
def monthly_gift(request: Request, session: DatabaseSession, by: Reader, monthly_gift_id: str) -> Response:
    """One; that somebody read it is noted."""
    gift = by_staff.shown(session, monthly_gift_id)
    audit.note(
        session, by, "monthly.read", subject=gift.id, reason="opened in the console", donor=gift.donor_id
    )
    return console_page(
        request,
        session,
        "monthly_gift.html",
        person=by,
        here="monthly",
        gift=gift,
        terms=gift.terms[-1],
        changes=by_staff.history(session, gift),
        instalments=by_staff.instalments(session, gift),
        funds={fund.id: fund for fund in session.scalars(select(Fund))},
        names=people.names(session),
        may_steer=by.may(*by_staff.MAY_STEER) and gift.ended_at is None,
        money_of=Money,
    )
