"""Payouts and what each is made of: its sums, its proof, its lines with their gifts, and the bank's line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import among
from payments.dependencies import DatabaseSession, signed_in
from payments.money import Money
from payments.pages.console.asking import PAGE, asked_by
from payments.pages.console.drawing import console_page, language_of
from payments.pages.console.printed import Form, printed
from payments.reconciliation import payout_proof, payouts
from payments.reconciliation.models import BankAccount, BankLine, BankMatch
from payments.reconciliation.reports import payout_page
from payments.reconciliation.reports.payout import payout_report
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]

_STATUSES = ("pending", "in_transit", "paid", "failed", "canceled")
_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBank:
    """A line of the bank that is a payout, or its way back."""

    line: BankLine
    account: BankAccount
    match: BankMatch


@router.get("/payouts")
def list_payouts(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """By the day on which they are expected at the bank, the latest on top."""
    asked = asked_by(request)
    wanted = payouts.Wanted(
        first_day=asked.day("from"), last_day=asked.day("to"), status=asked.one_of("status", _STATUSES)
    )
    found = payouts.listed(session, wanted, limit=PAGE + 1, after=asked.id("after"))
    shown = found[:PAGE]
    on_bank = _on_bank(session, [payout.stripe_payout_id for payout in shown])
    return console_page(
        request,
        session,
        "payouts.html",
        person=by,
        here="payouts",
        status=422 if asked.unreadable else 200,
        asked=asked,
        rows=payout_proof.prove(session, shown),
        on_bank={each.match.subject_id: each for each in on_bank if each.match.kind == "payout"},
        after=shown[-1].stripe_payout_id if len(found) > PAGE else None,
        statuses=_STATUSES,
        money_of=Money,
    )


@router.get("/payouts/{payout_id}")
def payout(request: Request, session: DatabaseSession, by: Reader, payout_id: str) -> Response:
    """One, with its lines a page at a time."""
    asked = asked_by(request)
    found = payouts.find(session, payout_id)
    [proven] = payout_proof.prove(session, [found])
    after = asked.id("after")
    beyond = payout_proof.place_of(session, found, after) if after is not None else None
    if after is not None and beyond is None:
        raise HTTPException(404)
    lines = payout_proof.carried(session, found, limit=_LINES + 1, beyond=beyond)
    return console_page(
        request,
        session,
        "payout.html",
        person=by,
        here="payouts",
        payout=found,
        proven=proven,
        sentence=proven.proof.told.in_(language_of(request)),
        lines=lines[:_LINES],
        after=lines[_LINES - 1].stripe_balance_transaction_id if len(lines) > _LINES else None,
        is_first=after is None,
        on_bank=_on_bank(session, [payout_id]),
        carried_on_by=payout_proof.carried_on_by(session, found),
        origins=payout_proof.origins(session, found),
        money_of=Money,
    )


@router.get("/payouts/{payout_id}/report")
def report(
    request: Request, session: DatabaseSession, by: Reader, payout_id: str, form: Form = "html"
) -> Response:
    """To print, or as a workbook."""
    found = payout_report(session, payout_id)
    return printed(payout_page.page_of(found, language_of(request)), form, name=payout_id)


def _on_bank(session: Session, payout_ids: Sequence[str]) -> list[OnBank]:
    rows = session.execute(
        select(BankLine, BankAccount, BankMatch)
        .join(BankMatch, BankMatch.bank_line_id == BankLine.id)
        .join(BankAccount, BankAccount.id == BankLine.bank_account_id)
        .where(
            among(BankMatch.subject_id, payout_ids),
            BankMatch.kind.in_(("payout", "payout_return")),
            BankMatch.undone_at.is_(None),
        )
        .order_by(BankLine.booked_on, BankMatch.position)
    )
    return [OnBank(line=line, account=account, match=match) for line, account, match in rows]
