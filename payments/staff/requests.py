"""One key, one deed: what the staff API has already done for an idempotency key.

The keys of one person never meet another's. The same key with another body is refused, so a program
that mixes up its keys hears of it before money moves twice.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.errors import AlmonerError
from payments.staff.models import StaffMember, StaffRequest


class StaffKeyReused(AlmonerError):
    """The same key came with another request."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was already used for a different request. Use a new key for a new one."
        )


def earlier(session: Session, by: StaffMember, *, key: str, request: Mapping[str, Any]) -> str | None:
    """The id of what this key made; None for a new key, held against others until the commit."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{by.id}:{key}", 0))))
    known = session.get(StaffRequest, (by.id, key))
    if known is None:
        return None
    if known.request_sha256 != _sha256(request):
        raise StaffKeyReused
    return known.answer_id


def remember(
    session: Session, by: StaffMember, *, key: str, request: Mapping[str, Any], answer_id: str
) -> None:
    """This key made this; asked again, it is the answer."""
    session.add(
        StaffRequest(
            staff_id=by.id, idempotency_key=key, request_sha256=_sha256(request), answer_id=answer_id
        )
    )
    session.flush()


def _sha256(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
