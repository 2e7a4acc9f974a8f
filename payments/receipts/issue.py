"""Numbering: due receipts become issued ones, many in one transaction, without a gap.

The number, the content, the page and the mail that carries it are written together: if any of it
fails, none of it happened and the number was never given. One counter row a series and tax year is
locked for the length of the transaction, so numbers come out in the order of issue.
"""

import logging
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.database import new_id
from payments.errors import PersonMustLook
from payments.jobs import Bell, ring
from payments.mail import outbox
from payments.receipts import letter
from payments.receipts.content import ReceiptContent
from payments.receipts.gathering import Gifts
from payments.receipts.models import DueReceipt, Receipt, ReceiptCounter, ReceiptDocument
from payments.receipts.render import RenderedReceipt, render_pdf
from payments.settings import settings

log = logging.getLogger(__name__)

BATCH = 100


def issue_due(session: Session, *, limit: int = BATCH) -> int:
    """Issue up to `limit` due receipts; how many were looked at.

    One that cannot be issued is put off with its reason and shown by `almoner doctor`; the others
    are not held up, and no number is lost.
    """
    due = session.scalars(
        select(DueReceipt)
        .where(DueReceipt.next_at <= func.now())
        .order_by(DueReceipt.due_at, DueReceipt.donation_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return 0
    gifts = Gifts(session, [row.donation_id for row in due])
    issued = []
    # One counter after the other: two workers that met two years in opposite order would wait in a circle.
    for row in sorted(due, key=lambda due_row: gifts.counter_of(due_row.donation_id)):
        try:
            # The counter is raised inside the savepoint and goes back with it.
            with session.begin_nested():
                _issue(session, gifts, row.donation_id)
            issued.append(row.donation_id)
        except Exception as trouble:
            # Without the traceback: its values are a donor's.
            name = type(trouble).__name__
            log.error("receipt not issued", extra={"donation_id": row.donation_id, "trouble": name})
            _put_off(session, row.donation_id, str(trouble) if isinstance(trouble, PersonMustLook) else name)
    session.execute(delete(DueReceipt).where(DueReceipt.donation_id.in_(issued)))
    if issued:
        ring(session, Bell.SEND_MAIL)
    return len(due)


def _issue(session: Session, gifts: Gifts, donation_id: str) -> None:
    gifts.check(donation_id)
    donation = gifts.donations[donation_id]
    entity = gifts.entities[donation.entity_id]
    series, tax_year = gifts.counter_of(donation_id)
    sequence = _next_number(session, series, tax_year)
    # Only now, under the counter's lock: a moment taken before the wait for another numberer would
    # give the later number the earlier instant, at midnight even the earlier day.
    issued_at = now()
    content = gifts.content(
        donation_id,
        number=f"{series}-{tax_year}-{sequence:06}",
        issued_on=day_in(entity.time_zone, issued_at),
    )
    page = render_pdf(content)
    receipt = Receipt(
        id=new_id("rcp"),
        entity_id=entity.id,
        donation_id=donation.id,
        series=series,
        tax_year=tax_year,
        sequence=sequence,
        number=content.number,
        kind=content.kind,
        status="issued",
        issued_at=issued_at,
        gift_date=content.gift_date,
        currency=donation.currency,
        amount=donation.amount,
        locale=donation.locale,
        content=content.to_json(),
        template_id=page.template_id,
        template_sha256=page.template_sha256,
        pdf_sha256=page.pdf_sha256,
        is_plain_pdf=page.is_plain_pdf,
    )
    session.add(receipt)
    session.flush()
    session.add(ReceiptDocument(receipt_id=receipt.id, pdf=page.pdf))
    _owe_letter(session, receipt, content, page, to_address=gifts.donors[donation.donor_id].email)
    session.flush()


def _owe_letter(
    session: Session, receipt: Receipt, content: ReceiptContent, page: RenderedReceipt, *, to_address: str
) -> None:
    message_id = outbox.message_id(receipt.id)
    message = letter.compose(
        content,
        to_address=to_address,
        from_address=settings().mail_from,
        message_id=message_id,
        dated=receipt.issued_at,
        pdf=page.pdf,
        donate_url=f"{settings().public_base_url}/donate",
    )
    outbox.put(
        session,
        reference=f"receipt:{receipt.id}",
        to_address=to_address,
        message_id=message_id,
        message=message.as_bytes(),
    )


def _next_number(session: Session, series: str, tax_year: int) -> int:
    counter = insert(ReceiptCounter).values(series=series, tax_year=tax_year, last_number=1)
    return session.execute(
        counter.on_conflict_do_update(
            index_elements=["series", "tax_year"], set_={"last_number": ReceiptCounter.last_number + 1}
        ).returning(ReceiptCounter.last_number)
    ).scalar_one()


def _put_off(session: Session, donation_id: str, reason: str) -> None:
    session.execute(
        update(DueReceipt)
        .where(DueReceipt.donation_id == donation_id)
        .values(
            attempts=DueReceipt.attempts + 1,
            last_error=reason,
            next_at=func.now() + timedelta(minutes=5),
        )
    )
