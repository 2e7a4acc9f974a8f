"""The papers a donor may have again: the receipts and statements that count, as the very bytes that were
sent, and a summary of any stretch of days, drawn anew.

Whatever number is asked for, a paper of somebody else is as one that does not exist. One that is void is
told of and not given out: its bytes do not say that it is void. Like a page that staff save, a paper that
its donor fetches is noted nowhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from payments.clock import day_in, now
from payments.donations.models import Donation, IssuingEntity
from payments.errors import AlmonerError
from payments.receipts import countries, listing
from payments.receipts.listing import Stretch
from payments.receipts.models import GivingStatement, Receipt, ReceiptDocument, StatementDocument
from payments.receipts.summary import GivingSummary


class PaperNotFound(AlmonerError):
    """No paper of this donor's has this number, or its page is still to be set."""

    def __init__(self) -> None:
        super().__init__("There is no such paper.")


class PaperVoid(AlmonerError):
    """It does not count any more."""

    def __init__(self, gift_date: date | None = None) -> None:
        super().__init__("This paper is void.")
        self.gift_date = gift_date


class NothingToList(AlmonerError):
    """No receipt that counts falls into this time."""

    def __init__(self) -> None:
        super().__init__("No receipt falls into this time.")


@dataclass(frozen=True, slots=True)
class File:
    """A PDF and what it is called: nothing about the donor."""

    name: str
    pdf: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementOfYear:
    """The statement of a year."""

    number: str
    year: int
    entity_name: str
    is_void: bool
    is_written: bool
    replaced_by: str | None


THANKED_BESIDE: ColumnElement[bool] = and_(
    Receipt.kind == "thanks",
    Receipt.content["soft_credit_name"].as_string().is_not(None),
)
"""That a letter of thanks to a fund or an employer goes to whoever is behind its gift too."""


def receipt(session: Session, donor_id: str, number: str) -> File:
    """The page of a receipt, or `PaperNotFound` or `PaperVoid`."""
    found = session.execute(
        select(Receipt.status, Receipt.gift_date, ReceiptDocument.pdf)
        .join(Donation, Donation.id == Receipt.donation_id)
        .outerjoin(ReceiptDocument, ReceiptDocument.receipt_id == Receipt.id)
        .where(
            Receipt.number == _fit(number),
            or_(
                Donation.donor_id == donor_id,
                and_(Donation.soft_credit_donor_id == donor_id, THANKED_BESIDE),
            ),
        )
    ).one_or_none()
    if found is not None and found.status == "void":
        raise PaperVoid(found.gift_date)
    if found is None or found.pdf is None:
        raise PaperNotFound
    return File(_named("receipt", number), found.pdf)


def statement(session: Session, donor_id: str, number: str) -> File:
    """The page of an annual statement, or `PaperNotFound` or `PaperVoid`."""
    found = session.execute(
        select(GivingStatement.status, StatementDocument.pdf)
        .outerjoin(StatementDocument, StatementDocument.statement_id == GivingStatement.id)
        .where(GivingStatement.number == _fit(number), GivingStatement.donor_id == donor_id)
    ).one_or_none()
    if found is not None and found.status == "void":
        raise PaperVoid
    if found is None or found.pdf is None:
        raise PaperNotFound
    return File(_named("statement", number), found.pdf)


def statements(session: Session, donor_id: str) -> list[StatementOfYear]:
    """Every annual statement, the latest year first, and in it the one that counts."""
    replacing = aliased(GivingStatement)
    rows = session.execute(
        select(
            GivingStatement.number,
            GivingStatement.tax_year,
            GivingStatement.status,
            IssuingEntity.legal_name,
            replacing.number.label("replaced_by"),
            exists().where(StatementDocument.statement_id == GivingStatement.id).label("is_written"),
        )
        .join(IssuingEntity, IssuingEntity.id == GivingStatement.entity_id)
        .outerjoin(replacing, replacing.replaces_id == GivingStatement.id)
        .where(GivingStatement.donor_id == donor_id)
        .order_by(GivingStatement.tax_year.desc(), GivingStatement.status, GivingStatement.number.desc())
    )
    return [
        StatementOfYear(
            number=row.number,
            year=row.tax_year,
            entity_name=row.legal_name,
            is_void=row.status == "void",
            is_written=row.is_written,
            replaced_by=row.replaced_by,
        )
        for row in rows
    ]


def bodies(session: Session, donor_id: str) -> Sequence[IssuingEntity]:
    """Of whose receipts this donor can have a summary: not of a body whose country knows no list beside the
    confirmations, or has the year's statement as the one confirmation of what it lists."""
    given_to = select(Receipt.entity_id).join(Donation, Donation.id == Receipt.donation_id)
    found = session.scalars(
        select(IssuingEntity)
        .where(IssuingEntity.id.in_(given_to.where(Donation.donor_id == donor_id)))
        .order_by(IssuingEntity.receives_online.desc(), IssuingEntity.id)
    )
    return [body for body in found if _may_list(body)]


def _may_list(body: IssuingEntity) -> bool:
    may = countries.authority(body.jurisdiction, body.statement_code)
    return "annual" in may.documents and not may.collective


def summary(session: Session, donor_id: str, *, entity_id: str, first: date, last: date) -> GivingSummary:
    """What was given to one body on these days, both included; no number, and in no register. Raises
    `PaperNotFound` where that body has no such list, and `NothingToList`."""
    body = next((each for each in bodies(session, donor_id) if each.id == entity_id), None)
    if body is None:
        raise PaperNotFound
    stretch = Stretch(entity=body, first=first, last=last, issued_on=day_in(body.time_zone, now()))
    found = listing.of_donors(session, [donor_id], stretch).get(donor_id)
    if found is None:
        raise NothingToList
    return found


def _fit(number: str) -> str:
    """What can be looked for; PostgreSQL takes no text with a null in it."""
    return number if number.isprintable() else ""


def _named(what: str, number: str) -> str:
    return f"{what}-{re.sub(r'[^A-Za-z0-9._-]', '-', number)}.pdf"
