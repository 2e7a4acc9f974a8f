"""Every kind of document in every country that has it, to be read: content by name, without a language."""

from dataclasses import replace
from datetime import date
from typing import Any

from payments.receipts import statements
from payments.receipts.content import EntityContent, ReceiptContent, ReceiptLine
from payments.receipts.summary import GivingSummary, SummaryGift
from tests.receipts.receipt_samples import KOREAN_ENTITY, US_ENTITY, a_statement, us_receipt

_NO_DEDICATION = {"dedication_kind": None, "dedication_name": None}
_THING = {
    "kind": "thing",
    "description": "40 winter coats, new, in adult sizes",
    "lines": (ReceiptLine(fund_name="Safe passage", amount_minor=25_750),),
    "method_kind": "in_kind",
    **_NO_DEDICATION,
}
_BENEFIT = {
    "kind": "benefit",
    "benefit_minor": 4_000,
    "benefit_text": "Two seats at the Lantern Gala",
    **_NO_DEDICATION,
}
_THANKS = {
    "kind": "thanks",
    "donor_name": "Pacific Charitable Gift Fund",
    "soft_credit_name": "Margaret O’Sullivan",
    "method_kind": "cheque",
    "card_brand": None,
    "last4": None,
    **_NO_DEDICATION,
}


def in_country(jurisdiction: str, **facts: str) -> EntityContent:
    """The charity of the samples as a body of another country."""
    return replace(US_ENTITY, jurisdiction=jurisdiction, tax_id="00 000 000", facts=facts)


def worded(code: str) -> dict[str, str | int]:
    """The newest version of a sentence, as the content names it."""
    return {"statement_code": code, "statement_version": statements.current(code).version}


CANADA = {
    "entity": in_country("CA", place_of_issue="Toronto, Ontario"),
    "donor_address": ("14 Maple Road", "Halifax NS", "B3H 1A1"),
}
BRITAIN = {"entity": in_country("GB")}
AUSTRALIA = {"entity": in_country("AU")}
GERMANY = {
    "entity": replace(
        in_country(
            "DE",
            place_of_issue="Berlin",
            tax_office="Berlin für Körperschaften I",
            exemption_notice_date="12.05.2024",
            assessment_period="2023",
            purposes="der Hilfe für Flüchtlinge",
        ),
        legal_name="Offener Hafen e. V.",
        address=("Hafenstraße 4", "10115 Berlin"),
        tax_id="27/000/00000",
    ),
    "donor_address": ("Ahornweg 14", "20095 Hamburg"),
}
KOREA = {"entity": KOREAN_ENTITY}
AMERICA = {"entity": US_ENTITY}
_CURRENCIES = {"US": "usd", "CA": "cad", "GB": "gbp", "AU": "aud", "DE": "eur", "KR": "krw"}


def receipt(place: dict[str, Any], code: str, **changes: Any) -> ReceiptContent:
    """A gift to a body of this place, in its own money and series, under this sentence."""
    jurisdiction = place["entity"].jurisdiction
    series = f"{jurisdiction}-T" if changes.get("kind") == "thanks" else jurisdiction
    given = place | {"number": f"{series}-2026-000123", "currency": _CURRENCIES[jurisdiction]}
    return us_receipt(**given | worded(code) | changes)


def statement(place: dict[str, Any], code: str, **changes: Any) -> GivingSummary:
    """Two gifts of a year to a body of this place."""
    jurisdiction = place["entity"].jurisdiction
    gifts = tuple(
        replace(
            gift,
            receipt_number=gift.receipt_number.replace("US", jurisdiction),
            currency=_CURRENCIES[jurisdiction],
        )
        for gift in a_statement().gifts[:2]
    )
    given = {"number": f"{jurisdiction}-A-2026-000042", "gifts": gifts, "through_others": ()}
    return a_statement(**place | given | worded(code) | changes)


def on_request(place: dict[str, Any], code: str) -> GivingSummary:
    """The summary a donor asks for: in no register, so without a number and a code."""
    return statement(place, code, kind="monthly", number="", verification_code=None)


def in_place_of(document: ReceiptContent | GivingSummary) -> ReceiptContent | GivingSummary:
    """The document that takes this one's place."""
    return replace(document, number=f"{document.number[:-6]}000157", replaces_number=document.number)


