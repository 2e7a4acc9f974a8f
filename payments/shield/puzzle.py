"""A small sum that a browser does while its donor types, and that costs a program a moment for each try.

The puzzle is a text that only we can sign; its answer is a number with which the hash of both begins with
so many zero bits. The donate page does it unasked, so that its donors are known from the first day of an
attack to be people at a browser. Nothing is stored until a puzzle is used, and no third party is asked.
"""

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass

from payments.settings import settings

BITS = 13
"""Eight thousand hashes: a tenth of a second on a telephone."""
BITS_UNDER_ATTACK = 17
"""A second or two there."""
WAITED_SECONDS = 20
"""A browser without scripts proves itself by waiting so long and pressing again."""
LASTS_SECONDS = 4 * 3600
"""Some read the page in the morning and give at noon."""

_WRITTEN = re.compile(
    r"(?P<told>(?P<at>[0-9a-f]{8})\.(?P<bits>[0-9]{2})\.[A-Za-z0-9_-]{12})\.(?P<mac>[0-9a-f]{16})"
)
_ANSWER = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request showed: a puzzle of ours, and whether it was solved or only waited for."""

    puzzle: str = ""
    is_solved: bool = False
    is_waited: bool = False


NOTHING = Proof()


def make(bits: int) -> str:
    """A new puzzle, such as `692d9b01.13.k2Jx0aQw9LrT.9b1f…`."""
    told = f"{int(time.time()):08x}.{bits:02d}.{secrets.token_urlsafe(9)}"
    return f"{told}.{_mac(told)}"


def check(puzzle: str, answer: str) -> Proof:
    """What this puzzle and answer show. Whatever is not ours, or old, shows nothing."""
    written = _WRITTEN.fullmatch(puzzle)
    if written is None or not hmac.compare_digest(written["mac"], _mac(written["told"])):
        return NOTHING
    age = time.time() - int(written["at"], 16)
    if not -60 <= age <= LASTS_SECONDS:
        return NOTHING
    is_solved = bool(_ANSWER.fullmatch(answer)) and _zero_bits(puzzle, answer) >= int(written["bits"])
    return Proof(puzzle, is_solved=is_solved, is_waited=age >= WAITED_SECONDS)


def solve(puzzle: str) -> str:
    """The answer, for a program that speaks to the API, and for the tests."""
    bits, answer = int(puzzle.split(".")[1]), 0
    while _zero_bits(puzzle, str(answer)) < bits:
        answer += 1
    return str(answer)


def _zero_bits(puzzle: str, answer: str) -> int:
    digest = hashlib.sha256(f"{puzzle}:{answer}".encode()).digest()
    return 256 - int.from_bytes(digest).bit_length()


def _mac(told: str) -> str:
    key = settings().secret_key.get_secret_value().encode()
    return hmac.digest(key, b"puzzle\n" + told.encode(), "sha256").hex()[:16]
