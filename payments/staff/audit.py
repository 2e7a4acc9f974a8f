"""The audit log: every deed of a person, written in the transaction that does it.

If the deed is undone by a failure, so is its line; a line without its deed cannot exist, nor a deed
without its line. The log is append-only in the database.
"""

from typing import Any

import structlog
from sqlalchemy.orm import Session

from payments.staff.models import AuditEntry, StaffMember


def note(session: Session, by: StaffMember, deed: str, /, *, subject: str, reason: str, **facts: Any) -> None:
    """Who did what to what, and why. `facts` are ids, amounts and words of ours, before and after;
    never a donor's name or address. The request's id comes along by itself."""
    session.add(
        AuditEntry(
            staff_id=by.id,
            deed=deed,
            subject=subject,
            reason=reason,
            facts=facts,
            request_id=structlog.contextvars.get_contextvars().get("request_id"),
        )
    )
    session.flush()
