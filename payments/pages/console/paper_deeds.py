"""An offline gift is written down, and one that was wrong or bounced is taken back.

What was typed is done once under the eyes of the room and taken back, so the page before the second click
tells what becomes of the receipt while the paper is still in somebody's hand. `donations.recording` and
`receipts.owing` decide all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.dependencies import DatabaseSession, signed_in
from payments.donations import checkout, recording
from payments.donations import organisation as charity
from payments.donations.models import Fund, IssuingEntity
from payments.donations.offline import Channel, OfflineGift, PayerKind
from payments.donations.recording import MAY_RECORD, TO_DEPOSIT, Paper
from payments.donations.wishes import LONGEST_NAME, Share, WishRefused
from payments.money import Money
from payments.pages.amounts import read_amount
from payments.pages.console.days import day_needed, day_typed
from payments.pages.console.deeds import (
    REFUSALS,
    Complaint,
    Deed,
    complaint_of,
    deed_page,
    done,
    foreseen,
)
from payments.pages.console.drawing import language_of
from payments.pages.console.gift import note_reading
from payments.pages.console.sign_in import Form
from payments.receipts import owing
from payments.receipts.owing import TakenIn
from payments.reconciliation import bank_accounts
from payments.staff.models import StaffMember
from payments.supporters import donors
from payments.translations import LOCALES, N_, Told

router = APIRouter()

Recorder = Annotated[StaffMember, signed_in(*MAY_RECORD)]

CHANNELS = [channel for channel in Channel if not channel.is_at_stripe]
PAYERS: dict[PayerKind, str] = {
    PayerKind.PERSON: N_("a person"),
    PayerKind.COMPANY: N_("a company"),
    PayerKind.EMPLOYER_MATCH: N_("an employer who matches a gift"),
    PayerKind.DONOR_ADVISED_FUND: N_("a donor-advised fund"),
    PayerKind.ESTATE: N_("an estate"),
}
MORE_FUNDS = (2, 3, 4)
"""The funds beside the first one, by the number in the names of their fields."""


class ThankedHalfSaid(Told):
    """A name without an address or the other way round."""

    field = "soft_credit"
    sentence = N_("Give both the name and the address of who is thanked beside the payer, or neither.")


class PartUnreadable(Told):
    """A part, a benefit, or the cost of items."""

    sentence = N_("“{typed}” cannot be read as an amount: write it in figures, for example {example}.")


class WayInUnknown(Told):
    """No page of ours sends this."""

    field = "channel"
    sentence = N_("Say how it came in.")


class CurrencyUnknown(Told):
    """No page of ours sends this."""

    field = "currency"
    sentence = N_("Choose the currency.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would come of writing it down."""

    amount: Money
    gift_date: date | None
    body: str
    shares: list[tuple[str, Money]]
    is_known: bool
    """Whether somebody with the payer's address has given before."""
    outlook: str
    why: str
    goes_to_bank: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenTakenBack:
    """What would come of taking it back."""

    receipt: str | None
    """The number that stands now."""
    is_deposited: bool
    waits_for_deposit: bool


@router.get("/offline/record")
def before_recording(request: Request, session: DatabaseSession, by: Recorder) -> Response:
    """An empty form."""
    return _record_page(request, session, by)


@router.post("/offline/record")
def record(request: Request, by: Recorder, form: Form) -> Response:
    """First what would come of it, then, with the second click, the gift. Or back to what was typed."""

    def look(session: Session, complaint: Complaint | None = None) -> Response:
        try:
            seen = foreseen(session, lambda same: _foreseen(same, form, by, locale=language_of(request)))
        except REFUSALS as refusal:
            why = complaint or complaint_of(request, refusal)
            return _record_page(request, session, by, typed=form, complaint=why)
        kept = {name: said for name, said in form.items() if said and name not in ("key", "sure", "change")}
        return deed_page(
            request,
            session,
            "offline_sure.html",
            person=by,
            here="gifts",
            typed=form,
            complaint=complaint,
            seen=seen,
            kept=kept,
            payers=PAYERS,
        )

    if form.get("change"):
        with transaction() as session:
            return _record_page(request, session, by, typed=form)
    if not form.get("sure"):
        with transaction() as session:
            return look(session)

    deed = Deed(
        name="console offline gift",
        do=lambda session, person: _take_in(session, form, person).donation.id,
        then=lambda made: f"/console/gifts/{made}",
    )
    return done(request, by, form, deed, again=look)


@router.get("/gifts/{donation_id}/take-back")
def before_taking_back(
    request: Request, session: DatabaseSession, by: Recorder, donation_id: str
) -> Response:
    """What would happen."""
    gift = checkout.find(session, donation_id)
    note_reading(session, gift, by, reason="opened to take it back")
    return _take_back_page(request, session, by, donation_id)


@router.post("/gifts/{donation_id}/take-back")
def take_back(request: Request, by: Recorder, donation_id: str, form: Form) -> Response:
    """Take it back, in the open and today."""

    def back(session: Session, person: StaffMember) -> str:
        gift = recording.reverse(session, donation_id, by=person, reason=form.get("reason", ""))
        owing.look_again(session, gift.id)
        return gift.id

    deed = Deed(
        name=f"console return of {donation_id}", do=back, then=lambda made: f"/console/gifts/{made}#way"
    )

    def again(session: Session, complaint: Complaint) -> Response:
        return _take_back_page(request, session, by, donation_id, typed=form, complaint=complaint)

    return done(request, by, form, deed, again=again)


