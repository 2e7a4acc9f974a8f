"""Gift Aid while giving: whether it is offered, what a donor declares, and the declaration with the gift."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.donations.models import Donation, IssuingEntity
from payments.donations.wishes import (
    GiftAidHouseUnfit,
    GiftAidNameUnfit,
    GiftAidNotOffered,
    GiftAidPostcodeUnfit,
    Wish,
    WishRefused,
)
from payments.giftaid import declarations, schedule
from payments.giftaid.declarations import JURISDICTION, Scope
from payments.giftaid.models import Channel
from payments.giftaid.schedule import Person


def is_offered(entity: IssuingEntity) -> bool:
    """Whether the page asks."""
    return entity.jurisdiction == JURISDICTION


def words(entity: IssuingEntity, frequency: str) -> str:
    """What the donor declares by ticking the box: for this gift, or for a monthly one all gifts."""
    return declarations.says(_code(frequency), entity, given_on=day_in(entity.time_zone, now()))


def refusals(wish: Wish, entity: IssuingEntity) -> Iterator[WishRefused]:
    """Everything that keeps the declaration of a wish from being taken."""
    if wish.gift_aid is None:
        return
    if not is_offered(entity) or wish.currency != "gbp":
        yield GiftAidNotOffered()
        return
    person = _person(wish)
    plain = Person(first_name="A", last_name="B", house="1", postcode=schedule.OVERSEAS)
    names = Person(
        title=person.title,
        first_name=person.first_name,
        last_name=person.last_name,
        house=plain.house,
        postcode=plain.postcode,
    )
    home = Person(
        first_name=plain.first_name, last_name=plain.last_name, house=person.house, postcode=plain.postcode
    )
    code = Person(
        first_name=plain.first_name, last_name=plain.last_name, house=plain.house, postcode=person.postcode
    )
    for part, refusal in ((names, GiftAidNameUnfit), (home, GiftAidHouseUnfit), (code, GiftAidPostcodeUnfit)):
        if schedule.wrong_with(part):
            yield refusal()


def declare(session: Session, wish: Wish, donation: Donation, entity: IssuingEntity) -> None:
    """Keep the declaration in the transaction that writes the gift."""
    is_monthly = wish.frequency == "monthly"
    declarations.take(
        session,
        entity,
        donation.donor_id,
        _person(wish),
        scope=Scope.PAST_AND_FUTURE if is_monthly else Scope.THIS,
        channel=Channel.ONLINE,
        code=_code(wish.frequency),
        given_on=day_in(entity.time_zone, now()),
        gift=None if is_monthly else donation,
    )


def _code(frequency: str) -> str:
    return "past_and_future" if frequency == "monthly" else "gift_now"


def _person(wish: Wish) -> Person:
    said = wish.gift_aid
    assert said is not None  # noqa: S101 - asked by whoever calls
    return declarations.tidied(
        Person(
            title=said.title,
            first_name=said.first_name,
            last_name=said.last_name,
            house=said.house,
            postcode=said.postcode,
        )
    )
