"""Whether a payout is what it carries, to the cent; and who gave what is in it.

The lines of an automatic payout must be in the book with the very figures of Stripe's list, and come to
the payout's amount. Of a manual or instant one Stripe says nothing, and no program can: it is tied on the
balance it left. The money of a failed one comes back and leaves again in a later one, which carries the
first one's gifts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from payments.database import among
from payments.ledger.models import BalanceTransaction, JournalEntry, MovementBeforeBooks
from payments.money import Money
from payments.reconciliation.models import Payout, PayoutLine
from payments.reconciliation.telling import Told
from payments.translations import N_

_FEES = ("fee", "network_cost", "tax")
_REFUNDS = ("refund", "refund_failure", "charge_failure", "partial_capture_reversal")
_DISPUTES = ("dispute", "dispute_reversal")
_OWN = PayoutLine.stripe_balance_transaction_id == Payout.stripe_balance_transaction_id
_NOT_YET = datetime.max.replace(tzinfo=UTC)

Place = tuple[bool, datetime, str]
"""Where a line stands among those of its payout: the oldest first, then what the book does not have yet, and
the payout's own at the end."""


class State(StrEnum):
    """How far a payout is proven."""

    PROVEN = "proven"
    DIFFERS = "differs"
    WAITING = "waiting"
    """Stripe's list is not complete, or not all of it has reached the book."""
    ON_THE_BALANCE = "on_the_balance"
    """Cannot be proven per line: Stripe does not say what it carries. Its own movement is in the book, and
    the book's balance is Stripe's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What a payout's lines come to, its own transaction apart."""

    lines: int = 0
    not_in_the_book: int = 0
    gross: int = 0
    fees: int = 0
    refunds: int = 0
    disputes: int = 0
    other: int = 0
    net: int = 0
    listed: int = 0
    """The same by the list, whether it is in the book or not."""
    changed: int = 0
    """Lines whose figure in the book is not the list's."""
    own: int | None = None
    """The net of the payout's own transaction in the book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is proven of one payout."""

    state: State
    difference: int
    told: Told

    @property
    def sentence(self) -> str:
        """In English."""
        return str(self.told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One line of a payout, as the book knows it."""

    stripe_balance_transaction_id: str
    created_at: datetime | None
    kind: str | None
    """What its entry is: `gift`, `refund`, `service_fee`…; None while it is not in the book."""
    reporting_category: str | None
    source_id: str | None
    donation_id: str | None
    amount: int
    fee: int
    net: int
    listed: int
    """The net as Stripe's list of the payout says it."""
    is_own: bool
    journal_number: int | None
    """Of its entry; None while it is not in the book."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A payout beside its sums and what is proven of it."""

    payout: Payout
    sums: Sums
    proof: Proof


def sums(session: Session, stripe_payout_ids: Sequence[str]) -> dict[str, Sums]:
    """The sums of many payouts in one query."""
    wanted = _summed().where(among(PayoutLine.stripe_payout_id, stripe_payout_ids))
    found: dict[str, Sums] = {}
    for row in session.execute(wanted):
        # PostgreSQL sums into numerics, and every one of these is whole.
        told: dict[str, Any] = {
            name: amount if amount is None else int(amount)
            for name, amount in row._mapping.items()
            if name != "stripe_payout_id"
        }
        found[row.stripe_payout_id] = Sums(**told)
    return found


def not_proven(session: Session) -> list[Proven]:
    """Every payout that does not add up, or not yet. The database leaves out those that do, which are all
    but a few."""
    bt = aliased(BalanceTransaction)
    found = _summed().subquery()
    adds_up = and_(
        bt.amount == -Payout.amount,
        or_(
            ~Payout.is_automatic,
            and_(
                Payout.listed_at.is_not(None),
                found.c.listed == Payout.amount,
                found.c.net == Payout.amount,
                found.c.not_in_the_book == 0,
                found.c.changed == 0,
            ),
        ),
    )
    rows = session.scalars(
        select(Payout)
        .outerjoin(found, found.c.stripe_payout_id == Payout.stripe_payout_id)
        .outerjoin(bt, bt.stripe_balance_transaction_id == Payout.stripe_balance_transaction_id)
        .where(adds_up.is_not(True))
        .order_by(Payout.made_at)
    ).all()
    return [each for each in prove(session, rows) if each.proof.state in (State.DIFFERS, State.WAITING)]


def _summed() -> Select[*tuple[Any, ...]]:
    bt, older = BalanceTransaction, MovementBeforeBooks
    is_other = ~_OWN | Payout.stripe_balance_transaction_id.is_(None)

    def total(of: ColumnElement[int], which: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((and_(is_other, which), of), else_=0)), 0)

    category = bt.reporting_category
    either_net = func.coalesce(bt.net, older.net)
    special = ("charge", *_FEES, *_REFUNDS, *_DISPUTES)
    return (
        select(
            PayoutLine.stripe_payout_id,
            func.count().filter(is_other).label("lines"),
            func.count()
            .filter(bt.stripe_balance_transaction_id.is_(None), older.stripe_balance_transaction_id.is_(None))
            .label("not_in_the_book"),
            total(bt.amount.expression, category == "charge").label("gross"),
            total(case((category.in_(_FEES), -bt.net), else_=bt.fee), category.is_not(None)).label("fees"),
            total(bt.amount.expression, category.in_(_REFUNDS)).label("refunds"),
            total(bt.amount.expression, category.in_(_DISPUTES)).label("disputes"),
            total(func.coalesce(bt.amount, older.net), bt.net.is_(None) | category.not_in(special)).label(
                "other"
            ),
            total(either_net, either_net.is_not(None)).label("net"),
            total(PayoutLine.net.expression, PayoutLine.net.is_not(None)).label("listed"),
            func.count().filter(either_net != PayoutLine.net).label("changed"),
            func.sum(case((_OWN, bt.net))).label("own"),
        )
        .join(Payout, Payout.stripe_payout_id == PayoutLine.stripe_payout_id)
        .outerjoin(bt, bt.stripe_balance_transaction_id == PayoutLine.stripe_balance_transaction_id)
        # What stood in the balance before the book begins leaves it with the first payouts.
        .outerjoin(older, older.stripe_balance_transaction_id == PayoutLine.stripe_balance_transaction_id)
        .group_by(PayoutLine.stripe_payout_id)
    )


