"""A person's own account: where they are signed in, and what they prove themselves with.

Whatever changes how one signs in asks for the password and a code once more: a browser that was left open, or
a stolen session, is then not enough to keep the person out for good.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.dependencies import DatabaseSession, keep_signed_in, signed_in, staff_cookie_of
from payments.pages.console.browsers import browser_of
from payments.pages.console.drawing import console_page, language_of
from payments.pages.console.proving import NotProven, proven
from payments.pages.console.sign_in import Form
from payments.pages.console.welcome import BUSY, app_page, codes_page, new_password
from payments.staff import audit, credentials, factors, passwords, people, sessions
from payments.staff.credentials import SignInRefused
from payments.staff.factors import CodeWrong
from payments.staff.models import StaffMember
from payments.staff.tries import TooManyTries
from payments.translations import N_, translator

router = APIRouter(prefix="/console/account", include_in_schema=False, max_body_size=16 * 1024)

SignedIn = Annotated[StaffMember, signed_in()]
Then = Callable[[Session, StaffMember], Response]

BEGIN_ANEW = N_("That was not the code that the new app showed. Please begin anew.")
NOT_PROVEN = N_("The password or the code is not right.")
TOO_SOON = N_("There were too many tries. Please wait a little before the next one.")


@router.get("")
def account(request: Request, session: DatabaseSession, person: SignedIn) -> Response:
    """Who is signed in, where, and how."""
    return _page(request, session, person)


@router.get("/{deed}")
def back_to_it(deed: str, person: SignedIn) -> Response:
    """Whoever changes the language under the answer to a form is led back."""
    return RedirectResponse("/console/account", status_code=303)


@router.post("/password")
def change_password(request: Request, person: SignedIn, form: Form) -> Response:
    """Another password. It ends every session, and begins this one anew."""
    made, complaint = new_password(form, person, language_of(request))
    if complaint:
        with transaction() as session:
            return _page(request, session, person, about="password", complaint=complaint)

    def change(session: Session, proven_person: StaffMember) -> Response:
        credentials.set_password(session, proven_person, made)
        sessions.end_all(session, proven_person)
        begun = sessions.begin(
            session,
            proven_person,
            way="a new password",
            browser=browser_of(request),
            has_second_factor=True,
        )
        answer = RedirectResponse("/console/account", status_code=303)
        keep_signed_in(answer, begun)
        return answer

    return _proven(request, person, form, about="password", then=change)


@router.post("/app")
def offer_app(request: Request, person: SignedIn, form: Form) -> Response:
    """Another authenticator app, on a new telephone. The old one counts until a code of the new has come."""

    def show(session: Session, proven_person: StaffMember) -> Response:
        factors.offer(session, proven_person)
        return app_page(request, session, proven_person, action="/console/account/app/code")

    return _proven(request, person, form, about="app", then=show)


@router.post("/app/code")
def confirm_app(request: Request, person: SignedIn, form: Form) -> Response:
    """The first code of the new app: from now on it is the one, and every other browser is signed out.
    A wrong one ends it: what was offered is for whoever has just proven themselves, and not for guessing."""
    try:
        with transaction() as session:
            codes = factors.confirm(session, person, form.get("code", ""))
            sessions.end_all(session, person, but=staff_cookie_of(request))
            return codes_page(request, session, person, codes)
    except CodeWrong:
        with transaction() as session:
            factors.withdraw(session, person)
            complaint = translator(language_of(request)).gettext(BEGIN_ANEW)
            return _page(request, session, person, about="app", complaint=complaint)


@router.post("/codes")
def renew_codes(request: Request, person: SignedIn, form: Form) -> Response:
    """Ten new recovery codes; the earlier ones count no more."""

    def renew(session: Session, proven_person: StaffMember) -> Response:
        codes = factors.renew_recovery_codes(session, proven_person)
        return codes_page(request, session, proven_person, codes)

    return _proven(request, person, form, about="codes", then=renew)


@router.post("/elsewhere")
def sign_out_elsewhere(request: Request, person: SignedIn) -> Response:
    """Ends every session but this one."""
    with transaction() as session:
        sessions.end_all(session, person, but=staff_cookie_of(request))
        audit.note(session, person, "staff.sign_out", subject=person.id, reason="signed out everywhere else")
    return RedirectResponse("/console/account", status_code=303)


def _proven(
    request: Request, person: StaffMember, form: dict[str, str], *, about: str, then: Then
) -> Response:
    """Does it once the person has proven themselves again, or says beside the form that they have not."""
    try:
        return proven(
            request,
            email=person.email,
            password=form.get("password", ""),
            code=form.get("code", ""),
            deed=lambda session, proven_person, _way, _refused: then(session, proven_person),
        )
    except NotProven as refusal:
        complaint = not_proven(refusal, language_of(request))
    with transaction() as session:
        return _page(request, session, person, about=about, complaint=complaint)


def not_proven(refusal: Exception, locale: str) -> str:
    """Why it was not done, beside its form."""
    sentence = BUSY
    if isinstance(refusal, SignInRefused):
        sentence = NOT_PROVEN
    elif isinstance(refusal, TooManyTries):
        sentence = TOO_SOON
    return translator(locale).gettext(sentence)


def _page(
    request: Request, session: Session, person: StaffMember, *, about: str = "", complaint: str = ""
) -> Response:
    here = staff_cookie_of(request)
    credential = credentials.of(session, person)
    return console_page(
        request,
        session,
        "account.html",
        person=person,
        here="account",
        status=422 if complaint else 200,
        sessions=[(kept, sessions.is_at(kept, here)) for kept in sessions.of(session, person)],
        credential=credential,
        codes_left=factors.recovery_codes_left(session, person),
        shortest=passwords.SHORTEST,
        may_invite=person.may(*people.MAY_MANAGE),
        about=about,
        complaint=complaint,
    )
