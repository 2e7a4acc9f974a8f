"""The book: the trial balance, the entries of an account, and one entry with its moves.

An account is named in the address by its word, an entry by its number; both lead back to the gift, the payout
or the movement that they tell of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.dependencies import DatabaseSession, signed_in
from payments.donations import organisation as charity
from payments.donations.models import Fund, IssuingEntity
from payments.ledger import balances, classifying, reading
from payments.ledger.accounts import Account
from payments.ledger.models import BalanceTransaction
from payments.money import Money
from payments.pages.console.asking import PAGE, asked_by
from payments.pages.console.drawing import console_page
from payments.pages.console.paths import address
from payments.reconciliation.models import BankMatch
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    """Every account of one body in one currency; debit positive, and together nothing."""

    entity: IssuingEntity
    currency: str
    lines: Sequence[balances.Balance]

    @property
    def debit(self) -> Money:
        """The sum of what stands on the debit side."""
        return Money(sum(max(line.balance.minor, 0) for line in self.lines), self.currency)

    @property
    def credit(self) -> Money:
        """The same of the credit side, positive."""
        return Money(sum(max(-line.balance.minor, 0) for line in self.lines), self.currency)


@router.get("/book")
def trial_balance(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """A table for each body and currency, never one of two currencies."""
    return console_page(
        request,
        session,
        "book.html",
        person=by,
        here="book",
        trials=_trials(session),
        funds=_funds(session),
    )


@router.get("/book/entries/{number}")
def entry(request: Request, session: DatabaseSession, by: Reader, number: int) -> Response:
    """One entry."""
    found, moves = reading.entry(session, number)
    movement = session.get(BalanceTransaction, found.reference.removeprefix("bt:"))
    return console_page(
        request,
        session,
        "entry.html",
        person=by,
        here="book",
        entry=found,
        moves=moves,
        movement=movement,
        word_about=classifying.movement_of(found.reference) if by.may(*classifying.MAY_CLASSIFY) else None,
        about=_about(session, found.reference, movement),
        funds=_funds(session),
        money_of=Money,
    )


@router.get("/book/{name}")
def account(request: Request, session: DatabaseSession, by: Reader, name: str) -> Response:
    """The entries that moved one account, the latest on top, with what all of them come to."""
    if name not in list(Account):
        raise HTTPException(404)
    asked = asked_by(request)
    wanted = reading.Wanted(
        account=Account(name),
        currency=asked.id("currency"),
        fund_id=asked.id("fund"),
        entity_id=asked.id("entity"),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
    )
    found = reading.movements(session, wanted, limit=PAGE + 1, before=asked.number("after"))
    shown, turnovers = found[:PAGE], reading.turnovers(session, wanted)
    known = {terms.currency for terms in charity.giving_terms(session)}
    return console_page(
        request,
        session,
        "ledger_account.html",
        person=by,
        here="book",
        status=422 if asked.unreadable else 200,
        account=wanted.account,
        asked=asked,
        rows=shown,
        turnovers=turnovers,
        after=shown[-1].entry.number if len(found) > PAGE else None,
        currencies=sorted(known | {turnover.currency for turnover in turnovers}),
        funds=_funds(session) if wanted.account.is_kept_by_fund else {},
        money_of=Money,
    )


def _trials(session: Session) -> list[TrialBalance]:
    entities = {entity.id: entity for entity in session.scalars(select(IssuingEntity))}
    found: dict[tuple[str, str], list[balances.Balance]] = {}
    for line in balances.balances(session):
        found.setdefault((line.entity_id, line.balance.currency), []).append(line)
    return [
        TrialBalance(entity=entities[entity_id], currency=currency, lines=lines)
        for (entity_id, currency), lines in found.items()
    ]


def _funds(session: Session) -> dict[str, Fund]:
    return {fund.id: fund for fund in session.scalars(select(Fund).order_by(Fund.position, Fund.id))}


def _about(session: Session, reference: str, movement: BalanceTransaction | None) -> str | None:
    """Where what an entry tells of can be seen, beside its gift."""
    if movement is not None and (movement.source_id or "").startswith("po_"):
        return f"/console/payouts/{movement.source_id}"
    if movement is not None and movement.source_id is not None:
        return address("/console/gifts", id=movement.source_id)
    match_id = reference.removeprefix("bank:").removesuffix(":undone")
    line = session.scalar(select(BankMatch.bank_line_id).where(BankMatch.id == match_id))
    return f"/console/bank/lines/{line}" if line is not None else None
