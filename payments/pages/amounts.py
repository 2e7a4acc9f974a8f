"""Reading an amount the way people write it, exactly, without ever guessing.

`1,000`, `$50`, `25.50`, `₩30,000`, `30000원`, `5만 원` and full-width digits are read; `1,00`, `1e3` or
`25.505` are not turned into something near, they are asked again.
"""

import re
import unicodedata

from payments.donations.wishes import AmountNotWhole, WishRefused
from payments.money import Money, exponent, smallest_step
from payments.translations import N_


class AmountMissing(WishRefused):
    """Nothing was chosen and nothing written."""

    field = "amount"
    sentence = N_("Please choose an amount, or write your own.")


class AmountNotANumber(WishRefused):
    """Something was written that cannot be read as an amount in one way only."""

    field = "amount"
    sentence = N_("Please write the amount in figures, for example {example}.")


_SIGNS = {"usd": ("us$", "usd", "$"), "krw": ("krw", "₩", "원")}
_GROUPED = r"(?:\d{1,3}(?:,\d{3})+|\d+)"
_FIGURES = re.compile(rf"({_GROUPED})(?:\.(\d*))?", re.ASCII)
_KOREAN_COUNT = re.compile(r"(?:(\d{1,6})만)?(?:(\d)천)?", re.ASCII)
_LONGEST = 40


def read_amount(written: str, currency: str, *, example: Money) -> int:
    """The minor units meant by `written`; `example` is shown to somebody whose text cannot be read."""
    text = unicodedata.normalize("NFKC", written)[:_LONGEST].lower()
    for sign in _SIGNS.get(currency, (currency,)):
        text = text.replace(unicodedata.normalize("NFKC", sign), "")
    text = "".join(text.split())
    if not text:
        raise AmountMissing
    if currency == "krw" and (counted := _KOREAN_COUNT.fullmatch(text)):
        return int(counted[1] or 0) * 10_000 + int(counted[2] or 0) * 1_000
    figures = _FIGURES.fullmatch(text)
    if not figures:
        raise AmountNotANumber(example=example)

    digits = exponent(currency)
    fraction = (figures[2] or "").rstrip("0")
    if len(fraction) > digits:
        raise AmountNotWhole(currency=currency.upper(), step=Money(smallest_step(currency), currency))
    return int(figures[1].replace(",", "") + fraction.ljust(digits, "0"))


def write_amount(minor: int, currency: str) -> str:
    """An amount as one would type it into the field: 75, 75.50, 30000."""
    major = f"{Money(minor, currency).major:f}"
    return major.removesuffix("." + "0" * exponent(currency)) if "." in major else major
