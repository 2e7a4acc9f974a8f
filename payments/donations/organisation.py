"""The charity's own data: read from one TOML document, kept in four tables, asked for by the doors.

`docs/going-live.md` explains the document; `payments/local/organisation.toml` is the demo's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from payments.donations.models import Fund, GivingTerms, IssuingEntity, Organisation
from payments.errors import AlmonerError


class OrganisationNotLoaded(AlmonerError):
    """There is no organisation, no open fund or no receiving entity yet."""

    def __init__(self) -> None:
        super().__init__("No organisation is set up yet: run `almoner organisation load FILE`.")


class FundUnknown(AlmonerError):
    """No fund has this id, open or closed."""

    def __init__(self) -> None:
        super().__init__("There is no such fund. The funds are in the organisation's document.")


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
            words=document["organisation"]["words"],
        )
        entities = [IssuingEntity(**entity) for entity in document["entities"]]
        funds = [
            Fund(
                **{**fund, "name": _texts(fund["name"]), "description": _texts(fund["description"])},
                position=position,
                is_open=True,
            )
            for position, fund in enumerate(document["funds"])
        ]
        terms = [
            GivingTerms(**currency_terms, position=position)
            for position, currency_terms in enumerate(document["terms"])
        ]
    except (KeyError, TypeError) as mistake:
        raise OrganisationDocumentWrong(f"the organisation document does not fit: {mistake}") from mistake
    if sum(entity.receives_online for entity in entities) != 1:
        raise OrganisationDocumentWrong("exactly one of [[entities]] must have receives_online = true")

    _merge_all(session, [organisation, *entities])
    for fund in session.scalars(select(Fund)):
        fund.is_open = False
    _merge_all(session, funds)
    session.execute(delete(GivingTerms).where(GivingTerms.currency.not_in([row.currency for row in terms])))
    _merge_all(session, terms)


def the_organisation(session: Session) -> Organisation:
    """The charity, or `OrganisationNotLoaded`."""
    found = session.get(Organisation, 1)
    if found is None:
        raise OrganisationNotLoaded
    return found


def open_funds(session: Session) -> list[Fund]:
    """The funds that take gifts, in the charity's order."""
    return list(session.scalars(select(Fund).where(Fund.is_open).order_by(Fund.position)))


def known_funds(session: Session, fund_ids: Sequence[str]) -> dict[str, Fund]:
    """These funds, closed ones too, or `FundUnknown`."""
    found = {fund.id: fund for fund in session.scalars(select(Fund).where(Fund.id.in_(fund_ids)))}
    if set(fund_ids) - found.keys():
        raise FundUnknown
    return found


def giving_terms(session: Session) -> list[GivingTerms]:
    """What may be given, one row a currency, the charity's first currency first."""
    return list(session.scalars(select(GivingTerms).order_by(GivingTerms.position)))


def receiving_entity(session: Session) -> IssuingEntity:
    """The legal body whose Stripe account this is."""
    found = session.scalars(select(IssuingEntity).where(IssuingEntity.receives_online)).one_or_none()
    if found is None:
        raise OrganisationNotLoaded
    return found


def _texts(value: object) -> dict[str, str]:
    """One text for all languages, or one each with English among them."""
    if isinstance(value, str):
        return {"en": value}
    if isinstance(value, dict) and "en" in value:
        return {str(locale): str(text) for locale, text in value.items()}
    raise TypeError(f"a text needs at least English, not {value!r}")


def _merge_all(session: Session, rows: list[Any]) -> None:
    for row in rows:
        session.merge(row)
    session.flush()
