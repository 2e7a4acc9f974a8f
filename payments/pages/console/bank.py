"""The bank: its accounts, the files that were imported, and their lines with what each is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.dependencies import DatabaseSession, signed_in
from payments.ledger import reading
from payments.money import Money
from payments.pages.console.asking import PAGE, asked_by
from payments.pages.console.drawing import console_page
from payments.pages.console.paths import address, path_of
from payments.reconciliation import bank_accounts, bank_lines
from payments.reconciliation.models import BankAccount, BankLine, BankMatch, BankStatement
from payments.staff import people
from payments.staff.models import StaffMember

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountShown:
    """One account and how far its lines are said."""

    account: BankAccount
    lines: int
    unsaid: int
    """Lines of which nobody has said what they are."""


@router.get("/bank")
def bank(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """The accounts, and the latest files."""
    statements = session.scalars(
        select(BankStatement)
        .order_by(BankStatement.last_day.desc(), BankStatement.imported_at.desc())
        .limit(PAGE)
    ).all()
    return console_page(
        request,
        session,
        "bank.html",
        person=by,
        here="bank",
        accounts=_accounts(session),
        may_reconcile=by.may(*bank_accounts.MAY_RECONCILE),
        statements=statements,
        currencies={account.id: account.currency for account in bank_accounts.everything(session)},
        names=people.names(session),
        most=PAGE,
        money_of=Money,
    )


@router.get("/bank/lines")
def lines(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """The newest on top."""
    asked = asked_by(request)
    wanted = bank_lines.Wanted(
        account_id=asked.id("account"),
        first_day=asked.day("from"),
        last_day=asked.day("to"),
        is_unsaid=asked.text("unsaid") is not None,
    )
    found = bank_lines.listed(session, wanted, limit=PAGE + 1, after=asked.id("after"))
    shown = found[:PAGE]
    return console_page(
        request,
        session,
        "bank_lines.html",
        person=by,
        here="bank",
        status=422 if asked.unreadable else 200,
        asked=asked,
        rows=shown,
        accounts=bank_accounts.everything(session),
        subject_path=subject_path,
        after=shown[-1].line.id if len(found) > PAGE else None,
        money_of=Money,
    )


@router.get("/bank/lines/{line_id}")
def line(request: Request, session: DatabaseSession, by: Reader, line_id: str) -> Response:
    """One line, with everything that was ever said of it."""
    found = bank_lines.find(session, line_id)
    matches = session.scalars(
        select(BankMatch)
        .where(BankMatch.bank_line_id == line_id)
        .order_by(BankMatch.undone_at.asc().nulls_first(), BankMatch.matched_at, BankMatch.position)
    ).all()
    return console_page(
        request,
        session,
        "bank_line.html",
        person=by,
        here="bank",
        line=found,
        account=bank_accounts.find(session, found.bank_account_id),
        statement=session.get_one(BankStatement, found.bank_statement_id),
        matches=matches,
        may_reconcile=by.may(*bank_accounts.MAY_RECONCILE),
        is_said=any(match.undone_at is None for match in matches),
        entries={match.id: reading.numbered(session, f"bank:{match.id}") for match in matches},
        names=people.names(session),
        subject_path=subject_path,
        money_of=Money,
    )


def subject_path(match: BankMatch) -> str | None:
    """Where what a line was said to be can be seen."""
    if match.subject_id is None:
        return None
    if match.kind == "owed_payment":
        return address("/console/gifts", id=match.subject_id)
    return path_of(match.subject_id)


def _accounts(session: Session) -> list[AccountShown]:
    counted: Mapping[str, int] = dict(
        session.execute(
            select(BankLine.bank_account_id, func.count()).group_by(BankLine.bank_account_id)
        ).all()
    )
    is_said = select(BankMatch).where(BankMatch.bank_line_id == BankLine.id, BankMatch.undone_at.is_(None))
    unsaid: Mapping[str, int] = dict(
        session.execute(
            select(BankLine.bank_account_id, func.count())
            .where(~is_said.exists())
            .group_by(BankLine.bank_account_id)
        ).all()
    )
    return [
        AccountShown(account=account, lines=counted.get(account.id, 0), unsaid=unsaid.get(account.id, 0))
        for account in bank_accounts.everything(session)
    ]
