"""Issuing: due receipts become numbered ones, many in one transaction.

A gift is due when it was paid. Whoever makes it due holds the gift's lock, and so do we while we number:
nothing that would change the receipt can happen between our look at the gift and its number.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from payments.donations.models import Donation
from payments.errors import PersonMustLook
from payments.jobs import Bell, ring
from payments.receipts.drafting import Draft, Gifts, among
from payments.receipts.models import DueReceipt
from payments.receipts.numbering import number

log = logging.getLogger(__name__)

BATCH = 1000


def issue_due(session: Session, *, limit: int = BATCH) -> int:
    """Number up to `limit` due receipts; how many were looked at. Their pages are set afterwards.

    One that cannot be issued is put off with its reason and shown by `almoner doctor`; the others
    are not held up, and no number is lost.
    """
    due = _claim(session, limit)
    if not due:
        return 0
    gifts = Gifts(session, due)
    put_off: dict[str, Exception] = {}
    drafts: list[Draft] = []
    for donation_id in due:
        if donation_id in gifts.receipted:
            continue
        try:
            drafts.append(gifts.draft(donation_id))
        except Exception as trouble:
            put_off[donation_id] = trouble
    put_off |= _number_what_can_be(session, drafts)
    done = [donation_id for donation_id in due if donation_id not in put_off]
    session.execute(delete(DueReceipt).where(among(DueReceipt.donation_id, done)))
    for donation_id, reason in put_off.items():
        _put_off(session, donation_id, reason)
    ring(session, Bell.WRITE_DOCUMENTS)
    return len(due)


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


def _number_what_can_be(session: Session, drafts: Sequence[Draft]) -> dict[str, Exception]:
    """Number all at once; if that fails, one by one, so that each answers for itself. Those that failed."""
    try:
        # The counters are raised inside the savepoint and go back with it.
        with session.begin_nested():
            number(session, drafts)
    except Exception as trouble:
        if len(drafts) == 1:
            return {drafts[0].donation_id: trouble}
    else:
        return {}
    failed: dict[str, Exception] = {}
    # Counters in one order here too, because each keeps its lock until the transaction ends.
    for draft in sorted(drafts, key=lambda draft: (draft.series, draft.tax_year)):
        failed |= _number_what_can_be(session, [draft])
    return failed


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
