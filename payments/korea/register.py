"""The issuance register and its summary, made from the receipt register and equal to it.

A year's register (기부자별 발급명세) has one row a live receipt; the summary (발급합계표) counts them. The
layout of Hometax's upload is not public and is not guessed here: these are the figures to enter. Which
receipt was issued on paper and which electronically is noted by hand, once, and never as both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy import Row as SqlRow
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.donations.models import Donation, IssuingEntity
from payments.donations.offline import PayerKind
from payments.korea import keeping
from payments.korea.keeping import KoreaRefused
from payments.korea.models import Form, RegistrationNumber, StatutoryReceipt
from payments.receipts import corrections
from payments.receipts.content import ReceiptContent
from payments.receipts.models import Receipt
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember

MAY_NOTE = (Role.FINANCE,)
MAY_DOWNLOAD = (Role.FINANCE,)
ELECTRONIC_FROM = 300_000_000
"""Above so many won in a year, electronic issue is a duty from 10 January of the next (Income Tax Act
art. 160-3 (4))."""


class TotalsDiffer(KoreaRefused):
    """The list is not the register it was made from."""

    def __init__(self, listed: int, register: int) -> None:
        super().__init__(
            f"The list comes to {listed} won and the receipt register to {register}: nothing was written."
            " Run `almoner verify`."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One receipt, as the register lists it; won."""

    number: str
    donor_id: str
    donor_name: str
    registration_number: str
    """Masked, whole or empty where none is kept."""
    address: str
    gift_date: date
    issued_on: date
    amount: int
    payer: str
    donation_type: str
    donation_code: str
    form: str
    """How the statutory receipt was issued; empty where it was not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """One line of the summary."""

    donation_type: str
    donation_code: str
    payer: str
    form: str
    donors: int
    receipts: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """How near the year's receipts are to the electronic duty."""

    amount: int
    threshold: int = ELECTRONIC_FROM

    @property
    def is_over(self) -> bool:
        """Whether electronic issue is a duty in the next year."""
        return self.amount > self.threshold


def rows(
    session: Session, entity: IssuingEntity, year: int, *, with_numbers: bool, by: StaffMember
) -> list[Row]:
    """The year's register. Who asked, and whether for whole numbers, stands in the audit log."""
    people.require(by, *MAY_DOWNLOAD)
    keeping.require_designated(entity)
    found = session.execute(
        select(Receipt.content, Donation.donor_id, Donation.payer_kind, StatutoryReceipt.form)
        .join(Donation, Donation.id == Receipt.donation_id)
        .outerjoin(StatutoryReceipt, StatutoryReceipt.receipt_id == Receipt.id)
        .where(*_of_year(entity, year))
        .order_by(Receipt.series, Receipt.sequence)
    ).all()
    kept = keeping.of_register(
        session, entity, (row.donor_id for row in found), year=year, opened=with_numbers
    )
    listed = [_row(entity, row, number=kept.get(row.donor_id, "")) for row in found]
    register = meter(session, entity, year).amount
    if (total := sum(row.amount for row in listed)) != register:
        raise TotalsDiffer(total, register)
    audit.note(
        session,
        by,
        "korea.register",
        subject=entity.id,
        reason=f"the register of {year}",
        year=year,
        rows=len(listed),
        amount=total,
        with_numbers=with_numbers,
    )
    return listed


def summary(listed: Sequence[Row]) -> list[Sum]:
    """The register in figures, a line for each kind of donor and of receipt."""
    groups: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in listed:
        groups.setdefault((row.donation_type, row.donation_code, row.payer, row.form), []).append(row)
    return [
        Sum(
            donation_type=kind,
            donation_code=code,
            payer=payer,
            form=form,
            donors=len({row.donor_id for row in group}),
            receipts=len(group),
            amount=sum(row.amount for row in group),
        )
        for (kind, code, payer, form), group in sorted(groups.items())
    ]


def meter(session: Session, entity: IssuingEntity, year: int) -> Meter:
    """What the receipt register says of the year, in won."""
    keeping.require_designated(entity)
    amount = session.scalar(select(func.sum(Receipt.amount)).where(*_of_year(entity, year)))
    return Meter(amount=int(amount or 0))


def missing(session: Session, entity: IssuingEntity, year: int) -> list[tuple[str, int, int]]:
    """Donors of the year of whom no number is kept: who, how many receipts, how much."""
    keeping.require_designated(entity)
    return [
        (donor_id, receipts, int(amount))
        for donor_id, receipts, amount in session.execute(
            select(Donation.donor_id, func.count(), func.sum(Receipt.amount))
            .select_from(Receipt)
            .join(Donation, Donation.id == Receipt.donation_id)
            .outerjoin(RegistrationNumber, RegistrationNumber.donor_id == Donation.donor_id)
            .where(*_of_year(entity, year), RegistrationNumber.donor_id.is_(None))
            .group_by(Donation.donor_id)
            .order_by(func.sum(Receipt.amount).desc(), Donation.donor_id)
        )
    ]


def note_issued(
    session: Session, entity: IssuingEntity, number: str, form: Form, *, by: StaffMember
) -> StatutoryReceipt:
    """Say that the statutory receipt was issued, on paper or electronically: once, and never as both."""
    people.require(by, *MAY_NOTE)
    keeping.require_designated(entity)
    receipt = corrections.find(session, number)
    if receipt.entity_id != entity.id or receipt.status != "issued":
        raise KoreaRefused(f"Receipt {receipt.number} is void or another body's.")
    fresh = insert(StatutoryReceipt).values(
        receipt_id=receipt.id, form=form.value, issued_on=day_in(entity.time_zone, now()), noted_by=by.id
    )
    session.execute(fresh.on_conflict_do_nothing())
    noted = session.get_one(StatutoryReceipt, receipt.id, populate_existing=True)
    if noted.form != form:
        raise KoreaRefused(
            f"The gift of {receipt.number} was receipted as {noted.form} on {noted.issued_on}: a second"
            " receipt would let it be deducted twice. Void that one first."
        )
    audit.note(session, by, "korea.issued", subject=receipt.id, reason="statutory receipt", form=form.value)
    return noted


def _of_year(entity: IssuingEntity, year: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Receipt.entity_id == entity.id,
        Receipt.tax_year == year,
        Receipt.status == "issued",
        Receipt.kind == "gift",
        Receipt.currency == "krw",
    )


def _row(entity: IssuingEntity, row: SqlRow[*tuple[Any, ...]], *, number: str) -> Row:
    said = ReceiptContent.from_json(row.content)
    is_person = row.payer_kind in {PayerKind.PERSON, PayerKind.ESTATE}
    return Row(
        number=said.number,
        donor_id=row.donor_id,
        donor_name=said.donor_name,
        registration_number=number,
        address=", ".join(said.donor_address),
        gift_date=said.gift_date,
        issued_on=said.issued_on,
        amount=said.amount_minor,
        payer="개인" if is_person else "법인",
        donation_type=str(entity.receipt_facts.get("donation_type", "")),
        donation_code=str(entity.receipt_facts.get("donation_code", "")),
        form=row.form or "",
    )
