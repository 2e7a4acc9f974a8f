"""A report as one HTML file: nothing is fetched from anywhere, it prints with its heads on every page, and
the same page is the same bytes."""

from datetime import date, datetime
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from payments.money import Money
from payments.reconciliation.reports import wording
from payments.reconciliation.reports.page import Cell, Page, Tone

_MARKS = {Tone.GOOD: "✓ ", Tone.OPEN: "", Tone.BAD: "✗ ", Tone.PLAIN: ""}
_FONTS = Markup('"Noto Sans", "Noto Sans KR", "NanumBarunGothic", Arial, sans-serif')


def drawn(page: Page) -> bytes:
    """The file."""
    return (
        _templates()
        .get_template("report.html")
        .render(
            page=page,
            mark=_MARKS[page.tone],
            style=Markup((wording.TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - ours
            footer=_css_string(f"{page.entity} · {page.subject} {page.title}"),
            fonts=_FONTS,
            shown=lambda cell: shown(cell, page),
            is_nothing=_is_nothing,
        )
        .encode()
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(wording.TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def shown(cell: Cell, page: Page) -> str:
    """A cell as the reader of the page reads it."""
    if cell is None:
        return ""
    if isinstance(cell, Money):
        return cell.format(page.language)
    if isinstance(cell, datetime):
        return f"{wording.local(cell, page.time_zone):%Y-%m-%d %H:%M %Z}"
    if isinstance(cell, date):
        return cell.isoformat()
    return f"{cell:,}" if isinstance(cell, int) else cell


def _is_nothing(cell: Cell) -> bool:
    return isinstance(cell, Money) and not cell


def _css_string(words: str) -> Markup:
    """Safe between quotes in a style: a charity's name may hold any sign."""
    return Markup("".join(f"\\{ord(sign):x} " if sign in "\\\"'<>&\n\r" else sign for sign in words))  # noqa: S704
