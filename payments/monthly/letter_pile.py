"""What letters about monthly gifts need to know beyond the gift: who writes, to whom, and what is agreed.

Read once for a pile of them, however many they are; a single letter is a pile of one. They lie here until
they are put into the outbox together.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.clock import now
from payments.database import among_named
from payments.donations.models import Fund, IssuingEntity, Organisation
from payments.donations.organisation import OrganisationNotLoaded
from payments.mail import outbox
from payments.monthly.agreed import Agreed, agreed
from payments.monthly.models import MonthlyGift
from payments.supporters import donors


class Pile:
    """Letters that are written together, about at least one gift."""

    def __init__(self, session: Session, gifts: Sequence[MonthlyGift]) -> None:
        self._session = session
        self._gift_ids = [gift.id for gift in gifts]
        entity_ids, donor_ids = {gift.entity_id for gift in gifts}, {gift.donor_id for gift in gifts}
        around = session.execute(_AROUND, {"ids": entity_ids}).all()
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
            self._agreed = agreed(self._session, self._gift_ids)
        every = self._agreed[monthly_gift_id]
        if number is not None:
            return next(terms for terms in every if terms.number == number)
        return [terms for terms in every if terms.number == 1 or terms.valid_from <= now()][-1]

    @cached_property
    def fund_names(self) -> dict[str, Mapping[str, Any]]:
        """The name of every fund, by locale."""
        return {fund.id: fund.name for fund in self._session.execute(_FUND_NAMES)}

    def lay(self, letter: outbox.Owed) -> None:
        """Another letter on top."""
        self._owed.append(letter)

    def put(self) -> None:
        """Owe all of them from the moment the surrounding transaction commits."""
        outbox.put_all(self._session, self._owed)
        self._owed.clear()


# Made once: SQLAlchemy takes as long to put a statement together as to run it.
_AROUND = (
    select(IssuingEntity, Organisation.name, Organisation.accent_colour)
    .join(Organisation, Organisation.id == 1)  # there is one
    .where(among_named(IssuingEntity.id, "ids"))
)
_FUND_NAMES = select(Fund.id, Fund.name)
