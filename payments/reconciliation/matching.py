"""Saying what a line of the bank is: by itself where only one answer is left, otherwise by a person.

A payout's line closes its third side in the book, and so does a top-up's. A line of Stripe's can never be
said to be a gift, or the money would count twice; what was said wrongly is undone with a reason.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import among, new_id
from payments.donations.models import Donation, IssuingEntity
from payments.donations.offline import Channel, DepositSlip, OfflineGift
from payments.donations.reversals import OwedPayment, OwedPaymentStatus
from payments.errors import AlmonerError
from payments.ledger import posting, rules_of_the_bank
from payments.ledger.models import BalanceTransaction
from payments.ledger.rules import Books, Entry
from payments.money import Money
from payments.reconciliation import candidates, payouts
from payments.reconciliation.bank_accounts import MAY_RECONCILE
from payments.reconciliation.candidates import Candidate
from payments.reconciliation.models import BankAccount, BankLine, BankMatch, Payout
from payments.staff import audit, people
from payments.staff.models import StaffMember

_BOOKED_BY_ITS_LINE = ("payout", "payout_return", "topup")
_AT_ONCE = 500
_MOST_ON_A_LINE = 20


class MatchRefused(AlmonerError):
    """A line cannot be what somebody says it is."""


class BankLineUnknown(AlmonerError):
    """No line has this id."""

    def __init__(self, bank_line_id: str) -> None:
        super().__init__(f"There is no bank line {bank_line_id}. `almoner bank lines` lists them.")


def match_what_is_certain(session: Session) -> Sequence[Candidate]:
    """Every line for which there is one answer and no other, with its entry in the book."""
    pairs = candidates.certain(session)
    for start in range(0, len(pairs), _AT_ONCE):
        _match_all(session, pairs[start : start + _AT_ONCE])
    return pairs


def _match_all(session: Session, pairs: Sequence[Candidate]) -> None:
    places = _places(session, [pair.bank_line_id for pair in pairs])
    rows: list[dict[str, Any]] = [
        {
            "id": new_id("bmt"),
            "bank_line_id": pair.bank_line_id,
            "kind": pair.kind,
            "subject_id": pair.subject_id,
            "reason": pair.reason,
            "matched_at": now(),
        }
        for pair in pairs
    ]
    session.execute(insert(BankMatch), rows)
    posting.post(
        session,
        [
            _entry(row["id"], Money(pair.amount, pair.currency), places[pair.bank_line_id], pair.booked_on)
            for row, pair in zip(rows, pairs, strict=True)
        ],
    )


def match_payout(
    session: Session, bank_line_id: str, stripe_payout_id: str, *, by: StaffMember, reason: str
) -> BankMatch:
    """A person says that the line is this payout, or its way back where the money left again."""
    line, entity = _payout_line(session, bank_line_id, by=by)
    payout = _that_left_stripe(session, stripe_payout_id)
    kind = "payout" if line.amount == payout.amount else "payout_return"
    if payout.currency != line.currency or abs(line.amount) != abs(payout.amount):
        raise MatchRefused(
            f"The line is {_money(line)}, the payout {Money(payout.amount, payout.currency)}: not the same."
        )
    if kind == "payout_return" and payout.status != "failed":
        raise MatchRefused("The line goes the other way, and this payout did not fail.")
    match = _say(session, line, kind, stripe_payout_id, by=by, reason=reason)
    posting.post(session, [_entry(match.id, _money(line), entity, line.booked_on)])
    return match


def match_payouts(
    session: Session, bank_line_id: str, stripe_payout_ids: Sequence[str], *, by: StaffMember, reason: str
) -> list[BankMatch]:
    """A person says that the bank booked these payouts as one line. Together they are its amount, to the
    cent; each has its own entry in the book."""
    if len(set(stripe_payout_ids)) == 1:
        return [match_payout(session, bank_line_id, stripe_payout_ids[0], by=by, reason=reason)]
    line, entity = _payout_line(session, bank_line_id, by=by)
    together = [_that_left_stripe(session, each) for each in sorted(set(stripe_payout_ids))]
    if len(together) > _MOST_ON_A_LINE:
        raise MatchRefused(f"At most {_MOST_ON_A_LINE} payouts are on one line.")
    total = sum(payout.amount for payout in together)
    if {payout.currency for payout in together} != {line.currency} or total != line.amount:
        said = ", ".join(str(Money(payout.amount, payout.currency)) for payout in together)
        raise MatchRefused(f"The line is {_money(line)}, the payouts {said}: together not the same.")
    matches = [
        _say(session, line, "payout", payout.stripe_payout_id, by=by, reason=reason, position=place)
        for place, payout in enumerate(together, start=1)
    ]
    posting.post(
        session,
        [
            _entry(match.id, Money(payout.amount, payout.currency), entity, line.booked_on)
            for match, payout in zip(matches, together, strict=True)
        ],
    )
    return matches


def match_topup(
    session: Session, bank_line_id: str, transaction_id: str, *, by: StaffMember, reason: str
) -> BankMatch:
    """A person says that the line is the charity's own money on its way into Stripe's balance, which that
    balance transaction brought there; or back from it, of one that was reversed."""
    line, entity = _payout_line(session, bank_line_id, by=by)
    topup = session.get(BalanceTransaction, transaction_id)
    if topup is None or topup.reporting_category not in candidates.TOPUPS:
        raise MatchRefused(
            f"{transaction_id} is no top-up in the book. `almoner exceptions list` names those that are on"
            " no line."
        )
    must_be = Money(-topup.amount, topup.currency)
    if must_be != _money(line):
        raise MatchRefused(f"The line is {_money(line)}, that of the top-up is {must_be}: not the same.")
    match = _say(session, line, "topup", transaction_id, by=by, reason=reason)
    posting.post(session, [_entry(match.id, _money(line), entity, line.booked_on, kind=match.kind)])
    return match


def _that_left_stripe(session: Session, stripe_payout_id: str) -> Payout:
    payout = payouts.find(session, stripe_payout_id)
    if payout.status == "canceled":
        raise MatchRefused(
            f"Payout {stripe_payout_id} was cancelled before its money left Stripe: no line of a bank is it."
        )
    return payout


def match_offline(
    session: Session, bank_line_id: str, subject_id: str, *, by: StaffMember, reason: str
) -> BankMatch:
    """A person says that the line is a deposit slip, a gift by bank transfer, or what a donor was paid whose
    refund had failed. All were booked before; a line of Stripe's is none of them."""
    line, entity = _open_line(session, bank_line_id, by=by)
    _refuse_what_is_stripes(session, line)
    found = _booked_offline(session, subject_id)
    if found is None:
        raise MatchRefused(
            f"{subject_id} is no deposit slip, no gift by bank transfer that stands, and no payment of what"
            " was owed."
        )
    kind, entity_id, booked = found
    if (entity_id, booked) != (entity.id, _money(line)):
        raise MatchRefused(
            f"The line is {_money(line)}, {subject_id} is {booked} of {entity_id}: not the same."
        )
    return _say(session, line, kind, subject_id, by=by, reason=reason)


