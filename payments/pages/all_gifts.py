"""A donor's own page of everything that was given: asked for by e-mail address, opened by a mailed link.

Whoever types an address is answered the same, whatever is known. Opening the link only shows a button: mail
programs and virus scanners open links too. The button gives the browser a session in a cookie, so that
neither the link nor any id opens a page or a paper by itself, and no address holds a name. A paper of
somebody else is as one that does not exist.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import doorkeeper
from payments.clock import day_in, now
from payments.database import transaction
from payments.dependencies import DatabaseSession, donor_cookie_of, keep_donor, keep_donor_no_longer
from payments.donations import organisation as charity
from payments.donations.models import Fund
from payments.doorkeeper import TooManyTries
from payments.giving import asking, history, papers, promises, sessions
from payments.giving.links import GivingLinkNotGenuine, GivingLinkOver
from payments.giving.papers import File, NothingToList, PaperNotFound, PaperVoid
from payments.giving.sessions import LookIsOver
from payments.monthly import links as links_of_one
from payments.monthly.models import MonthlyGift
from payments.pages.forms import posted
from payments.pages.look import Brand, error_page, language_links, locale_of, page, too_many
from payments.receipts.render import render_pdf
from payments.shield import limits
from payments.supporters.donors import Donor
from payments.translations import N_, translator

router = APIRouter(prefix="/giving", include_in_schema=False, max_body_size=64 * 1024)

Form = Annotated[dict[str, str], Depends(posted)]

_UNSEEN = {"x-robots-tag": "noindex, nofollow"}
_STEERS_FOR = timedelta(hours=1)
"""How long the address of a monthly gift's own page is good when one comes to it from here."""
_DAY = re.compile(r"(19|20)\d\d-\d\d-\d\d", re.ASCII)
_DAYS_WRONG = N_("Please give both days, the first one before the last.")
_NOTHING_THERE = N_("No receipt that counts falls into this time.")


@router.get("")
def ask(request: Request, session: DatabaseSession) -> Response:
    """Where a donor asks for the link; who has opened one already is led on."""
    try:
        sessions.donor_at(session, donor_cookie_of(request))
    except LookIsOver:
        return _links_page(request, session, state="ask", has_ended="ended" in request.query_params)
    return _to("/giving/gifts", locale_of(request) if "lang" in request.query_params else None)


@router.post("")
def send_link(request: Request, form: Form) -> Response:
    """The same answer for every address; what is known about it is looked up later, by a worker."""
    locale = locale_of(request, fallback=form.get("lang"))
    typed = form.get("email", "").strip().lower()
    try:
        doorkeeper.knock(request, limits.LINKS_ASKED)
        # Known or not: the same for every address.
        doorkeeper.count(limits.LINKS_FOR_EMAIL, typed)
        doorkeeper.count(limits.LINKS_FOR_EMAIL_DAY, typed)
        doorkeeper.count(limits.LINKS)
    except TooManyTries as refusal:
        return too_many(request, refusal, locale=locale)
    with transaction() as session:
        if not asking.ask(session, form.get("email", "")):
            return _links_page(request, session, state="ask", locale=locale, is_wrong=True, status=422)
    return _to("/giving/sent", locale)


@router.get("/sent")
def link_sent(request: Request, session: DatabaseSession) -> Response:
    """What everybody is told who asked for a link."""
    return _links_page(request, session, state="sent")


@router.get("/open/{token}")
def show_link(request: Request, session: DatabaseSession, token: str) -> Response:
    """The button behind a link. Changes nothing."""
    try:
        donor = sessions.opens_for(session, token)
    except GivingLinkNotGenuine:
        return error_page(request, 404)
    except GivingLinkOver:
        return _links_page(request, session, state="over", status=410)
    locale = locale_of(request, fallback=donor.locale)
    return _links_page(request, session, state="open", locale=locale, token=token)


@router.post("/open/{token}")
def use_link(request: Request, token: str, form: Form) -> Response:
    """Uses the link up, and lets this browser see the gifts."""
    locale = locale_of(request, fallback=form.get("lang"))
    try:
        doorkeeper.knock(request, limits.LINKS_OPENED)
        with transaction() as session:
            sessions.end(session, donor_cookie_of(request))
            begun = sessions.begin(session, token)
    except TooManyTries as refusal:
        return too_many(request, refusal, locale=locale)
    except GivingLinkNotGenuine:
        return error_page(request, 404, locale=locale)
    except GivingLinkOver:
        with transaction() as session:
            return _links_page(request, session, state="over", locale=locale, status=410)
    answer = _to("/giving/gifts", locale)
    keep_donor(answer, begun)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, form: Form) -> Response:
    """Signs out at this browser; whoever is out already stays so."""
    with transaction() as session:
        sessions.end(session, donor_cookie_of(request))
    answer = _to("/giving", locale_of(request, fallback=form.get("lang")))
    keep_donor_no_longer(answer)
    return answer


def link_needed(request: Request, _: Exception) -> Response:
    """Leads to where one asks for a link, and says why somebody who had one must ask again."""
    had_one = {"ended": "yes"} if donor_cookie_of(request) else {}
    return RedirectResponse(
        f"/giving?{urlencode({'lang': locale_of(request)} | had_one)}",
        status_code=303,
        headers={"cache-control": "no-store"},
    )


@router.get("/gifts")
def gifts(request: Request, session: DatabaseSession) -> Response:
    """A year of what was given, and the way to every other."""
    return _gifts_page(request, session, sessions.donor_at(session, donor_cookie_of(request)))


