"""Signing in to the console, and out of it.

Afterwards a person is led to the page they had asked for, if it is one of ours: an address from outside is
never followed. In the demo a link does instead of a password; opening it shows a button, and only the button
uses it up.
"""

import re
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.dependencies import DatabaseSession, keep_no_longer, keep_signed_in, staff_cookie_of
from payments.pages.console.browsers import browser_of
from payments.pages.console.drawing import console_page
from payments.pages.console.proving import NotProven, proven, remember_browser
from payments.pages.forms import posted
from payments.settings import settings
from payments.staff import links, sessions
from payments.staff.credentials import SignInRefused
from payments.staff.links import LinkUsed
from payments.staff.models import StaffMember
from payments.staff.tries import TooManyTries

router = APIRouter(prefix="/console", include_in_schema=False, max_body_size=16 * 1024)

Form = Annotated[dict[str, str], Depends(posted)]

FRONT = "/console"
"""Where somebody arrives who asked for no page in particular."""

_OWN_PATH = re.compile(r"/console(/[A-Za-z0-9._~-]+)*/?(\?[A-Za-z0-9._~%&=+-]*)?")
_LONGEST_PATH = 500


def own_path(wanted: str | None) -> str:
    """A page of the console's, and nothing else: `//elsewhere.example` is another site's address."""
    is_own = wanted and len(wanted) <= _LONGEST_PATH and _OWN_PATH.fullmatch(wanted)
    return str(wanted) if is_own else FRONT


def sign_in_needed(request: Request, _: Exception) -> Response:
    """Sends a person to sign in and remembers where they were. A form that came too late is not sent again by
    itself: its page is shown anew."""
    asked = request.url.path
    if request.method not in {"GET", "HEAD"}:
        asked = urlsplit(request.headers.get("referer", "")).path
    elif request.url.query:
        asked += f"?{request.url.query}"
    wanted = own_path(asked)
    onward = {} if wanted == FRONT else {"next": wanted}
    return RedirectResponse(f"/console/sign-in?{urlencode(onward)}".rstrip("?"), status_code=303)


@router.get("/sign-in")
def ask(request: Request, session: DatabaseSession) -> Response:
    """Where one signs in."""
    return _asked(request, session, onward=request.query_params.get("next"))


@router.post("/sign-in")
def sign_in(request: Request, form: Form) -> Response:
    """Signs in with an address, a password and a code. What is wrong with them is not told apart."""

    def come_in(session: Session, person: StaffMember, way: str, refused: int) -> tuple[StaffMember, str]:
        sessions.end(session, staff_cookie_of(request))
        begun = sessions.begin(
            session, person, way=way, browser=browser_of(request), has_second_factor=True, refused=refused
        )
        return person, begun

    try:
        person, begun = proven(
            request,
            email=form.get("email", ""),
            password=form.get("password", ""),
            code=form.get("code", ""),
            deed=come_in,
        )
    except NotProven as refusal:
        with transaction() as session:
            return _asked(request, session, onward=form.get("next"), email=form.get("email"), refusal=refusal)
    answer = RedirectResponse(own_path(form.get("next")), status_code=303)
    keep_signed_in(answer, begun)
    remember_browser(answer, person)
    return answer


@router.get("/sign-in/{token}")
def show_link(request: Request, session: DatabaseSession, token: str) -> Response:
    """Whom a link of the demo lets in. Changes nothing."""
    try:
        person = links.of_the_demo(session, token)
    except LinkUsed:
        return link_used(request, session)
    return console_page(request, session, "demo_link.html", person=None, guest=person)


@router.post("/sign-in/{token}")
def use_link(request: Request, token: str) -> Response:
    """Comes into the demo, once."""
    try:
        with transaction() as session:
            person = links.of_the_demo(session, token)
            links.use_up(session, token)
            sessions.end(session, staff_cookie_of(request))
            begun = sessions.begin(session, person, way="a link of the demo", browser=browser_of(request))
    except LinkUsed:
        with transaction() as session:
            return link_used(request, session)
    answer = RedirectResponse(FRONT, status_code=303)
    keep_signed_in(answer, begun)
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Signs out at this browser; whoever is out already stays so."""
    with transaction() as session:
        sessions.end(session, staff_cookie_of(request))
    answer = RedirectResponse("/console/sign-in", status_code=303)
    keep_no_longer(answer)
    return answer


def link_used(request: Request, session: Session) -> HTMLResponse:
    """What is told of every link that opens nothing."""
    return console_page(request, session, "link_used.html", person=None, status=410)


def _asked(
    request: Request,
    session: Session,
    *,
    onward: str | None,
    email: str | None = None,
    refusal: Exception | None = None,
) -> HTMLResponse:
    headers = {}
    if isinstance(refusal, TooManyTries):
        headers["retry-after"] = str(max(1, round(refusal.wait.total_seconds())))
    return console_page(
        request,
        session,
        "sign_in.html",
        person=None,
        status=200 if refusal is None else 422 if isinstance(refusal, SignInRefused) else 429,
        headers=headers,
        onward=own_path(onward),
        email=(email or "")[:254],
        is_wrong=isinstance(refusal, SignInRefused),
        is_too_soon=refusal is not None and not isinstance(refusal, SignInRefused),
        is_demo=settings().app_env == "demo",
    )
