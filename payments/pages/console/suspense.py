"""What no rule knows: all of it, and one movement with a person's word for it, the first or a better one.

A word is an entry of its own, dated today; the wrong one stays in the book with its return beside it.
"""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.dependencies import DatabaseSession, signed_in
from payments.donations import organisation as charity
from payments.donations.models import Fund
from payments.ledger import classifying
from payments.ledger.accounts import Account
from payments.ledger.classifying import MAY_CLASSIFY, Word
from payments.ledger.models import BalanceTransaction
from payments.money import Money
from payments.pages.console.deeds import Complaint, Deed, deed_page, done
from payments.pages.console.drawing import console_page
from payments.pages.console.sign_in import Form
from payments.staff import people
from payments.staff.models import StaffMember
from payments.translations import N_, Told

router = APIRouter()

Reader = Annotated[StaffMember, signed_in(*people.MAY_READ)]
Classifier = Annotated[StaffMember, signed_in(*MAY_CLASSIFY)]


class AccountMissing(Told):
    """Nothing was chosen from the list."""

    field = "account"
    sentence = N_("Choose where it belongs.")


class SaidMeanwhile(Told):
    """Somebody was quicker, and their word was not seen."""

    sentence = N_("Somebody has said something else of it meanwhile. Look at it, and say it anew if need be.")


@router.get("/suspense")
def suspense(request: Request, session: DatabaseSession, by: Reader) -> Response:
    """What waits for a word, the oldest on top."""
    return console_page(
        request,
        session,
        "suspense.html",
        person=by,
        here="exceptions",
        rows=classifying.in_suspense(session),
        may_classify=by.may(*MAY_CLASSIFY),
    )


@router.get("/suspense/{movement_id}")
def before(request: Request, session: DatabaseSession, by: Classifier, movement_id: str) -> Response:
    """What Stripe says of it, and what may be said."""
    return _page(request, session, by, movement_id)


@router.post("/suspense/{movement_id}")
def say(request: Request, by: Classifier, movement_id: str, form: Form) -> Response:
    """The word."""

    def classify(session: Session, person: StaffMember) -> str:
        word = _word(form)
        zone = charity.zone_of_the_book(session, word.fund_id)
        earlier = classifying.said(session, movement_id)
        if form.get("words", "0") == "0":
            classifying.classify(session, movement_id, word, time_zone=zone, by=person)
        elif earlier is None or form["words"] != str(earlier.words):
            raise SaidMeanwhile
        else:
            classifying.reclassify(session, movement_id, word, time_zone=zone, by=person)
        return movement_id

    deed = Deed(
        name=f"console word about {movement_id}",
        do=classify,
        then=lambda made: f"/console/suspense/{made}",
    )
    return done(
        request,
        by,
        form,
        deed,
        again=lambda session, complaint: _page(
            request, session, by, movement_id, typed=form, complaint=complaint
        ),
    )


def _word(form: dict[str, str]) -> Word:
    account = form.get("account", "")
    if account not in list(Account):
        raise AccountMissing
    return Word(
        account=Account(account),
        fund_id=form.get("fund") or None,
        reason=form.get("reason", ""),
        is_to_be_remembered=bool(form.get("remember")),
    )


def _page(
    request: Request,
    session: Session,
    by: StaffMember,
    movement_id: str,
    *,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    movement = session.get(BalanceTransaction, movement_id)
    held = next(iter(classifying.in_suspense(session, only=movement_id)), None)
    said = classifying.said(session, movement_id)
    if movement is None or (held is None and said is None):
        raise HTTPException(404)
    suggested = {"account": held.suggestion} if held is not None and held.suggestion is not None else {}
    return deed_page(
        request,
        session,
        "suspense_word.html",
        person=by,
        here="exceptions",
        typed=typed if typed is not None else suggested,
        complaint=complaint,
        movement=movement,
        net=Money(movement.net, movement.currency),
        held=held,
        said=said,
        accounts=classifying.BY_HAND,
        funds=session.scalars(
            select(Fund)
            .where(Fund.entity_id == charity.receiving_entity(session).id)
            .order_by(Fund.position, Fund.id)
        ).all(),
    )
