"""Where a gift stands: how much of it has gone back, and what is owed to the donor still. Pure.

The turns a gift takes are read in the order in which Stripe moved the money, never in the order in
which we heard of it. So the same facts give the same standing whatever came late, and the entry of
a new fact is the difference between the standing without it and with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Went(StrEnum):
    """What can happen to a settled gift. A refund that was cancelled, and a dispute that was won,
    are as if they had never been: they are no turns."""

    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    """The money came back. The charity meant to give it and still owes it."""
    PAID_ANOTHER_WAY = "paid_another_way"
    """What was owed was sent from the bank."""
    KEPT = "kept"
    """The donor let the gift stand after all; what was owed is a gift again."""
    DEBIT_RETURNED = "debit_returned"
    """A bank took a debit back after it had said yes."""
    DISPUTE_LOST = "dispute_lost"
    """Counts from the day on which Stripe took the money."""


_TAKES_BACK = {Went.REFUNDED, Went.DEBIT_RETURNED, Went.DISPUTE_LOST}
_WITHIN_A_SECOND = {Went.REFUND_FAILED: 1, Went.PAID_ANOTHER_WAY: 2, Went.KEPT: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing that happened to a gift; `amount` in the gift's own currency."""

    went: Went
    amount: int
    at: datetime
    failed: bool = False
    """Of a refund: whether it came back later. Only settles which of two facts of the same second
    is first: a refund is before its own failure, and a failure before the refund that makes it good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How much of a gift has gone back. All but `held` in the gift's own currency."""

    refunded: int = 0
    """Taken out of the gift by refunds and returned debits; never more than was given."""
    lost: int = 0
    """Taken out of the gift by lost disputes; together with `refunded` never more than was given."""
    owed: int = 0
    """Of what was taken out: not yet with the donor, because a refund failed."""
    beyond: int = 0
    """What the donor has beyond the gift, such as a dispute of all of it after a partial refund."""
    held: int = 0
    """What open disputes hold, in the settlement currency."""


def standing(given: int, turns: Iterable[Turn], *, held: int = 0) -> Standing:
    """Follow the turns. What is owed is paid first; only what goes beyond it is taken out of the gift.

    Nobody is owed more than the gift: a donor whose bank took all of it back is owed nothing more.
    """
    with_donor = refunded = lost = 0
    for turn in sorted(turns, key=_moment):
        if turn.went in _TAKES_BACK:
            with_donor += turn.amount
            fresh = max(0, min(with_donor, given) - refunded - lost)
            if turn.went is Went.DISPUTE_LOST:
                lost += fresh
            else:
                refunded += fresh
        elif turn.went is Went.REFUND_FAILED:
            with_donor -= turn.amount
        else:
            owed = max(0, refunded + lost - with_donor)
            if turn.went is Went.KEPT:
                refunded -= min(turn.amount, owed, refunded)
            else:
                with_donor += min(turn.amount, owed)
    return Standing(
        refunded=refunded,
        lost=lost,
        owed=max(0, refunded + lost - with_donor),
        beyond=max(0, with_donor - given),
        held=held,
    )


def _moment(turn: Turn) -> tuple[datetime, int]:
    if turn.failed:
        return turn.at, 0
    return turn.at, _WITHIN_A_SECOND.get(turn.went, 3)
