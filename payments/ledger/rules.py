"""Which moves each event of life makes. Pure, and meant to be read by an accountant.

Every amount is minor units of the currency in which Stripe settled. Gross, fee, net and rate are
always Stripe's own figures. A gift is a list of lines, one for each fund it is for; whatever
happens to the gift later goes back over the same lines.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from payments.clock import day_in
from payments.ledger.accounts import Account
from payments.ledger.standing import Standing
from payments.money import split

OPENING_BALANCE = "opening_balance"
"""The category, not Stripe's, of the one row that stands for everything before this book begins."""


@dataclass(frozen=True, slots=True)
class Move:
    """`amount` leaves `from_account` (credit) and arrives in `to_account` (debit)."""

    from_account: Account
    to_account: Account
    amount: int
    fund_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Whose book an entry goes into, and where its days begin."""

    entity_id: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of life, ready to post; all its moves are in one currency."""

    reference: str
    kind: str
    books: Books
    occurred_at: datetime
    currency: str
    description: str
    moves: tuple[Move, ...]
    donation_id: str | None = None

    @property
    def effective_on(self) -> date:
        """The day it counts for where the books are kept."""
        return day_in(self.books.time_zone, self.occurred_at)


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a gift: where it was credited, and what it weighs in the gift's own currency."""

    account: Account
    weight: int
    fund_id: str | None = None

    def contra(self, account: Account) -> Account:
        """Where a reversal of this line is shown: contributions have a contra account of their own,
        what was owed to others or sold is simply owed or sold no more."""
        gross = {Account.CONTRIBUTIONS, Account.CONTRIBUTIONS_FEE_COVER, Account.CONTRIBUTIONS_IN_KIND}
        return account if self.account in gross else self.account


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """A charge as the book sees it: a gift of ours, or foreign money on the same account."""

    donation_id: str | None
    lines: tuple[Line, ...]

    @property
    def weights(self) -> list[int]:
        """What each line weighs; together the amount that was charged."""
        return [line.weight for line in self.lines]

    @property
    def given(self) -> int:
        """What was charged, in the gift's own currency."""
        return sum(self.weights)

    @property
    def is_ours(self) -> bool:
        """False for foreign money, which is totalled and never a gift."""
        return self.donation_id is not None


