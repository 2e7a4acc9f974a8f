"""Which payouts a bank may have booked as one line: some banks put all of a day's into one.

Only ever a suggestion. Looked for where the bank's words name Stripe and no single payout has the line's
amount; a few payouts near the day that come to it to the cent, and then a person says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from sqlalchemy.orm import Session

from payments.reconciliation.candidates import CANDIDATES

_AT_MOST = 4
_LOOK_AMONG = 12
"""Payouts near the day: more of them, and a sum that fits says little."""

_NEAR = f"""{CANDIDATES}, alone as (
    select told.* from told
    where (strpos(told.words, 'STRIPE') > 0 or strpos(told.words, '스트라이프') > 0)
        and not exists (select from candidate c where c.bank_line_id = told.bank_line_id)
)
select alone.bank_line_id, alone.amount, array_agg(p.stripe_payout_id order by p.stripe_payout_id),
    array_agg(p.amount order by p.stripe_payout_id)
from alone join payouts p on p.currency = alone.currency and p.status not in ('failed', 'canceled')
    and alone.booked_on between p.arrives_on - 1 and p.arrives_on + 5
where (alone.bank_line_id = %(line)s or %(line)s is null) and not exists (
    select from bank_matches m
    where m.kind = 'payout' and m.subject_id = p.stripe_payout_id and m.undone_at is null
)
group by alone.bank_line_id, alone.amount
having count(*) between 2 and {_LOOK_AMONG}
"""


@dataclass(frozen=True, slots=True)
class Together:
    """Payouts that come to a line's amount."""

    stripe_payout_ids: tuple[str, ...]


def suggestions(session: Session) -> Mapping[str, Sequence[Together]]:
    """By bank line, the fewest payouts first."""
    return _suggested(session, None)


def of_line(session: Session, bank_line_id: str) -> Sequence[Together]:
    """What one line may be."""
    return _suggested(session, bank_line_id).get(bank_line_id, ())


def _suggested(session: Session, bank_line_id: str | None) -> Mapping[str, Sequence[Together]]:
    rows = session.connection().exec_driver_sql(_NEAR, {"line": bank_line_id})
    found = {
        line: _that_come_to(amount, list(zip(ids, each, strict=True))) for line, amount, ids, each in rows
    }
    return {line: sets for line, sets in found.items() if sets}


def _that_come_to(amount: int, near: Sequence[tuple[str, int]]) -> list[Together]:
    return [
        Together(tuple(payout for payout, _ in some))
        for size in range(2, _AT_MOST + 1)
        for some in combinations(near, size)
        if sum(each for _, each in some) == amount
    ]
