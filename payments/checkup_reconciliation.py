"""How reconciliation stands: asked by `/metrics` and `almoner doctor`, without going a round for it."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import extract, func, select
from sqlalchemy.orm import Session

from payments.checkup import Check
from payments.ledger.models import JournalEntry
from payments.reconciliation import reconcile

_MAY_PASS = timedelta(hours=3)
"""The timetable goes a round every hour."""


def reconciliation(session: Session) -> Iterator[Check]:
    """Whether somebody looked lately, what keeps a month open, and which payouts nobody could prove."""
    standing = reconcile.standing(session)
    age = standing.age_seconds
    # Before the first round, what counts is how long there has been something to look at.
    waited = age if age is not None else _since_the_first_entry(session)
    yield Check(
        name="reconciliation",
        is_well=waited < _MAY_PASS.total_seconds(),
        finding=f"the last round {age / 60:.0f} minutes ago" if age is not None else "no round yet",
        remedy="`almoner reconcile` goes one now; every hour the worker does, if `celery beat` runs.",
    )
    yield Check(
        name="exceptions",
        is_well=not standing.blocks_close,
        finding=f"{standing.open} open, of which {standing.blocks_close} keep a month open",
        remedy="`almoner exceptions list --blocking` says what to look at.",
    )
    yield Check(
        name="payouts",
        is_well=not standing.payouts_not_proven,
        finding=f"{standing.payouts_not_proven} that could not be proven in time",
        remedy="`almoner exceptions list` names them; `almoner payouts show ID` has every line.",
    )


def _since_the_first_entry(session: Session) -> float:
    age = session.scalar(
        select(extract("epoch", func.now() - JournalEntry.posted_at)).order_by(JournalEntry.number).limit(1)
    )
    return float(age or 0)
