"""What the banks say of the year, month by month, and what Finn says of the lines that do not match by
themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.reconciliation import bank_import, matching
from payments.reconciliation.models import BankLine
from payments.staff.models import StaffMember
from tests.money_moves.small_stripe import SmallStripe
from tests.reconciliation.statement_writers import DOLLARS, Booked, Stretch, as_korean_csv

_DAY = timedelta(days=1)
_OPENINGS = {"operating": 5_000_000, "won": 0, "seoul": 30_000_000}


@dataclass(frozen=True, slots=True)
class Expected:
    """A line that a bank will show."""

    account: str
    booked_on: date
    amount: int
    words: str
    subject_id: str | None = None
    """The slip or gift that it is; `interest`, which is neither. None: nothing needs to be said."""


def says_the_year(lines: Sequence[Expected], stripe: SmallStripe, *, by: StaffMember) -> None:
    """Every month's statement of every account comes in, and what only a person knows is said."""
    told = [*lines, *_payouts(stripe)]
    for account, opening in _OPENINGS.items():
        ours = sorted((line for line in told if line.account == account), key=lambda line: line.booked_on)
        balance = opening
        for month in range(1, 13):
            booked = tuple(
                (line.booked_on, line.amount, line.words) for line in ours if line.booked_on.month == month
            )
            balance = _month(account, month, balance, booked, by=by)
    with transaction() as session:
        matching.match_what_is_certain(session)
    with transaction() as session:
        for line in lines:
            if line.subject_id is not None:
                _said(session, line, by=by)


def _payouts(stripe: SmallStripe) -> Iterator[Expected]:
    """Automatic ones a day or two around the day Stripe expected; weekends wait for Monday."""
    failures = {
        row["source"]: row["created"]
        for row in stripe.balance_transactions
        if row["reporting_category"] == "payout_reversal"
    }
    for payout in stripe.things("po"):
        arrives = _business_day(datetime.fromtimestamp(payout["arrival_date"], UTC).date())
        account = "operating" if payout["currency"] == "usd" else "won"
        words = f"STRIPE TRANSFER {(payout['trace_id'] or {}).get('value', '')}".strip()
        failed_at = failures.get(payout["id"])
        never_arrived = failed_at is not None and failed_at < payout["arrival_date"]
        if payout["amount"] and not never_arrived:
            yield Expected(account, arrives, payout["amount"], words)
        if failed_at is not None and not never_arrived:
            yield Expected(account, arrives + 2 * _DAY, -payout["amount"], f"RETURN {words}")


def _month(account: str, month: int, opening: int, booked: tuple[Booked, ...], *, by: StaffMember) -> int:
    first_day = date(2025, month, 1)
    last_day = date(2025 + month // 12, month % 12 + 1, 1) - _DAY
    told = Stretch(first_day=first_day, last_day=last_day, opening=opening, lines=booked)
    write = DOLLARS[month % len(DOLLARS)] if account == "operating" else as_korean_csv
    if booked:
        with transaction() as session:
            bank_import.take_in(
                session,
                write(told),
                file_name=f"{account} {first_day:%Y-%m}",
                account_id=account,
                by=by,
                first_day=first_day,
                last_day=last_day,
            )
    return told.closing


def _said(session: Session, line: Expected, *, by: StaffMember) -> None:
    open_lines = session.scalars(
        select(BankLine)
        .where(
            BankLine.bank_account_id == line.account,
            BankLine.booked_on == line.booked_on,
            BankLine.amount == line.amount,
        )
        .order_by(BankLine.occurrence, BankLine.position)
    ).all()
    known = matching.said_of(session, [each.id for each in open_lines])
    ours = next(each for each in open_lines if each.id not in known)
    if line.subject_id == "interest":
        matching.ignore(session, ours.id, by=by, reason="interest")
    else:
        assert line.subject_id is not None
        matching.match_offline(session, ours.id, line.subject_id, by=by, reason="the slip and its amount")


def _business_day(day: date) -> date:
    return day + {5: 2, 6: 1}.get(day.weekday(), 0) * _DAY