def own_movements(session: Session, payouts: Sequence[Payout]) -> dict[str, int]:
    """What the book says each payout took from the balance, by its own transaction: minus what the bank
    gets, and minus Stripe's price for an instant one."""
    named = {payout.stripe_balance_transaction_id: payout.stripe_payout_id for payout in payouts}
    rows = session.execute(
        select(BalanceTransaction.stripe_balance_transaction_id, BalanceTransaction.amount).where(
            among(BalanceTransaction.stripe_balance_transaction_id, [each for each in named if each])
        )
    )
    return {named[transaction_id]: amount for transaction_id, amount in rows}


def prove(session: Session, rows: Sequence[Payout]) -> list[Proven]:
    """Many at once, in their order."""
    found = sums(session, [row.stripe_payout_id for row in rows])
    own = own_movements(session, rows)
    return [
        Proven(
            payout=row,
            sums=found.get(row.stripe_payout_id, Sums()),
            proof=proof_of(row, found.get(row.stripe_payout_id, Sums()), own.get(row.stripe_payout_id)),
        )
        for row in rows
    ]


def proof_of(payout: Payout, found: Sums, own: int | None) -> Proof:
    """What is proven of a payout, from its lines' sums and its own movement. Pure."""
    if own is None:
        return Proof(
            state=State.WAITING,
            difference=0,
            told=Told(N_("The payout's own movement is not in the book yet."), {}),
        )
    if own != -payout.amount:
        return _differs(payout, -own, N_("The book took {found} from the balance for it."))
    if not payout.is_automatic:
        return Proof(
            state=State.ON_THE_BALANCE,
            difference=0,
            told=Told(
                N_(
                    "A manual payout: Stripe does not say which gifts are in it, so it cannot be proven per"
                    " line. Its own movement is in the book to the cent and the balance ties."
                ),
                {},
            ),
        )
    return _of_the_list(payout, found)


def _of_the_list(payout: Payout, found: Sums) -> Proof:
    if payout.listed_at is None:
        return Proof(
            state=State.WAITING, difference=0, told=Told(N_("Stripe has not completed its list yet."), {})
        )
    if found.listed != payout.amount:
        return _differs(payout, found.listed, N_("Stripe's list comes to {found}."))
    if found.not_in_the_book:
        return Proof(
            state=State.WAITING,
            difference=payout.amount - found.net,
            told=Told(N_("{count} of its lines are not in the book yet."), {"count": found.not_in_the_book}),
        )
    if found.net != payout.amount or found.changed:
        return _differs(payout, found.net, N_("The book's lines of it come to {found}."))
    return Proof(
        state=State.PROVEN,
        difference=0,
        told=Told(
            N_("Its {count} lines come to {amount}, to the cent."),
            {"count": found.lines, "amount": Money(payout.amount, payout.currency)},
        ),
    )


