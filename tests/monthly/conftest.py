"""The house of the stories, for monthly gifts that really run."""

import pytest

from tests.journeys.conftest import _doorstep, front_door, house, post_office, stripe_next_door  # noqa: F401
from tests.journeys.house import House
from tests.monthly.running import Running, begin


@pytest.fixture
def running(house: House) -> Running:  # noqa: F811 - the fixture above
    """Ada's $30.00 a month, begun a moment ago."""
    return begin(house)
