"""Korean registration numbers: read, checked and masked. Pure; no message of ours ever repeats one.

A resident's and a foreigner's number has thirteen digits, a business's ten. Numbers given out since
October 2020 have a random part, so a last digit that does not fit proves nothing against them; it is still
the best sign of a mistype, and needs a person who looked twice.
"""

import re
from datetime import date

from payments.errors import AlmonerError

_PERSON = re.compile(r"\d{13}")
_BUSINESS = re.compile(r"\d{10}")
_PERSON_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_BUSINESS_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)
_CENTURIES = {
    **dict.fromkeys("90", 1800),
    **dict.fromkeys("1256", 1900),
    **dict.fromkeys("3478", 2000),
}
_FOREIGN = "5678"


class NumberUnfit(AlmonerError):
    """Not a registration number that can be kept."""


class LooksMistyped(NumberUnfit):
    """Its last digit does not fit."""

    def __init__(self, *, is_person: bool) -> None:
        super().__init__(
            "The last digit does not fit the others: look at the paper again."
            + (_NEW_NUMBERS if is_person else " A business's number always fits.")
        )


_NEW_NUMBERS = (
    " If it was given out since October 2020 it may be right all the same; say so with --looked-twice."
)


def read(typed: str, *, looked_twice: bool = False) -> str:
    """The digits of what was typed, checked; `NumberUnfit` without a word of it."""
    digits = re.sub(r"[\s-]", "", typed)
    if not digits.isascii():
        raise NumberUnfit("Type the number in digits 0 to 9.")
    if _BUSINESS.fullmatch(digits):
        fits = _business_digit(digits) == int(digits[-1])
    elif _PERSON.fullmatch(digits):
        _check_birthday(digits)
        fits = _person_digit(digits) == int(digits[-1])
    else:
        raise NumberUnfit("A resident's or foreigner's registration number has 13 digits, a business's 10.")
    if not fits and not (looked_twice and len(digits) == 13):
        raise LooksMistyped(is_person=len(digits) == 13)
    return digits


def masked(digits: str) -> str:
    """What a screen may show of it."""
    return f"{digits[:6]}-{digits[6]}******" if len(digits) == 13 else f"{digits[:3]}-**-*****"


def written(digits: str) -> str:
    """As a form has it."""
    return f"{digits[:6]}-{digits[6:]}" if len(digits) == 13 else f"{digits[:3]}-{digits[3:5]}-{digits[5:]}"


def _check_birthday(digits: str) -> None:
    try:
        date(_CENTURIES[digits[6]] + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        raise NumberUnfit("Its first six digits are no birthday.") from None


def _person_digit(digits: str) -> int:
    total = sum(int(digit) * weight for digit, weight in zip(digits, _PERSON_WEIGHTS, strict=False))
    return ((13 if digits[6] in _FOREIGN else 11) - total % 11) % 10


def _business_digit(digits: str) -> int:
    total = sum(int(digit) * weight for digit, weight in zip(digits, _BUSINESS_WEIGHTS, strict=False))
    return (10 - (total + int(digits[8]) * 5 // 10) % 10) % 10
