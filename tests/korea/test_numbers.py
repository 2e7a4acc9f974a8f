"""Registration numbers: what can be one, what a screen shows, and what opens a sealed one."""

from collections.abc import Callable

import pytest

from payments.korea import numbers, sealing
from payments.korea.numbers import LooksMistyped, NumberUnfit
from payments.settings import Settings

RESIDENT, FOREIGN, BUSINESS = "900101-1234568", "900101-5123452", "120-81-47521"
KEY, OTHER = "A" * 43 + "=", "B" * 42 + "A="


@pytest.mark.parametrize("typed", [RESIDENT, FOREIGN, BUSINESS, " 9001011234568\n"])
def test_a_number_is_read_with_or_without_its_dashes(typed: str):
    assert numbers.read(typed).isdigit()


@pytest.mark.parametrize("typed", ["", "900101-123456", "901301-1234568", "가00101-1234568", "9" * 40])
def test_what_is_no_number_is_refused_without_repeating_it(typed: str):
    with pytest.raises(NumberUnfit) as refused:
        numbers.read(typed)

    assert not typed or typed not in str(refused.value)


@pytest.mark.parametrize("typed", ["900101-1234567", "900101-5123450"])
def test_a_last_digit_that_does_not_fit_needs_a_second_look(typed: str):
    with pytest.raises(LooksMistyped, match="October 2020"):
        numbers.read(typed)

    assert numbers.read(typed, looked_twice=True)


def test_a_second_look_does_not_help_a_business():
    with pytest.raises(LooksMistyped) as refused:
        numbers.read("120-81-47520", looked_twice=True)

    assert "--looked-twice" not in str(refused.value)


@pytest.mark.parametrize(("typed", "shown"), [(RESIDENT, "900101-1******"), (BUSINESS, "120-**-*****")])
def test_a_screen_shows_no_last_digits(typed: str, shown: str):
    assert numbers.masked(numbers.read(typed)) == shown


def test_a_sealed_number_opens_for_its_donor_alone_and_with_its_key_alone(with_settings: Callable[..., None]):
    with_settings(rrn_key=KEY)
    sealed = sealing.seal("9001011234568", donor_id="dnr_1")

    assert b"9001011234568" not in sealed
    assert sealing.open_sealed(sealed, donor_id="dnr_1") == "9001011234568"
    with pytest.raises(sealing.KeyGone):
        sealing.open_sealed(sealed, donor_id="dnr_2")
    with_settings(rrn_key=OTHER)
    with pytest.raises(sealing.KeyGone):
        sealing.open_sealed(sealed, donor_id="dnr_1")
    with_settings(rrn_key=f"{OTHER},{KEY}")
    assert sealing.open_sealed(sealed, donor_id="dnr_1") == "9001011234568"


def test_without_a_key_nothing_is_sealed(with_settings: Callable[..., None]):
    with_settings(rrn_key="")

    with pytest.raises(sealing.SealingOff, match="openssl rand -base64 32"):
        sealing.seal("9001011234568", donor_id="dnr_1")


def test_a_key_that_is_none_stops_the_start():
    with pytest.raises(ValueError, match="32 random bytes in base64"):
        Settings(rrn_key="short")
