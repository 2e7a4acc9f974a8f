"""What was agreed about a monthly gift, now and before: for its instalments, and for letters about it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from payments.database import text_with
from payments.monthly.models import MonthlyTerms


@dataclass(frozen=True, slots=True)
class Agreed:
    """The terms of a promise from some instant on."""

    number: int
    valid_from: datetime
    amount: int
    """Minor units, fee cover included."""
    fee_cover_amount: int
    fund_ids: Sequence[str]
    """Most wanted first."""
    shares: Sequence[int]
    """Of the amount without the fee cover, in the order of the funds."""

    @classmethod
    def of(cls, terms: MonthlyTerms) -> "Agreed":
        """Terms that are being written just now."""
        parts = terms.allocations
        return cls(
            terms.number,
            terms.valid_from,
            terms.amount,
            terms.fee_cover_amount,
            [part.fund_id for part in parts],
            [part.amount for part in parts],
        )


def agreed(session: Session, monthly_gift_ids: Iterable[str]) -> dict[str, list[Agreed]]:
    """All that was ever agreed for these promises, the oldest first, in one question."""
    found: dict[str, list[Agreed]] = defaultdict(list)
    for monthly_gift_id, *terms in session.execute(_AGREED, {"gifts": monthly_gift_ids}):
        number, valid_from, amount, fee_cover_amount, fund_ids, shares = terms
        found[monthly_gift_id].append(
            Agreed(number, valid_from, amount, fee_cover_amount, fund_ids or (), shares or ())
        )
    return found


_AGREED = text_with(
    """
    select t.monthly_gift_id, t.number, t.valid_from, t.amount, t.fee_cover_amount,
        array_agg(a.fund_id order by a.position) filter (where a.fund_id is not null),
        array_agg(a.amount order by a.position) filter (where a.fund_id is not null)
    from monthly_terms t
    left join monthly_allocations a on a.monthly_gift_id = t.monthly_gift_id and a.terms_number = t.number
    where t.monthly_gift_id = any (:gifts)
    group by t.monthly_gift_id, t.number
    order by t.monthly_gift_id, t.number
""",
    "gifts",
)