def ignore(session: Session, bank_line_id: str, *, by: StaffMember, reason: str) -> BankMatch:
    """The line is the charity's other business: rent, wages, interest."""
    line, _ = _open_line(session, bank_line_id, by=by)
    return _say(session, line, "ignored", None, by=by, reason=reason)


def undo(session: Session, bank_line_id: str, *, by: StaffMember, reason: str) -> list[BankMatch]:
    """What was said of the line was wrong, all of it. Its entries are reversed today, in the open."""
    people.require(by, *MAY_RECONCILE)
    reason = people.reason_given(reason)
    line, entity = _line(session, bank_line_id)
    matches = _matches_of(session, line)
    if not matches:
        raise MatchRefused("Nothing has been said of this line that could be undone.")
    for match in matches:
        match.undone_at, match.undone_by, match.undo_reason = now(), by.id, reason
        if match.kind in _BOOKED_BY_ITS_LINE:
            part = _part(session, match, line, matches)
            entry = _entry(match.id, part, entity, line.booked_on, kind=match.kind)
            posting.post(session, [rules_of_the_bank.not_on_statement(entry, undone_at=now())])
        _log(session, "bank.unmatch", match, line, by=by, reason=reason)
    return matches


def said_of(session: Session, bank_line_ids: Sequence[str]) -> dict[str, list[BankMatch]]:
    """What stands of these lines, for those of which anything does: several payouts where the bank booked
    them as one."""
    rows = session.scalars(
        select(BankMatch)
        .where(among(BankMatch.bank_line_id, bank_line_ids), BankMatch.undone_at.is_(None))
        .order_by(BankMatch.bank_line_id, BankMatch.position)
    )
    said: dict[str, list[BankMatch]] = {}
    for row in rows:
        said.setdefault(row.bank_line_id, []).append(row)
    return said


def _part(session: Session, match: BankMatch, line: BankLine, matches: Sequence[BankMatch]) -> Money:
    """What of the line is this payout's."""
    if len(matches) == 1:
        return _money(line)
    payout = payouts.find(session, match.subject_id or "")
    return Money(payout.amount, payout.currency)


def _booked_offline(session: Session, subject_id: str) -> tuple[str, str, Money] | None:
    """Its kind, the body whose it is, and what its line must be; None of something else."""
    if subject_id.startswith("dep_"):
        slip = session.get(DepositSlip, subject_id)
        return ("deposit", slip.entity_id, Money(slip.total, slip.currency)) if slip is not None else None
    if subject_id.startswith("owp_"):
        payment = session.get(OwedPayment, subject_id)
        if payment is None or payment.status != OwedPaymentStatus.PAID:
            return None
        entity_id = session.get_one(Donation, payment.donation_id).entity_id
        return "owed_payment", entity_id, Money(-payment.settled_amount, payment.settled_currency)
    gift = session.get(Donation, subject_id)
    paper = session.get(OfflineGift, subject_id)
    if gift is None or gift.channel != Channel.BANK_TRANSFER.value:
        return None
    if paper is None or paper.reversed_at is not None:
        return None
    return "transfer", gift.entity_id, Money(gift.amount, gift.currency)


