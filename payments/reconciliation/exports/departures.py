"""Which entries have left for a target and which have not: asked by a batch for what it claims, and by
whoever closes a month for what was left behind.
"""

from datetime import date
from typing import Any

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from payments.reconciliation.exports import maps, targets
from payments.reconciliation.exports.format import Target
from payments.reconciliation.exports.models import ExportBatch, ExportMap


def not_left(
    target: Target,
    said: maps.Map,
    *,
    entity_id: str,
    first_day: date | None,
    last_day: date,
    currency: str | None,
) -> tuple[str, dict[str, Any]]:
    """The entries `e` of these days that are the target's business and never left for it, said to PostgreSQL;
    and what that asks for."""
    entries = target.entries
    for option in said.options:
        entries = entries.replace(f"%({option})s", f":{option}")
    statement = f"""
        from journal_entries e
        where e.entity_id = :entity and e.effective_on <= :last
            and (cast(:first as date) is null or e.effective_on >= :first)
            and (cast(:currency as text) is null or {target.in_currency})
            and not exists (
                select from exported_entries x where x.target = :target and x.entry_number = e.number)
            and {entries}
    """
    return statement, {
        "target": target.name,
        "entity": entity_id,
        "first": first_day,
        "last": last_day,
        "currency": currency,
        **{name: value for name, value in said.options.items() if f":{name}" in entries},
    }


def left_behind(session: Session, entity_id: str, target_name: str, first_day: date, last_day: date) -> int:
    """How many entries of these days have not left for a target, of those it can take."""
    target = targets.known(target_name)
    said = maps.current(session, target, entity_id)
    takes_one = target.is_only_home_currency and said.options.get("multicurrency") != "true"
    statement, given = not_left(
        target,
        said,
        entity_id=entity_id,
        first_day=first_day,
        last_day=last_day,
        currency=said.options.get("currency") if takes_one else None,
    )
    return session.scalar(text(f"select count(*) {statement}"), given) or 0


def in_use(session: Session, entity_id: str) -> bool:
    """Whether this body's book leaves for any program at all."""
    return bool(
        session.scalar(select(ExportMap.id).where(ExportMap.entity_id == entity_id).limit(1))
    ) or bool(session.scalar(select(ExportBatch.number).where(ExportBatch.entity_id == entity_id).limit(1)))


def covering(session: Session, entity_id: str, first_day: date, last_day: date) -> list[tuple[int, str, str]]:
    """Batches of journals whose days hold all of these: number, target, hash."""
    rows = session.scalars(
        select(ExportBatch)
        .where(
            ExportBatch.entity_id == entity_id,
            or_(ExportBatch.first_day.is_(None), ExportBatch.first_day <= first_day),
            ExportBatch.last_day >= last_day,
            ExportBatch.currency.is_(None),
        )
        .order_by(ExportBatch.number)
    )
    return [
        (row.number, row.target, row.sha256)
        for row in rows
        if not targets.known(row.target).holds_personal_data
    ]
