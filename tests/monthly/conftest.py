"""The house of the stories for monthly gifts that run, and a sandbox for instalments that are refused."""

from collections.abc import Callable, Iterator

import pytest

from payments.donations.models import Organisation
from tests.journeys import neighbours
from tests.journeys.conftest import _doorstep, front_door, house, post_office, stripe_next_door  # noqa: F401
from tests.journeys.house import House
from tests.journeys.neighbours import Stripe
from tests.monthly.instalments import Promise, promised
from tests.monthly.running import Running, begin
from tests.refunds.desk import Desk, staffed


@pytest.fixture
def running(house: House) -> Running:  # noqa: F811 - the fixture above
    """Ada's $30.00 a month, begun a moment ago."""
    return begin(house)


@pytest.fixture(scope="session")
def _sandbox_of_promises() -> Iterator[Stripe]:
    with neighbours.stripe() as sandbox:
        yield sandbox


@pytest.fixture
def stripe_months(_sandbox_of_promises: Stripe, with_settings: Callable[..., None]) -> Stripe:
    """An empty sandbox to which STRIPE_API_BASE points, and no broker to wait for."""
    _sandbox_of_promises.forget_everything()
    with_settings(stripe_api_base=_sandbox_of_promises.url, broker_url="memory://")
    return _sandbox_of_promises


@pytest.fixture
def promise(organisation: Organisation, stripe_months: Stripe) -> Promise:
    """Ada gives $30.00 a month with her Visa; the first month is paid."""
    return promised(stripe_months)


@pytest.fixture
def desk(house: House) -> Desk:  # noqa: F811 - the fixture above
    """Sue answers donors, Finn keeps the books, Abe agrees, Adam adds people, Vera reads."""
    return staffed(house)
