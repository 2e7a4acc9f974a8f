# ruff: noqa: S608 - the SQL is put together from our own pieces; what is said goes in as parameters
"""Statements that do not stand any more: made void with the receipt they list, and replaced.

A statement says what live receipts say. So it is void in the very transaction in which one of its receipts
is, and what follows from that is looked at afterwards, from the register alone: another statement in its
place, with its page and its letter, or a notice where nothing is left to list. Whoever was never sent the
old one is sent nothing now; the year's run does that.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from payments.clock import now
from payments.database import array_of
from payments.donations.models import Donation, IssuingEntity
from payments.errors import PersonMustLook
from payments.jobs import Bell, OutOfTime, ring
from payments.mail import outbox
from payments.mail.models import OutgoingMail
from payments.receipts import collective, notices, statement_book
from payments.receipts.models import (
    DueStatement,
    GivingStatement,
    Receipt,
    StatementCause,
    StatementDocument,
)
from payments.receipts.summary import GivingSummary
from payments.supporters.donors import Donor

log = logging.getLogger(__name__)

BATCH = 25


def void_listing(session: Session, receipt_ids: Sequence[str]) -> int:
    """Make void whatever statement lists one of these receipts, which are void; how many those were. The
    caller has held the runs off (`statement_book.hold_off`) since before they were."""
    return _void(session, _LISTING, {"receipts": array_of(receipt_ids)})


def void_incomplete(session: Session, entity: IssuingEntity, year: int) -> int:
    """Make void the statements of a year that lack a gift whose receipt came after them; how many."""
    statement_book.hold(session, entity.id, year)
    return _void(session, _INCOMPLETE, _book(entity, year))


def void_named(session: Session, statement_ids: Sequence[str], *, cause: StatementCause, reason: str) -> int:
    """Make these statements void: the records of their donors became one, or two again. The caller holds
    their books (`statement_book.hold`)."""
    asked = {"ids": array_of(statement_ids), "cause": cause.value, "reason": reason}
    return _void(session, _NAMED, asked)


def owe(session: Session, statement_ids: Sequence[str]) -> None:
    """Look at these void statements again: another is to take their place, for whose donor they are now."""
    if statement_ids:
        rows = [{"statement_id": each} for each in statement_ids]
        session.execute(insert(DueStatement).on_conflict_do_nothing(), rows)
        ring(session, Bell.RESTATE)


def incomplete(session: Session, entity: IssuingEntity, year: int) -> int:
    """How many statements of a year lack a gift."""
    counted = text(f"with {_INCOMPLETE} select count(*) from wrong")
    return int(session.execute(counted, _book(entity, year)).scalar_one())


def _book(entity: IssuingEntity, year: int) -> dict[str, Any]:
    return {"body": entity.id, "year": year, "only_code": collective.code_of_unconfirmed(entity)}


def _void(session: Session, wrong: str, asked: dict[str, Any]) -> int:
    due = session.execute(
        text(f"""
            with {wrong}, gone as (
                update giving_statements s
                set status = 'void', void_cause = wrong.cause, void_reason = wrong.reason,
                    voided_at = :voided_at
                from wrong where s.id = wrong.id and s.status = 'issued'
                returning s.id
            ), ended as (
                update statement_lines l set ended_at = :voided_at from gone
                where l.statement_id = gone.id and l.ended_at is null
            ), due as (
                insert into due_statements (statement_id) select id from gone
                on conflict (statement_id) do nothing
            )
            select count(*) from gone
        """),
        asked | {"voided_at": now()},
    ).scalar_one()
    if due:
        ring(session, Bell.RESTATE)
    return int(due)


# In the order of their ids, because two that void meet each other's statements.
_LISTING = """
    listed as (
        select s.id, r.number
        from receipts r
        join donations d on d.id = r.donation_id
        join giving_statements s on s.donor_id = d.donor_id
            and s.content -> 'gifts' @> jsonb_build_array(jsonb_build_object('receipt_number', r.number))
        where r.id = any (cast(:receipts as text[])) and s.status = 'issued'
            and s.entity_id = r.entity_id and s.tax_year = r.tax_year
        union all
        select s.id, r.number
        from receipts r
        join donations d on d.id = r.donation_id
        join giving_statements s on s.donor_id = d.soft_credit_donor_id
            and s.content -> 'through_others'
                @> jsonb_build_array(jsonb_build_object('receipt_number', r.number))
        where r.id = any (cast(:receipts as text[])) and s.status = 'issued'
            and s.entity_id = r.entity_id and s.tax_year = r.tax_year
    ), held as (
        select id from giving_statements where id in (select id from listed) order by id for no key update
    ), wrong as (
        select id, 'receipt_void' as cause,
            'lists ' || string_agg(number, ', ' order by number) || ': void by now' as reason
        from listed join held using (id) group by id
    )
"""

_NAMED = """
    wrong as (
        select id, cast(:cause as text) as cause, cast(:reason as text) as reason
        from giving_statements where id = any (cast(:ids as text[]))
    )
"""

# A statement lists nothing that is not live, so one that lists as many as there are lists all.
_INCOMPLETE = """
    live as (
        select d.donor_id, count(*) as gifts
        from receipts r join donations d on d.id = r.donation_id
        where r.entity_id = :body and r.tax_year = :year and r.status = 'issued' and r.kind <> 'thanks'
            and (cast(:only_code as text) is null or r.content ->> 'statement_code' = :only_code)
        group by d.donor_id
    ), wrong as (
        select s.id, 'gift_missing' as cause,
            live.gifts - jsonb_array_length(s.content -> 'gifts') || ' more by now' as reason
        from giving_statements s join live using (donor_id)
        where s.entity_id = :body and s.tax_year = :year and s.status = 'issued'
            and live.gifts > jsonb_array_length(s.content -> 'gifts')
    )
