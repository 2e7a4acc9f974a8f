"""Settling the register: every gift that is due gets the receipt that says what stands of it.

A gift is due when it was paid, and again whenever something of it went back or came again. What its
receipt should say is asked of the facts: so a receipt is issued, made void, or made void and replaced, and
whatever came late or twice, the register ends the same. Whoever makes a gift due holds its lock, and so
do we while we look: nothing that would change the receipt can happen between our look and its number.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.database import among
from payments.donations.models import Donation
from payments.errors import PersonMustLook
from payments.jobs import Bell, OutOfTime, ring
from payments.monthly import doubles
from payments.receipts import collective, restating, statement_book, voiding
from payments.receipts.drafting import Draft, Gifts
from payments.receipts.models import DueReceipt, Receipt, VoidCause
from payments.receipts.numbering import number
from payments.receipts.voiding import Known, Void

log = logging.getLogger(__name__)

BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to be done about the receipt of one gift: void what stands, issue what should, or both."""

    donation_id: str
    void: Void | None
    draft: Draft | None


def issue_due(session: Session, *, limit: int = BATCH) -> int:
    """Settle up to `limit` due gifts; how many were looked at. New pages are set afterwards.

    One that cannot be settled is put off with its reason and shown by `almoner doctor`; the others
    are not held up, and no number is lost.
    """
    due = _claim(session, limit)
    if not due:
        return 0
    doubles.flag(session, due)
    gifts = Gifts(session, due)
    register = _Register(session, due)
    put_off: dict[str, Exception] = {}
    steps: list[Step] = []
    for donation_id in due:
        try:
            step = _step(gifts, register, donation_id)
        except OutOfTime:
            raise
        except Exception as trouble:
            put_off[donation_id] = trouble
            continue
        if step is not None:
            steps.append(step)
    put_off |= _take_what_can_be(session, steps)
    done = [donation_id for donation_id in due if donation_id not in put_off]
    session.execute(delete(DueReceipt).where(among(DueReceipt.donation_id, done)))
    for donation_id, reason in put_off.items():
        _put_off(session, donation_id, reason)
    ring(session, Bell.WRITE_DOCUMENTS)
    if any(step.void is not None for step in steps):
        ring(session, Bell.SEND_MAIL)
    return len(due)


def is_any_due(session: Session) -> bool:
    """Whether a receipt is due now: after `issue_due`, of a gift that somebody else is changing."""
    return bool(session.scalar(select(exists().where(DueReceipt.next_at <= func.now()))))


class _Register:
    """What the register says of these gifts now."""

    def __init__(self, session: Session, donation_ids: Sequence[str]) -> None:
        known = select(Receipt.donation_id, Receipt.id, Receipt.number, Receipt.amount, Receipt.void_cause)
        # Two questions, each with its own small index: together they would read the whole register.
        self.live = {
            row.donation_id: _known(row)
            for row in session.execute(
                known.where(among(Receipt.donation_id, donation_ids), Receipt.status == "issued")
            )
        }
        self.last_void = {
            row.donation_id: _known(row)
            for row in session.execute(
                known.where(among(Receipt.donation_id, donation_ids), Receipt.status == "void").order_by(
                    Receipt.voided_at, Receipt.issued_at, Receipt.number
                )
            )
        }


def _known(row: Any) -> Known:
    return Known(id=row.id, number=row.number, amount=row.amount, void_cause=row.void_cause)


def _step(gifts: Gifts, register: _Register, donation_id: str) -> Step | None:
    """From what stands of the gift and what the register says; None where they agree."""
    live, last_void = register.live.get(donation_id), register.last_void.get(donation_id)
    stands = gifts.amount(donation_id)
    if live is None:
        is_withheld = last_void is not None and last_void.void_cause == VoidCause.BY_HAND
        if not stands or is_withheld or gifts.is_receipted_elsewhere(donation_id):
            return None
        draft = gifts.draft(donation_id)
        return Step(donation_id=donation_id, void=None, draft=in_place_of(last_void, draft))
    if live.amount == stands:
        return None
    cause = VoidCause.RESTORED if stands > live.amount else gifts.stands[donation_id].cause
    return Step(
        donation_id=donation_id,
        void=Void(
            receipt=live,
            cause=cause,
            reason=cause.reason,
            is_replaced=stands > 0,
        ),
        draft=in_place_of(live, gifts.draft(donation_id)) if stands else None,
    )


def in_place_of(old: Known | None, draft: Draft) -> Draft:
    """The draft, citing the receipt it replaces."""
    if old is None:
        return draft
    return replace(draft, replaces_id=old.id, content=replace(draft.content, replaces_number=old.number))


def take(session: Session, steps: Sequence[Step]) -> list[str]:
    """Do it: first what is void, then the new numbers, which are given back."""
    voids = [step.void for step in steps if step.void is not None]
    if voids:
        _take_back(session, voids)
    drafts = [step.draft for step in steps if step.draft is not None]
    return number(session, drafts) if drafts else []


def _take_back(session: Session, voids: Sequence[Void]) -> None:
    """Make them void, and with them the statements that list them."""
    receipt_ids = [void.receipt.id for void in voids]
    statement_book.hold_off(session, receipt_ids)
    for void in voids:
        collective.let_go(session, void.receipt.id)
        voiding.void(session, void)
    restating.void_listing(session, receipt_ids)


def _claim(session: Session, limit: int) -> Sequence[str]:
    """Gifts whose receipt is due, oldest first, each with its lock. One that somebody is changing just now
    is left for the next round, so nobody ever waits for the other in a circle."""
    due = session.scalars(
        select(DueReceipt.donation_id)
        .where(DueReceipt.next_at <= func.now())
        .order_by(DueReceipt.due_at, DueReceipt.donation_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    locked = set(
        session.scalars(
            select(Donation.id)
            .where(among(Donation.id, due))
            .with_for_update(skip_locked=True, key_share=True)
        )
    )
    return [donation_id for donation_id in due if donation_id in locked]


def _take_what_can_be(session: Session, steps: Sequence[Step]) -> dict[str, Exception]:
    """Take all at once; if that fails, one by one, so that each answers for itself. Those that failed."""
    try:
        # The counters are raised inside the savepoint and go back with it.
        with session.begin_nested():
            take(session, steps)
    except OutOfTime:
        raise
    except Exception as trouble:
        if isinstance(trouble, DBAPIError) and trouble.connection_invalidated:
            raise  # the database went away: nothing was done, and everything is tried again
        if len(steps) == 1:
            return {steps[0].donation_id: trouble}
    else:
        return {}
    failed: dict[str, Exception] = {}
    # Counters in one order here too, because each keeps its lock until the transaction ends.
    for step in sorted(steps, key=_counter):
        failed |= _take_what_can_be(session, [step])
    return failed


def _counter(step: Step) -> tuple[str, int]:
    return (step.draft.series, step.draft.tax_year) if step.draft is not None else ("", 0)


def _put_off(session: Session, donation_id: str, trouble: Exception) -> None:
    # Without the traceback: its values are a donor's.
    name = type(trouble).__name__
    log.error("receipt not issued", extra={"donation_id": donation_id, "trouble": name})
    session.execute(
        update(DueReceipt)
        .where(DueReceipt.donation_id == donation_id)
        .values(
            attempts=DueReceipt.attempts + 1,
            last_error=str(trouble) if isinstance(trouble, PersonMustLook) else name,
            next_at=func.now() + timedelta(minutes=5),
        )
    )
