"""Somebody proves who they are, and then one deed is done.

Three steps, and no transaction is open in the long one: the try is counted, the password is looked at, and in
one transaction the code is taken and the deed done.
"""

from collections.abc import Callable
from typing import TypeVar

from fastapi import Request, Response
from sqlalchemy.orm import Session

from payments import doorkeeper
from payments.database import transaction
from payments.dependencies import keep_known, known_browser_of
from payments.shield import limits
from payments.staff import credentials, passwords, tries
from payments.staff.credentials import SignInRefused
from payments.staff.models import StaffMember
from payments.staff.passwords import HashingBusy
from payments.staff.tries import TooManyTries

T = TypeVar("T")
NotProven = (SignInRefused, TooManyTries, HashingBusy)
"""Why a deed is not done."""
Deed = Callable[[Session, StaffMember, str, int], T]
"""What is done once it is proven: with the session, who it is, by which way, and how many tries were refused
before."""


def proven(request: Request, *, email: str, password: str, code: str, deed: Deed[T]) -> T:
    """The deed, done. Raises what is in `NotProven`, or the doorkeeper's `TooManyTries`."""
    browser = known_browser_of(request)
    is_stranger = not tries.knows(browser, email)
    if is_stranger:
        doorkeeper.must_not_be_guessing(request, limits.SIGN_INS_REFUSED)
    with transaction() as session:
        attempt = tries.count(session, email, browser=browser)
        claim = credentials.claimed(session, email)
    is_right = passwords.matches(claim.password_hash, password)
    try:
        with transaction() as session:
            person, way = credentials.prove(session, claim, is_password_right=is_right, code=code)
            tries.forget(session, attempt)
            return deed(session, person, way, attempt.earlier)
    except SignInRefused:
        if is_stranger:
            doorkeeper.miss(request, limits.SIGN_INS_REFUSED)
        raise


def remember_browser(answer: Response, person: StaffMember) -> None:
    """The next time it is not a stranger's."""
    keep_known(answer, tries.remembered(person.email))
