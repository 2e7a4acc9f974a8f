"""The charity's own data: read from one TOML document, kept in four tables, asked for by the doors.

`docs/going-live.md` explains the document; `payments/local/organisation.toml` is the demo's.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import after_commit
from payments.donations.models import Fund, GivingTerms, IssuingEntity, Organisation
from payments.errors import AlmonerError
from payments.mail.letterhead import Letterhead
from payments.translations import LOCALES, N_, Told, translator


class OrganisationNotLoaded(AlmonerError):
    """There is no organisation, no open fund or no receiving entity yet."""

    def __init__(self) -> None:
        super().__init__("No organisation is set up yet: run `almoner organisation load FILE`.")


class FundUnknown(Told):
    """No fund has this id, open or closed."""

    field = "fund"
    sentence = N_("There is no such fund. The funds are in the organisation's document.")


class OrganisationDocumentWrong(AlmonerError):
    """The document lacks something or says something twice; the message names it."""


def load(session: Session, document: Mapping[str, Any]) -> None:
    """Write the document into the database; running it again changes what changed.

    Nothing that gifts point at is ever removed: a fund or entity that left the document stays, and
    a fund is closed to new gifts.
    """
    try:
        organisation = Organisation(
            id=1,
            name=_texts(document["organisation"]["name"]),
            website=document["organisation"]["website"],
            accent_colour=document["organisation"]["accent_colour"],
            words=_words(document["organisation"]["words"]),
        )
        entities = [_row(IssuingEntity, entity) for entity in document["entities"]]
        funds = [
            _row(
                Fund,
                {**fund, "name": _texts(fund["name"]), "description": _texts(fund["description"])},
                position=position,
                is_open=True,
            )
            for position, fund in enumerate(document["funds"])
        ]
        terms = [
            _row(GivingTerms, {"monthly_suggested": None, **currency_terms}, position=position)
            for position, currency_terms in enumerate(document["terms"])
        ]
    except (KeyError, TypeError, AttributeError) as mistake:
        raise OrganisationDocumentWrong(f"the organisation document does not fit: {mistake}") from mistake
    _check(entities, funds, terms)

    # Only one may receive: nobody does for a moment, so that the place can change hands.
    session.execute(update(IssuingEntity).values(receives_online=False))
    _merge_all(session, [organisation, *entities])
    for fund in session.scalars(select(Fund)):
        fund.is_open = False
    _merge_all(session, funds)
    session.execute(delete(GivingTerms).where(GivingTerms.currency.not_in([row.currency for row in terms])))
    _merge_all(session, terms)
    after_commit(session, forget_offer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What may be given now, and who receives it."""

    terms: tuple[GivingTerms, ...]
    funds: tuple[Fund, ...]
    entity: IssuingEntity
    programmes: Mapping[str, str]
    """What giving monthly is called here, by locale."""

    def fund_names(self, fund_ids: Iterable[str], locale: str) -> list[str]:
        """The names of some of the funds, in the given order."""
        names = {fund.id: fund.name_in(locale) for fund in self.funds}
        return [names[fund_id] for fund_id in fund_ids]


def known_offer() -> Offer | None:
    """The charity's offer as read a moment ago, if it was.

    It changes a few times a year and is asked for with every gift; a change made by another process
    is seen within `_OFFER_LASTS`.
    """
    known = _known_offer.get("now")
    return known[1] if known is not None and known[0] > now() else None


def read_offer(session: Session) -> Offer:
    """The charity's offer, and remember it for the next gifts."""
    read = Offer(
        terms=tuple(giving_terms(session)),
        funds=tuple(open_funds(session)),
        entity=receiving_entity(session),
        programmes={locale: programme(the_organisation(session), locale) for locale in LOCALES},
    )
    for row in (*read.terms, *read.funds, read.entity):
        session.expunge(row)
    _known_offer["now"] = (now() + _OFFER_LASTS, read)
    return read


def forget_offer() -> None:
    """Read it anew at the next gift."""
    _known_offer.clear()


_OFFER_LASTS = timedelta(seconds=5)
_known_offer: dict[str, tuple[datetime, Offer]] = {}


def the_organisation(session: Session) -> Organisation:
    """The charity, or `OrganisationNotLoaded`."""
    found = session.get(Organisation, 1)
    if found is None:
        raise OrganisationNotLoaded
    return found


def programme(organisation: Organisation, locale: str) -> str:
    """What giving monthly is called here: the document's `monthly_name`, else a plain word for it."""
    words = organisation.words.get(LOCALES[0], {}) | organisation.words.get(locale, {})
    return str(words.get("monthly_name") or translator(locale).gettext(_MONTHLY_GIFT))


_MONTHLY_GIFT = N_("Monthly gift")


def open_funds(session: Session) -> list[Fund]:
    """The funds that take gifts, in the charity's order."""
    return list(session.scalars(select(Fund).where(Fund.is_open).order_by(Fund.position)))


def known_funds(session: Session, fund_ids: Sequence[str]) -> dict[str, Fund]:
    """These funds, closed ones too, or `FundUnknown`."""
    found = {fund.id: fund for fund in session.scalars(select(Fund).where(Fund.id.in_(fund_ids)))}
    if set(fund_ids) - found.keys():
        raise FundUnknown
    return found


