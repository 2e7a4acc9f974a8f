"""Closing a month, and opening it again.

Closed by whoever keeps the books, once everything on the checklist is so; reopened by an approver who did
not close it, with a reason. The pack is drawn before anybody has to wait: posting is held up only while the
entries of the month and its bank lines are counted once more, and if one came in meanwhile, the closing
begins anew.
"""

from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from payments.clock import now
from payments.database import new_id
from payments.reconciliation import closings, month_tables, pack
from payments.reconciliation.checklist import Item, Laws, checklist
from payments.reconciliation.closings import MonthClosing
from payments.reconciliation.month_report import drawn_up
from payments.reconciliation.months import Month
from payments.staff import audit, people
from payments.staff.models import Role, StaffMember
from payments.translations import N_, Told

MAY_CLOSE = (Role.FINANCE, Role.APPROVER)
MAY_REOPEN = (Role.APPROVER,)

_BOOKS = func.hashtextextended("books", 0)
"""The lock that everybody who writes entries shares, and a closing takes alone."""


class MonthNotReady(Told):
    """Something on the checklist is not so; as text it says what, and what to do."""

    sentence = N_("{month} is not closed: not everything on its checklist is so.")

    def __init__(self, month: Month, items: Sequence[Item]) -> None:
        super().__init__(month=month.name)
        self.title = month.title
        self.items = tuple(items)

    @property
    def lacking(self) -> tuple[Item, ...]:
        """What is not so."""
        return tuple(item for item in self.items if not item.is_ok)

    def __str__(self) -> str:
        return f"{self.title} cannot be closed: " + " ".join(
            f"{each.sentence} {each.remedy}" for each in self.lacking
        )


class MonthMoved(Told):
    """An entry of the month, or a line of the bank, came in while it was being closed."""

    sentence = N_("An entry or a bank line of {month} came in while it was being closed. Close it once more.")

    def __init__(self, month: Month) -> None:
        super().__init__(month=month.name)


class MonthNotClosed(Told):
    """There is no closing to open again, or no pack to hand out."""

    sentence = N_("{month} is not closed. `almoner close status` shows what is.")

    def __init__(self, month: Month) -> None:
        super().__init__(month=month.name)


class LaterMonthClosed(Told):
    """Months open again from the last one back."""

    sentence = N_("A later month is closed. Reopen {later} first.")

    def __init__(self, later: str) -> None:
        super().__init__(later=later)


class OwnClosing(Told):
    """Whoever closed a month does not open it again."""

    sentence = N_("Whoever closed a month does not reopen it. Ask another approver.")


def close_month(session: Session, month: Month, *, laws: Laws, by: StaffMember) -> MonthClosing:
    """Close a month for good, or `MonthNotReady` with the whole checklist. Go a round of `reconcile`
    before, in a transaction of its own."""
    people.require(by, *MAY_CLOSE)
    before = month_tables.mark(session, month)
    items = checklist(session, month, laws)
    if not all(item.is_ok for item in items):
        raise MonthNotReady(month, items)
    history = closings.closings_of(session, month.entity_id, month.first_day)
    version, closed_at = len(history) + 1, now()
    drawn = pack.draw(
        session,
        drawn_up(session, month, items),
        pack.Sealing(version=version, closed_by=by.name, closed_at=closed_at),
    )
    moved = month_tables.moved(session, month)
    session.execute(select(func.pg_advisory_xact_lock(_BOOKS)))
    if month_tables.mark(session, month) != before:
        raise MonthMoved(month)
    row = MonthClosing(
        id=new_id("mcl"),
        entity_id=month.entity_id,
        month=month.first_day,
        last_day=month.last_day,
        version=version,
        closed_by=by.id,
        closed_at=closed_at,
        evidence={
            item.kind: {"is_ok": item.is_ok, "sentence": item.sentence, **item.evidence} for item in items
        },
        entries=before.entries,
        moved=moved,
        pack=drawn,
        pack_sha256=sha256(drawn).hexdigest(),
    )
    session.add(row)
    session.flush()
    audit.note(
        session,
        by,
        "month.close",
        subject=row.id,
        reason=f"{month.name} of {month.entity_id}",
        version=version,
        entries=before.entries,
        pack_sha256=row.pack_sha256,
    )
    return row


def reopen(session: Session, month: Month, *, by: StaffMember, reason: str) -> MonthClosing:
    """Open the last closed month again. Its pack stays as it was, and the next closing draws another."""
    people.require(by, *MAY_REOPEN)
    reason = people.reason_given(reason)
    row = standing(session, month)
    if row.closed_by == by.id:
        raise OwnClosing
    last = closings.closed_through(session, month.entity_id)
    if last is not None and last > month.last_day:
        raise LaterMonthClosed(f"{last:%Y-%m}")
    row.reopened_by, row.reopened_at, row.reopen_reason = by.id, now(), reason
    session.flush()
    audit.note(
        session,
        by,
        "month.reopen",
        subject=row.id,
        reason=reason,
        month=month.name,
        entity=month.entity_id,
        version=row.version,
        closed_by=row.closed_by,
    )
    return row


def standing(session: Session, month: Month) -> MonthClosing:
    """The closing that stands of a month, or `MonthNotClosed`."""
    for row in closings.closings_of(session, month.entity_id, month.first_day):
        if row.reopened_at is None:
            return row
    raise MonthNotClosed(month)


def with_pack(session: Session, month: Month, version: int | None = None) -> MonthClosing:
    """A closing with its pack: the latest, reopened or not, or the one of a version."""
    wanted = (
        select(MonthClosing)
        .where(MonthClosing.entity_id == month.entity_id, MonthClosing.month == month.first_day)
        .order_by(MonthClosing.version.desc())
        .limit(1)
        .options(undefer(MonthClosing.pack))
    )
    if version is not None:
        wanted = wanted.where(MonthClosing.version == version)
    row = session.scalars(wanted).one_or_none()
    if row is None:
        raise MonthNotClosed(month)
    return row
