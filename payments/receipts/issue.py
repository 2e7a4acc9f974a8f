"""Numbering: due receipts become issued ones, many in one transaction, without a gap.

The number, the content, the page and the mail that carries it are written together: if any of it
fails, none of it happened and the number was never given. One counter row a series and tax year is
locked for the length of the transaction, so numbers come out in the order of issue.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, selectinload

from payments.clock import day_in, now
from payments.database import new_id
from payments.donations.models import Charge, Donation, Fund, IssuingEntity
from payments.donations.offline import Channel
from payments.donations.organisation import the_organisation
from payments.errors import PersonMustLook
from payments.jobs import Bell, ring
from payments.mail import outbox
from payments.receipts import letter, statements
from payments.receipts.content import EntityContent, ReceiptContent, ReceiptLine
from payments.receipts.models import DueReceipt, Receipt, ReceiptCounter, ReceiptDocument
from payments.receipts.render import RenderedReceipt, render_pdf
from payments.settings import settings
from payments.supporters.donors import Donor

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
    gifts = _Gifts(session, [row.donation_id for row in due])
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


class NothingToReceipt(PersonMustLook):
    """A receipt is due for a gift whose payment is not known: a receipt for it would be a lie."""

    def __init__(self, donation_id: str) -> None:
        super().__init__(f"donation {donation_id} has no succeeded charge; no receipt can be issued")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payment:
    """What a receipt says of the payment."""

    kind: str
    card_brand: str | None = None
    last4: str | None = None


class _Gifts:
    """Everything the receipts of a batch print, read in a few queries."""

    def __init__(self, session: Session, donation_ids: Sequence[str]) -> None:
        self.organisation = the_organisation(session)
        self.donations = {
            donation.id: donation
            for donation in session.scalars(
                select(Donation)
                .where(Donation.id.in_(donation_ids))
                .options(selectinload(Donation.allocations))
            )
        }
        self.donors = {
            donor.id: donor
            for donor in session.scalars(
                select(Donor).where(Donor.id.in_({gift.donor_id for gift in self.donations.values()}))
            )
        }
        self.entities = {entity.id: entity for entity in session.scalars(select(IssuingEntity))}
        self.funds = {fund.id: fund for fund in session.scalars(select(Fund))}
        self._charges: dict[str, list[Charge]] = defaultdict(list)
        for charge in session.scalars(
            select(Charge).where(Charge.donation_id.in_(donation_ids), Charge.status == "succeeded")
        ):
            self._charges[charge.donation_id or ""].append(charge)

    def payment_of(self, donation: Donation) -> _Payment:
        """How the gift was paid: by the charge, or by what lay on the desk."""
        if donation.channel != Channel.ONLINE:
            return _Payment(kind=donation.channel)
        if not self._charges[donation.id]:
            raise NothingToReceipt(donation.id)
        charge = self._charges[donation.id][0]
        return _Payment(kind=charge.method, card_brand=charge.card_brand, last4=charge.last4)

    def counter_of(self, donation_id: str) -> tuple[str, int]:
        """The series and tax year whose counter gives its number."""
        donation = self.donations[donation_id]
        year = donation.gift_date.year if donation.gift_date is not None else 0
        return self.entities[donation.entity_id].receipt_series, year


def _issue(session: Session, gifts: _Gifts, donation_id: str) -> None:
    donation = gifts.donations[donation_id]
    entity = gifts.entities[donation.entity_id]
    payment = gifts.payment_of(donation)
    if donation.gift_date is None:
        raise NothingToReceipt(donation_id)
    tax_year = donation.gift_date.year
    sequence = _next_number(session, entity.receipt_series, tax_year)
    # Only now, under the counter's lock: a moment taken before the wait for another numberer would
    # give the later number the earlier instant, at midnight even the earlier day.
    issued_at = now()
    content = ReceiptContent(
        number=f"{entity.receipt_series}-{tax_year}-{sequence:06}",
        kind="gift",
        issued_on=day_in(entity.time_zone, issued_at),
        gift_date=donation.gift_date,
        locale=donation.locale,
        donor_name=donation.donor_name,
        amount_minor=donation.amount,
        currency=donation.currency,
        lines=_lines(gifts, donation),
        entity=_printed(entity, accent_colour=gifts.organisation.accent_colour),
        statement_code=entity.statement_code,
        statement_version=statements.current(entity.statement_code).version,
        method_kind=payment.kind,
        card_brand=payment.card_brand,
        last4=payment.last4,
        dedication_kind=donation.dedication_kind,  # type: ignore[arg-type]  # the table's check says which
        dedication_name=donation.dedication_name,
    )
    page = render_pdf(content)
    receipt = Receipt(
        id=new_id("rcp"),
        entity_id=entity.id,
        donation_id=donation.id,
        series=entity.receipt_series,
        tax_year=tax_year,
        sequence=sequence,
        number=content.number,
        kind=content.kind,
        status="issued",
        issued_at=issued_at,
        gift_date=donation.gift_date,
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


def _lines(gifts: _Gifts, donation: Donation) -> tuple[ReceiptLine, ...]:
    lines = [
        ReceiptLine(
            fund_name=gifts.funds[allocation.fund_id].name_in(donation.locale),
            amount_minor=allocation.amount,
        )
        for allocation in donation.allocations
    ]
    if donation.fee_cover_amount:
        lines.append(ReceiptLine(fund_name="", amount_minor=donation.fee_cover_amount, is_fee_cover=True))
    return tuple(lines)


def _printed(entity: IssuingEntity, *, accent_colour: str) -> EntityContent:
    return EntityContent(
        legal_name=entity.legal_name,
        address=tuple(entity.address),
        tax_id=entity.tax_id,
        jurisdiction=entity.jurisdiction,
        website=entity.website,
        email=entity.email,
        signatory_name=entity.signatory_name,
        signatory_title=entity.signatory_title,
        accent_colour=accent_colour,
    )


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
