"""A receipt's page: one frozen content in, the bytes of one PDF out, the same bytes every time.

Pages are archival (PDF/A-2a) and accessible (PDF/UA-1). A letter that none of the shipped fonts
knows cannot be archived so; the page is then written as a plain tagged PDF and flagged, because a
donor with a rare script is owed a receipt too.
"""

import hashlib
import json
import os
import re
import threading
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typst
from babel.dates import format_date

from payments.money import Money
from payments.receipts import statements
from payments.receipts.content import DEFAULT_ACCENT, LANGUAGES, EntityContent, ReceiptContent, ReceiptLine

_HERE = Path(__file__).parent
_TEMPLATE = _HERE / "templates" / "receipt.typ"
_FONTS = _HERE / "fonts"
_STANDARDS = ["a-2a", "ua-1"]
_PLAIN = ["1.7"]
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_LINES_OF_ONE_PAGE = 8
_TYPED_ON_ONE_PAGE = 300
_LETTER_PAPER = frozenset({"US", "CA", "MX", "PH"})
_REGIONS = {"en": "US", "ko": "KR"}

# Typst knows a missing glyph only as a message; these are the sentences of 0.15 that mean "this text
# cannot be written under the standard". Anything else is a fault of ours and is raised.
_UNARCHIVABLE = ("could not be displayed with font", "disallowed codepoint", "contains the codepoint")

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


@dataclass(frozen=True, kw_only=True)
class RenderedReceipt:
    """One PDF and what it was made with."""

    pdf: bytes
    pdf_sha256: str
    template_id: str
    template_sha256: str
    """Covers the layout, the words, the statutory sentences, the fonts and the typesetter's version."""
    is_plain_pdf: bool
    """True where a letter outside the shipped fonts forced a page without the archival standard."""


def render_pdf(content: ReceiptContent) -> RenderedReceipt:
    """Set the page. The same content gives the same bytes, on any machine, at any time.

    The first call in a process reads the fonts (some 20 ms). Typst keeps threads, which do not survive
    a fork: render in the children, never in the parent before it forks.
    """
    page = json.dumps(page_of(content), ensure_ascii=False)
    written_at = datetime(content.issued_on.year, content.issued_on.month, content.issued_on.day, tzinfo=UTC)
    is_plain_pdf = False
    try:
        pdf = _typeset(page, standards=_STANDARDS, written_at=written_at)
    except typst.TypstError as error:
        if not any(sign in str(error) for sign in _UNARCHIVABLE):
            raise
        is_plain_pdf = True
        pdf = _typeset(page, standards=_PLAIN, written_at=written_at)

    return RenderedReceipt(
        pdf=pdf,
        pdf_sha256=hashlib.sha256(pdf).hexdigest(),
        template_id="gift/1",
        template_sha256=_template_sha256(),
        is_plain_pdf=is_plain_pdf,
    )


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


def amount(money: Money, language: str) -> str:
    """Without the invisible direction marks some locales add, which no page font draws."""
    return printable(money.format(language))


def tax_id(content: ReceiptContent) -> str:
    """The entity's tax id with the name its country gives it: "EIN 20-1234567"."""
    entity = content.entity
    labels = words(content.language)["tax_id"]
    return labels.get(entity.jurisdiction, labels["other"]).format(tax_id=entity.tax_id)


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


@cache
def words(language: str) -> dict[str, dict[str, str]]:
    """The words of one language, by section."""
    return tomllib.loads((_HERE / "templates" / f"words.{language}.toml").read_text(encoding="utf-8"))


