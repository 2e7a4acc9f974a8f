"""Who stands at the door: from where a request comes, and whether it comes too often.

The HTTP side of the shield, shared by the JSON API and the pages. Whoever is turned away is told to come
back in a few minutes, and never which limit it was. The webhook door asks nothing here.
"""

from dataclasses import dataclass

import structlog
from fastapi import Request

from payments.settings import settings
from payments.shield import addresses, admission, limits, puzzle
from payments.shield.addresses import Origin
from payments.shield.admission import Admission, ProofWanted, TooManyTries
from payments.shield.puzzle import NOTHING, WAITED_SECONDS, Proof
from payments.shield.windows import Limit, windows

__all__ = ["WAITED_SECONDS", "ProofWanted", "TooManyTries"]

log = structlog.stdlib.get_logger(__name__)


@dataclass(slots=True)
class Visit:
    """One request to begin a gift."""

    origin: Origin
    proof: Proof = NOTHING
    admission: Admission | None = None

    def let_in(self, key: str, email: str) -> None:
        """Count it as a new checkout, or raise `TooManyTries`; a key that has its gift passes uncounted."""
        self.admission = admission.admit(key=key, email=email, origin=self.origin, proof=self.proof)

    def was_known(self) -> None:
        """The key has its gift already, so nothing new is counted."""
        if self.admission is not None:
            admission.was_known(self.admission)
        self.admission = None

    def opened(self, donation_id: str) -> None:
        """That this gift came of it."""
        if self.admission is not None:
            admission.remember(self.admission, donation_id)


def visit(request: Request, *, puzzle_sent: str, answer: str) -> Visit:
    """A request to begin a gift, with the puzzle that came with it."""
    return Visit(origin_of(request), puzzle.check(puzzle_sent, answer))


def origin_of(request: Request) -> Origin:
    """From where the request comes."""
    found = addresses.origin(
        request.client.host if request.client else "",
        x_forwarded_for=request.headers.getlist("x-forwarded-for"),
        forwarded=request.headers.getlist("forwarded"),
        proxies=settings().proxies,
    )
    if found.is_proxy_unnamed and windows().take(limits.UNNAMED_PROXY):
        log.warning("a web server forwards to us that TRUSTED_PROXIES does not name")
    return found


def knock(request: Request, limit: Limit) -> None:
    """Count one more from where this request comes, or raise `TooManyTries`."""
    household = origin_of(request).household
    if household is not None and not windows().take(limit, household):
        raise TooManyTries


def count(limit: Limit, name: str = "") -> None:
    """Count one more of this name (an e-mail address, a link, or of everybody), or raise `TooManyTries`."""
    if not windows().take(limit, name):
        raise TooManyTries


def must_not_be_guessing(request: Request, limit: Limit) -> None:
    """Raise `TooManyTries` where too much was guessed wrong from there."""
    household = origin_of(request).household
    if household is not None and not windows().has_room(limit, household):
        raise TooManyTries


def miss(request: Request, limit: Limit) -> None:
    """Note that something was guessed wrong from there."""
    household = origin_of(request).household
    if household is not None:
        windows().note(limit, household)


def new_puzzle() -> str:
    """A puzzle for a browser, harder while the house is under attack."""
    return puzzle.make(puzzle.BITS_UNDER_ATTACK if admission.is_attacked() else puzzle.BITS)
