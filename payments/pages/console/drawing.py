"""How a page of the console is drawn: in the reader's language, with the clock of the books, and who reads.

The language is asked for once by `?lang=` and kept in a cookie of the console's own, so that no link has to
carry it. Days and times are those of the body whose Stripe account it is; each page says which zone that is.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from payments.donations import organisation as charity
from payments.pages.console.paths import address, path_of
from payments.pages.look import LANGUAGES, Brand, locale_of, page
from payments.reconciliation.reports import wording
from payments.settings import settings
from payments.staff.models import StaffMember
from payments.translations import N_

SCREENS = (
    ("home", "/console", N_("Overview")),
    ("gifts", "/console/gifts", N_("Gifts")),
    ("payouts", "/console/payouts", N_("Payouts")),
    ("bank", "/console/bank", N_("Bank")),
    ("exceptions", "/console/exceptions", N_("Exceptions")),
    ("money-back", "/console/money-back", N_("Money back")),
    ("book", "/console/book", N_("Book")),
    ("months", "/console/months", N_("Months")),
    ("receipts", "/console/receipts", N_("Receipts")),
    ("monthly", "/console/monthly", N_("Monthly gifts")),
)
"""The navigation: by what name a page says that it belongs there, its address, and what it is called."""

_DAY = {"en": "d MMM yyyy", "ko": "yyyy. M. d."}
"""Short, and the day never to be taken for the month."""

LANGUAGE_COOKIE = "console_language"
_A_YEAR = 366 * 24 * 3600


def language_of(request: Request) -> str:
    """Asked for by `?lang=`, else as it was last asked for, else the browser's."""
    return locale_of(request, fallback=request.cookies.get(LANGUAGE_COOKIE))


def console_page(
    request: Request,
    session: Session,
    template: str,
    *,
    person: StaffMember | None,
    here: str = "",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **facts: Any,
) -> HTMLResponse:
    """Draw `console/….html`. `person` is who is signed in, None before; `here` names the part of the
    console that is open, as the navigation does."""
    locale = language_of(request)
    zone = charity.receiving_entity(session).time_zone
    drawn = page(
        f"console/{template}",
        locale=locale,
        brand=Brand.of(charity.the_organisation(session), locale),
        status=status,
        headers={"x-robots-tag": "noindex, nofollow", "vary": "accept-language, cookie", **(headers or {})},
        screens=SCREENS,
        person=person,
        here=here,
        zone=zone,
        at=_clock(zone, locale),
        word=lambda group, key: wording.named(group, key, locale),
        date=lambda day: format_date(day, _DAY[locale], locale=locale),
        address=address,
        path_of=path_of,
        language_links={
            language: address(request.url.path, _without_persons(request), lang=language)
            for language in LANGUAGES
        },
        **facts,
    )
    _keep_language(request, drawn)
    return drawn


def _without_persons(request: Request) -> dict[str, str]:
    """What was asked for, but an e-mail address that somebody wrote where an id belongs."""
    return {name: value for name, value in request.query_params.items() if "@" not in value}


def _clock(zone: str, locale: str) -> Callable[[datetime], str]:
    """An instant as the clock on the body's wall showed it."""

    def at(instant: datetime) -> str:
        return format_datetime(instant.astimezone(ZoneInfo(zone)), f"{_DAY[locale]} HH:mm", locale=locale)

    return at


def _keep_language(request: Request, drawn: HTMLResponse) -> None:
    wanted = request.query_params.get("lang")
    if wanted in LANGUAGES:
        drawn.set_cookie(
            LANGUAGE_COOKIE,
            wanted,
            max_age=_A_YEAR,
            path="/console",
            secure=settings().public_base_url.startswith("https://"),
            httponly=True,
            samesite="lax",
        )