def _take_in(session: Session, form: dict[str, str], by: StaffMember) -> TakenIn:
    """As the form says."""
    beside = form.get("soft_name", "").strip(), form.get("soft_email", "").strip()
    if bool(beside[0]) != bool(beside[1]):
        raise ThankedHalfSaid
    return owing.take_in(
        session,
        _paper(session, form),
        payer_email=form.get("donor_email", ""),
        soft_credit=beside if beside[0] else None,
        by=by,
    )


def _paper(session: Session, form: dict[str, str]) -> Paper:
    currency = form.get("currency", "")
    if form.get("channel") not in CHANNELS:
        raise WayInUnknown
    if currency not in _currencies(session):
        raise CurrencyUnknown

    def amount(name: str) -> int:
        return _amount(form.get(name, ""), currency, is_whole=name == "amount")

    def text(name: str) -> str | None:
        return form.get(name, "").strip() or None

    whole = amount("amount")
    beside = [
        Share(form.get(f"fund_{n}", ""), amount(f"part_{n}") if text(f"part_{n}") else 0)
        for n in MORE_FUNDS
        if text(f"fund_{n}") or text(f"part_{n}")
    ]
    rest = whole - sum(share.amount for share in beside)
    kind, locale = form.get("payer_kind", ""), form.get("locale", "")
    return Paper(
        channel=Channel(form["channel"]),
        amount=Money(whole, currency),
        shares=(Share(form.get("fund", ""), rest), *beside),
        donor_name=form.get("name", ""),
        received_on=day_needed(form.get("received_on", "")),
        locale=locale if locale in LOCALES else LOCALES[0],
        payer_kind=PayerKind(kind) if kind in PAYERS else PayerKind.PERSON,
        postmarked_on=day_typed(form.get("postmarked_on", "")),
        document_number=text("number"),
        document_date=day_typed(form.get("dated", "")),
        description=text("description"),
        benefit=amount("benefit") if text("benefit") else 0,
        benefit_text=text("benefit_text"),
        items_cost=amount("items") if text("items") else None,
    )


def _amount(typed: str, currency: str, *, is_whole: bool) -> int:
    """Minor units; of an amount beside the whole one, what was typed says which it is."""
    example = Money(12_500, currency)
    try:
        return read_amount(typed, currency, example=example)
    except WishRefused:
        if is_whole:
            raise
        raise PartUnreadable(typed=typed.strip(), example=example) from None


def _foreseen(session: Session, form: dict[str, str], by: StaffMember, *, locale: str) -> Foreseen:
    is_known = donors.is_known(session, form.get("donor_email", ""))
    taken = _take_in(session, form, by)
    gift, funds = taken.donation, {fund.id: fund.name_in(locale) for fund in _funds(session)}
    return Foreseen(
        amount=gift.total,
        gift_date=gift.gift_date,
        body=session.get_one(IssuingEntity, gift.entity_id).legal_name,
        shares=[(funds[part.fund_id], Money(part.amount, gift.currency)) for part in gift.allocations],
        is_known=is_known,
        outlook=taken.outlook.words(locale),
        why=taken.outlook.why,
        goes_to_bank=Channel(gift.channel) in TO_DEPOSIT,
    )


def _record_page(
    request: Request,
    session: Session,
    by: StaffMember,
    *,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    return deed_page(
        request,
        session,
        "offline_record.html",
        person=by,
        here="gifts",
        typed=typed,
        complaint=complaint,
        channels=CHANNELS,
        currencies=_currencies(session),
        funds=_funds(session),
        more_funds=MORE_FUNDS,
        payers=PAYERS,
        longest_name=LONGEST_NAME,
    )


def _take_back_page(
    request: Request,
    session: Session,
    by: StaffMember,
    donation_id: str,
    *,
    typed: dict[str, str] | None = None,
    complaint: Complaint | None = None,
) -> Response:
    seen = None
    try:
        seen = foreseen(session, lambda same: _when_taken_back(same, donation_id, by))
    except REFUSALS as refusal:
        complaint = complaint or complaint_of(request, refusal)
    return deed_page(
        request,
        session,
        "gift_take_back.html",
        person=by,
        here="gifts",
        typed=typed,
        complaint=complaint,
        gift=checkout.find(session, donation_id),
        seen=seen,
    )


def _when_taken_back(session: Session, donation_id: str, by: StaffMember) -> WhenTakenBack:
    gift = recording.reverse(session, donation_id, by=by, reason="to see what comes of it")
    paper = session.get_one(OfflineGift, donation_id)
    is_deposited = paper.deposit_slip_id is not None
    return WhenTakenBack(
        receipt=owing.look_again(session, gift.id),
        is_deposited=is_deposited,
        waits_for_deposit=Channel(gift.channel) in TO_DEPOSIT and not is_deposited,
    )


def _currencies(session: Session) -> list[str]:
    """In which the charity asks for gifts, and those of its accounts."""
    asked_for = [terms.currency for terms in charity.giving_terms(session)]
    kept_in = [account.currency for account in bank_accounts.everything(session)]
    return list(dict.fromkeys([*asked_for, *kept_in]))


def _funds(session: Session) -> Sequence[Fund]:
    """Also those that are closed: a cheque may have been long on its way."""
    return session.scalars(select(Fund).order_by(Fund.is_open.desc(), Fund.position, Fund.id)).all()
