"""Short letters about a document: they call it what it calls itself, and never more."""

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from payments.receipts import notices
from payments.receipts.content import ReceiptContent
from payments.receipts.models import VoidCause
from payments.receipts.summary import GivingSummary
from tests.receipts.documents_of_every_kind import DOCUMENTS
from tests.receipts.receipt_samples import us_receipt

SENT = {
    "to_address": "ada@example.com",
    "message_id": "<1@example.org>",
    "dated": datetime(2026, 3, 4, tzinfo=UTC),
}
NEVER_CLAIMED = ("us-thanks", "ca-thanks", "kr-not-designated", "kr-designated", "de-eingang", "gb-thing")
OF_A_CLAIM = ("receipt", "tax", "claim", "영수증", "세금", "공제")


def words_of(wire: bytes) -> str:
    message = email.message_from_bytes(wire, policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    return " ".join(f"{message['subject']} {body.get_content()}".split())


@pytest.mark.parametrize("locale", ["en", "ko"])
@pytest.mark.parametrize("name", NEVER_CLAIMED)
def test_what_nobody_can_claim_is_not_called_a_receipt_when_it_is_withdrawn_or_copied(
    name: str, locale: str
) -> None:
    content = DOCUMENTS[name]
    assert isinstance(content, ReceiptContent)
    content = replace(content, locale=locale)

    told = [
        *(words_of(notices.of_void(content, cause, **SENT)) for cause in VoidCause),
        words_of(notices.of_copy(content, b"%PDF", **SENT)),
    ]

    assert not [word for word in OF_A_CLAIM for words in told if word in words.lower()]
    assert all(content.number in words for words in told)


def test_money_is_told_by_its_amount_and_a_thing_by_what_it_is() -> None:
    cheque = replace(us_receipt(), description="In the blue envelope")
    thing = DOCUMENTS["us-thing"]
    assert isinstance(thing, ReceiptContent)

    told = [words_of(notices.of_void(each, VoidCause.TAKEN_BACK, **SENT)) for each in (cheque, thing)]

    assert "Your gift of $257.50" in told[0]
    assert "Your gift of 40 winter coats, new, in adult sizes" in told[1]


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_a_summary_nobody_can_claim_from_is_withdrawn_without_a_word_of_taxes(locale: str) -> None:
    summary = DOCUMENTS["kr-not-designated-annual"]
    assert isinstance(summary, GivingSummary)

    told = words_of(notices.of_void_statement(replace(summary, locale=locale), **SENT))

    assert not [word for word in OF_A_CLAIM if word in told.lower()]
    assert summary.number in told
