# ruff: noqa: S608 - put together from our own pieces; what is said goes in as parameters
"""Control totals of a stretch: figures that came by different ways and must be the same, each currency by
itself.

An auditor who draws from a list wants to know first that the list is all of it. So the gifts are held
against the charges, Stripe's movements and papers against the book, and the gifts against what the book has
in the same months; what is of one and not of the other is told with its amount.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.audit.sampling import Layer
from payments.audit.stretch import Stretch
from payments.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlTotal:
    """Two figures that must be the same."""

    what: str
    one: Money
    against: str
    other: Money

    @property
    def difference(self) -> Money:
        """Nothing, where they agree."""
        return self.one - self.other


def control_totals(session: Session, stretch: Stretch, drawn_from: Sequence[Layer]) -> list[ControlTotal]:
    """All of them, by currency."""
    found = chain(_gifts(session, stretch, drawn_from), _settled(session, stretch), _booked(session, stretch))
    return sorted(found, key=lambda each: each.one.currency)


def _gifts(session: Session, stretch: Stretch, drawn_from: Sequence[Layer]) -> Iterator[ControlTotal]:
    """In the currency in which it was given."""
    listed = {layer.currency: layer.amount for layer in drawn_from}
    for row in session.execute(text(_GIVEN), stretch.asked):
        gifts = Money(int(row.gifts), row.currency)
        yield ControlTotal(
            what="The list that was drawn from",
            one=Money(listed.get(row.currency, 0), row.currency),
            against="Gifts of these months",
            other=gifts,
        )
        yield ControlTotal(
            what="Gifts of these months",
            one=gifts,
            against="Charges that succeeded, and papers",
            other=Money(int(row.charged), row.currency),
        )
        yield ControlTotal(
            what="Gifts of these months",
            one=gifts,
            against="Their parts for funds, and what covers the fee",
            other=Money(int(row.parts), row.currency),
        )


def _settled(session: Session, stretch: Stretch) -> Iterator[ControlTotal]:
    """In the currency in which Stripe settled it."""
    for row in session.execute(text(_SETTLED), stretch.asked):
        yield ControlTotal(
            what="Stripe's movements of these gifts, and papers",
            one=Money(int(row.moved), row.currency),
            against="What their entries brought",
            other=Money(int(row.brought), row.currency),
        )


def _booked(session: Session, stretch: Stretch) -> Iterator[ControlTotal]:
    for row in session.execute(text(_BOOKED), stretch.asked):
        yield ControlTotal(
            what="Entries of these gifts, less those booked in other months, and those of other gifts",
            one=Money(int(row.own - row.elsewhere + row.others), row.currency),
            against="Gifts in the book of these months",
            other=Money(int(row.in_the_book), row.currency),
        )


_OF_THE_STRETCH = """
    d.entity_id = :entity and d.status = 'paid' and d.gift_date between :first_day and :last_day
"""

_BROUGHT = """
    m.from_account in ('contributions', 'contributions_fee_cover', 'contributions_in_kind',
        'agency_obligations', 'benefits_exchanged')
"""

_GIVEN = f"""
    with gifts as materialized (
        select d.id, d.currency, d.amount, d.fee_cover_amount, d.channel in ('online', 'adopted') as is_online
        from donations d where {_OF_THE_STRETCH}
    ), charged as (
        select c.currency, sum(c.amount) as amount
        from gifts join charges c on c.donation_id = gifts.id
        where c.status = 'succeeded' group by c.currency
    ), parts as (
        select gifts.currency, sum(a.amount) as amount
        from gifts join donation_allocations a on a.donation_id = gifts.id group by gifts.currency
    ), summed as (
        select currency, sum(amount) as gifts, sum(fee_cover_amount) as cover,
            coalesce(sum(amount) filter (where not is_online), 0) as papers
        from gifts group by currency
    )
    select currency, coalesce(s.gifts, 0) as gifts,
        coalesce(c.amount, 0) + coalesce(s.papers, 0) as charged,
        coalesce(p.amount, 0) + coalesce(s.cover, 0) as parts
    from summed s full join charged c using (currency) full join parts p using (currency)
    order by currency
"""

_SETTLED = f"""
    with gifts as materialized (
        select d.id, d.currency, d.amount, d.channel in ('online', 'adopted') as is_online
        from donations d where {_OF_THE_STRETCH}
    ), moved as (
        select currency, sum(amount) as amount from (
            select b.currency, b.amount
            from gifts join charges c on c.donation_id = gifts.id
            join balance_transactions b on b.source_id = c.stripe_charge_id
                and b.reporting_category = 'charge'
            union all
            select currency, amount from gifts where not is_online
        ) all_of_it group by currency
    ), brought as (
        select m.currency, sum(m.amount) as amount
        from gifts join journal_entries e on e.donation_id = gifts.id join journal_moves m using (reference)
        where e.kind in ('gift', 'offline_gift') and {_BROUGHT} group by m.currency
    )
    select currency, coalesce(moved.amount, 0) as moved, coalesce(brought.amount, 0) as brought
    from moved full join brought using (currency) order by currency
"""

_BOOKED = f"""
    with told as (
        select m.currency, m.amount, coalesce(({_OF_THE_STRETCH}), false) as is_own,
            e.effective_on between :first_day and :last_day as is_here
        from journal_entries e join journal_moves m using (reference)
        join donations d on d.id = e.donation_id
        where e.entity_id = :entity and e.kind in ('gift', 'offline_gift') and {_BROUGHT}
            and (e.effective_on between :first_day and :last_day or {_OF_THE_STRETCH})
    ), book as (
        select m.currency, sum(m.amount) as amount
        from journal_entries e join journal_moves m using (reference)
        where e.entity_id = :entity and e.effective_on between :first_day and :last_day
            and e.kind in ('gift', 'offline_gift') and {_BROUGHT}
        group by m.currency
    ), summed as (
        select currency, coalesce(sum(amount) filter (where is_own), 0) as own,
            coalesce(sum(amount) filter (where is_own and not is_here), 0) as elsewhere,
            coalesce(sum(amount) filter (where not is_own and is_here), 0) as others
        from told group by currency
    )
    select currency, coalesce(own, 0) as own, coalesce(elsewhere, 0) as elsewhere,
        coalesce(others, 0) as others, coalesce(book.amount, 0) as in_the_book
    from summed full join book using (currency) order by currency
"""
