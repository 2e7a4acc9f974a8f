"""Which samples were drawn, by whom and with which seed: whoever tries one after the other is seen to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.audit.sampling import Plan
from payments.staff import audit
from payments.staff.models import AuditEntry, StaffMember


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One drawing, as the audit log has it."""

    at: datetime
    by: str
    """Whose name."""
    what: str
    """`sample`, looked at, or `pack`, taken."""
    entity: str
    months: str
    seed: str
    method: str
    count: int
    all_from: dict[str, int]
    """By currency, minor units."""
    gifts: int
    names: bool
    """Whether it named donors; the reason then stands beside it."""
    reason: str


def plain(plan: Plan) -> dict[str, Any]:
    """What makes a sample, as it is written down."""
    return {
        "seed": plan.seed,
        "method": plan.method.value,
        "count": plan.count,
        "all_from": {least.currency: least.minor for least in plan.all_from},
    }


def note(
    session: Session, plan: Plan, what: str, *, gifts: int, by: StaffMember, names_because: str | None = None
) -> None:
    """That it was drawn."""
    deed = "audit.pack" if what == "pack" else "audit.sample"
    audit.note(
        session,
        by,
        deed,
        subject=plan.stretch.entity_id,
        reason=names_because or f"{plan.stretch.name}, seed {plan.seed}",
        months=plan.stretch.name,
        gifts=gifts,
        names=names_because is not None,
        **plain(plan),
    )


def listed(session: Session) -> Sequence[Drawing]:
    """All of them, the first on top."""
    rows = session.execute(
        select(AuditEntry, StaffMember.name)
        .join(StaffMember, StaffMember.id == AuditEntry.staff_id)
        .where(AuditEntry.deed.in_(("audit.sample", "audit.pack")))
        .order_by(AuditEntry.id)
    )
    return [
        Drawing(
            at=entry.at,
            by=name,
            what=entry.deed.removeprefix("audit."),
            entity=entry.subject,
            reason=entry.reason,
            **entry.facts,
        )
        for entry, name in rows
    ]
