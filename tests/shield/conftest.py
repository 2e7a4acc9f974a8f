"""The shield with numbers small enough to be reached, and who knocks at it."""

from collections.abc import Callable
from ipaddress import ip_address

import pytest

from payments.donations.models import Organisation
from payments.shield import admission
from payments.shield.addresses import Origin
from payments.shield.puzzle import NOTHING, Proof, check, make, solve


@pytest.fixture
def usual_numbers(organisation: Organisation, broker: object, with_settings: Callable[..., None]) -> None:
    """The house as a charity sets it up, with its counters at the broker."""
    with_settings(checkouts_per_hour="2000")


def at(address: str) -> Origin:
    return Origin(ip_address(address))


def proven() -> Proof:
    puzzle = make(1)
    return check(puzzle, solve(puzzle))


def is_let_in(
    number: object, *, address: str = "203.0.113.9", email: str = "", proof: Proof = NOTHING
) -> bool:
    """Whether another new checkout is: with a key and, if none is given, an e-mail address of its own."""
    email = email or f"donor-{number}@example.com"
    try:
        admission.admit(key=f"key-{number}", email=email, origin=at(address), proof=proof)
    except admission.TooManyTries:
        return False
    return True
