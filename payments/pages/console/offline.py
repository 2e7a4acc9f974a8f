"""Offline gifts on their way to the bank: what waits to be carried there, and the slips it went on.

A slip is one line on the bank's statement. Which gifts can be on one, and what they come to, says
`donations.recording` alone; before the second click the page shows the sum that room came to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.dependencies import DatabaseSession, signed_in
from payments.donations import recording
from payments.donations.models import Donation, IssuingEntity
from payments.donations.offline import DepositSlip, OfflineGift
from payments.donations.recording import MAY_RECORD
from payments.money import Money
from payments.pages.amounts import read_amount
from payments.pages.console.asking import PAGE
from payments.pages.console.days import day_needed
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
from payments.pages.forms import MOST_TICKS, posted_with_ticks
from payments.reconciliation.models import BankMatch
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]
Recorder = Annotated[StaffMember, signed_in(*MAY_RECORD)]
Ticked = Annotated[dict[str, str], Depends(posted_with_ticks)]

_LARGEST_LIST = 64 * 1024
"""Bytes of a form with `MOST_TICKS` ids."""

Row = tuple[Donation, OfflineGift]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What the slip would be."""

    total: Money
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlipShown:
    """A slip, how many gifts are on it, and the line of the bank that was said to be it."""

    slip: DepositSlip
    gifts: int
    line_id: str | None

    @property
    def total(self) -> Money:
        """Of all its gifts."""
        return Money(self.slip.total, self.slip.currency)


@router.get("/offline")
def offline(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """What waits, the oldest first, and the slips made last."""
    return _list_page(request, session, by)


@router.post("/offline/deposit", max_body_size=_LARGEST_LIST)
def deposit(request: Request, by: Recorder, form: Ticked) -> Response:
    """First what the slip comes to, then, with the second click, the slip."""

    def look(session: Session, complaint: Complaint | None = None) -> Response:
        try:
            seen = foreseen(session, lambda same: _foreseen(same, form, by))
        except REFUSALS as refusal:
            why = complaint or complaint_of(request, refusal)
            return _list_page(request, session, by, typed=form, complaint=why)
        return deed_page(
            request,
            session,
            "deposit_sure.html",
            person=by,
            here="gifts",
            typed=form,
            complaint=complaint,
            seen=seen,
            day=day_needed(form.get("deposited_on", "")),
            rows=_on_paper(session, _ticked(form)),
        )

    if not form.get("sure"):
        with transaction() as session:
            return look(session)

    deed = Deed(
        name="console deposit",
        do=lambda session, person: _deposit(session, form, person).id,
        then=lambda made: f"/console/deposits/{made}",
    )
    return done(request, by, form, deed, again=look)


@router.get("/deposits/{slip_id}")
def slip(request: Request, session: DatabaseSession, by: Reader, slip_id: str) -> Response:
    """One slip with its gifts, to print and take along."""
    found = next(iter(_slips(session, DepositSlip.id == slip_id)), None)
    if found is None:
        raise HTTPException(404)
    on_it = session.scalars(select(OfflineGift.donation_id).where(OfflineGift.deposit_slip_id == slip_id))
    return console_page(
        request,
        session,
        "deposit.html",
        person=by,
        here="gifts",
        shown=found,
        body=session.get_one(IssuingEntity, found.slip.entity_id).legal_name,
        rows=_on_paper(session, on_it.all()),
        names=people.names(session),
    )


def _ticked(form: dict[str, str]) -> list[str]:
    return form.get("gift", "").split()


def _deposit(session: Session, form: dict[str, str], by: StaffMember) -> DepositSlip:
    """As the form says. What was counted is read in the currency of the gifts, for a slip is of one."""
    gifts, typed, total = _ticked(form), form.get("total", ""), None
    first = session.get(Donation, gifts[0]) if gifts else None
    if first is not None and typed.strip():
        total = Money(read_amount(typed, first.currency, example=first.total), first.currency)
    day = day_needed(form.get("deposited_on", ""))
    return recording.deposit(session, gifts, deposited_on=day, total=total, by=by)


def _foreseen(session: Session, form: dict[str, str], by: StaffMember) -> Foreseen:
    made = _deposit(session, form, by)
    body = session.get_one(IssuingEntity, made.entity_id)
    return Foreseen(total=Money(made.total, made.currency), body=body.legal_name)


def _on_paper(session: Session, donation_ids: Sequence[str]) -> Sequence[Row]:
    """In the order in which they were received."""
    rows = session.execute(
        select(Donation, OfflineGift)
        .join(OfflineGift, OfflineGift.donation_id == Donation.id)
        .where(Donation.id.in_(donation_ids))
        .order_by(OfflineGift.received_on, Donation.id)
    )
    return [(gift, paper) for gift, paper in rows]


def _slips(session: Session, *which: ColumnElement[bool]) -> Sequence[SlipShown]:
    """The slips made last on top."""
    gifts = select(func.count()).where(OfflineGift.deposit_slip_id == DepositSlip.id).scalar_subquery()
    line = select(BankMatch.bank_line_id).where(
        BankMatch.kind == "deposit", BankMatch.subject_id == DepositSlip.id, BankMatch.undone_at.is_(None)
    )
    rows = session.execute(
        select(DepositSlip, gifts, line.scalar_subquery())
        .where(*which)
        .order_by(DepositSlip.recorded_at.desc(), DepositSlip.id)
        .limit(PAGE)
    )
    return [SlipShown(slip=slip, gifts=count, line_id=line_id) for slip, count, line_id in rows]


def _list_page(
    request: Request,
    session: Session,
    by: StaffMember,
    *,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    waiting = recording.to_deposit(session)
    totals: dict[str, Money] = {}
    for gift, _ in waiting:
        totals[gift.currency] = totals.get(gift.currency, Money(0, gift.currency)) + gift.total
    return deed_page(
        request,
        session,
        "offline.html",
        person=by,
        here="gifts",
        typed=typed,
        complaint=complaint,
        rows=waiting[:MOST_TICKS],
        waiting=len(waiting),
        totals=list(totals.values()),
        ticked=set(_ticked(typed or {})),
        slips=_slips(session),
        most=PAGE,
        may_record=by.may(*MAY_RECORD),
    )
