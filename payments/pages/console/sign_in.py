"""The ways into the console and out of it.

Opening a link shows who it is for and a button; only the button uses it up. Afterwards a person is led to the
page they had asked for, if it is one of ours: an address from outside is never followed.
"""

import re
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.dependencies import DatabaseSession, keep_no_longer, keep_signed_in, signed_in, staff_cookie_of
from payments.donations import organisation as charity
from payments.pages.console.browsers import browser_of
from payments.pages.forms import posted
from payments.pages.look import Brand, language_links, locale_of, page
from payments.settings import settings
from payments.staff import links, sessions
from payments.staff.links import LinkUsed
from payments.staff.models import StaffMember

router = APIRouter(prefix="/console", include_in_schema=False)

Form = Annotated[dict[str, str], Depends(posted)]
SignedIn = Annotated[StaffMember, signed_in()]

FRONT = "/console/account"
"""Where somebody arrives who asked for no page in particular."""

UNSEEN = {"x-robots-tag": "noindex, nofollow"}
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
    answer = RedirectResponse(f"/console/sign-in?{urlencode(onward)}".rstrip("?"), status_code=303)
    if staff_cookie_of(request):
        keep_no_longer(answer)
    return answer


@router.get("/sign-in")
def ask(request: Request, session: DatabaseSession) -> Response:
    """Where one signs in."""
    return _drawn(request, session, state="ask")


@router.get("/sign-in/{token}")
def show_link(request: Request, session: DatabaseSession, token: str) -> Response:
    """Whom a link of the demo lets in. Changes nothing."""
    try:
        person = links.whom_into_the_demo(session, token)
    except LinkUsed:
        return _drawn(request, session, state="used", status=410)
    return _drawn(request, session, state="link", person=person)


@router.post("/sign-in/{token}")
def use_link(request: Request, token: str, form: Form) -> Response:
    """Comes in, once."""
    locale = locale_of(request, fallback=form.get("lang"))
    try:
        with transaction() as session:
            person = links.use(session, token)
            sessions.end(session, staff_cookie_of(request))
            begun = sessions.begin(session, person, way="a link of the demo", browser=browser_of(request))
    except LinkUsed:
        with transaction() as session:
            return _drawn(request, session, state="used", locale=locale, status=410)
    answer = RedirectResponse(f"{FRONT}?{urlencode({'lang': locale})}", status_code=303)
    keep_signed_in(answer, begun)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, form: Form) -> Response:
    """Signs out at this browser; whoever is out already stays so."""
    with transaction() as session:
        sessions.end(session, staff_cookie_of(request))
    locale = locale_of(request, fallback=form.get("lang"))
    answer = RedirectResponse(f"/console/sign-in?{urlencode({'lang': locale})}", status_code=303)
    keep_no_longer(answer)
    return answer


@router.get("/account")
def account(request: Request, session: DatabaseSession, person: SignedIn) -> Response:
    """Who is signed in."""
    return _drawn(request, session, state="account", person=person)


def _drawn(
    request: Request,
    session: Session,
    *,
    state: str,
    person: StaffMember | None = None,
    locale: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    spoken = locale or locale_of(request)
    return page(
        "console/sign_in.html",
        locale=spoken,
        brand=Brand.of(charity.the_organisation(session), spoken),
        status=status,
        headers=UNSEEN,
        state=state,
        person=person,
        is_demo=settings().app_env == "demo",
        language_links=language_links(request, {}),
    )
