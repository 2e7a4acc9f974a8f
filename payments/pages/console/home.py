"""The overview: where the money is, what does not fit, what is owed, what has not been sent.

Every tile leads to the list behind its figure, and a figure of money is the book's, to the cent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.dependencies import DatabaseSession, signed_in
from payments.donations import owed
from payments.donations.reversals import CLOSED_DISPUTES, Dispute, Refund, RefundStatus
from payments.ledger import balances
from payments.ledger.accounts import Account
from payments.money import Money
from payments.pages.console.drawing import console_page
from payments.receipts import register
from payments.reconciliation import closings, months, stripe_balance
from payments.reconciliation.models import Discrepancy, Payout
from payments.reconciliation.stripe_balance import Asked
from payments.staff import people
from payments.staff.models import StaffMember
from payments.webhooks.models import QueuedEvent

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_YOUNG = timedelta(days=3)
_OLD = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtStripe:
    """One currency of Stripe's balance: by the book, by Stripe's movements, and by Stripe's own number."""

    book: Money
    movements: Money
    asked: Asked | None

    @property
    def is_tied(self) -> bool:
        """Whether all that is known of it agrees."""
        return self.book == self.movements and (self.asked is None or not self.asked.difference)

    @property
    def differing(self) -> Money:
        """The figure that is not the book's: what Stripe's movements come to, else what it says it holds."""
        if self.book != self.movements or self.asked is None:
            return self.movements
        return Money(self.asked.total, self.book.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenExceptions:
    """The queue by age."""

    young: int
    middling: int
    old: int
    blocking: int

    @property
    def count(self) -> int:
        """All of them."""
        return self.young + self.middling + self.old


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBack:
    """What may go back, or has to."""

    disputes: Sequence[tuple[int, Money]]
    """Open ones, with their count, by currency."""
    answer_by: datetime | None
    owed: Sequence[Money]
    owed_count: int
    waiting: int
    """Refunds that wait for a second person, or that Stripe refused."""


@router.get("")
def home(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """The overview."""
    return console_page(
        request,
        session,
        "home.html",
        person=by,
        here="home",
        at_stripe=_at_stripe(session),
        in_transit=[each for each in balances.in_account(session, Account.PAYOUTS_IN_TRANSIT) if each],
        payouts_under_way=session.scalar(
            select(func.count()).where(Payout.status.in_(("pending", "in_transit")))
        ),
        suspense=[each for each in balances.in_account(session, Account.SUSPENSE_UNCLASSIFIED) if each],
        exceptions=_exceptions(session),
        money_back=_money_back(session),
        unsent=register.unsent(session),
        open_months=_open_months(session),
        parked=session.scalar(select(func.count()).where(QueuedEvent.parked_reason.is_not(None))),
    )


def _at_stripe(session: Session) -> list[AtStripe]:
    asked = stripe_balance.asked_after(session, _EVER)
    return [
        AtStripe(
            book=Money(tie.in_the_book, tie.currency),
            movements=Money(tie.at_stripe, tie.currency),
            asked=asked.get(tie.currency),
        )
        for tie in balances.tie_out(session)
    ]


def _exceptions(session: Session) -> OpenExceptions:
    at = now()
    age = case(
        (Discrepancy.opened_at > at - _YOUNG, "young"),
        (Discrepancy.opened_at > at - _OLD, "middling"),
        else_="old",
    )
    found = dict.fromkeys(("young", "middling", "old"), 0)
    blocking = 0
    for name, count, count_blocking in session.execute(
        select(age, func.count(), func.count().filter(Discrepancy.blocks_close))
        .where(Discrepancy.status == "open")
        .group_by(age)
    ):
        found[name] = count
        blocking += count_blocking
    return OpenExceptions(**found, blocking=blocking)


def _money_back(session: Session) -> MoneyBack:
    is_open = Dispute.status.not_in(CLOSED_DISPUTES)
    disputes = session.execute(
        select(func.count(), func.sum(Dispute.amount), Dispute.currency)
        .where(is_open)
        .group_by(Dispute.currency)
        .order_by(Dispute.currency)
    )
    owing: dict[str, Money] = {}
    debts = owed.owed(session)
    for debt in debts:
        currency = debt.amount.currency
        owing[currency] = owing.get(currency, Money(0, currency)) + debt.amount
    return MoneyBack(
        disputes=[(count, Money(int(minor), currency)) for count, minor, currency in disputes],
        answer_by=session.scalar(select(func.min(Dispute.evidence_due_by)).where(is_open)),
        owed=list(owing.values()),
        owed_count=len(debts),
        waiting=session.scalar(
            select(func.count()).where(
                Refund.status.in_((RefundStatus.REQUESTED.value, RefundStatus.REFUSED.value))
            )
        )
        or 0,
    )


def _open_months(session: Session) -> list[months.Month]:
    """The months that are over and not closed, of every body, the oldest first."""
    at = now()
    found: list[months.Month] = []
    for entity in months.entities(session):
        through = closings.closed_through(session, entity.id)
        found += [
            month
            for month in months.months_of(session, entity)
            if month.is_over(at) and (through is None or month.last_day > through)
        ]
    return found
