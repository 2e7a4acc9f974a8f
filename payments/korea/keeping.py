"""Keeping registration numbers: taken on a separate consent, shown masked, read with a trace, and let go.

Only a designated body may ask for one, and only for its issuance register. Every look stands in the audit
log; the number itself stands in no log, mail, search or export but the register.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.database import among
from payments.donations.models import IssuingEntity
from payments.errors import AlmonerError
from payments.korea import numbers, sealing
from payments.korea.models import RegistrationNumber
from payments.receipts import countries
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.supporters import donors

MAY_KEEP = (Role.FINANCE,)
_YEARS_KEPT = 5
"""How long the register is kept after the year in which it is filed, unless `receipt_facts` say
`register_years`: the books of public-interest corporations are kept for ten."""


class KoreaRefused(AlmonerError):
    """What Korean law does not let this body do."""


class NotDesignated(KoreaRefused):
    """A body that may not issue the statutory form has no ground to know such a number."""

    def __init__(self, entity: IssuingEntity) -> None:
        super().__init__(
            f"{entity.legal_name} is not a designated Korean body: it issues no statutory receipts, and the"
            " law lets it keep no registration numbers. Its statement_code would be kr_designated."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What staff may see of a kept number."""

    donor_id: str
    masked: str
    consented_on: date
    keep_until: date


def require_designated(entity: IssuingEntity) -> None:
    """`NotDesignated` for every other body."""
    if entity.jurisdiction != "KR" or not (
        countries.authority(entity.jurisdiction, entity.statement_code).keeps_korean_register
    ):
        raise NotDesignated(entity)


def consent_asked() -> Mapping[str, Any]:
    """The newest wording of what a donor consents to."""
    return max(countries.of("KR").declarations, key=lambda row: int(row["version"]))


def keep(
    session: Session,
    entity: IssuingEntity,
    donor_id: str,
    typed: str,
    *,
    consented_on: date,
    looked_twice: bool = False,
    by: StaffMember,
) -> Kept:
    """Keep what a donor gave on a separate consent, instead of an earlier one."""
    people.require(by, *MAY_KEEP)
    require_designated(entity)
    if not sealing.is_on():
        raise sealing.SealingOff
    donors.standing(session, donor_id)
    today = day_in(entity.time_zone, now())
    if consented_on > today:
        raise KoreaRefused("A consent is of today or of a day before.")
    digits = numbers.read(typed, looked_twice=looked_twice)
    earlier = session.get(RegistrationNumber, donor_id, with_for_update=True)
    row = earlier or RegistrationNumber(donor_id=donor_id, keep_until=end_of(today.year + 1))
    row.sealed = sealing.seal(digits, donor_id=donor_id)
    consent = consent_asked()
    row.consent_version, row.consent_shown = int(consent["version"]), str(consent["says"])
    row.consented_on, row.noted_by = consented_on, by.id
    session.add(row)
    audit.note(
        session,
        by,
        "rrn.keep",
        subject=donor_id,
        reason="a separate consent",
        consented_on=consented_on.isoformat(),
        instead_of_earlier=earlier is not None,
    )
    return _kept(row, digits)


def show(session: Session, donor_id: str, *, by: StaffMember, reason: str) -> Kept:
    """What a screen may show, with a line in the audit log."""
    people.require(by, *MAY_KEEP)
    row = _find(session, donor_id)
    digits = sealing.open_sealed(row.sealed, donor_id=donor_id)
    audit.note(session, by, "rrn.show", subject=donor_id, reason=people.reason_given(reason))
    return _kept(row, digits)


def forget(session: Session, entity: IssuingEntity, donor_id: str, *, by: StaffMember, reason: str) -> None:
    """Delete it, unless a register that must be kept has it."""
    people.require(by, *MAY_KEEP)
    row = _find(session, donor_id)
    if row.keep_until > end_of(day_in(entity.time_zone, now()).year + 1):
        raise KoreaRefused(
            "It stands in an issuance register that the law wants kept: it goes by itself after"
            f" {row.keep_until}."
        )
    session.delete(row)
    audit.note(session, by, "rrn.forget", subject=donor_id, reason=people.reason_given(reason))


def is_same(session: Session, one: str, other: str) -> bool:
    """Whether nothing says that two donors have different numbers: one of them has none, or both the same."""
    ours, theirs = session.get(RegistrationNumber, one), session.get(RegistrationNumber, other)
    if ours is None or theirs is None:
        return True
    return sealing.open_sealed(ours.sealed, donor_id=one) == sealing.open_sealed(
        theirs.sealed, donor_id=other
    )


def move(session: Session, *, source: str, target: str) -> bool:
    """Close a number up anew for another record of its donor, who has none there; whether there was one."""
    row = session.get(RegistrationNumber, source, with_for_update=True)
    if row is None or session.get(RegistrationNumber, target, with_for_update=True) is not None:
        return False
    digits = sealing.open_sealed(row.sealed, donor_id=source)
    row.sealed = sealing.seal(digits, donor_id=target)
    row.donor_id = target
    session.flush()
    return True


def sweep(session: Session) -> int:
    """Delete the numbers whose time has ended; how many."""
    gone = session.execute(
        delete(RegistrationNumber)
        .where(RegistrationNumber.keep_until < now().date())
        .returning(RegistrationNumber.donor_id)
    )
    return len(gone.all())


def of_register(
    session: Session, entity: IssuingEntity, donor_ids: Iterable[str], *, year: int, opened: bool
) -> Mapping[str, str]:
    """The numbers of a year's register, masked or `opened`, and from now on kept as long as it must be."""
    ids = sorted(set(donor_ids))
    rows = session.scalars(select(RegistrationNumber).where(among(RegistrationNumber.donor_id, ids))).all()
    # The register of a year is filed in the next one.
    until = end_of(year + 1 + int(entity.receipt_facts.get("register_years", _YEARS_KEPT)))
    if opened:
        session.execute(
            update(RegistrationNumber)
            .where(among(RegistrationNumber.donor_id, ids), RegistrationNumber.keep_until < until)
            .values(keep_until=until)
        )
    if not opened and not sealing.is_on():
        return {row.donor_id: "보관 중" for row in rows}
    form = numbers.written if opened else numbers.masked
    return {row.donor_id: form(sealing.open_sealed(row.sealed, donor_id=row.donor_id)) for row in rows}


def end_of(year: int) -> date:
    """Its last day."""
    return date(year, 12, 31)


def _kept(row: RegistrationNumber, digits: str) -> Kept:
    return Kept(
        donor_id=row.donor_id,
        masked=numbers.masked(digits),
        consented_on=row.consented_on,
        keep_until=row.keep_until,
    )


def _find(session: Session, donor_id: str) -> RegistrationNumber:
    found = session.get(RegistrationNumber, donor_id, with_for_update=True)
    if found is None:
        raise KoreaRefused("No registration number of this donor is kept.")
    return found
