"""Whether a new payment page may be opened for whoever asks.

Asked by the doors before the gift is written and before Stripe hears of it, and never for a key that has its
gift already. A new checkout counts everywhere or nowhere: whoever is turned away, for whichever reason, uses
up nobody else's room.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog
from sqlalchemy import text

from payments.clock import now
from payments.database import single_statements, text_with
from payments.errors import AlmonerError
from payments.shield import limits
from payments.shield.addresses import Origin
from payments.shield.attack import WINDOW, Signals, watch
from payments.shield.puzzle import Proof
from payments.shield.windows import Asked, Limit, Taken, windows

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


class Admitted(StrEnum):
    """How a request to begin a gift was let in."""

    KNOWN = "known"
    """Its key has its gift: it counts nowhere."""
    PROVEN = "proven"
    WITHOUT_PROOF = "without proof"


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that was let in, and where it was counted."""

    admitted: Admitted
    origin: Origin
    asked: Asked = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Past:
    """What became of the gifts that matter for this one."""

    email_declined: int = 0
    household_declined: int = 0
    household_paid: int = 0
    neighbourhood_paid: int = 0
    paid_without_proof: int = 0
    """Of the gifts that were begun without a proof in the last minutes."""


def admit(*, key: str, email: str, origin: Origin, proof: Proof) -> Admission:
    """Count a new checkout, or raise `TooManyTries`."""
    signals = watch().look()
    try:
        return _admitted(key, email.lower(), origin, proof, signals)
    except TooManyTries as refusal:
        if windows().count(limits.KEY, key) or _is_known(key):
            return Admission(Admitted.KNOWN, origin)
        watch().turned_away()
        log.info("turned away", reason="no proof" if isinstance(refusal, ProofWanted) else "too many")
        raise


def was_known(admission: Admission) -> None:
    """The key had its gift already: nothing new was begun, so nothing counts."""
    if admission.asked:
        windows().give_back(admission.asked)


def remember(admission: Admission, donation_id: str) -> None:
    """That this gift was begun: what becomes of it counts for the next one."""
    names = [admission.origin.household or "", _around(admission.origin)]
    names += [Admitted.WITHOUT_PROOF] if admission.admitted is Admitted.WITHOUT_PROOF else []
    windows().remember(donation_id, *filter(None, names))


def _admitted(key: str, email: str, origin: Origin, proof: Proof, signals: Signals) -> Admission:
    """Count it in the best way that it shows; by the widest limits first, and where there were earlier
    gifts, also by what became of them."""
    asked: list[tuple[Limit, str]] = [
        (limits.EMAIL, email),
        (limits.EMAIL_DAY, email),
        (limits.house_minute(), ""),
        (limits.house_hour(), ""),
        (limits.KEY, key),
    ]
    if origin.household is not None and origin.neighbourhood is not None:
        asked += [(limits.HOUSEHOLD, origin.household), (limits.NEIGHBOURHOOD, origin.neighbourhood)]
    lists = [Admitted.WITHOUT_PROOF.value, *filter(None, [origin.household, _around(origin)])]
    for admitted, shown in _ways(proof, signals):
        everywhere = [*asked, *shown]
        taken = windows().take_all(everywhere, lists=lists)
        too_many = taken.refused
        if too_many is None and _has_a_past(taken, signals):
            too_many = _too_many(taken, _past(email, taken), signals)
            if too_many is not None:
                windows().give_back(everywhere)
        if too_many is None:
            return Admission(admitted, origin, everywhere)
        if all(too_many.name != limit.name for limit, _ in shown):
            raise TooManyTries
    raise ProofWanted


def _ways(proof: Proof, signals: Signals) -> Iterator[tuple[Admitted, Asked]]:
    """What a request may be let in for, the best first."""
    if proof.is_solved:
        yield Admitted.PROVEN, [(limits.PUZZLE, proof.puzzle)]
    yield Admitted.WITHOUT_PROOF, [(limits.without_proof(0 if signals.is_attack else None), "")]
    if proof.is_waited:
        yield Admitted.WITHOUT_PROOF, [(limits.WAITED_PUZZLE, proof.puzzle), (limits.WAITED, "")]


