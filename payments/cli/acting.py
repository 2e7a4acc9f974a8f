"""Who acts, and how much: what the deeds at the terminal share in their options.

Whoever has the machine says who they are with `--as`; the audit log keeps it. Amounts are typed in
major units, as they stand on paper, and never pass through a fraction.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from payments.errors import AlmonerError
from payments.money import Money, exponent, smallest_step
from payments.staff import people
from payments.staff.models import StaffMember

As = Annotated[str, typer.Option("--as", metavar="EMAIL", help="Who does this; it stands in the audit log.")]
OfEntity = Annotated[str | None, typer.Option("--entity", help="Whose book; who receives online otherwise.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")]


class AmountUnreadable(AlmonerError):
    """Not an amount of this currency."""

    def __init__(self, currency: str) -> None:
        digits = exponent(currency)
        example = Decimal(1250).scaleb(-digits) if digits else Decimal(12500)
        super().__init__(
            f"Write the amount in {currency.upper()} like {example}: digits"
            f"{f' with at most {digits} after the point' if digits else ' and no decimals'}, more than zero"
            f"{_multiple(currency)}."
        )


class AmountsUnreadable(AlmonerError):
    """Not a currency and an amount, or a currency twice."""

    def __init__(self, typed: str) -> None:
        super().__init__(f"Write “{typed}” like usd=5000: each currency once, and an amount.")


class CurrencyUnreadable(AlmonerError):
    """Not a currency's three letters."""

    def __init__(self) -> None:
        super().__init__("Write the currency as its three letters, such as usd or krw.")


def acting(session: Session, email: str) -> StaffMember:
    """The person behind `--as`; a deactivated one does nothing."""
    person = people.find(session, email)
    people.require(person, *people.MAY_READ)
    return person


def amount_of(typed: str, currency: str) -> Money:
    """`100.00` and `usd` as money, or a sentence that says how to write it."""
    currency = currency.strip().lower()
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise CurrencyUnreadable
    try:
        # A comma is refused, not dropped: 12,50 would become 1250.
        major = Decimal(typed.strip())
    except InvalidOperation:
        raise AmountUnreadable(currency) from None
    if not major.is_finite() or not 0 < major < Decimal(10) ** 12:
        raise AmountUnreadable(currency)
    minor = major.scaleb(exponent(currency))
    if minor != minor.to_integral_value() or int(minor) % smallest_step(currency):
        raise AmountUnreadable(currency)
    return Money(int(minor), currency)


def amounts_of(typed: Sequence[str] | None) -> tuple[Money, ...]:
    """`usd=5000` and others as money, by currency."""
    found: dict[str, Money] = {}
    for each in typed or ():
        currency, equals, amount = each.partition("=")
        currency = currency.strip().lower()
        if not equals or currency in found:
            raise AmountsUnreadable(each)
        found[currency] = amount_of(amount, currency)
    return tuple(found[currency] for currency in sorted(found))


def _multiple(currency: str) -> str:
    step = smallest_step(currency)
    return f", a multiple of {Money(step, currency)}" if step > 1 else ""
