"""One month, or everything, proven at once: the laws of the books, the tie with Stripe and the bank, and the
queue of exceptions. For `almoner verify`, and for whoever closes a month."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from payments.clock import now
from payments.money import Money
from payments.reconciliation import closings, pack
from payments.reconciliation.checklist import Broken, Item, Laws
from payments.reconciliation.month_report import ExceptionOfMonth, MonthReport, looked_through
from payments.reconciliation.months import Month
from payments.verify import closing, journal, mirror
from payments.verify.check import Check
from payments.verify.run import proving

BEFORE_CLOSING: tuple[Check, ...] = (*journal.CHECKS, *mirror.CHECKS, *closing.CHECKS)
"""The laws that are proved each time a month is closed: the book by itself, beside Stripe's movements, and
the months before."""

_ONLY_TO_CLOSE = ("month_over", "months_before", "exports")
"""Items that say whether a month can be closed, and nothing of what is in it."""
_AT_ITS_END = ("bank_statements", "stripe_read")
"""Items that cannot be so before the month is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One thing that is not as it should be."""

    source: str
    """`law`, `month` or `exception`."""
    kind: str
    subjects: tuple[str, ...]
    sentence: str
    remedy: str
    month: str | None = None
    amount: Money | None = None


def laws(checks: Sequence[Check] = BEFORE_CLOSING) -> Laws:
    """Prove them on what is committed; for the checklist."""
    with proving(checks, readers=1) as proofs:
        broken = tuple(
            Broken(kind=found.kind, sentence=found.sentence) for proof in proofs for found in proof.findings()
        )
    return Laws(proved=len(checks), broken=broken)


def of_laws(checks: Sequence[Check]) -> list[Wrong]:
    """Every breach of these laws."""
    with proving(checks, readers=2) as proofs:
        return [
            Wrong(
                source="law",
                kind=found.kind,
                subjects=tuple(found.subjects),
                sentence=found.sentence,
                remedy=found.remedy,
                amount=_money(found.found, found.currency),
            )
            for proof in proofs
            for found in proof.findings()
        ]


def of_month(session: Session, month: Month) -> list[Wrong]:
    """What is wrong with a month as it is now; of a closed one also whether the book still says what its
    pack says."""
    report = looked_through(session, month)
    return [
        *(_item(month, item) for item in report.checklist if _counts(item, is_over=month.is_over(now()))),
        *(_exception(month, each) for each in report.exceptions if each.status == "open"),
        *_against_the_pack(session, month, report),
    ]


def _counts(item: Item, *, is_over: bool) -> bool:
    # Each open exception is told by itself.
    left_out = (*_ONLY_TO_CLOSE, "exceptions", *(() if is_over else _AT_ITS_END))
    return not item.is_ok and item.kind not in left_out


def _item(month: Month, item: Item) -> Wrong:
    return Wrong(
        source="month",
        kind=item.kind,
        subjects=(month.name,),
        sentence=item.sentence,
        remedy=item.remedy,
        month=month.name,
    )


def _exception(month: Month, each: ExceptionOfMonth) -> Wrong:
    return Wrong(
        source="exception",
        kind=each.kind,
        subjects=(each.id, each.subject_id),
        sentence=each.sentence,
        remedy="Mend it, or let an approver accept it: `almoner exceptions`.",
        month=month.name,
        amount=_money(each.amount, each.currency),
    )


def _against_the_pack(session: Session, month: Month, report: MonthReport) -> list[Wrong]:
    last = closings.closings_of(session, month.entity_id, month.first_day)[-1:]
    if not last or last[0].reopened_at is not None:
        return []
    kept = pack.manifest_of(last[0].pack)["files"]["journal.csv"]["sha256"]
    if kept == pack.journal_sha256(session, report.month):
        return []
    return [
        Wrong(
            source="month",
            kind="journal_differs_from_pack",
            subjects=(last[0].id,),
            sentence=f"The journal of {month.title} is not the one in its pack.",
            remedy=f"Write the pack with `almoner close pack {month.name}` and compare its journal.csv.",
            month=month.name,
        )
    ]


def _money(minor: int | None, currency: str | None) -> Money | None:
    try:
        return Money(minor, currency) if minor is not None and currency is not None else None
    except ValueError:
        return None  # what is being looked at may be broken, its currency too