@router.get("/monthly/{monthly_gift_id}")
def monthly_gift(request: Request, session: DatabaseSession, monthly_gift_id: str) -> Response:
    """On to the own page of a monthly gift, by a link that is soon worth nothing."""
    donor = sessions.donor_at(session, donor_cookie_of(request))
    gift = session.get(MonthlyGift, monthly_gift_id) if monthly_gift_id.isprintable() else None
    if gift is None or gift.donor_id != donor.id:
        return error_page(request, 404)
    token = links_of_one.token(gift.id, donor.email, expires_at=now() + _STEERS_FOR)
    return _to(f"/monthly/{token}", locale_of(request, fallback=donor.locale))


@router.get("/receipts/{number}.pdf")
def receipt(request: Request, session: DatabaseSession, number: str) -> Response:
    """The page of a receipt, as it was sent."""
    return _fetched(request, session, lambda donor: papers.receipt(session, donor.id, number))


@router.get("/statements/{number}.pdf")
def statement(request: Request, session: DatabaseSession, number: str) -> Response:
    """The page of an annual statement, as it was sent."""
    return _fetched(request, session, lambda donor: papers.statement(session, donor.id, number))


@router.get("/summary")
def summary(request: Request) -> Response:
    """What was given on any days, drawn now. No transaction is open while its page is set."""
    asked = request.query_params
    first, last = _day(asked.get("from", "")), _day(asked.get("until", ""))
    with transaction() as session:
        donor = sessions.donor_at(session, donor_cookie_of(request))
        if first is None or last is None or first > last:
            return _gifts_page(request, session, donor, complaint=_DAYS_WRONG, status=422)
        try:
            doorkeeper.count(limits.SUMMARIES, donor.id)
            listed = papers.summary(
                session, donor.id, entity_id=asked.get("body", ""), first=first, last=last
            )
        except TooManyTries as refusal:
            return too_many(request, refusal, locale=locale_of(request, fallback=donor.locale))
        except PaperNotFound:
            return error_page(request, 404)
        except NothingToList:
            return _gifts_page(request, session, donor, complaint=_NOTHING_THERE, status=422)
    return _download(File(f"gifts-{first}-{last}.pdf", render_pdf(listed).pdf))


def _fetched(request: Request, session: Session, fetch: Callable[[Donor], File]) -> Response:
    donor = sessions.donor_at(session, donor_cookie_of(request))
    locale = locale_of(request, fallback=donor.locale)
    try:
        doorkeeper.count(limits.PAPERS, donor.id)
        return _download(fetch(donor))
    except TooManyTries as refusal:
        return too_many(request, refusal, locale=locale)
    except PaperNotFound:
        return error_page(request, 404, locale=locale)
    except PaperVoid as void:
        # It was void since the page was drawn: the page says so.
        return _to("/giving/gifts", locale, year=str(void.gift_date.year) if void.gift_date else "")


def _download(file: File) -> Response:
    return Response(
        file.pdf,
        media_type="application/pdf",
        headers={
            "content-disposition": f'attachment; filename="{file.name}"',
            "cache-control": "no-store",
            **_UNSEEN,
        },
    )


def _to(path: str, locale: str | None, **more: str) -> RedirectResponse:
    said = ({"lang": locale} if locale else {}) | {name: value for name, value in more.items() if value}
    return RedirectResponse(f"{path}?{urlencode(said)}".rstrip("?"), status_code=303)


def _day(written: str) -> date | None:
    if not _DAY.fullmatch(written):
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _number(written: str) -> int | None:
    """A year or a page; None for anything else."""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 5 else None


def _gifts_page(
    request: Request, session: Session, donor: Donor, *, complaint: str = "", status: int = 200
) -> HTMLResponse:
    asked = request.query_params
    locale = locale_of(request, fallback=donor.locale)
    given = history.read(
        session,
        donor.id,
        year=_number(asked.get("year", "")),
        page_number=_number(asked.get("page", "")) or 1,
    )
    entity = charity.receiving_entity(session)
    today = day_in(entity.time_zone, now())
    year = given.year.year if given.year is not None else today.year
    kept = {name: asked[name] for name in ("year", "page") if name in asked}
    return page(
        "all_gifts.html",
        locale=locale,
        brand=Brand.of(charity.the_organisation(session), locale),
        status=status,
        headers=_UNSEEN,
        entity=entity,
        donor=donor,
        given=given,
        promises=promises.of_donor(session, donor.id),
        statements=papers.statements(session, donor.id),
        bodies=papers.bodies(session, donor.id),
        funds={fund.id: fund.name_in(locale) for fund in session.scalars(select(Fund))},
        typed={
            "from": asked.get("from") or f"{year}-01-01",
            "until": asked.get("until") or min(date(year, 12, 31), today).isoformat(),
            "body": asked.get("body", ""),
        },
        complaint=translator(locale).gettext(complaint) if complaint else "",
        language_links=language_links(request, kept, path="/giving/gifts"),
    )


def _links_page(
    request: Request,
    session: Session,
    *,
    state: str,
    locale: str | None = None,
    token: str = "",
    is_wrong: bool = False,
    has_ended: bool = False,
    status: int = 200,
) -> HTMLResponse:
    spoken = locale or locale_of(request)
    facts: dict[str, Any] = {"state": state, "token": token, "is_wrong": is_wrong, "has_ended": has_ended}
    path = {"sent": "/giving/sent", "open": f"/giving/open/{token}"}.get(state, "/giving")
    return page(
        "all_gifts_link.html",
        locale=spoken,
        brand=Brand.of(charity.the_organisation(session), spoken),
        status=status,
        headers=_UNSEEN,
        entity=charity.receiving_entity(session),
        language_links=language_links(request, {}, path=path),
        **facts,
    )
