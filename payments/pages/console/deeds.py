"""Deeds of the console: shown first as they would be, then done once, by the rules of their room alone.

What a deed would do is not worked out a second time here: it is done and taken back, so the page before the
second click tells what the room itself says, or why it refuses. Each form carries a key
of its own; sent twice, it does one deed. What moves money out, sends what is personal to a new address or
closes a month asks for the password and a code, unless they were shown at this browser within a quarter of
an hour.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from payments.database import taken_back, transaction
from payments.dependencies import staff_cookie_of
from payments.donations.wishes import WishRefused
from payments.errors import AlmonerError, PersonMustLook
from payments.pages.console.account import not_proven
from payments.pages.console.drawing import console_page, language_of
from payments.pages.console.proving import NotProven, proven
from payments.reconciliation.formats.csv_profile import ProfileWrong
from payments.reconciliation.matching import MatchRefused
from payments.reconciliation.statements import StatementRefused
from payments.staff import requests, sessions
from payments.staff.models import StaffMember
from payments.staff.requests import StaffKeyReused
from payments.translations import N_, Told, sentence_for, translator

T = TypeVar("T")

PROVEN_FOR = timedelta(minutes=15)
_IN_ENGLISH = (PersonMustLook, MatchRefused, StatementRefused, ProfileWrong)
"""Refusals that are as many as there are banks, and speak no other language yet."""
REFUSALS = (Told, WishRefused, *_IN_ENGLISH)
"""What a room says no with, to a person: the page is shown again with its sentence."""

_SENT_BEFORE = N_(
    "This form was sent before, with other words in it. Look how things stand, and send it anew."
)
_SHOW_WHO_YOU_ARE = N_("Nothing was done yet: show who you are, with your password and a code.")
_LONGEST_KEY = 200
_ITS_OWN = frozenset({"key", "sure", "email", "password", "code"})
"""Fields that say nothing of what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What is to be done, once for each key. `do` answers with the id of what it made or changed."""

    name: str
    do: Callable[[Session, StaffMember], str]
    then: Callable[[str], str]
    """Where the new state is shown, by that id."""
    asks_for_proof: bool = False
    beforehand: Callable[[], None] | None = None
    """What takes long and is kept whatever comes of the deed, such as asking Stripe: in no transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Why it was not done, and which field that is about."""

    sentence: str = ""
    field: str = ""
    is_english: bool = False
    """Of a room that speaks no other language yet."""


class _ProofMissing(Exception):
    pass


def foreseen(session: Session, look: Callable[[Session], T]) -> T:
    """What a deed would do: it is done, and taken back. `look` answers with plain facts, for no row outlives
    this; it raises what the deed would raise."""
    with taken_back(session):
        return look(session)


def complaint_of(request: Request, refusal: AlmonerError) -> Complaint:
    """The room's own sentence, in the reader's language if it speaks that."""
    if not isinstance(refusal, Told | WishRefused):
        return Complaint(sentence=str(refusal), is_english=True)
    return Complaint(sentence=sentence_for(refusal, language_of(request)), field=refusal.field)


def done(
    request: Request,
    person: StaffMember,
    form: Mapping[str, str],
    deed: Deed,
    *,
    again: Callable[[Session, Complaint], Response],
) -> Response:
    """Do it and lead to the new state, or show its page `again` with what stood in the way."""
    key = form.get("key", "")
    if not 0 < len(key) <= _LONGEST_KEY:
        raise HTTPException(400)  # no page of ours sends such a form
    wanted = {"deed": deed.name, **{name: said for name, said in form.items() if name not in _ITS_OWN}}
    try:
        if deed.asks_for_proof:
            _must_be_proven(request, person, form)
        if deed.beforehand is not None:
            deed.beforehand()
        with transaction() as session:
            made = requests.earlier(session, person, key=key, request=wanted)
            if made is None:
                made = deed.do(session, person)
                requests.remember(session, person, key=key, request=wanted, answer_id=made)
    except NotProven as refusal:
        complaint = Complaint(sentence=not_proven(refusal, language_of(request)), field="code")
    except _ProofMissing:
        said = translator(language_of(request)).gettext(_SHOW_WHO_YOU_ARE)
        complaint = Complaint(sentence=said, field="code")
    except StaffKeyReused:
        complaint = Complaint(sentence=translator(language_of(request)).gettext(_SENT_BEFORE))
    except REFUSALS as refusal:
        complaint = complaint_of(request, refusal)
    else:
        return RedirectResponse(deed.then(made), status_code=303)
    with transaction() as session:
        return again(session, complaint)


def deed_page(
    request: Request,
    session: Session,
    template: str,
    *,
    person: StaffMember,
    here: str,
    typed: Mapping[str, str] | None = None,
    complaint: Complaint | None = None,
    asks_for_proof: bool = False,
    **facts: Any,
) -> Response:
    """A page with a form of a deed: with a new key, what was `typed` before, and why that was not done."""
    said = complaint or Complaint()
    return console_page(
        request,
        session,
        template,
        person=person,
        here=here,
        status=422 if said.sentence else 200,
        key=secrets.token_urlsafe(18),
        typed=typed or {},
        complaint=said.sentence,
        about=said.field,
        is_english=said.is_english,
        needs_proof=asks_for_proof and not _is_proven(request, session),
        **facts,
    )


def _is_proven(request: Request, session: Session) -> bool:
    return sessions.is_proven(session, staff_cookie_of(request), within=PROVEN_FOR)


def _must_be_proven(request: Request, person: StaffMember, form: Mapping[str, str]) -> None:
    """By itself, before the deed: a room that refuses must not give back the code that was taken. A form
    that was drawn when nothing was to be shown is no wrong try."""
    with transaction() as session:
        if _is_proven(request, session):
            return
    if not form.get("password"):
        raise _ProofMissing
    proven(
        request,
        email=person.email,
        password=form.get("password", ""),
        code=form.get("code", ""),
        deed=lambda session, _person, _way, _refused: sessions.proven_here(session, staff_cookie_of(request)),
    )