def _around(origin: Origin) -> str:
    """The name under which gifts from the neighbourhood are remembered; none where it is not known."""
    return f"around {origin.neighbourhood}" if origin.household and origin.neighbourhood else ""


def _has_a_past(taken: Taken, signals: Signals) -> bool:
    """Whether earlier gifts could matter: of who gives for the first time there are none."""
    first = (limits.EMAIL_DAY.of(1), limits.HOUSEHOLD.of(1), limits.without_proof(limits.a_few()))
    return signals.is_attack or not all(taken.fits(limit) for limit in first)


def _too_many(taken: Taken, past: _Past, signals: Signals) -> Limit | None:
    """The first limit that what became of earlier gifts makes too narrow for this one."""
    stricter = [_of_household(past, signals), _of_neighbourhood(past, signals), _of_email(past, signals)]
    if not signals.is_attack:
        stricter.append(limits.without_proof(limits.a_few() + 2 * past.paid_without_proof))
    return next((limit for limit in stricter if not taken.fits(limit)), None)


def _of_household(past: _Past, signals: Signals) -> Limit:
    if (
        past.household_declined >= _DECLINES_OF_HOUSEHOLD
        and past.household_declined > 2 * past.household_paid
    ):
        return limits.HOUSEHOLD.of(limits.HOUSEHOLD_OF_DECLINES)
    if signals.is_attack:
        return limits.HOUSEHOLD.of(limits.HOUSEHOLD_UNDER_ATTACK + 3 * past.household_paid)
    return limits.HOUSEHOLD


def _of_neighbourhood(past: _Past, signals: Signals) -> Limit:
    if signals.is_attack:
        return limits.NEIGHBOURHOOD.of(limits.NEIGHBOURHOOD_UNDER_ATTACK + 3 * past.neighbourhood_paid)
    return limits.NEIGHBOURHOOD


def _of_email(past: _Past, signals: Signals) -> Limit:
    if past.email_declined >= _DECLINES_OF_EMAIL:
        return limits.EMAIL.of(limits.EMAIL_OF_DECLINES)
    return limits.EMAIL.of(limits.EMAIL_UNDER_ATTACK) if signals.is_attack else limits.EMAIL


def _is_known(key: str) -> bool:
    with single_statements() as connection:
        return bool(connection.scalar(_IS_KNOWN, {"key": key}))


_IS_KNOWN = text("select exists (select from donation_requests where idempotency_key = :key)")


def _past(email: str, taken: Taken) -> _Past:
    without_proof, *nearby = taken.remembered
    of_household, of_neighbourhood = nearby or ([], [])
    at = now()
    with single_statements() as connection:
        row = connection.execute(
            _PAST,
            {
                "email": email,
                "gifts": of_household,
                "nearby": of_neighbourhood,
                "without_proof": without_proof,
                "hour": at - _DECLINES_COUNT_FOR,
                "window": at - WINDOW,
            },
        ).one()
    return _Past(**row._mapping)


_PAST = text_with(
    """
    select
        (
            select count(*)
            from donors
            join donations on donations.donor_id = coalesce(donors.merged_into_id, donors.id)
                and donations.created_at > :hour
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
            select count(*) from donations where id = any(:nearby) and status in ('paid', 'processing')
        ) as neighbourhood_paid,
        (
            select count(*) from donations
            where id = any(:without_proof) and created_at > :window and status in ('paid', 'processing')
        ) as paid_without_proof
    """,
    "gifts",
    "nearby",
    "without_proof",
)


def is_attacked() -> bool:
    """Whether the house was holding back when it last looked, a moment ago."""
    seen = watch().last
    return seen is not None and seen.is_attack
