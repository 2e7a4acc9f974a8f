"""The country packs: whole, honest about what nobody confirmed, and deaf to a body without authority."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from payments.receipts import countries, statements
from payments.receipts.content import LANGUAGES
from payments.receipts.countries import ReceiptForbidden, TokenYear
from payments.receipts.statements import PackWrong

SPRING = date(2026, 3, 3)


def test_every_country_of_the_specification_has_its_pack():
    assert set(countries.COUNTRIES) == {"US", "CA", "GB", "DE", "AU", "KR"}


def test_every_sentence_is_in_both_languages_and_in_the_one_that_binds():
    for statement in statements.CATALOGUE:
        needed = {*LANGUAGES, statement.legal_language}
        assert needed <= set(statement.sentence), statement.code
        assert needed <= set(statement.title), statement.code
        assert statement.source, statement.code


def test_no_document_of_ours_is_called_by_the_name_of_the_korean_statutory_form():
    for statement in statements.CATALOGUE:
        assert "기부금 영수증" not in statement.title["ko"]
        assert "기부금영수증" not in statement.title["ko"]


def test_the_american_body_has_no_korean_authority_and_the_korean_one_no_american():
    with pytest.raises(ReceiptForbidden, match="A body in US has no authority kr_designated"):
        countries.authority("US", "kr_designated")
    with pytest.raises(ReceiptForbidden, match="A body in KR has no authority us_no_goods_or_services"):
        countries.authority("KR", "us_no_goods_or_services")


def test_a_country_without_a_pack_issues_nothing():
    with pytest.raises(ReceiptForbidden, match="no country pack for FR"):
        countries.authority("FR", "fr_recu")


def test_a_body_that_claims_nothing_may_confirm_anything_anywhere():
    may = countries.authority("FR", "none")

    assert not countries.statement_for(may, "gift").is_tax_receipt


@pytest.mark.parametrize(
    ("jurisdiction", "code", "kind", "why"),
    [
        ("CA", "ca_official", "thing", "fair market value and the appraiser"),
        ("DE", "de_geldzuwendung", "thing", "another official form"),
        ("DE", "de_geldzuwendung", "annual", "no confirmation of their own"),
        ("AU", "au_dgr", "benefit", "GST-inclusive"),
        ("GB", "gb_gift", "benefit", "donor benefit rules"),
        ("KR", "kr_designated", "thing", "value by the tax act"),
    ],
)
def test_what_a_country_forbids_is_refused_with_what_a_person_can_do(jurisdiction, code, kind, why):
    may = countries.authority(jurisdiction, code)

    with pytest.raises(ReceiptForbidden, match=why):
        countries.statement_for(may, kind)


def test_a_benefit_above_two_percent_is_never_a_token():
    assert not countries.is_token(countries.of("US"), benefit=501, paid=25_000, currency="usd", day=SPRING)


def test_a_benefit_within_two_percent_waits_while_the_limit_of_its_year_is_not_confirmed():
    with pytest.raises(ReceiptForbidden, match="token benefits for 2026 is not confirmed"):
        countries.is_token(countries.of("US"), benefit=500, paid=25_000, currency="usd", day=SPRING)


@pytest.mark.parametrize(("benefit", "is_token"), [(14_000, True), (14_001, False)])
def test_the_dated_limit_decides_once_it_is_confirmed(benefit, is_token):
    country = countries.of("US")
    told = TokenYear(year=2026, confirmed=True, cap_minor=14_000, source="an invented figure")
    confirmed = country.__class__(**country.__dict__ | {"token_years": {2026: told}})

    assert is_token == countries.is_token(
        confirmed, benefit=benefit, paid=1_000_000, currency="usd", day=SPRING
    )


@pytest.mark.parametrize(
    ("cost", "paid", "are_ignored"),
    [(1_400, 7_000, True), (1_401, 7_000, False), (1_400, 6_999, False)],
)
def test_items_of_little_cost_are_ignored_by_the_figures_of_their_year(cost, paid, are_ignored):
    told = TokenYear(
        **{"year": 2026, "confirmed": True, "source": "invented figures", "cap_minor": 14_000},
        **{"low_cost_minor": 1_400, "payment_from_minor": 7_000},
    )
    country = replace(countries.of("US"), token_years={2026: told})

    assert are_ignored == countries.are_low_cost_items(
        country, cost=cost, paid=paid, currency="usd", day=SPRING
    )


def test_items_of_little_cost_wait_while_the_figures_of_their_year_are_not_confirmed():
    with pytest.raises(ReceiptForbidden, match="limits of low-cost items for 2026 are not confirmed"):
        countries.are_low_cost_items(countries.of("US"), cost=1, paid=25_000, currency="usd", day=SPRING)


@pytest.mark.parametrize(
    ("paid", "benefit", "duties"),
    [
        (24_999, 0, []),
        (25_000, 0, ["$250 or more"]),
        (7_500, 2_000, []),
        (7_501, 2_000, ["more than $75"]),
        (30_000, 2_000, ["$250 or more", "more than $75"]),
    ],
)
def test_the_payment_itself_decides_what_american_law_asks(paid, benefit, duties):
    asked = countries.duties(countries.of("US"), paid=paid, currency="usd", benefit=benefit)

    assert len(asked) == len(duties)
    assert all(part in sentence for part, sentence in zip(duties, asked, strict=True))


PACK = """
jurisdiction = "US"
legal_language = "en"
paper = "a4"
tax_id = {{ en = "{{tax_id}}" }}
copy_mark = {{ en = "COPY" }}
[[authority]]
code = "us"
documents = {{ gift = "{named}" }}
[[statement]]
code = "us_gift"
version = 1
is_tax_receipt = true
source = "{source}"
title = {{ en = "Receipt", ko = "영수증" }}
sentence = {{ en = "Given.", ko = "{korean}" }}
"""


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        ({"korean": ""}, "us_gift: the sentence lacks ko"),
        ({"source": " "}, "us_gift names no source"),
        ({"named": "us_gone"}, "us names us_gone for gift"),
    ],
)
def test_a_pack_that_is_not_whole_stops_the_start(tmp_path: Path, spoilt, says):
    whole = {"named": "us_gift", "source": "The law", "korean": "드림."}
    (tmp_path / "us.toml").write_text(PACK.format(**whole | spoilt), encoding="utf-8")
    packs = statements.read_packs(tmp_path)

    with pytest.raises(PackWrong, match=says):
        countries.read_countries(packs, statements.read_statements(packs))
