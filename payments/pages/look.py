"""How every page is drawn: templates, the reader's language, the charity's colour, the error pages.

A page is never stored by browsers or caches: it may show what a donor typed. Static files carry their
content's hash in the address and are kept for a year.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from babel.dates import format_date, format_skeleton
from babel.numbers import get_currency_symbol
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError

from payments.database import transaction
from payments.donations import organisation as charity
from payments.donations.models import Organisation
from payments.doorkeeper import TooManyTries
from payments.pages import colours
from payments.translations import LOCALES, N_, best_locale, translator

_HERE = Path(__file__).parent
STATIC = _HERE / "static"

LANGUAGES = {"en": "English", "ko": "한국어"}


@dataclass(frozen=True)
class Brand:
    """What a page shows of the charity, in one language."""

    name: str
    website: str
    accent: str
    words: dict[str, str]

    @classmethod
    def of(cls, organisation: Organisation, locale: str) -> "Brand":
        first = LOCALES[0]
        accent = colours.parse(organisation.accent_colour) or colours.INK
        return cls(
            name=organisation.name.get(locale) or organisation.name[first],
            website=organisation.website,
            accent="{:02x}{:02x}{:02x}".format(*accent),
            words=organisation.words.get(first, {}) | organisation.words.get(locale, {}),
        )


NO_BRAND = Brand(name="", website="", accent="33415c", words={})
"""For the pages that must be drawn while the database is away."""


def locale_of(request: Request, *, fallback: str | None = None) -> str:
    """The reader's language: asked for by `?lang=`, else `fallback`, else the browser's."""
    wanted = request.query_params.get("lang")
    return best_locale(request.headers.get("accept-language"), wanted or fallback)


def language_links(request: Request, kept: dict[str, str], *, path: str | None = None) -> dict[str, str]:
    """The same page in each language, or `path` where the answer to a form is shown; where a gift came
    from is not lost by switching."""
    return {
        locale: f"{path or request.url.path}?{urlencode(kept | {'lang': locale})}" for locale in LANGUAGES
    }


def page(
    template: str,
    *,
    locale: str,
    brand: Brand,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **facts: Any,
) -> HTMLResponse:
    """Draw one page. `facts` are what its template names; a name left out is an error, not a blank."""
    drawn = environment(locale).get_template(template).render(brand=brand, status=status, **facts)
    return HTMLResponse(
        drawn,
        status_code=status,
        headers={"cache-control": "no-store", "content-language": locale, "vary": "accept-language"}
        | (headers or {}),
    )


@cache
def environment(locale: str) -> Environment:
    """The templates in one language."""
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.install_gettext_translations(translator(locale), newstyle=True)  # type: ignore[attr-defined]
    templates.globals.update(locale=locale, languages=LANGUAGES, static=static_address)
    templates.filters["money"] = lambda amount: amount.format(locale)
    templates.filters["short_money"] = lambda amount: amount.format(locale).removesuffix(".00")
    templates.filters["month"] = lambda day: format_skeleton("yMMMM", day, locale=locale)
    templates.filters["symbol"] = lambda currency: get_currency_symbol(currency.upper(), locale=locale)
    templates.filters["day"] = lambda day: format_date(day, format="long", locale=locale)
    return templates


@cache
def static_address(name: str) -> str:
    """Where a static file is served, with its content's hash so that it may be kept for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


_UNREADABLE = (
    N_("We could not read that"),
    N_("Something in the request was not as expected. Please go back and try once more."),
)
_ERRORS = {
    400: _UNREADABLE,
    403: (
        N_("This form came from somewhere else"),
        N_("For your safety we only take forms that were opened here. Please open the page and try again."),
    ),
    404: (
        N_("This page is not here"),
        N_("The address may be incomplete. If you followed a link from a mail, please copy all of it."),
    ),
    405: (N_("This page cannot be used that way"), N_("Please go back to the page you came from.")),
    413: (
        N_("That was too much at once"),
        N_("The form was larger than we can take. Please shorten what you wrote."),
    ),
    422: _UNREADABLE,
    429: (
        N_("A moment, please"),
        N_("There were many attempts from your network. Please try again in a few minutes."),
    ),
    500: (
        N_("Something went wrong on our side"),
        N_("We are sorry. If you were giving, look for our mail before you try again."),
    ),
    503: (
        N_("We are back in a moment"),
        N_("Our page cannot be reached just now. Please try again in a minute or two."),
    ),
}


_MAY_NOT = (
    N_("You may not do this"),
    N_("It needs another role than yours, or another person than you. An admin gives roles."),
)


def error_page(
    request: Request, status: int, *, locale: str | None = None, is_decided: bool = False
) -> HTMLResponse:
    """The HTML twin of an API problem, in the reader's language. `is_decided`: a 403 is about who asks, and
    not about where the form came from.

    A 500 or 503 is drawn without asking the database, which may be the very thing that is away.
    """
    spoken = locale or locale_of(request)
    title, explanation = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
    if status == 403 and is_decided:
        title, explanation = _MAY_NOT
    words = translator(spoken)
    return page(
        "error.html",
        locale=spoken,
        brand=NO_BRAND if status >= 500 else _brand_if_reachable(spoken),
        status=status,
        headers={"retry-after": "30"} if status == 503 else None,
        title=words.gettext(title),
        explanation=words.gettext(explanation),
        is_console=request.url.path.startswith("/console"),
        person=None,
    )


def too_many(request: Request, refusal: TooManyTries, *, locale: str) -> HTMLResponse:
    """For a form in whose language we know how to say it."""
    drawn = error_page(request, 429, locale=locale)
    drawn.headers["retry-after"] = str(refusal.retry_after)
    return drawn


def _brand_if_reachable(locale: str) -> Brand:
    try:
        with transaction() as session:
            return Brand.of(charity.the_organisation(session), locale)
    except (SQLAlchemyError, charity.OrganisationNotLoaded):
        return NO_BRAND
