"""Declarations: taken from a donor, cancelled by one, and asked which of them covers a gift.

What the donor was shown is kept word for word. A cancelled declaration still carries the gifts before its
end, except a spoken one that was cancelled within thirty days of its written record: that one never was.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from babel.dates import format_date
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.database import among, new_id
from payments.donations.models import Donation, IssuingEntity
from payments.errors import AlmonerError
from payments.giftaid import schedule
from payments.giftaid.models import Channel, GiftAidDeclaration
from payments.giftaid.schedule import Person
from payments.money import Money
from payments.receipts import countries
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.supporters import donors
from payments.supporters.donors import Donor

MAY_DECLARE = (Role.SUPPORT, Role.FINANCE)
JURISDICTION = "GB"
_CANCEL_WITHIN = timedelta(days=30)
_YEARS_BACK = 4


class Scope(StrEnum):
    """Which gifts a declaration covers."""

    THIS = "this"
    FUTURE = "future"
    PAST_AND_FUTURE = "past_and_future"


class GiftAidRefused(AlmonerError):
    """A declaration or a claim that cannot be taken; the sentence says why."""


class NotBritish(GiftAidRefused):
    """Gift Aid is between a British charity and its donors."""

    def __init__(self, entity: IssuingEntity) -> None:
        super().__init__(f"{entity.legal_name} is not in the United Kingdom: it has no Gift Aid.")


class DeclarationUnknown(GiftAidRefused):
    """No declaration has this id."""

    def __init__(self) -> None:
        super().__init__("There is no such declaration: `almoner giftaid list` names them.")


def require_british(entity: IssuingEntity) -> None:
    """`NotBritish` for a body of another country."""
    if entity.jurisdiction != JURISDICTION:
        raise NotBritish(entity)


def wording(code: str) -> Mapping[str, Any]:
    """The newest version of what a donor declares."""
    written = [row for row in countries.of(JURISDICTION).declarations if row["code"] == code]
    return max(written, key=lambda row: int(row["version"]))


def says(code: str, entity: IssuingEntity, *, given_on: date, gift: Donation | None = None) -> str:
    """The declaration as the donor reads it."""
    known = {"charity": entity.legal_name, "day": format_date(given_on, format="long", locale="en_GB")}
    if gift is not None:
        known["amount"] = Money(gift.amount, gift.currency).format("en_GB")
        known["day"] = format_date(gift.gift_date or given_on, format="long", locale="en_GB")
    return str(wording(code)["says"]).format(**known)


def tidied(person: Person) -> Person:
    """As it is kept: single spaces, the postcode in its form."""
    return Person(
        title=" ".join(person.title.split()),
        first_name=" ".join(person.first_name.split()),
        last_name=" ".join(person.last_name.split()),
        house=" ".join(person.house.split()),
        postcode=schedule.postcode(person.postcode),
    )


def take(
    session: Session,
    entity: IssuingEntity,
    donor_id: str,
    person: Person,
    *,
    scope: Scope,
    channel: Channel,
    code: str,
    given_on: date,
    gift: Donation | None = None,
    by: StaffMember | None = None,
) -> GiftAidDeclaration:
    """Keep what a donor declared. `code` names the wording that was shown or read out."""
    require_british(entity)
    kept = tidied(person)
    if faults := schedule.wrong_with(kept):
        raise GiftAidRefused(" ".join(faults))
    declaration = GiftAidDeclaration(
        id=new_id("gad"),
        entity_id=entity.id,
        donor_id=donor_id,
        title=kept.title or None,
        first_name=kept.first_name,
        last_name=kept.last_name,
        house=kept.house,
        postcode=kept.postcode,
        wording_code=code,
        wording_version=wording(code)["version"],
        wording_shown=says(code, entity, given_on=given_on, gift=gift),
        donation_id=gift.id if gift is not None and scope is Scope.THIS else None,
        covers_past=scope is Scope.PAST_AND_FUTURE,
        covers_future=scope is not Scope.THIS,
        channel=channel.value,
        given_on=given_on,
        noted_by=by.id if by is not None else None,
    )
    session.add(declaration)
    session.flush()
    return declaration


def note(
    session: Session,
    entity: IssuingEntity,
    donor_id: str,
    person: Person,
    *,
    scope: Scope,
    channel: Channel,
    given_on: date,
    donation_id: str | None = None,
    by: StaffMember,
) -> GiftAidDeclaration:
    """Keep a declaration that came on paper or by word of mouth."""
    people.require(by, *MAY_DECLARE)
    donors.standing(session, donor_id)
    if given_on > day_in(entity.time_zone, now()):
        raise GiftAidRefused("A declaration is of today or of a day before.")
    gift = session.get(Donation, donation_id) if donation_id is not None else None
    if (scope is Scope.THIS) != (gift is not None) or (gift is not None and gift.donor_id != donor_id):
        raise GiftAidRefused("For one gift name it, one of this donor's; for all gifts name none.")
    declaration = take(
        session,
        entity,
        donor_id,
        person,
        scope=scope,
        channel=channel,
        code="this_gift" if scope is Scope.THIS else scope.value,
        given_on=given_on,
        gift=gift,
        by=by,
    )
    audit.note(session, by, "giftaid.declare", subject=declaration.id, reason=f"{channel} declaration")
    return declaration


def record_sent(session: Session, declaration_id: str, *, on: date, by: StaffMember) -> GiftAidDeclaration:
    """Say that the written record of a spoken declaration went to its donor: from then on it counts."""
    people.require(by, *MAY_DECLARE)
    declaration = _find(session, declaration_id)
    if declaration.channel != Channel.ORAL or declaration.record_sent_on is not None:
        raise GiftAidRefused("A written record is sent once, and of a spoken declaration.")
    if on < declaration.given_on:
        raise GiftAidRefused("The record cannot be older than the declaration.")
    declaration.record_sent_on = on
    audit.note(session, by, "giftaid.record_sent", subject=declaration.id, reason="a written record")
    return declaration


def cancel(session: Session, declaration_id: str, *, by: StaffMember, reason: str) -> GiftAidDeclaration:
    """The donor takes it back: gifts from today on are not covered any more."""
    people.require(by, *MAY_DECLARE)
    reason = people.reason_given(reason)
    declaration = _find(session, declaration_id)
    if declaration.cancelled_on is not None:
        raise GiftAidRefused("This declaration is cancelled already.")
    entity = session.get_one(IssuingEntity, declaration.entity_id)
    declaration.cancelled_on = day_in(entity.time_zone, now())
    declaration.cancelled_because = reason
    audit.note(session, by, "giftaid.cancel", subject=declaration.id, reason=reason)
    return declaration


def of_entity(session: Session, entity: IssuingEntity) -> Sequence[GiftAidDeclaration]:
    """Every declaration of this body's donors, the newest first."""
    return session.scalars(
        select(GiftAidDeclaration)
        .where(GiftAidDeclaration.entity_id == entity.id)
        .order_by(GiftAidDeclaration.given_on.desc(), GiftAidDeclaration.id)
    ).all()


