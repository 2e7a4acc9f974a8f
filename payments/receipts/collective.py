"""Collective confirmations: where the year's statement is the one confirmation of the gifts it lists.

A German donor may claim a gift once, on one paper: a gift that has a confirmation of its own is not listed,
and a listed one cannot get its own. The database keeps both: a line stands only on a live receipt that
confirms nothing by itself, and that receipt cannot be voided while the line stands. When something of a
listed gift goes back, the whole statement is void, and the next annual run issues another.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select, true, update
from sqlalchemy.orm import Session

from payments.database import copy_into
from payments.donations.models import IssuingEntity
from payments.errors import TryLater
from payments.receipts import countries
from payments.receipts.models import Receipt, StatementLine
from payments.receipts.summary import GivingSummary


class ReceiptsChanged(TryLater):
    """Between our look at the register and our number, something went back."""

    def __init__(self) -> None:
        super().__init__("A receipt was voided while its statement was written: run it again.")


def unconfirmed(entity: IssuingEntity) -> ColumnElement[bool]:
    """Receipts that a statement of this body may list: where it confirms, those that do not do so alone."""
    may = countries.authority(entity.jurisdiction, entity.statement_code)
    if not may.collective:
        return true()
    says_only: ColumnElement[bool] = Receipt.content["statement_code"].as_string() == may.documents["gift"]
    return says_only


def confirm(session: Session, entity: IssuingEntity, written: Mapping[str, GivingSummary]) -> None:
    """Let these statements, by their ids, be the only confirmation of the gifts they list."""
    may = countries.authority(entity.jurisdiction, entity.statement_code)
    if not may.collective:
        return
    listed = {gift.receipt_number: sid for sid, summary in written.items() for gift in summary.gifts}
    rows: list[tuple[Any, ...]] = [
        (listed[number], donation_id, receipt_id)
        for number, donation_id, receipt_id in session.execute(
            select(Receipt.number, Receipt.donation_id, Receipt.id)
            .where(Receipt.number.in_(listed), Receipt.status == "issued")
            .with_for_update(read=True)
        )
    ]
    if len(rows) != len(listed):
        raise ReceiptsChanged
    copy_into(session, StatementLine, ("statement_id", "donation_id", "receipt_id"), rows)


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
        .values(ended_at=func.now())
    )
