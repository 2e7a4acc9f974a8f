"""Taking in a bank's file: proven first, then only what is new, or else nothing at all.

A file is proven three times: by itself (opening and lines come to the closing balance), against its
account (number and currency), and against what is known (from the first balance to the last, the lines
between must tell the difference). What the last proof lacks is a gap, which a person may accept with a
reason; the first two cannot be talked over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

from sqlalchemy import select, text
from sqlalchemy.orm import Session, defer

from payments.clock import now
from payments.database import among, copy_into, new_id
from payments.reconciliation import bank_accounts, closings, continuity
from payments.reconciliation.formats import detect
from payments.reconciliation.models import BankAccount, BankLine, BankStatement
from payments.reconciliation.statements import Line, Statement, StatementRefused, in_one, numbered
from payments.staff import audit, people
from payments.staff.models import StaffMember

LARGEST_STATEMENT = 16 * 1024 * 1024
"""What is taken over the network, in bytes; a larger file is imported at the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a file."""

    statement: BankStatement
    new_lines: int
    known_lines: int
    left_out: int
    is_known_file: bool = False

    @property
    def sentence(self) -> str:
        """In words."""
        stretch = f"{self.statement.first_day} to {self.statement.last_day}"
        if self.is_known_file:
            return f"This very file was imported before ({stretch}): nothing new."
        parts = [f"{self.new_lines} new lines, {stretch}"]
        if self.known_lines:
            parts.append(f"{self.known_lines} were known already")
        if self.left_out:
            parts.append(f"{self.left_out} are only announced and left for the next file")
        return "; ".join(parts) + "."


def take_in(
    session: Session,
    file: bytes,
    *,
    file_name: str,
    account_id: str,
    by: StaffMember,
    first_day: date | None = None,
    last_day: date | None = None,
    gap_reason: str | None = None,
) -> Imported:
    """Store a file and its new lines. `first_day` and `last_day` tell the period of a file that does
    not tell it; `gap_reason` takes one that does not follow from those before."""
    people.require(by, *bank_accounts.MAY_RECONCILE)
    session.execute(text("set local statement_timeout = '10min'"))  # a year of lines is written in one go
    account = bank_accounts.find(session, account_id, for_update=True)
    digest = sha256(file).hexdigest()
    earlier = _statement_with(session, account, digest)
    if earlier is not None:
        return Imported(
            statement=earlier, new_lines=0, known_lines=earlier.line_count, left_out=0, is_known_file=True
        )
    format_name, statements = detect.read(file, currency=account.currency, csv_profile=account.csv_profile)
    told = _within(in_one(statements, account_number=account.number), first_day, last_day)
    _check_currency(told, account)
    row = BankStatement(
        id=new_id("bst"),
        bank_account_id=account.id,
        format=format_name,
        file_name=file_name,
        sha256=digest,
        file=file,
        first_day=told.first_day,
        last_day=told.last_day,
        opening=told.opening,
        closing=told.closing,
        line_count=len(told.lines),
        imported_by=by.id,
        imported_at=now(),
    )
    fresh = _not_yet_known(session, account, told)
    _refuse_closed_months(session, account, fresh)
    gap = continuity.gap(session, row, fresh=[line for _, line, _ in fresh])
    if gap is not None:
        if gap_reason is None:
            raise StatementRefused(f"{gap} If that is as it should be, say `--accept-gap REASON`.")
        row.gap_reason = people.reason_given(gap_reason)
    session.add(row)
    session.flush()
    _add(session, row, fresh, currency=account.currency)
    audit.note(
        session,
        by,
        "bank.import",
        subject=row.id,
        reason=row.gap_reason or "a bank statement",
        account=account.id,
        format=format_name,
        sha256=digest,
        new_lines=len(fresh),
        first_day=row.first_day.isoformat(),
        last_day=row.last_day.isoformat(),
    )
    return Imported(
        statement=row,
        new_lines=len(fresh),
        known_lines=len(told.lines) - len(fresh),
        left_out=told.left_out,
    )


def _statement_with(session: Session, account: BankAccount, digest: str) -> BankStatement | None:
    return session.scalars(
        select(BankStatement)
        .where(BankStatement.bank_account_id == account.id, BankStatement.sha256 == digest)
        .options(defer(BankStatement.file))
    ).one_or_none()


def _within(told: Statement, first_day: date | None, last_day: date | None) -> Statement:
    first, last = first_day or told.first_day, last_day or told.last_day
    if first is None or last is None:
        raise StatementRefused("The file does not tell its period. Say it with `--from` and `--to`.")
    outside = [line for line in told.lines if not first <= line.booked_on <= last]
    if outside or first > last:
        raise StatementRefused(
            f"The period {first} to {last} does not hold every line of the file. Mend `--from` and `--to`."
        )
    # A file that tells only where it ends tells by its lines where it began.
    opening, closing = told.opening, told.closing
    if opening is None and closing is not None:
        opening = closing - told.moved
    elif closing is None and opening is not None:
        closing = opening + told.moved
    return replace(told, first_day=first, last_day=last, opening=opening, closing=closing)


def _check_currency(told: Statement, account: BankAccount) -> None:
    if told.currency != account.currency:
        raise StatementRefused(
            f"This file is in {told.currency.upper()}, the account {account.id} in"
            f" {account.currency.upper()}. Import it with its own `--account`."
        )


def _not_yet_known(session: Session, account: BankAccount, told: Statement) -> list[tuple[int, Line, int]]:
    """The lines to store: place in the file, line, and which of its equals. The account is locked, so
    nobody adds them meanwhile."""
    counted = numbered(told.lines)
    known = {
        (fingerprint, occurrence)
        for fingerprint, occurrence in session.execute(
            select(BankLine.fingerprint, BankLine.occurrence).where(
                BankLine.bank_account_id == account.id,
                among(BankLine.fingerprint, {line.fingerprint for line in told.lines}),
            )
        )
    }
    return [
        (place, line, occurrence)
        for place, (line, occurrence) in enumerate(counted, start=1)
        if (line.fingerprint, occurrence) not in known
    ]


def _refuse_closed_months(
    session: Session, account: BankAccount, fresh: Sequence[tuple[int, Line, int]]
) -> None:
    """A month was closed on the word of its statements; a line more would belie it."""
    for closing in closings.closings_of(session, account.entity_id):
        inside = [line for _, line, _ in fresh if closing.month <= line.booked_on <= closing.last_day]
        if inside and closing.reopened_at is None and account.added_at <= closing.closed_at:
            raise StatementRefused(
                f"{closing.month:%B %Y} is closed, and this file tells lines of it that no file told before"
                f" ({inside[0].booked_on}). Reopen it first: `almoner close reopen {closing.month:%Y-%m}`."
            )


_COLUMNS = (
    *(
        "id",
        "bank_account_id",
        "bank_statement_id",
        "position",
        "booked_on",
        "value_on",
        "amount",
        "currency",
    ),
    *("bank_reference", "payment_reference", "counterparty", "text", "fingerprint", "occurrence"),
)


def _add(
    session: Session, row: BankStatement, fresh: Sequence[tuple[int, Line, int]], *, currency: str
) -> None:
    if not fresh:
        return
    copy_into(
        session,
        BankLine,
        _COLUMNS,
        (
            (
                *(new_id("bln"), row.bank_account_id, row.id, place, line.booked_on, line.value_on),
                *(line.amount, currency, line.bank_reference, line.payment_reference),
                *(line.counterparty, line.text, line.fingerprint, occurrence),
            )
            for place, line, occurrence in fresh
        ),
    )
