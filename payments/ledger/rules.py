"""Which moves each event of life makes. Pure, and meant to be read by an accountant.

Every amount is minor units of the currency in which Stripe settled. The fee is always Stripe's own
figure; the gift's split over funds follows what the donor chose, by largest remainder, when Stripe
settled in another currency than the gift's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from payments.clock import day_in
from payments.ledger.accounts import Account
from payments.money import split


@dataclass(frozen=True, slots=True)
class Move:
    """`amount` leaves `from_account` (credit) and arrives in `to_account` (debit)."""

    from_account: Account
    to_account: Account
    amount: int
    fund_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of life, ready to post; all its moves are in one currency."""

    reference: str
    kind: str
    entity_id: str
    time_zone: str
    occurred_at: datetime
    currency: str
    description: str
    moves: tuple[Move, ...]
    donation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Whose book an entry goes into, and where its days begin."""

    entity_id: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What Stripe reports of one balance transaction; amounts signed, minor units."""

    stripe_balance_transaction_id: str
    reporting_category: str
    type: str
    amount: int
    fee: int
    net: int
    currency: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftShares:
    """How a gift divides, in the gift's own currency: per fund, and what covers the fee."""

    donation_id: str
    funds: Sequence[tuple[str, int]]
    fee_cover: int


def gift_settled(movement: Movement, gift: GiftShares, books: Books) -> Entry:
    """A charge: the gross is a contribution to its funds, the fee is the charity's expense.

    A charge that brought nothing, or took money, is not a gift: it waits in suspense.
    """
    if movement.amount <= 0:
        return unclassified(movement, books)
    shares = split(movement.amount, [*(amount for _, amount in gift.funds), gift.fee_cover])
    moves = [
        Move(Account.CONTRIBUTIONS, Account.STRIPE_BALANCE, share, fund_id)
        for (fund_id, _), share in zip(gift.funds, shares, strict=False)
    ]
    moves.append(Move(Account.CONTRIBUTIONS_FEE_COVER, Account.STRIPE_BALANCE, shares[-1]))
    moves.append(_signed(Account.STRIPE_BALANCE, Account.PROCESSING_FEES, movement.fee))
    return _entry(movement, books, "gift", moves, donation_id=gift.donation_id)


def unclassified(movement: Movement, books: Books) -> Entry:
    """Money no rule knows: held in suspense, fee and all, until a person says what it is."""
    moves = [_signed(Account.SUSPENSE_UNCLASSIFIED, Account.STRIPE_BALANCE, movement.net)]
    return _entry(movement, books, "unclassified", moves)


def _signed(from_account: Account, to_account: Account, amount: int) -> Move:
    """A move of a signed amount: a negative one goes the other way."""
    if amount < 0:
        return Move(to_account, from_account, -amount)
    return Move(from_account, to_account, amount)


def _entry(
    movement: Movement, books: Books, kind: str, moves: Sequence[Move], donation_id: str | None = None
) -> Entry:
    return Entry(
        reference=f"bt:{movement.stripe_balance_transaction_id}",
        kind=kind,
        entity_id=books.entity_id,
        time_zone=books.time_zone,
        occurred_at=movement.created_at,
        currency=movement.currency,
        description=f"{movement.reporting_category} {movement.type}",
        donation_id=donation_id,
        moves=tuple(move for move in moves if move.amount),
    )


def effective_day(entry: Entry) -> date:
    """The day the entry counts for where the books are kept."""
    return day_in(entry.time_zone, entry.occurred_at)
