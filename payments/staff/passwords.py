"""Passwords: which are taken, and how they are kept.

Argon2id as RFC 9106 advises where memory is dear: 64 MiB and a fifth of a second for each. So few are
reckoned at once and few may wait for it, or somebody who only sends passwords would hold up the donors'
pages.
"""

import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import ClassVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from payments.errors import AlmonerError, TryLater
from payments.money import Money
from payments.once import once
from payments.staff.models import StaffMember
from payments.translations import N_

SHORTEST, LONGEST = 12, 200

_hasher = PasswordHasher()
_AT_ONCE, _IN_LINE = 2, 6
_turns = threading.BoundedSemaphore(_AT_ONCE)
_line = threading.BoundedSemaphore(_IN_LINE)


class HashingBusy(TryLater):
    """As many passwords are being looked at as may be."""

    def __init__(self) -> None:
        super().__init__("Many are signing in at this moment. Try again in a few seconds.")


class PasswordRefused(AlmonerError):
    """A password that will not be taken; its sentence says why."""

    sentence: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(self.sentence)

    @property
    def facts(self) -> Mapping[str, Money | str]:
        """What its sentence names."""
        return {"shortest": str(SHORTEST), "longest": str(LONGEST)}


class PasswordTooShort(PasswordRefused):
    """Length is what makes a password hard to guess; signs and digits are nobody's duty."""

    sentence = N_("Take at least {shortest} characters. A few words in a row are easy to keep in mind.")


class PasswordTooLong(PasswordRefused):
    """No limit a person meets."""

    sentence = N_("Take at most {longest} characters.")


class PasswordTooCommon(PasswordRefused):
    """One of the first that anybody tries."""

    sentence = N_("This is one of the passwords that are tried first. Please take another.")


class PasswordNamesPerson(PasswordRefused):
    """Whoever knows the person tries their name."""

    sentence = N_("Please leave your name and your e-mail address out of it.")


def check(password: str, person: StaffMember) -> None:
    """Raises `PasswordRefused` for what should not keep anybody's door."""
    written = _written(password)
    if len(written) < SHORTEST:
        raise PasswordTooShort
    if len(written) > LONGEST:
        raise PasswordTooLong
    folded = written.casefold()
    own = [*re.split(r"[\W_]+", person.name), *re.split(r"[\W_]+", person.email.partition("@")[0])]
    if any(len(part) >= 4 and part.casefold() in folded for part in own):
        raise PasswordNamesPerson
    if _is_common(folded):
        raise PasswordTooCommon


def made(password: str) -> str:
    """How a password is kept."""
    with _turn():
        return _hasher.hash(_written(password))


def matches(kept: str | None, password: str) -> bool:
    """Whether it is this one. Without one to compare with it takes as long and is wrong."""
    written = _written(password)
    with _turn():
        try:
            _hasher.verify(kept or _nobodys(), written if len(written) <= LONGEST else "")
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None and len(written) <= LONGEST


@contextmanager
def _turn() -> Iterator[None]:
    if not _line.acquire(blocking=False):
        raise HashingBusy
    try:
        with _turns:
            yield
    finally:
        _line.release()


@once
def _nobodys() -> str:
    """What the passwords of unknown people are compared with."""
    return _hasher.hash("a password of nobody's")


def _written(password: str) -> str:
    """The same letters however a keyboard puts them together: Korean ones above all."""
    return unicodedata.normalize("NFKC", password)


_COMMON = """
1q2w3e4r5t6y 1qaz2wsx3edc q1w2e3r4t5y6 zaq12wsxcde3 123qweasdzxc qweasdzxc123 112233445566 qwer1234asdf
asdf1234qwer 1234qwerasdf 1a2b3c4d5e6f a1b2c3d4e5f6 147258369147 159753456852 correcthorsebatterystaple
"""
"""Whole ones that no rule finds."""

_STEMS = """
password passwort passphrase qwertyuiop qwertzuiop azertyuiop qwerty qwertz azerty asdfghjkl asdfgh zxcvbnm
letmein welcome willkommen iloveyou administrator admin login master monkey dragon sunshine princess football
baseball superman batman shadow trustnoone whatever starwars freedom secret geheim changeme changeit default
hello donation donate charity nonprofit almoner finance console summer winter spring autumn monday january
february march april june july august september october november december test user root guest
thequickbrownfox abcdefg abcdef abcd 비밀번호 안녕하세요 사랑해요 사랑해 후원 관리자
"""
"""Words that are tried first, alone and with a year or a sign behind them."""

_SIGNS_FOR_LETTERS = str.maketrans("@$013457!", "asoieasti")
_OWN_LETTERS = 4
"""What must be left of a password once the words of everybody's are out of it."""
_FEW_LETTERS, _FEW_WORDS = 4, 2


def _is_common(folded: str) -> bool:
    if folded in _COMMON.split() or len(set(folded)) <= _FEW_LETTERS or _is_run(folded) or _repeats(folded):
        return True
    if not any(letter.isalpha() for letter in folded):
        return False
    # A year or a sign before or behind is not meant for letters; within a word it is.
    word = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", folded).translate(_SIGNS_FOR_LETTERS)
    letters = "".join(letter for letter in word if letter.isalpha())
    found = [stem for stem in sorted(_STEMS.split(), key=len, reverse=True) if stem in letters]
    for stem in found:
        letters = letters.replace(stem, "")
    return 0 < len(found) <= _FEW_WORDS and len(letters) < _OWN_LETTERS


def _is_run(folded: str) -> bool:
    """`abcdefghijkl`, `123456789012`: nearly every letter follows from the one before it."""
    steps = [ord(after) - ord(before) for before, after in pairwise(folded)]
    return max(steps.count(step) for step in (-1, 0, 1)) >= len(steps) - 2


def _repeats(folded: str) -> bool:
    """`abcabcabcabc`: one short thing again and again."""
    longest = min(6, len(folded) // 2)
    return any(folded == (folded[:length] * len(folded))[: len(folded)] for length in range(1, longest + 1))
