"""When the law's time is over: what was held of an erased donor goes by itself."""

from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from payments.privacy.models import ErasureHold

BATCH = 200


def release(session: Session, *, limit: int = BATCH) -> int:
    """Erase what no hold keeps any more; how many rows."""
    over = session.scalars(_OVER.limit(limit)).all()
    for hold in over:
        session.scalar(select(func.almoner_erase(hold.erasure_id, hold.table_name, hold.row_id)))
        hold.released_at = cast(Any, func.now())
        session.flush()
    return len(over)


_OTHER = aliased(ErasureHold)
# One row may be held for two donors: the payer, and whoever is thanked beside.
_OVER = (
    select(ErasureHold)
    .where(
        ErasureHold.released_at.is_(None),
        ErasureHold.until < func.current_date(),
        ~select(_OTHER.row_id)
        .where(
            _OTHER.table_name == ErasureHold.table_name,
            _OTHER.row_id == ErasureHold.row_id,
            _OTHER.until >= func.current_date(),
        )
        .exists(),
    )
    .order_by(ErasureHold.until, ErasureHold.row_id)
    .with_for_update(skip_locked=True)
)