def by_donor(
    session: Session, entity: IssuingEntity, donor_ids: Iterable[str]
) -> dict[str, list[GiftAidDeclaration]]:
    """The declarations of these donors, the newest first, because it has the newest address."""
    found: dict[str, list[GiftAidDeclaration]] = defaultdict(list)
    for declaration in session.scalars(
        select(GiftAidDeclaration)
        .where(
            GiftAidDeclaration.entity_id == entity.id,
            among(GiftAidDeclaration.donor_id, sorted(set(donor_ids))),
            # Of a donor who was erased nothing more is claimed; what is held proves the claims of before.
            ~exists().where(Donor.id == GiftAidDeclaration.donor_id, Donor.erased_at.is_not(None)),
        )
        .order_by(GiftAidDeclaration.given_on.desc(), GiftAidDeclaration.noted_at.desc())
    ):
        found[declaration.donor_id].append(declaration)
    return found


def covers(declaration: GiftAidDeclaration, *, donation_id: str, gift_date: date) -> bool:
    """Whether it makes this gift a Gift Aid donation."""
    if declaration.channel == Channel.ORAL and declaration.record_sent_on is None:
        return False
    if (ended := declaration.cancelled_on) is not None:
        record = declaration.record_sent_on
        if record is not None and ended <= record + _CANCEL_WITHIN:
            return False
        if gift_date >= ended:
            return False
    if declaration.donation_id is not None:
        return declaration.donation_id == donation_id
    if gift_date >= declaration.given_on:
        return declaration.covers_future
    return declaration.covers_past and gift_date >= years_before(declaration.given_on, _YEARS_BACK)


def years_before(day: date, years: int) -> date:
    """The same day so many years ago; the last of February where there is no 29th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _find(session: Session, declaration_id: str) -> GiftAidDeclaration:
    found = session.get(GiftAidDeclaration, declaration_id, with_for_update=True)
    if found is None:
        raise DeclarationUnknown
    return found