def foreign(charged: int) -> Gift:
    """A charge that is no gift of ours."""
    return Gift(donation_id=None, lines=(Line(Account.OTHER_RECEIPTS, charged),))


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
    is_about_dispute: bool = False
    """Whether its source is a dispute: that makes a fee a dispute fee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyBack:
    """A gift of which part goes back, or comes back: where it stood and where it stands."""

    settled: int
    """What the gift brought, in the settlement currency."""
    before: Standing
    after: Standing


def settled(movement: Movement, gift: Gift, books: Books) -> Entry:
    """A charge: the gross is credited to the gift's lines, the fee is the charity's expense.

    A charge that brought nothing, or took something, is no gift that a rule knows.
    """
    if movement.amount <= 0:
        return unclassified(movement, books)
    moves = [
        Move(line.account, Account.STRIPE_BALANCE, share, line.fund_id)
        for line, share in zip(gift.lines, split(movement.amount, gift.weights), strict=True)
    ]
    moves.append(_signed(Account.STRIPE_BALANCE, Account.PROCESSING_FEES, movement.fee))
    return _of_stripe(movement, books, "gift" if gift.is_ours else "other_receipt", moves, gift)


def refunded(movement: Movement, gift: Gift, back: MoneyBack, books: Books) -> Entry:
    """A refund: what an earlier failed one still owes is paid first, the rest relieves the gift's
    lines at the value they were settled at. What the rate has changed since is a gain or loss."""
    kind = "refund" if gift.is_ours else "other_refund"
    return _goes_back(movement, gift, back, books, kind=kind, fee=Account.PROCESSING_FEES)


def refund_failed(movement: Movement, gift: Gift, back: MoneyBack, books: Books) -> Entry:
    """The refund came back: it is owed to the donor, not income again. One that was cancelled before
    it left, or is about foreign money, is undone instead."""
    return _goes_back(movement, gift, back, books, kind="refund_failed", fee=Account.PROCESSING_FEES)


def bank_debit_returned(movement: Movement, gift: Gift, back: MoneyBack, books: Books) -> Entry:
    """A bank took a debit back after it had said yes: the gift never was, as with a refund."""
    return _goes_back(movement, gift, back, books, kind="bank_debit_returned", fee=Account.PROCESSING_FEES)


def dispute_moved(movement: Movement, gift: Gift, back: MoneyBack, books: Books) -> Entry:
    """A dispute takes its amount into the hold account, or brings it back; fees as Stripe says."""
    kind = "dispute_opened" if movement.reporting_category == "dispute" else "dispute_won"
    return _goes_back(movement, gift, back, books, kind=kind, fee=Account.DISPUTE_FEES)


def dispute_lost(
    reference: str, gift: Gift, back: MoneyBack, books: Books, *, currency: str, closed_at: datetime
) -> Entry:
    """A lost dispute moves no money at Stripe: what was held is a chargeback from then on."""
    return Entry(
        reference=reference,
        kind="dispute_lost",
        books=books,
        occurred_at=closed_at,
        currency=currency,
        description="dispute lost",
        donation_id=gift.donation_id,
        moves=_not_nothing(_relief(gift, back, Account.DISPUTED_FUNDS)),
    )


def gift_kept(
    reference: str, gift: Gift, back: MoneyBack, books: Books, *, currency: str, kept_at: datetime
) -> Entry:
    """The donor lets a gift stand whose refund failed: what was owed is a gift again."""
    return Entry(
        reference=reference,
        kind="gift_kept",
        books=books,
        occurred_at=kept_at,
        currency=currency,
        description="failed refund left to the charity",
        donation_id=gift.donation_id,
        moves=_not_nothing(_relief(gift, back, Account.REFUNDS_PAYABLE)),
    )


def in_proportion(amount: int, *, of: int, to: int) -> int:
    """What `amount` is to `of`, in another whole `to`: rounded to the nearest unit, halves up."""
    return (2 * amount * to + of) // (2 * of)


def of_earlier_gift(movement: Movement, books: Books) -> Entry:
    """Money that goes back of a gift from before this book, or comes again: no line of it stands here, so it
    is what it is for the year in which it moved, and for no fund."""
    is_dispute = movement.reporting_category in {"dispute", "dispute_reversal"}
    account = Account.CHARGEBACKS if is_dispute else Account.CONTRIBUTION_REFUNDS
    fee = Account.DISPUTE_FEES if is_dispute else Account.PROCESSING_FEES
    moves = [
        _signed(Account.STRIPE_BALANCE, account, -movement.amount),
        _signed(Account.STRIPE_BALANCE, fee, movement.fee),
    ]
    return _of_stripe(movement, books, "earlier_dispute" if is_dispute else "earlier_refund", moves)


def without_gift(movement: Movement, books: Books) -> Entry:
    """A movement that is about no gift: payouts, service fees, reserves. What is in no rule goes to
    suspense, fee and all, until a person says what it is."""
    rule = _WITHOUT_GIFT.get(movement.reporting_category)
    if rule is None:
        return unclassified(movement, books)
    kind, moves = rule(movement)
    return _of_stripe(movement, books, kind, moves)


def unclassified(movement: Movement, books: Books) -> Entry:
    """Held in suspense; the month cannot close before somebody has looked."""
    moves = [_signed(Account.SUSPENSE_UNCLASSIFIED, Account.STRIPE_BALANCE, movement.net)]
    return _of_stripe(movement, books, "unclassified", moves)


def _payout(movement: Movement) -> tuple[str, list[Move]]:
    # Negative for money on its way to the bank; positive when Stripe debits the bank.
    return "payout", [
        _signed(Account.STRIPE_BALANCE, Account.PAYOUTS_IN_TRANSIT, -movement.amount),
        _signed(Account.STRIPE_BALANCE, Account.STRIPE_SERVICE_FEES, movement.fee),
    ]


def _payout_reversal(movement: Movement) -> tuple[str, list[Move]]:
    return "payout_failed", _payout(movement)[1]


def _service_fee(movement: Movement) -> tuple[str, list[Move]]:
    account = Account.DISPUTE_FEES if movement.is_about_dispute else Account.STRIPE_SERVICE_FEES
    kind = "dispute_fee" if movement.is_about_dispute else "service_fee"
    return kind, [_signed(Account.STRIPE_BALANCE, account, -movement.net)]


def _reserve(movement: Movement) -> tuple[str, list[Move]]:
    return "reserve", [
        _signed(Account.STRIPE_BALANCE, Account.STRIPE_RESERVE, -movement.amount),
        _signed(Account.STRIPE_BALANCE, Account.STRIPE_SERVICE_FEES, movement.fee),
    ]


def _topup(movement: Movement) -> tuple[str, list[Move]]:
    return "topup", _payout(movement)[1]


def _opening_balance(movement: Movement) -> tuple[str, list[Move]]:
    return "opening_balance", [_signed(Account.OPENING_BALANCE, Account.STRIPE_BALANCE, movement.net)]


_WITHOUT_GIFT: dict[str, Callable[[Movement], tuple[str, list[Move]]]] = {
    "payout": _payout,
    "payout_reversal": _payout_reversal,
    "topup": _topup,
    "topup_reversal": _topup,
    "fee": _service_fee,
    "network_cost": _service_fee,
    "tax": _service_fee,
    "risk_reserved_funds": _reserve,
    OPENING_BALANCE: _opening_balance,
}


KNOWN_CATEGORIES = frozenset(
    {*_WITHOUT_GIFT, "charge", "charge_failure", "refund", "refund_failure", "dispute", "dispute_reversal"}
)
"""Stripe's reporting categories for which there is a rule; everything else waits in suspense."""


