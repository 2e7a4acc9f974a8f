"""A year's receipts beside the year's contributions in the book, and every cent between the two by its cause.

A receipt says what was given, in the currency it was given in, and counts for the year of the gift. The
book says what was booked in the year, in the currency in which it was settled. So the two differ, and must: a
gift of New Year's Eve may be booked in January, a dinner is a sale, a fund's gift was receipted by the fund.
Each gift is looked at by itself; what no cause explains is left over, and must be nothing.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.donations.models import IssuingEntity


class Cause(StrEnum):
    """What lies between receipts and book, in the order in which it is told."""

    RECEIPTED = "receipted"
    """The receipts of the year that count: where the walk begins."""
    OTHER_YEAR = "other_year"
    """Booked in the year, and the receipt counts for another."""
    BOOKED_ELSEWHERE = "booked_elsewhere"
    """A receipt of the year, and what was booked, or went back, in another."""
    BENEFIT = "benefit"
    """The part for which the donor got something: the receipt subtracts it, in the book it is a sale."""
    FOR_OTHERS = "for_others"
    """Received for a named beneficiary: owed, and no income."""
    SETTLED = "settled"
    """Stripe settled it in another currency: taken off in the gift's and added in the other."""
    NO_TAX_LANGUAGE = "no_tax_language"
    """Thanked without a receipt: a donor-advised fund or an employer's match."""
    WITHHELD = "withheld"
    """A person made the receipt void and none takes its place."""
    DUE = "due"
    """The receipt, or the one that replaces it, is still to come."""
    NO_GIFT_NAMED = "no_gift_named"
    """Booked as a contribution with no gift to receipt: money that a person classified."""
    UNEXPLAINED = "unexplained"


TO_LOOK_AT = (Cause.WITHHELD, Cause.DUE, Cause.UNEXPLAINED)
"""Of these every gift is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one cause comes to in one currency; minor units, signed so that all steps add up to the book."""

    cause: Cause
    currency: str
    gifts: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftBetween:
    """One gift that a person should look at."""

    cause: Cause
    donation_id: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class YearOfReceipts:
    """One body's calendar year."""

    entity_id: str
    legal_name: str
    time_zone: str
    year: int
    steps: tuple[Step, ...]
    to_look_at: tuple[GiftBetween, ...]
    booked: dict[str, int]
    """By currency, the contributions of the year in the book: asked of the journal alone, gifts or not."""

    @property
    def currencies(self) -> list[str]:
        """All there are, by name."""
        return sorted({step.currency for step in self.steps} | set(self.booked))

    def comes_to(self, currency: str) -> int:
        """What the steps add up to."""
        return sum(step.amount for step in self.steps if step.currency == currency)

    @property
    def is_explained(self) -> bool:
        """Whether nothing is left over and the walk ends at what the book has."""
        return not any(step.cause is Cause.UNEXPLAINED and step.amount for step in self.steps) and all(
            self.comes_to(currency) == self.booked.get(currency, 0) for currency in self.currencies
        )


def year_of_receipts(session: Session, entity: IssuingEntity, year: int) -> YearOfReceipts:
    """Walk from the receipts of a year to the book. Reads the body's whole book once; changes nothing."""
    session.execute(text("set local statement_timeout = '10min'"))
    given = {
        "entity": entity.id,
        "year": year,
        "first_day": date(year, 1, 1),
        "last_day": date(year, 12, 31),
    }
    steps: dict[tuple[str, Cause], list[int]] = {}
    to_look_at = []
    for row in session.execute(text(_CAUSES), given | {"named": [cause.value for cause in TO_LOOK_AT]}):
        cause, amount = Cause(row.cause), int(row.amount)
        counted = steps.setdefault((row.currency, cause), [0, 0])
        counted[0] += row.gifts
        counted[1] += amount
        if row.donation_id is not None:
            to_look_at.append(
                GiftBetween(cause=cause, donation_id=row.donation_id, currency=row.currency, amount=amount)
            )
    order = {cause: place for place, cause in enumerate(Cause)}
    return YearOfReceipts(
        entity_id=entity.id,
        legal_name=entity.legal_name,
        time_zone=entity.time_zone,
        year=year,
        steps=tuple(
            Step(cause=cause, currency=currency, gifts=gifts, amount=amount)
            for (currency, cause), (gifts, amount) in sorted(
                steps.items(), key=lambda step: (step[0][0], order[step[0][1]])
            )
        ),
        to_look_at=tuple(sorted(to_look_at, key=lambda row: (order[row.cause], row.donation_id))),
        booked={row.currency: int(row.amount) for row in session.execute(text(_BOOKED), given)},
    )


