"""Payouts as Stripe tells of them, in whatever order it does, and what is still to be asked.

Amount and currency never change; a status only moves up; what was once named (a failure, a reversal, a
trace) stays named; the rest is as it was last said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, case, cast, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import from_stripe
from payments.errors import AlmonerError
from payments.jobs import Bell, ring
from payments.ledger.models import BalanceTransaction
from payments.reconciliation.models import Payout, PayoutLine
from payments.stripe_gateway import shapes

_STATUSES = ("pending", "in_transit", "paid", "failed", "canceled")
_RECONCILIATION = ("not_applicable", "in_progress", "completed")
_TRACES = ("pending", "unsupported", "supported")
_TRACE_MAY_COME = timedelta(days=14)
_ASK_EVERY = timedelta(days=1)
_LEASE = timedelta(hours=1)
_AT_ONCE = 50


class PayoutUnknown(AlmonerError):
    """No payout has this id here."""

    def __init__(self, stripe_payout_id: str) -> None:
        super().__init__(f"There is no payout {stripe_payout_id}. `almoner payouts list` shows the latest.")


def find(session: Session, stripe_payout_id: str) -> Payout:
    """The payout, or `PayoutUnknown`."""
    found = session.get(Payout, stripe_payout_id)
    if found is None:
        raise PayoutUnknown(stripe_payout_id)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which payouts to list."""

    first_day: date | None = None
    last_day: date | None = None
    """Arriving by this day."""
    status: str | None = None


def listed(session: Session, wanted: Wanted, *, limit: int, after: str | None = None) -> Sequence[Payout]:
    """The latest first; `after` names the last one of the page before."""
    chosen = select(Payout).order_by(*(column.desc() for column in _ORDER)).limit(limit)
    if wanted.first_day is not None:
        chosen = chosen.where(Payout.arrives_on >= wanted.first_day)
    if wanted.last_day is not None:
        chosen = chosen.where(Payout.arrives_on <= wanted.last_day)
    if wanted.status is not None:
        chosen = chosen.where(Payout.status == wanted.status)
    if after is not None:
        last = find(session, after)
        chosen = chosen.where(tuple_(*_ORDER) < (last.arrives_on, last.made_at, last.stripe_payout_id))
    return session.scalars(chosen).all()


_ORDER = (Payout.arrives_on, Payout.made_at, Payout.stripe_payout_id)


def note(session: Session, said: Sequence[tuple[shapes.Payout, datetime]]) -> None:
    """Take over what was said, each with when it was said."""
    for payout, said_at in sorted(said, key=lambda each: (each[0].id, each[1])):
        session.execute(_upsert(payout, said_at))
    if said:
        _plan(session, [payout.id for payout, _ in said])


def note_lists(session: Session, lists: Sequence[tuple[shapes.PayoutList, datetime]]) -> None:
    """Tie balance transactions to their payouts. A second list only adds to the first."""
    for found, said_at in sorted(lists, key=lambda each: each[0].payout.id):
        rows = [
            {
                "stripe_payout_id": found.payout.id,
                "stripe_balance_transaction_id": line.id,
                "net": line.net,
            }
            for line in sorted(found.carried, key=lambda line: line.id)
        ]
        if rows:
            session.execute(insert(PayoutLine).on_conflict_do_nothing(), rows)
        session.execute(
            update(Payout)
            .where(Payout.stripe_payout_id == found.payout.id)
            .values(listed_at=func.coalesce(Payout.listed_at, said_at))
        )
    if lists:
        _plan(session, [found.payout.id for found, _ in lists])


@dataclass(frozen=True, slots=True)
class Due:
    """A payout to ask about."""

    stripe_payout_id: str
    is_listed: bool
    """Whether its list was read before and need not be read again."""


