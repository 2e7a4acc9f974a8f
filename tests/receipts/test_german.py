"""Amounts in German words, as the official form wants them."""

import pytest

from payments.money import Money
from payments.receipts.german import in_words, money_in_words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "null"),
        (1, "eins"),
        (11, "elf"),
        (16, "sechzehn"),
        (17, "siebzehn"),
        (21, "einundzwanzig"),
        (30, "dreißig"),
        (100, "einhundert"),
        (101, "einhunderteins"),
        (322, "dreihundertzweiundzwanzig"),
        (1_000, "eintausend"),
        (1_322, "eintausenddreihundertzweiundzwanzig"),
        (21_000, "einundzwanzigtausend"),
        (101_000, "einhunderteintausend"),
        (1_000_000, "eine Million"),
        (2_000_001, "zwei Millionen eins"),
    ],
)
def test_a_number_is_spelt_out(number: int, words: str):
    assert in_words(number) == words


@pytest.mark.parametrize(
    ("minor", "words"),
    [
        (100, "ein Euro"),
        (2_500, "fünfundzwanzig Euro"),
        (25_750, "zweihundertsiebenundfünfzig Euro und fünfzig Cent"),
        (10_101, "einhunderteins Euro und ein Cent"),
    ],
)
def test_an_amount_names_euros_and_cents(minor: int, words: str):
    assert money_in_words(Money(minor, "eur")) == words