def zone_of_the_book(session: Session, fund_id: str | None = None) -> str:
    """The time zone in which the book of whoever receives online is kept; a fund that is named must be of
    that body, or it is `FundUnknown`."""
    entity = receiving_entity(session)
    if fund_id is not None and known_funds(session, [fund_id])[fund_id].entity_id != entity.id:
        raise FundUnknown
    return entity.time_zone


def giving_terms(session: Session) -> list[GivingTerms]:
    """What may be given, one row a currency, the charity's first currency first."""
    return list(session.scalars(select(GivingTerms).order_by(GivingTerms.position)))


def receiving_entity(session: Session) -> IssuingEntity:
    """The legal body whose Stripe account this is."""
    found = session.scalars(select(IssuingEntity).where(IssuingEntity.receives_online)).one_or_none()
    if found is None:
        raise OrganisationNotLoaded
    return found


def letterhead(session: Session) -> Letterhead:
    """What stands on a letter that is about no single gift: the charity, and who receives its gifts."""
    organisation, entity = the_organisation(session), receiving_entity(session)
    bodies = session.scalars(select(IssuingEntity).order_by(IssuingEntity.id))
    return Letterhead(
        names=organisation.name,
        accent_colour=organisation.accent_colour,
        legal_name=entity.legal_name,
        address=tuple(entity.address),
        email=entity.email,
        website=organisation.website,
        time_zone=entity.time_zone,
        zones={each.locale: each.time_zone for each in bodies} | {entity.locale: entity.time_zone},
    )


def _texts(value: object) -> dict[str, str]:
    """One text for all languages, or one each with English among them."""
    if isinstance(value, str):
        return {"en": value}
    if isinstance(value, dict) and "en" in value:
        return {str(locale): str(text) for locale, text in value.items()}
    raise TypeError(f"a text needs at least English, not {value!r}")


_WORDS = ("headline", "story", "thanks")
"""What the pages say in every charity; other languages may leave out what English has."""


def _words(value: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    words = {locale: {key: str(text) for key, text in said.items()} for locale, said in value.items()}
    if missing := [key for key in _WORDS if not words.get(LOCALES[0], {}).get(key)]:
        raise OrganisationDocumentWrong(f"[organisation.words.en] lacks {', '.join(missing)}")
    return words


RowT = TypeVar("RowT", IssuingEntity, Fund, GivingTerms)


def _row(kind: type[RowT], given: Mapping[str, Any], **more: Any) -> RowT:
    """A row of the document, or the `TypeError` that names a key too many or too few."""
    columns = kind.__table__.columns
    needed = {column.name for column in columns if column.server_default is None and not column.nullable}
    if missing := needed - given.keys() - more.keys():
        raise TypeError(f"{kind.__name__} lacks {', '.join(sorted(missing))}")
    return kind(**given, **more)


def _check(entities: Sequence[IssuingEntity], funds: Sequence[Fund], terms: Sequence[GivingTerms]) -> None:
    """What the rows must be to each other; said here in words, before the database says it in its own."""
    if sum(entity.receives_online for entity in entities) != 1:
        raise OrganisationDocumentWrong("exactly one of [[entities]] must have receives_online = true")
    for table, rows in (("funds", funds), ("terms", terms)):
        if not rows:
            raise OrganisationDocumentWrong(f"there must be at least one [[{table}]], or nobody can give")
    for name, keys in (
        ("entity", [entity.id for entity in entities]),
        ("receipt_series", [entity.receipt_series for entity in entities]),
        ("fund", [fund.id for fund in funds]),
        ("currency", [row.currency for row in terms]),
    ):
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise OrganisationDocumentWrong(f"{name} {', '.join(twice)} stands twice in the document")
    for fund in funds:
        if fund.entity_id not in {entity.id for entity in entities}:
            raise OrganisationDocumentWrong(f"fund {fund.id}: there is no entity {fund.entity_id}")
    for row in terms:
        if not 0 < row.minimum <= row.maximum:
            raise OrganisationDocumentWrong(
                f"{row.currency}: minimum must be above 0 and at most the maximum"
            )
    for entity in entities:
        _check_zone(entity)
    for row in terms:
        _check_terms(row)


def _check_zone(entity: IssuingEntity) -> None:
    try:
        ZoneInfo(entity.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OrganisationDocumentWrong(
            f"entity {entity.id}: there is no time_zone {entity.time_zone!r}; one is `America/Los_Angeles`"
        ) from None


def _check_terms(row: GivingTerms) -> None:
    if not re.fullmatch("[a-z]{3}", row.currency):
        raise OrganisationDocumentWrong(
            f"currency {row.currency!r}: write three small letters, as at Stripe, such as `usd`"
        )
    if not 0 <= row.fee_basis_points < _ALL_OF_IT:
        raise OrganisationDocumentWrong(
            f"{row.currency}: fee_basis_points are hundredths of a percent, such as 290, and fewer than all"
        )
    if row.fee_fixed < 0 or (row.refund_limit or 0) < 0:
        raise OrganisationDocumentWrong(f"{row.currency}: fee_fixed and refund_limit must not be below 0")


_ALL_OF_IT = 10_000


def _merge_all(session: Session, rows: list[Any]) -> None:
    for row in rows:
        session.merge(row)
    session.flush()
