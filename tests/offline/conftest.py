"""The house of the stories with people behind its desk."""

import pytest

from payments.database import transaction
from payments.donations.models import Organisation
from payments.staff import people
from payments.staff.models import Role, StaffMember
from tests.journeys.conftest import _doorstep, front_door, house, post_office, stripe_next_door
from tests.refunds.conftest import desk

__all__ = ["_doorstep", "desk", "front_door", "house", "post_office", "stripe_next_door"]


@pytest.fixture
def finn(organisation: Organisation) -> StaffMember:
    """Keeps the books."""
    with transaction() as session:
        adam = people.add_first(session, email="adam@lp.example", name="Adam", roles=[Role.ADMIN])
        return people.add(session, email="finn@lp.example", name="Finn", roles=[Role.FINANCE], by=adam)
