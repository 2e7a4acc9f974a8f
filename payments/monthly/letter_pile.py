"""What letters about monthly gifts need to know beyond the gift: who writes, to whom, and what is agreed.

Read once for a pile of them, however many they are; a single letter is a pile of one. They lie here until
they are put into the outbox together.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Text, and_, any_, bindparam, cast, select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import array_of
from payments.donations.models import Fund, IssuingEntity, Organisation
from payments.donations.organisation import OrganisationNotLoaded
from payments.mail import outbox
from payments.monthly.models import MonthlyAllocation, MonthlyGift, MonthlyTerms
from payments.supporters import donors


@dataclass(slots=True)
class Agreed:
    """Terms of a gift, with the names of its funds, most wanted first."""

    number: int
    valid_from: datetime
    amount: int
    fund_names: list[Mapping[str, Any]] = field(default_factory=list)
    """By locale."""


class Pile:
    """Letters that are written together, about at least one gift."""

    def __init__(self, session: Session, gifts: Sequence[MonthlyGift]) -> None:
        self._session = session
        self._gift_ids = [gift.id for gift in gifts]
        entity_ids, donor_ids = {gift.entity_id for gift in gifts}, {gift.donor_id for gift in gifts}
        around = session.execute(_AROUND, {"ids": array_of(entity_ids)}).all()
        if not around:
            raise OrganisationNotLoaded
        self.entities: dict[str, IssuingEntity] = {entity.id: entity for entity, _, _ in around}
        self.organisation_name: Mapping[str, Any] = around[0].name
        self.accent_colour: str = around[0].accent_colour
        self.emails = donors.emails_of(session, donor_ids)
        self._agreed: dict[str, list[Agreed]] | None = None
        self._owed: list[outbox.Owed] = []

    def terms(self, monthly_gift_id: str, number: int | None = None) -> Agreed:
        """What is agreed about a gift now, or what was agreed under this number."""
        if self._agreed is None:
            self._agreed = _agreed(self._session, self._gift_ids)
        every = self._agreed[monthly_gift_id]
        if number is not None:
            return next(terms for terms in every if terms.number == number)
        return [terms for terms in every if terms.number == 1 or terms.valid_from <= now()][-1]

    def lay(self, letter: outbox.Owed) -> None:
        """Another letter on top."""
        self._owed.append(letter)

    def put(self) -> None:
        """Owe all of them from the moment the surrounding transaction commits."""
        outbox.put_all(self._session, self._owed)
        self._owed.clear()


def _agreed(session: Session, monthly_gift_ids: Sequence[str]) -> dict[str, list[Agreed]]:
    """All terms of these gifts, the oldest first."""
    by_gift: dict[str, list[Agreed]] = defaultdict(list)
    for gift_id, number, valid_from, amount, name in session.execute(
        _AGREED, {"ids": array_of(monthly_gift_ids)}
    ):
        every = by_gift[gift_id]
        if not every or every[-1].number != number:
            every.append(Agreed(number, valid_from, amount))
        if name is not None:
            every[-1].fund_names.append(name)
    return by_gift


_IDS = any_(cast(bindparam("ids", type_=Text()), ARRAY(Text)))
# Made once: SQLAlchemy takes as long to put a statement together as to run it.
_AROUND = (
    select(IssuingEntity, Organisation.name, Organisation.accent_colour)
    .join(Organisation, Organisation.id == 1)  # there is one
    .where(IssuingEntity.id == _IDS)
)
_AGREED = (
    select(
        MonthlyTerms.monthly_gift_id,
        MonthlyTerms.number,
        MonthlyTerms.valid_from,
        MonthlyTerms.amount,
        Fund.name,
    )
    .outerjoin(
        MonthlyAllocation,
        and_(
            MonthlyAllocation.monthly_gift_id == MonthlyTerms.monthly_gift_id,
            MonthlyAllocation.terms_number == MonthlyTerms.number,
        ),
    )
    .outerjoin(Fund, Fund.id == MonthlyAllocation.fund_id)
    .where(MonthlyTerms.monthly_gift_id == _IDS)
    .order_by(MonthlyTerms.monthly_gift_id, MonthlyTerms.number, MonthlyAllocation.position)
)
