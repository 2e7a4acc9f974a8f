"""The newsletter's pages: the box, the link that confirms, the link that stops. No login, no script needed.

Opening a link only shows: mail programs and virus scanners open links too. What is said is an ordinary POST.
The box answers the same whether the address is known or not, and never that anybody is subscribed: only the
link in the mail does that. No page shows an address.
"""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from payments import doorkeeper
from payments.database import transaction
from payments.dependencies import DatabaseSession
from payments.donations import organisation as charity
from payments.doorkeeper import TooManyTries
from payments.pages.forms import posted
from payments.pages.look import Brand, language_links, locale_of, page, too_many
from payments.pages.newsletter_sites import is_the_charitys
from payments.shield import limits
from payments.supporters.newsletter import asking, consent, links
from payments.supporters.newsletter.asking import AddressUnfit, Asked
from payments.supporters.newsletter.links import NewsletterLinkExpired, NewsletterLinkNotGenuine
from payments.supporters.newsletter.models import Source, Standing
from payments.supporters.newsletter.wording import wording

router = APIRouter(prefix="/newsletter", include_in_schema=False, max_body_size=64 * 1024)

Form = Annotated[dict[str, str], Depends(posted)]

_UNSEEN = {"x-robots-tag": "noindex, nofollow"}


@router.get("")
def box(request: Request, session: DatabaseSession) -> Response:
    """Where anybody may ask for it."""
    return _page(request, session, "ask")


@router.post("")
def ask(request: Request, form: Form) -> Response:
    """The same answer for every address: look into your mail."""
    locale = locale_of(request, fallback=form.get("lang"))
    try:
        doorkeeper.knock(request, limits.LETTERS_ASKED)
        doorkeeper.count(limits.LETTERS_FOR_EMAIL, form.get("email", "").strip().lower())
        doorkeeper.count(limits.LETTERS)
    except TooManyTries as refusal:
        return too_many(request, refusal, locale=locale)
    with transaction() as session:
        try:
            asking.ask(session, _asked(request, session, form, locale))
        except AddressUnfit:
            return _page(request, session, "ask", locale=locale, is_wrong=True, status=422)
    return RedirectResponse(f"/newsletter/sent?{urlencode({'lang': locale})}", status_code=303)


def _asked(request: Request, session: Session, form: dict[str, str], locale: str) -> Asked:
    origin = request.headers.get("origin", "")
    if request.headers.get("sec-fetch-site") != "same-origin" and is_the_charitys(origin):
        version = form.get("wording", "")
        return Asked(
            email=form.get("email", ""),
            locale=locale,
            source=Source.SITE,
            page=origin + _path(form.get("page", "")),
            wording_version=int(version) if version.isascii() and version.isdigit() else None,
        )
    name = Brand.of(charity.the_organisation(session), locale).name
    return Asked(
        email=form.get("email", ""),
        locale=locale,
        source=Source.BOX,
        page="/newsletter",
        wording=wording(locale, organisation=name),
    )


def _path(page_of_site: str) -> str:
    return page_of_site if page_of_site.startswith("/") else ""


@router.get("/sent")
def sent(request: Request, session: DatabaseSession) -> Response:
    """What everybody is told who asked for it."""
    return _page(request, session, "sent", path="/newsletter/sent")


@router.get("/confirm/{token}")
def shown(request: Request, session: DatabaseSession, token: str) -> Response:
    """What a yes would mean, or what became of it. Changes nothing."""
    return _confirm_page(request, session, token)


@router.post("/confirm/{token}")
def confirm(request: Request, token: str, form: Form) -> Response:
    """Yes, or no."""
    locale = locale_of(request, fallback=form.get("lang"))
    try:
        with transaction() as session:
            letterhead = charity.letterhead(session)
            if form.get("answer") == "no":
                consent.decline(session, token, letterhead)
            else:
                agreed = wording(locale, organisation=letterhead.name_in(locale))
                consent.confirm(session, token, agreed, letterhead)
    except (NewsletterLinkExpired, NewsletterLinkNotGenuine):
        with transaction() as session:
            return _confirm_page(request, session, token, locale=locale)
    return RedirectResponse(f"/newsletter/confirm/{token}?{urlencode({'lang': locale})}", status_code=303)


def _confirm_page(
    request: Request, session: Session, token: str, *, locale: str | None = None
) -> HTMLResponse:
    path = f"/newsletter/confirm/{token}"
    try:
        if consent.is_declined(session, token):
            return _page(request, session, "declined", locale=locale, path=path)
        _, reader = consent.asked(session, token)
    except NewsletterLinkExpired:
        return _page(request, session, "failed", locale=locale, path=path, is_old=True, status=410)
    except NewsletterLinkNotGenuine:
        return _page(request, session, "failed", locale=locale, status=404)
    is_done = reader.standing == Standing.SUBSCRIBED
    return _page(request, session, "subscribed" if is_done else "confirm", locale=locale, path=path)


@router.get("/stop/{token}")
def stop_shown(request: Request, session: DatabaseSession, token: str) -> Response:
    """The button that stops. Changes nothing."""
    return _stop_page(request, session, token, "stop")


@router.post("/stop/{token}")
def stop(request: Request, session: DatabaseSession, token: str, form: Form) -> Response:
    """Stop it, for the reader or for the mail program's own button, which follows no redirect (RFC 8058)."""
    try:
        reader_id = links.reader_of(token)
    except NewsletterLinkNotGenuine:
        return _stop_page(request, session, token, "not_stopped", locale=form.get("lang"))
    is_one_click = form.get("List-Unsubscribe") == "One-Click"
    source = Source.ONE_CLICK if is_one_click else Source.LETTER
    consent.stop(session, reader_id, source, charity.letterhead(session))
    return _stop_page(request, session, token, "stopped", locale=form.get("lang"))


def _stop_page(
    request: Request, session: Session, token: str, state: str, *, locale: str | None = None
) -> HTMLResponse:
    spoken = locale_of(request, fallback=locale)
    try:
        links.reader_of(token)
    except NewsletterLinkNotGenuine:
        return _page(request, session, "not_stopped", locale=spoken, status=404)
    return _page(request, session, state, locale=spoken, path=f"/newsletter/stop/{token}")


def _page(
    request: Request,
    session: Session,
    state: str,
    *,
    locale: str | None = None,
    path: str | None = None,
    is_wrong: bool = False,
    is_old: bool = False,
    status: int = 200,
) -> HTMLResponse:
    spoken = locale or locale_of(request)
    brand = Brand.of(charity.the_organisation(session), spoken)
    return page(
        "newsletter.html",
        locale=spoken,
        brand=brand,
        status=status,
        headers=None if state == "ask" else _UNSEEN,
        entity=charity.receiving_entity(session),
        state=state,
        here=path or "/newsletter",
        agreed=wording(spoken, organisation=brand.name).text,
        is_wrong=is_wrong,
        is_old=is_old,
        language_links=language_links(request, {}, path=path),
    )
