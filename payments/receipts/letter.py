"""The letter a receipt travels with: thanks in the donor's language, the facts in plain text, the PDF.

Composed once, from the same frozen content as the page, and kept as bytes in the outbox, so every
try to deliver it sends the same message. Nothing in it is fetched from outside and nothing tracks
whether it was read.
"""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

from payments.mail import message
from payments.mail.paper import paper
from payments.money import Money
from payments.receipts import page, statements, wording
from payments.receipts.content import EntityContent, ReceiptContent

_TEMPLATES = Path(__file__).parent / "templates"


def compose(
    content: ReceiptContent,
    *,
    to_address: str,
    from_address: str,
    message_id: str,
    dated: datetime,
    pdf: bytes,
    donate_url: str,
    gifts_url: str,
    manage_url: str | None = None,
) -> bytes:
    """The whole message. The same arguments give the same bytes.

    `gifts_url` is where its donor asks to see all gifts, and `manage_url` the signed link of the monthly
    gift of which this is an instalment. `message_id` carries
    its angle brackets and `dated` its zone. An address with a line break in it raises ValueError: headers
    cannot be smuggled in.
    """
    facts = _facts(content, donate_url, gifts_url) | {"manage_url": manage_url}
    return message.write(
        message.Envelope(
            subject=render(f"letter.{content.language}.subject.txt", facts),
            from_address=from_address,
            to_address=to_address,
            reply_to=content.entity.email,
            message_id=message_id,
            dated=dated,
            language=content.language,
        ),
        text=render(f"letter.{content.language}.txt", facts),
        html=render(f"letter.{content.language}.html", facts),
        attachment=message.Attachment(name=attachment_name(content), pdf=pdf),
    )


def attachment_name(content: ReceiptContent) -> str:
    """receipt-US-2026-000123.pdf: the number and nothing about the donor."""
    return f"receipt-{re.sub(r'[^A-Za-z0-9._-]', '-', content.number)}.pdf"


def _facts(content: ReceiptContent, donate_url: str, gifts_url: str) -> dict[str, Any]:
    language = content.language
    entity = content.entity
    statement = statements.find(content.statement_code, content.statement_version)
    foreign = language != statement.legal_language
    return around(entity, language, donate_url, gifts_url) | {
        "words": wording.words(language)["receipt"],
        "name": wording.printable(content.donor_name),
        "amount": None if content.is_thing else wording.amount(content.total, language),
        "thing": wording.printable(content.description or "") if content.is_thing else None,
        "is_letter": content.kind == "thanks",
        "gift_date": wording.long_date(content.gift_date, language),
        "number": wording.printable(content.number),
        "title": content.title,
        "lines": [
            {
                "label": wording.line_label(content, line),
                "amount": wording.amount(Money(line.amount_minor, content.currency), language),
            }
            for line in content.lines
        ],
        "totals": page.totals(content) if content.benefit_minor or len(content.lines) > 1 else [],
        "facts": [
            (fact["label"], fact["value"])
            for fact in page.facts(content)
            if fact["label"] != wording.words(language)["receipt"]["issued_on"]
        ],
        "dedication": wording.dedication(content),
        "beside": page.beside(content),
        "replaces": page.replaces(content),
        "statement": wording.filled(
            statement.sentence[statement.legal_language], content, statement.legal_language
        ),
        "statement_language": statement.legal_language,
        "translation": wording.filled(statement.sentence[language], content, language) if foreign else None,
        "note": statement.note.get(language),
        "is_tax_receipt": statement.is_tax_receipt,
    }


def around(entity: EntityContent, language: str, donate_url: str, gifts_url: str) -> dict[str, Any]:
    """What every letter of an entity has around its own words."""
    return {
        "language": language,
        "entity": {
            "name": wording.printable(entity.legal_name),
            "address": entity.address,
            "tax_id": wording.tax_id(entity, language),
            "email": entity.email,
            "website": entity.website,
            "signatory_name": entity.signatory_name,
            "signatory_title": entity.signatory_title,
        },
        "accent": wording.accent(entity),
        "donate_url": donate_url,
        "gifts_url": gifts_url,
    }


def render(template: str, facts: dict[str, Any]) -> str:
    """One template with its facts; a fact left out is an error, not a blank."""
    return paper(_TEMPLATES).get_template(template).render(facts).strip()