_MONTHS_OF_GERMAN_GIFTS = tuple(
    SummaryGift(
        gift_date=date(2026, month, 14),
        receipt_number=f"DE-2026-{month:06}",
        fund_name="Sichere Wege",
        amount_minor=2_500 + month,
        currency="eur",
    )
    for month in range(1, 13)
)
_ORIGINALS: dict[str, ReceiptContent | GivingSummary] = {
    "us-gift": us_receipt(),
    "us-religious": us_receipt(**worded("us_intangible_religious")),
    "us-benefit": receipt(AMERICA, "us_benefit", **_BENEFIT),
    "us-token": receipt(AMERICA, "us_token_benefit", benefit_text="A mug", **_NO_DEDICATION),
    "us-thing": receipt(AMERICA, "us_thing", **_THING),
    "us-thing-religious": receipt(AMERICA, "us_thing_religious", **_THING),
    "us-thanks": receipt(AMERICA, "thanks", **_THANKS),
    "us-annual": statement(AMERICA, "us_annual"),
    "us-annual-religious": statement(AMERICA, "us_annual_religious"),
    "us-annual-with-benefits": a_statement(),
    "us-annual-religious-with-benefits": a_statement(**worded("us_annual_religious_with_benefits")),
    "us-annual-after-a-move": statement(AMERICA, "us_annual", elsewhere_until=date(2026, 1, 31)),
    "us-monthly": on_request(AMERICA, "us_monthly"),
    "ca-gift": receipt(CANADA, "ca_official"),
    "ca-advantage": receipt(CANADA, "ca_official_with_advantage", **_BENEFIT),
    "ca-thanks": receipt(CANADA, "thanks", **_THANKS),
    "ca-annual": statement(CANADA, "ca_annual"),
    "ca-monthly": on_request(CANADA, "ca_annual"),
    "gb-gift": receipt(BRITAIN, "gb_gift"),
    "gb-thing": receipt(BRITAIN, "gb_thing", **_THING),
    "gb-thanks": receipt(BRITAIN, "thanks", **_THANKS),
    "gb-annual": statement(BRITAIN, "gb_annual"),
    "gb-monthly": on_request(BRITAIN, "gb_annual"),
    "au-gift": receipt(AUSTRALIA, "au_dgr"),
    "au-thanks": receipt(AUSTRALIA, "thanks", **_THANKS),
    "au-annual": statement(AUSTRALIA, "au_annual"),
    "au-monthly": on_request(AUSTRALIA, "au_annual"),
    "de-geldzuwendung": receipt(GERMANY, "de_geldzuwendung", **_NO_DEDICATION),
    "de-eingang": receipt(GERMANY, "de_eingang", **_NO_DEDICATION),
    "de-thanks": receipt(GERMANY, "thanks", **_THANKS),
    "de-sammelbestaetigung": statement(GERMANY, "de_sammelbestaetigung", gifts=_MONTHS_OF_GERMAN_GIFTS),
    "kr-not-designated": receipt(KOREA, "kr_not_designated", **_NO_DEDICATION),
    "kr-not-designated-thing": receipt(KOREA, "kr_not_designated", **_THING),
    "kr-not-designated-annual": statement(KOREA, "kr_not_designated_annual"),
    "kr-not-designated-monthly": on_request(KOREA, "kr_not_designated_annual"),
    "kr-designated": receipt(KOREA, "kr_designated", **_NO_DEDICATION),
    "kr-designated-annual": statement(KOREA, "kr_designated_annual"),
    "kr-designated-monthly": on_request(KOREA, "kr_designated_annual"),
    "kr-thanks": receipt(KOREA, "thanks", **_THANKS),
    "none-gift": us_receipt(**worded("none")),
    "none-benefit": receipt(AMERICA, "none", **_BENEFIT),
    "none-thing": receipt(AMERICA, "none", **_THING),
    "none-annual": statement(AMERICA, "none"),
    "none-monthly": on_request(AMERICA, "none"),
}
REPLACED = (
    *("us-gift", "us-thanks", "us-annual", "ca-gift", "ca-annual", "gb-gift", "gb-annual", "au-gift"),
    *("au-annual", "de-geldzuwendung", "de-eingang", "de-sammelbestaetigung", "kr-not-designated"),
    *("kr-not-designated-annual", "kr-designated", "kr-designated-annual", "none-gift", "none-annual"),
)
"""One of each sort of page in each country: the sentence that cites the old number is the same for others."""
DOCUMENTS: dict[str, ReceiptContent | GivingSummary] = _ORIGINALS | {
    f"{name.removesuffix('-gift')}-replacement": in_place_of(_ORIGINALS[name]) for name in REPLACED
}
