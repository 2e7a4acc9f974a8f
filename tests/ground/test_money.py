"""Money's laws: exact, of one currency, and written with the digits Stripe counts in."""

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from babel.numbers import get_currency_precision
from hypothesis import assume, given
from hypothesis import strategies as st

from payments.money import (
    THREE_DECIMAL,
    ZERO_DECIMAL,
    CurrencyMismatch,
    Money,
    exponent,
    smallest_step,
    split,
)

# Presentment currencies of docs.stripe.com/currencies.
_TABLE = """
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bhd bif bmd bnd bob brl bsd bwp byn bzd cad
    cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd
    hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl
    mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg
    qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd top try ttd twd tzs uah
    ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
"""
STRIPE_CURRENCIES = _TABLE.split()
CLDR_DISAGREES = ["afn", "all", "isk", "lak", "lbp", "mmk", "rsd", "sos", "std", "ugx", "yer"]

amounts = st.integers(min_value=-(10**15), max_value=10**15)
currencies = st.sampled_from(STRIPE_CURRENCIES)


@given(amounts, amounts, amounts, currencies)
def test_sums_do_not_depend_on_the_order_of_adding(a: int, b: int, c: int, currency: str) -> None:
    one, two, three = Money(a, currency), Money(b, currency), Money(c, currency)

    assert (one + two) + three == one + (two + three)
    assert one + two == two + one
    assert (one + two) - two == one
    assert one - two == -(two - one)
    assert one + (-one) == Money(0, currency)


@given(amounts, amounts, currencies, currencies)
def test_two_currencies_never_meet_in_one_amount(a: int, b: int, one: str, other: str) -> None:
    assume(one != other)

    with pytest.raises(CurrencyMismatch):
        Money(a, one) + Money(b, other)
    with pytest.raises(CurrencyMismatch):
        Money(a, one) - Money(b, other)
    with pytest.raises(CurrencyMismatch):
        _ = Money(a, one) < Money(b, other)
    assert Money(a, one) != Money(a, other)


@pytest.mark.parametrize("amount", [25.0, Decimal(25), "25", True, None])
def test_only_whole_numbers_are_amounts(amount: object) -> None:
    with pytest.raises(TypeError):
        Money(amount, "usd")  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["USD", "us", "dollars", "", "ус1", "usd "])
def test_only_currencies_as_stripe_writes_them_are_taken(currency: str) -> None:
    with pytest.raises(ValueError, match="three small letters"):
        Money(1, currency)


@given(amounts, st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=12))
def test_shares_sum_to_the_total_and_each_is_within_one_of_its_due(total: int, weights: list[int]) -> None:
    assume(sum(weights) > 0)

    shares = split(total, weights)

    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(total * weight, sum(weights))) < 1
        assert weight or share == 0


@given(st.lists(st.integers(min_value=0, max_value=10**12), min_size=1, max_size=12))
def test_a_total_that_is_the_sum_of_its_parts_comes_back_as_those_parts(parts: list[int]) -> None:
    assume(sum(parts) > 0)

    assert split(sum(parts), parts) == parts


@given(amounts, st.lists(st.integers(min_value=0, max_value=1000), min_size=1, max_size=8))
def test_what_is_taken_back_is_shared_like_what_was_given(total: int, weights: list[int]) -> None:
    assume(sum(weights) > 0)

    assert split(-total, weights) == [-share for share in split(total, weights)]


def test_an_odd_cent_goes_to_the_earlier_share() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(5, [1, 1]) == [3, 2]


@pytest.mark.parametrize("weights", [[], [0, 0], [3, -1], [-1, -1]])
def test_shares_without_positive_weights_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(100, weights)


@pytest.mark.parametrize("currency", STRIPE_CURRENCIES)
def test_an_amount_is_written_with_the_digits_stripe_counts_in(currency: str) -> None:
    money = Money(123_456_780, currency)

    written = money.format("en")

    decimals = {0: "123,456,780", 2: "1,234,567.80", 3: "123,456.780"}[exponent(currency)]
    assert re.sub(r"[^\d.,]", "", written).lstrip(".") == decimals
    assert money.major * 10 ** exponent(currency) == money.minor


def test_eleven_currencies_are_counted_by_stripe_otherwise_than_by_cldr() -> None:
    odd = [code for code in STRIPE_CURRENCIES if exponent(code) != get_currency_precision(code.upper())]

    assert sorted(odd) == CLDR_DISAGREES
    assert all(exponent(code) == 2 for code in odd)


def test_the_table_of_decimals_names_only_currencies_stripe_takes() -> None:
    assert set(STRIPE_CURRENCIES) >= ZERO_DECIMAL | THREE_DECIMAL
    assert not ZERO_DECIMAL & THREE_DECIMAL


@pytest.mark.parametrize(
    ("money", "locale", "written"),
    [
        (Money(2500, "usd"), "en", "$25.00"),
        (Money(2500, "usd"), "ko", "US$25.00"),
        (Money(25000, "krw"), "en", "₩25,000"),
        (Money(25000, "krw"), "ko", "₩25,000"),
        (Money(500, "jpy"), "en", "¥500"),
        (Money(250000, "isk"), "en", "ISK2,500.00"),
        (Money(25500, "kwd"), "en", "KWD25.500"),
        (Money(-2500, "usd"), "en", "-$25.00"),
        (Money(123456789, "usd"), "en", "$1,234,567.89"),
    ],
)
def test_an_amount_reads_as_its_reader_writes_it(money: Money, locale: str, written: str) -> None:
    assert money.format(locale).replace("\xa0", "") == written


@pytest.mark.parametrize(
    ("currency", "step"), [("usd", 1), ("krw", 1), ("isk", 100), ("ugx", 100), ("kwd", 10), ("tnd", 10)]
)
def test_the_smallest_step_is_what_stripe_can_charge(currency: str, step: int) -> None:
    assert smallest_step(currency) == step


def test_nothing_is_nothing() -> None:
    assert not Money(0, "usd")
    assert Money(-1, "usd")
    assert Money(1, "usd") < Money(2, "usd") <= Money(2, "usd")
    assert str(Money(123456, "usd")) == "USD 1,234.56"
