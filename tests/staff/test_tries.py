"""How often one may try, and that nobody can keep a person out."""

import pytest
from sqlalchemy import func, select, text

from payments.database import transaction
from payments.staff import tries
from payments.staff.models import SignInTries
from payments.staff.tries import TooManyTries, Try

FINN = "finn@lp.example"


def tried(email: str = FINN, browser: str = "") -> Try | None:
    """One refused try; None when it is not looked at."""
    try:
        with transaction() as session:
            return tries.count(session, email, browser=browser)
    except TooManyTries:
        return None


def later(interval: str) -> None:
    with transaction() as session:
        session.execute(
            text(
                "update staff_sign_in_tries set next_at = next_at - :by, last_at = last_at - :by"
            ).bindparams(by=session.scalar(text(f"select interval '{interval}'")))
        )


def test_a_few_tries_are_free_and_then_they_wait(database: str) -> None:
    looked_at = [tried() for _ in range(8)]

    assert [attempt.earlier for attempt in looked_at if attempt] == [0, 1, 2, 3, 4]
    assert looked_at[5:] == [None] * 3


def test_waiting_grows_with_every_refusal_up_to_a_quarter_of_an_hour(database: str) -> None:
    for _ in range(5):
        tried()
    waits = []
    for _ in range(13):
        with transaction() as session:
            waits.append(
                session.scalar(
                    select(func.max(func.extract("epoch", SignInTries.next_at - SignInTries.last_at)))
                )
            )
        later("15 minutes")
        tried()

    assert [int(wait) for wait in waits] == [4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900]


def test_an_unknown_address_waits_as_a_known_one(database: str) -> None:
    assert [bool(tried("nobody@lp.example")) for _ in range(6)] == [True] * 5 + [False]


def test_one_person_is_counted_however_the_address_is_written(database: str) -> None:
    for _ in range(5):
        tried(" FINN@lp.example ")

    assert tried() is None
    assert tried("vera@lp.example") is not None


def test_success_forgets_and_so_does_a_day(database: str) -> None:
    for _ in range(4):
        tried()
    with transaction() as session:
        tries.forget(session, tries.count(session, FINN, browser=""))
    again = tried()

    assert again is not None
    assert again.earlier == 0
    for _ in range(3):
        tried()
    later("25 hours")
    after_a_day = tried()
    assert after_a_day is not None
    assert after_a_day.earlier == 0


def test_strangers_cannot_lock_out_a_browser_that_is_known(database: str) -> None:
    known = tries.remembered(FINN)
    for _ in range(20):
        tried()

    assert tried() is None
    assert tried(browser=known) is not None


def test_whatever_a_browser_says_of_itself_it_is_counted_as_a_stranger(database: str) -> None:
    assert [bool(tried(browser=f"nonce{n}.signature")) for n in range(6)] == [True] * 5 + [False]


def test_a_known_browser_waits_too_when_it_is_refused_itself(database: str) -> None:
    known = tries.remembered(FINN)

    assert [bool(tried(browser=known)) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize("browser", ["", ".", "x.y", "nonce." + "0" * 64])
def test_a_browser_is_not_known_by_its_own_word(database: str, browser: str) -> None:
    assert not tries.knows(browser, FINN)
    assert not tries.knows(tries.remembered("vera@lp.example"), FINN)


def test_one_password_with_every_address_is_held_up_by_the_whole_house(database: str) -> None:
    known = tries.remembered(FINN)
    looked_at = [tried(f"person{number}@lp.example") for number in range(tries.STRANGERS_A_MINUTE + 5)]

    assert sum(attempt is not None for attempt in looked_at) == tries.STRANGERS_A_MINUTE
    assert tried(browser=known) is not None
    later("1 minute")
    assert tried("person1@elsewhere.example") is not None


def test_what_is_kept_does_not_tell_who_was_tried(database: str) -> None:
    tried()

    with transaction() as session:
        kept = session.scalars(select(SignInTries.whose)).all()
    assert len(kept) == 2
    assert not any("finn" in whose for whose in kept)
