"""A charity whose Stripe speaks to it, and the person who looks after its receipts."""

from collections.abc import Callable

import pytest

from payments.donations.models import Organisation
from payments.staff.models import Role, StaffMember
from tests.money_moves.conftest import Charity
from tests.receipts.register import a_person


@pytest.fixture
def charity(organisation: Organisation, with_settings: Callable[..., None]) -> Charity:
    with_settings(broker_url="memory://")
    return Charity()


@pytest.fixture
def finn(charity: Charity) -> StaffMember:
    return a_person("finn", Role.FINANCE)