def carried(
    session: Session, payout: Payout, *, limit: int | None = None, beyond: Place | None = None
) -> list[Carried]:
    """The lines of a payout with their gifts, in the order of their places; all, or a page of them."""
    bt = BalanceTransaction
    wanted = (
        select(PayoutLine, bt, JournalEntry.kind, JournalEntry.donation_id, JournalEntry.number)
        .outerjoin(bt, bt.stripe_balance_transaction_id == PayoutLine.stripe_balance_transaction_id)
        .outerjoin(
            JournalEntry,
            JournalEntry.reference == func.concat("bt:", PayoutLine.stripe_balance_transaction_id),
        )
        .where(PayoutLine.stripe_payout_id == payout.stripe_payout_id)
        .order_by(*_place(payout))
        .limit(limit)
    )
    if beyond is not None:
        wanted = wanted.where(tuple_(*_place(payout)) > beyond)
    rows = session.execute(wanted)
    return [_carried(payout, line, movement, entry) for line, movement, *entry in rows]


def place_of(session: Session, payout: Payout, transaction_id: str) -> Place | None:
    """Where a line stands; None where the payout does not carry it."""
    bt = BalanceTransaction
    row = session.execute(
        select(*_place(payout))
        .select_from(PayoutLine)
        .outerjoin(bt, bt.stripe_balance_transaction_id == PayoutLine.stripe_balance_transaction_id)
        .where(
            PayoutLine.stripe_payout_id == payout.stripe_payout_id,
            PayoutLine.stripe_balance_transaction_id == transaction_id,
        )
    ).one_or_none()
    return (row[0], row[1], row[2]) if row is not None else None


def _place(payout: Payout) -> tuple[ColumnElement[bool], ColumnElement[datetime], ColumnElement[str]]:
    own = payout.stripe_balance_transaction_id
    return (
        PayoutLine.stripe_balance_transaction_id.is_not_distinct_from(own),
        func.coalesce(BalanceTransaction.created_at, _NOT_YET),
        PayoutLine.stripe_balance_transaction_id.expression,
    )


def _carried(
    payout: Payout, line: PayoutLine, row: BalanceTransaction | None, entry: Sequence[Any]
) -> Carried:
    kind, donation_id, number = entry
    return Carried(
        stripe_balance_transaction_id=line.stripe_balance_transaction_id,
        created_at=row.created_at if row is not None else None,
        kind=kind,
        reporting_category=row.reporting_category if row is not None else None,
        source_id=row.source_id if row is not None else None,
        donation_id=donation_id,
        amount=row.amount if row is not None else line.net,
        fee=row.fee if row is not None else 0,
        net=row.net if row is not None else line.net,
        listed=line.net,
        journal_number=number,
        is_own=line.stripe_balance_transaction_id == payout.stripe_balance_transaction_id,
    )


def origins(session: Session, payout: Payout) -> list[Payout]:
    """The failed payouts whose money this one carries, the nearest first, however long the chain."""
    found: list[Payout] = []
    look_into = [payout.stripe_payout_id]
    while look_into:
        failed = session.scalars(
            select(Payout)
            .join(
                PayoutLine,
                PayoutLine.stripe_balance_transaction_id == Payout.failure_balance_transaction_id,
            )
            .where(PayoutLine.stripe_payout_id.in_(look_into))
            .order_by(Payout.made_at.desc())
        ).all()
        fresh = [each for each in failed if each not in found and each is not payout]
        found += fresh
        look_into = [each.stripe_payout_id for each in fresh]
    return found


def carried_on_by(session: Session, payout: Payout) -> str | None:
    """The payout that carries what came back of a failed one."""
    return session.scalar(
        select(PayoutLine.stripe_payout_id)
        .where(PayoutLine.stripe_balance_transaction_id == payout.failure_balance_transaction_id)
        .limit(1)
    )


def _differs(payout: Payout, found: int, sentence: str) -> Proof:
    off = payout.amount - found
    return Proof(
        state=State.DIFFERS,
        difference=off,
        told=Told(
            N_("Stripe paid {amount}. {told} The difference is {difference}."),
            {
                "amount": Money(payout.amount, payout.currency),
                "told": Told(sentence, {"found": Money(found, payout.currency)}),
                "difference": Money(off, payout.currency),
            },
        ),
    )
