"""A receipt's page: one frozen content in, the bytes of one PDF out, the same bytes every time.

Pages are archival (PDF/A-2a) and accessible (PDF/UA-1). A letter that none of the shipped fonts
knows cannot be archived so; the page is then written as a plain tagged PDF and flagged, because a
donor with a rare script is owed a receipt too.
"""

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typst

from payments.receipts import statements
from payments.receipts.content import LANGUAGES, ReceiptContent
from payments.receipts.german import page_of_collective_form, page_of_form
from payments.receipts.page import Stamp, page_of
from payments.receipts.summary import GivingSummary
from payments.receipts.summary_page import page_of_summary

TEMPLATE_ID = "gift/1"
_HERE = Path(__file__).parent
_TEMPLATES = _HERE / "templates"
_FONTS = _HERE / "fonts"
_STANDARDS = ["a-2a", "ua-1"]
_PLAIN = ["1.7"]
# Typst knows a missing glyph only as a message; these are the sentences of 0.15 that mean "this text
# cannot be written under the standard". Anything else is a fault of ours and is raised.
_UNARCHIVABLE = ("could not be displayed with font", "disallowed codepoint", "contains the codepoint")


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


def render_pdf(content: ReceiptContent | GivingSummary, *, stamp: Stamp | None = None) -> RenderedReceipt:
    """Set the page. The same content gives the same bytes, on any machine, at any time.

    A copy or a draft carries its mark and is a page of its own; the original's bytes never change.

    The first call in a process reads the fonts (some 20 ms). Typst keeps threads, which do not survive
    a fork: render in the children, never in the parent before it forks.
    """
    is_form = bool(statements.find(content.statement_code, content.statement_version).form)
    if isinstance(content, GivingSummary):
        layout = "zuwendung.typ" if is_form else "summary.typ"
        words = (page_of_collective_form if is_form else page_of_summary)(content, stamp=stamp)
    else:
        layout = "zuwendung.typ" if is_form else "receipt.typ"
        words = (page_of_form if is_form else page_of)(content, stamp=stamp)
    page = json.dumps(words, ensure_ascii=False)
    written_at = datetime(content.issued_on.year, content.issued_on.month, content.issued_on.day, tzinfo=UTC)
    is_plain_pdf = False
    try:
        pdf = _typeset(layout, page, standards=_STANDARDS, written_at=written_at)
    except typst.TypstError as error:
        if not any(sign in str(error) for sign in _UNARCHIVABLE):
            raise
        is_plain_pdf = True
        pdf = _typeset(layout, page, standards=_PLAIN, written_at=written_at)

    return RenderedReceipt(
        pdf=pdf,
        pdf_sha256=hashlib.sha256(pdf).hexdigest(),
        template_id=TEMPLATE_ID,
        template_sha256=template_sha256(),
        is_plain_pdf=is_plain_pdf,
    )


def _typeset(layout: str, page: str, *, standards: list[str], written_at: datetime) -> bytes:
    if _first_used_in() != os.getpid():
        raise RuntimeError("forked after rendering: typst would wait for ever for the parent's threads")
    with _one_at_a_time:
        return bytes(
            _compiler().compile(
                input=_layout(layout),
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
def _layout(name: str) -> bytes:
    return _TEMPLATES.joinpath("common.typ").read_bytes() + b"\n" + _TEMPLATES.joinpath(name).read_bytes()


@cache
def template_sha256() -> str:
    """What a page set by this process is made with."""
    made_with = hashlib.sha256(f"typst {version('typst')} segno {version('segno')}".encode())
    parts = [
        *sorted(_TEMPLATES.glob("*.typ")),
        *(_TEMPLATES / f"words.{language}.toml" for language in LANGUAGES),
        *sorted(statements.PACKS.glob("*.toml")),
        *sorted(_FONTS.glob("*.[ot]tf")),
    ]
    for part in parts:
        made_with.update(part.name.encode() + hashlib.sha256(part.read_bytes()).digest())
    return made_with.hexdigest()
