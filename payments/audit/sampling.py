# ruff: noqa: S608 - put together from our own pieces; what is said goes in as parameters
"""Which gifts an auditor looks at: drawn by a seed that the auditor names, so that anybody draws the same.

Two ways, and both are arithmetic on whole numbers that can be checked by hand (decision 0037).

By number, each gift has a ticket, the SHA-256 of `seed:id`, and the lowest tickets are drawn: every gift is
as likely as any other, and one that is added later moves nothing but itself.

By money, each minor unit is as likely as any other, so a gift is as likely as it is large. The gifts of a
currency stand in a row by day and id. Of T units in all, n are hit: unit `(r + k * T) // n` for k from 0 to
n - 1, where r is the SHA-256 of `seed:currency` modulo T. Over all r each unit is hit in exactly n of T
cases.

Gifts from an amount on may be taken whole; they are then not in the row or the urn.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from payments.audit.stretch import Stretch
from payments.database import stream
from payments.money import Money
from payments.reconciliation.months import NotDrawable


class SeedUnreadable(NotDrawable):
    """No seed that can be written down and typed again."""

    def __init__(self) -> None:
        super().__init__(
            "Let the auditor name the seed: up to 64 letters, digits and hyphens, such as 20261231."
        )


class NothingToDraw(NotDrawable):
    """Neither a number nor an amount from which all are taken."""

    def __init__(self) -> None:
        super().__init__(
            "Say how many gifts to draw with --sample, or from which amount on all with --all-from."
        )


class Method(StrEnum):
    """How it is drawn."""

    NUMBER = "number"
    """Every gift is as likely as any other."""
    MONEY = "money"
    """Every minor unit is: monetary-unit sampling, for each currency by itself."""


class Why(StrEnum):
    """Why a gift is in the sample."""

    LARGE = "large"
    """It is of the amount from which all are taken, or more."""
    DRAWN = "drawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What makes a sample: the same plan over the same gifts is the same sample."""

    stretch: Stretch
    seed: str
    count: int
    """How many are drawn; by money: how many units of each currency."""
    method: Method = Method.NUMBER
    all_from: tuple[Money, ...] = ()
    """One amount a currency; such gifts and larger ones are all taken."""

    def __post_init__(self) -> None:
        if re.fullmatch(r"[A-Za-z0-9-]{1,64}", self.seed) is None:
            raise SeedUnreadable
        if self.count < 1 and not self.all_from:
            raise NothingToDraw


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One gift of a sample."""

    id: str
    gift_date: date
    currency: str
    amount: int
    channel: str
    why: Why
    ticket: str | None
    """By number: the SHA-256 by which it was drawn."""
    hits: int | None
    """By money: how many of the units that were hit are its own; a large gift may have several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """All gifts of one currency from which it is drawn."""

    currency: str
    gifts: int
    amount: int
    large: int
    """Of these, taken whole."""
    large_amount: int

    @property
    def rest(self) -> int:
        """In minor units, what is drawn from."""
        return self.amount - self.large_amount


def layers(session: Session, plan: Plan) -> list[Layer]:
    """The gifts of the stretch by currency: what was paid, by the day of the gift."""
    return [
        Layer(
            currency=row.currency,
            gifts=row.gifts,
            amount=int(row.amount),
            large=row.large,
            large_amount=int(row.large_amount),
        )
        for row in stream(session, _LAYERS, _asked(plan))
    ]


def drawn(session: Session, plan: Plan, of: Sequence[Layer]) -> Iterator[Drawn]:
    """The sample by day and id, as it comes from the database; `of` is what `layers` said."""
    rest = [layer for layer in of if layer.rest > 0 and plan.count > 0]
    asked = _asked(plan) | {
        "seed": plan.seed,
        "count": plan.count,
        "rests": [layer.currency for layer in rest],
        "totals": [layer.rest for layer in rest],
        "hits": [min(plan.count, layer.rest) for layer in rest],
        "starts": [start(plan.seed, layer.currency, layer.rest) for layer in rest],
    }
    for row in stream(session, _BY_MONEY if plan.method is Method.MONEY else _BY_NUMBER, asked):
        yield Drawn(
            id=row.id,
            gift_date=row.gift_date,
            currency=row.currency,
            amount=row.amount,
            channel=row.channel,
            why=Why.LARGE if row.is_large else Why.DRAWN,
            ticket=row.ticket,
            hits=None if row.hits is None else int(row.hits),
        )


def start(seed: str, currency: str, total: int) -> int:
    """Where the hits of a currency begin: `r` above, from 0 to less than `total`."""
    return int(sha256(f"{seed}:{currency}".encode()).hexdigest(), 16) % total


def _asked(plan: Plan) -> dict[str, Any]:
    return plan.stretch.asked | {
        "currencies": [least.currency for least in plan.all_from],
        "least": [least.minor for least in plan.all_from],
    }


_GIFTS = """
    gifts as (
        select d.id, d.gift_date, d.currency, d.amount, d.channel,
            coalesce(d.amount >= l.least, false) as is_large
        from donations d
        left join unnest(%(currencies)s::text[], %(least)s::bigint[]) l (currency, least) using (currency)
        where d.entity_id = %(entity)s and d.status = 'paid'
            and d.gift_date between %(first_day)s and %(last_day)s
    )
"""

_LAYERS = f"""
    with {_GIFTS}
    select currency, count(*) as gifts, sum(amount) as amount, count(*) filter (where is_large) as large,
        coalesce(sum(amount) filter (where is_large), 0) as large_amount
    from gifts group by currency order by currency
"""

_LARGE = """
    select id, gift_date, currency, amount, channel, is_large, null::text as ticket, null::numeric as hits
    from gifts where is_large
"""

_BY_NUMBER = f"""
    with {_GIFTS}, tickets as (
        select gifts.*, encode(sha256(convert_to(%(seed)s || ':' || id, 'UTF8')), 'hex') as ticket
        from gifts where not is_large
    ), lowest as (
        select * from tickets order by ticket collate "C" limit %(count)s
    )
    select * from (
        {_LARGE}
        union all
        select id, gift_date, currency, amount, channel, is_large, ticket, null from lowest
    ) as sample order by gift_date, id collate "C"
"""

# The hits before a place in the row are ceil((place * n - r) / T); numerics do not overflow.
_BY_MONEY = f"""
    with {_GIFTS}, ends as (
        select gifts.*, sum(amount) over (partition by currency order by gift_date, id collate "C") as ends
        from gifts where not is_large
    ), hit as (
        select ends.*, div(ends * r.n - r.start + r.total - 1, r.total)
            - div((ends - amount) * r.n - r.start + r.total - 1, r.total) as hits
        from ends join unnest(%(rests)s::text[], %(totals)s::numeric[], %(hits)s::numeric[],
            %(starts)s::numeric[]) r (currency, total, n, start) using (currency)
    )
    select * from (
        {_LARGE}
        union all
        select id, gift_date, currency, amount, channel, is_large, null, hits from hit where hits > 0
    ) as sample order by gift_date, id collate "C"
"""
