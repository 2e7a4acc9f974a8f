"""Money: whole minor units with the currency beside them, and no way to mix two currencies.

Stripe, not ISO 4217, says how many decimals a currency has: eleven of them differ between
Stripe and CLDR (docs.stripe.com/currencies), so the digits come from the table below and Babel
only formats.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])

# Charged in hundredths although no coin smaller than the whole exists: the last two digits are 0.
_WHOLE_UNITS_IN_HUNDREDTHS = frozenset({"isk", "ugx"})

LARGEST_MINOR = 99_999_999
"""Stripe takes at most eight digits."""


class CurrencyMismatch(TypeError):
    """Two currencies met in one sum: a bug, never a rounding question."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"cannot mix {one} and {other} in one amount")


def exponent(currency: str) -> int:
    """How many decimals Stripe counts in: 0 for KRW and JPY, 3 for KWD, otherwise 2."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def smallest_step(currency: str) -> int:
    """The minor units every amount must be a multiple of: 10 where the third decimal must be 0."""
    if currency in THREE_DECIMAL:
        return 10
    return 100 if currency in _WHOLE_UNITS_IN_HUNDREDTHS else 1


@dataclass(frozen=True, order=False, slots=True)
class Money:
    """An amount in minor units: `Money(2500, "usd")` is $25.00 and `Money(25000, "krw")` is ₩25,000."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are whole numbers, not {self.minor!r}")
        if len(self.currency) != 3 or not self.currency.isascii() or not self.currency.islower():
            raise ValueError(f"currencies are three small letters as at Stripe, not {self.currency!r}")

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def _same(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.minor

    @property
    def major(self) -> Decimal:
        """The amount in major units, exactly: 25.00 for `Money(2500, "usd")`."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def format(self, locale: str) -> str:
        """As a reader of that locale writes it: $25.00, US$25.00, ₩25,000."""
        digits = exponent(self.currency)
        usual = Locale.parse(locale).currency_formats["standard"].pattern
        pattern = usual.replace("0.00", "0." + "0" * digits if digits else "0")
        return format_currency(
            self.major, self.currency.upper(), pattern, locale=locale, currency_digits=False
        )

    def __str__(self) -> str:
        return f"{self.currency.upper()} {self.major:,}"


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Share `total` in proportion to `weights` by largest remainder, ties to the earlier share.

    The shares always sum to the total, so a gift split over funds leaves no stray cent. `total`
    and the weights are minor units; the weights must not all be zero or negative.
    """
    whole = sum(weights)
    if whole <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("shares need positive weights")
    sign = -1 if total < 0 else 1
    shares = [abs(total) * weight // whole for weight in weights]
    remainders = [abs(total) * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -remainders[i])
    for i in by_remainder[: abs(total) - sum(shares)]:
        shares[i] += 1
    return [sign * share for share in shares]
