"""The year's statements: one a donor, numbered, drawn and sent in steps that can be broken off at any point.

Each step commits by itself and looks for what is still missing, so a run that was killed is simply run
again. What is listed is read from the content of live receipts, never from the gifts: a statement can
say nothing that no receipt says.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.donations.models import Donation, IssuingEntity
from payments.errors import AlmonerError
from payments.jobs import Bell, ring
from payments.mail.models import MailStatus, OutgoingMail
from payments.money import Money
from payments.receipts import collective, statement_book
from payments.receipts.models import GivingStatement, Receipt, StatementDocument
from payments.receipts.summary import GivingSummary
from payments.supporters.donors import Donor

NUMBERS_AT_ONCE = 1000
PAGES_AT_ONCE = 25


class EntityUnknown(AlmonerError):
    """No legal body has this id."""

    def __init__(self, entity_id: str) -> None:
        super().__init__(f"There is no entity {entity_id}: see [[entities]] in the organisation's document.")


class YearNotOver(AlmonerError):
    """A statement says all of a year, and there is more of it to come."""

    def __init__(self, entity: IssuingEntity, year: int) -> None:
        super().__init__(
            f"{year} is not over for {entity.legal_name}: whatever is still given would make a statement"
            " void. Use --preview, or --early if it is meant."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class YearTotal:
    """What the register says of one currency: live receipts for money, in one tax year."""

    gifts: int
    donors: int
    paid: Money
    eligible: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands."""

    donors: int
    numbered: int
    drawn: int
    mailed: int


def require_over(entity: IssuingEntity, year: int) -> None:
    """`YearNotOver` while the year still runs where the body keeps its books."""
    if day_in(entity.time_zone, now()).year <= year:
        raise YearNotOver(entity, year)


def totals(session: Session, entity: IssuingEntity, year: int) -> list[YearTotal]:
    """The register's sums, one a currency: what all statements together must come to."""
    benefit = func.coalesce(Receipt.content["benefit_minor"].as_integer(), 0)
    rows = session.execute(
        select(
            Receipt.currency,
            func.count(),
            func.count(Donation.donor_id.distinct()),
            func.sum(Receipt.amount),
            func.sum(Receipt.amount - benefit),
        )
        .join(Donation, Donation.id == Receipt.donation_id)
        .where(*_of_year(entity, year), Receipt.kind != "thing")
        .group_by(Receipt.currency)
        .order_by(Receipt.currency)
    )
    return [
        YearTotal(gifts=gifts, donors=of, paid=Money(int(paid), code), eligible=Money(int(left), code))
        for code, gifts, of, paid, left in rows
    ]


def listed(session: Session, entity: IssuingEntity, year: int) -> dict[str, int]:
    """What the issued statements list, currency by currency, read from the statements themselves."""
    sums: dict[str, int] = defaultdict(int)
    found = session.scalars(
        select(GivingStatement.content).where(*_that_count(entity, year)).execution_options(yield_per=500)
    )
    for content in found:
        for total in GivingSummary.from_json(content).totals:
            sums[total.paid.currency] += total.paid.minor
    return dict(sums)


def progress(session: Session, entity: IssuingEntity, year: int) -> Progress:
    """How many donors there are, and how far each step has come."""
    mailed = exists().where(OutgoingMail.reference == "statement:" + GivingStatement.id)
    drawn = exists().where(StatementDocument.statement_id == GivingStatement.id)
    numbered, pages, mails = session.execute(
        select(func.count(), func.count().filter(drawn), func.count().filter(mailed)).where(
            *_that_count(entity, year)
        )
    ).one()
    waiting = session.scalar(select(func.count()).select_from(_without(entity, year).subquery()))
    return Progress(donors=numbered + (waiting or 0), numbered=numbered, drawn=pages, mailed=mails)