def _goes_back(
    movement: Movement, gift: Gift, back: MoneyBack, books: Books, *, kind: str, fee: Account
) -> Entry:
    moves = _relief(gift, back, Account.STRIPE_BALANCE, -movement.amount)
    moves.append(_signed(Account.STRIPE_BALANCE, fee, movement.fee))
    return _of_stripe(movement, books, kind, moves, gift)


def _relief(gift: Gift, back: MoneyBack, source: Account, paid_out: int | None = None) -> list[Move]:
    """From where the gift stood to where it stands, out of `source`; what Stripe paid out besides is
    FX. Without `paid_out` no money moves at Stripe: `source` is itself a part of the standing."""
    before, after = _parts(gift, back.settled, back.before), _parts(gift, back.settled, back.after)
    changes = {part: after.get(part, 0) - before.get(part, 0) for part in before | after}
    if paid_out is None:
        paid_out = -changes.pop((source, None))
    moves = [_signed(source, account, change, fund_id) for (account, fund_id), change in changes.items()]
    moves.append(_signed(source, Account.FX_GAIN_LOSS, paid_out - sum(changes.values())))
    return moves


def _parts(gift: Gift, settled: int, stands: Standing) -> dict[tuple[Account, str | None], int]:
    """What a standing comes to in the settlement currency, debit positive.

    Always all that has gone back up to now, shared by largest remainder: several partial refunds
    and a lost dispute together leave no residue in any fund.
    """

    def worth(amount: int) -> int:
        return in_proportion(amount, of=gift.given, to=settled)

    out = stands.refunded + stands.lost
    by_refunds = split(worth(stands.refunded), gift.weights)
    by_all = split(worth(out), gift.weights)
    parts: dict[tuple[Account, str | None], int] = {}

    def add(account: Account, fund_id: str | None, amount: int) -> None:
        parts[account, fund_id] = parts.get((account, fund_id), 0) + amount

    add(Account.REFUNDS_PAYABLE, None, worth(out - stands.owed) - worth(out))
    for line, refunds, everything in zip(gift.lines, by_refunds, by_all, strict=True):
        add(line.contra(Account.CONTRIBUTION_REFUNDS), line.fund_id, refunds)
        add(line.contra(Account.CHARGEBACKS), line.fund_id, everything - refunds)
    # What a bank took beyond the gift is no fund's loss but the charity's own.
    beyond = Account.CHARGEBACKS if gift.is_ours else Account.OTHER_RECEIPTS
    add(beyond, None, worth(gift.given + stands.beyond) - settled)
    add(Account.DISPUTED_FUNDS, None, stands.held)
    return parts


def _signed(from_account: Account, to_account: Account, amount: int, fund_id: str | None = None) -> Move:
    """A move of a signed amount: a negative one goes the other way."""
    if amount < 0:
        return Move(to_account, from_account, -amount, fund_id)
    return Move(from_account, to_account, amount, fund_id)


def _not_nothing(moves: Sequence[Move]) -> tuple[Move, ...]:
    return tuple(move for move in moves if move.amount)


def _of_stripe(
    movement: Movement, books: Books, kind: str, moves: Sequence[Move], gift: Gift | None = None
) -> Entry:
    return Entry(
        reference=f"bt:{movement.stripe_balance_transaction_id}",
        kind=kind,
        books=books,
        occurred_at=movement.created_at,
        currency=movement.currency,
        description=f"{movement.reporting_category} {movement.type}",
        donation_id=gift.donation_id if gift is not None else None,
        moves=_not_nothing(moves),
    )
