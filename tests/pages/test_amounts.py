import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.donations.wishes import AmountNotWhole
from payments.money import Money
from payments.pages.amounts import AmountMissing, AmountNotANumber, read_amount, write_amount

EXAMPLE = Money(2500, "usd")


@pytest.mark.parametrize(
    ("written", "currency", "minor"),
    [
        ("75", "usd", 7500),
        ("75.5", "usd", 7550),
        (" $1,234.56 ", "usd", 123456),
        ("US$ 20", "usd", 2000),
        ("20.00 USD", "usd", 2000),
        ("1,000,000", "krw", 1_000_000),
        ("₩30,000", "krw", 30_000),
        ("30000원", "krw", 30_000),
        ("5만 원", "krw", 50_000),
        ("3만5천원", "krw", 35_000),
        ("３００００", "krw", 30_000),
        ("￦30,000", "krw", 30_000),
        ("1000.00", "krw", 1000),
        ("0", "usd", 0),
    ],
)
def test_an_amount_is_read_as_people_write_it(written: str, currency: str, minor: int) -> None:
    assert read_amount(written, currency, example=EXAMPLE) == minor


@pytest.mark.parametrize(
    "written", ["1,00", "1.000,00", "1e3", "-5", "0x10", "fifty", "5 5.5.5", "٣", "1,0000", "∞", "nan"]
)
def test_what_could_mean_two_things_is_asked_again(written: str) -> None:
    with pytest.raises(AmountNotANumber):
        read_amount(written, "usd", example=EXAMPLE)


@pytest.mark.parametrize(("written", "currency"), [("1000.5", "krw"), ("25.505", "usd")])
def test_a_fraction_of_the_smallest_coin_is_refused_and_never_rounded(written: str, currency: str) -> None:
    with pytest.raises(AmountNotWhole):
        read_amount(written, currency, example=EXAMPLE)


@pytest.mark.parametrize("written", ["", "  ", "$", "₩ "])
def test_a_currency_sign_alone_is_no_amount(written: str) -> None:
    with pytest.raises(AmountMissing):
        read_amount(written, "krw" if "₩" in written else "usd", example=EXAMPLE)


@given(minor=st.integers(0, 99_999_999), currency=st.sampled_from(["usd", "krw", "kwd"]))
def test_what_the_form_writes_it_reads_back_to_the_cent(minor: int, currency: str) -> None:
    assert read_amount(write_amount(minor, currency), currency, example=EXAMPLE) == minor
