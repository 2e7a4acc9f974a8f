"""Short letters about a receipt: that it does not count any more, and a copy of it for whoever lost theirs.

In the language of the receipt, from what the receipt itself says; and by the name that it gives itself,
because a thank-you letter or a plain confirmation was never a receipt that anybody could claim.
"""

import re
import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from payments.mail import message
from payments.mail.paper import paper
from payments.receipts import letter, page, statements, wording
from payments.receipts.content import ReceiptContent
from payments.receipts.models import VoidCause
from payments.receipts.summary import GivingSummary
from payments.settings import settings

_TEMPLATES = Path(__file__).parent / "templates"


def of_void(
    content: ReceiptContent, cause: VoidCause, *, to_address: str, message_id: str, dated: datetime
) -> bytes:
    """That this receipt is void: not to be used, and what to do if it was."""
    words = _words(content.language)["void"]
    paragraphs = [words[cause.value], words["do_not_claim" if _is_claimed(content) else "do_not_use"]]
    said = _said(content)
    return _write(content, words, paragraphs, said, to_address=to_address, message_id=message_id, dated=dated)


def of_void_statement(summary: GivingSummary, *, to_address: str, message_id: str, dated: datetime) -> bytes:
    """That this statement is void and nothing is left to list."""
    words = _words(summary.language)["void_statement"]
    if statements.find(summary.statement_code, summary.statement_version).is_tax_receipt:
        paragraphs = [words["no_receipt_left"], words["do_not_claim"]]
    else:
        paragraphs = [words["nothing_left"], words["do_not_use"]]
    said = {"number": summary.number, "year": str(summary.period_from.year)}
    return _write(summary, words, paragraphs, said, to_address=to_address, message_id=message_id, dated=dated)


def of_copy(
    content: ReceiptContent, pdf: bytes, *, to_address: str, message_id: str, dated: datetime
) -> bytes:
    """The very document that was sent before, and that it is to be used once."""
    words = _words(content.language)["copy"]
    return _write(
        content,
        words,
        [words["attached"], words["claim_once" if _is_claimed(content) else "the_same"]],
        _said(content),
        to_address=to_address,
        message_id=message_id,
        dated=dated,
        attachment=message.Attachment(name=letter.attachment_name(content), pdf=pdf),
    )


def _is_claimed(content: ReceiptContent) -> bool:
    return page.called(content) == "receipt"


def _said(content: ReceiptContent) -> dict[str, str]:
    return {
        **_words(content.language)[page.called(content)],
        "number": wording.printable(content.number),
        "date": wording.long_date(content.gift_date, content.language),
        # Of a thing no value is ever said; of money its description is a note of whoever took it in.
        "amount": wording.printable(content.description or "")
        if content.is_thing
        else wording.amount(content.total, content.language),
    }


def _write(
    content: ReceiptContent | GivingSummary,
    words: dict[str, str],
    paragraphs: list[str],
    said: dict[str, str],
    *,
    to_address: str,
    message_id: str,
    dated: datetime,
    attachment: message.Attachment | None = None,
) -> bytes:
    language = content.language
    said = said | {"email": content.entity.email, "name": wording.printable(content.donor_name)}
    facts: dict[str, Any] = {
        "language": language,
        "title": _filled(words["subject"], said),
        "greeting": _filled(words["greeting"], said),
        "paragraphs": [_filled(paragraph, said) for paragraph in (*paragraphs, words["questions"])],
        "entity": wording.printable(content.entity.legal_name),
        "accent": wording.accent(content.entity),
    }
    return message.write(
        message.Envelope(
            subject=facts["title"],
            from_address=settings().mail_from,
            to_address=to_address,
            reply_to=content.entity.email,
            message_id=message_id,
            dated=dated,
            language=language,
        ),
        text=paper(_TEMPLATES).get_template("notice.txt").render(facts).strip(),
        html=paper(_TEMPLATES).get_template("notice.html").render(facts).strip(),
        attachment=attachment,
    )


def _filled(pattern: str, said: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda place: said[place[1]], pattern)


@cache
def _words(language: str) -> dict[str, dict[str, str]]:
    return tomllib.loads((_TEMPLATES / f"notices.{language}.toml").read_text(encoding="utf-8"))
