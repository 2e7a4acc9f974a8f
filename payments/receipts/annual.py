"""The year's statements: one a donor, numbered, drawn and sent in steps that can be broken off at any point.

Each step commits by itself and looks for what is still missing, so a run that was killed is simply run
again. What is listed is read from the content of live receipts, never from the gifts: a statement can
say nothing that no receipt says.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.clock import day_in, now
from payments.database import among, copy_into, new_id
from payments.donations.models import Donation, IssuingEntity, Organisation
from payments.errors import AlmonerError
from payments.jobs import Bell, ring
from payments.mail import outbox
from payments.mail.models import MailStatus, OutgoingMail
from payments.money import Money
from payments.receipts import collective, countries, drafting, numbering, statement_letter, verification
from payments.receipts.content import ReceiptContent
from payments.receipts.countries import ReceiptForbidden
from payments.receipts.models import GivingStatement, Receipt, StatementDocument
from payments.receipts.render import render_pdf
from payments.receipts.summary import GivingSummary, SummaryGift, SummaryKind, ThroughOthers
from payments.settings import settings
from payments.supporters.donors import Donor

NUMBERS_AT_ONCE = 200
PAGES_AT_ONCE = 25


class EntityUnknown(AlmonerError):
    """No legal body has this id."""

    def __init__(self, entity_id: str) -> None:
        super().__init__(f"There is no entity {entity_id}: see [[entities]] in the organisation's document.")


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
        select(GivingStatement.content)
        .where(GivingStatement.entity_id == entity.id, GivingStatement.tax_year == year)
        .execution_options(yield_per=500)
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
            GivingStatement.entity_id == entity.id, GivingStatement.tax_year == year
        )
    ).one()
    waiting = session.scalar(select(func.count()).select_from(_without(entity, year).subquery()))
    return Progress(donors=numbered + (waiting or 0), numbered=numbered, drawn=pages, mailed=mails)


def number_next(session: Session, entity: IssuingEntity, year: int) -> int:
    """Number the statements of the next donors; how many. None is left when it is 0."""
    lock = func.hashtextextended(f"annual:{entity.id}:{year}", 0)
    session.execute(select(func.pg_advisory_xact_lock(lock)))
    donor_ids = session.scalars(_without(entity, year).limit(NUMBERS_AT_ONCE)).all()
    if not donor_ids:
        return 0
    issued_at = now()
    summaries = of_donors(
        session,
        entity,
        donor_ids,
        period=(date(year, 1, 1), date(year, 12, 31)),
        issued_on=day_in(entity.time_zone, issued_at),
        is_numbered=True,
    )
    series = f"{entity.receipt_series}-A"
    first = numbering.take(session, series, year, count=len(summaries))
    rows = []
    written = {}
    for sequence, (donor_id, summary) in enumerate(summaries.items(), start=first):
        number = f"{series}-{year}-{sequence:06}"
        snapshot = summary.to_json() | {"number": number}
        code = verification.code_for(snapshot)
        snapshot["verification_code"] = code
        snapshot["verification_url"] = verification.address_for(number, code)
        content = json.dumps(snapshot, ensure_ascii=False)
        statement_id = new_id("gst")
        written[statement_id] = summary
        rows.append((statement_id, entity.id, donor_id, series, year, sequence, number, issued_at, content))
    copy_into(session, GivingStatement, _COLUMNS, rows)
    collective.confirm(session, entity, written)
    return len(rows)


_COLUMNS = ("id", "entity_id", "donor_id", "series", "tax_year", "sequence", "number", "issued_at", "content")


def draw_next(session: Session, entity: IssuingEntity, year: int) -> int:
    """Set the pages of the next numbered statements; how many."""
    due = session.execute(
        select(GivingStatement.id, GivingStatement.content)
        .where(
            GivingStatement.entity_id == entity.id,
            GivingStatement.tax_year == year,
            ~exists().where(StatementDocument.statement_id == GivingStatement.id),
        )
        .order_by(GivingStatement.sequence)
        .limit(PAGES_AT_ONCE)
    ).all()
    for row in due:
        page = render_pdf(GivingSummary.from_json(row.content))
        written = insert(StatementDocument).values(
            statement_id=row.id,
            pdf=page.pdf,
            pdf_sha256=page.pdf_sha256,
            is_plain_pdf=page.is_plain_pdf,
            template_sha256=page.template_sha256,
        )
        # Another run may have drawn the same page meanwhile: the first one stays.
        session.execute(written.on_conflict_do_nothing())
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
            GivingStatement.entity_id == entity.id,
            GivingStatement.tax_year == year,
            ~exists().where(OutgoingMail.reference == "statement:" + GivingStatement.id),
        )
        .order_by(GivingStatement.sequence)
        .limit(PAGES_AT_ONCE)
    ).all()
    for row in due:
        message_id = outbox.message_id(row.id)
        message = statement_letter.compose(
            GivingSummary.from_json(row.content),
            to_address=row.email,
            from_address=settings().mail_from,
            message_id=message_id,
            dated=row.issued_at,
            pdf=row.pdf,
            donate_url=f"{settings().public_base_url}/donate",
        )
        outbox.put(
            session,
            reference=f"statement:{row.id}",
            to_address=row.email,
            message_id=message_id,
            message=message.as_bytes(),
            delay=delay,
        )
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


def of_donors(
    session: Session,
    entity: IssuingEntity,
    donor_ids: Sequence[str],
    *,
    period: tuple[date, date],
    issued_on: date,
    kind: SummaryKind = "annual",
    is_numbered: bool = False,
) -> dict[str, GivingSummary]:
    """What the live receipts of these donors say of a period, both days included, before any number.

    A summary of the kind monthly lists the gifts of monthly promises alone.
    """
    may = countries.authority(entity.jurisdiction, entity.statement_code)
    if may.collective and not is_numbered:
        raise ReceiptForbidden(
            f"A list of gifts to a body in {entity.jurisdiction} is their only confirmation: it has a number,"
            " and `almoner receipts annual` issues it."
        )
    receipts = _receipts(session, entity, Donation.donor_id, donor_ids, period=period)
    through = _receipts(session, entity, Donation.soft_credit_donor_id, donor_ids, period=period)
    accent_colour = session.scalars(select(Organisation.accent_colour)).one()
    printed = drafting.printed(entity, accent_colour=accent_colour)
    summaries = {}
    for donor_id in donor_ids:
        rows = [
            row
            for row in receipts[donor_id]
            if row.kind != "thanks" and (kind == "annual" or row.frequency == "monthly")
        ]
        gifts = tuple(_gift(ReceiptContent.from_json(row.content)) for row in rows)
        if not rows:
            continue
        has_benefits = kind == "annual" and any(gift.benefit_minor for gift in gifts)
        wanted = "annual_with_benefits" if has_benefits and "annual_with_benefits" in may.documents else kind
        statement = countries.statement_for(may, wanted)
        latest = ReceiptContent.from_json(rows[-1].content)
        summaries[donor_id] = GivingSummary(
            number="",
            kind=kind,
            issued_on=issued_on,
            period_from=period[0],
            period_until=period[1],
            locale=latest.locale,
            donor_name=latest.donor_name,
            donor_address=latest.donor_address,
            gifts=gifts,
            through_others=tuple(
                _through(ReceiptContent.from_json(row.content))
                for row in through[donor_id]
                if row.kind == "thanks" and kind == "annual"
            ),
            entity=printed,
            statement_code=statement.code,
            statement_version=statement.version,
        )
    return summaries


def _receipts(
    session: Session,
    entity: IssuingEntity,
    whose: Any,
    donor_ids: Sequence[str],
    *,
    period: tuple[date, date],
) -> dict[str, list[Row[Any]]]:
    """The live receipts of each of these donors, in the order of their gifts."""
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in session.execute(
        select(whose.label("donor_id"), Receipt.kind, Receipt.content, Donation.frequency)
        .join(Donation, Donation.id == Receipt.donation_id)
        .where(
            among(whose, donor_ids),
            Receipt.entity_id == entity.id,
            Receipt.status == "issued",
            Receipt.gift_date.between(*period),
            collective.unconfirmed(entity),
        )
        .order_by(Receipt.gift_date, Receipt.series, Receipt.sequence)
    ):
        found[row.donor_id].append(row)
    return found


def _gift(said: ReceiptContent) -> SummaryGift:
    is_thing = said.kind == "thing"
    return SummaryGift(
        gift_date=said.gift_date,
        receipt_number=said.number,
        fund_name=", ".join(line.fund_name for line in said.lines if not line.is_fee_cover),
        amount_minor=0 if is_thing else said.amount_minor,
        currency=said.currency,
        benefit_minor=said.benefit_minor,
        benefit_text=said.benefit_text,
        description=said.description if is_thing else None,
    )


def _through(said: ReceiptContent) -> ThroughOthers:
    return ThroughOthers(
        gift_date=said.gift_date,
        payer_name=said.donor_name,
        amount_minor=said.amount_minor,
        currency=said.currency,
    )


def _of_year(entity: IssuingEntity, year: int) -> tuple[Any, ...]:
    return (
        Receipt.entity_id == entity.id,
        Receipt.tax_year == year,
        Receipt.status == "issued",
        Receipt.kind != "thanks",
        collective.unconfirmed(entity),
    )


def _without(entity: IssuingEntity, year: int) -> Any:
    """Donors with live receipts of the year and no statement of it."""
    return (
        select(Donation.donor_id)
        .join(Receipt, Receipt.donation_id == Donation.id)
        .where(
            *_of_year(entity, year),
            ~exists().where(
                GivingStatement.donor_id == Donation.donor_id,
                GivingStatement.entity_id == entity.id,
                GivingStatement.tax_year == year,
            ),
        )
        .distinct()
        .order_by(Donation.donor_id)
    )