def _refuse_what_is_stripes(session: Session, line: BankLine) -> None:
    mine = candidates.of_line(session, line.id)
    if any(each.speaks_for_itself for each in mine):
        what = "top-up" if mine[0].kind == "topup" else "payout"
        raise MatchRefused(
            f"This line is the {what} {mine[0].subject_id} ({mine[0].reason}): its money is in the book"
            f" already, and it would count twice. `almoner bank match --{what.replace('-', '')}` says so."
        )
    words = f"{line.text} {line.counterparty or ''} {line.payment_reference or ''}".upper()
    if "STRIPE" in "".join(char for char in words if char.isalnum()) or "스트라이프" in words:
        raise MatchRefused(
            "The bank names Stripe: this is the money of online gifts, which are in the book already. Wait"
            " for its payout, or see `almoner payouts list`."
        )


def _open_line(session: Session, bank_line_id: str, *, by: StaffMember) -> tuple[BankLine, IssuingEntity]:
    people.require(by, *MAY_RECONCILE)
    line, entity = _line(session, bank_line_id)
    earlier = _matches_of(session, line)
    if earlier:
        what = " and ".join(each.subject_id or "ignored" for each in earlier)
        raise MatchRefused(f"This line is {what} already. `almoner bank unmatch` undoes that, with a reason.")
    return line, entity


def _payout_line(session: Session, bank_line_id: str, *, by: StaffMember) -> tuple[BankLine, IssuingEntity]:
    line, entity = _open_line(session, bank_line_id, by=by)
    if not entity.receives_online:
        raise MatchRefused("Stripe pays into accounts of the body whose Stripe account it is; not this one.")
    return line, entity


def _line(session: Session, bank_line_id: str) -> tuple[BankLine, IssuingEntity]:
    line = session.get(BankLine, bank_line_id)
    if line is None:
        raise BankLineUnknown(bank_line_id)
    # Locked, so that two people do not say two things of one line at once.
    account = session.get_one(BankAccount, line.bank_account_id, with_for_update=True)
    return line, session.get_one(IssuingEntity, account.entity_id)


def _matches_of(session: Session, line: BankLine) -> list[BankMatch]:
    return said_of(session, [line.id]).get(line.id, [])


def _say(
    session: Session,
    line: BankLine,
    kind: str,
    subject_id: str | None,
    *,
    by: StaffMember,
    reason: str,
    position: int = 1,
) -> BankMatch:
    if subject_id is not None:
        _refuse_what_is_on_another_line(session, kind, subject_id)
    match = BankMatch(
        id=new_id("bmt"),
        bank_line_id=line.id,
        kind=kind,
        subject_id=subject_id,
        position=position,
        reason=people.reason_given(reason),
        matched_by=by.id,
        matched_at=now(),
    )
    session.add(match)
    session.flush()
    _log(session, "bank.match", match, line, by=by, reason=match.reason)
    return match


def _refuse_what_is_on_another_line(session: Session, kind: str, subject_id: str) -> None:
    taken = session.scalars(
        select(BankMatch.bank_line_id).where(
            BankMatch.kind == kind, BankMatch.subject_id == subject_id, BankMatch.undone_at.is_(None)
        )
    ).first()
    if taken is not None:
        raise MatchRefused(f"{subject_id} is on the line {taken} already. Undo that first, with a reason.")


def _log(
    session: Session, deed: str, match: BankMatch, line: BankLine, *, by: StaffMember, reason: str
) -> None:
    audit.note(
        session,
        by,
        deed,
        subject=line.id,
        reason=reason,
        kind=match.kind,
        of=match.subject_id,
        amount=line.amount,
        currency=line.currency,
    )


def _places(session: Session, bank_line_ids: Sequence[str]) -> dict[str, IssuingEntity]:
    rows = session.execute(
        select(BankLine.id, IssuingEntity)
        .join(BankAccount, BankAccount.id == BankLine.bank_account_id)
        .join(IssuingEntity, IssuingEntity.id == BankAccount.entity_id)
        .where(BankLine.id.in_(bank_line_ids))
    )
    return {row.id: row.IssuingEntity for row in rows}


def _entry(
    match_id: str, told: Money, entity: IssuingEntity, booked_on: date, *, kind: str = "payout"
) -> Entry:
    # A day known without its hour stands at noon where the books are kept.
    at = datetime.combine(booked_on, time(12), ZoneInfo(entity.time_zone))
    books = Books(entity_id=entity.id, time_zone=entity.time_zone)
    if kind == "topup":
        return rules_of_the_bank.topup_on_statement(match_id, told, books, booked_at=at)
    return rules_of_the_bank.payout_on_statement(match_id, told, books, booked_at=at)


def _money(line: BankLine) -> Money:
    return Money(line.amount, line.currency)
