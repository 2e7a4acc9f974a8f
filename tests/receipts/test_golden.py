"""What each document says, word for word, in both languages; and that every one is archival and tagged.

A change of words is meant to show here: run with WRITE_GOLDEN=1, read the difference, commit it.
"""

import io
import os
from dataclasses import replace
from pathlib import Path

import pikepdf
import pypdf
import pytest

from payments.receipts import countries, statements
from payments.receipts.content import ReceiptContent
from payments.receipts.countries import COUNTRIES
from payments.receipts.render import render_pdf
from payments.receipts.statements import CATALOGUE
from tests.receipts.documents_of_every_kind import DOCUMENTS
from tests.receipts.test_render import tags_of

GOLDEN = Path(__file__).parent / "golden"
AS_PRINTED = {"token": "gift", "annual_with_benefits": "annual"}
"""Kinds that are a sentence of their own on the page of another kind."""
ALIKE = {"us_intangible_religious"}
"""Differs from its country's other body in the binding sentence alone."""
NAMES = {"en": "Margaret O’Sullivan", "ko": "김영희"}


@pytest.mark.parametrize("locale", ["en", "ko"])
@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_document_says_word_for_word_what_was_reviewed(name: str, locale: str):
    document = DOCUMENTS[name]
    if not (isinstance(document, ReceiptContent) and document.kind == "thanks"):
        document = replace(document, donor_name=NAMES[locale])

    drawn = render_pdf(replace(document, locale=locale))

    said = "\n".join(lines(drawn.pdf)) + "\n"
    golden = GOLDEN / f"{name}.{locale}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")
    assert not drawn.is_plain_pdf
    is_german_form = bool(statements.find(document.statement_code, document.statement_version).form)
    archival(drawn.pdf, language="de" if is_german_form else locale)


def lines(pdf: bytes) -> list[str]:
    """What a reader can copy out, line by line, without the marks where words may break."""
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    return [kept for line in text.replace("\u200b", "").splitlines() if (kept := " ".join(line.split()))]


def archival(pdf: bytes, *, language: str) -> None:
    """Tagged, with its language and title, every font inside, every picture with its words."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        metadata = opened.open_metadata()
        assert metadata.pdfa_status == "2A"
        assert metadata["pdfuaid:part"] == "1"
        assert str(opened.Root.Lang).startswith(language)
        tags = list(tags_of(opened))
        assert {"/H1", "/H2"} <= set(tags)
        assert "/Table" in tags or language == "de"
        fonts = [
            descendant.FontDescriptor
            for page in opened.pages
            for font in page.Resources.Font.values()
            for descendant in font.get("/DescendantFonts", [font])
        ]
        assert fonts
        assert all({"/FontFile2", "/FontFile3", "/FontFile"} & set(font.keys()) for font in fonts)
        for figure in figures_of(opened):
            assert str(figure.Alt)


def figures_of(opened: pikepdf.Pdf) -> list[pikepdf.Dictionary]:
    waiting, found = [opened.Root.StructTreeRoot], []
    while waiting:
        element = waiting.pop()
        if isinstance(element, pikepdf.Array):
            waiting.extend(element)  # type: ignore[call-overload]
        elif isinstance(element, pikepdf.Dictionary):
            if element.get("/S") == "/Figure":
                found.append(element)
            if "/K" in element:
                waiting.append(element.K)
    return found


def test_every_document_that_a_country_can_issue_has_its_golden_page():
    bodies = [may for country in COUNTRIES.values() for may in country.authorities.values()]
    issued = {
        (AS_PRINTED.get(kind, kind), code)
        for may in (*bodies, countries.ANYONE)
        for kind, code in may.documents.items()
    }

    assert issued == {(document.kind, document.statement_code) for document in DOCUMENTS.values()}
    printed = {document.statement_code for document in DOCUMENTS.values()}
    assert printed == {statement.code for statement in CATALOGUE}


@pytest.mark.parametrize("jurisdiction", sorted(COUNTRIES))
def test_every_country_shows_its_thanks_and_what_takes_the_place_of_a_gifts_and_a_years_page(jurisdiction):
    shown = [document for document in DOCUMENTS.values() if document.entity.jurisdiction == jurisdiction]

    assert any(document.kind == "thanks" for document in shown)
    replacing = {document.statement_code for document in shown if document.replaces_number is not None}
    for may in COUNTRIES[jurisdiction].authorities.values():
        if may.code not in ALIKE:
            assert {may.documents[kind] for kind in ("gift", "annual") if kind in may.documents} <= replacing
