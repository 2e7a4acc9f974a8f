"""The German confirmation: the official wording in the official order, and amounts in words.

The form is one page without thanks or advertising, in German whatever the donor reads; the letter around
it speaks the donor's language.
"""

from typing import Any

from payments.money import Money, exponent
from payments.receipts import statements
from payments.receipts.content import ReceiptContent
from payments.receipts.page import Stamp, frame
from payments.receipts.summary import GivingSummary
from payments.receipts.wording import amount, breakable, named, printable, short_date

_SMALL = (
    *("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf"),
    *("zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn"),
)
_TENS = ("", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")


def in_words(number: int) -> str:
    """A whole number below a milliard, spelt out: 1322 is eintausenddreihundertzweiundzwanzig."""
    millions, rest = divmod(number, 1_000_000)
    if not millions:
        return _below_a_million(rest)
    head = "eine Million" if millions == 1 else f"{_below_a_million(millions)} Millionen"
    return f"{head} {_below_a_million(rest)}" if rest else head


def _below_a_million(number: int) -> str:
    thousands, rest = divmod(number, 1_000)
    if not thousands:
        return _below_a_thousand(rest)
    # The one of a thousand and of a hundred has no s: eintausend, hunderteintausend.
    head = (
        _below_a_thousand(thousands).removesuffix("s")
        if thousands % 100 == 1
        else _below_a_thousand(thousands)
    )
    return f"{head}tausend{_below_a_thousand(rest) if rest else ''}"


def _below_a_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_a_hundred(rest)
    head = "ein" if hundreds == 1 else _SMALL[hundreds]
    return f"{head}hundert{_below_a_hundred(rest) if rest else ''}"


def _below_a_hundred(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    tens, ones = divmod(number, 10)
    if not ones:
        return _TENS[tens]
    return f"{'ein' if ones == 1 else _SMALL[ones]}und{_TENS[tens]}"


def money_in_words(money: Money) -> str:
    """An amount of euros as the form spells it: zweihundertsiebenundfünfzig Euro und fünfzig Cent."""
    whole, cents = divmod(money.minor, 10 ** exponent(money.currency))
    euros = "ein" if whole == 1 else in_words(whole)
    return f"{euros} Euro und {'ein' if cents == 1 else in_words(cents)} Cent" if cents else f"{euros} Euro"


def page_of_form(content: ReceiptContent, *, stamp: Stamp | None = None) -> dict[str, Any]:
    """Every word of the official page for one gift."""
    says = _passages(content)
    return _form(content, says, stamp=stamp) | {
        "amount-label": "Betrag der Zuwendung – in Ziffern –",
        "amount": amount(content.total, "de"),
        "amount-in-words": money_in_words(content.total),
        "day-label": "Tag der Zuwendung",
        "day": short_date(content.gift_date, "de"),
        # Money that was paid is never a waiver of expenses.
        "passages": [f"{says['waiver']}: Nein", says["exemption"], says["use"]],
        "annex": None,
    }


def page_of_collective_form(summary: GivingSummary, *, stamp: Stamp | None = None) -> dict[str, Any]:
    """Every word of the collective confirmation: the one official page, and its annex with each gift."""
    says = _passages(summary)
    (total,) = summary.totals
    period = f"{short_date(summary.period_from, 'de')} – {short_date(summary.period_until, 'de')}"
    return _form(summary, says, stamp=stamp) | {
        "amount-label": "Gesamtbetrag der Zuwendung – in Ziffern –",
        "amount": amount(total.paid, "de"),
        "amount-in-words": money_in_words(total.paid),
        "day-label": "Zeitraum der Sammelbestätigung",
        "day": period,
        "passages": [says["exemption"], says["use"], says["only_one"], says["waiver"]],
        "annex": {
            "title": f"Anlage zur Sammelbestätigung vom {short_date(summary.issued_on, 'de')}",
            "number": f"Nr. {summary.number}",
            "period": period,
            "columns": [
                *("Datum der Zuwendung", "Art der Zuwendung"),
                *("Verzicht auf die Erstattung von Aufwendungen", "Betrag"),
            ],
            "gifts": [
                [
                    *(short_date(gift.gift_date, "de"), "Geldzuwendung", "nein"),
                    amount(Money(gift.amount_minor, gift.currency), "de"),
                ]
                for gift in summary.gifts
            ],
            "total-label": "Gesamtsumme",
            "total": amount(total.paid, "de"),
        },
    }


def _passages(content: ReceiptContent | GivingSummary) -> dict[str, str]:
    statement = statements.find(content.statement_code, content.statement_version)
    return {key: named(text, content.entity) for key, text in statement.form.items()}


def _form(
    content: ReceiptContent | GivingSummary, says: dict[str, str], *, stamp: Stamp | None
) -> dict[str, Any]:
    """What both forms have around their own words."""
    entity = content.entity
    statement = statements.find(content.statement_code, content.statement_version)
    return frame(entity, language="de", title=statement.title["de"], stamp=stamp) | {
        "number": content.number,
        "issuer": ", ".join((entity.legal_name, *entity.address)),
        "subtitle": says["subtitle"],
        "donor": breakable(printable(", ".join((content.donor_name, *content.donor_address)))),
        "notes": [says["liability"], says["validity"]],
        "signed": f"{entity.facts['place_of_issue']}, {short_date(content.issued_on, 'de')}",
        "replaces": _replaces(content),
        # The shared pieces of the layout that the official page has no place for.
        "facts": [],
        "verification": None,
        "records-label": "",
        "statement": {"lang": "de", "text": "", "translation": None, "note": None},
        "questions": "",
        "page-label": None,
    }


def _replaces(content: ReceiptContent | GivingSummary) -> str | None:
    """Which confirmation this one takes the place of: said with the number, outside the official text."""
    if content.replaces_number is None:
        return None
    return f"Ersetzt die Bestätigung Nr. {content.replaces_number}."
