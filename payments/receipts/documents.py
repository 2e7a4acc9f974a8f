"""Documents: a numbered receipt gets its page, and the letter that carries it.

The page is set from the receipt's own content and nothing else, so it may be set whenever there is
time, by any process, and would come out the same. Its bytes, its hash and the letter are written together:
no mail leaves without its page, and no page is written twice. A receipt that is void by the time its page
is set has the page for the register, and no letter: its donor has been told that it does not count.
"""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from payments.database import among
from payments.donations.models import Donation
from payments.errors import PersonMustLook
from payments.jobs import Bell, OutOfTime, ring
from payments.mail import outbox
from payments.monthly import links
from payments.receipts import letter
from payments.receipts.content import ReceiptContent
from payments.receipts.models import DueDocument, Receipt, ReceiptDocument
from payments.receipts.render import RenderedReceipt, render_pdf
from payments.settings import settings
from payments.supporters.donors import Donor

log = logging.getLogger(__name__)

BATCH = 25
"""A few tenths of a second of typesetting: what another worker has in hand is left to it meanwhile."""


def write_due(session: Session, *, limit: int = BATCH) -> int:
    """Set up to `limit` due pages; how many were looked at.

    A page that cannot be set is put off with its reason and shown by `almoner doctor`.
    """
    beside = aliased(Donor)
    due = session.execute(
        select(
            Receipt.id,
            Receipt.issued_at,
            Receipt.content,
            Donor.email,
            Donation.monthly_gift_id,
            beside.email.label("beside_email"),
        )
        .join(DueDocument, DueDocument.receipt_id == Receipt.id)
        .join(Donation, Donation.id == Receipt.donation_id)
        .join(Donor, Donor.id == Donation.donor_id)
        .outerjoin(beside, beside.id == Donation.soft_credit_donor_id)
        .where(DueDocument.next_at <= func.now())
        .order_by(DueDocument.due_at, Receipt.series, Receipt.tax_year, Receipt.sequence)
        .limit(limit)
        .with_for_update(of=DueDocument, skip_locked=True)
    ).all()
    written = []
    for row in due:
        try:
            with session.begin_nested():
                _write(session, row)
            written.append(row.id)
        except OutOfTime:
            raise
        except Exception as trouble:
            _put_off(session, row.id, trouble)
    if written:
        session.execute(delete(DueDocument).where(among(DueDocument.receipt_id, written)))
        ring(session, Bell.SEND_MAIL)
    return len(due)


def _write(session: Session, row: Row[*tuple[Any, ...]]) -> None:
    content = ReceiptContent.from_json(row.content)
    page = render_pdf(content)
    session.execute(
        insert(ReceiptDocument).values(
            receipt_id=row.id,
            pdf=page.pdf,
            pdf_sha256=page.pdf_sha256,
            is_plain_pdf=page.is_plain_pdf,
            template_sha256=page.template_sha256,
        )
    )
    # Asked only now: it may have become void while the page was set.
    if session.scalar(select(Receipt.status).where(Receipt.id == row.id)) == "void":
        return
    # Whoever gives each month finds in every receipt how to change or stop it.
    manage_url = links.url(row.monthly_gift_id, row.email) if row.monthly_gift_id is not None else None
    _owe_letter(session, row, content, page, to_address=row.email, reference=row.id, manage_url=manage_url)
    if content.soft_credit_name is not None and row.beside_email is not None:
        # Whoever is behind a fund's or an employer's gift is thanked by name, with the same page.
        _owe_letter(
            session,
            row,
            replace(content, donor_name=content.soft_credit_name, soft_credit_name=None),
            page,
            to_address=row.beside_email,
            reference=f"{row.id}.beside",
        )


def _owe_letter(
    session: Session,
    row: Row[*tuple[Any, ...]],
    content: ReceiptContent,
    page: RenderedReceipt,
    *,
    to_address: str,
    reference: str,
    manage_url: str | None = None,
) -> None:
    message_id = outbox.message_id(reference)
    message = letter.compose(
        content,
        to_address=to_address,
        from_address=settings().mail_from,
        message_id=message_id,
        dated=row.issued_at,
        pdf=page.pdf,
        donate_url=f"{settings().public_base_url}/donate",
        gifts_url=f"{settings().public_base_url}/giving",
        manage_url=manage_url,
    )
    outbox.put(
        session,
        reference=f"receipt:{reference}",
        to_address=to_address,
        message_id=message_id,
        message=message,
    )


def _put_off(session: Session, receipt_id: str, trouble: Exception) -> None:
    # Without the traceback: its values are a donor's.
    name = type(trouble).__name__
    log.error("page not written", extra={"receipt_id": receipt_id, "trouble": name})
    session.execute(
        update(DueDocument)
        .where(DueDocument.receipt_id == receipt_id)
        .values(
            attempts=DueDocument.attempts + 1,
            last_error=str(trouble) if isinstance(trouble, PersonMustLook) else name,
            next_at=func.now() + timedelta(minutes=5),
        )
    )
