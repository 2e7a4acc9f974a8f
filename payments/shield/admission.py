"""Whether a new payment page may be opened for whoever asks.

Asked by the doors before the gift is written and before Stripe hears of it, and never for a key that has its
gift already. First those are turned away who show no proof while there is no room for them, then too much
from one place or for one address, and last what is too much for the house: so whoever is turned away early
uses up nobody else's room.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog

from payments.clock import now
from payments.database import single_statements, text_with
from payments.errors import AlmonerError
from payments.shield import limits
from payments.shield.addresses import Origin
from payments.shield.attack import WINDOW, Signals, watch
from payments.shield.puzzle import Proof
from payments.shield.windows import Limit, windows

log = structlog.stdlib.get_logger(__name__)

_DECLINES_COUNT_FOR = timedelta(hours=1)
_DECLINES_OF_EMAIL = 8
_DECLINES_OF_HOUSEHOLD = 10


class TooManyTries(AlmonerError):
    """Too many tries in a short while. From where, or of what, is not told."""

    retry_after = limits.RETRY_AFTER_SECONDS

    def __init__(self) -> None:
        super().__init__("There were too many tries. Please try again in a few minutes.")


class ProofWanted(TooManyTries):
    """The same, where a browser may still show that it is one."""


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known of the key, the e-mail address and the gifts of the same household."""

    is_known: bool
    email_declined: int
    household_declined: int
    household_paid: int
    paid_without_proof: int
    """Of the gifts that were begun without a proof in the last minutes."""


class Admitted(StrEnum):
    """How a request to begin a gift was let in."""

    KNOWN = "known"
    """Its key has its gift: it was not counted."""
    PROVEN = "proven"
    WITHOUT_PROOF = "without proof"


def admit(*, key: str, email: str, origin: Origin, proof: Proof) -> Admitted:
    """Count a new checkout, or raise `TooManyTries`."""
    past = _past(key, email, origin)
    if past.is_known:
        return Admitted.KNOWN
    signals = watch().look()
    counters = windows()
    is_proven = proof.is_solved and counters.take(limits.PUZZLE, proof.puzzle)
    without_proof = limits.without_proof(paid=past.paid_without_proof)
    if signals.is_attack:
        without_proof = without_proof.of(0)
    if not is_proven and not _has_room(without_proof, proof):
        raise _turned_away(ProofWanted())
    if not all(counters.take(limit, name) for limit, name in _asked(email, origin, past, signals)):
        raise _turned_away(TooManyTries())
    if not is_proven and not _takes_room(without_proof, proof):
        raise _turned_away(ProofWanted())
    return Admitted.PROVEN if is_proven else Admitted.WITHOUT_PROOF


def remember(origin: Origin, admitted: Admitted, donation_id: str) -> None:
    """That a gift was begun from there: what becomes of it counts for the next one."""
    if admitted is Admitted.WITHOUT_PROOF:
        windows().remember(Admitted.WITHOUT_PROOF, donation_id)
    if admitted is not Admitted.KNOWN and origin.household is not None:
        windows().remember(origin.household, donation_id)


def _asked(email: str, origin: Origin, past: _Past, signals: Signals) -> list[tuple[Limit, str]]:
    """The limits of a new checkout, from the narrowest to the house's."""
    asked = [
        (_of_household(past, signals), origin.household),
        (
            limits.NEIGHBOURHOOD.of(limits.NEIGHBOURHOOD_UNDER_ATTACK + 3 * past.household_paid)
            if signals.is_attack
            else limits.NEIGHBOURHOOD,
            origin.neighbourhood,
        ),
        (_of_email(past, signals), email.lower()),
        (limits.EMAIL_DAY, email.lower()),
        (limits.house_minute(), ""),
        (limits.house_hour(), ""),
    ]
    return [(limit, name) for limit, name in asked if name is not None]


def _of_household(past: _Past, signals: Signals) -> Limit:
    if (
        past.household_declined >= _DECLINES_OF_HOUSEHOLD
        and past.household_declined > 2 * past.household_paid
    ):
        return limits.HOUSEHOLD.of(limits.HOUSEHOLD_OF_DECLINES)
    if signals.is_attack:
        return limits.HOUSEHOLD.of(limits.HOUSEHOLD_UNDER_ATTACK + 3 * past.household_paid)
    return limits.HOUSEHOLD


def _of_email(past: _Past, signals: Signals) -> Limit:
    if past.email_declined >= _DECLINES_OF_EMAIL:
        return limits.EMAIL.of(limits.EMAIL_OF_DECLINES)
    return limits.EMAIL.of(limits.EMAIL_UNDER_ATTACK) if signals.is_attack else limits.EMAIL


def _has_room(without_proof: Limit, proof: Proof) -> bool:
    counters = windows()
    return counters.has_room(without_proof) or (proof.is_waited and counters.has_room(limits.WAITED))


def _takes_room(without_proof: Limit, proof: Proof) -> bool:
    counters = windows()
    return counters.take(without_proof) or (
        proof.is_waited and counters.take(limits.WAITED_PUZZLE, proof.puzzle) and counters.take(limits.WAITED)
    )


def _turned_away(refusal: TooManyTries) -> TooManyTries:
    windows().note(limits.TURNED_AWAY)
    log.info("turned away", reason="no proof" if isinstance(refusal, ProofWanted) else "too many")
    return refusal


def _past(key: str, email: str, origin: Origin) -> _Past:
    at, counters = now(), windows()
    gifts = counters.remembered(origin.household) if origin.household is not None else []
    with single_statements() as connection:
        row = connection.execute(
            _PAST,
            {
                "key": key,
                "email": email,
                "gifts": gifts,
                "unproven": counters.remembered(Admitted.WITHOUT_PROOF),
                "hour": at - _DECLINES_COUNT_FOR,
                "window": at - WINDOW,
            },
        ).one()
    return _Past(**row._mapping)


_PAST = text_with(
    """
    select
        exists (select from donation_requests where idempotency_key = :key) as is_known,
        (
            select count(*)
            from donors
            join donations on donations.donor_id = donors.id and donations.created_at > :hour
            join charges on charges.donation_id = donations.id and charges.status = 'failed'
            where lower(donors.email) = lower(:email)
        ) as email_declined,
        (
            select count(*) from charges where donation_id = any(:gifts) and status = 'failed'
        ) as household_declined,
        (
            select count(*) from donations where id = any(:gifts) and status in ('paid', 'processing')
        ) as household_paid,
        (
            select count(*) from donations
            where id = any(:unproven) and created_at > :window and status in ('paid', 'processing')
        ) as paid_without_proof
    """,
    "gifts",
    "unproven",
)


def is_attacked() -> bool:
    """Whether the house was holding back when it last looked, a moment ago."""
    seen = watch().last
    return seen is not None and seen.is_attack
