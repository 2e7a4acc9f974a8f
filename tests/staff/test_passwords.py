"""Which passwords are taken, and that nobody is held up by those who send many."""

import threading
import unicodedata

import pytest

from payments.staff import passwords
from payments.staff.models import StaffMember
from payments.staff.passwords import (
    HashingBusy,
    PasswordNamesPerson,
    PasswordRefused,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)

FINN = StaffMember(id="stf_1", name="Finn Seong-min", email="finance.finn@lp.example", roles=["finance"])


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("", PasswordTooShort),
        ("Xk3!pQ9z$Lm", PasswordTooShort),
        ("x1" * 101, PasswordTooLong),
        ("Seong and the sea", PasswordNamesPerson),
        ("finns-boat-at-finance", PasswordNamesPerson),
        ("password1234", PasswordTooCommon),
        ("P@ssw0rd2026!!", PasswordTooCommon),
        ("Welcome2026!", PasswordTooCommon),
        ("passwordpassword", PasswordTooCommon),
        ("qwertyuiop12", PasswordTooCommon),
        ("1q2w3e4r5t6y", PasswordTooCommon),
        ("123456789012", PasswordTooCommon),
        ("abcdefghijkl", PasswordTooCommon),
        ("aaaaaaaaaaaa", PasswordTooCommon),
        ("abcabcabcabcabc", PasswordTooCommon),
        ("비밀번호123456789", PasswordTooCommon),
    ],
)
def test_what_is_guessed_first_is_not_taken(password: str, refusal: type[PasswordRefused]) -> None:
    with pytest.raises(refusal):
        passwords.check(password, FINN)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "summer rain on august roofs",
        "Xk3!pQ9z$Lmw",
        "바다 위로 부는 바람 소리",
        "48201 93316 70254",
        "freedom secret winter donation",
    ],
)
def test_a_few_words_in_a_row_are_taken(password: str) -> None:
    passwords.check(password, FINN)


def test_a_password_matches_itself_however_a_keyboard_puts_its_letters_together() -> None:
    written = "바다 위로 부는 바람 소리"
    kept = passwords.made(unicodedata.normalize("NFD", written))

    assert written not in kept
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.matches(kept, unicodedata.normalize("NFC", written))
    assert not passwords.matches(kept, written + ".")
    assert not passwords.matches(kept, "x" * 100_000)


def test_nobodys_password_is_looked_at_as_long_and_is_wrong() -> None:
    assert not passwords.matches(None, "a password of nobody's")


def test_only_a_few_may_wait_and_the_rest_are_told_to_come_again() -> None:
    told: list[str] = []

    def try_one() -> None:
        try:
            passwords.matches(None, "whatever it may be")
            told.append("looked at")
        except HashingBusy:
            told.append("busy")

    for _ in range(2):
        passwords._turns.acquire()
    try:
        many = [threading.Thread(target=try_one) for _ in range(20)]
        for one in many:
            one.start()
        while told.count("busy") < 14:
            assert len(told) <= 14
    finally:
        for _ in range(2):
            passwords._turns.release()
    for one in many:
        one.join(20)

    assert (told.count("looked at"), told.count("busy")) == (6, 14)
