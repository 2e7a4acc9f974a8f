"""What the house knows of erasures that want a person: customers that Stripe did not delete, and holds that
are over."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.checkup import Check, seconds_since
from payments.privacy.models import CustomerDeletion, Erasure, ErasureHold

_A_DAY = 86_400


def erasures(session: Session) -> Iterator[Check]:
    """What was asked of Stripe and of the clock, and was not done."""
    waiting, over = session.execute(
        select(
            select(func.count())
            .select_from(CustomerDeletion)
            .join(Erasure, Erasure.id == CustomerDeletion.erasure_id)
            .where(CustomerDeletion.done_at.is_(None), seconds_since(Erasure.erased_at) > _A_DAY)
            .scalar_subquery(),
            select(func.count())
            .where(ErasureHold.released_at.is_(None), ErasureHold.until < func.current_date() - 2)
            .scalar_subquery(),
        )
    ).one()
    yield Check(
        name="erased at Stripe",
        is_well=not waiting,
        finding=f"customers that Stripe has not deleted for a day: {waiting}",
        remedy="The key needs *Customers: write*; customer_deletions says what Stripe said.",
    )
    yield Check(
        name="holds released",
        is_well=not over,
        finding=f"rows of erased donors that no law keeps any more: {over}",
        remedy="Look at the worker's log for release_holds.",
    )
