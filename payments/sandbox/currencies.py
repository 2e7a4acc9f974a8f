"""Currencies as this sandbox knows them: decimals, smallest charge, and a fixed rate against the dollar.

The rates are plausible and never change, so that a test can name the amount it expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from payments.sandbox.errors import Refusal

LARGEST_CHARGE = 99_999_999


@dataclass(frozen=True)
class Currency:
    code: str
    decimals: int
    dollars: Decimal
    """What one major unit is worth in US dollars here."""
    smallest: int | None
    """Stripe's smallest charge in minor units; None where it is what converts to 50 US cents."""


CURRENCIES = {
    code: Currency(code, decimals, Decimal(dollars), smallest)
    for code, decimals, dollars, smallest in (
        ("usd", 2, "1", 50),
        ("aed", 2, "0.2723", 200),
        ("aud", 2, "0.6600", 50),
        ("bgn", 2, "0.5900", 100),
        ("bhd", 3, "2.6500", None),
        ("brl", 2, "0.1800", 50),
        ("cad", 2, "0.7200", 50),
        ("chf", 2, "1.2400", 50),
        ("clp", 0, "0.001050", None),
        ("czk", 2, "0.0470", 1500),
        ("dkk", 2, "0.1550", 250),
        ("eur", 2, "1.1600", 50),
        ("gbp", 2, "1.3300", 30),
        ("hkd", 2, "0.1280", 400),
        ("huf", 2, "0.0030", 17500),
        ("idr", 2, "0.0000610", None),
        ("ils", 2, "0.3000", None),
        ("inr", 2, "0.0113", 50),
        ("jod", 3, "1.4100", None),
        ("jpy", 0, "0.006500", 50),
        ("krw", 0, "0.000690", None),
        ("kwd", 3, "3.2600", None),
        ("mxn", 2, "0.0540", 1000),
        ("myr", 2, "0.2400", 200),
        ("nok", 2, "0.0990", 300),
        ("nzd", 2, "0.5700", 50),
        ("omr", 3, "2.6000", None),
        ("php", 2, "0.0170", None),
        ("pln", 2, "0.2700", 200),
        ("ron", 2, "0.2300", 200),
        ("sek", 2, "0.1050", 300),
        ("sgd", 2, "0.7700", 50),
        ("thb", 2, "0.0310", 1000),
        ("tnd", 3, "0.3400", None),
        ("try", 2, "0.0240", None),
        ("twd", 2, "0.0320", None),
        ("vnd", 0, "0.0000380", None),
        ("zar", 2, "0.0570", None),
    )
}


def exchange_rate(source: str, target: str) -> Decimal:
    """What one minor unit of `source` is worth in minor units of `target`."""
    one, other = CURRENCIES[source], CURRENCIES[target]
    rate = one.dollars / other.dollars * Decimal(10) ** (other.decimals - one.decimals)
    return rate.quantize(Decimal("0.00000001"), rounding=ROUND_HALF_UP)


def convert(amount: int, source: str, target: str) -> int:
    if source == target:
        return amount
    return round_half_up(amount * exchange_rate(source, target))


def round_half_up(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "krw": "₩", "jpy": "¥"}


def spoken(amount: int, code: str) -> str:
    """`2500 usd` as `$25.00`, `2500 chf` as `25.00 CHF`, for pages and messages."""
    decimals = CURRENCIES[code].decimals
    sign = "-" if amount < 0 else ""
    number = f"{Decimal(abs(amount)).scaleb(-decimals):,.{decimals}f}"
    return f"{sign}{_SYMBOLS[code]}{number}" if code in _SYMBOLS else f"{sign}{number} {code.upper()}"


def check_total(amount: int, code: str) -> None:
    """Refuse a total that Stripe would: too small, more than eight digits, or a broken third decimal."""
    currency = CURRENCIES[code]
    if amount > LARGEST_CHARGE:
        raise Refusal(
            "The Checkout Session's total amount due must be no more than "
            + spoken(LARGEST_CHARGE, code)
            + ".",
            code="amount_too_large",
        )
    if currency.smallest is not None and amount < currency.smallest:
        least = spoken(currency.smallest, code)
        raise Refusal(
            f"The Checkout Session's total amount due must add up to at least {least}",
            code="amount_too_small",
        )
    if currency.smallest is None and convert(amount, code, "usd") < 50:
        raise Refusal(
            f"The Checkout Session's total amount must convert to at least 50 cents. {spoken(amount, code)} "
            f"converts to approximately {spoken(convert(amount, code, 'usd'), 'usd')}.",
            code="amount_too_small",
        )
    if currency.decimals == 3 and amount % 10:
        raise Refusal(
            f"Invalid amount: {code.upper()} amounts must be a multiple of 10 in the smallest unit.",
            code="parameter_invalid_integer",
        )
