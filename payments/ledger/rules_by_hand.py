"""Which moves the deeds of people make: offline gifts, deposits, what is owed, what is in suspense.

Pure, like `rules.py`, which has what Stripe reports. Amounts are positive minor units of the entry's
currency unless a sentence says otherwise.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from payments.ledger.accounts import Account
from payments.ledger.rules import Books, Entry, Gift, Move
from payments.money import Money


def offline_gift(gift: Gift, into: Account, books: Books, *, currency: str, received_at: datetime) -> Entry:
    """Paper, cash, a transfer or a thing: recognised on the day it was received."""
    return Entry(
        reference=f"offline:{gift.donation_id}",
        kind="offline_gift",
        books=books,
        occurred_at=received_at,
        currency=currency,
        description=f"offline gift into {into}",
        donation_id=gift.donation_id,
        moves=tuple(Move(line.account, into, line.weight, line.fund_id) for line in gift.lines),
    )


def offline_gift_reversed(entry: Entry, *, reversed_at: datetime, is_deposited: bool) -> Entry:
    """The same moves backwards. A cheque that bounced after its deposit is taken from the bank,
    because that is where the bank took it."""
    moves = [Move(move.to_account, move.from_account, move.amount, move.fund_id) for move in entry.moves]
    if is_deposited:
        moves = [replace(move, from_account=Account.BANK) for move in moves]
    return replace(
        entry,
        reference=f"{entry.reference}:reversed",
        kind="offline_gift_reversed",
        occurred_at=reversed_at,
        description="offline gift taken back",
        moves=tuple(moves),
    )


def deposited(slip_id: str, total: Money, books: Books, *, deposited_at: datetime) -> Entry:
    """Cheques and cash carried to the bank together: one line on its statement."""
    return Entry(
        reference=f"deposit:{slip_id}",
        kind="deposit",
        books=books,
        occurred_at=deposited_at,
        currency=total.currency,
        description="deposit slip",
        moves=(Move(Account.UNDEPOSITED_FUNDS, Account.BANK, total.minor),),
    )


def owed_paid(payment_id: str, donation_id: str, amount: Money, books: Books, *, paid_at: datetime) -> Entry:
    """What a failed refund owed left the bank."""
    return Entry(
        reference=f"owed_paid:{payment_id}",
        kind="owed_paid",
        books=books,
        occurred_at=paid_at,
        currency=amount.currency,
        description="failed refund paid another way",
        donation_id=donation_id,
        moves=(Move(Account.BANK, Account.REFUNDS_PAYABLE, amount.minor),),
    )


def classified(
    stripe_balance_transaction_id: str,
    held: Money,
    account: Account,
    books: Books,
    *,
    fund_id: str | None,
    at: datetime,
) -> Entry:
    """A person says what was in suspense. `held` is signed: positive is money that left Stripe, and
    becomes an expense or an asset; negative is money that came, and becomes income or a debt."""
    return Entry(
        reference=f"classified:{stripe_balance_transaction_id}",
        kind="classified",
        books=books,
        occurred_at=at,
        currency=held.currency,
        description=f"out of suspense into {account}",
        moves=_not_nothing([_signed(Account.SUSPENSE_UNCLASSIFIED, account, held.minor, fund_id)]),
    )


def reclassified(
    stripe_balance_transaction_id: str,
    number: int,
    former: Move,
    word: tuple[Account, str | None],
    books: Books,
    *,
    currency: str,
    at: datetime,
) -> Entry:
    """A person says it anew. `former` is the move that the last word made: it is taken back through suspense,
    and as much goes the same way to the account and fund that are said now. `number` counts from 1."""
    account, fund_id = word
    came_in = former.to_account is Account.SUSPENSE_UNCLASSIFIED
    if came_in:
        anew = replace(former, from_account=account, fund_id=fund_id)
    else:
        anew = replace(former, to_account=account, fund_id=fund_id)
    return Entry(
        reference=f"reclassified:{stripe_balance_transaction_id}:{number}",
        kind="reclassified",
        books=books,
        occurred_at=at,
        currency=currency,
        description=f"not {former.from_account if came_in else former.to_account} but {account}",
        moves=(Move(former.to_account, former.from_account, former.amount, former.fund_id), anew),
    )


def _signed(from_account: Account, to_account: Account, amount: int, fund_id: str | None = None) -> Move:
    if amount < 0:
        return Move(to_account, from_account, -amount, fund_id)
    return Move(from_account, to_account, amount, fund_id)


def _not_nothing(moves: Sequence[Move]) -> tuple[Move, ...]:
    return tuple(move for move in moves if move.amount)