"""


def restate_due(session: Session, *, limit: int = BATCH) -> int:
    """Do what is due about up to `limit` statements; how many were looked at.

    One that cannot be done is put off with its reason and shown by `almoner receipts due`.
    """
    due = session.execute(
        select(GivingStatement.id, GivingStatement.entity_id, GivingStatement.tax_year)
        .join(DueStatement, DueStatement.statement_id == GivingStatement.id)
        .where(DueStatement.next_at <= func.now())
        .order_by(DueStatement.due_at, DueStatement.statement_id)
        .limit(limit)
        .with_for_update(of=DueStatement, skip_locked=True)
    ).all()
    # Year by year in the order in which whoever voids holds them off, so that nobody waits in a circle.
    for statement_id, entity_id, year in sorted(due, key=lambda row: (row.entity_id, row.tax_year)):
        try:
            with session.begin_nested():
                # From here on nothing of its year is made void, nor another donor's; what was until now is
                # seen only now.
                statement_book.hold(session, entity_id, year)
                row = session.execute(_WHOLE, {"id": statement_id}).one()
                if row.status == "void":
                    _replace(session, row)
                else:
                    _deliver(session, row)
                session.execute(delete(DueStatement).where(DueStatement.statement_id == statement_id))
        except OutOfTime:
            raise
        except Exception as trouble:
            _put_off(session, statement_id, trouble)
    return len(due)


_WHOLE = (
    select(
        GivingStatement.id,
        GivingStatement.entity_id,
        GivingStatement.donor_id,
        GivingStatement.tax_year,
        GivingStatement.status,
        GivingStatement.issued_at,
        GivingStatement.content,
        Donor.email,
    )
    .join(Donor, Donor.id == GivingStatement.donor_id)
    .where(GivingStatement.id == bindparam("id"))
)


def _replace(session: Session, row: Row[Any]) -> None:
    """Another in its place, if anything is left to list; else the news that there is none."""
    entity = session.get_one(IssuingEntity, row.entity_id)
    follower = session.scalar(
        select(GivingStatement.id).where(
            GivingStatement.donor_id == row.donor_id,
            GivingStatement.entity_id == entity.id,
            GivingStatement.tax_year == row.tax_year,
            GivingStatement.status == "issued",
        )
    )
    if follower is None and _has_gifts(session, entity, row):
        [follower] = statement_book.number(session, entity, row.tax_year, [row.donor_id])
    if follower is not None:
        due = insert(DueStatement).values(statement_id=follower)
        session.execute(due.on_conflict_do_nothing())
    elif _was_mailed(session, row):
        _tell(session, row)


def _has_gifts(session: Session, entity: IssuingEntity, row: Row[Any]) -> bool:
    live = select(Receipt.id).join(Donation, Donation.id == Receipt.donation_id)
    return (
        session.scalar(
            live.where(
                Donation.donor_id == row.donor_id,
                Receipt.entity_id == entity.id,
                Receipt.tax_year == row.tax_year,
                Receipt.status == "issued",
                Receipt.kind != "thanks",
                collective.unconfirmed(entity),
            ).limit(1)
        )
        is not None
    )


def _was_mailed(session: Session, row: Row[Any]) -> bool:
    """Whether the donor was sent any statement of this year that is void now."""
    other = aliased(GivingStatement)
    return bool(
        session.scalar(
            select(
                exists().where(
                    other.donor_id == row.donor_id,
                    other.entity_id == row.entity_id,
                    other.tax_year == row.tax_year,
                    other.status == "void",
                    OutgoingMail.reference == "statement:" + other.id,
                )
            )
        )
    )


def _deliver(session: Session, row: Row[Any]) -> None:
    pdf = session.scalar(select(StatementDocument.pdf).where(StatementDocument.statement_id == row.id))
    if pdf is None:
        pdf = statement_book.draw(session, row.id, GivingSummary.from_json(row.content))
    if _was_mailed(session, row):
        statement_book.owe_letter(session, row, pdf=pdf)
        ring(session, Bell.SEND_MAIL)


def _tell(session: Session, row: Row[Any]) -> None:
    message_id = outbox.message_id(f"{row.id}.void")
    message = notices.of_void_statement(
        GivingSummary.from_json(row.content), to_address=row.email, message_id=message_id, dated=now()
    )
    outbox.put(
        session,
        reference=f"void:{row.id}",
        to_address=row.email,
        message_id=message_id,
        message=message,
    )
    ring(session, Bell.SEND_MAIL)


def _put_off(session: Session, statement_id: str, trouble: Exception) -> None:
    # Without the traceback: its values are a donor's.
    name = type(trouble).__name__
    log.error("statement not restated", extra={"statement_id": statement_id, "trouble": name})
    session.execute(
        update(DueStatement)
        .where(DueStatement.statement_id == statement_id)
        .values(
            attempts=DueStatement.attempts + 1,
            last_error=str(trouble) if isinstance(trouble, PersonMustLook) else name,
            next_at=func.now() + timedelta(minutes=5),
        )
    )
