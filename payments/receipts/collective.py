"""Collective confirmations: where the year's statement is the one confirmation of the gifts it lists.

A German donor may claim a gift once, on one paper: a gift that has a confirmation of its own is not listed,
and a listed one cannot get its own. The database keeps both: a line stands only on a live receipt that
confirms nothing by itself, and that receipt cannot be voided while the line stands. When something of a
listed gift goes back, the whole statement is void, and another takes its place.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import text_with
from payments.donations.models import IssuingEntity
from payments.receipts import countries
from payments.receipts.models import Receipt, StatementLine


def unconfirmed(entity: IssuingEntity) -> ColumnElement[bool]:
    """Receipts that a statement of this body may list: where it confirms, those that do not do so alone."""
    code = code_of_unconfirmed(entity)
    if code is None:
        return true()
    says_only: ColumnElement[bool] = Receipt.content["statement_code"].as_string() == code
    return says_only


def code_of_unconfirmed(entity: IssuingEntity) -> str | None:
    """The sentence of the receipts that alone may be listed; None where all may."""
    may = countries.authority(entity.jurisdiction, entity.statement_code)
    return may.documents["gift"] if may.collective else None


def confirm(session: Session, entity: IssuingEntity, statement_ids: Sequence[str]) -> None:
    """Let these statements be the only confirmation of the gifts they list, where the law wants it so."""
    if countries.authority(entity.jurisdiction, entity.statement_code).collective:
        session.execute(_CONFIRM, {"statements": statement_ids})


_CONFIRM = text_with(
    """
    insert into statement_lines (statement_id, donation_id, receipt_id)
    select s.id, r.donation_id, r.id
    from giving_statements s
    cross join lateral jsonb_array_elements(s.content -> 'gifts') gift
    join receipts r on r.number = gift ->> 'receipt_number'
    where s.id = any (:statements)
""",
    "statements",
)


def let_go(session: Session, receipt_id: str) -> None:
    """End the lines of the statement that lists this receipt, if any does: it confirms nothing any more."""
    listing = (
        select(StatementLine.statement_id)
        .where(StatementLine.receipt_id == receipt_id, StatementLine.ended_at.is_(None))
        .scalar_subquery()
    )
    session.execute(
        update(StatementLine)
        .where(StatementLine.statement_id == listing, StatementLine.ended_at.is_(None))
        .values(ended_at=now())
    )
