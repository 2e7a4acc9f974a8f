"""Stripe's own number: what it says it holds, asked now and then and kept, beside what was mirrored.

The sum of all balance transactions up to the moment of asking must be that number; so a movement that never
came in, or came twice, is seen. A movement of the last minutes may still be on its way to the mirror: the
answer is kept, and the comparison is made anew each time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, LargeBinary, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from payments.database import Base
from payments.stripe_gateway.shapes import Balance, as_bytes, read


class StripeBalance(Base):
    """One currency of one answer of Stripe's. Only ever added."""

    __tablename__ = "stripe_balances"

    asked_at: Mapped[datetime] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    available: Mapped[int] = mapped_column(BigInteger)
    pending: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """The whole answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What Stripe said it holds, and what its movements come to; minor units."""

    asked_at: datetime
    total: int
    mirrored: int

    @property
    def difference(self) -> int:
        """What Stripe holds and no movement tells."""
        return self.total - self.mirrored


def note(session: Session, said: Mapping[str, Any], *, asked_at: datetime) -> None:
    """Keep an answer of `GET /v1/balance`."""
    body = as_bytes(said)
    balance = read(Balance, body)
    parts = {part.currency: [0, 0] for part in (*balance.available, *balance.pending)}
    for part in balance.available:
        parts[part.currency][0] += part.amount
    for part in balance.pending:
        parts[part.currency][1] += part.amount
    session.execute(
        insert(StripeBalance).on_conflict_do_nothing(),
        [
            {
                "asked_at": asked_at,
                "currency": currency,
                "available": available,
                "pending": pending,
                "body": body,
            }
            for currency, (available, pending) in sorted(parts.items())
        ],
    )


_AROUND = timedelta(seconds=90)
"""How long an answer may take, and how far two clocks may be apart."""

_LATEST = """
    select asked_at, currency, available + pending as total from stripe_balances
    where asked_at = (select max(asked_at) from stripe_balances where asked_at >= :after)
"""
_BEFORE = """
    select coalesce(sum(net), 0) from balance_transactions where currency = :currency and created_at < :at
"""
_DURING = """
    select created_at, sum(net) as net from balance_transactions
    where currency = :currency and created_at >= :from and created_at < :to
    group by created_at order by created_at
"""


def asked_after(session: Session, instant: datetime) -> dict[str, Asked]:
    """By currency: the latest answer, if it was given after an instant."""
    return {
        row.currency: Asked(asked_at=row.asked_at, total=row.total, mirrored=_mirrored(session, row))
        for row in session.execute(text(_LATEST), {"after": instant})
    }


def _mirrored(session: Session, row: Any) -> int:
    """The sum of the movements at the moment of asking. The two clocks may be seconds apart: if at any
    second around it the sum was Stripe's, that was the moment."""
    first, last = row.asked_at - _AROUND, row.asked_at + _AROUND
    given = {"currency": row.currency, "at": first, "from": first, "to": last}
    mirrored = at_the_moment = int(session.scalar(text(_BEFORE), given) or 0)
    sums = [mirrored]
    for moved in session.execute(text(_DURING), given):
        mirrored += int(moved.net)
        sums.append(mirrored)
        if moved.created_at <= row.asked_at:
            at_the_moment = mirrored
    return int(row.total) if row.total in sums else at_the_moment
