"""Who gave much in a year: every donor whose contributions come to an amount or more, for a schedule of
contributors such as the American Schedule B.

What a donor gave is what the book has as contributions of the donor's gifts, in the currency in which they
were settled; what went back is taken off, whenever it went. What was sold, what is owed to a beneficiary, and
gifts for which somebody is only thanked are no contributions of theirs. Two currencies are never one sum:
whoever gave in several and reaches the amount in none is counted, for a person to look at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.audit import large_donor_queries as queries
from payments.audit.stretch import Stretch
from payments.donations.models import IssuingEntity
from payments.money import Money
from payments.privacy.searching import MAY_SEE_NAMES
from payments.reconciliation.months import NotDrawable
from payments.staff import audit, people
from payments.staff.models import StaffMember

_OF_COUNTRY = {"US": Money(500_000, "usd")}
"""Where the law names an amount: the United States' schedule begins at $5,000."""


class AmountMissing(NotDrawable):
    """From which amount on somebody gave much is not known."""

    def __init__(self) -> None:
        super().__init__("Say from which amount on, such as usd=5000, or from which share of all.")


class ShareUnreadable(NotDrawable):
    """Not a part of a hundred."""

    def __init__(self) -> None:
        super().__init__("Write the share in percent, above 0 and at most 100: 2 or 2.5.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose donors are asked for, and what is much."""

    stretch: Stretch
    least: tuple[Money, ...]
    """One amount a currency; a donor of exactly so much is listed."""
    basis_points: int | None = None
    """In hundredths of a percent of all contributions in a currency; the greater of the two counts."""

    def __post_init__(self) -> None:
        if not self.least and self.basis_points is None:
            raise AmountMissing
        if self.basis_points is not None and not 0 < self.basis_points <= 10_000:
            raise ShareUnreadable

    def threshold(self, total: Money) -> int | None:
        """From how many minor units on, where the contributions of a currency are `total`; None where nothing
        was said of it."""
        said = next((least.minor for least in self.least if least.currency == total.currency), None)
        if self.basis_points is None:
            return said
        # Up to the next unit: a donor a little below the share does not have it.
        share = -(-total.minor * self.basis_points // 10_000)
        return max(share, said or 0, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeDonor:
    """One donor in one currency. Minor units."""

    donor_id: str
    name: str | None
    """None, as is the address, unless it was asked for."""
    address: str | None
    payers: tuple[str, ...]
    """What the payer of the gifts was: a person, a company, a donor-advised fund."""
    currency: str
    gifts: int
    """Of which something is left."""
    cash: int
    in_kind: int
    went_back: int
    """Refunds and chargebacks, negative."""
    later: int
    """Of all of it, what changed after the last day of the stretch; negative where it went back."""
    stands: int
    soft: int
    """Gifts of others for which this donor is thanked: shown beside, in no sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thanked:
    """Somebody who is thanked for gifts of others that come to the amount. No contributor."""

    donor_id: str
    name: str | None
    currency: str
    gifts: int
    soft: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InCurrency:
    """All contributions of one currency, and those of the listed donors. Minor units."""

    currency: str
    threshold: int | None
    """None: no amount was said for it, and nobody is listed."""
    donors: int
    """Who gave anything in it."""
    total: int
    """All of their contributions, by donor."""
    in_the_book: int
    """The same out of the journal, whoever gave it."""
    listed: int
    brought: int
    """What the listed donors' gifts brought when they came, sales and what is owed included."""
    moved: int
    """The same by Stripe's movements and the papers."""

    @property
    def agrees(self) -> bool:
        """Whether both totals are the same by both ways."""
        return self.total == self.in_the_book and self.brought == self.moved


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeDonors:
    """The whole list."""

    stretch: Stretch
    basis_points: int | None
    currencies: tuple[InCurrency, ...]
    donors: tuple[LargeDonor, ...]
    """By currency, who gave most on top."""
    thanked: tuple[Thanked, ...]
    in_several: int
    """Who gave in more than one currency and is listed in none."""
    is_named: bool


def amounts_for(entity: IssuingEntity, said: Sequence[Money]) -> tuple[Money, ...]:
    """The amounts that were said, or the one that the law of the body's country names."""
    if said or entity.jurisdiction not in _OF_COUNTRY:
        return tuple(said)
    return (_OF_COUNTRY[entity.jurisdiction],)


def large_donors(
    session: Session, asked: Asked, *, by: StaffMember, names_because: str | None = None
) -> LargeDonors:
    """Read it out of the book. With a reason in `names_because` the donors are named, and it is noted with
    their ids."""
    people.require(by, *people.MAY_READ)
    if names_because is not None:
        people.require(by, *MAY_SEE_NAMES)
        names_because = people.reason_given(names_because)
    session.execute(text("set local statement_timeout = '10min'"))
    for statement in queries.TABLES:
        session.execute(text(statement))
    session.execute(text(queries.SUMS), asked.stretch.asked)
    totals = {row.currency: row for row in session.execute(text(queries.TOTALS))}
    thresholds = {
        currency: asked.threshold(Money(int(row.total), currency)) for currency, row in totals.items()
    }
    said = {currency: least for currency, least in thresholds.items() if least is not None}
    given = {"currencies": list(said), "thresholds": list(said.values())}
    listed = [_donor(row) for row in session.execute(text(queries.LISTED), given)]
    thanked = [
        Thanked(donor_id=row.donor_id, name=None, currency=row.currency, gifts=row.gifts, soft=int(row.soft))
        for row in session.execute(text(queries.THANKED), given)
    ]
    found = LargeDonors(
        stretch=asked.stretch,
        basis_points=asked.basis_points,
        currencies=_currencies(session, asked, totals, thresholds, listed),
        donors=tuple(listed),
        thanked=tuple(thanked),
        in_several=session.scalar(text(queries.SEVERAL), given) or 0,
        is_named=names_because is not None,
    )
    return found if names_because is None else _named(session, found, by=by, reason=names_because)


def _donor(row: Any) -> LargeDonor:
    return LargeDonor(
        donor_id=row.donor_id,
        name=None,
        address=None,
        payers=tuple(row.payers),
        currency=row.currency,
        gifts=row.gifts,
        cash=int(row.cash),
        in_kind=int(row.in_kind),
        went_back=int(row.went_back),
        later=int(row.later),
        stands=int(row.stands),
        soft=int(row.soft),
    )


def _currencies(
    session: Session,
    asked: Asked,
    totals: Mapping[str, Any],
    thresholds: Mapping[str, int | None],
    listed: Sequence[LargeDonor],
) -> tuple[InCurrency, ...]:
    days = asked.stretch.asked
    pairs = {"donors": [each.donor_id for each in listed], "of": [each.currency for each in listed]}
    book = {row.currency: int(row.amount) for row in session.execute(text(queries.IN_THE_BOOK), days)}
    brought = {row.currency: int(row.amount) for row in session.execute(text(queries.BROUGHT), days | pairs)}
    moved = {row.currency: int(row.amount) for row in session.execute(text(queries.MOVED), days | pairs)}
    return tuple(
        InCurrency(
            currency=currency,
            threshold=thresholds.get(currency),
            donors=totals[currency].donors if currency in totals else 0,
            total=int(totals[currency].total) if currency in totals else 0,
            in_the_book=book.get(currency, 0),
            listed=sum(each.stands for each in listed if each.currency == currency),
            brought=brought.get(currency, 0),
            moved=moved.get(currency, 0),
        )
        for currency in sorted(totals.keys() | book.keys())
    )


def _named(session: Session, found: LargeDonors, *, by: StaffMember, reason: str) -> LargeDonors:
    """With names and postal addresses, and noted."""
    ids = sorted({each.donor_id for each in found.donors} | {each.donor_id for each in found.thanked})
    rows = {row.id: row for row in session.execute(queries.NAMES, {"ids": ids})}
    audit.note(
        session,
        by,
        "donors.large",
        subject=found.stretch.entity_id,
        reason=reason,
        months=found.stretch.name,
        donors=ids,
    )

    def address(donor_id: str) -> str:
        row = rows[donor_id]
        return ", ".join([*row.lines, row.postcode, row.country]) if row.lines is not None else ""

    return replace(
        found,
        donors=tuple(
            replace(each, name=rows[each.donor_id].name, address=address(each.donor_id))
            for each in found.donors
        ),
        thanked=tuple(replace(each, name=rows[each.donor_id].name) for each in found.thanked),
    )
