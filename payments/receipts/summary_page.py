"""The page of a list of gifts in words: everything `templates/summary.typ` prints."""

from typing import Any

from payments.money import Money
from payments.receipts import statements
from payments.receipts.page import Stamp, frame, verification
from payments.receipts.summary import GivingSummary, SummaryGift, Total
from payments.receipts.wording import (
    amount,
    breakable,
    long_date,
    named,
    printable,
    short_date,
    width,
    words,
)


def page_of_summary(summary: GivingSummary, *, stamp: Stamp | None = None) -> dict[str, Any]:
    """Every word of the page, ready to be laid out."""
    language = summary.language
    say = words(language)["summary"]
    receipt = words(language)["receipt"]
    name = printable(summary.donor_name)
    return frame(summary.entity, language=language, title=summary.title, stamp=stamp) | {
        "number": summary.number,
        "donor": breakable(receipt["donor"].replace("{name}", name)),
        "donor-length": width(name),
        "donor-address": breakable(printable(", ".join(summary.donor_address))) or None,
        "period": say["period"].format(
            first=long_date(summary.period_from, language), last=long_date(summary.period_until, language)
        ),
        "facts": _facts(summary),
        "columns": [say["date"], say["gift"], say["receipt"], receipt["amount"]],
        "gifts": [_gift(gift, language) for gift in summary.gifts],
        "nothing": say["nothing"] if not summary.gifts else None,
        "totals": [line for total in summary.totals for line in totals(total, language)],
        "elsewhere": elsewhere(summary),
        "others-label": say["through_others"],
        "others-note": say["through_others_note"],
        "others": [
            {
                "date": short_date(gift.gift_date, language),
                "label": breakable(printable(gift.payer_name)),
                "amount": amount(Money(gift.amount_minor, gift.currency), language),
            }
            for gift in summary.through_others
        ],
        "records-label": receipt["for_your_records"],
        "statement": _statement(summary),
        "replaces": replaces(summary),
        "questions": receipt["questions"].format(email=summary.entity.email),
        "verification": verification(summary.verification_code, summary.verification_url, language),
        "page-label": receipt["page"],
    }


def replaces(summary: GivingSummary) -> str | None:
    """Which statement this one takes the place of, as a sentence."""
    if summary.replaces_number is None:
        return None
    return str(words(summary.language)["summary"]["replaces"]).replace("{number}", summary.replaces_number)


def elsewhere(summary: GivingSummary) -> str | None:
    """What the list leaves out because another platform receipted it, as a sentence."""
    if summary.elsewhere_until is None:
        return None
    until = long_date(summary.elsewhere_until, summary.language)
    return str(words(summary.language)["summary"]["elsewhere"]).replace("{day}", until)


def totals(total: Total, language: str) -> list[dict[str, Any]]:
    """The sum of one currency; with what was got in return subtracted in the open."""
    say = words(language)["summary"]
    currency = total.paid.currency.upper()
    if not total.benefit:
        return [_sum(say["total"].format(currency=currency), total.paid, language, is_last=True)]
    return [
        _sum(say["paid"].format(currency=currency), total.paid, language, is_last=False),
        _sum(say["benefits"], -total.benefit, language, is_last=False),
        _sum(say["total"].format(currency=currency), total.eligible, language, is_last=True),
    ]


def _sum(label: str, money: Money, language: str, *, is_last: bool) -> dict[str, Any]:
    return {"label": label, "amount": amount(money, language), "is-last": is_last}


def _facts(summary: GivingSummary) -> list[dict[str, str]]:
    language = summary.language
    say, receipt = words(language)["summary"], words(language)["receipt"]
    facts = [
        {"label": receipt["issued_on"], "value": long_date(summary.issued_on, language)},
        {"label": say["gifts"], "value": str(len(summary.gifts))},
    ]
    return [{"label": say["number"], "value": summary.number}, *facts] if summary.number else facts


def _gift(gift: SummaryGift, language: str) -> dict[str, str | None]:
    say = words(language)["summary"]
    label, note = printable(gift.fund_name), None
    if gift.description is not None:
        label = f"{printable(gift.description)} ({label})"
    if gift.benefit_minor:
        note = (
            say["in_return"]
            .replace("{value}", amount(Money(gift.benefit_minor, gift.currency), language))
            .replace("{benefit}", printable(gift.benefit_text or ""))
        )
    return {
        "date": short_date(gift.gift_date, language),
        "label": breakable(label),
        "note": breakable(note),
        "receipt": gift.receipt_number,
        "amount": say["no_value"]
        if gift.description is not None
        else amount(Money(gift.amount_minor, gift.currency), language),
    }


def _statement(summary: GivingSummary) -> dict[str, str | None]:
    statement = statements.find(summary.statement_code, summary.statement_version)
    legal, reader = statement.legal_language, summary.language
    return {
        "lang": legal,
        "text": named(statement.sentence[legal], summary.entity),
        "translation": named(statement.sentence[reader], summary.entity) if reader != legal else None,
        "note": statement.note.get(reader),
        "translation-note": words(reader)["receipt"]["translation"],
    }
