"""The words around a document's facts, in the reader's language: amounts, days, names, labels.

Shared by the pages and the letters, so that both say the same thing in the same words.
"""

import re
import tomllib
import unicodedata
from datetime import date
from functools import cache
from pathlib import Path

from babel.dates import format_date

from payments.money import Money
from payments.receipts import countries
from payments.receipts.content import DEFAULT_ACCENT, EntityContent, ReceiptContent, ReceiptLine

TEMPLATES = Path(__file__).parent / "templates"
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

_CARD_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos Australia",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


def payment_method(content: ReceiptContent) -> str:
    """How the gift was paid, in the donor's language: "Visa ending 4242"."""
    methods = words(content.language)["method"]
    kind = content.method_kind if content.method_kind in methods else "other"
    if kind == "card" and content.card_brand not in _CARD_BRANDS and not content.last4:
        return str(methods["unknown_card"])

    brand = _CARD_BRANDS.get(content.card_brand or "", methods["unknown_card"])
    pattern = methods.get(f"{kind}_with_last4", methods[kind]) if content.last4 else methods[kind]
    return str(pattern.format(brand=brand, last4=content.last4))


def dedication(content: ReceiptContent) -> str | None:
    """The dedication as a sentence, or None."""
    if content.dedication_kind is None:
        return None
    pattern: str = words(content.language)["receipt"][content.dedication_kind]
    return pattern.replace("{name}", printable(content.dedication_name or ""))


def line_label(content: ReceiptContent, line: ReceiptLine) -> str:
    """What a line is for, in the donor's language."""
    if line.is_fee_cover:
        return str(words(content.language)["receipt"]["fee_cover"])
    return printable(line.fund_name)


def long_date(day: date, language: str) -> str:
    """March 3, 2026 or 2026년 3월 3일."""
    return format_date(day, format="long", locale=language)


def short_date(day: date, language: str) -> str:
    """Mar 3, 2026 or 2026. 3. 3.: for a column."""
    return format_date(day, format="medium", locale=language)


def amount(money: Money, language: str) -> str:
    """Without the invisible direction marks some locales add, which no page font draws, and with a minus
    that is not a hyphen."""
    return printable(money.format(language)).replace("-", "\u2212")


def tax_id(entity: EntityContent, language: str) -> str:
    """The entity's tax id with the name its country gives it: "EIN 20-1234567"."""
    country = countries.COUNTRIES.get(entity.jurisdiction)
    pattern = country.tax_id.get(language) if country is not None else None
    return (pattern or str(words(language)["tax_id"]["other"])).replace("{tax_id}", entity.tax_id)


def accent(entity: EntityContent) -> str:
    """The entity's colour, or ours where it gave none that can be read as one."""
    return entity.accent_colour if _COLOUR.fullmatch(entity.accent_colour) else DEFAULT_ACCENT


def printable(text: str) -> str:
    """One line of what a person typed: no control characters, nothing that turns its neighbours round.

    Letters, their order, marks and joiners stay. Decomposed letters (as macOS types Hangul) are
    composed, which Unicode defines as the same text.
    """
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(" " if _is_control(char) else char for char in composed if char not in _TURNING)
    return " ".join(kept.split())


_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Embeddings, overrides and isolates, which could show an amount backwards, and byte order marks."""


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}


def filled(text: str, content: ReceiptContent, language: str) -> str:
    """A sentence of a country pack with the names in braces filled in, in the sentence's own language.

    A name the gift does not know is a fault of the pack and raises `KeyError`: no blank is ever printed.
    """
    known = {
        "amount": amount(content.total, language),
        "benefit": printable(content.benefit_text or ""),
        "benefit_value": amount(content.benefit, language),
        "eligible": amount(content.eligible, language),
    }
    return named(text, content.entity, **known)


def named(text: str, entity: EntityContent, **known: str) -> str:
    """A sentence of a country pack with the entity's own facts, and more, in its braces."""
    names = {"legal_name": entity.legal_name, "tax_id": entity.tax_id, **entity.facts, **known}
    return re.sub(r"\{([a-z_]+)\}", lambda name: names[name[1]], text)


@cache
def words(language: str) -> dict[str, dict[str, str]]:
    """The words of one language, by section."""
    return tomllib.loads((TEMPLATES / f"words.{language}.toml").read_text(encoding="utf-8"))


def width(text: str) -> int:
    """How wide a text is, in half-width letters."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def breakable(text: str | None) -> str | None:
    """Give a word longer than a line places to break, so that it cannot run off the page."""
    if text is None:
        return None
    return re.sub(r"(\S{24})(?=\S{4})", "\\1\u200b", text)