def take_due(session: Session) -> list[Due]:
    """Payouts to ask Stripe about now: due ones, for this caller alone for an hour, and those that only
    the book knows because every event of theirs was lost."""
    due = (
        select(Payout.stripe_payout_id)
        .where(Payout.ask_at <= func.now())
        .order_by(Payout.ask_at)
        .limit(_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    taken = session.execute(
        update(Payout)
        .where(Payout.stripe_payout_id.in_(due))
        .values(ask_at=func.now() + _LEASE)
        .returning(Payout.stripe_payout_id, Payout.listed_at.is_not(None))
    ).all()
    unheard_of = session.scalars(
        select(BalanceTransaction.source_id)
        .where(
            BalanceTransaction.reporting_category == "payout",
            BalanceTransaction.source_id.like("po\\_%"),
            ~select(Payout).where(Payout.stripe_payout_id == BalanceTransaction.source_id).exists(),
        )
        .distinct()
        .limit(_AT_ONCE)
    )
    return [
        *(Due(stripe_payout_id, is_listed) for stripe_payout_id, is_listed in taken),
        *(Due(each, is_listed=False) for each in unheard_of if each is not None),
    ]


def ask_later(session: Session, stripe_payout_id: str, *, pause: timedelta) -> None:
    """Stripe did not answer, or refused: again after a pause."""
    session.execute(
        update(Payout).where(Payout.stripe_payout_id == stripe_payout_id).values(ask_at=func.now() + pause)
    )


def _upsert(payout: shapes.Payout, said_at: datetime) -> Any:
    trace = payout.trace_id
    new = insert(Payout).values(
        stripe_payout_id=payout.id,
        amount=payout.amount,
        currency=payout.currency,
        status=payout.status,
        made_at=from_stripe(payout.created),
        arrives_on=datetime.fromtimestamp(payout.arrival_date, UTC).date(),
        is_automatic=payout.automatic,
        method=payout.method,
        reconciliation_status=payout.reconciliation_status,
        statement_descriptor=payout.statement_descriptor,
        trace_status=trace.status if trace is not None else None,
        trace_id=trace.value if trace is not None else None,
        failure_code=payout.failure_code,
        stripe_balance_transaction_id=payout.balance_transaction,
        failure_balance_transaction_id=payout.failure_balance_transaction,
        original_payout_id=payout.original_payout,
        reversed_by_id=payout.reversed_by,
        said_at=said_at,
    )
    said = new.excluded
    stays_named = (
        "statement_descriptor",
        "trace_id",
        "failure_code",
        "stripe_balance_transaction_id",
        "failure_balance_transaction_id",
        "original_payout_id",
        "reversed_by_id",
    )
    is_later = or_(
        said.said_at > Payout.said_at,
        and_(said.said_at == Payout.said_at, said.arrives_on > Payout.arrives_on),
    )
    return new.on_conflict_do_update(
        index_elements=["stripe_payout_id"],
        set_={
            **{name: func.coalesce(said[name], getattr(Payout, name)) for name in stays_named},
            "status": _higher(said.status, Payout.status.expression, _STATUSES),
            "reconciliation_status": _higher(
                said.reconciliation_status, Payout.reconciliation_status.expression, _RECONCILIATION
            ),
            "trace_status": _higher(said.trace_status, Payout.trace_status.expression, _TRACES),
            "arrives_on": case((is_later, said.arrives_on), else_=Payout.arrives_on),
            "said_at": func.greatest(said.said_at, Payout.said_at),
        },
    )


def _higher(said: ColumnElement[Any], known: ColumnElement[Any], ranks: Sequence[str]) -> ColumnElement[Any]:
    """Whichever of the two is further on; a word nobody ranked counts as the last."""

    def rank(word: ColumnElement[Any]) -> ColumnElement[int]:
        ranked: ColumnElement[int] = case(
            *((word == name, place) for place, name in enumerate(ranks)), else_=len(ranks)
        )
        return case((word.is_(None), -1), else_=ranked)

    return case((rank(said) > rank(known), said), else_=cast(known, String))


def _plan(session: Session, stripe_payout_ids: Sequence[str]) -> None:
    """When to ask about them next: at once where a list is ready to be read, daily while something may
    still come, and never again after that."""
    is_ready = and_(
        Payout.is_automatic, Payout.reconciliation_status == "completed", Payout.listed_at.is_(None)
    )
    may_change = or_(
        Payout.status.in_(("pending", "in_transit")),
        and_(Payout.is_automatic, Payout.listed_at.is_(None)),
        and_(
            Payout.status == "paid",
            Payout.trace_status == "pending",
            Payout.arrives_on > func.current_date() - _TRACE_MAY_COME.days,
        ),
    )
    session.execute(
        update(Payout)
        .where(Payout.stripe_payout_id.in_(stripe_payout_ids))
        .values(
            ask_at=case(
                (is_ready, func.now()),
                (may_change, func.greatest(func.now(), Payout.arrives_on) + _ASK_EVERY),
                else_=None,
            )
        )
    )
    ring(session, Bell.FETCH_PAYOUTS)
