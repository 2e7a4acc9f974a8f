"""Which moves the bank statement makes: the third side of a payout, and of a top-up.

Pure, like `rules.py`. Amounts are signed minor units as the bank tells them: positive came in. What is
offline (`rules_by_hand.py`) was booked when it was received or carried to the bank, and its line on the
statement only confirms it.
"""

from dataclasses import replace
from datetime import datetime

from payments.ledger.accounts import Account
from payments.ledger.rules import Books, Entry, Move
from payments.money import Money


def payout_on_statement(match_id: str, told: Money, books: Books, *, booked_at: datetime) -> Entry:
    """A payout is on the bank statement, on the day the bank booked it. A negative one left the bank, and
    so does one that the bank sends back."""
    size = abs(told.minor)
    move = (
        Move(Account.PAYOUTS_IN_TRANSIT, Account.BANK, size)
        if told.minor > 0
        else Move(Account.BANK, Account.PAYOUTS_IN_TRANSIT, size)
    )
    return Entry(
        reference=f"bank:{match_id}",
        kind="payout_on_statement",
        books=books,
        occurred_at=booked_at,
        currency=told.currency,
        description="payout on the bank statement",
        moves=(move,),
    )


def topup_on_statement(match_id: str, told: Money, books: Books, *, booked_at: datetime) -> Entry:
    """The charity's own money left the bank for Stripe's balance. A positive one came back from there."""
    return replace(
        payout_on_statement(match_id, told, books, booked_at=booked_at),
        kind="topup_on_statement",
        description="top-up on the bank statement",
    )


_UNDONE = {
    "payout_on_statement": "payout_not_on_statement",
    "topup_on_statement": "topup_not_on_statement",
}


def not_on_statement(entry: Entry, *, undone_at: datetime) -> Entry:
    """It was another line after all: the same moves backwards, on the day somebody saw it."""
    return replace(
        entry,
        reference=f"{entry.reference}:undone",
        kind=_UNDONE[entry.kind],
        occurred_at=undone_at,
        description="match with the bank statement undone",
        moves=tuple(Move(move.to_account, move.from_account, move.amount) for move in entry.moves),
    )