_INCOME = """
    ('contributions', 'contributions_in_kind', 'contributions_fee_cover', 'contribution_refunds',
        'chargebacks')
"""

_SIDES = """
    select e.donation_id, e.effective_on between :first_day and :last_day as is_of_year, m.currency,
        s.account, s.credit
    from journal_entries e join journal_moves m using (reference)
    cross join lateral (values (m.to_account, -m.amount), (m.from_account, m.amount)) as s (account, credit)
    where e.entity_id = :entity
"""

_BOOKED = f"""
    with sides as ({_SIDES} and e.effective_on between :first_day and :last_day)
    select currency, sum(credit) as amount from sides where account in {_INCOME} group by currency
"""

# Of each gift that has a receipt of the year or was booked in it: what the receipt says, what the book has in
# the year and in all, and so what lies between. Its components add up to what is booked of it in the year,
# whatever the causes are. A gift to look at is a row of its own.
_CAUSES = f"""
    with touched as materialized (
        select donation_id from journal_entries
        where entity_id = :entity and effective_on between :first_day and :last_day
            and donation_id is not null
        union
        select donation_id from receipts
        where (series, tax_year) in (select series, tax_year from receipt_counters where tax_year = :year)
            and entity_id = :entity and status = 'issued'
    ), sides as (
        {_SIDES} and e.donation_id in (select donation_id from touched)
        union all
        {_SIDES} and e.donation_id is null and e.effective_on between :first_day and :last_day
    ), booked as materialized (
        select donation_id, currency,
            coalesce(sum(credit) filter (where account in {_INCOME} and is_of_year), 0) as in_year,
            coalesce(sum(credit) filter (where account in {_INCOME}), 0) as in_all,
            coalesce(sum(credit) filter (where account = 'benefits_exchanged'), 0) as sold,
            coalesce(sum(credit) filter (where account = 'agency_obligations'), 0) as for_others
        from sides group by donation_id, currency
    ), gifts as (
        select d.id, d.currency, coalesce(b.currency, d.currency) as settled_in,
            coalesce(b.in_year, 0) as in_year, coalesce(b.in_all, 0) as in_all, coalesce(b.sold, 0) as sold,
            coalesce(b.for_others, 0) as for_others,
            case when r.tax_year = :year and r.kind <> 'thanks' then r.amount else 0 end as receipted,
            r.id is not null as has_document, r.kind <> 'thanks' as is_receipt,
            exists (select from due_receipts w where w.donation_id = d.id) as is_due,
            exists (
                select from receipts v
                where v.donation_id = d.id and v.status = 'void' and v.void_cause = 'by_hand'
                    and not exists (select from receipts n where n.replaces_id = v.id)
            ) as is_withheld
        from touched t
        join donations d on d.id = t.donation_id
        left join booked b on b.donation_id = d.id
        left join receipts r on r.donation_id = d.id and r.status = 'issued'
        where r.tax_year = :year or b.in_year <> 0
    ), between_them as (
        select g.id as donation_id, c.cause, c.currency, c.amount
        from gifts g
        cross join lateral (values
            ('receipted', g.currency, g.receipted),
            ('booked_elsewhere', g.currency, g.in_year - g.in_all),
            ('benefit', g.currency, -g.sold),
            ('for_others', g.currency, -g.for_others),
            (
                case
                    when g.is_due then 'due'
                    when g.receipted <> 0 then 'unexplained'
                    when g.has_document and g.is_receipt then 'other_year'
                    when g.has_document then 'no_tax_language'
                    when g.is_withheld then 'withheld'
                    else 'unexplained'
                end,
                g.currency, g.in_all + g.sold + g.for_others - g.receipted
            )
        ) as c (cause, currency, amount)
        where g.settled_in = g.currency
        union all
        select g.id, c.cause, c.currency, c.amount
        from gifts g
        cross join lateral (values
            ('receipted', g.currency, g.receipted),
            ('settled', g.currency, -g.receipted),
            ('settled', g.settled_in, g.in_year)
        ) as c (cause, currency, amount)
        where g.settled_in <> g.currency
        union all
        select null, 'no_gift_named', currency, in_year from booked where donation_id is null
    )
    select cause, currency, case when cause = any (:named) then donation_id end as donation_id,
        count(donation_id) as gifts, sum(amount) as amount
    from between_them where amount <> 0 group by 1, 2, 3
"""
