"""A line of the bank is said to be something, and what was said is undone.

A line must come to its subject to the cent. Which of our things it is, is told by the first letters of the id
that is chosen or typed.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from payments.dependencies import DatabaseSession, signed_in
from payments.money import Money
from payments.pages.console.bank import subject_path
from payments.pages.console.deeds import Complaint, Deed, deed_page, done
from payments.pages.console.drawing import language_of
from payments.pages.console.sign_in import Form
from payments.reconciliation import bank_lines, candidates, matching, on_paper, together
from payments.reconciliation.bank_accounts import MAY_RECONCILE
from payments.staff.models import StaffMember
from payments.translations import N_, Told, translator

router = APIRouter()

Reconciler = Annotated[StaffMember, signed_in(*MAY_RECONCILE)]


_BY_ID = "ours"
"""What the form sends where the id of something else was typed."""
_TOGETHER = N_("together the same amount")


class SubjectMissing(Told):
    """Neither an id nor the word that it is none of ours."""

    field = "subject"
    sentence = N_("Write the id of what the line is, or say that it is none of ours.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Something that a line may be, or several payouts that it may be together."""

    ids: tuple[str, ...]
    kind: str
    why: str

    @property
    def value(self) -> str:
        """As the form sends it."""
        return " ".join(self.ids)


@router.get("/bank/lines/{line_id}/match")
def before_matching(request: Request, session: DatabaseSession, by: Reconciler, line_id: str) -> Response:
    """What it may be."""
    return _line_page(request, session, by, line_id, template="bank_match.html")


@router.post("/bank/lines/{line_id}/match")
def match(request: Request, by: Reconciler, line_id: str, form: Form) -> Response:
    """Say what it is."""

    def say(session: Session, person: StaffMember) -> str:
        chosen, reason = form.get("is", ""), form.get("reason", "")
        subjects = (form.get("subject", "") if chosen in ("", _BY_ID) else chosen).split()
        if chosen == "none":
            matching.ignore(session, line_id, by=person, reason=reason)
        elif not subjects:
            raise SubjectMissing
        elif all(each.startswith("po_") for each in subjects):
            matching.match_payouts(session, line_id, subjects, by=person, reason=reason)
        elif subjects[0].startswith("txn_"):
            matching.match_topup(session, line_id, subjects[0], by=person, reason=reason)
        else:
            matching.match_offline(session, line_id, " ".join(subjects), by=person, reason=reason)
        return line_id

    return _done(
        request,
        by,
        line_id,
        form,
        template="bank_match.html",
        deed=Deed(
            name=f"console match of {line_id}", do=say, then=lambda made: f"/console/bank/lines/{made}"
        ),
    )


@router.get("/bank/lines/{line_id}/unmatch")
def before_undoing(request: Request, session: DatabaseSession, by: Reconciler, line_id: str) -> Response:
    """What was said of it."""
    return _line_page(request, session, by, line_id, template="bank_unmatch.html")


@router.post("/bank/lines/{line_id}/unmatch")
def undo(request: Request, by: Reconciler, line_id: str, form: Form) -> Response:
    """Undo all of it; what was booked by it is reversed today."""

    def take_back(session: Session, person: StaffMember) -> str:
        matching.undo(session, line_id, by=person, reason=form.get("reason", ""))
        return line_id

    return _done(
        request,
        by,
        line_id,
        form,
        template="bank_unmatch.html",
        deed=Deed(
            name=f"console undoing of {line_id}",
            do=take_back,
            then=lambda made: f"/console/bank/lines/{made}",
        ),
    )


def _suggestions(session: Session, line_id: str, *, locale: str) -> list[Suggestion]:
    """Single payouts and top-ups, what was booked on paper, and several payouts together."""
    told = translator(locale).gettext(_TOGETHER)
    single: list[candidates.Candidate | on_paper.OnPaper] = [
        *candidates.of_line(session, line_id),
        *on_paper.of_line(session, line_id),
    ]
    sums = together.of_line(session, line_id)
    return [
        *(Suggestion(ids=(each.subject_id,), kind=each.kind, why=each.speaks.in_(locale)) for each in single),
        *(Suggestion(ids=each.stripe_payout_ids, kind="payout", why=told) for each in sums),
    ]


def _done(
    request: Request,
    by: StaffMember,
    line_id: str,
    form: dict[str, str],
    *,
    template: str,
    deed: Deed,
) -> Response:
    def again(session: Session, complaint: Complaint) -> Response:
        return _line_page(request, session, by, line_id, template=template, typed=form, complaint=complaint)

    return done(request, by, form, deed, again=again)


def _line_page(
    request: Request,
    session: Session,
    by: StaffMember,
    line_id: str,
    *,
    template: str,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    found = bank_lines.find(session, line_id)
    return deed_page(
        request,
        session,
        template,
        person=by,
        here="bank",
        typed=typed,
        complaint=complaint,
        line=found,
        amount=Money(found.amount, found.currency),
        may_be=_suggestions(session, line_id, locale=language_of(request)),
        said=matching.said_of(session, [line_id]).get(line_id, []),
        subject_path=subject_path,
        money_of=Money,
    )