def numbering(entity: IssuingEntity, year: int) -> Callable[[Session], int]:
    """A run's step, taken until it gives 0: the next donors' statements are numbered; how many.

    It goes on behind the last donor, because to look through all that is numbered already would cost ever
    more; at the end it looks once more from the front, for whoever got a receipt meanwhile.
    """
    behind = ""

    def step(session: Session) -> int:
        nonlocal behind
        numbered = number_next(session, entity, year, behind=behind)
        if not numbered and behind:
            numbered = number_next(session, entity, year)
        behind = numbered[-1] if numbered else ""
        return len(numbered)

    return step


def number_next(session: Session, entity: IssuingEntity, year: int, *, behind: str = "") -> Sequence[str]:
    """Number the statements of the next donors, by their ids behind this one; whose, in that order."""
    statement_book.hold(session, entity.id, year)
    waiting = _without(entity, year).where(Donor.id > behind).limit(NUMBERS_AT_ONCE)
    donor_ids = session.scalars(waiting).all()
    if donor_ids:
        statement_book.number(session, entity, year, donor_ids)
    return donor_ids


def draw_next(session: Session, entity: IssuingEntity, year: int) -> int:
    """Set the pages of the next numbered statements; how many."""
    due = session.execute(
        select(GivingStatement.id, GivingStatement.content)
        .where(
            *_that_count(entity, year),
            ~exists().where(StatementDocument.statement_id == GivingStatement.id),
        )
        .order_by(GivingStatement.sequence)
        .limit(PAGES_AT_ONCE)
    ).all()
    for row in due:
        statement_book.draw(session, row.id, GivingSummary.from_json(row.content))
    return len(due)


def mail_next(session: Session, entity: IssuingEntity, year: int, *, delay: timedelta) -> int:
    """Put the letters of the next drawn statements into the outbox, due `delay` from now; how many."""
    due = session.execute(
        select(
            GivingStatement.id,
            GivingStatement.issued_at,
            GivingStatement.content,
            StatementDocument.pdf,
            Donor.email,
        )
        .join(StatementDocument, StatementDocument.statement_id == GivingStatement.id)
        .join(Donor, Donor.id == GivingStatement.donor_id)
        .where(
            *_that_count(entity, year),
            ~exists().where(OutgoingMail.reference == "statement:" + GivingStatement.id),
        )
        .order_by(GivingStatement.sequence)
        .limit(PAGES_AT_ONCE)
    ).all()
    for row in due:
        statement_book.owe_letter(session, row, pdf=row.pdf, delay=delay)
    if due:
        ring(session, Bell.SEND_MAIL)
    return len(due)


def last_letter_in(session: Session) -> timedelta:
    """How long until the last waiting statement leaves the outbox."""
    last = session.scalar(
        select(func.max(OutgoingMail.next_at)).where(
            OutgoingMail.reference.startswith("statement:"), OutgoingMail.status == MailStatus.QUEUED.value
        )
    )
    return max(timedelta(), last - now()) if last is not None else timedelta()


def _of_year(entity: IssuingEntity, year: int) -> tuple[Any, ...]:
    return (
        Receipt.entity_id == entity.id,
        Receipt.tax_year == year,
        Receipt.status == "issued",
        Receipt.kind != "thanks",
        collective.unconfirmed(entity),
    )


def _that_count(entity: IssuingEntity, year: int) -> tuple[Any, ...]:
    return (
        GivingStatement.entity_id == entity.id,
        GivingStatement.tax_year == year,
        GivingStatement.status == "issued",
    )


def _without(entity: IssuingEntity, year: int) -> Select[str]:
    """Donors with live receipts of the year and no statement of it that counts."""
    return (
        select(Donor.id)
        .where(
            exists().where(
                Donation.donor_id == Donor.id, Receipt.donation_id == Donation.id, *_of_year(entity, year)
            ),
            ~exists().where(GivingStatement.donor_id == Donor.id, *_that_count(entity, year)),
        )
        .order_by(Donor.id)
    )