def page_of(content: ReceiptContent) -> dict[str, Any]:
    """Every word of the page, ready to be laid out."""
    language = content.language
    say = words(language)["receipt"]
    entity = content.entity
    name = printable(content.donor_name)
    return {
        "lang": language,
        "region": _REGIONS[language],
        "paper": "us-letter" if entity.jurisdiction in _LETTER_PAPER else "a4",
        "accent": accent(entity),
        "title": content.title,
        "number": content.number,
        "entity": {
            "name": entity.legal_name,
            "initial": entity.legal_name.strip()[:1].upper(),
            "address": " · ".join(entity.address),
        },
        "greeting": say["greeting"],
        "donor": _breakable(say["donor"].replace("{name}", name)),
        "donor-length": _width(name),
        "gave": say["gave"],
        "amount": amount(content.total, language),
        "received-on": say["received_on"].format(date=long_date(content.gift_date, language)),
        "dedication": _breakable(dedication(content)),
        "facts": [
            {"label": say["number"], "value": content.number},
            {"label": say["gift_date"], "value": long_date(content.gift_date, language)},
            {"label": say["issued_on"], "value": long_date(content.issued_on, language)},
            {"label": say["payment_method"], "value": payment_method(content)},
        ],
        "fund-label": say["fund"],
        "amount-label": say["amount"],
        "total-label": say["total"],
        "lines": [
            {
                "label": _breakable(line_label(content, line)),
                "amount": amount(Money(line.amount_minor, content.currency), language),
            }
            for line in content.lines
        ],
        "records-label": say["for_your_records"],
        "statement": _statement(content),
        "questions": say["questions"].format(email=entity.email),
        "verification": content.verification_code
        and say["verification"].format(code=content.verification_code),
        "signatory": {"name": entity.signatory_name, "title": entity.signatory_title},
        "footer": _footer(content),
        "page-label": say["page"] if _may_need_two_pages(content) else None,
    }


def _may_need_two_pages(content: ReceiptContent) -> bool:
    typed = _width(content.donor_name) + _width(content.dedication_name or "")
    return len(content.lines) > _LINES_OF_ONE_PAGE or typed > _TYPED_ON_ONE_PAGE


def _statement(content: ReceiptContent) -> dict[str, str | None]:
    statement = statements.find(content.statement_code, content.statement_version)
    foreign = content.language != statement.legal_language
    return {
        "lang": statement.legal_language,
        "text": statement.sentence[statement.legal_language],
        "translation": statement.sentence[content.language] if foreign else None,
        "note": statement.note.get(content.language),
        "translation-note": words(content.language)["receipt"]["translation"],
    }


def _footer(content: ReceiptContent) -> list[str]:
    entity = content.entity
    website = re.sub(r"^https?://", "", entity.website).rstrip("/")
    return [f"{entity.legal_name} · {tax_id(content)}", f"{website} · {entity.email}"]


def _width(text: str) -> int:
    """How wide a text is, in half-width letters."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _breakable(text: str | None) -> str | None:
    """Give a word longer than a line places to break, so that it cannot run off the page."""
    if text is None:
        return None
    return re.sub(r"(\S{24})(?=\S{4})", "\\1\u200b", text)


def _typeset(page: str, *, standards: list[str], written_at: datetime) -> bytes:
    if _first_used_in() != os.getpid():
        raise RuntimeError("forked after rendering: typst would wait for ever for the parent's threads")
    with _one_at_a_time:
        return bytes(
            _compiler().compile(
                input=_layout(),
                format="pdf",
                sys_inputs={"page": page},
                pdf_standards=standards,
                timestamp=written_at,
            )
        )


_one_at_a_time = threading.Lock()


@cache
def _first_used_in() -> int:
    return os.getpid()


@cache
def _compiler() -> Any:
    """One typesetter a process, with the shipped fonts and no others: pages do not depend on the machine."""
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[_FONTS])
    return typst.Compiler(font_paths=fonts, ignore_system_fonts=True)


@cache
def _layout() -> bytes:
    return _TEMPLATE.read_bytes()


@cache
def _template_sha256() -> str:
    made_with = hashlib.sha256(f"typst {version('typst')}".encode())
    parts = [
        _TEMPLATE,
        *(_HERE / "templates" / f"words.{language}.toml" for language in LANGUAGES),
        *sorted(statements.PACKS.glob("*.toml")),
        *sorted(_FONTS.glob("*.[ot]tf")),
    ]
    for part in parts:
        made_with.update(part.name.encode() + hashlib.sha256(part.read_bytes()).digest())
    return made_with.hexdigest()
