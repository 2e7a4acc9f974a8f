"""The charity's document: loaded as often as you like, and told plainly when it does not fit."""

import copy
import re
import tomllib
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.donations import organisation
from payments.donations.models import Fund, GivingTerms, IssuingEntity
from payments.donations.organisation import OrganisationDocumentWrong, OrganisationNotLoaded
from tests.conftest import PROJECT


@pytest.fixture
def document() -> dict[str, Any]:
    return tomllib.loads((PROJECT / "payments/local/organisation.toml").read_text())


def test_the_document_loaded_twice_is_loaded_once(session: Session, document: dict[str, Any]):
    organisation.load(session, document)
    organisation.load(session, copy.deepcopy(document))

    assert organisation.the_organisation(session).name == {"en": "Lantern Path", "ko": "등불길"}
    assert [fund.id for fund in organisation.open_funds(session)] == ["general", "rescue", "education"]
    assert [row.currency for row in organisation.giving_terms(session)] == ["usd", "krw"]
    assert organisation.receiving_entity(session).id == "us"


def test_a_changed_document_changes_what_it_changed(session: Session, document: dict[str, Any]):
    organisation.load(session, document)
    document["funds"].reverse()
    document["terms"][0]["minimum"] = 500
    document["entities"][0]["time_zone"] = "America/New_York"

    organisation.load(session, document)

    assert [fund.id for fund in organisation.open_funds(session)] == ["education", "rescue", "general"]
    assert organisation.giving_terms(session)[0].minimum == 500
    assert organisation.receiving_entity(session).time_zone == "America/New_York"


def test_a_fund_that_left_the_document_is_closed_and_kept(session: Session, document: dict[str, Any]):
    organisation.load(session, document)
    gone = document["funds"].pop(1)

    organisation.load(session, document)

    assert gone["id"] not in [fund.id for fund in organisation.open_funds(session)]
    assert session.get_one(Fund, gone["id"]).name_in("ko") == "구출과 정착"


def test_a_fund_that_comes_back_is_open_again(session: Session, document: dict[str, Any]):
    without = copy.deepcopy(document)
    without["funds"].pop(0)
    for each in (document, without, document):
        organisation.load(session, each)

    assert organisation.open_funds(session)[0].id == "general"


def test_a_currency_that_left_the_document_is_offered_no_more(session: Session, document: dict[str, Any]):
    organisation.load(session, document)
    document["terms"].pop(0)

    organisation.load(session, document)

    assert session.scalars(select(GivingTerms.currency)).all() == ["krw"]


@pytest.mark.parametrize("turned", [False, True])
def test_who_receives_may_move_to_another_entity(session: Session, document: dict[str, Any], turned: bool):
    organisation.load(session, document)
    session.commit()
    document["entities"][0]["receives_online"] = False
    document["entities"][1]["receives_online"] = True
    if turned:
        document["entities"].reverse()

    organisation.load(session, document)

    assert organisation.receiving_entity(session).id == "kr"
    assert len(session.scalars(select(IssuingEntity)).all()) == 2


def without(document: dict[str, Any], *path: Any) -> None:
    for step in path[:-1]:
        document = document[step]
    del document[path[-1]]


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (lambda d: without(d, "organisation"), "'organisation'"),
        (lambda d: without(d, "organisation", "website"), "'website'"),
        (lambda d: without(d, "organisation", "name", "en"), "at least English"),
        (lambda d: d["funds"][0].update(colour="red"), "'colour'"),
        (lambda d: d["entities"][0].update(receives_online=False), "exactly one of [[entities]]"),
        (lambda d: d["entities"][1].update(receives_online=True), "exactly one of [[entities]]"),
        (lambda d: d.update(terms=[7]), "does not fit"),
        (lambda d: d.update(funds=[]), "[[funds]]"),
        (lambda d: d.update(terms=[]), "[[terms]]"),
        (lambda d: without(d, "organisation", "words", "en"), "[organisation.words.en]"),
        (lambda d: without(d, "organisation", "words", "en", "story"), "story"),
    ],
)
def test_a_document_that_does_not_fit_names_what_is_wrong_and_changes_nothing(
    session: Session, document: dict[str, Any], break_it: Any, named: str
):
    break_it(document)

    with pytest.raises(OrganisationDocumentWrong) as refusal:
        organisation.load(session, document)

    assert named in str(refusal.value)
    with pytest.raises(OrganisationNotLoaded):
        organisation.the_organisation(session)


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (lambda d: without(d, "funds", 0, "id"), "id"),
        (lambda d: without(d, "entities", 0, "legal_name"), "legal_name"),
        (lambda d: d["funds"][0].update(entity_id="nowhere"), "nowhere"),
        (lambda d: d["terms"][0].update(minimum=0), "minimum"),
        (lambda d: d["funds"].append(dict(d["funds"][0])), "general"),
    ],
    ids=["no id", "no legal name", "unknown entity", "no minimum", "twice"],
)
def test_what_only_the_database_would_find_is_named_as_well(
    session: Session, document: dict[str, Any], break_it: Any, named: str
):
    break_it(document)

    with pytest.raises(OrganisationDocumentWrong) as refusal:
        organisation.load(session, document)

    assert named in str(refusal.value)


@pytest.mark.parametrize(
    ("break_it", "named"),
    [
        (lambda d: d["entities"][0].update(time_zone="America/Los_Angls"), "America/Los_Angls"),
        (lambda d: d["entities"][0].update(time_zone=""), "time_zone"),
        (lambda d: d["terms"][0].update(currency="USD"), "USD"),
        (lambda d: d["terms"][0].update(currency="dollar"), "dollar"),
        (lambda d: d["terms"][0].update(fee_basis_points=10_000), "fee_basis_points"),
        (lambda d: d["terms"][0].update(fee_basis_points=-1), "fee_basis_points"),
        (lambda d: d["terms"][0].update(fee_fixed=-30), "fee_fixed"),
        (lambda d: d["terms"][0].update(refund_limit=-1), "refund_limit"),
    ],
    ids=[
        *("a slip in a zone", "no zone", "large letters", "no currency"),
        *("a fee of all", "a fee below 0", "a fixed fee below 0", "a limit below 0"),
    ],
)
def test_what_only_the_first_gift_would_find_is_named_before_it(
    session: Session, document: dict[str, Any], break_it: Any, named: str
):
    break_it(document)

    with pytest.raises(OrganisationDocumentWrong, match=re.escape(named)):
        organisation.load(session, document)


def test_an_empty_house_says_how_to_set_it_up(session: Session):
    with pytest.raises(OrganisationNotLoaded, match="almoner organisation load FILE"):
        organisation.receiving_entity(session)
