"""The letter an annual statement travels with: thanks for the year, its totals in plain text, the PDF."""

import re
from datetime import datetime
from typing import Any

from payments.mail import message
from payments.receipts import letter, statements, summary_page, wording
from payments.receipts.summary import GivingSummary


def compose(
    summary: GivingSummary,
    *,
    to_address: str,
    from_address: str,
    message_id: str,
    dated: datetime,
    pdf: bytes,
    donate_url: str,
    gifts_url: str,
) -> bytes:
    """The whole message. The same arguments give the same bytes."""
    facts = _facts(summary, donate_url, gifts_url)
    language = summary.language
    return message.write(
        message.Envelope(
            subject=facts["subject"],
            from_address=from_address,
            to_address=to_address,
            reply_to=summary.entity.email,
            message_id=message_id,
            dated=dated,
            language=language,
        ),
        text=letter.render(f"annual.{language}.txt", facts),
        html=letter.render(f"annual.{language}.html", facts),
        attachment=message.Attachment(name=_attachment_name(summary), pdf=pdf),
    )


def _attachment_name(summary: GivingSummary) -> str:
    """statement-US-A-2026-000042.pdf: the number and nothing about the donor."""
    return f"statement-{re.sub(r'[^A-Za-z0-9._-]', '-', summary.number)}.pdf"


def _facts(summary: GivingSummary, donate_url: str, gifts_url: str) -> dict[str, Any]:
    language = summary.language
    say = wording.words(language)["summary"]
    receipt = wording.words(language)["receipt"]
    statement = statements.find(summary.statement_code, summary.statement_version)
    legal = statement.legal_language
    year = str(summary.period_from.year)
    is_replacement = summary.replaces_number is not None
    opening = say["opening"] if statement.is_tax_receipt else say["opening_not_tax"]
    if is_replacement:
        opening = say["opening_replaced"]
    if (elsewhere := summary_page.elsewhere(summary)) is not None:
        opening = f"{opening} {elsewhere}"
    subject = say["subject_replaced" if is_replacement else "subject"]
    name = wording.printable(summary.entity.legal_name)
    return letter.around(summary.entity, language, donate_url, gifts_url) | {
        "title": summary.title,
        "number": summary.number,
        "name": wording.printable(summary.donor_name),
        "subject": subject.replace("{year}", year).replace("{entity}", name),
        "opening": opening.replace("{year}", year),
        "once": say["once"],
        "words": receipt | {"fund": say["year"].replace("{year}", year)},
        "amount": " · ".join(wording.amount(total.eligible, language) for total in summary.totals),
        "thing": None,
        "manage_url": None,
        "is_letter": False,
        "dedication": None,
        "beside": None,
        "replaces": summary_page.replaces(summary),
        "lines": [
            {"label": line["label"], "amount": line["amount"]}
            for total in summary.totals
            for line in summary_page.totals(total, language)
        ],
        "totals": [],
        "facts": [
            (say["number"], summary.number),
            (say["gifts"], str(len(summary.gifts))),
        ],
        "statement": wording.named(statement.sentence[legal], summary.entity),
        "statement_language": legal,
        "translation": wording.named(statement.sentence[language], summary.entity)
        if language != legal
        else None,
        "note": statement.note.get(language),
        "is_tax_receipt": statement.is_tax_receipt,
    }
