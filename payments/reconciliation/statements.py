"""A bank statement as plain facts, whatever file it came in, and the laws it must keep. Pure.

Amounts are signed minor units: positive is money that came in. A file may hold several statements,
one a day or one a page; together they are one stretch of an account.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from itertools import combinations, pairwise

from payments.errors import AlmonerError
from payments.money import Money, exponent

_PLAIN = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?|[+-]?[.,][0-9]+")
_MAY_BE_GROUPED = re.compile(r"[+-]?[0-9]{1,3},[0-9]{3}")


class StatementRefused(AlmonerError):
    """A file that is not taken in; the sentence says what to do. Nothing of it is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One booked line of a statement."""

    booked_on: date
    amount: int
    value_on: date | None = None
    bank_reference: str | None = None
    """The bank's own name for the line, where it has one: OFX `FITID`, CAMT `AcctSvcrRef`."""
    payment_reference: str | None = None
    """What the payer sent along: end-to-end id, customer reference."""
    counterparty: str | None = None
    text: str = ""

    @property
    def fingerprint(self) -> str:
        """The same line in another file has the same one. With a reference of the bank's the words do
        not count: a bank may write them differently next time. The day does: some banks begin their
        references anew each month, and a gift of the same amount would be taken for the earlier one."""
        if self.bank_reference is not None:
            parts = ["reference", self.booked_on.isoformat(), self.bank_reference, str(self.amount)]
        else:
            words = " ".join(f"{self.counterparty or ''} {self.payment_reference or ''} {self.text}".split())
            parts = ["words", self.booked_on.isoformat(), str(self.amount), words.casefold()]
        return sha256("\x1f".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A stretch of one account. A balance is None where the file does not tell it."""

    currency: str
    lines: tuple[Line, ...]
    account_number: str | None = None
    number: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    opening: int | None = None
    closing: int | None = None
    left_out: int = 0
    """Lines the bank has only announced: they come again once they are booked."""

    @property
    def moved(self) -> int:
        """What all lines come to."""
        return sum(line.amount for line in self.lines)


def numbered(lines: Sequence[Line]) -> list[tuple[Line, int]]:
    """Each line with how many like it came before: two equal gifts on one day are both real."""
    seen: Counter[str] = Counter()
    told: list[tuple[Line, int]] = []
    for line in lines:
        seen[line.fingerprint] += 1
        told.append((line, seen[line.fingerprint]))
    return told


def minor(amount: Decimal, currency: str) -> int:
    """A bank's amount in minor units, exactly."""
    scaled = amount.scaleb(exponent(currency))
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or abs(scaled) >= 10**15:
        raise StatementRefused(
            f"The amount {amount} is no amount of {currency.upper()}. Ask the bank for a correct file."
        )
    return int(scaled)


def plain_decimal(written: str) -> Decimal:
    """An amount as files for machines write it: digits and a point or a comma, no groups. A comma before
    three digits may be either, and a thousand lies between, so it is refused."""
    told = written.strip()
    if _PLAIN.fullmatch(told) is None or _MAY_BE_GROUPED.fullmatch(told) is not None:
        raise StatementRefused(
            f"“{written[:30]}” is no amount as such files write it: digits, and cents behind a point or a"
            " comma. Export the file again, or as CAMT.053."
        )
    return Decimal(told.replace(",", "."))


def in_one(statements: Sequence[Statement], *, account_number: str | None) -> Statement:
    """The statements of this account as one stretch, each proven by itself and tied to the next."""
    ours = [each for each in statements if is_same_account(each.account_number, account_number)]
    if not statements:
        raise StatementRefused("There is no statement in this file. Export it again from the bank.")
    if not ours:
        known = ", ".join(sorted({each.account_number or "no number" for each in statements}))
        raise StatementRefused(
            f"This file is of the account {known}, not of {account_number}. Import it with its own"
            " `--account`."
        )
    numbers = sorted({each.account_number for each in ours if each.account_number is not None})
    if not all(is_same_account(one, other) for one, other in combinations(numbers, 2)):
        raise StatementRefused(
            f"This file is of several accounts: {', '.join(numbers)}. Export one file for each, or add the"
            " account with its `--number`, by which its statements are known."
        )
    if len({each.currency for each in ours}) > 1:
        raise StatementRefused("This file mixes currencies. Export one file for each account and currency.")
    # By the day they close: some banks put the newest first. Pages of one day stay as they stand.
    ordered = sorted(ours, key=lambda each: each.last_day or date.min)
    for each in ordered:
        _prove(each)
    for one, following in pairwise(ordered):
        if None not in (one.closing, following.opening) and one.closing != following.opening:
            raise StatementRefused(
                f"The statement up to {one.last_day} closes with {_money(one.closing, one)} and the next in"
                f" the same file opens with {_money(following.opening, one)}. Export the file again, whole."
            )
    lines = tuple(line for each in ordered for line in each.lines)
    days = [
        day
        for each in ordered
        for day in (each.first_day, each.last_day, *(line.booked_on for line in each.lines))
        if day is not None
    ]
    whole = Statement(
        currency=ordered[0].currency,
        lines=lines,
        account_number=ordered[0].account_number,
        number=ordered[-1].number,
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        opening=ordered[0].opening,
        closing=ordered[-1].closing,
        left_out=sum(each.left_out for each in ordered),
    )
    _prove(whole)
    return whole


def is_same_account(in_the_file: str | None, ours: str | None) -> bool:
    """Whether a statement may be of an account: a bank writes the number with or without blanks, bank
    code and leading noughts. Where either side knows no number there is nothing to compare."""
    if in_the_file is None or ours is None:
        return True
    one, other = (
        "".join(char for char in each.upper() if char.isalnum()).lstrip("0") for each in (in_the_file, ours)
    )
    shorter = min(len(one), len(other))
    return one == other or (shorter >= 6 and (one.endswith(other) or other.endswith(one)))


def _prove(statement: Statement) -> None:
    """Opening and lines must come to the closing balance, to the cent."""
    if statement.opening is None or statement.closing is None:
        return
    told = statement.opening + statement.moved
    if told != statement.closing:
        off = _money(statement.closing - told, statement)
        raise StatementRefused(
            f"The lines do not add up: from {_money(statement.opening, statement)} they come to"
            f" {_money(told, statement)}, but the statement closes with"
            f" {_money(statement.closing, statement)}, a difference of {off}."
            " Lines are missing or changed: export the file again and do not open it in a spreadsheet first."
        )


def _money(amount: int | None, statement: Statement) -> str:
    return str(Money(amount or 0, statement.currency))
