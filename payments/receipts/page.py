"""The page of a receipt in words: everything the layout prints, already in the reader's language.

The layout (`templates/receipt.typ`) only lays out, so nothing a donor typed is ever read as markup.
"""

import re
from typing import Any, Literal

from payments.money import Money
from payments.receipts import countries, qr, statements
from payments.receipts.content import EntityContent, ReceiptContent
from payments.receipts.wording import (
    accent,
    amount,
    breakable,
    dedication,
    filled,
    line_label,
    long_date,
    payment_method,
    printable,
    tax_id,
    width,
    words,
)

Stamp = Literal["copy", "draft"]
"""What a page that is not the original says in its corner."""
Called = Literal["receipt", "document", "letter"]
REGIONS = {"en": "US", "ko": "KR"}
_LINES_OF_ONE_PAGE = 8
_TYPED_ON_ONE_PAGE = 300


def page_of(content: ReceiptContent, *, stamp: Stamp | None = None) -> dict[str, Any]:
    """Every word of the page, ready to be laid out."""
    language = content.language
    say = words(language)["receipt"]
    name = printable(content.donor_name)
    return frame(content.entity, language=language, title=content.title, stamp=stamp) | {
        "number": content.number,
        "kind": content.kind,
        "greeting": say["greeting"],
        "donor": breakable(say["donor"].replace("{name}", name)),
        "donor-length": width(name),
        "donor-address": breakable(printable(", ".join(content.donor_address))) or None,
        "gave": say["gave_thing"] if content.is_thing else say["gave"],
        "amount": amount(content.total, language),
        "thing": breakable(printable(content.description or "")) if content.is_thing else None,
        "received-on": say["received_on"].format(date=long_date(content.gift_date, language)),
        "dedication": breakable(dedication(content)),
        "beside": beside(content),
        "facts": facts(content),
        "fund-label": say["fund"],
        "amount-label": say["amount"],
        "lines": [
            {
                "label": breakable(line_label(content, line)),
                "amount": amount(Money(line.amount_minor, content.currency), language),
            }
            for line in content.lines
        ],
        "totals": totals(content),
        "records-label": say["for_your_records"],
        "statement": _statement(content),
        "replaces": replaces(content),
        "questions": say["questions"].format(email=content.entity.email),
        "verification": verification(content.verification_code, content.verification_url, language),
        "page-label": say["page"] if _may_need_two_pages(content) else None,
    }


def frame(entity: EntityContent, *, language: str, title: str, stamp: Stamp | None) -> dict[str, Any]:
    """What every document of an entity has around its own words."""
    country = countries.COUNTRIES.get(entity.jurisdiction)
    website = re.sub(r"^https?://", "", entity.website).rstrip("/")
    return {
        "lang": language,
        "region": REGIONS.get(language, entity.jurisdiction),
        "paper": country.paper if country is not None else "a4",
        "accent": accent(entity),
        "title": title,
        "stamp": _stamp(country, language, stamp) if stamp is not None else None,
        "entity": {
            "name": entity.legal_name,
            "initial": entity.legal_name.strip()[:1].upper(),
            "address": " · ".join(entity.address),
        },
        "signatory": {
            "name": entity.signatory_name,
            "title": entity.signatory_title,
            "label": country.signature.get(language) if country is not None else None,
        },
        "footer": [f"{entity.legal_name} · {tax_id(entity, language)}", f"{website} · {entity.email}"],
    }


def verification(code: str | None, url: str | None, language: str) -> dict[str, str] | None:
    """How a reader can check the document: the code, the page, and a picture of both for a camera."""
    if code is None:
        return None
    say = words(language)["receipt"]
    page = re.sub(r"^https?://", "", url or "").partition("/verify")[0] + "/verify"
    return {
        "code": say["verification"].format(code=code),
        "hint": say["verification_hint"].format(page=page) if url else "",
        "qr": qr.svg(url) if url else "",
        "alt": say["verification_picture"],
    }


def _stamp(country: countries.Country | None, language: str, stamp: Stamp) -> str:
    mark = country.copy_mark.get(language) if country is not None and stamp == "copy" else None
    return mark or str(words(language)["receipt"][stamp])


def replaces(content: ReceiptContent) -> str | None:
    """Which receipt this one takes the place of, as a sentence."""
    if content.replaces_number is None:
        return None
    say = words(content.language)["receipt"]
    return say[_called(content, "replaces")].replace("{number}", content.replaces_number)


def called(content: ReceiptContent) -> Called:
    """What the page calls itself, and what every letter about it calls it: one that is no tax receipt never
    goes by that name."""
    if content.kind == "thanks":
        return "letter"
    is_tax_receipt = statements.find(content.statement_code, content.statement_version).is_tax_receipt
    return "receipt" if is_tax_receipt else "document"


def _called(content: ReceiptContent, what: str) -> str:
    """The name of a word for this sort of page."""
    name = called(content)
    return what if name == "receipt" else f"{name}_{what}"


def beside(content: ReceiptContent) -> str | None:
    """Who is thanked beside the payer, as a sentence."""
    if content.soft_credit_name is None:
        return None
    pattern = words(content.language)["receipt"]["beside"]
    return breakable(pattern.replace("{name}", printable(content.soft_credit_name)))


def facts(content: ReceiptContent) -> list[dict[str, str]]:
    """What an accountant looks for: number, days, and how money was paid."""
    say = words(content.language)["receipt"]
    facts = [
        {
            "label": say[_called(content, "number")],
            "value": content.number,
        },
        {"label": say["gift_date"], "value": long_date(content.gift_date, content.language)},
        {"label": say["issued_on"], "value": long_date(content.issued_on, content.language)},
    ]
    if not content.is_thing:
        facts.append({"label": say["payment_method"], "value": payment_method(content)})
    return facts


def totals(content: ReceiptContent) -> list[dict[str, str]]:
    """The last lines of the table, the very last one in weight. A thing has none: it names no value."""
    language = content.language
    say = words(language)["receipt"]
    if content.is_thing:
        return []
    if not content.benefit_minor:
        return [{"label": say["total"], "amount": amount(content.total, language)}]
    received = breakable(say["benefit"].replace("{benefit}", printable(content.benefit_text or "")))
    return [
        {"label": say["paid"], "amount": amount(content.total, language)},
        {"label": str(received), "amount": amount(-content.benefit, language)},
        {"label": say["eligible"], "amount": amount(content.eligible, language)},
    ]


def _may_need_two_pages(content: ReceiptContent) -> bool:
    typed = [content.donor_name, content.dedication_name, content.benefit_text, content.description]
    return (
        len(content.lines) > _LINES_OF_ONE_PAGE
        or sum(width(text or "") for text in typed) > _TYPED_ON_ONE_PAGE
    )


def _statement(content: ReceiptContent) -> dict[str, str | None]:
    statement = statements.find(content.statement_code, content.statement_version)
    legal, reader = statement.legal_language, content.language
    return {
        "lang": legal,
        "text": breakable(filled(statement.sentence[legal], content, legal)),
        "translation": breakable(filled(statement.sentence[reader], content, reader))
        if reader != legal
        else None,
        "note": statement.note.get(reader),
        "translation-note": words(reader)["receipt"]["translation"],
    }
