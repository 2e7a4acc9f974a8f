"""The house of the stories with people behind its desk."""

import pytest

from tests.journeys.conftest import _doorstep, front_door, house, post_office, stripe_next_door  # noqa: F401
from tests.journeys.house import House
from tests.refunds.desk import Desk, staffed


@pytest.fixture
def desk(house: House) -> Desk:  # noqa: F811 - the fixture above
    """Sue answers donors, Finn keeps the books, Abe agrees, Adam adds people, Vera reads."""
    return staffed(house)
