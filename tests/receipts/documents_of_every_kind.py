"""Every kind of document in every country that has it, to be read: content by name, without a language."""

from dataclasses import replace
from datetime import date

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
    "number": "US-T-2026-000004",
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
    "currency": "cad",
    "donor_address": ("14 Maple Road", "Halifax NS", "B3H 1A1"),
}
KOREA = {"entity": KOREAN_ENTITY, "currency": "krw", **_NO_DEDICATION}
BRITAIN = {"entity": in_country("GB"), "currency": "gbp"}
AUSTRALIA = {"entity": in_country("AU"), "currency": "aud"}
_MONEY_ONLY = {"gifts": a_statement().gifts[:2], "through_others": ()}

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

DOCUMENTS: dict[str, ReceiptContent | GivingSummary] = {
    "us-gift": us_receipt(),
    "us-religious": us_receipt(**worded("us_intangible_religious")),
    "us-benefit": us_receipt(**_BENEFIT, **worded("us_benefit")),
    "us-token": us_receipt(benefit_text="A mug", **_NO_DEDICATION, **worded("us_token_benefit")),
    "us-thing": us_receipt(**_THING, **worded("us_thing")),
    "us-thanks": us_receipt(**_THANKS, **worded("thanks")),
    "us-replacement": us_receipt(number="US-2026-000124", replaces_number="US-2026-000123"),
    "us-annual": a_statement(**_MONEY_ONLY, **worded("us_annual")),
    "us-annual-with-benefits": a_statement(),
    "us-annual-replacement": a_statement(
        **_MONEY_ONLY,
        **worded("us_annual"),
        number="US-A-2026-000057",
        replaces_number="US-A-2026-000042",
        verification_url="https://give.example.org/verify/US-A-2026-000057/A7KQ-M2XP-9RTD",
    ),
    "us-monthly": a_statement(
        kind="monthly", number="", verification_code=None, **_MONEY_ONLY, **worded("us_monthly")
    ),
    "ca-gift": us_receipt(**CANADA, **worded("ca_official")),
    "ca-advantage": us_receipt(**CANADA, **_BENEFIT, **worded("ca_official_with_advantage")),
    "ca-replacement": us_receipt(
        **CANADA, **worded("ca_official"), number="CA-2026-000009", replaces_number="CA-2026-000003"
    ),
    "gb-gift": us_receipt(**BRITAIN, **worded("gb_gift")),
    "gb-thing": us_receipt(**BRITAIN, **_THING, **worded("gb_thing")),
    "gb-annual": a_statement(entity=in_country("GB"), **_MONEY_ONLY, **worded("gb_annual")),
    "au-gift": us_receipt(**AUSTRALIA, **worded("au_dgr")),
    "au-annual": a_statement(entity=in_country("AU"), **_MONEY_ONLY, **worded("au_annual")),
    "de-geldzuwendung": us_receipt(**GERMANY, **worded("de_geldzuwendung"), currency="eur", **_NO_DEDICATION),
    "de-eingang": us_receipt(**GERMANY, **worded("de_eingang"), currency="eur", **_NO_DEDICATION),
    "de-sammelbestaetigung": a_statement(
        **GERMANY,
        **worded("de_sammelbestaetigung"),
        number="DE-A-2026-000003",
        gifts=tuple(
            SummaryGift(
                gift_date=date(2026, month, 14),
                receipt_number=f"DE-2026-{month:06}",
                fund_name="Sichere Wege",
                amount_minor=2_500 + month,
                currency="eur",
            )
            for month in range(1, 13)
        ),
        through_others=(),
    ),
    "kr-not-designated": us_receipt(**KOREA, **worded("kr_not_designated")),
    "kr-not-designated-annual": a_statement(
        entity=KOREAN_ENTITY, **_MONEY_ONLY, **worded("kr_not_designated_annual")
    ),
    "kr-designated": us_receipt(**KOREA, **worded("kr_designated")),
    "none-gift": us_receipt(**worded("none")),
}
