"""From an invitation to the console: a password, then an authenticator app, then ten codes to keep.

Opening the invitation shows a button and changes nothing. The button uses it up and begins a session that
opens these pages alone; the console opens once a code of the app has come back.
"""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.dependencies import DatabaseSession, keep_signed_in, staff_cookie_of
from payments.donations import organisation as charity
from payments.pages.console.browsers import browser_of
from payments.pages.console.drawing import console_page, language_of
from payments.pages.console.proving import remember_browser
from payments.pages.console.sign_in import FRONT, Form, link_used
from payments.pages.look import Brand
from payments.receipts import qr
from payments.staff import credentials, factors, links, passwords, sessions
from payments.staff.factors import CodeWrong
from payments.staff.links import LinkUsed
from payments.staff.models import StaffMember
from payments.staff.passwords import HashingBusy, PasswordRefused
from payments.staff.sessions import SignInNeeded
from payments.translations import N_, sentence_for, translator

router = APIRouter(prefix="/console/welcome", include_in_schema=False, max_body_size=16 * 1024)

CODE_WRONG = N_("That is not the code that the app shows now. Wait for the next one and type that.")
NOT_THE_SAME = N_("The two are not the same. Please type both once more.")
BUSY = N_("Many are signing in at this moment. Please try again in a few seconds.")


@router.get("")
def go_on(request: Request, session: DatabaseSession) -> Response:
    """The next step of somebody who was invited."""
    try:
        person = sessions.welcomed(session, staff_cookie_of(request))
    except SignInNeeded:
        return link_used(request, session)
    return _step(request, session, person)


@router.post("")
def take_step(request: Request, form: Form) -> Response:
    """Takes the password, or the first code of the app: what the step was."""
    try:
        with transaction() as session:
            person = sessions.welcomed(session, staff_cookie_of(request))
    except SignInNeeded:
        with transaction() as session:
            return link_used(request, session)
    return _take_code(request, person, form) if "code" in form else _take_password(request, person, form)


@router.get("/{token}")
def show(request: Request, session: DatabaseSession, token: str) -> Response:
    """Whom the invitation is for. Changes nothing."""
    try:
        person = links.invited(session, token)
    except LinkUsed:
        return link_used(request, session)
    return console_page(request, session, "invitation.html", person=None, guest=person)


@router.post("/{token}")
def begin(request: Request, token: str) -> Response:
    """Uses the invitation up."""
    try:
        with transaction() as session:
            person = links.invited(session, token)
            links.use_up(session, token)
            sessions.end(session, staff_cookie_of(request))
            begun = sessions.begin_welcome(session, person, browser=browser_of(request))
    except LinkUsed:
        with transaction() as session:
            return link_used(request, session)
    answer = RedirectResponse("/console/welcome", status_code=303)
    keep_signed_in(answer, begun)
    return answer


def new_password(form: dict[str, str], person: StaffMember, locale: str) -> tuple[str, str]:
    """A password that was typed twice, as it is kept; or else what is wrong with it."""
    password = form.get("new_password", "")
    try:
        passwords.check(password, person)
        if password != form.get("again"):
            return "", translator(locale).gettext(NOT_THE_SAME)
        return passwords.made(password), ""
    except PasswordRefused as refusal:
        return "", sentence_for(refusal, locale)
    except HashingBusy:
        return "", translator(locale).gettext(BUSY)


def _take_password(request: Request, person: StaffMember, form: dict[str, str]) -> Response:
    made, complaint = new_password(form, person, language_of(request))
    with transaction() as session:
        if complaint:
            return _step(request, session, person, complaint=complaint)
        credentials.set_password(session, person, made)
        factors.offer(session, person)
    return RedirectResponse("/console/welcome", status_code=303)


def _take_code(request: Request, person: StaffMember, form: dict[str, str]) -> Response:
    try:
        with transaction() as session:
            codes = factors.confirm(session, person, form.get("code", ""))
            # The welcome is over: what the browser held so far opens nothing any more.
            sessions.end_all(session, person)
            begun = sessions.begin(
                session, person, way="an invitation", browser=browser_of(request), has_second_factor=True
            )
            answer = codes_page(request, session, person, codes)
    except CodeWrong:
        with transaction() as session:
            complaint = translator(language_of(request)).gettext(CODE_WRONG)
            return _step(request, session, person, complaint=complaint)
    keep_signed_in(answer, begun)
    remember_browser(answer, person)
    return answer


def codes_page(request: Request, session: Session, person: StaffMember, codes: list[str]) -> Response:
    """The recovery codes, the one time that they can be read."""
    return console_page(request, session, "codes.html", person=person, codes=codes, front=FRONT)


def app_page(
    request: Request, session: Session, person: StaffMember, *, action: str, complaint: str = ""
) -> Response:
    """The offered secret as a picture and as letters, and where its first code is typed."""
    issuer = Brand.of(charity.the_organisation(session), "en").name
    offer = factors.offered(session, person, issuer=issuer)
    return console_page(
        request,
        session,
        "app.html",
        person=None,
        status=422 if complaint else 200,
        offer=offer,
        picture=qr.svg(offer.address) if offer else "",
        action=action,
        complaint=complaint,
    )


def _step(request: Request, session: Session, person: StaffMember, *, complaint: str = "") -> Response:
    if credentials.of(session, person) is not None:
        return app_page(request, session, person, action="/console/welcome", complaint=complaint)
    return console_page(
        request,
        session,
        "password.html",
        person=None,
        status=422 if complaint else 200,
        guest=person,
        shortest=passwords.SHORTEST,
        complaint=complaint,
    )
